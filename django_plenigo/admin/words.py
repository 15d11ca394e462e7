"""What the pages say of changes, errors and points in time, in plain words."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_plenigo.models import RemoteChange
from django_plenigo.services.support import ChangeState, state_of_change

#: How many entries of the history a panel shows.
MOST_ENTRIES = 10


def point_in_time(value: datetime) -> str:
    """Return a date and a time as this agent reads them."""
    return date_format(timezone.localtime(value) if timezone.is_aware(value) else value, "SHORT_DATETIME_FORMAT")


def age_of(value: datetime) -> str:
    """Say how long ago something was."""
    if timezone.now() - value < timedelta(minutes=1):
        return _("just now")
    return _("%(since)s ago") % {"since": timesince(value)}


def progress_of(change: RemoteChange) -> str:
    """Say how far a change has come."""
    is_due = change.due_at is None or change.due_at <= timezone.now()
    when = "" if is_due or change.due_at is None else point_in_time(change.due_at)
    match state_of_change(change):
        case ChangeState.REFUSED:
            refused_at = change.refused_at or timezone.now()
            return _("refused on %(when)s, waits for you") % {"when": point_in_time(refused_at)}
        case ChangeState.POSTPONED:
            values = {"count": change.attempts, "when": when}
            if is_due:
                text = ngettext(
                    "failed once, is about to be tried again",
                    "failed %(count)d times, is about to be tried again",
                    change.attempts,
                )
            else:
                text = ngettext(
                    "failed once, next try on %(when)s", "failed %(count)d times, next try on %(when)s", change.attempts
                )
            return text % values
        case ChangeState.WAITING:
            return _("waits to be sent") if is_due else _("is sent on %(when)s") % {"when": when}
        case _:
            return _("plenigo knows it") if change.noted else _("nothing to tell")


def log(request: HttpRequest, rows: list[Any], message: str) -> None:
    """Write into the history of each row that the agent did something. The message must hold no personal data."""
    agent_key: Any = request.user.pk
    if rows:
        LogEntry.objects.log_actions(agent_key, rows, CHANGE, message)


def history_of(link: Any) -> list[LogEntry]:
    """Return what agents did to a link and its changes, latest first."""
    types = ContentType.objects.get_for_models(type(link), RemoteChange)
    change_keys = [str(change.pk) for change in link.remote_changes.all()]
    entries = LogEntry.objects.filter(content_type=types[type(link)], object_id=str(link.pk))
    entries |= LogEntry.objects.filter(content_type=types[RemoteChange], object_id__in=change_keys)
    return list(entries.select_related("user").order_by("-action_time", "-pk")[:MOST_ENTRIES])

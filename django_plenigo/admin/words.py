"""What the pages say of changes, errors and points in time, in plain words."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format, localize
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext_lazy

from django_plenigo.models import AccessImport, CustomerLink, PortalAccount, PortalHandover, RemoteChange
from django_plenigo.services import access_imports, portals
from django_plenigo.services.support import ChangeState, state_of_change

#: Django's own words are in another case than German needs behind "vor" and "seit".
LENGTHS: dict[str, Any] = {
    "year": npgettext_lazy("how long ago", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("how long ago", "%(num)d month", "%(num)d months", "num"),
    "week": npgettext_lazy("how long ago", "%(num)d week", "%(num)d weeks", "num"),
    "day": npgettext_lazy("how long ago", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("how long ago", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("how long ago", "%(num)d minute", "%(num)d minutes", "num"),
}

#: How many entries of the history a panel shows.
MOST_ENTRIES = 10


def point_in_time(value: datetime) -> str:
    """Return a date and a time as this agent reads them."""
    return date_format(timezone.localtime(value) if timezone.is_aware(value) else value, "SHORT_DATETIME_FORMAT")


def name_of_link(link: CustomerLink) -> str:
    """Name the reader and the customer."""
    return f"{link.user} ({link.customer_id or link.external_id or link.account})"


def name_of_change(change: RemoteChange) -> str:
    """Name the reader and the kind."""
    return f"{change.link.user}: {change.get_kind_display()}"


def age_of(value: datetime) -> str:
    """Say how long ago something was."""
    if timezone.now() - value < timedelta(minutes=1):
        return _("just now")
    return _("%(since)s ago") % {"since": _since(value)}


def _since(value: datetime) -> str:
    return timesince(value, time_strings=LENGTHS)


def progress_of(change: RemoteChange) -> str:
    """Say how far a change has come."""
    is_due = change.due_at is None or change.due_at <= timezone.now()
    when = "" if is_due or change.due_at is None else point_in_time(change.due_at)
    match state_of_change(change):
        case ChangeState.REFUSED:
            refused_at = change.refused_at or timezone.now()
            return _("refused on %(when)s, waits for you") % {"when": point_in_time(refused_at)}
        case ChangeState.LEFT:
            refused_at = change.refused_at or timezone.now()
            return _("refused on %(when)s, left as it is") % {"when": point_in_time(refused_at)}
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


def progress_of_import(access_import: AccessImport) -> str:
    """Say how far a file has come, and whether anybody is at work on it."""
    is_new = access_import.state == AccessImport.State.PLANNING
    line = access_import.line_count if is_new else access_import.position
    values = {"line": localize(line), "last": localize(access_import.last_line)}
    match access_imports.standing_of(access_import):
        case None:
            return access_import.get_state_display()
        case access_imports.Standing.AT_WORK:
            text = (
                _("being checked, %(line)s lines so far") if is_new else _("being imported, line %(line)s of %(last)s")
            )
        case access_imports.Standing.SILENT:
            leased_until = access_import.leased_until or timezone.now()
            values["since"] = _since(access_imports.last_sign_of(leased_until))
            text = (
                _("being checked, but without a sign of life for %(since)s")
                if is_new
                else _("being imported, but without a sign of life for %(since)s, at line %(line)s of %(last)s")
            )
        case access_imports.Standing.CUT_OFF:
            text = (
                _("was cut off while it was checked, is about to be checked anew")
                if is_new
                else _("stopped at line %(line)s of %(last)s, is about to be gone on with")
            )
        case access_imports.Standing.WAITING:
            if is_new:
                text = _("waits to be checked")
            else:
                text = _("waits at line %(line)s of %(last)s for its turn") if line else _("waits to be imported")
    return text % values


def part_of_import(access_import: AccessImport) -> int:
    """Return how much of a planned file is done, in per cent, rounded down to tens: it is read out as it changes."""
    return access_import.position * 10 // max(access_import.last_line, 1) * 10


def binding_in_words(account: PortalAccount | None) -> str:
    """Say whether a reader is known at a portal, and who has said so."""
    if account is None:
        return _("nothing is known")
    if portals.is_taken_away(account):
        text = _("taken away by hand on %(when)s")
    elif not account.is_bound:
        return _("no purchase has come back yet")
    else:
        text = _("known by %(provenance)s since %(when)s")
    when = point_in_time(account.bound_at) if account.bound_at else "–"
    sources = [str(source) for source in (account.bound_by, account.bound_from) if source]
    words = text % {"provenance": account.get_provenance_display(), "when": when}
    return f"{words} ({', '.join(sources)})" if sources else words


def handover_in_words(handover: PortalHandover | None) -> str:
    """Say what came of a click on a portal's button, and when."""
    if handover is None:
        return _("no click is recorded")
    return f"{point_in_time(handover.at)}: {portals.words_of(handover.outcome)}"


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

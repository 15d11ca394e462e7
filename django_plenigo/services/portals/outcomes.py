"""What has come of a click on a portal's button: for the reader, for the agent, and for the record."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.models import PortalHandover
from django_plenigo.services.rows import rows_of
from django_plenigo.signals import portal_opened


class Outcome(models.TextChoices):
    """What has come of a click. The labels are the agent's words."""

    OPENED = "opened", _("was led to the portal")
    NO_REFERENCE = "no_reference", _("has no reference at this portal")
    UNKNOWN_THERE = "unknown_there", _("the vendor knows no customer by the reference")
    UNAVAILABLE = "unavailable", _("the vendor did not answer")
    REFUSED = "refused", _("the vendor refused the link")
    UNSAFE_LINK = "unsafe_link", _("the vendor's link led to a host that is not allowed")
    MISCONFIGURED = (
        "misconfigured",
        _("the vendor refused this site's credentials, or a setting, a button or the reference is wrong"),
    )


#: What a reader is told. The page puts the way out beside it: "Open again", or "Connect one".
FOR_READER: Mapping[str, str | Promise] = {
    Outcome.NO_REFERENCE: _("We have no subscription under this account."),
    Outcome.UNKNOWN_THERE: _("We have no subscription under this account."),
    Outcome.UNAVAILABLE: _(
        "This portal does not answer right now. Nothing was changed. Please open it again in a minute."
    ),
    Outcome.REFUSED: _("The link could not be made. Nothing was changed. Please open the portal again."),
    Outcome.UNSAFE_LINK: _("The link could not be made. Nothing was changed. Please contact us."),
    Outcome.MISCONFIGURED: _("This portal cannot be opened at the moment. Nothing was changed. Please contact us."),
}

#: Where another click would change nothing.
WITHOUT_ACCOUNT = frozenset({Outcome.NO_REFERENCE, Outcome.UNKNOWN_THERE})

#: Who comes back so soon may have met a link that had run out; who comes later comes anew. The vendors' links live for
#: less: 10 seconds unless the site wants it otherwise (docs/protocols/2checkout.md 6), 10 minutes (okepay.md 7).
JUST_NOW = timedelta(minutes=15)

#: How many rows one statement deletes.
CHUNK = 1000

#: What the columns take.
MOST_OF_ERROR, MOST_OF_PAGE = 200, 64

#: How long hand-overs of a portal are kept that is in the settings no more.
DEFAULT_DAYS = 365


def words_of(outcome: str) -> str:
    """Return what an agent is told of an outcome; one of another release stays as it is."""
    return str(Outcome(outcome).label) if outcome in Outcome.values else outcome


def record(user: Any, portal: str, page: str, outcome: Outcome, error: str = "") -> None:
    """Write down a click and what came of it, never the link; and tell who listens once it is committed."""
    rows = rows_of(PortalHandover)
    handover = rows.create(
        user=user,
        portal=portal,
        page=page[:MOST_OF_PAGE],
        at=timezone.now(),
        outcome=outcome.value,
        last_error=error[:MOST_OF_ERROR],
    )
    if outcome is Outcome.OPENED:
        tell = partial(portal_opened.send_robust, sender=PortalHandover, handover=handover, user=user, portal=portal)
        transaction.on_commit(tell, using=rows.db, robust=True)


def latest_of(user: Any) -> dict[str, PortalHandover]:
    """Return a user's last click by portal, in one query."""
    own = rows_of(PortalHandover).filter(user=user)
    newest = own.order_by().values("portal").annotate(newest=Max("pk")).values("newest")
    return {handover.portal: handover for handover in own.filter(pk__in=newest)}


def was_just_sent_on(user: Any, portal: str) -> bool:
    """Say whether a user's last click on a portal's button has sent her on there, and not long ago. One query."""
    last = rows_of(PortalHandover).filter(user=user, portal=portal).order_by("-pk").first()
    return last is not None and last.outcome == Outcome.OPENED and last.at > timezone.now() - JUST_NOW


def forget_old(now: datetime | None = None) -> int:
    """Delete the hand-overs that are older than HANDOVER_DAYS of their portal, and return how many there were.

    In small transactions, so that nobody waits. Raises `ConfigurationError`.
    """
    return sum(_forget(old) for old in _old(now or timezone.now()))


def count_old(now: datetime | None = None) -> int:
    """Return how many hand-overs `forget_old` would delete. Raises `ConfigurationError`."""
    return sum(rows_of(PortalHandover).filter(old).count() for old in _old(now or timezone.now()))


def _old(now: datetime) -> list[Q]:
    """Return the conditions of which each old hand-over fulfils one."""
    portals = conf.portals()
    days = {portal: conf.PortalEntry(portal).handover_days for portal in portals}
    of_portals = [Q(portal=portal, at__lt=now - timedelta(days=kept)) for portal, kept in days.items()]
    return [*of_portals, ~Q(portal__in=portals) & Q(at__lt=now - timedelta(days=DEFAULT_DAYS))]


def _forget(old: Q) -> int:
    rows, count = rows_of(PortalHandover), 0
    while keys := list(rows.filter(old).order_by("at").values_list("pk", flat=True)[:CHUNK]):
        count += rows.filter(pk__in=keys).delete()[0]
    return count

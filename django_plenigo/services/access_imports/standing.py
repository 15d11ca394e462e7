"""Whether anybody is at work on a file, as far as can be told from outside."""

from datetime import datetime, timedelta
from enum import Enum, auto

from django.utils import timezone

from django_plenigo.models import AccessImport
from django_plenigo.services.access_imports.leases import LEASE_TIME, RUNNING

#: A chunk takes a second or two. Whoever has written nothing for so long may be dead.
SILENCE = timedelta(minutes=1)


class Standing(Enum):
    """How it stands with a file that is to be planned or applied."""

    WAITING = auto()
    """Nobody is at it; it is next, or between two turns."""
    AT_WORK = auto()
    """Somebody has just written a chunk."""
    SILENT = auto()
    """Somebody has it, and has given no sign of life for a while."""
    CUT_OFF = auto()
    """Whoever had it is gone; the next who looks for work goes on with it."""


def standing_of(access_import: AccessImport) -> Standing | None:
    """Return how it stands with an import; None where there is nothing to work on: it waits for a yes, or has ended."""
    if access_import.state not in RUNNING:
        return None
    until, now = access_import.leased_until, timezone.now()
    if until is None or access_import.lease is None:  # it rests after a failure
        return Standing.WAITING
    if until <= now or until > now + 2 * LEASE_TIME:  # so `claim` has it
        return Standing.CUT_OFF
    return Standing.SILENT if now - last_sign_of(until) > SILENCE else Standing.AT_WORK


def last_sign_of(leased_until: datetime) -> datetime:
    """Return when whoever has this lease has last written something."""
    return leased_until - LEASE_TIME

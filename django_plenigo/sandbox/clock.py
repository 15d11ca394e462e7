"""The sandbox's clock: real time plus an offset that tests and the admin move.

It ages what the sandbox has issued. Whether a request's own token is too old is a matter of real time.
"""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from .models import Clock

#: Far enough for a test of any subscription; a sum of two such offsets is still a date.
FURTHEST = timedelta(days=365 * 100)


def now() -> datetime:
    """Return the present moment of the sandbox, with time zone UTC."""
    offset = Clock.objects.filter(pk=1).values_list("offset", flat=True).first()
    return timezone.now() + (offset or timedelta())


def advance(amount: timedelta) -> None:
    """Move the clock forward, or back with a negative amount. Raises `ValueError` beyond a hundred years."""
    offset = Clock.objects.get_or_create(pk=1)[0].offset + amount
    if abs(offset) > FURTHEST:
        raise ValueError("The sandbox's clock goes a hundred years forward or back at most.")
    Clock.objects.filter(pk=1).update(offset=F("offset") + amount)


def reset() -> None:
    """Let the clock show the real time again."""
    Clock.objects.filter(pk=1).delete()

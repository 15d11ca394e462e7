"""Who works on a file: a lease on its import, taken and renewed by conditional updates."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import router
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from django_plenigo.models import AccessImport
from django_plenigo.services.access_imports.patience import patiently
from django_plenigo.services.rows import rows_of

State = AccessImport.State

#: Where there is something to work on, and what can still be cancelled.
RUNNING = (State.PLANNING, State.APPLYING)
UNFINISHED = (*RUNNING, State.PLANNED)

#: How long a file is nobody else's after the last sign of life.
LEASE_TIME = timedelta(minutes=5)

#: How often work on a file may break off without a step forward before it is given up, and how long it rests after the
#: first time. Together this is about half an hour: longer than a database is away for an upgrade.
MOST_ATTEMPTS = 8
WAIT = timedelta(minutes=1)


class LeaseLostError(Exception):
    """Somebody else works on the file by now, or it was cancelled; nothing was written."""


def imports() -> QuerySet[AccessImport]:
    """Return all imports, where they are written."""
    return rows_of(AccessImport)


def new_lease() -> tuple[uuid.UUID, dict[str, Any]]:
    """Return a lease, and the fields to write it with where an import is made or begun: so nobody comes in between."""
    lease = uuid.uuid4()
    return lease, {"lease": lease, "leased_until": timezone.now() + LEASE_TIME, "attempts": 1}


def claim(access_import: AccessImport) -> uuid.UUID | None:
    """Lease a file that is to be planned or applied, and read its import anew; None where somebody else is at it."""
    now, lease = timezone.now(), uuid.uuid4()
    # A lease that ends too late was written by a clock that was wrong.
    free = Q(leased_until=None) | Q(leased_until__lte=now) | Q(leased_until__gt=now + 2 * LEASE_TIME)
    due = imports().filter(free, pk=access_import.pk, state__in=RUNNING)
    if not due.update(lease=lease, leased_until=now + LEASE_TIME, attempts=F("attempts") + 1):
        return None
    access_import.refresh_from_db(using=router.db_for_write(AccessImport))
    return lease


def write(access_import: AccessImport, lease: uuid.UUID, expected: str, **values: object) -> None:
    """Write fields of a leased import and renew the lease.

    Raises `LeaseLostError` where it is not in the expected state and at the position of `access_import` any more.
    """
    leased = imports().filter(pk=access_import.pk, lease=lease, state=expected, position=access_import.position)
    if not patiently(lambda: leased.update(**values, leased_until=timezone.now() + LEASE_TIME)):
        raise LeaseLostError


def give_back(access_import: AccessImport, lease: uuid.UUID) -> None:
    """End a lease."""
    leased = imports().filter(pk=access_import.pk, lease=lease)
    patiently(lambda: leased.update(lease=None, leased_until=None))


def postpone(access_import: AccessImport, lease: uuid.UUID) -> None:
    """End a lease, and leave the file alone for a while, the longer the more often it has broken off."""
    until = timezone.now() + WAIT * max(access_import.attempts, 1)
    leased = imports().filter(pk=access_import.pk, lease=lease)
    patiently(lambda: leased.update(lease=None, leased_until=until))

"""Does a short piece of work on the database anew where others are in its way."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, router, transaction

from django_plenigo.models import AccessImport

Result = TypeVar("Result")

#: Each of them waits already for as long as the database has it: on SQLite that is five seconds by default.
ATTEMPTS = 3
PAUSE_SECONDS = 0.2


def patiently(work: Callable[[], Result]) -> Result:
    """Do something that is a transaction of its own, a few times while the database is locked or in a deadlock.

    Only once within a transaction of the caller, which is broken by then. Raises what the last attempt raises.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except OperationalError:
            if transaction.get_connection(router.db_for_write(AccessImport)).in_atomic_block:
                raise
            time.sleep(PAUSE_SECONDS * attempt)
    return work()

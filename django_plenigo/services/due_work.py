"""All work that is due, whatever has it done: a thread, a queue's worker, or a command."""

import time
from collections.abc import Callable, Iterable

from django_plenigo.services import sending

#: How long one task of a queue works. A worker that is to stop waits for its task to end, so this is short enough.
TURN_SECONDS = 5.0


def run_due_work(
    accounts: Iterable[str] | None = None,
    *,
    workers: int | None = None,
    limit: int | None = None,
    must_stop: Callable[[], bool] = lambda: False,
    observe: sending.Observer = lambda step, claim: None,
) -> sending.Delivery:
    """Do what is due of all accounts or of those named, until nothing is; see `sending.deliver_due`.

    Raises `RuntimeError` within a transaction, and errors of the database.
    """
    return sending.deliver_due(accounts, workers=workers, limit=limit, must_stop=must_stop, observe=observe)


def take_turn(accounts: Iterable[str] | None = None) -> bool:
    """Do due work for `TURN_SECONDS`, and say whether it may go on: then a queue's task has itself done again."""
    ends = time.monotonic() + TURN_SECONDS
    run_due_work(accounts, must_stop=lambda: time.monotonic() > ends)
    return time.monotonic() > ends

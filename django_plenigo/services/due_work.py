"""All work that is due, whatever has it done: a thread, a queue's worker, or a command."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from django_plenigo import conf
from django_plenigo.services import access_imports, outbox, sending, webhooks

#: How long one task of a queue works. A worker that is to stop waits for its task to end, so this is short enough.
TURN_SECONDS = 5.0

#: How long files are imported, and vendors' deliveries worked on, before readers' changes have their turn again.
IMPORT_SECONDS = 2.0
WEBHOOK_SECONDS = 2.0


def run_due_work(
    accounts: Iterable[str] | None = None,
    *,
    workers: int | None = None,
    limit: int | None = None,
    must_stop: Callable[[], bool] = lambda: False,
    observe: sending.Observer = lambda step, claim: None,
) -> sending.Delivery:
    """Do what is due of all accounts or of those named, until nothing is: changes, vendors' deliveries, files.

    The arguments are those of `sending.deliver_due`; `limit` is one of changes that are sent. By turns, so that no
    reader's change waits for a file of many thousand lines. Raises `RuntimeError` within a transaction, and errors of
    the database.
    """
    names = list(accounts) if accounts is not None else conf.accounts()
    total = sending.Delivery()
    while True:
        left = None if limit is None else limit - total.delivered - total.postponed - total.refused
        part = sending.deliver_due(names, workers=workers, limit=left, must_stop=must_stop, observe=observe)
        _add(total, part)
        has_worked = not must_stop() and _work_on_webhooks_for_a_while(names, must_stop)
        if must_stop() or not (_import_for_a_while(names, must_stop) or has_worked):
            return total


def take_turn(accounts: Iterable[str] | None = None, *, must_stop: Callable[[], bool] = lambda: False) -> list[str]:
    """Do due work for `TURN_SECONDS`, and return the accounts to go on with; a queue's task has itself done again then.

    None where all is done. Another account is the first of them, so that one that is busy does not keep the others
    waiting. No call is begun once `must_stop` says yes.
    """
    names = list(accounts) if accounts is not None else conf.accounts()
    ends = time.monotonic() + TURN_SECONDS
    run_due_work(names, must_stop=lambda: time.monotonic() > ends or must_stop())
    return [*names[1:], *names[:1]] if time.monotonic() > ends else []


def _work_on_webhooks_for_a_while(accounts: Sequence[str], must_stop: Callable[[], bool]) -> bool:
    """Work on what vendors have delivered, and say whether there was anything: plenigo may be to be told of it."""
    turn = sending.Turn(WEBHOOK_SECONDS, must_stop)
    with _delivering_here(accounts):
        return bool(webhooks.work_due(accounts, must_stop=turn.must_end))


def _import_for_a_while(accounts: Sequence[str], must_stop: Callable[[], bool]) -> bool:
    """Go on with files of access ids, and say whether there were any."""
    turn = sending.Turn(IMPORT_SECONDS, must_stop)
    with _delivering_here(accounts):
        return bool(access_imports.continue_due(accounts, must_stop=turn.must_end))


@contextmanager
def _delivering_here(accounts: Sequence[str]) -> Iterator[None]:
    with ExitStack() as stack:
        for account in accounts:
            stack.enter_context(outbox.delivering_here(account))
        yield


def _add(total: sending.Delivery, part: sending.Delivery) -> None:
    total.delivered += part.delivered
    total.postponed += part.postponed
    total.refused += part.refused
    total.stopped.update(part.stopped)

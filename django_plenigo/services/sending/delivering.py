"""The work of telling the vendor: claim, read, call, keep, until nothing is due."""

import enum
import logging
import math
import queue
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, connections, router

from django_plenigo import backends, conf
from django_plenigo.errors import ConfigurationError, PlenigoError, RemoteError, UnsupportedOperationError
from django_plenigo.models import CustomerLink
from django_plenigo.services import outbox
from django_plenigo.services.sending.calling import CallingThreads
from django_plenigo.services.sending.claims import (
    Acknowledged,
    Claim,
    Outcome,
    Postponed,
    Refused,
    Released,
    claim_due,
    settle,
)
from django_plenigo.services.sending.kinds import KINDS
from django_plenigo.services.sending.pace import Pace
from django_plenigo.services.sending.patience import (
    is_called_too_often,
    is_circuit_open,
    is_error_of_account,
    may_be_mended,
    stops_account,
    wait_seconds,
)
from django_plenigo.services.sending.turns import Turn

logger = logging.getLogger(__name__)

#: How long one customer is nobody else's, on top of what the calls of a change can take twice over. The customers of a
#: worker that was killed wait for so long.
LEASE_SECONDS = 120.0

#: The most calls that one change takes: a registration asks once more after a conflict.
CALLS_OF_A_CHANGE = 2

#: How long an account is told nothing whose credentials were refused, or whose module for customers is not booked; and
#: one that called too often without being told for how long to wait.
REFUSED_SECONDS = 5 * 60.0
TOO_MANY_CALLS_SECONDS = 10.0

#: How long an account is told what is due before the others have their turn again.
TURN_SECONDS = 5.0

#: As many customers are claimed at once for each call at the same time, and at most.
CLAIMS_PER_WORKER = 8
MOST_CLAIMS = 200

#: As many calls for each at the same time are handed to the threads, so that none waits for the next.
CALLS_AHEAD = 6

#: For so long answers gather while the threads have their next calls already: to take each as it comes costs as much as
#: half a call, since Python runs one thread at a time.
GATHER_SECONDS = 0.01

#: What came of those that were claimed at once is written at once, as far as it has come so long after the first.
SETTLE_SECONDS = 0.25

#: How long what came of a change waits for a row that is locked: by a transaction of the site, or for milliseconds by
#: another worker's claim, which on MariaDB locks more than it takes. Given up, the change would be told once more.
BUSY_SECONDS = 3.0


class Step(enum.Enum):
    """Where a change stands on its way to the vendor; see `deliver_due`."""

    CLAIMED = "claimed"
    """Nobody else calls about this customer now."""
    SENDING = "sending"
    """The vendor is about to be called."""
    ANSWERED = "answered"
    """The vendor has answered, which is not written down yet."""
    SETTLED = "settled"
    """What came of it is written down."""


Observer = Callable[[Step, Claim], None]


@dataclass(slots=True)
class Delivery:
    """What came of a run."""

    delivered: int = 0
    """Changes that the vendor was told, or that needed no telling."""
    postponed: int = 0
    """Changes that failed and will be tried again."""
    refused: int = 0
    """Changes that no retry can mend."""
    stopped: dict[str, str] = field(default_factory=dict)
    """By account: why it was told nothing more."""


def deliver_due(
    accounts: Iterable[str] | None = None,
    *,
    workers: int | None = None,
    limit: int | None = None,
    must_stop: Callable[[], bool] = lambda: False,
    observe: Observer = lambda step, claim: None,
    lease_seconds: float = LEASE_SECONDS,
) -> Delivery:
    """Tell the vendor what is due, of all accounts or of those named in turns, until nothing is.

    `workers` is how many calls are made at the same time, by default the account's DELIVERY_WORKERS; `limit` how many
    changes are sent at most. No call is begun once `must_stop` says yes; those under way are ended. `observe` is told
    each step of each change, `Step.SENDING` and `Step.ANSWERED` in the thread that calls. `lease_seconds` is how long
    the customers of a worker that dies are told nothing, on top of what its calls could have taken; the same for all
    workers of an account.

    Raises `RuntimeError` within a transaction, and errors of the database. What cannot be sent is kept in the rows and
    told in the result.
    """
    result = Delivery()
    names = list(accounts) if accounts is not None else conf.accounts()
    turn_seconds = TURN_SECONDS if len(names) > 1 else math.inf
    is_left = True
    while is_left:
        is_left = False
        for account in names:
            if account in result.stopped:
                continue
            turn = Turn(turn_seconds, must_stop)
            left = None if limit is None else limit - result.delivered - result.postponed - result.refused
            try:
                with outbox.delivering_here(account):
                    _Run(account, workers, left, turn.must_end, observe, lease_seconds, result).run()
            except (ConfigurationError, UnsupportedOperationError) as error:
                logger.error("Nothing can be delivered of the account %r: %s", account, error)
                result.stopped[account] = str(error)
            is_left = is_left or turn.has_run_out
        is_left = is_left and not must_stop()
    return result


class _Run:
    """One account's part of `deliver_due`."""

    def __init__(
        self,
        account: str,
        workers: int | None,
        limit: int | None,
        must_stop: Callable[[], bool],
        observe: Observer,
        lease_seconds: float,
        result: Delivery,
    ) -> None:
        settings = conf.Account(account)
        self.account = account
        # The sandbox in this very process answers with this thread's database connection.
        self.workers = 1 if settings.runs_in_process else (workers or settings.delivery_workers)
        self.left = limit
        self.must_stop, self.observe, self.result = must_stop, observe, result
        self.call_seconds = CALLS_OF_A_CHANGE * settings.timeout_seconds
        self.pace = Pace(account, settings.calls_per_second)
        self.lease_seconds = lease_seconds + 2 * self.call_seconds + self.pace.seconds
        self.claimed: deque[Claim] = deque()
        self.ready: deque[tuple[Claim, Callable[[], Any], float]] = deque()
        self.answers: queue.SimpleQueue[tuple[Claim, Any]] = queue.SimpleQueue()
        # By lease, of which each claim of many has one: what came of them, and how many are not written down yet.
        self.outcomes: defaultdict[object, list[Outcome]] = defaultdict(list)
        self.unsettled: Counter[object] = Counter()
        self.busy_since: dict[object, float] = {}
        self.settle_at: dict[object, float] = {}
        self.under_way = 0
        # While this thread is busy with the database, the others find their next calls in a queue.
        self.most_under_way = 1 if self.workers == 1 or self.pace.seconds else CALLS_AHEAD * self.workers
        self.begins_nothing = False
        self.is_exhausted = False
        self.has_stopped = False

    def run(self) -> None:
        backends.get_client(self.account)  # what is wrong with the settings is told before anything is claimed
        outbox.hasten_far_off(self.account)
        pause = outbox.pause_of(self.account)
        if pause is not None:
            self.result.stopped[self.account] = pause.last_error
            return
        with self._starting() as start:
            try:
                while self._claim() or self.ready or self.under_way:
                    self._start_calls(start)
                    self._take_answers()
                    self._settle_in_time()
            except (OperationalError, InterfaceError):
                # What was claimed can be given back by a new connection, if this one was cut.
                connections[router.db_for_write(CustomerLink)].close_if_unusable_or_obsolete()
                raise
            finally:
                while self.under_way:
                    self._take_answers()
                self._release_ready()
                self._settle_rest()

    @contextmanager
    def _starting(self) -> Iterator[Callable[[Callable[[], None]], None]]:
        """Give what runs a call: in another thread, or at once where there is to be one call at a time."""
        if self.workers == 1:
            yield lambda call: call()
            return
        with CallingThreads(self.workers) as threads:
            yield threads.start

    def _claim(self) -> bool:
        """Claim more where calls would wait for it, and say whether there was anything."""
        if self.has_stopped or self.must_stop():
            self._release_ready()
            return False
        if self.is_exhausted or len(self.ready) + self.under_way >= self.most_under_way + self.workers:
            return bool(self.ready)
        most = self._most_claims()
        if most <= 0 and self.ready:
            return True
        began = time.monotonic()
        claims = claim_due(self.account, most, timedelta(seconds=self.lease_seconds)) if most > 0 else []
        if self.left is not None:
            self.left -= len(claims)
        self.is_exhausted = not claims
        self.unsettled.update(claim.lease for claim in claims)
        self.claimed.extend(claims)
        while self.claimed:
            self.observe(Step.CLAIMED, self.claimed[0])
            self._prepare(self.claimed[0], began + self.lease_seconds)
            self.claimed.popleft()
        return bool(claims)

    def _most_claims(self) -> int:
        most = min(self.workers * CLAIMS_PER_WORKER, MOST_CLAIMS)
        if self.pace.seconds:
            # No more than can be sent before the lease ends: the rest would be given back, and held up until then.
            most = min(most, int((self.lease_seconds - self.call_seconds) / self.pace.seconds) - len(self.ready))
        return most if self.left is None else min(most, self.left)

    def _prepare(self, claim: Claim, lease_ends: float) -> None:
        try:
            call = KINDS[claim.change.kind].prepare(claim.link)
        except Exception as error:  # noqa: BLE001 - the site's own functions may raise anything
            # Also where it is an error of a database, which may be another one than this site's own: where that is
            # down, nothing can be written either, which ends the run.
            self._add_failure(claim, error)
            return
        if call is None:
            self._add(Acknowledged(claim, None))
        else:
            self.ready.append((claim, call, lease_ends))

    def _start_calls(self, start: Callable[[Callable[[], None]], None]) -> None:
        most = max(self.most_under_way, self.workers)
        while self.ready and self.under_way < most and not self.has_stopped and not self.must_stop():
            if not self.pace.begin():
                if not self.under_way:
                    time.sleep(min(self.pace.wait_seconds(), SETTLE_SECONDS))
                return
            claim, call, lease_ends = self.ready.popleft()
            self.under_way += 1
            start(partial(self._call, claim, call, lease_ends))

    def _call(self, claim: Claim, call: Callable[[], Any], lease_ends: float) -> None:
        """Make a call, in whatever thread, and put what came of it where the run finds it."""
        answer: Any
        try:
            if self.begins_nothing or self.must_stop() or time.monotonic() + self.call_seconds > lease_ends:
                answer = _NotBegun()
            else:
                self.observe(Step.SENDING, claim)
                answer = call()
                self.observe(Step.ANSWERED, claim)
        except BaseException as error:  # noqa: BLE001 - told to the run, which must not wait for ever
            answer = error
            self.begins_nothing = self.begins_nothing or stops_account(error, claim.change)
        self.answers.put((claim, answer))

    def _take_answers(self) -> None:
        """Wait for one answer where calls are under way, and take all that are there."""
        wait = SETTLE_SECONDS
        if self.ready and self.pace.seconds:
            wait = max(min(wait, self.pace.wait_seconds()), 0.001)
        while self.under_way:
            try:
                claim, answer = self.answers.get(timeout=wait) if wait else self.answers.get_nowait()
            except queue.Empty:
                if wait:
                    self.is_exhausted = False  # while these calls take their time, something else may have been noted
                return
            if wait and self.under_way > 2 * self.workers:
                time.sleep(GATHER_SECONDS)
            wait = 0.0
            self.under_way -= 1
            self._judge(claim, answer)

    def _judge(self, claim: Claim, answer: Any) -> None:
        if isinstance(answer, _NotBegun):
            self._add(Released(claim))
            return
        if isinstance(answer, BaseException):
            self._add_failure(claim, answer)
            return
        try:
            confirmed = KINDS[claim.change.kind].store(claim.link, answer)
        except Exception as error:  # noqa: BLE001 - as above, and one customer must not keep others from being told
            self._add_failure(claim, error)
        else:
            self._add(Acknowledged(claim, confirmed))

    def _add_failure(self, claim: Claim, error: BaseException) -> None:
        """Decide what an error makes of a change."""
        if not isinstance(error, Exception):
            raise error
        if is_error_of_account(error, claim.change):
            self._add(Released(claim))  # first: the pause is written, which may fail
            self._stop(error, REFUSED_SECONDS, is_refused=True)
        elif is_circuit_open(error):
            self._add(Released(claim))
            self._stop(error, 0.0)
        elif may_be_mended(error, claim.change):
            wait = wait_seconds(claim.change.attempts, getattr(error, "retry_after_seconds", None))
            self._add(Postponed(claim, error, timedelta(seconds=wait)))
            if is_called_too_often(error):
                self._stop(error, error.retry_after_seconds or TOO_MANY_CALLS_SECONDS)
            if not isinstance(error, PlenigoError):
                # The kind alone: its text may hold an address.
                text = "This site raised %s as a change was to be sent (%s)"
                logger.error(text, type(error).__name__, claim.change.kind)
        else:
            self._add(Refused(claim, error))

    def _stop(self, error: RemoteError, seconds: float, *, is_refused: bool = False) -> None:
        """Begin no more calls of this account; with `seconds` let nobody begin any for so long."""
        if self.has_stopped:
            return
        self.has_stopped = True
        self.result.stopped[self.account] = str(error)
        if is_refused:
            text = "plenigo accepts no calls of the account %r, nothing is delivered for %d seconds: %s"
            logger.error(text, self.account, seconds, error)
        else:
            logger.warning("Nothing more is delivered of the account %r for now: %s", self.account, error)
        if seconds:
            outbox.pause(self.account, error, timedelta(seconds=seconds))

    def _release_ready(self) -> None:
        for claim in [*(claim for claim, _, _ in self.ready), *self.claimed]:
            self._add(Released(claim))
        self.ready.clear()
        self.claimed.clear()

    def _add(self, outcome: Outcome) -> None:
        lease = outcome.claim.lease
        self.outcomes[lease].append(outcome)
        self.settle_at.setdefault(lease, time.monotonic() + SETTLE_SECONDS)

    def _settle_in_time(self) -> None:
        now = time.monotonic()
        for lease, outcomes in list(self.outcomes.items()):
            is_whole = len(outcomes) == self.unsettled[lease] and lease not in self.busy_since
            if is_whole or not self.under_way or now > self.settle_at[lease]:
                self._settle_lease(lease)

    def _settle_rest(self) -> None:
        """Settle all; a link that is locked for longer is told again when its lease has run out."""
        ends = time.monotonic() + 2 * BUSY_SECONDS
        self._settle()
        while self.outcomes and time.monotonic() < ends:
            time.sleep(0.05)
            self._settle()

    def _settle(self) -> None:
        for lease in list(self.outcomes):
            self._settle_lease(lease)

    def _settle_lease(self, lease: object) -> None:
        now = time.monotonic()
        busy_since = self.busy_since.pop(lease, now)
        settlement = settle(self.outcomes[lease], gives_up=now > busy_since + BUSY_SECONDS)
        # Not before: what cannot be written now, for an error of the database, may be so at the end of the run.
        settled = self.outcomes.pop(lease)
        del self.settle_at[lease]
        if settlement.busy:
            self.busy_since[lease] = busy_since
            self.settle_at[lease] = now + SETTLE_SECONDS
            self.outcomes[lease] = list(settlement.busy)
        self.unsettled[lease] -= len(settled) - len(settlement.busy)
        if not self.unsettled[lease]:
            del self.unsettled[lease]
        self.is_exhausted = False  # another kind of the same customer may be due
        for outcome in settlement.written:
            if not isinstance(outcome, Released):
                self._tell(outcome)
            elif self.left is not None:
                self.left += 1

    def _tell(self, outcome: Outcome) -> None:
        """Count an outcome and tell the site of it, now that it is written."""
        kind, link = KINDS[outcome.claim.change.kind], outcome.claim.link
        match outcome:
            case Acknowledged(confirmed=confirmed):
                self.result.delivered += 1
                kind.tell_done(link, confirmed or {})
            case Postponed():
                self.result.postponed += 1
            case Refused(error=error):
                self.result.refused += 1
                logger.warning(
                    "plenigo was not told a change, an agent has to look: %s",
                    outbox.told(error)["last_error"],
                    extra={"call_id": getattr(error, "call_id", "")},
                )
                kind.tell_refused(link, error)
        self.observe(Step.SETTLED, outcome.claim)


class _NotBegun:
    """The call was not made: it was to be stopped, or there was not enough time left of the lease."""

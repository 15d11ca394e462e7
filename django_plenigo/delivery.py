"""Ways to have due work done after a commit, for the setting DELIVERY: a thread of this process, or at once."""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable

from django.db import Error as DatabaseError
from django.db import connections

from django_plenigo.services import due_work

logger = logging.getLogger(__name__)

#: How long a process that ends goes on beginning what is due, and then waits for what it has begun. Servers wait
#: longer, most of them 30 seconds, for a worker that is to stop.
EXIT_SECONDS = 5.0
LAST_CALLS_SECONDS = 10.0

Work = Callable[[list[str], Callable[[], bool]], list[str] | None]


def now(accounts: list[str]) -> None:
    """Do what is due before the save that noted it returns. For tests: it waits for the vendor."""
    due_work.run_due_work(accounts)


def in_thread(accounts: list[str]) -> None:
    """Have what is due done by a thread of this process, and return at once."""
    _drainer.wake(accounts)


class Drainer:
    """One short-lived thread a process; a wake that arrives while it works makes it look once more.

    `work` is given aliases of accounts, and what says that it must begin nothing more. It may return accounts to go
    on with, after those that were woken meanwhile.
    """

    def __init__(
        self, work: Work, *, exit_seconds: float = EXIT_SECONDS, last_calls_seconds: float = LAST_CALLS_SECONDS
    ) -> None:
        self._work = work
        self._exit_seconds, self._last_calls_seconds = exit_seconds, last_calls_seconds
        self._forget()
        # Threads do not survive a fork, as of a server that loads the site first and forks its workers then.
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self._finish)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken: dict[str, None] = {}  # in their order
        self._deadline: float | None = None

    def wake(self, accounts: Iterable[str]) -> None:
        """Have the work of accounts done soon."""
        with self._lock:
            self._woken |= dict.fromkeys(accounts)
            if self._thread is None or not self._thread.is_alive():
                # A daemon, so that a vendor who does not answer holds up no process that ends.
                thread = threading.Thread(target=self._run, name="plenigo-delivery", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return  # the interpreter is about to end and makes no more threads; what is due stays due
                self._thread = thread

    def must_stop(self) -> bool:
        """Say whether the process has ended for so long that nothing more may be begun."""
        return self._deadline is not None and time.monotonic() > self._deadline

    def join(self, seconds: float) -> None:
        """Wait until nothing is left to do, or for so long."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        while accounts := self._next():
            try:
                rest = self._work(accounts, self.must_stop) or ()
                with self._lock:
                    self._woken |= dict.fromkeys(rest)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next wake needs a thread that works
                logger.error("A delivery ended with %s, what is due stays due", _kind_of(error))
            finally:
                connections.close_all()  # those of this thread, which nobody else closes

    def _next(self) -> list[str]:
        """Return whose work to do, or leave; looked at and left in one step, so that no wake is lost in between."""
        with self._lock:
            accounts, self._woken = list(self._woken), {}
            if not accounts or self.must_stop():
                self._thread = None
                return []
            return accounts

    def _finish(self) -> None:
        self._deadline = time.monotonic() + self._exit_seconds
        self.join(self._exit_seconds + self._last_calls_seconds)


def _kind_of(error: Exception) -> str:
    """Return the kind of an error and the database's code for it, never its text, which may hold an address."""
    cause = error.__cause__
    codes = [getattr(cause, name, None) for name in ("sqlstate", "sqlite_errorname")]
    if isinstance(error, DatabaseError):
        codes += [argument for argument in error.args[:1] if isinstance(argument, int)]  # MariaDB's
    code = next(filter(None, codes), None)
    return f"{type(error).__name__} ({code})" if code else type(error).__name__


def _work(accounts: list[str], must_stop: Callable[[], bool]) -> list[str]:
    return due_work.take_turn(accounts, must_stop=must_stop)


_drainer = Drainer(_work)

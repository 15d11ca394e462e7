"""How many calls of an account this process begins in a second, whatever the number of runs that begin them."""

import os
import threading
import time


class Pace:
    """Holds back the calls of one account, as its setting CALLS_PER_SECOND says."""

    def __init__(self, account: str, calls_per_second: float) -> None:
        self._account = account
        self.seconds = 1 / calls_per_second if calls_per_second else 0.0
        """How long after a call the next one may be begun; 0 where there is no limit."""

    def wait_seconds(self) -> float:
        """Return how long to wait until a call may be begun."""
        with _calls.lock:
            return self._wait_seconds()

    def begin(self) -> bool:
        """Say whether a call may be begun now, which is counted as one."""
        if not self.seconds:
            return True
        with _calls.lock:
            may_begin = not self._wait_seconds()
            if may_begin:
                _calls.begun_at[self._account] = time.monotonic()
        return may_begin

    def _wait_seconds(self) -> float:
        begun_at = _calls.begun_at.get(self._account)
        return 0.0 if begun_at is None else max(0.0, begun_at + self.seconds - time.monotonic())


class _Calls:
    """When the last call of each account was begun in this process."""

    def __init__(self) -> None:
        self.forget()
        # The lock may be held in the moment of a fork, by a thread that the child does not have.
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        self.lock = threading.Lock()
        self.begun_at: dict[str, float] = {}


_calls = _Calls()

"""Turns of those who share a worker."""

import time
from collections.abc import Callable


class Turn:
    """A while in which more may be begun, unless `must_stop` says otherwise.

    It counts from the first question on, so that something is begun on a machine that is busy, too.
    """

    def __init__(self, seconds: float, must_stop: Callable[[], bool]) -> None:
        self._seconds, self._must_stop = seconds, must_stop
        self._ends: float | None = None

    def must_end(self) -> bool:
        """Say whether nothing more may be begun."""
        now = time.monotonic()
        if self._ends is None:
            self._ends = now + self._seconds
        return now > self._ends or self._must_stop()

    @property
    def has_run_out(self) -> bool:
        """Whether the time is over, so that there may be more to do."""
        return self._ends is not None and time.monotonic() > self._ends

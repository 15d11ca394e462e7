"""How long what goes on right now may wait for the vendors: one page has one budget, however many calls it needs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: When the waiting must end, by the monotonic clock; None while nobody has said.
_ends: ContextVar[float | None] = ContextVar("plenigo_budget", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let the calls made in this block end within so many seconds, all together; an outer block's end holds too."""
    token = _ends.set(time.monotonic() + seconds_left(seconds))
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left(most: float) -> float:
    """Return how long a call may take now, in seconds: at most `most`, and never below 0."""
    ends = _ends.get()
    return most if ends is None else max(min(most, ends - time.monotonic()), 0.0)

"""A circuit breaker whose state lives in Django's cache."""

import logging
from collections.abc import Callable
from typing import TypedDict

from django.core.cache import caches

logger = logging.getLogger("django_plenigo.transport")

FAILURES = 5
WINDOW_SECONDS = 30.0
OPEN_SECONDS = 10.0


class BreakerState(TypedDict):
    """What the cache holds of a vendor that failed lately."""

    failures: list[float]
    """When the calls in a row failed, in seconds since the epoch."""

    opened_at: float | None
    """When the breaker opened, None while it is closed."""


class CircuitBreaker:
    """Stops asking a vendor for ten seconds that failed five times in a row within half a minute.

    Then one caller at a time may try, and the first success closes the breaker. Workers share the state only if they
    share the cache: with LocMemCache each process has a breaker of its own. Two failures at the very same moment may
    count as one, since no cache but Redis and memcached could tell them apart; the breaker then opens a little later.
    """

    def __init__(self, service: str, host: str, cache_alias: str, clock: Callable[[], float]) -> None:
        self._service = service
        self._key = f"plenigo:breaker:{service}:{host}"
        self._probe_key = f"{self._key}:probe"
        self._cache_alias = cache_alias
        self._clock = clock

    def read(self) -> BreakerState | None:
        """Return what is known of the vendor, None where it is in good health. One read of the cache."""
        state: BreakerState | None = caches[self._cache_alias].get(self._key)
        return state

    def admits(self, state: BreakerState | None) -> bool:
        """Say whether a call may be made."""
        if state is None or state["opened_at"] is None:
            return True
        if self._clock() - state["opened_at"] < OPEN_SECONDS:
            return False
        # `add` is atomic on the caches that workers share, so one of them is elected.
        return bool(caches[self._cache_alias].add(self._probe_key, True, OPEN_SECONDS))

    def add_failure(self, state: BreakerState | None) -> None:
        """Count a call that began in `state` and got no answer, or a 5xx."""
        cache, now = caches[self._cache_alias], self._clock()
        is_probe = state is not None and state["opened_at"] is not None
        known = self.read() or BreakerState(failures=[], opened_at=None)
        if known["opened_at"] is not None and not is_probe:
            return  # it was under way when the breaker opened
        failures = [*(at for at in known["failures"] if at > now - WINDOW_SECONDS), now][-FAILURES:]
        opens = is_probe or len(failures) >= FAILURES
        if opens:
            extra = {"service": self._service}
            logger.warning("%s does not answer: no calls for %d seconds", self._service, OPEN_SECONDS, extra=extra)
        new = BreakerState(failures=failures, opened_at=now if opens else None)
        cache.set(self._key, new, WINDOW_SECONDS + OPEN_SECONDS)
        if is_probe:
            cache.delete(self._probe_key)

    def add_success(self, state: BreakerState | None) -> None:
        """Forget the failures. Where there were none when the call began, nothing is read or written."""
        if state is not None:
            caches[self._cache_alias].delete_many([self._key, self._probe_key])

"""A circuit breaker whose state lives in Django's cache."""

import logging
from collections.abc import Callable
from typing import TypedDict, TypeVar

from django.core.cache import BaseCache, caches

logger = logging.getLogger("django_plenigo.transport")

FAILURES = 5
WINDOW_SECONDS = 30.0
OPEN_SECONDS = 10.0

Result = TypeVar("Result")


class BreakerState(TypedDict):
    """What the cache holds of a vendor that failed lately."""

    failures: list[float]
    """When calls failed since the last success, in seconds since the epoch."""

    opened_at: float | None
    """When the breaker opened, None while it is closed."""


class CircuitBreaker:
    """Stops asking a vendor for ten seconds that failed five times within half a minute, with no success in between.

    Then one caller at a time may try, and its success closes the breaker. A success counts where its call began after
    the first of the failures: what a vendor did before says nothing of how it is. So the calls to a vendor in good
    health cost one read of the cache and no write.

    Workers share the state only if they share the cache: with LocMemCache each process has a breaker of its own. Two
    failures at the very same moment may count as one, since no cache but Redis and memcached could tell them apart; the
    breaker then opens a little later. While the cache is down every call is admitted.
    """

    def __init__(self, service: str, host: str, cache_alias: str, clock: Callable[[], float]) -> None:
        self._service = service
        self._key = f"plenigo:breaker:{service}:{host}"
        self._probe_key = f"{self._key}:probe"
        self._cache_alias = cache_alias
        self._clock = clock
        self._is_cache_down = False

    def read(self) -> BreakerState | None:
        """Return what is known of the vendor, None where it is in good health. One read of the cache."""
        return self._ask_cache(self._state_in, None)

    def admits(self, state: BreakerState | None) -> bool:
        """Say whether a call may be made."""
        if state is None or state["opened_at"] is None:
            return True
        if abs(self._clock() - state["opened_at"]) < OPEN_SECONDS:  # further ahead, a wrong clock has opened it
            return False
        # `add` is atomic on the caches that workers share, so one of them is elected.
        return self._ask_cache(lambda cache: bool(cache.add(self._probe_key, True, OPEN_SECONDS)), True)

    def add_failure(self, state: BreakerState | None) -> None:
        """Count a call that began in `state` and got no answer, or a 5xx."""
        self._ask_cache(lambda cache: self._count_failure(cache, _is_open(state)), None)

    def add_success(self, state: BreakerState | None) -> None:
        """Forget the failures before a call that began in `state`; without any, nothing is read or written."""
        if state is not None:
            self._ask_cache(lambda cache: self._forget_failures(cache, _is_open(state)), None)

    def add_nothing(self, state: BreakerState | None) -> None:
        """Let the next caller try where a call that began in `state` was to, but found nothing out."""
        if _is_open(state):
            self._ask_cache(lambda cache: cache.delete(self._probe_key), False)

    def _state_in(self, cache: BaseCache) -> BreakerState | None:
        state: BreakerState | None = cache.get(self._key)
        return state

    def _count_failure(self, cache: BaseCache, is_probe: bool) -> None:
        now = self._clock()
        known = self._state_in(cache) or BreakerState(failures=[], opened_at=None)
        if _is_open(known) and not is_probe:
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

    def _forget_failures(self, cache: BaseCache, is_probe: bool) -> None:
        if is_probe or not _is_open(self._state_in(cache)):  # else it was under way when the breaker opened
            cache.delete_many([self._key, self._probe_key])

    def _ask_cache(self, ask: Callable[[BaseCache], Result], otherwise: Result) -> Result:
        """Return what the cache answers, and something else where it is down: a cache must not stop a checkout."""
        cache = caches[self._cache_alias]
        try:
            result = ask(cache)
        except Exception as error:  # noqa: BLE001 - each kind of cache fails with exceptions of its own
            if not self._is_cache_down:
                # The kind alone: the text may hold the address of the cache, with its password.
                text = "The cache %r is down (%s): the circuit breaker lets every call pass"
                logger.warning(text, self._cache_alias, type(error).__name__, extra={"service": self._service})
            self._is_cache_down = True
            return otherwise
        self._is_cache_down = False
        return result


def _is_open(state: BreakerState | None) -> bool:
    return state is not None and state["opened_at"] is not None

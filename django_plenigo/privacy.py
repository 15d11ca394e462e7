"""Keeps a response that carries a login token or a gated article out of every cache.

A tag cannot reach the response: with `render()` it does not exist yet. So the middleware leaves a guard on the request
before the view runs, whoever renders something private marks it, and the middleware sets the header.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.templatetags.cache import CacheNode

from django_plenigo.budget import within
from django_plenigo.protocols.base import LoginPass

ATTRIBUTE = "_plenigo_guard"

#: Code that keeps what runs below it: what is rendered there must not carry anything of one reader.
CACHING: set[CodeType] = {CacheNode.render.__code__, BaseCache.get_or_set.__code__}


class ResponseGuard:
    """What one response must not forget about itself."""

    __slots__ = (
        "answers",
        "depends_on_reader",
        "expects_purchase",
        "failed",
        "has_ended_session",
        "has_script",
        "is_private",
        "is_sent",
        "links",
        "login_passes",
        "seconds_waited",
    )

    def __init__(self) -> None:
        #: Whether something of one reader was rendered: no cache may keep the response.
        self.is_private = False
        #: Whether what was rendered for a visitor is something else for a reader.
        self.depends_on_reader = False
        self.is_sent = False
        #: Whether the reader logged in or out in this request.
        self.has_ended_session = False
        #: Whether it was noted that the reader may buy by what stands in this page.
        self.expects_purchase = False
        #: Whether the vendor's script stands in this page already.
        self.has_script = False
        #: By account and reader: the one login pass that all snippets of this response share.
        self.login_passes: dict[tuple[str, Any], LoginPass] = {}
        #: By account, reader and products: what the gates of this response were told.
        self.answers: dict[tuple[Any, ...], Any] = {}
        #: By account and reader: the link, None where there is none.
        self.links: dict[tuple[str, Any], Any] = {}
        #: The accounts whose vendor failed: this response asks them no more.
        self.failed: set[str] = set()
        #: How long this response has waited for vendors, in seconds.
        self.seconds_waited = 0.0

    def add_failure(self, using: str) -> None:
        """Have this response ask the vendor of an account no more."""
        self.failed.add(using)

    @contextmanager
    def waiting(self, using: str, timeout_seconds: float) -> Iterator[bool]:
        """Say whether the vendor may be asked once more, and let the calls of this block end within the page's budget.

        All waiting of a response takes as long as one call may take. No call begins in the second half of that: one
        that is cut short says little of the vendor's health.
        """
        began = time.monotonic()
        may_ask = using not in self.failed and self.seconds_waited < timeout_seconds / 2
        try:
            with within(timeout_seconds - self.seconds_waited):
                yield may_ask
        finally:
            self.seconds_waited += time.monotonic() - began


class _NeverCached:
    """A request whose response Django's page cache does not keep.

    The cache middleware looks at this attribute alone, also inside `cache_page`, where no header of ours has come yet.
    A plain attribute would not do: a `cache_page` that runs further in sets it to True again.
    """

    _cache_update_cache = property(lambda self: False, lambda self, value: None)


@cache
def _never_cached(request_class: type[object]) -> type[object]:
    return type(request_class.__name__, (_NeverCached, request_class), {})


def guard_of(request: Any) -> ResponseGuard | None:
    """Return the guard that the middleware left on a request, None without the middleware."""
    # DRF wraps the request: a mark on the wrapper would never be seen.
    guard: ResponseGuard | None = getattr(getattr(request, "_request", request), ATTRIBUTE, None)
    return guard


def _keep_out_of_page_cache(request: Any) -> None:
    request = getattr(request, "_request", request)
    if request is not None and not isinstance(request, _NeverCached):
        request.__class__ = _never_cached(type(request))  # type: ignore[arg-type]  # classes are hashable


def mark_private(request: Any) -> bool:
    """Make the response of a request private, and say whether that is still possible."""
    guard = guard_of(request)
    _keep_out_of_page_cache(request)
    if guard is None or guard.is_sent:
        return False
    guard.is_private = True
    return True


def mark_dependent_on_reader(request: Any) -> None:
    """Keep the response out of Django's page cache, and let others keep it for visitors only."""
    _keep_out_of_page_cache(request)
    guard = guard_of(request)
    if guard is not None:
        guard.depends_on_reader = True


def may_embed_secret(request: Any) -> bool:
    """Say whether this response can carry a login token, and make it uncacheable if so."""
    return guard_of(request) is not None and not is_inside_cache() and mark_private(request)


def is_inside_cache() -> bool:
    """Say whether a template's `{% cache %}` or a `cache.get_or_set` is among the callers."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code in CACHING:
            return True
        frame = frame.f_back  # type: ignore[assignment]  # the last frame's is None, which ends the loop
    return False

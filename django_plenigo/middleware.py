"""Keeps responses that carry a login token or a gated article private."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from django_plenigo.privacy import ATTRIBUTE, ResponseGuard

#: Tells our script in the reader's browser to end the vendor's session too. It carries no data.
SESSION_ENDED_COOKIE = "plenigo_session_ended"
SESSION_ENDED_SECONDS = 24 * 60 * 60

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class PrivateResponseMiddleware:
    """Set `Cache-Control: private, no-store` where something of one reader was rendered."""

    # A plain class: Django's MiddlewareMixin would hop to a thread on each asynchronous request.
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a request, privately if need be."""
        guard = ResponseGuard()
        setattr(request, ATTRIBUTE, guard)
        response = self.get_response(request)
        if isinstance(response, HttpResponseBase):
            return finish(guard, response)
        return self._finish_later(guard, response)

    async def _finish_later(self, guard: ResponseGuard, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return finish(guard, await response)


def finish(guard: ResponseGuard, response: HttpResponseBase) -> HttpResponseBase:
    """Give a response the headers that its guard asks for."""
    guard.is_sent = True
    if guard.is_private:
        # Set, not patched: that drops what a view said of public and max-age.
        response.headers["Cache-Control"] = "private, no-store"
        response.headers.pop("Expires", None)
    if guard.is_private or guard.depends_on_reader:
        patch_vary_headers(response, ["Cookie"])
    if guard.has_ended_session:
        # Not HttpOnly: a page out of a cache must be able to act on it, so our script reads it.
        response.set_cookie(SESSION_ENDED_COOKIE, "1", max_age=SESSION_ENDED_SECONDS, samesite="Lax")
    return response

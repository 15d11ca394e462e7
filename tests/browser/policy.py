"""A site with a strict Content-Security-Policy."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

#: A browser that sends this cookie gets every page of the site under the policy.
COOKIE = "strict_policy"

#: Nothing but the site's own files; the sandbox stands on the site, so its script and its frame are own files too.
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'; style-src 'self'; "
    "img-src 'self' data:"
)


class StrictPolicyMiddleware:
    """Send the strict policy to browsers that ask for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Leave alone what brings a policy of its own: the sandbox's framed pages."""
        response = self.get_response(request)
        if COOKIE in request.COOKIES:
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

"""A site with a strict Content-Security-Policy."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

#: A browser that sends this cookie gets every page of the site under the policy that it names.
COOKIE = "policy"

#: Nothing but the site's own files; the sandbox stands on the site, so its script and its frame are own files too.
STRICT = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'; style-src 'self'; "
    "img-src 'self' data:"
)

#: A site that has forgotten the vendor's frames.
WITHOUT_FRAMES = STRICT.replace("frame-src 'self'; ", "")

POLICIES = {
    "strict": ("Content-Security-Policy", STRICT),
    "without-frames": ("Content-Security-Policy", WITHOUT_FRAMES),
    "tried-without-frames": ("Content-Security-Policy-Report-Only", WITHOUT_FRAMES),
}


class PolicyMiddleware:
    """Send a policy to browsers that ask for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Leave alone what brings a policy of its own: the sandbox's framed pages."""
        response = self.get_response(request)
        policy = POLICIES.get(request.COOKIES.get(COOKIE, ""))
        if policy is not None:
            response.headers.setdefault(*policy)
        return response

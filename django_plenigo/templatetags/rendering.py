"""What the tags read of the context that they are rendered in."""

from django.http import HttpRequest
from django.template.context import Context


def request_of(context: Context) -> HttpRequest | None:
    """Return the request that a template is rendered for, None where there is none."""
    request: HttpRequest | None = getattr(context, "request", None) or context.get("request")
    return request

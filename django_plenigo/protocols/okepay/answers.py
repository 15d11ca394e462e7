"""What OkePay's answers mean: status, `status` and `data` must all say so (docs/protocols/okepay.md 3 and 5)."""

from collections.abc import Mapping
from typing import Any

from django_plenigo.errors import (
    AuthenticationError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteError,
    RemoteUnavailableError,
)
from django_plenigo.protocols.base import reading
from django_plenigo.protocols.okepay.signing import SERVICE
from django_plenigo.transport import Answer

Meaning = tuple[type[RemoteError], str]

INVALID = "invalid parameters"

#: What each status means. Too many calls are a 405, and a 403 after some more of them.
BY_STATUS: Mapping[int, Meaning] = {
    400: (RejectedError, INVALID),
    403: (AuthenticationError, ""),
    404: (NotFoundError, ""),
    405: (RateLimitError, "too many calls"),
    413: (RejectedError, "too large"),
    422: (RejectedError, INVALID),
    429: (RateLimitError, ""),
}

#: The one message that is looked at: a wrong VERSION is a 404 too, and would make every reader a stranger.
NO_VERSION = "Version not found."


def judge(answer: Answer) -> Meaning | None:
    """Return the failure that an answer means, None for a success that has data."""
    if answer.status >= 500:
        return RemoteUnavailableError, ""
    if answer.is_page:
        return reading.A_PAGE
    if 300 <= answer.status < 400:
        return ProtocolError, "redirect"
    body = reading.body_of(answer)
    if answer.status >= 400:
        if answer.status == 404 and body.get("message") == NO_VERSION:
            return ProtocolError, "unknown version"
        return BY_STATUS.get(answer.status, (ProtocolError, "unexpected status"))
    return _meaning_of_body(body)


def _meaning_of_body(body: Mapping[str, Any]) -> Meaning | None:
    """Return the failure that the body of a 2xx means."""
    if body.get("status") == "error":
        return RejectedError, "refused"
    if body.get("status") != "success":
        return ProtocolError, "no status"
    data = body.get("data")
    if not isinstance(data, list) or not data or not isinstance(data[0], dict):
        return ProtocolError, "no data"
    return None


def first_of(answer: Answer) -> dict[str, Any]:
    """Return the first object of an answer that has passed the judge."""
    found: dict[str, Any] = reading.body_of(answer)["data"][0]
    return found


def unexpected(answer: Answer, operation: str, code: str) -> ProtocolError:
    """Return the error of an answer that is not what the vendor documents."""
    return ProtocolError(SERVICE, operation, status=answer.status, code=code)

"""What vendors deliver by themselves comes in here, below `webhooks/<source>/`, and is answered; work comes later."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.views import View

from django_plenigo.protocols.base import WebhookCall
from django_plenigo.services import webhooks
from django_plenigo.services.webhooks import Reason
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

#: No vendor's delivery comes near to it.
MOST_BYTES = 512 * 1024

#: So much is read at a time, so that a body that is too large is not even in memory.
PIECE_BYTES = 64 * 1024

PLAIN_TEXT = "text/plain; charset=utf-8"

#: How the other reasons are answered is 400.
STATUSES: Mapping[str, int] = {
    Reason.NO_LENGTH: 411,
    Reason.TOO_LARGE: 413,
    Reason.CONTENT_TYPE: 415,
    Reason.NOT_CONFIGURED: 403,
}

RETRY_AFTER_SECONDS = 60


class WebhookView(View):
    """Takes what one source delivers."""

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take the token out of the address first, by whatever method it came."""
        self._token = _take_token(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, source: str) -> HttpResponse:
        """Answer whether deliveries are taken here: a vendor asks as it is entered (docs/protocols/2checkout.md 8)."""
        try:
            is_ready = webhooks.can_prove(source)
        except webhooks.UnknownSourceError:
            return _unknown()
        return _answer("Deliveries are taken by POST.", 200) if is_ready else _refused(Reason.NOT_CONFIGURED)

    def post(self, request: HttpRequest, source: str) -> HttpResponse:
        """Take a delivery.

        Where it is not accepted the answer says why, in a word; where the database fails, that it is to come again.
        """
        try:
            return _take(request, source, self._token)
        except webhooks.UnknownSourceError:
            return _unknown()
        except webhooks.RefusedError as error:
            return _refused(error.reason)
        except DatabaseError as error:
            # The kind alone: what a database says may hold what was to be stored.
            logger.error("A webhook could not be stored (%s); the vendor has to deliver it again", type(error).__name__)
            response = _answer("The database does not answer. Deliver it again later.", 503)
            response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
            return response


@without_secrets
def _take(request: HttpRequest, source: str, token: str) -> HttpResponse:
    headers = request.headers
    content_type = WebhookCall(headers, b"").content_type
    webhooks.check_content_type(source, content_type)
    try:
        body = _read_body(request)
    except _UnreadableError as error:
        raise webhooks.refuse(source, error.reason, content_type=content_type) from None
    receipt = webhooks.receive(source, WebhookCall(headers, body, token))
    return _answer(receipt.body, 200, receipt.content_type)


def _take_token(request: HttpRequest) -> str:
    """Take the token out of the address, so that no error report and no log that is written later has it."""
    try:
        token = request.GET.get("token", "")
    except SuspiciousOperation:  # more fields than Django reads
        token = ""
    request.GET = QueryDict()  # Django’s own is one that cannot be changed, too
    request.META["QUERY_STRING"] = ""
    # Servers write their access logs of these once the answer is sent, so what is left must still be an address.
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in request.META:
            request.META[name] = request.META[name].partition("?")[0]
    scope = getattr(request, "scope", None)  # by ASGI
    if scope is not None:
        scope["query_string"] = b""
    return token


class _UnreadableError(Exception):
    """A body cannot be had."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def _read_body(request: HttpRequest) -> bytes:
    """Return the raw body, never more than so much of it. Raises `_UnreadableError`."""
    stated = _stated_length(request)
    if stated is not None and stated > MOST_BYTES:
        raise _UnreadableError(Reason.TOO_LARGE)
    pieces, size, stream = [], 0, _stream_of(request)
    try:
        while piece := stream.read(PIECE_BYTES):
            size += len(piece)
            if size > MOST_BYTES:
                raise _UnreadableError(Reason.TOO_LARGE)
            pieces.append(piece)
    except OSError:  # who delivers has hung up, or does not say what a web server can read
        raise _UnreadableError(Reason.INCOMPLETE) from None
    if stated is not None and size < stated:
        raise _UnreadableError(Reason.INCOMPLETE)
    if not size:
        raise _UnreadableError(Reason.EMPTY)
    return b"".join(pieces)


def _stated_length(request: HttpRequest) -> int | None:
    text = str(request.META.get("CONTENT_LENGTH") or "")
    return int(text[:20]) if text.isascii() and text.isdecimal() else None


def _stream_of(request: HttpRequest) -> Any:
    """Return what the body is read from. Raises `_UnreadableError`.

    By WSGI Django takes a body without a length for an empty one; some servers say where one that comes in pieces ends.
    """
    is_chunked = not request.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in request.META
    if not is_chunked or "wsgi.input" not in request.META:
        return request
    if not request.META.get("wsgi.input_terminated"):
        raise _UnreadableError(Reason.NO_LENGTH)
    return request.META["wsgi.input"]


def _unknown() -> HttpResponse:
    return _answer("Nothing of this name delivers here.", 404)


def _refused(reason: str) -> HttpResponse:
    return _answer(f"Refused: {reason.replace('_', ' ')}.", STATUSES.get(reason, 400))


def _answer(text: str, status: int, content_type: str = PLAIN_TEXT) -> HttpResponse:
    response = HttpResponse(text, status=status, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response

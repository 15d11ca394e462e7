"""Reach the sandbox without a socket: a transport adapter for `requests`.

It runs in the caller's thread and transaction. What the sandbox writes belongs to that transaction: unlike a real
vendor, it forgets what is rolled back.
"""

import io
import sys
import time
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
import urllib3
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from requests.adapters import BaseAdapter, HTTPAdapter

from .faults import WIRE
from .handler import answer

#: A sandbox that calls the site that calls the sandbox must end.
DEEPEST = 4

_depth: ContextVar[int] = ContextVar("plenigo_sandbox_depth", default=0)


class InProcessWire:
    """A caller in the same thread: what a socket would do to him, he gets as an exception."""

    def __init__(self, request: requests.PreparedRequest, timeout: Any) -> None:
        self._request = request
        self._read_seconds = read_seconds(timeout)
        self.error: requests.RequestException | None = None

    def delay(self, seconds: float) -> bool:
        """Sleep, or time out at once when the caller would."""
        if self._read_seconds is not None and seconds > self._read_seconds:
            self.error = requests.ReadTimeout("The sandbox did not answer in time.", request=self._request)
            return False
        time.sleep(seconds)
        return True

    def cut(self) -> HttpResponseBase:
        """Cut the connection."""
        self.error = requests.ConnectionError("The sandbox cut the connection.", request=self._request)
        return HttpResponse(status=502)


class SandboxAdapter(BaseAdapter):
    """Mount it on a `requests.Session` for the sandbox's made-up host, or for every host."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Return the vendor's answer. `timeout` is None, seconds, a pair or a `urllib3.util.Timeout`.

        Raises `requests.ReadTimeout` and `requests.ConnectionError` as the fault dial says.
        """
        if _depth.get() >= DEEPEST:
            raise requests.ConnectionError("The sandbox calls itself.", request=request)
        wire = InProcessWire(request, timeout)
        token = _depth.set(_depth.get() + 1)
        try:
            response = answer({**environ_of(request), WIRE: wire}, in_transaction=True)
        finally:
            _depth.reset(token)
        if wire.error is not None:
            raise wire.error
        return _received(request, response)

    def close(self) -> None:
        """Close nothing: there is no connection."""


def read_seconds(timeout: Any) -> float | None:
    """Return how long a caller waits for an answer; None means for ever."""
    if isinstance(timeout, urllib3.util.Timeout):
        begun = timeout.clone()
        begun.start_connect()  # a total is shared out from here on
        value: Any = begun.read_timeout
    elif isinstance(timeout, tuple):
        value = timeout[1]
    else:
        value = timeout
    return float(value) if isinstance(value, int | float) else None


def environ_of(request: requests.PreparedRequest) -> dict[str, Any]:
    """Return the WSGI environment of a prepared request."""
    url = urlsplit(str(request.url))
    body = _bytes_of(request.body)
    names = {name: name.upper().replace("-", "_") for name in request.headers}
    headers = {
        f"HTTP_{key}": request.headers[name]
        for name, key in names.items()
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH", "TRANSFER_ENCODING"}
    }
    return headers | {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": unquote_to_bytes(url.path or "/").decode("latin-1"),
        "SCRIPT_NAME": "",
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or (80 if url.scheme == "http" else 443)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }


def _bytes_of(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)


def _received(request: requests.PreparedRequest, response: HttpResponseBase) -> requests.Response:
    """Return the answer as if it had come through urllib3, to be read bit by bit or at once."""
    content = b"".join(response)
    raw = urllib3.HTTPResponse(
        io.BytesIO(content),
        headers=urllib3.HTTPHeaderDict(response.items()),
        status=response.status_code,
        reason=response.reason_phrase,
        preload_content=False,
        request_method=request.method,
    )
    return HTTPAdapter().build_response(request, raw)

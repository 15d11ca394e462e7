"""A server of the sandbox's own: the vendor's addresses at the root, over a real socket.

It takes what the vendor's own clients send (docs/protocols/plenigo-v2.md 0): bodies in chunks, `Expect: 100-continue`,
connections that stay open. It logs no addresses, since they carry tokens.
"""

import io
import logging
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import connections

from .handler import answer

BODY_LIMIT_BYTES = 5_000_000
LINE_LIMIT_BYTES = 1000
IDLE_SECONDS = 60
#: Close at once and throw away what was not sent, so that the caller sees a broken connection.
LINGER_NOT = struct.pack("ii", 1, 0)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

logger = logging.getLogger(__name__)


class BodyError(Exception):
    """A body cannot be read. The connection is of no use afterwards."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class SandboxServer(ThreadingMixIn, TCPServer):
    """Serves each connection in a thread of its own. Raises `OSError` when the address cannot be used."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    #: So long a caller may stay silent in the middle of a body.
    body_seconds = 5.0

    def __init__(self, host: str, port: int, application: Application) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.application = application
        super().__init__((host, port), SandboxRequestHandler)

    @property
    def url(self) -> str:
        """The address of the server, without a trailing slash."""
        host, port = self.server_address[:2]
        name = host.decode() if isinstance(host, bytes | bytearray) else str(host)
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and leave no database connection behind."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            connections.close_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong, unless only the caller has gone."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            logger.exception("The sandbox's server failed.")


class SandboxRequestHandler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with one caller."""

    server: SandboxServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer leave together
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a request's line carries tokens."""

    def handle_expect_100(self) -> bool:
        """Tell the caller to go on, at once: the vendor's client would wait for a second."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def _serve(self) -> None:
        try:
            body = self._read_body()
        except BodyError as error:
            self.close_connection = True
            self.send_error(error.status)
            return
        heads: list[tuple[str, list[tuple[str, str]]]] = []
        try:
            chunks = self.server.application(self._environ(body), lambda *head: heads.append(head[:2]))
        except ConnectionAbortedError:
            self._cut()
            return
        try:
            content = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        self._send(*heads[-1], content)

    # Named by what stands in the request's line.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _read_body(self) -> bytes:
        """Return the whole body. Raises `BodyError`, also when the caller stops in the middle."""
        self.connection.settimeout(self.server.body_seconds)
        try:
            return self._read_promised_body()
        except TimeoutError:
            raise BodyError(408) from None
        finally:
            self.connection.settimeout(self.timeout)

    def _read_promised_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0").strip()
        if not length.isascii() or not length.isdecimal():
            raise BodyError(400)
        if len(length) > len(str(BODY_LIMIT_BYTES)) or int(length) > BODY_LIMIT_BYTES:
            raise BodyError(413)
        return self.rfile.read(int(length))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            if len(body) + size > BODY_LIMIT_BYTES:
                raise BodyError(413)
            body += self.rfile.read(size)
            if self.rfile.readline(LINE_LIMIT_BYTES).strip():
                raise BodyError(400)
        for _number in range(100):  # trailers, which mean nothing here
            if not self.rfile.readline(LINE_LIMIT_BYTES).strip():
                return bytes(body)
        raise BodyError(400)

    def _chunk_size(self) -> int:
        digits = self.rfile.readline(LINE_LIMIT_BYTES).partition(b";")[0].strip()
        if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
            raise BodyError(400)
        return int(digits, 16)

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _mark, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            # With underscores a name could pass for another one.
            if "_" not in name and key not in {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"}:
                joint = "; " if key == "HTTP_COOKIE" else ","
                environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
        return environ

    def _send(self, status_line: str, headers: list[tuple[str, str]], content: bytes) -> None:
        status, _blank, reason = status_line.partition(" ")
        self.send_response(int(status), reason)
        has_body = int(status) not in {204, 304}
        for name, value in headers:
            if name.lower() not in {"content-length", "connection", "date", "server"}:
                self.send_header(name, value)
        if has_body:
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.connection.close()


def sandbox_application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve the vendor's addresses. Raises `ConnectionAbortedError` where the fault dial cuts the connection."""
    request_started.send(sandbox_application, environ=environ)
    response = answer(environ, in_transaction=False)
    if getattr(response, "cuts_connection", False):
        response.close()
        raise ConnectionAbortedError
    cookies = [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]
    start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *cookies])
    return response


def make_application() -> Application:
    """Return the vendor's addresses together with the merchant backend, which is Django's admin."""
    backend = StaticFilesHandler(WSGIHandler())

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/" or path.startswith(("/admin/", settings.STATIC_URL)):
            response: Iterable[bytes] = backend(environ, start_response)
            return response
        return sandbox_application(environ, start_response)

    return application

"""Connections that are kept alive, shared by the threads of a process, and never read beyond a deadline."""

import http.client
import io
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

#: As many connections to one vendor are kept; more are opened where more threads call at once, and closed afterwards.
POOL_SIZE = 32

#: How long one address of the vendor may take to accept a connection.
CONNECT_SECONDS = 2.0

#: When the call that this thread is making must end, by the monotonic clock; None while it makes none.
_deadline: ContextVar[float | None] = ContextVar("plenigo_deadline", default=None)


@contextmanager
def calling(seconds: float) -> Iterator[None]:
    """Let no read of this thread's call last beyond so many seconds, and urllib3 log nothing of it."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until the deadline of the call.

    A socket's own timeout begins anew with every byte, so a server that drips headers could hold a page for hours.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._has_read = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        # For the first bytes it has been told just now. To tell a socket costs more than it seems, as does all at which
        # another thread may take over.
        if self._has_read:
            self._socket.settimeout(_seconds_left())
        self._has_read = True
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


class _PlainConnection(HTTPConnection):
    response_class = _DeadlineResponse

    _held: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send head and body at once: two packets, each with its waits, cost a tenth of a call more than one."""
        self._held = []
        try:
            super().request(*args, **kwargs)
            whole = b"".join(self._held)
        finally:
            self._held = None
        self.send(whole)

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    def _new_conn(self) -> socket.socket:
        try:
            sock = _connected(self)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "connecting timed out") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a host that is too long for the name system
            raise NewConnectionError(self, "no connection") from error
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock


class _TlsConnection(_PlainConnection, HTTPSConnection):
    pass


def _connected(connection: HTTPConnection) -> socket.socket:
    """Return a socket to the first address of a host that accepts one before the call must end.

    urllib3 gives each address of a host the whole timeout of connecting. How long the name system takes to tell the
    addresses is not in our hands.
    """
    host = connection.host.strip("[]")
    failure = OSError("the host has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, connection.port, allowed_gai_family(), socket.SOCK_STREAM
    ):
        remaining = _seconds_left()
        sock = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(min(CONNECT_SECONDS, remaining))
            sock.connect(address)
            sock.settimeout(_seconds_left())  # of the TLS handshake
            return sock
        except OSError as error:
            failure = error
            sock.close()
    raise failure


def _seconds_left() -> float:
    """Return what is left of the call that this thread is making. Raises `TimeoutError` where nothing is."""
    remaining = (_deadline.get() or 0.0) - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _PooledAdapter(HTTPAdapter):
    """requests' own adapter over connections that keep the deadline.

    What requests finds out anew for each call, by the address, the proxies and the CA bundle, is found out once for
    each host; what it makes of an answer, cookies and an encoding, nobody here reads. That was a fifth of a call.
    """

    poolmanager: PoolManager

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _keep_deadlines(self.poolmanager)
        self._pools: dict[tuple[object, ...], Any] = {}

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        key = (_origin_of(request), verify, cert, *(proxies or {}).items())
        found = self._pools.get(key)
        if found is None:
            found = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            super().cert_verify(found, str(request.url), verify, cert)  # type: ignore[no-untyped-call]  # in its stubs
            self._pools[key] = found
        return found

    def close(self) -> None:
        super().close()
        # urllib3 leaves that to the garbage collection, which what a failed call has raised can hold up for long.
        for found in self._pools.values():
            found.close()
        self._pools.clear()

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the pool as it is: it was told what to verify as it was found."""

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        if proxies:
            return super().request_url(request, proxies)
        return str(request.url).removeprefix(_origin_of(request)) or "/"

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = Response()
        response.status_code, response.headers, response.raw = resp.status, CaseInsensitiveDict(resp.headers), resp
        response.request = req
        return response

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        if isinstance(manager, ProxyManager):  # a SOCKS proxy brings connections of its own
            _keep_deadlines(manager)
        return manager


def _origin_of(request: PreparedRequest) -> str:
    """Return scheme, host and port of an address."""
    return "/".join(str(request.url).split("/", 3)[:3])


def _keep_deadlines(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


class ConnectionPool:
    """The connections of this process, made anew in a forked child: two processes on one connection mix up answers."""

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        # Retries are the transport's own affair; read=False lets a timeout be one, instead of "too many retries".
        self._adapter = _PooledAdapter(
            pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=Retry(0, read=False)
        )

    @property
    def adapter(self) -> BaseAdapter:
        """What sends a request over one of the connections."""
        return self._adapter


pool = ConnectionPool()


class _QuietWhileCalling(logging.Filter):
    """Holds back what urllib3 logs of our calls: it prints paths and queries, which carry ids and tokens."""

    def filter(self, record: logging.LogRecord) -> bool:
        return _deadline.get() is None


for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_QuietWhileCalling())

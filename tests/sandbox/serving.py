"""The sandbox's own server over a real socket, within a test's transaction, and a connection to it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections

from django_plenigo.sandbox.server import SandboxServer, make_application
from tests.sandbox.vendor_client import claims, sign

SECONDS = 20


class ServerOnOneConnection(SandboxServer):
    """A server whose threads see what a test has written and not committed."""

    #: The end of the server waits for them: none may use the test's connection when the test is over.
    daemon_threads = False
    shared: dict[str, Any]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        for alias, connection in self.shared.items():
            connections[alias] = connection
        try:
            self.finish_request(request, client_address)
        except OSError:  # a test that leaves in the middle
            pass
        finally:
            self.shutdown_request(request)


@contextmanager
def serving() -> Iterator[SandboxServer]:
    """Serve the sandbox on the test's own database connection. Whoever has connected must leave before it ends."""
    server = ServerOnOneConnection("127.0.0.1", 0, make_application())
    server.shared = {connection.alias: connection for connection in connections.all()}
    for connection in server.shared.values():
        connection.inc_thread_sharing()
    # Each request would close the connection, as Django's test client knows too: a transaction is open on it.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(SECONDS)
        server.server_close()
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
        for connection in server.shared.values():
            connection.dec_thread_sharing()


class Line:
    """One connection, and what comes back on it."""

    def __init__(self, server: SandboxServer) -> None:
        self.socket = socket.create_connection(server.server_address[:2], timeout=SECONDS)
        self.received = self.socket.makefile("rb")

    def send(self, head: str, body: bytes = b"", *, token: str | None = None) -> None:
        """Send a request; `head` has its line and headers, one a line."""
        signed = sign(claims()) if token is None else token
        lines = [*head.strip().splitlines(), "Host: vendor", f"plenigoToken: {signed}", "Accept: */*"]
        self.socket.sendall("\r\n".join(line.strip() for line in lines).encode() + b"\r\n\r\n" + body)

    def read(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers with lower-case names, and body of the next answer."""
        status = int(self.received.readline().split()[1])
        headers = {}
        while line := self.received.readline().strip():
            name, _colon, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self.received.read(int(headers.get("content-length", 0)))

    def ask(self, head: str, body: bytes = b"", *, token: str | None = None) -> tuple[int, Any]:
        """Send a request and return the status and the JSON of the answer."""
        self.send(head, body, token=token)
        status, _headers, content = self.read()
        return status, json.loads(content) if content else None

    def close(self) -> None:
        """Leave."""
        self.received.close()
        self.socket.close()

"""Sites that callbacks are sent to: one in this process, and one on a socket."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests


class Site:
    """The publisher's site, which answers with a status and remembers what it was told."""

    def __init__(self) -> None:
        self.status: int | None = 204
        self.calls = []

    def __call__(self, url, body, headers):
        self.calls.append((url, body, headers))
        if self.status is None:
            raise requests.ConnectTimeout("https://site.example/?secret")
        return self.status

    def told(self):
        return [json.loads(body) for _url, body, _headers in self.calls]

    def names(self):
        return [f"{body['entityType']}.{body['callbackType']}" for body in self.told()]


@contextmanager
def listening() -> Iterator[tuple[str, list[tuple[str, bytes]], list[Message]]]:
    """Open a site on a socket: its address, what it has received, and with which headers."""
    received, heads = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            heads.append(self.headers)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received, heads
    finally:
        server.shutdown()
        server.server_close()

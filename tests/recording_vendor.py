"""A vendor over a real socket that remembers what it was told last, and whether two calls for one customer overlapped.

It knows every customer, and the customers' part of API v2 only. The sandbox plays the vendor faithfully; this one is
for what the sandbox cannot see: calls at the same time, and calls that are held up while something else happens.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt

MAINTENANCE = b"<!doctype html><title>Maintenance</title><h1>We will be right back</h1>"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call."""

    name: str
    status: int = 0
    """Answer with it; 0 where there is no answer, or one that nobody can read."""
    retry_after_seconds: int | None = None
    after_work: bool = False
    """Whether the call has done its work all the same."""
    seconds: float = 0.0
    """How long the answer takes."""


@dataclass
class Hold:
    """One call that waits at the vendor until it may go on."""

    arrived: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)


class RecordingVendor(AbstractContextManager["RecordingVendor"]):
    """Serves while it is in a `with` statement."""

    def __init__(self, *, latency_seconds: float = 0.0) -> None:
        self.latency_seconds = latency_seconds
        self.dial: Callable[[str], Fault | None] = lambda customer: None
        """Asked with each call's customer for what is to go wrong."""
        self.secret: str | None = None
        """What calls must be signed with, or None where nobody looks."""
        self.calls: list[tuple[str, str]] = []
        """What was called with whom, in the order of arrival."""
        self.emails: dict[str, str] = {}
        self.access_ids: dict[str, dict[str, Any]] = {}
        self.faults: Counter[str] = Counter()
        self.overlaps = 0
        self.most_at_once = 0
        self._holds: dict[str, Hold] = {}
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(self)

    @property
    def url(self) -> str:
        """The address to call."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "RecordingVendor":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def hold(self, customer: str) -> Hold:
        """Let the next call of a customer wait."""
        with self._lock:
            hold = self._holds[customer] = Hold()
        return hold

    def count(self, verb: str) -> int:
        """Return how often a verb was called."""
        return sum(called == verb for called, _customer in self.calls)

    def accepts(self, token: str) -> bool:
        """Say whether a call was signed with the secret."""
        if self.secret is None:
            return True
        try:
            jwt.decode(token, self.secret, algorithms=["HS256"], audience="plenigo")
        except jwt.InvalidTokenError:
            self.faults["wrong secret"] += 1
            return False
        return True

    def answer(self, verb: str, customer: str, body: dict[str, Any]) -> tuple[int, bytes, int | None] | None:
        """Do what a call asks for; return status, body and Retry-After, None where the connection is to be cut."""
        with self._lock:
            self.calls.append((verb, customer))
            self.overlaps += bool(self._busy[customer])
            self._busy[customer] += 1
            self.most_at_once = max(self.most_at_once, sum(self._busy.values()))
            hold, fault = self._holds.pop(customer, None), self.dial(customer)
        try:
            if hold is not None:
                hold.arrived.set()
                hold.may_go_on.wait(20)
            time.sleep(self.latency_seconds)
            if fault is None or fault.after_work:
                self._work(verb, customer, body)
        finally:
            with self._lock:
                self._busy[customer] -= 1
        if fault is None:
            return (
                (200, json.dumps({"customerId": customer}).encode(), None) if verb == "register" else (204, b"", None)
            )
        self.faults[fault.name] += 1
        # From here on only the answer is late: the caller may have gone, and somebody else may call.
        time.sleep(fault.seconds)
        if fault.name == "garbage":
            return 200, MAINTENANCE, None
        return (fault.status, b"{}", fault.retry_after_seconds) if fault.status else None

    def _work(self, verb: str, customer: str, body: dict[str, Any]) -> None:
        if verb in ("register", "changeEmail"):
            self.emails[customer] = body["email"]
        elif verb == "customerAccess":
            self.access_ids.setdefault(customer, {}).update(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, vendor: RecordingVendor) -> None:
        self.vendor = vendor
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *args: Any) -> None:
        """Say nothing: callers are killed on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _serve(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        *_folders, parent, verb = map(unquote, urlsplit(self.path).path.split("/"))
        # .../externalUser/<customer>/<verb>, .../externalUser/register, .../import/customerAccess
        customer = body.get("customerId") or (f"C{body['externalUserId']}" if verb == "register" else parent)
        if not self.server.vendor.accepts(self.headers.get("plenigoToken", "")):
            answer: tuple[int, bytes, int | None] | None = (401, b"{}", None)
        else:
            answer = self.server.vendor.answer(verb, customer, body)
        self.close_connection = answer is None
        if answer is None:
            return
        status, content, retry_after = answer
        with suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if content == MAINTENANCE else "application/json")
            self.send_header("Content-Length", str(len(content)))
            if retry_after is not None:
                self.send_header("Retry-After", str(retry_after))
            self.end_headers()
            self.wfile.write(content)

    do_PUT = do_POST = _serve  # noqa: N815 - named by what stands in the request's line

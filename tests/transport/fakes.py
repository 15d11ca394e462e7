"""A vendor that answers by a script, a clock that tests move, and a server that answers with raw bytes."""

import io
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from requests.adapters import BaseAdapter, HTTPAdapter

from django_plenigo.errors import ProtocolError, RateLimitError, RejectedError, RemoteError, RemoteUnavailableError
from django_plenigo.transport import Answer, Transport

BASE_URL = "https://vendor.example"


@dataclass
class Reply:
    """One answer of the script."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


class ScriptedAdapter(BaseAdapter):
    """Answers with what comes next in the script, or raises it, and keeps what it was sent."""

    def __init__(self, *script: Reply | Exception) -> None:
        self.script = list(script)
        self.requests: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []

    def send(self, request: requests.PreparedRequest, timeout: Any = None, **options: Any) -> requests.Response:
        self.requests.append(request)
        self.timeouts.append(timeout)
        outcome = self.script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        raw = urllib3.HTTPResponse(
            io.BytesIO(outcome.body), headers=outcome.headers, status=outcome.status, preload_content=False
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        pass


class FakeTime:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def judge(answer: Answer) -> tuple[type[RemoteError], str] | None:
    """Judge as a vendor without peculiarities would."""
    if answer.status < 300:
        return None
    if answer.status == 429:
        return RateLimitError, ""
    if answer.status >= 500:
        return RemoteUnavailableError, ""
    return (RejectedError, "") if answer.status >= 400 else (ProtocolError, "redirect")


def scripted(*script: Reply | Exception, time: FakeTime | None = None, **options: Any) -> Transport:
    """Return a transport to a vendor that answers by a script."""
    time = time or FakeTime()
    defaults = {
        "service": "vendor",
        "base_url": BASE_URL,
        "judge": judge,
        "adapter": ScriptedAdapter(*script),
        "timeout_seconds": 5.0,
        "jitter": lambda: 0.5,
    }
    return Transport(clock=time, wall_clock=time, sleep=time.sleep, **{**defaults, **options})


def over_socket(base_url: str, *, timeout_seconds: float = 5.0) -> Transport:
    """Return a transport that opens connections."""
    return Transport("vendor", base_url, judge=judge, timeout_seconds=timeout_seconds)


def http(status: int = 200, body: bytes = b"{}", headers: str = "") -> bytes:
    """Return an answer as it stands on the wire."""
    return f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


#: Answers one request over an open connection; returns whether the connection stays open.
Behaviour = Callable[[socket.socket, bytes], bool]


def always(answer: bytes) -> Behaviour:
    """Return a behaviour that answers every request alike."""

    def answer_it(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(answer)
        return True

    return answer_it


class RawServer(socketserver.ThreadingTCPServer):
    """A server on this machine that does over the wire what a behaviour says, and counts."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.behaviour = behaviour
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self._counting = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def count_connection(self) -> None:
        with self._counting:
            self.connections += 1

    def handle_error(self, *args: Any) -> None:
        """Say nothing: clients hang up on purpose here."""


class _Connection(socketserver.BaseRequestHandler):
    server: RawServer

    def handle(self) -> None:
        connection = self.request
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls:
            connection = self.server.tls.wrap_socket(connection, server_side=True)
        self.server.count_connection()
        with connection:
            while request := _read_request(connection):
                self.server.requests.append(request)
                if not self.server.behaviour(connection, request):
                    return


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", 0)):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def write_certificate(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """Write a self-signed certificate of 127.0.0.1, or of another host, and return the paths of it and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def _general_name(host: str) -> x509.GeneralName:
    if host == "127.0.0.1":
        return x509.IPAddress(ipaddress.ip_address(host))
    return x509.DNSName(host)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a server speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context

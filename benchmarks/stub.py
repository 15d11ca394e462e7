"""A vendor that answers every request alike, in a process of its own, and counts requests and connections."""

import contextlib
import datetime
import ipaddress
import multiprocessing
import select
import socket
import ssl
import statistics
import tempfile
import time
from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"

#: Of requests, of connections, and of those in flight at the same time at most.
Counters = tuple[Any, Any, Any]

#: Other processes are made anew instead of forked, so that they inherit no connection.
_processes = multiprocessing.get_context("spawn")


class Stub:
    """Answers with a JSON body after a delay, over TLS where asked for. Use it in a `with` statement."""

    def __init__(self, body: bytes = b"{}", *, delay_seconds: float = 0.0, tls: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._certificate = write_certificate(Path(self._folder.name)) if tls else None
        self._requests = _processes.Value("L", 0, lock=False)
        self._connections = _processes.Value("L", 0, lock=False)
        self._most_in_flight = _processes.Value("L", 0, lock=False)
        self._port, answers = _processes.Pipe(duplex=False)
        counters = (self._requests, self._connections, self._most_in_flight)
        arguments = (body, delay_seconds, self._certificate, counters, answers)
        self._process = _processes.Process(target=_serve, args=arguments, daemon=True)

    def __enter__(self) -> "Stub":
        self._process.start()
        if not self._port.poll(60):
            raise RuntimeError("The stub did not start.")
        scheme = "https" if self._certificate else "http"
        self.url = f"{scheme}://{HOST}:{self._port.recv()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()
        self._folder.cleanup()

    def latency_seconds(self, requests: int = 50) -> float:
        """Return how long a request takes that waits for nothing else, over a connection that is there."""
        host, port = self.url.rpartition("/")[2].split(":")
        taken = []
        with socket.create_connection((host, int(port))) as connection:
            for _ in range(requests):
                began = time.perf_counter()
                connection.sendall(b"GET / HTTP/1.1\r\nHost: stub\r\n\r\n")
                connection.recv(65536)
                taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return int(self._requests.value)

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return int(self._connections.value)

    @property
    def most_in_flight(self) -> int:
        """How many requests were waiting for their answers at the same time, at most."""
        return int(self._most_in_flight.value)

    @property
    def ca_bundle(self) -> str:
        """The path of a bundle of the usual size, which holds the stub's certificate besides the usual ones."""
        if self._certificate is None:
            raise ValueError("This stub speaks no TLS.")
        path = Path(self._folder.name) / "bundle.pem"
        path.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + self._certificate[0].read_bytes())
        return str(path)


class _Requests:
    """What was received on one connection and makes no whole request yet."""

    def __init__(self) -> None:
        self._received = b""

    def add(self, data: bytes) -> int:
        """Take what was received, and return how many requests it has completed."""
        self._received += data
        completed = 0
        while (end := self._end_of_request()) is not None:
            self._received = self._received[end:]
            completed += 1
        return completed

    def _end_of_request(self) -> int | None:
        head, separator, _ = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        _, found, rest = head.lower().partition(b"\r\ncontent-length:")
        end = len(head) + len(separator) + (int(rest.split(b"\r\n", 1)[0]) if found else 0)
        return end if len(self._received) >= end else None


class _Vendor:
    """One thread that serves all connections, with bare sockets: it shares the cores with what is measured."""

    def __init__(
        self, listener: socket.socket, tls: ssl.SSLContext | None, answer: bytes, delay: float, counters: Counters
    ) -> None:
        self._listener, self._tls, self._answer, self._delay_seconds = listener, tls, answer, delay
        self._request_count, self._connection_count, self._most_in_flight = counters
        self._connections: dict[socket.socket, _Requests] = {}
        # The delay is the same for all, so whoever asked first is answered first.
        self._due: deque[tuple[float, socket.socket]] = deque()

    def serve(self) -> None:
        """Answer until the process is ended."""
        while True:
            # Other calls than `select` round a wait up to whole milliseconds.
            wait = max(0.0, self._due[0][0] - time.perf_counter()) if self._due else None
            ready, _, _ = select.select([self._listener, *self._connections], (), (), wait)
            for sock in ready:
                if sock is self._listener:
                    self._accept()
                else:
                    self._receive(sock)
            now = time.perf_counter()
            while self._due and self._due[0][0] <= now:
                self._send(self._due.popleft()[1])

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
        except OSError:  # not the client's idea of a certificate
            sock.close()
            return
        sock.setblocking(False)
        self._connections[sock] = _Requests()
        self._connection_count.value += 1

    def _receive(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        if not data:
            del self._connections[sock]
            sock.close()
            return
        completed = self._connections[sock].add(data)
        self._request_count.value += completed
        due_at = time.perf_counter() + self._delay_seconds
        self._due.extend([(due_at, sock)] * completed)
        if self._delay_seconds:
            self._most_in_flight.value = max(self._most_in_flight.value, len(self._due))

    def _send(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whoever has gone needs no answer
            sock.send(self._answer)


def _serve(
    body: bytes, delay_seconds: float, certificate: tuple[Path, Path] | None, counters: Counters, port: Connection
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    with socket.create_server((HOST, 0), backlog=256) as listener:
        port.send(listener.getsockname()[1])
        _Vendor(listener, tls, answer, delay_seconds, counters).serve()


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate of this machine, and return the paths of it and of its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
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

"""Real sockets: kept-alive connections, servers that drip, cut or hang, TLS, forks and threads."""

import logging
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from django_plenigo.budget import within
from django_plenigo.errors import NoAnswerError, ProtocolError
from django_plenigo.transport.connections import pool
from tests.transport.fakes import (
    RawServer,
    always,
    http,
    over_socket,
    tls_context,
    write_certificate,
)


@pytest.fixture
def serve():
    """Start servers, and stop them after the test."""
    servers = []

    def start(behaviour, tls=None):
        servers.append(RawServer(behaviour, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def certificate(tmp_path):
    return write_certificate(tmp_path)


def call(server, timeout_seconds=5.0, **options):
    return over_socket(server.url, timeout_seconds=timeout_seconds).call("do", "GET", "/path", **options)


def seconds_until_no_answer(server, code, **options):
    began = time.monotonic()
    with pytest.raises(NoAnswerError) as caught:
        call(server, timeout_seconds=0.4, **options)
    assert caught.value.code == code
    return time.monotonic() - began


@pytest.mark.parametrize(
    "answer",
    [
        http(),
        http(500),
        http(204, b""),
        http(body=b""),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_one_connection_serves_any_number_of_calls(serve, answer):
    server = serve(always(answer))
    for _ in range(4):
        for method in ("GET", "POST", "PUT"):
            over_socket(server.url).call("do", method, "/path", accepted=(500,))
    assert (len(server.requests), server.connections) == (12, 1)


def test_body_that_comes_in_chunks_is_put_together(serve):
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n"
    assert call(serve(always(answer))).json() == [1, 2]


def test_body_without_a_length_ends_with_the_connection(serve):
    def answer(connection, request):
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n[1,2]")
        return False

    assert call(serve(answer)).json() == [1, 2]


def test_plain_bodies_are_asked_for(serve):
    server = serve(always(http()))
    call(server)
    assert b"Accept-Encoding: identity" in server.requests[0]


def test_threads_share_the_connections_and_never_each_others_answers(serve):
    def echo(connection, request):
        connection.sendall(http(body=request.split(b" ")[1]))
        return True

    server = serve(echo)
    transport = over_socket(server.url)
    wrong = []

    def work(number):
        for turn in range(20):
            path = f"/{number}/{turn}"
            if transport.call("do", "GET", path).body != path.encode():
                wrong.append(path)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert server.connections <= 8


def test_server_that_says_nothing_is_given_up_in_time(serve):
    def hang(connection, request):
        time.sleep(10)
        return False

    assert seconds_until_no_answer(serve(hang), "ReadTimeout", idempotent=True) < 5


@pytest.mark.parametrize(
    ("beginning", "code"),
    [(b"", "ReadTimeout"), (b"HTTP/1.1 200 OK\r\nX-", "ReadTimeout"), (http(body=b"x" * 99)[:-99], "ReadTimeoutError")],
    ids=["status line", "headers", "body"],
)
def test_server_that_drips_is_given_up_in_time(serve, beginning, code):
    """Each byte comes well within the timeout of a socket, and the answer never ends."""

    def drip(connection, request):
        connection.sendall(beginning)
        for _ in range(200):
            time.sleep(0.05)
            connection.sendall(b"x")
        return False

    assert seconds_until_no_answer(serve(drip), code) < 5


@pytest.fixture
def host_of_four_silent_addresses(monkeypatch):
    """A host whose addresses neither accept nor refuse a connection: their queues are full."""
    queue = socket.socket()
    queue.bind(("0.0.0.0", 0))  # noqa: S104 - every loopback address, for the time of a test
    queue.listen(0)
    port = queue.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", port))
    resolve = socket.getaddrinfo

    def four_addresses(host, *args, **kwargs):
        if host != "localhost":
            return resolve(host, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", port)) for number in range(1, 5)]

    monkeypatch.setattr(socket, "getaddrinfo", four_addresses)
    yield f"http://localhost:{port}"
    for each in [queue, *waiting]:
        each.close()


@pytest.mark.parametrize("idempotent", [False, True])
def test_addresses_that_do_not_answer_share_the_time_of_one_call(host_of_four_silent_addresses, idempotent):
    began = time.monotonic()
    with pytest.raises(NoAnswerError, match="ConnectTimeout"):
        over_socket(host_of_four_silent_addresses, timeout_seconds=0.5).call("do", "GET", "/", idempotent=idempotent)
    assert 0.4 < time.monotonic() - began < 0.9


def test_next_address_is_tried_where_one_refuses(serve, monkeypatch):
    server = serve(always(http()))
    resolve = socket.getaddrinfo

    def two_addresses(host, *args, **kwargs):
        return [*resolve("127.0.0.2", *args, **kwargs), *resolve("127.0.0.1", *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    assert over_socket(server.url.replace("127.0.0.1", "localhost")).call("do", "GET", "/").status == 200


def test_proxy_that_no_name_system_can_hold_is_no_answer(monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://{'a' * 70}.invalid:8080")
    with pytest.raises(NoAnswerError, match="ProxyError"):
        over_socket("https://vendor.example").call("do", "GET", "/")


def test_handshake_that_never_ends_is_given_up_in_time(serve):
    def say_nothing(connection, request):
        time.sleep(10)
        return False

    server = serve(say_nothing)
    began = time.monotonic()
    with pytest.raises(NoAnswerError):
        over_socket(server.url.replace("http:", "https:"), timeout_seconds=0.4).call("do", "GET", "/")
    assert time.monotonic() - began < 5


def test_page_that_has_less_time_waits_no_longer(serve):
    def hang(connection, request):
        time.sleep(10)
        return False

    began = time.monotonic()
    with within(0.3), pytest.raises(NoAnswerError, match="ReadTimeout"):
        call(serve(hang), timeout_seconds=5.0)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", http(body=b"x" * 99)[:-50], b"garbage\r\n\r\n"])
def test_answer_that_is_cut_off_or_garbage_is_no_answer(serve, answer):
    def cut(connection, request):
        connection.sendall(answer)
        return False

    server = serve(cut)
    with pytest.raises(NoAnswerError):
        call(server)
    assert len(server.requests) == 1


def test_cut_off_answer_of_an_idempotent_call_is_asked_for_again(serve):
    def cut_first(connection, request):
        if len(server.requests) > 1:
            connection.sendall(http())
        return False

    server = serve(cut_first)
    assert call(server, idempotent=True).status == 200


def test_closed_pool_has_no_connection_left_though_a_failed_call_is_remembered(serve):
    ended = threading.Event()

    def cut_first(connection, request):
        if len(server.requests) == 1:
            return False
        connection.sendall(http())
        if not connection.recv(1):
            ended.set()
        return False

    server = serve(cut_first)
    with pytest.raises(NoAnswerError) as remembered:
        call(server)
    assert call(server).status == 200
    pool.adapter.close()
    assert ended.wait(2)
    assert remembered.value.code


def test_connection_that_the_server_closed_meanwhile_does_not_fail_a_call(serve):
    """A call that is not idempotent could not be made again."""

    def answer_once(connection, request):
        connection.sendall(http())
        return False

    server = serve(answer_once)
    transport = over_socket(server.url)
    for _ in range(3):
        assert transport.call("do", "POST", "/path").status == 200
        time.sleep(0.05)  # until the end of the connection has arrived
    assert server.connections == 3


def test_endless_body_is_refused_after_a_megabyte(serve):
    def flood(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x" * 65536)
        return False

    with pytest.raises(ProtocolError, match="answer too large"):
        call(serve(flood))


def test_refused_connection_is_no_answer(serve):
    server = serve(always(http()))
    server.shutdown()
    server.server_close()
    with pytest.raises(NoAnswerError, match="ConnectionError"):
        call(server)


def test_redirect_is_not_followed_over_the_wire(serve):
    elsewhere = serve(always(http()))
    server = serve(always(http(302, headers=f"Location: {elsewhere.url}/\r\n")))
    with pytest.raises(ProtocolError):
        call(server)
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


def test_cookies_of_the_vendor_are_not_kept(serve):
    server = serve(always(http(headers="Set-Cookie: session=1; Path=/\r\n")))
    for _ in range(2):
        call(server)
    assert b"cookie" not in server.requests[1].lower()


def test_netrc_is_not_read(serve, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(always(http()))
    call(server)
    assert b"authorization" not in server.requests[0].lower()


def test_proxy_of_the_environment_is_used(serve, monkeypatch):
    proxy = serve(always(http(body=b'"by proxy"')))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "")
    assert over_socket("http://127.0.0.1:9").call("do", "GET", "/path").json() == "by proxy"
    assert proxy.requests[0].startswith(b"GET http://127.0.0.1:9/path ")


@pytest.mark.parametrize("bundle", [None, ""])
def test_self_signed_server_is_refused(serve, certificate, monkeypatch, bundle):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        if bundle is not None:
            monkeypatch.setenv(name, bundle)
    server = serve(always(http()), tls_context(*certificate))
    with pytest.raises(NoAnswerError, match="SSLError"):
        call(server)
    assert server.requests == []


def test_bundle_of_the_environment_is_trusted_and_its_connection_kept(serve, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    server = serve(always(http()), tls_context(*certificate))
    for _ in range(3):
        assert call(server).status == 200
    assert server.connections == 1


def test_certificate_of_another_host_is_refused(serve, tmp_path, monkeypatch):
    certificate = write_certificate(tmp_path, host="elsewhere.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with pytest.raises(NoAnswerError, match="SSLError"):
        call(serve(always(http()), tls_context(*certificate)))


def test_drip_under_tls_is_given_up_in_time(serve, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))

    def drip(connection, request):
        for _ in range(200):
            time.sleep(0.05)
            connection.sendall(b"x")
        return False

    assert seconds_until_no_answer(serve(drip, tls_context(*certificate)), "ReadTimeout") < 5


FORKING = """
import os, sys
from django.conf import settings
settings.configure()
from tests.transport.fakes import over_socket

transport = over_socket(sys.argv[1])
transport.call("before", "GET", "/parent")
child = os.fork()
if not child:
    ok = all(transport.call("do", "GET", "/child").body == b"/child" for _ in range(20))
    os._exit(0 if ok else 1)
ok = all(transport.call("do", "GET", "/parent").body == b"/parent" for _ in range(20))
sys.exit(not ok or os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_forked_child_opens_a_connection_of_its_own(serve):
    def echo(connection, request):
        connection.sendall(http(body=request.split(b" ")[1]))
        return True

    server = serve(echo)
    subprocess.run([sys.executable, "-c", FORKING, server.url], check=True, timeout=60)
    assert (len(server.requests), server.connections) == (41, 2)


def test_urllib3_logs_nothing_of_our_calls_and_all_of_others(serve, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(always(http()))
    call(server)
    assert {record.name for record in caplog.records} == {"django_plenigo.transport"}
    requests.get(server.url, timeout=5)
    assert "urllib3.connectionpool" in {record.name for record in caplog.records}

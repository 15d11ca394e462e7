"""The sandbox's own server and callers who promise more than they send."""

import time
from contextlib import closing

import pytest

from tests.sandbox.serving import Line

CHUNKED = "POST /api/v2/externalUser/register HTTP/1.1\nTransfer-Encoding: chunked"


@pytest.fixture
def impatient_line(server):
    """A connection to the server, which waits for the rest of a body for a moment only."""
    server.body_seconds = 0.2
    with closing(Line(server)) as line:
        yield line


BODIES = {
    "no chunk": (CHUNKED, b""),
    "half a chunk": (CHUNKED, b"40\r\n{"),
    "no last chunk": (CHUNKED, b'1b\r\n{"email":"eve@example.com"}\r\n'),
    "no end of the trailers": (CHUNKED, b"0\r\nTrailer: x\r\n"),
    "less than its length": ("POST /api/v2/externalUser/register HTTP/1.1\nContent-Length: 50", b"{"),
}


@pytest.mark.parametrize(("head", "body"), BODIES.values(), ids=BODIES)
def test_caller_who_stops_in_the_middle_is_told_so_and_the_connection_ends(impatient_line, sandbox, head, body):
    impatient_line.send(head, body)
    status, headers, _content = impatient_line.read()
    assert (status, headers["connection"], impatient_line.received.read()) == (408, "close", b"")
    assert sandbox.customers() == []


def test_caller_may_be_silent_between_two_calls(impatient_line, sandbox):
    for _ in range(2):
        assert impatient_line.ask("GET /api/v2/paywall/state HTTP/1.1")[0] == 200
        time.sleep(0.4)
    assert impatient_line.ask("GET /api/v2/paywall/state HTTP/1.1")[0] == 200


def test_server_is_patient_for_seconds_and_not_for_a_minute(server):
    assert 1 <= server.body_seconds <= 10

"""What one call sends, and what its answer becomes."""

import json
import logging

import pytest

from django_plenigo.errors import (
    ConfigurationError,
    NoAnswerError,
    ProtocolError,
    RejectedError,
    RemoteUnavailableError,
)
from django_plenigo.transport import Answer, Transport
from tests.transport.fakes import BASE_URL, FakeTime, Reply, ScriptedAdapter, judge, scripted


def sent_by(**options):
    adapter = ScriptedAdapter(Reply())
    scripted(adapter=adapter).call("do", options.pop("method", "POST"), "/path", **options)
    return adapter.requests[0]


def test_call_returns_status_headers_and_body():
    answer = scripted(Reply(201, b'{"a": 1}', {"X-Thing": "x"})).call("do", "GET", "/path")
    assert (answer.status, answer.headers["x-thing"], answer.json()) == (201, "x", {"a": 1})


def test_call_appends_path_and_encoded_query_to_the_base_url():
    assert sent_by(params={"q": "a b,c/d&e"}).url == f"{BASE_URL}/path?q=a%20b%2Cc%2Fd%26e"


def test_json_body_is_ascii_with_its_length():
    request = sent_by(json={"name": "Jürgen"})
    assert request.body == b'{"name":"J\\u00fcrgen"}'
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Content-Length"] == str(len(request.body))


def test_form_keeps_its_order_and_is_escaped_by_rfc_3986():
    request = sent_by(form=[("purpose", "Abo & Café ~ 50% (a+b)/"), ("userId", "1"), ("empty", "")])
    assert request.body == b"purpose=Abo%20%26%20Caf%C3%A9%20~%2050%25%20%28a%2Bb%29%2F&userId=1&empty="
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Content-Length"] == str(len(request.body))


def test_post_without_a_body_says_so():
    request = sent_by()
    assert request.body is None
    assert request.headers["Content-Length"] == "0"
    assert "Content-Type" not in request.headers


def test_get_has_no_content_length():
    assert "Content-Length" not in sent_by(method="GET").headers


def test_headers_of_the_protocol_are_sent():
    assert sent_by(headers=lambda: {"plenigoToken": "t"}).headers["plenigoToken"] == "t"


def test_judge_decides_about_the_error():
    with pytest.raises(RejectedError) as caught:
        scripted(Reply(418)).call("do", "GET", "/path")
    assert str(caught.value) == "vendor.do, HTTP 418"


def test_accepted_status_is_not_judged():
    assert scripted(Reply(403)).call("do", "GET", "/path", accepted=(403,)).status == 403


def test_redirect_is_not_followed():
    adapter = ScriptedAdapter(Reply(302, headers={"Location": "https://elsewhere.example/"}))
    with pytest.raises(ProtocolError):
        scripted(adapter=adapter).call("do", "GET", "/path", idempotent=True)
    assert len(adapter.requests) == 1


def test_body_of_a_megabyte_is_read_and_a_larger_one_is_refused():
    megabyte = b"x" * 1024 * 1024
    assert scripted(Reply(body=megabyte)).call("do", "GET", "/path").body == megabyte
    with pytest.raises(ProtocolError, match="answer too large"):
        scripted(Reply(body=megabyte + b"x")).call("do", "GET", "/path")


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_body_that_is_no_json_is_a_value_error_without_the_body(body):
    with pytest.raises(ValueError, match="the body is no JSON") as caught:
        Answer(200, {}, body).json()
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "base_url",
    [
        "http://vendor.example",
        "ftp://127.0.0.1",
        "vendor.example",
        "",
        "https://",
        "https://u:p@vendor.example",
        "https://vendor.example:99999",
        "https://[vendor",
        f"https://{'a' * 64}.example",
    ],
)
def test_address_without_tls_or_host_is_refused(base_url):
    with pytest.raises(ConfigurationError):
        Transport("vendor", base_url, judge=judge, timeout_seconds=1)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost:8000/sandbox/"])
def test_this_machine_needs_no_tls(base_url):
    Transport("vendor", base_url, judge=judge, timeout_seconds=1)


@pytest.mark.parametrize("timeout_seconds", [0, -1, float("nan")])
def test_timeout_must_be_positive(timeout_seconds):
    with pytest.raises(ConfigurationError):
        scripted(timeout_seconds=timeout_seconds)


def test_missing_ca_bundle_is_named(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE"):
        Transport("vendor", BASE_URL, judge=judge, timeout_seconds=1)


def test_answer_is_logged_once_with_fields_and_without_the_path(caplog):
    caplog.set_level(logging.DEBUG)
    scripted(Reply(201)).call("do", "GET", "/path")
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("django_plenigo.transport", "DEBUG", "vendor.do")
    assert (record.service, record.operation, record.status, record.attempt) == ("vendor", "do", 201, 1)
    assert record.duration_ms == 0
    assert "/path" not in json.dumps(vars(record), default=str)


def test_each_call_is_logged_with_an_id_of_its_own_that_its_error_carries(caplog):
    caplog.set_level(logging.DEBUG)
    transport = scripted(Reply(201), Reply(400))
    transport.call("do", "GET", "/path")
    with pytest.raises(RejectedError) as caught:
        transport.call("do", "GET", "/path")
    of_success, of_failure = (record.call_id for record in caplog.records)
    assert of_success
    assert of_failure == caught.value.call_id
    assert of_failure not in (of_success, "")
    assert of_failure not in str(caught.value)


def test_failure_is_logged_once_for_all_its_attempts(caplog):
    caplog.set_level(logging.DEBUG)
    time = FakeTime()
    with pytest.raises(RemoteUnavailableError):
        scripted(*[Reply(503)] * 3, time=time).call("do", "GET", "/path", idempotent=True)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("INFO", "vendor.do, HTTP 503")
    assert (record.status, record.attempt) == (503, 3)
    assert record.duration_ms == pytest.approx(sum(time.slept) * 1000)


def test_error_of_the_connection_keeps_its_class_name_and_nothing_else():
    with pytest.raises(NoAnswerError) as caught:
        scripted(OSError("https://vendor.example/secret")).call("do", "GET", "/path")
    assert str(caught.value) == "vendor.do, code OSError"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_repr_tells_the_service_only():
    assert repr(scripted()) == "<Transport of vendor>"
    assert repr(Answer(200, {"Location": "x"}, b"body")) == "Answer(status=200)"

"""The sandbox alone over a real socket, asked with the very bytes that the vendor's clients send.

Sections 0, 1.3, 1.4 and 2.6 of docs/protocols/plenigo-v2.md. No HTTP library and no client of ours takes part.
"""

import json
import time
from contextlib import closing

import pytest

from django_plenigo.sandbox import oauth
from django_plenigo.sandbox.credentials import COMPANY_ID
from tests.sandbox.serving import Line
from tests.sandbox.vendor_client import claims, sign


def post_json(path: str, body: bytes) -> tuple[str, bytes]:
    return f"POST /api/v2/{path} HTTP/1.1\nContent-Type: application/json\nContent-Length: {len(body)}", body


#: How PHP asks for a log-in token: a form type, chunks, no body, and a wait for leave to send it.
CHUNKED = "HTTP/1.1\nTransfer-Encoding: chunked\nContent-Type: application/x-www-form-urlencoded\nExpect: 100-continue"


def test_php_registers_with_ascii_json(line, sandbox):
    body = rb'{"email":"eve@example.com","language":"en","withPasswordReset":false,"failByExistingEmail":false,'
    body += rb'"externalUserId":12345,"firstName":"J\u00f6rg","name":"a\/b"}'
    status, answer = line.ask(*post_json("externalUser/register", body))
    customer = sandbox.customer(answer["customerId"])
    assert (status, customer.first_name, customer.last_name, customer.external_id) == (200, "Jörg", "a/b", "12345")


def test_php_mints_a_token_with_an_empty_chunked_body_and_need_not_wait(line, ada, sandbox):
    line.send(f"POST /api/v2/externalUser/{ada.customer_id}/createLoginToken?useExternalCustomerId=false {CHUNKED}")
    go_on = line.read()[0]  # before the body is sent
    line.socket.sendall(b"0\r\n\r\n")
    status, headers, content = line.read()
    assert (go_on, status) == (100, 200)
    assert headers["content-type"].startswith("application/json")
    assert sandbox.consume_login_token(json.loads(content)["loginToken"]) == ada


def test_perl_mints_a_token_with_an_empty_json_object(line, ada):
    path = f"externalUser/{ada.customer_id}/createLoginToken?useExternalCustomerId=0"
    assert line.ask(*post_json(path, b"{}"))[0] == 200


def test_java_mints_a_token_without_any_body(line, ada):
    assert line.ask(f"POST /api/v2/externalUser/{ada.customer_id}/createLoginToken HTTP/1.1")[0] == 200


def test_chunks_are_put_together(line, sandbox):
    body = b'10;name=x\r\n{"email":"chunky\r\nE\r\n@example.com"}\r\n0\r\nTrailer: x\r\n\r\n'
    head = "POST /api/v2/externalUser/register HTTP/1.1\nTransfer-Encoding: chunked\nContent-Type: application/json"
    assert line.ask(head, body)[0] == 200
    assert [customer.email for customer in sandbox.customers()] == ["chunky@example.com"]


@pytest.mark.parametrize("body", [b"nonsense\r\n\r\n", b"-1\r\n\r\n", b"ffffffffff\r\n", b"3\r\nabcdef\r\n", b"\r\n"])
def test_broken_chunks_are_refused_and_end_the_connection(line, sandbox, body):
    line.send("POST /api/v2/externalUser/register HTTP/1.1\nTransfer-Encoding: chunked", body)
    status, headers, _content = line.read()
    assert (status, headers["connection"]) == (400, "close")
    assert sandbox.customers() == []


@pytest.mark.parametrize(
    ("length", "expected"), [("x", 400), ("-1", 400), ("99999999", 413), ("9" * 400, 413), ("200000", 413)]
)
def test_bad_length_is_refused(line, sandbox, length, expected):
    body = b" " * 200_000 if length == "200000" else b""
    line.send(f"POST /api/v2/externalUser/register HTTP/1.1\nContent-Length: {length}", body)
    assert line.read()[0] == expected


@pytest.mark.parametrize("flag", ["'false'", "NULL", "false", "0", "", "%27false%27"])
def test_php_says_no_in_many_ways(line, ada, flag):
    body = b'{"email":"new@example.com"}'
    head = f"PUT /api/v2/externalUser/{ada.customer_id}/changeEmail?useExternalCustomerId={flag} HTTP/1.1"
    assert line.ask(f"{head}\nContent-Type: application/json\nContent-Length: {len(body)}", body) == (204, None)


def test_answer_without_content_has_no_content_type(line, ada):
    body = b'{"email":"new@example.com"}'
    line.send(f"PUT /api/v2/externalUser/{ada.customer_id}/changeEmail HTTP/1.1\nContent-Length: {len(body)}", body)
    status, headers, content = line.read()
    assert (status, content, set(headers) & {"content-type", "content-length"}) == (204, b"", set())


@pytest.mark.parametrize("query", ["productId=A%2CP", "productId=A,P", "productId=A&productId=P"])
def test_php_and_java_ask_for_several_products_each_in_its_way(line, ada, sandbox, query):
    sandbox.buy(ada, "P")
    status, answer = line.ask(f"GET /api/v2/user/product?customerId={ada.customer_id}&{query}&testMode=false HTTP/1.1")
    assert (status, [row["productId"] for row in answer["userProducts"]]) == (200, ["P"])


def test_not_bought_is_403_on_the_wire(line, ada):
    assert line.ask(f"GET /api/v2/user/product?customerId={ada.customer_id}&productId=P HTTP/1.1")[0] == 403


def test_java_keeps_the_padding_of_its_token(line, sandbox):
    token = next(token for length in range(4) if "=" in (token := sign(claims(jti="j" * (length + 8)), padded=True)))
    assert line.ask("GET /api/v2/paywall/state HTTP/1.1", token=token) == (200, {"enabled": True})


def test_replayed_token_is_refused(line, sandbox):
    token = sign(claims())
    statuses = [line.ask("GET /api/v2/paywall/state HTTP/1.1", token=token)[0] for _ in range(2)]
    assert statuses == [200, 401]


def test_php_exchanges_a_code_in_a_form_that_is_not_encoded(line, ada):
    redirect = "https://shop.example/cb?x=1&y=2"
    code = oauth.issue_code(ada, redirect)
    form = f"grant_type=authorization_code&code={code}&redirect_uri={redirect}&client_id={COMPANY_ID}&state=S1&"
    head = "POST /api/v2/oauth2/verify HTTP/1.1\nContent-Type: application/x-www-form-urlencoded"
    status, answer = line.ask(f"{head}\nContent-Length: {len(form)}", form.encode())
    assert (status, answer["state"], answer["expires_in"]) == (200, "S1", 3600)


def test_java_exchanges_a_code_in_the_query(line, ada):
    code = oauth.issue_code(ada, "https://shop.example/cb")
    query = f"grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fshop.example%2Fcb"
    status, answer = line.ask(f"POST /api/v2/oauth2/verify?{query}&client_id={COMPANY_ID}&state=S1 HTTP/1.1")
    assert (status, answer["state"]) == (200, "S1")
    query = f"grant_type=refresh_token&client_id={COMPANY_ID}&state=S2&refresh_token={answer['refresh_token']}"
    assert line.ask(f"POST /api/v2/oauth2/renew?{query} HTTP/1.1")[1]["state"] == "S2"


def test_connection_stays_open(line, sandbox):
    assert [line.ask("GET /api/v2/paywall/state HTTP/1.1")[0] for _ in range(3)] == [200, 200, 200]


def test_old_caller_gets_a_connection_that_closes(line, sandbox):
    line.send("GET /api/v2/paywall/state HTTP/1.0")
    assert (line.read()[0], line.received.read()) == (200, b"")


def test_two_callers_are_served_at_once(server, sandbox):
    sandbox.delay_next(0.3, endpoint="paywallState")
    with closing(Line(server)) as slow, closing(Line(server)) as quick:
        slow.send("GET /api/v2/paywall/state HTTP/1.1")
        time.sleep(0.1)
        assert quick.ask("GET /static_resources/pages/unknown HTTP/1.1")[0] == 404
        assert slow.read()[0] == 200


def test_fault_dial_really_delays(line, sandbox):
    sandbox.delay_next(0.2)
    started = time.monotonic()
    assert line.ask("GET /api/v2/paywall/state HTTP/1.1")[0] == 200
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("after_work", [False, True])
def test_fault_dial_really_cuts_the_connection(server, sandbox, after_work):
    sandbox.cut_next(after_work=after_work)
    with closing(Line(server)) as line:
        line.send(*post_json("externalUser/register", b'{"email":"eve@example.com"}'))
        with pytest.raises(ConnectionResetError):
            line.received.readline()
    assert bool(sandbox.customers()) is after_work


def test_server_logs_no_addresses(line, sandbox, capfd):
    line.ask("GET /api/v2/user/profile?token=very-secret HTTP/1.1")
    line.ask("GET /api/v2/nothing?token=very-secret HTTP/1.1")
    assert capfd.readouterr() == ("", "")


def test_name_with_an_underscore_passes_for_no_other(line, sandbox):
    line.socket.sendall(f"GET /api/v2/paywall/state HTTP/1.1\r\nplenigo_Token: {sign(claims())}\r\n\r\n".encode())
    assert line.read()[0] == 401

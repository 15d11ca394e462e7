"""The sandbox alone over a real socket, asked with the very bytes that the vendor's clients send.

Sections 0, 1.3, 1.4 and 2.6 of docs/protocols/plenigo-v2.md; section 3.3 has a module of its own. No HTTP library and
no client of ours takes part.
"""

import json
import time
from contextlib import closing

import pytest

from django_plenigo.sandbox import customers, oauth
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


@pytest.mark.parametrize("query", ["productId=A%2CP", "productId=A,P", "productId=A&productId=P"])
def test_php_and_java_ask_for_several_products_each_in_its_way(line, ada, sandbox, query):
    sandbox.buy(ada, "P")
    status, answer = line.ask(f"GET /api/v2/user/product?customerId={ada.customer_id}&{query}&testMode=false HTTP/1.1")
    assert (status, [row["productId"] for row in answer["userProducts"]]) == (200, ["P"])


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


# --- what every answer looks like: section 0 --------------------------------------------------------------------


ADA = "ADA0CUSTOMER"


@pytest.fixture
def ada_by_heart(ada, sandbox):
    """Ada under an id that can be written down."""
    ada.customer_id = ADA
    ada.save()
    sandbox.buy(ada, "P")
    return ada


def get(path: str) -> tuple[str, bytes]:
    return f"GET /api/v2/{path} HTTP/1.1", b""


def put_json(path: str, body: bytes) -> tuple[str, bytes]:
    return f"PUT /api/v2/{path} HTTP/1.1\nContent-Type: application/json\nContent-Length: {len(body)}", body


WITH_CONTENT = {
    "register": (*post_json("externalUser/register", b'{"email":"eve@example.com"}'), {"customerId"}),
    "register again": (*post_json("externalUser/register", b'{"email":"ada@example.com"}'), {"customerId"}),
    "createLoginToken": (*post_json(f"externalUser/{ADA}/createLoginToken", b""), {"loginToken"}),
    "createMultipleLoginTokens": (*post_json(f"externalUser/{ADA}/createMultipleLoginTokens", b"{}"), {"loginTokens"}),
    "user/product": (*get(f"user/product?customerId={ADA}&productId=P"), {"accessGranted", "userProducts"}),
    "details": (*get(f"user/product/details?customerId={ADA}&productId=P"), {"accessGranted", "userProducts"}),
    "products bought": (*get(f"user/{ADA}/products?testMode=false"), {"singleProducts", "subscriptions"}),
    "no products bought": (*get(f"user/{ADA}/products?testMode=true"), {"singleProducts", "subscriptions"}),
    "products of nobody": (*get("user/UNKNOWN/products"), {"singleProducts", "subscriptions"}),
    "no subscriptions": (*get(f"user/{ADA}/subscriptions"), {"elements", "pageNumber", "size", "totalElements"}),
    "no orders": (*get(f"user/{ADA}/orders?testMode=1"), {"elements", "pageNumber", "size", "totalElements"}),
    "last page": (*get("products/search?size=10&page=9"), {"elements", "pageNumber", "size", "totalElements"}),
    "all products": (*get("products/search/full"), {"elements", "pageNumber", "size", "totalElements"}),
    "all categories": (*get("categories/search"), {"elements", "pageNumber", "size", "totalElements"}),
    "product": (*get("product/EgLUrT56328991046641"), {"id", "subscription", "title", "price"}),
    "category": (*get("category/CAT_ARTICLES"), {"id", "title", "price"}),
    "paywall": (*get("paywall/state"), {"enabled"}),
}


@pytest.mark.parametrize(("head", "body", "keys"), WITH_CONTENT.values(), ids=WITH_CONTENT)
def test_success_is_a_json_object_with_its_keys_and_without_error(line, ada_by_heart, head, body, keys):
    line.send(head, body)
    status, headers, content = line.read()
    answer = json.loads(content)
    assert (status, headers["content-type"][:16], type(answer)) == (200, "application/json", dict)
    assert {key for key, value in answer.items() if value not in ("", None)} >= keys
    assert "error" not in answer


WITHOUT_CONTENT = {
    "changeEmail": put_json(
        f"externalUser/{ADA}/changeEmail?useExternalCustomerId=false", b'{"email":"n@example.com"}'
    ),
    "addExternalUserId": put_json(f"externalUser/{ADA}/addExternalUserId", b'{"externalUserId":"A-1"}'),
    "customerAccess": post_json(
        "import/customerAccess",
        b'{"customerId":"%s","useExternalCustomerId":false,"yourForthIdentifier":"4"}' % ADA.encode(),
    ),
    "address": put_json(f"user/{ADA}/address", b'{"gender":"FEMALE","firstName":"A","name":"B"}'),
    "add": post_json(f"access/{ADA}/add", b'{"productIds":["Q"],"testMode":"false"}'),
    "addWithDetails": post_json(f"access/{ADA}/addWithDetails", b'{"details":[{"productId":"Q"}]}'),
    "remove": (f"DELETE /api/v2/access/{ADA}/remove?productIds=Q%2CP&testMode=false HTTP/1.1", b""),
}


@pytest.mark.parametrize(("head", "body"), WITHOUT_CONTENT.values(), ids=WITHOUT_CONTENT)
def test_success_without_content_has_no_content_type(line, ada_by_heart, head, body):
    line.send(head, body)
    status, headers, content = line.read()
    assert (status, content, set(headers) & {"content-type", "content-length"}) == (204, b"", set())


CONFLICTS = {
    "address exists": post_json("externalUser/register", b'{"email":"ada@example.com","failByExistingEmail":true}'),
    "external id": post_json("externalUser/register", b'{"email":"eve@example.com","externalUserId":"A-1"}'),
    "changeEmail": put_json(f"externalUser/{ADA}/changeEmail", b'{"email":"bob@example.com"}'),
    "addExternalUserId": put_json(f"externalUser/{ADA}/addExternalUserId", b'{"externalUserId":"A-2"}'),
    "customerAccess": post_json(
        "import/customerAccess", b'{"customerId":"%s","yourFirstIdentifier":"BOBS"}' % ADA.encode()
    ),
}


@pytest.mark.parametrize(("head", "body"), CONFLICTS.values(), ids=CONFLICTS)
def test_conflict_is_an_object_with_one_text_named_error(line, ada_by_heart, bob, head, body):
    customers.assign_access_identifiers(bob, {1: "BOBS"})
    line.send(head, body)
    status, headers, content = line.read()
    answer = json.loads(content)
    assert (status, headers["content-type"][:16], list(answer)) == (409, "application/json", ["error"])
    assert isinstance(answer["error"], str)
    assert answer["error"]


@pytest.mark.parametrize("path", ["user/product", "user/product/details"])
def test_not_bought_is_403_on_the_wire(line, ada_by_heart, path):
    sentence = "User is not allowed to access the product requested."
    assert line.ask(*get(f"{path}?customerId={ADA}&productId=OTHER&testMode=false")) == (403, {"error": sentence})


@pytest.mark.parametrize("flag", ["true", "TRUE", "1", "'true'", "%27true%27", "%22true%22"])
def test_yes_is_said_in_many_ways_in_a_query(line, ada_by_heart, flag):
    assert line.ask(*get(f"user/product?customerId=A-1&productId=P&useExternalCustomerId={flag}"))[0] == 200


@pytest.mark.parametrize("flag", [b"true", b"1", b'"true"', b'"1"', b"\"'true'\"", b'"True"'])
def test_yes_is_said_in_many_ways_in_json(line, ada_by_heart, flag):
    body = b'{"email":"ada@example.com","failByExistingEmail":%s}' % flag
    assert line.ask(*post_json("externalUser/register", body))[0] == 409


@pytest.mark.parametrize("flag", [b"false", b"0", b'"false"', b'"0"', b'""', b"\"'false'\"", b'"NULL"', b"null"])
def test_no_is_said_in_many_ways_in_json(line, ada_by_heart, flag):
    body = b'{"email":"ada@example.com","failByExistingEmail":%s}' % flag
    assert line.ask(*post_json("externalUser/register", body)) == (200, {"customerId": ADA})

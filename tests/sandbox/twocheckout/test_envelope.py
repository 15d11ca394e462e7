"""Sections 1 and 5 of docs/protocols/2checkout.md: the envelope of JSON-RPC, and what bad input gets."""

import json

import pytest

from tests.sandbox.twocheckout.client import CODE, KEY, URL, Rpc, signature

CALL = {"jsonrpc": "2.0", "id": 7, "method": "login", "params": ["a", "b", "c", "sha256"]}


def test_answer_names_the_version_and_the_id_of_the_call(rpc):
    response = rpc.post(CALL)
    assert response.headers["Content-Type"] == "application/json"
    told = {"code": 1, "message": "AUTHENTICATION_FAILED"}
    assert (response.status_code, response.json()) == (200, {"jsonrpc": "2.0", "id": 7, "error": told})


@pytest.mark.parametrize("url", [URL, URL.removesuffix("/")])
def test_address_has_a_slash_at_its_end_or_not(rpc, url):
    assert rpc.post(CALL, url).json()["error"]["code"] == 1


@pytest.mark.parametrize("version", ["2.0", 2.0, 2, "6.0", 6.0], ids=repr)
def test_versions_of_the_vendors_pages_are_taken(rpc, version):
    assert rpc.post({**CALL, "jsonrpc": version}).json()["error"]["code"] == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"nothing", b'{"id": NaN}', b"[" * 30_000, b'{"id": ' + b"9" * 5000 + b"}"],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_is_a_parse_error(rpc, body):
    response = rpc.post(body)
    told = {"code": -32700, "message": "Parse error"}
    assert (response.status_code, response.json()) == (200, {"jsonrpc": "2.0", "id": None, "error": told})


@pytest.mark.parametrize(
    "call",
    [
        *({name: value for name, value in CALL.items() if name != left_out} for left_out in CALL),
        *({**CALL, "jsonrpc": version} for version in ("1.0", "", 3, True, None, [])),
        *({**CALL, "id": number} for number in ("7", 7.5, None, True, [])),
        *({**CALL, "method": name} for name in (None, 5, [])),
        [CALL],
        [],
        "login",
        5,
        None,
    ],
    ids=json.dumps,
)
def test_what_is_no_single_call_with_all_members_is_an_invalid_request(rpc, call):
    assert rpc.post(call).json()["error"] == {"code": -32600, "message": "Invalid Request"}


def test_unknown_method_is_told(rpc):
    assert rpc("getSubscriptions") == (-32601, "Method not found")


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("login", {"merchantCode": "a"}),
        ("login", "abc"),
        ("login", None),
        ("login", []),
        ("login", ["a", "b"]),
        ("login", ["a", "b", "c", "sha256", "e"]),
        ("login", ["a", 5, "c", "sha256"]),
        ("login", ["a", "b", "c", 256]),
        ("login", ["a\u0000", "b", "c", "sha256"]),
        ("login", ["\ud800", "b", "c", "sha256"]),
        ("getSingleSignOnByCustomer", [None, "1", "ExternalCustomerReference"]),
        ("getSingleSignOnByCustomer", ["x", "1"]),
    ],
)
def test_wrong_count_or_type_of_params_is_told(rpc, method, params):
    response = rpc.post({**CALL, "method": method, "params": params})
    assert response.json()["error"] == {"code": -32602, "message": "Invalid params"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_post_is_allowed(rpc, method):
    response = rpc.http.request(method, URL, timeout=5)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_body_of_more_than_64_kib_is_too_large(rpc):
    padding = 64 * 1024 - len(json.dumps({**CALL, "x": ""}))
    assert rpc.post({**CALL, "x": "y" * padding}).status_code == 200
    assert rpc.post({**CALL, "x": "y" * (padding + 1)}).status_code == 413


def test_sample_of_the_vendor_is_answered_as_it_is_sent(rpc, time_machine):
    """The order of the members, and nulls, as PHP writes them."""
    time_machine.move_to("2026-11-28T12:00:00Z", tick=False)
    date = "2026-11-28 12:00:00"
    hashed = signature(KEY, "sha256", CODE, date)
    login = f'{{"method":"login","params":["{CODE}","{date}","{hashed}","sha256"],"id":1,"jsonrpc":"2.0"}}'
    session_id = rpc.post(login.encode()).json()["result"]
    params = f'["{session_id}","352365983","2CheckoutCustomerReference","my_license",null,50,null,"en"]'
    call = f'{{"method":"getSingleSignOnByCustomer","params":{params},"id":2,"jsonrpc":"2.0"}}'
    answer = rpc.post(call.encode()).json()
    assert answer["result"].startswith("https://api.2checkout.example/myaccount/my_subscription/?logintoken=")


class TestFaults:
    def test_call_fails_by_the_dial_with_a_body_of_json_rpc(self, sandbox, rpc):
        sandbox.fail_next(status=502, endpoint="twocheckout.login", retry_after=3)
        response = rpc.post(CALL)
        assert (response.status_code, response.headers["Retry-After"]) == (502, "3")
        assert response.json()["error"]["code"] == -32000
        assert rpc.post(CALL).status_code == 200

    def test_fault_of_one_method_leaves_the_others_alone(self, sandbox, rpc):
        sandbox.fail_next(endpoint="twocheckout.getSingleSignOn")
        assert rpc.log_in()
        assert rpc.post({**CALL, "method": "getSingleSignOn"}).status_code == 503

    def test_calls_are_recorded_by_their_methods(self, sandbox, rpc):
        rpc.log_in()
        rpc("getSubscriptions")
        rpc.http.get(URL, timeout=5)
        told = [(call.endpoint, call.method, call.status) for call in sandbox.calls]
        assert told == [("twocheckout.login", "POST", 200), ("", "POST", 200), ("", "GET", 405)]

    def test_shut_sandbox_answers_nothing(self, settings, rpc):
        settings.PLENIGO_SANDBOX = {}
        response = rpc.post(CALL)
        assert (response.status_code, response.json()["error"]["code"]) == (503, -32000)


def test_site_that_mounts_the_sandbox_serves_the_api_too(client, db):
    path = "/plenigo-sandbox/rpc/6.0"
    for address in (path, f"{path}/"):
        response = client.post(address, json.dumps(CALL), content_type="application/json")
        assert response.json()["error"]["code"] == 1


def test_own_server_serves_the_api_at_the_root(server):
    rpc = Rpc()
    url = f"{server.url}/rpc/6.0/"
    assert rpc.http.post(url, json=CALL, timeout=5).json()["error"]["code"] == 1

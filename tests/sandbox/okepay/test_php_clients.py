"""Requests of exactly the PHP clients' shapes, and how these clients read each reply.

Source: docs/protocols/okepay.md 2, 3 and 5. PHP itself need not be there: its rules of reading are written out here.
"""

import json
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from django_plenigo.sandbox.okepay import api
from tests.sandbox.okepay.client import HOST, OkePayClient, as_sent

WRONG_CONFIGURATION = "Configuration is wrong!"


class ClientError(Exception):
    """What the PHP clients throw: a message and a code, which is the HTTP status."""


class PhpTypeError(Exception):
    """PHP's own error, which a caller of the client does not expect."""


def body_of(reply: requests.Response) -> Any:
    """Both clients read JSON only where the content type is this to the letter."""
    if reply.headers.get("Content-Type") != "application/json":
        raise ClientError(WRONG_CONFIGURATION, reply.status_code)
    try:
        body = json.loads(reply.content)
    except ValueError:
        raise ClientError(WRONG_CONFIGURATION, reply.status_code) from None
    if not isinstance(body, dict) or ("data" not in body and "message" not in body):
        raise ClientError(WRONG_CONFIGURATION, reply.status_code)
    if "data" not in body:
        raise ClientError(body["message"], reply.status_code)
    return body["data"]


def read_as_okepay_php(reply: requests.Response) -> Any:
    """The first of the list; False for an empty list; an empty object for what is no list."""
    data = body_of(reply)
    if isinstance(data, dict):
        return {}
    return data[0] if data else False


def read_as_payrexx_php(reply: requests.Response) -> Any:
    """The first of the list, or an error of PHP's types."""
    data = body_of(reply)
    if isinstance(data, dict) or not data:
        raise PhpTypeError
    return data[0]


READERS = pytest.mark.parametrize("read", [read_as_okepay_php, read_as_payrexx_php])


class TestRequests:
    @pytest.mark.parametrize("shape", ["as_okepay_php", "as_payrexx_php"])
    def test_login_link(self, okepay, contact, shape):
        token = read_as_payrexx_php(getattr(okepay, shape)("POST", "AuthToken", ("userId", "4711")))
        assert token["link"].endswith(token["authToken"])

    @pytest.mark.parametrize("shape", ["as_okepay_php", "as_payrexx_php"])
    def test_signature_check(self, okepay, shape, sandbox):
        assert read_as_payrexx_php(getattr(okepay, shape)("GET", "SignatureCheck")) == {"id": 1}

    @pytest.mark.parametrize("shape", ["as_okepay_php", "as_payrexx_php"])
    def test_subscription_is_read_changed_and_cancelled(self, okepay, contact, shape):
        call, number = getattr(okepay, shape), contact.subscriptions.get().number
        assert read_as_payrexx_php(call("GET", "Subscription", number=number))["id"] == number
        changed = call("PUT", "Subscription", ("amount", "2000"), ("currency", "CHF"), number=number)
        assert read_as_payrexx_php(changed)["invoice"]["amount"] == 2000
        assert read_as_payrexx_php(call("DELETE", "Subscription", number=number))["status"] == "cancelled"

    def test_parameters_as_json_with_the_instance_among_them_even_on_get(self, okepay, sandbox):
        body = json.dumps({"model": "SignatureCheck", "instance": "demo-instance"})
        headers = {"x-api-key": "sandbox-secret-42", "Content-Type": "application/json"}
        reply = okepay.send("GET", "v1.14/SignatureCheck/0/?instance=demo-instance", data=body, headers=headers)
        assert read_as_payrexx_php(reply) == {"id": 1}

    def test_shape_of_okepay_php_is_that_of_the_protocol(self):
        client, recorder = OkePayClient(), Recorder()
        client.session.mount(HOST, recorder)
        client.as_okepay_php("POST", "AuthToken", ("userId", "4711"))
        assert recorder.request.url == f"{HOST}/v1/AuthToken/0/?instance=demo-instance"
        assert recorder.request.body == (
            "userId=4711&model=AuthToken&ApiSignature=afN%2B92wruSbcsGjnGOhSvVo4DtvHxoQp3ZwZiAIUJos%3D"
            "&instance=demo-instance"
        )


class Recorder(BaseAdapter):
    """A wire that ends in the air."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.request = request
        return requests.Response()

    def close(self) -> None:
        pass


def sent(okepay: OkePayClient, method: str, path: str, body: str | None = None) -> requests.Response:
    headers = {
        "X-API-KEY": "sandbox-secret-42",
        **({"Content-Type": "application/x-www-form-urlencoded"} if body else {}),
    }
    return okepay.send(method, path, data=body, headers=headers)


#: Each refusal of section 5, by its status.
REFUSED = [
    ("POST", "v1/AuthToken/0/?instance=unknown", "userId=1", 403),
    ("POST", "v1/AuthToken/0/", "userId=1", 422),
    ("POST", "v1/AuthToken/0/?instance=demo-instance", "userId=1&instance=other", 403),
    ("POST", "v9/AuthToken/0/?instance=demo-instance", "userId=1", 404),
    ("POST", "v1/Nothing/0/?instance=demo-instance", "userId=1", 404),
    ("GET", "v1/AuthToken/0/?instance=demo-instance", None, 405),
    ("POST", "v1/AuthToken/0/?instance=demo-instance", "userId=1&model=Page", 400),
    ("POST", "v1/AuthToken/0/?instance=demo-instance", "userId=0", 400),
    ("POST", "v1/AuthToken/0/?instance=demo-instance", "userId=99", 404),
    ("POST", "v1/AuthToken/0/?instance=demo-instance", "a=1&a=1", 400),
    ("POST", "v1/AuthToken/0/?instance=demo-instance", "a=" + "x" * 70000, 413),
    ("POST", "v1/AuthToken/0/?instance=demo-instance", "a=%ff", 400),
]


class TestReplies:
    @READERS
    @pytest.mark.parametrize(
        ("method", "path", "parameters"),
        [
            ("POST", "AuthToken/", [("userId", "4711")]),
            ("GET", "SignatureCheck/", []),
            ("GET", "Subscription/{subscription}/", []),
            ("PUT", "Subscription/{subscription}/", [("amount", "5")]),
            ("DELETE", "Subscription/{subscription}/", []),
            (
                "POST",
                "Subscription/",
                [("userId", "4711"), ("amount", "5"), ("currency", "EUR"), ("paymentInterval", "P1Y")],
            ),
            ("GET", "Transaction/{transaction}/", []),
        ],
    )
    def test_every_success_is_an_object_to_both(self, okepay, contact, read, method, path, parameters):
        numbers = {"subscription": contact.subscriptions.get().number, "transaction": contact.transactions.get().number}
        item = read(okepay(method, path.format(**numbers), *parameters))
        assert isinstance(item, dict)
        assert item

    @READERS
    @pytest.mark.parametrize(("method", "path", "body", "status"), REFUSED)
    def test_every_refusal_is_a_message_and_its_status_to_both(self, okepay, sandbox, read, method, path, body, status):
        reply = sent(okepay, method, path, body)
        assert set(reply.json()) == {"status", "message"}
        with pytest.raises(ClientError) as error:
            read(reply)
        assert error.value.args == (reply.json()["message"], status)
        assert error.value.args[0] not in {"", WRONG_CONFIGURATION}

    @READERS
    def test_page_instead_of_json_is_a_wrong_configuration(self, okepay, contact, sandbox, read):
        sandbox.garble_next(endpoint="okepay.AuthToken")
        with pytest.raises(ClientError) as error:
            read(okepay("POST", "AuthToken/", ("userId", "4711")))
        assert error.value.args == (WRONG_CONFIGURATION, 200)

    @READERS
    def test_fault_is_a_message_and_its_status(self, okepay, contact, sandbox, read):
        sandbox.fail_next(500, endpoint="okepay.AuthToken")
        with pytest.raises(ClientError) as error:
            read(okepay("POST", "AuthToken/", ("userId", "4711")))
        assert error.value.args[1] == 500
        assert isinstance(read(okepay("POST", "AuthToken/", ("userId", "4711"))), dict)

    @pytest.mark.parametrize(
        ("status", "body", "read", "expected"),
        [
            (500, {"status": "error", "data": [{"id": 1}]}, read_as_okepay_php, {"id": 1}),
            (200, {"status": "success", "data": []}, read_as_okepay_php, False),
            (200, {"status": "success", "data": {"id": 1}}, read_as_okepay_php, {}),
        ],
    )
    def test_dial_makes_the_replies_that_mislead_the_vendors_client(
        self, okepay, contact, sandbox, status, body, read, expected
    ):
        sandbox.fail_next(status, endpoint="okepay.AuthToken", body=json.dumps(body))
        assert read(okepay("POST", "AuthToken/", ("userId", "4711"))) == expected

    def test_error_with_status_200_is_an_error_to_both(self, okepay, contact, sandbox):
        sandbox.fail_next(200, endpoint="okepay.AuthToken", body='{"status":"error","message":"No."}')
        with pytest.raises(ClientError):
            read_as_okepay_php(okepay("POST", "AuthToken/", ("userId", "4711")))

    def test_dial_cuts_delays_and_counts_by_the_objects_name(self, okepay, contact, sandbox):
        sandbox.cut_next(endpoint="okepay.AuthToken", after_work=True)
        with pytest.raises(requests.ConnectionError):
            okepay("POST", "AuthToken/", ("userId", "4711"))
        assert contact.login_links.count() == 1
        sandbox.delay_next(30, endpoint="okepay.AuthToken")
        with pytest.raises(requests.ReadTimeout):
            okepay("POST", "AuthToken/", ("userId", "4711"), timeout=1)
        okepay("POST", "AuthToken/", ("userId", "4711"))
        told = [(call.endpoint, call.method, call.status) for call in sandbox.calls]
        assert told == [("okepay.AuthToken", "POST", status) for status in (None, None, 200)]

    def test_failure_of_the_sandbox_itself_has_the_vendors_form(self, okepay, sandbox, monkeypatch):
        def fail(call):
            raise ZeroDivisionError

        monkeypatch.setitem(api.OBJECTS["SignatureCheck"], "GET", fail)
        reply = sent(okepay, "GET", f"v1/SignatureCheck/?{as_sent([('instance', 'demo-instance')])}")
        with pytest.raises(ClientError) as error:
            read_as_okepay_php(reply)
        assert error.value.args == ("The sandbox failed; see its log.", 500)

    def test_shut_sandbox_has_the_vendors_form(self, okepay, sandbox, settings):
        settings.PLENIGO_SANDBOX = {}
        with pytest.raises(ClientError) as error:
            read_as_okepay_php(sent(okepay, "GET", "v1/SignatureCheck/?instance=demo-instance"))
        assert error.value.args[1] == 503

"""The sample that the vendor prints in PHP, whose classes are the vendor's, runs against the sandbox's own server."""

import json
from pathlib import Path

import pytest
import requests

from tests.sandbox.okepay.client import INSTANCE, SECRET
from tests.sandbox.okepay.conftest import MOUNT
from tests.sandbox.php import php_or_skip, run_php

CLIENT = Path(__file__).parent / "client.php"
#: Every kind of byte that the two ways of escaping tell apart.
PURPOSE = "Jahres-Abo & Café ~ 50% (a+b)"


@pytest.fixture
def call(server):
    """Send a call by PHP, and return its object, or message and status of the error."""
    php_or_skip()

    def send(method, model, parameters=None, number=0, secret=SECRET):
        arguments = [method, model, json.dumps(parameters or {}), str(number)]
        return run_php(CLIENT, *arguments, API_URL=server.url, INSTANCE=INSTANCE, SECRET=secret)

    return send


def test_sample_gets_a_link_that_logs_contact_1_in(sandbox, server, call):
    token = call("POST", "AuthToken", {"userId": 1})
    assert token["authTokenExpirationDate"]
    assert token["link"] == f"{server.url}/okepay/demo-instance/login/?token={token['authToken']}"
    with requests.Session() as browser:
        page = browser.get(token["link"], timeout=20)
        assert page.url == server.url + MOUNT.removeprefix("/plenigo-sandbox")
        assert (page.status_code, "contact@example.com" in page.text) == (200, True)


def test_sample_with_another_secret_is_refused(sandbox, call):
    told = {"error": "An error occurred: The API secret is not correct.", "code": 403}
    assert call("POST", "AuthToken", {"userId": 1}, secret="another") == told


@pytest.mark.parametrize(("number", "code"), [(99, 404), (0, 400)])
def test_contact_that_is_none_is_refused_with_a_message(sandbox, call, number, code):
    reply = call("POST", "AuthToken", {"userId": number})
    assert reply["code"] == code
    assert reply["error"] not in {"", "Configuration is wrong!"}


def test_page_instead_of_an_answer_is_a_wrong_configuration(sandbox, call):
    sandbox.garble_next(endpoint="okepay.AuthToken")
    told = {"error": "Configuration is wrong!", "code": 200}
    assert call("POST", "AuthToken", {"userId": 1}) == told


def test_credentials_are_checked(sandbox, call):
    assert call("GET", "SignatureCheck") == {"id": 1}


def test_subscription_is_made_read_changed_and_cancelled(sandbox, call, contact):
    terms = {"userId": 4711, "psp": 4, "purpose": PURPOSE, "amount": 1250, "currency": "CHF", "paymentInterval": "P1M"}
    made = call("POST", "Subscription", {**terms, "period": "", "cancellationInterval": "P1M", "referenceId": ""})
    number = made["id"]
    assert call("GET", "Subscription", number=number)["id"] == number
    changed = call("PUT", "Subscription", {"amount": 2000, "currency": "CHF", "purpose": PURPOSE}, number)
    assert changed["invoice"]["amount"] == 2000
    assert call("DELETE", "Subscription", number=number)["status"] == "cancelled"

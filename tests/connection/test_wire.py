"""The pages over the real client of API v3 and answers as they stand on the wire (docs/protocols/plenigo-v3.md 6)."""

import json

import pytest

from django_plenigo import backends
from django_plenigo.models import AccountConnection, ConnectionTry
from django_plenigo.protocols import plenigo_v3
from django_plenigo.services import customers
from tests.connection.conftest import DETAILS, text_of
from tests.transport.fakes import Reply, ScriptedAdapter
from tests.vendor_in_memory import ACCOUNT

pytestmark = pytest.mark.django_db

SETTINGS = {
    "settings": {
        "tokenType": "EMAIL",
        "maxSessions": 0,
        "ssoName": "NONE",
        "allowRegistrationIdentifier": True,
        "registrationIdentifiers": {"requestCustomerId": True, "requestPostcode": True},
    },
    "disableSsoFunctionality": False,
    "emergencyMode": "NONE",
}
NEXT_STEP = {"token": "process-token", "companyId": "C", "nextStep": "EMAIL", "verificationToken": "C0DE77"}
SESSION = {"customerSession": "a-session"}
OWNER = {"id": "1", "customerId": "1234567", "type": "CUSTOMER_SESSION"}


def reply(status, body):
    headers = {"Content-Type": "application/json"}
    return Reply(status, b"" if body is None else json.dumps(body).encode(), headers)


def error(status, code):
    return reply(status, {"errorCode": code, "errorMessage": "whatever"})


adapters: list[ScriptedAdapter] = []


def connect(**options):
    """Return the real client over what the script answers."""
    return plenigo_v3.connect(**{**options, "adapter": adapters[-1]})


@pytest.fixture
def script(db, settings, monkeypatch):
    settings.PLENIGO = {"default": ACCOUNT}
    monkeypatch.setitem(backends.FACTORIES, "v3", f"{__name__}.connect")

    def script(*replies):
        backends._clients.clear()
        adapters.append(ScriptedAdapter(reply(200, SETTINGS), *replies))
        return adapters[-1]

    return script


def sent(adapter):
    return [(request.method, request.path_url.partition("?")[0]) for request in adapter.requests]


def test_reader_is_connected_by_four_calls_and_the_code_that_plenigo_returns_too_is_dropped(script, browser, user):
    adapter = script(reply(200, NEXT_STEP), reply(201, SESSION), reply(200, OWNER))
    page = text_of(browser.start())
    assert "C0DE77" not in page + str(dict(browser.session)) + str(list(AccountConnection.objects.values()))
    browser.enter("123456")
    assert sent(adapter) == [
        ("GET", "/api/v3.0/processes/settings/sso"),
        ("POST", "/api/v3.0/processes/registration/loginIdentifier/start"),
        ("POST", "/api/v3.0/processes/registration/loginIdentifier/validate"),
        ("GET", "/api/v3.0/sessions/validate"),
    ]
    assert json.loads(adapter.requests[1].body) == {
        "email": user.email,
        "password": DETAILS["password"],
        "language": "en",
        "customerNotification": True,
        "customerId": "1234567",
        "postcode": "10115",
        "ipAddress": "127.0.0.1",
    }
    assert json.loads(adapter.requests[2].body)["token"] == "process-token"
    assert customers.link_of(user).customer_id == "1234567"


@pytest.mark.parametrize(
    "answer",
    [*(error(400, code) for code in (20012, 20013, 20014)), error(404, 20015), error(403, 20016), error(404, 20404)],
)
def test_every_kind_of_mismatch_looks_alike(script, browser, answer):
    script(answer)
    assert "These details do not match our records." in text_of(browser.start())
    assert ConnectionTry.objects.get().outcome == "no_match"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(208, None), "already_registered"),
        (error(423, 20026), "wait"),
        (error(429, 99429), "wait"),
        (error(400, 20007), "email_taken"),
        (error(400, 99400), "invalid"),
        (error(400, 99018), "unavailable"),
        (error(401, 99008), "failed"),
    ],
)
def test_first_step_ends_as_the_state_machine_says(script, browser, answer, outcome):
    script(answer)
    browser.start()
    assert ConnectionTry.objects.get().outcome == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(208, None), "already_registered"),
        (error(403, 20044), "wrong_code"),
        (error(403, 20016), "other_process"),
        (error(400, 20043), "too_many_tries"),
        (error(408, 20040), "expired"),
        (error(412, 20041), "used"),
        (error(428, 20042), "out_of_order"),
        (error(400, 20042), "out_of_order"),
        (error(400, 20007), "email_taken"),
        (error(400, 20008), "invalid"),
        (error(400, 20061), "invalid"),
        (error(409, 0), "invalid"),
        (reply(400, {"errorCode": 99400, "validationErrors": [{"field": "verificationToken"}]}), "wrong_code"),
        (reply(400, {"errorCode": 99400, "validationErrors": [{"field": "token"}]}), "other_process"),
        (error(400, 99400), "other_process"),
        *((error(400, code), "customer_blocked") for code in (20001, 20011, 20022, 20024, 20073)),
        (error(403, 20011), "customer_blocked"),
    ],
)
def test_code_ends_as_the_state_machine_says(script, browser, answer, outcome):
    script(reply(200, NEXT_STEP), answer)
    browser.start()
    browser.enter("123456")
    assert ConnectionTry.objects.latest("pk").outcome == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(200, {**NEXT_STEP, "token": "new-token"}), "code_sent"),
        (error(403, 20042), "not_resent"),
        (error(408, 20040), "expired"),
        (error(412, 20041), "used"),
        (error(428, 20042), "out_of_order"),
        *((error(400, code), "customer_blocked") for code in (20001, 20011, 20022, 20024, 20073)),
        (error(403, 20011), "customer_blocked"),
        (error(403, 20016), "not_resent"),
    ],
)
def test_other_code_ends_as_the_state_machine_says(script, browser, answer, outcome):
    script(reply(200, NEXT_STEP), answer)
    browser.start()
    browser.resend()
    assert ConnectionTry.objects.latest("pk").outcome == outcome
    assert ("new-token" in str(dict(browser.session))) == (outcome == "code_sent")


@pytest.mark.parametrize("code", [99015, 99010, 20028])
def test_made_up_sessions_are_counted_whatever_the_code_of_their_401(script, browser, code):
    script()
    body = {"customer_session": "made-up"}
    events = []
    for _ in range(6):
        backends._clients.clear()
        adapters.append(ScriptedAdapter(error(401, code)))
        answer = browser.post("/plenigo/api/sign-in/", body, content_type="application/json")
        events.append(answer.json()["event"])
    assert events == ["not_signed_in"] * 5 + ["locked"]

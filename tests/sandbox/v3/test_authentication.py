"""Section 1 of docs/protocols/plenigo-v3.md: who calls, and what the body is, comes before all else."""

from datetime import timedelta

import pytest

from django_plenigo.sandbox import clock
from django_plenigo.sandbox.api_v3.urls import ENDPOINT_NAMES
from django_plenigo.sandbox.models import Company
from tests.sandbox.serving import Line
from tests.sandbox.v3.client import ApiV3

CALLS = {
    "createCustomer": ("POST", "customers"),
    "searchCustomers": ("GET", "customers?email=a@example.com"),
    "searchCustomerByAddress": ("POST", "customers/searchByAddress"),
    "customerIdByExternalSystemId": ("GET", "customers/customerIdByExternalSystemId/A-1"),
    "getCustomer": ("GET", "customers/1"),
    "updateCustomer": ("PUT", "customers/1"),
    "changeCustomerEmail": ("PUT", "customers/1/email"),
    "getCustomerAdditionalData": ("GET", "customers/1/additionalData"),
    "replaceAdditionalData": ("PUT", "customers/1/additionalData"),
    "searchCustomerOrders": ("GET", "customers/1/orders"),
    "searchCustomerSubscriptions": ("GET", "customers/1/subscriptions"),
    "createAccessRightsForCustomer": ("POST", "accessRights/1"),
    "getAccessRights": ("GET", "accessRights/1"),
    "checkAccessOfCustomer": ("GET", "accessRights/1/hasAccess?accessRightUniqueIds=news"),
    "updateAccessRightForCustomer": ("PUT", "accessRights/1/news"),
    "deleteAccessRightForCustomer": ("DELETE", "accessRights/1/news"),
    "searchCallbackLogs": ("GET", "callbacks/logs"),
    "getCallbackLog": ("GET", "callbacks/logs/1"),
    "preparePurchase": ("POST", "checkout/preparePurchase"),
    "getOrder": ("GET", "orders/1"),
    "searchSubscriptions": ("GET", "subscriptions"),
    "getSubscription": ("GET", "subscriptions/1"),
    "getSsoProcessSettings": ("GET", "processes/settings/sso"),
    "startloginIdentifierRegistration": ("POST", "processes/registration/loginIdentifier/start"),
    "validateloginIdentifierRegistration": ("POST", "processes/registration/loginIdentifier/validate"),
    "resendloginIdentifier": ("POST", "processes/registration/loginIdentifier/resend"),
    "removeActiveSessionsLogin": ("PUT", "processes/login/changeSessions/T"),
    "validateCustomerSession": ("GET", "sessions/validate?sessionToken=S"),
    "getCustomerDataBySession": ("GET", "sessions/customerData?sessionToken=S"),
    "createTransferToken": ("POST", "sessions/transferToken"),
    "validateTransferToken": ("GET", "sessions/transferToken?transferToken=T"),
    "createCustomerSession": ("POST", "sessions/1"),
}
WITH_BODY = {
    name: call for name, call in CALLS.items() if call[0] in {"POST", "PUT"} and "changeSessions" not in call[1]
}
EVERY = pytest.mark.parametrize(("method", "path"), CALLS.values(), ids=CALLS)
EVERY_WITH_BODY = pytest.mark.parametrize("name", WITH_BODY)


def test_table_names_every_operation() -> None:
    assert set(CALLS) == set(ENDPOINT_NAMES)


@EVERY
def test_call_without_a_token_is_refused(v3, sandbox, method, path) -> None:
    assert v3.refusal(method, path, token="") == (401, 99008)


@EVERY
def test_call_with_an_unknown_token_is_refused(v3, sandbox, method, path) -> None:
    assert v3.refusal(method, path, token="unknown") == (401, 99009)


@pytest.mark.parametrize("name", CALLS)
def test_record_of_calls_has_the_vendors_name_of_the_operation(v3, sandbox, name) -> None:
    v3(*CALLS[name])
    assert [call.endpoint for call in sandbox.calls] == [name]


@pytest.mark.parametrize("name", CALLS)
def test_fault_dial_reaches_the_operation_and_answers_in_this_versions_form(v3, sandbox, name) -> None:
    sandbox.fail_next(429, endpoint=name, retry_after=7)
    answer = v3(*CALLS[name])
    assert (answer.status_code, answer.json()["errorCode"], answer.headers["Retry-After"]) == (429, 99429, "7")


@EVERY
def test_method_that_an_address_does_not_take_is_refused(v3, sandbox, method, path) -> None:
    answer = v3("PATCH", path)
    assert (answer.status_code, method in answer.headers["Allow"]) == (405, True)


def test_token_that_may_only_read_is_refused_every_change(v3, ada) -> None:
    Company.objects.update(api_token_is_read_only=True)
    assert v3("GET", f"customers/{ada.number}").status_code == 200
    assert v3.refusal("PUT", f"customers/{ada.number}/email", {"email": "new@example.com"}) == (401, 99009)


def test_token_is_good_until_it_expires(v3, sandbox) -> None:
    Company.objects.filter(pk=sandbox.company.pk).update(api_token_expires_at=clock.now() + timedelta(days=1))
    assert v3("GET", "subscriptions").status_code == 200
    sandbox.advance(24 * 60 * 60)
    for method, path in (("GET", "subscriptions"), ("POST", "customers"), ("GET", "unknown")):
        assert v3.refusal(method, path) == (401, 99009)


def test_token_is_worth_nothing_once_another_has_taken_its_place(v3, sandbox) -> None:
    Company.objects.filter(pk=sandbox.company.pk).update(api_token="t" * 40)
    assert v3.refusal("GET", "subscriptions") == (401, 99009)
    assert ApiV3("t" * 40)("GET", "subscriptions").status_code == 200


#: Which operations a token must be good for, as section 1.2 has it by tags.
APPLICATIONS = {
    "CUSTOMERS": {name for name, (_method, path) in CALLS.items() if path.startswith(("customers", "sessions"))},
    "ACCESS_RIGHTS": {name for name, (_method, path) in CALLS.items() if path.startswith("accessRights")},
    "CHECKOUT": {"preparePurchase"},
    "APPSTORES": {name for name in CALLS if "Order" in name or "Subscription" in name},
    "PROCESSES": {name for name, (_method, path) in CALLS.items() if path.startswith("processes")},
    "CALLBACKS": {"searchCallbackLogs", "getCallbackLog"},
}
APPLICATIONS["CUSTOMERS"] -= APPLICATIONS["APPSTORES"]


@pytest.mark.parametrize("application", APPLICATIONS)
def test_token_is_good_for_its_applications_only(v3, sandbox, application) -> None:
    Company.objects.filter(pk=sandbox.company.pk).update(api_token_applications=[application])
    refused = {name for name, (method, path) in CALLS.items() if v3.ask(method, path)[1].get("errorCode") == 99009}
    assert set(CALLS) - refused == APPLICATIONS[application]


def test_token_that_names_no_application_is_good_for_all(v3, sandbox) -> None:
    assert sandbox.company.api_token_applications == []
    assert v3("GET", "subscriptions").status_code == 200


def test_token_of_another_company_reaches_its_own_customers_only(v3, ada, other_company) -> None:
    other = ApiV3(other_company.api_token)
    assert other.refusal("GET", f"customers/{ada.number}") == (404, 20404)


def test_demo_company_makes_itself_at_the_first_call(v3) -> None:
    assert not Company.objects.exists()
    assert v3("GET", "processes/settings/sso").status_code == 200


@pytest.mark.parametrize("path", ["", "unknown", "customers/1/unknown", "accessRights"])
def test_unknown_address_is_refused_in_json(v3, sandbox, path) -> None:
    assert v3.refusal("GET", path) == (404, 99404)


def test_shut_sandbox_answers_in_this_versions_form(v3, settings) -> None:
    settings.PLENIGO_SANDBOX = {}
    assert v3.refusal("GET", "subscriptions") == (503, 99503)


def refusal_of_body(v3, ada, name: str, body: bytes) -> tuple[int, int]:
    method, path = WITH_BODY[name]
    return v3.refusal(method, path.replace("/1", f"/{ada.number}"), data=body)


@EVERY_WITH_BODY
def test_missing_body_is_refused(v3, ada, name) -> None:
    assert refusal_of_body(v3, ada, name, b"  ") == (400, 99001)


@EVERY_WITH_BODY
@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"price": NaN}', b"[" * 100_000], ids=["cut", "bytes", "nan", "deep"]
)
def test_body_that_is_no_json_is_refused(v3, ada, name, body) -> None:
    assert refusal_of_body(v3, ada, name, body) == (400, 99002)


@EVERY_WITH_BODY
def test_body_that_is_no_object_is_refused(v3, ada, name) -> None:
    assert refusal_of_body(v3, ada, name, b"[]") == (400, 99014)


def test_body_that_is_too_large_is_refused(v3, ada) -> None:
    body = b'{"data": {"a": "' + b"x" * 1_100_000 + b'"}}'
    assert v3.refusal("PUT", f"customers/{ada.number}/additionalData", data=body) == (413, 99400)


def test_one_answer_names_every_field_that_is_wrong(v3, sandbox) -> None:
    body = {"email": "nobody", "language": "german", "customerId": "C1", "salutation": "SIR", "password": "x" * 101}
    status, told = v3.ask("POST", "customers", body)
    assert (status, told["errorCode"]) == (400, 99400)
    assert {(flaw["field"], flaw["error"]) for flaw in told["validationErrors"]} == {
        ("email", "email"),
        ("language", "size"),
        ("customerId", "pattern"),
        ("salutation", "enum"),
        ("password", "size"),
    }


def test_password_is_not_told_back(v3, sandbox) -> None:
    answer = v3("POST", "customers", {"email": "a@example.com", "language": "de", "password": "secret" * 20})
    assert (answer.status_code, "secret" in answer.text) == (400, False)


def test_server_of_its_own_takes_the_longest_session(line: Line, ada) -> None:
    head = f"GET /api/v3.0/sessions/validate?sessionToken={'x' * 10_000} HTTP/1.1\nX-plenigo-token: {ApiV3().token}"
    status, body = line.ask(head)
    assert (status, body["errorCode"]) == (401, 20028)


def test_server_of_its_own_plays_both_versions(line: Line, ada) -> None:
    head = f"GET /api/v3.0/customers/{ada.number} HTTP/1.1\nX-plenigo-token: {ApiV3().token}"
    status, body = line.ask(head)
    assert (status, body["customerId"], line.ask("GET /api/v2/paywall/state HTTP/1.1")[0]) == (200, ada.number, 200)

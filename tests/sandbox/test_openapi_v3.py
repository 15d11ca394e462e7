"""The sandbox keeps to the vendor's own description of API v3: no status and no body that is not in it."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import requests

from django_plenigo.sandbox import customer_sessions, identifiers, purchases
from django_plenigo.sandbox.adapter import SandboxAdapter
from django_plenigo.sandbox.credentials import API_TOKEN
from django_plenigo.sandbox.models import Customer, SsoSettings
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY
from django_plenigo.sandbox.testing import Sandbox
from tests.sandbox.openapi import PATH, read_document, without_defects
from tests.sandbox.vendor_client import HOST

if not PATH.exists():
    if os.environ.get("CI") == "true":
        pytest.fail(f"The vendor's document must be at {PATH}, or where PLENIGO_OPENAPI says.", pytrace=False)
    pytest.skip(f"The vendor's document is not at {PATH}.", allow_module_level=True)
if os.environ.get("CI") != "true":
    pytest.importorskip("schemathesis")

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

BASE = f"{HOST}/api/v3.0"
TOKEN = {"X-plenigo-token": API_TOKEN}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CONNECT = "/processes/registration/loginIdentifier"
HOME = {"street": "Hauptstraße", "streetNumber": "5", "postcode": "10115", "city": "Berlin", "country": "DE"}
EVE = {
    "email": "eve@example.com",
    "language": "de",
    "customerId": "4711",
    "externalSystemId": "E-1",
    "username": "eve",
    "salutation": "MRS",
    "firstName": "Eve",
    "lastName": "Moss",
    "invoiceEmail": "bills@example.com",
    "mobileNumber": "+491701234567",
    "birthday": "2001-03-21",
    "addresses": [{**HOME, "type": "INVOICE", "preferred": True}],
    "data": {"crm": "7"},
}
CUSTOM = {
    "quantity": 2,
    "title": "Box",
    "legalText": "Terms",
    "products": [
        {"title": "Book", "price": 12.5, "currency": "EUR", "taxType": "BOOK", "accessRightUniqueId": "the-book"}
    ],
}
RIGHT = {"accessRightUniqueId": "news", "lifeTimeEnd": "2090-01-01T00:00:00Z", "accessTimeStart": "00:00:00"}

schema = schemathesis.openapi.from_dict(without_defects(read_document()))


@pytest.fixture
def session() -> requests.Session:
    """A session that calls the sandbox in process."""
    session = requests.Session()
    session.mount(HOST, SandboxAdapter())
    session.headers.update(TOKEN)
    return session


@schema.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_whatever_is_sent_the_answer_is_one_that_the_vendor_describes(
    case: Any, db: None, session: requests.Session
) -> None:
    case.call_and_validate(base_url=BASE, session=session, headers=TOKEN, checks=CHECKS)


class Vendor:
    """Calls the sandbox and holds every answer against the vendor's description of the operation."""

    def __init__(self, session: requests.Session, sandbox: Sandbox) -> None:
        self.session = session
        self.sandbox = sandbox
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, method: str, template: str, status: int, json: Any = None, **values: Any) -> Any:
        """Send a call and return the body. `values` fill the address; what is left of them is the query."""
        path = template.format(**values)
        query = {name: value for name, value in values.items() if f"{{{name}}}" not in template}
        answer = self.session.request(method, f"{BASE}{path}", json=json, params=query)
        assert answer.status_code == status
        schema[template][method].validate_response(answer)
        self.seen.add((method, template))
        return answer.json() if answer.content else None


@pytest.fixture
def vendor(session: requests.Session, sandbox: Sandbox) -> Vendor:
    """API v3, held against its description."""
    return Vendor(session, sandbox)


def create_and_change_customers(vendor: Vendor) -> None:
    vendor("POST", "/customers", 201, EVE)
    vendor("POST", "/customers", 208, EVE)
    vendor("POST", "/customers", 400, {**EVE, "customerId": "4712"})
    vendor("GET", "/customers/{customerId}", 200, customerId="4711")
    vendor("GET", "/customers/{customerId}", 404, customerId="9999")
    vendor("PUT", "/customers/{customerId}", 200, {"lastName": "Moor"}, customerId="4711")
    vendor("PUT", "/customers/{customerId}/email", 200, {"email": "new@example.com"}, customerId="4711")
    vendor("GET", "/customers/customerIdByExternalSystemId/{externalSystemId}", 200, externalSystemId="E-1")
    vendor("GET", "/customers/{customerId}/additionalData", 200, customerId="4711")
    vendor("PUT", "/customers/{customerId}/additionalData", 200, {"data": {"a": "b"}}, customerId="4711")
    vendor("PUT", "/customers/{customerId}/additionalData", 400, {"data": 7}, customerId="4711")
    searched = {"postcode": "10115", "country": "DE", "lastName": "Moor"}
    assert vendor("POST", "/customers/searchByAddress", 200, searched)["items"]


def use_sessions(vendor: Vendor) -> None:
    ada = vendor.sandbox.create_customer().number
    vendor("POST", "/sessions/{customerId}", 202, {"os": "Linux", "browser": "Firefox"}, customerId=ada)
    vendor("POST", "/sessions/{customerId}", 400, {}, customerId="9999")
    token = vendor("POST", "/sessions/{customerId}", 200, {}, customerId=ada)["removalToken"]
    change = "/processes/login/changeSessions/{removalToken}"
    text = vendor("PUT", change, 202, removalToken=token)["customerSession"]
    vendor("PUT", change, 401, removalToken=token)
    vendor("GET", "/sessions/validate", 200, sessionToken=text)
    vendor("GET", "/sessions/validate", 401, sessionToken="unknown")
    vendor("GET", "/sessions/customerData", 200, sessionToken=text)
    token = vendor("POST", "/sessions/transferToken", 200, {"customerSession": text})["transferToken"]
    vendor("GET", "/sessions/transferToken", 200, transferToken=token)
    vendor("GET", "/sessions/transferToken", 412, transferToken=token)


def use_access_rights(vendor: Vendor) -> None:
    ada = vendor.sandbox.create_customer()
    for product_id in (MONTHLY, DAY_PASS, "only-the-shop"):
        vendor.sandbox.buy(ada, product_id)
    whose = {"customerId": ada.number}
    vendor("POST", "/accessRights/{customerId}", 201, RIGHT, **whose)
    vendor("POST", "/accessRights/{customerId}", 208, RIGHT, **whose)
    names = f"news,P-MONTHLY,{DAY_PASS},only-the-shop"
    has = vendor("GET", "/accessRights/{customerId}/hasAccess", 200, **whose, accessRightUniqueIds=names)
    assert len(has["items"]) == 4
    one = {**whose, "accessRightUniqueId": "news"}
    vendor("PUT", "/accessRights/{customerId}/{accessRightUniqueId}", 200, {"data": {"a": "b"}}, **one)
    vendor("DELETE", "/accessRights/{customerId}/{accessRightUniqueId}", 202, **one)
    vendor("DELETE", "/accessRights/{customerId}/{accessRightUniqueId}", 404, **one)


def buy(vendor: Vendor) -> None:
    ada = vendor.sandbox.create_customer()
    offer = {"plenigoOfferId": identifiers.offer_id_of(MONTHLY), "quantity": 1}
    body = {"customerIpAddress": "198.51.100.42", "customerId": ada.number, "items": [offer, CUSTOM]}
    purchase_id = vendor("POST", "/checkout/preparePurchase", 201, body)["purchaseId"]
    order = vendor.sandbox.complete_purchase(purchase_id)
    purchases.cancel(ada.purchases.get(product_id=MONTHLY))
    vendor.sandbox.buy(ada, "only-the-shop")
    vendor("GET", "/orders/{orderId}", 200, orderId=order)
    assert len(vendor("GET", "/customers/{customerId}/orders", 200, customerId=ada.number)["items"]) == 2
    found = vendor("GET", "/customers/{customerId}/subscriptions", 200, customerId=ada.number)
    vendor("GET", "/subscriptions/{subscriptionId}", 200, subscriptionId=found["items"][0]["subscriptionId"])
    assert vendor("GET", "/subscriptions", 200)["items"]


def connect_an_account(vendor: Vendor) -> None:
    erna = vendor.sandbox.import_customer().customer
    SsoSettings.objects.update(opt_in_text="Yes", term_text="Terms", allowed_domains="a.example")
    vendor("GET", "/processes/settings/sso", 200, language="de")
    body = {"email": "erna@example.com", "password": "x", "language": "de", "customerId": erna.number}
    first = vendor("POST", f"{CONNECT}/start", 200, {**body, "postcode": "10115"})
    vendor("POST", f"{CONNECT}/start", 404, {**body, "postcode": "10115", "customerId": "9999"})
    vendor("POST", f"{CONNECT}/validate", 403, {"token": first["token"], "verificationToken": "x"})
    second = vendor("POST", f"{CONNECT}/resend", 200, {"token": first["token"]})
    vendor("POST", f"{CONNECT}/resend", 412, {"token": first["token"]})
    vendor("POST", f"{CONNECT}/validate", 408, {"token": "unknown", "verificationToken": "x"})
    code = {"token": second["token"], "verificationToken": second["verificationToken"]}
    vendor("POST", f"{CONNECT}/validate", 201, code)
    vendor("POST", f"{CONNECT}/start", 208, {**body, "email": "new@example.com", "postcode": "10115"})
    assert customer_sessions.active(Customer.objects.get(pk=erna.pk)).count() == 1


STORIES: list[Callable[[Vendor], None]] = [
    create_and_change_customers,
    use_sessions,
    use_access_rights,
    buy,
    connect_an_account,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_succeeds_is_answered_as_the_vendor_describes_it(vendor: Vendor, story: Callable[[Vendor], None]) -> None:
    story(vendor)


def test_every_operation_of_the_document_succeeds_in_one_of_the_stories(vendor: Vendor) -> None:
    for story in STORIES:
        Customer.objects.all().delete()
        story(vendor)
    described = {
        (method.upper(), path)
        for path, methods in read_document()["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert (len(described), described - vendor.seen) == (28, set())

"""The refusals of single calls of API v3, each as one line: docs/protocols/plenigo-v3.md 1.3 and 2 to 6."""

import json
from typing import Any, NamedTuple

import pytest

from django_plenigo.sandbox import customers, identifiers, profiles
from django_plenigo.sandbox.models import (
    AccessRight,
    Address,
    Company,
    ConnectionProcess,
    Customer,
    CustomerSession,
    PreparedPurchase,
    Purchase,
    SentMessage,
    SsoSettings,
    TransferToken,
)
from django_plenigo.sandbox.seed import MONTHLY
from tests.sandbox.v3.client import ApiV3

#: Customers of the demo company, one of another, and nobody.
ADA, BOB, ERNA, STRANGER, NOBODY = "1001", "1002", "1003", "1004", "9999"
OFFER = {"plenigoOfferId": identifiers.offer_id_of(MONTHLY), "quantity": 1}
PRODUCT = {"title": "T", "price": 1, "currency": "EUR", "taxType": "BOOK", "accessRightUniqueId": "news"}
CUSTOM = {"quantity": 1, "title": "T", "legalText": "L", "products": [PRODUCT]}
IP = {"customerIpAddress": "198.51.100.42"}
START = {"email": "erna@example.com", "password": "x", "language": "de", "customerId": ERNA, "postcode": "10115"}
NEW = {"email": "eve@example.com", "language": "de"}
CONNECT = "processes/registration/loginIdentifier"


class Refusal(NamedTuple):
    what: str
    method: str
    path: str
    body: Any
    status: int
    code: int

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def lines(method: str, path: str, good: dict[str, Any], *rows: tuple[str, dict[str, Any], int, int]) -> list[Refusal]:
    """Return the refusals of one call. A change to None takes a field out of the good body."""
    return [
        Refusal(what, method, path, {key: value for key, value in (good | change).items() if value is not None}, *told)
        for what, change, *told in rows
    ]


def asked(*rows: tuple[str, str, str, int, int]) -> list[Refusal]:
    """Return the refusals of calls without a body."""
    return [Refusal(what, method, path, None, status, code) for what, method, path, status, code in rows]


CUSTOMERS = [
    *lines(
        "POST",
        "customers",
        NEW,
        ("no address", {"email": None}, 400, 99400),
        ("empty address", {"email": ""}, 400, 99400),
        ("no e-mail address", {"email": "eve"}, 400, 99400),
        ("long address", {"email": f"{'e' * 60}@{'x' * 40}.example"}, 400, 99400),
        ("no language", {"language": None}, 400, 99400),
        ("long language", {"language": "deu"}, 400, 99400),
        ("digits for a language", {"language": "12"}, 400, 99400),
        ("number for a text", {"firstName": 7}, 400, 99014),
        ("text for a flag", {"processingBlocked": "true"}, 400, 99014),
        ("long name", {"lastName": "x" * 101}, 400, 99400),
        ("null character", {"lastName": "a\0b"}, 400, 99400),
        ("letters in the id", {"customerId": "A1"}, 400, 99400),
        ("long id", {"customerId": "1" * 19}, 400, 99400),
        ("number for the id", {"customerId": 4711}, 400, 99014),
        ("salutation", {"salutation": "SIR"}, 400, 99400),
        ("mobile number", {"mobileNumber": "0170 1234"}, 400, 99400),
        ("bad day", {"birthday": "2026-02-30"}, 400, 99003),
        ("moment for a day", {"birthday": "2026-02-20T00:00:00Z"}, 400, 99003),
        ("blank external id", {"externalSystemId": " "}, 400, 99400),
        ("wrong type before a bad day", {"birthday": "never", "firstName": 7}, 400, 99014),
        ("bad day before a bad address", {"birthday": "never", "email": "eve"}, 400, 99003),
        ("too many data", {"data": {str(number): "" for number in range(51)}}, 400, 99400),
        ("long key of data", {"data": {"x" * 31: ""}}, 400, 99400),
        ("long value of data", {"data": {"a": "x" * 201}}, 400, 99400),
        ("number in data", {"data": {"a": 1}}, 400, 99014),
        ("address without a type", {"addresses": [{"city": "Bonn"}]}, 400, 99400),
        ("country of an address", {"addresses": [{"type": "INVOICE", "country": "D"}]}, 400, 99400),
        ("two preferred invoice addresses", {"addresses": [{"type": "INVOICE", "preferred": True}] * 2}, 400, 20047),
        ("two preferred delivery addresses", {"addresses": [{"type": "DELIVERY", "preferred": True}] * 2}, 400, 20048),
        ("address of another", {"email": "ADA@example.com"}, 400, 20007),
        ("address of another, with a new id", {"email": "ada@example.com", "customerId": NOBODY}, 400, 20007),
        ("address and id of two", {"email": "ada@example.com", "customerId": BOB}, 400, 20027),
        ("id of another", {"customerId": BOB}, 400, 20068),
        ("user name of another", {"username": "bob"}, 400, 20008),
        ("external id of another", {"externalSystemId": "B-1"}, 400, 20023),
        ("placeholder", {"email": "a@pseudo-mail.plenigo.invalid"}, 400, 20062),
    ),
    *lines(
        "PUT",
        f"customers/{ADA}",
        {},
        ("address of another", {"email": "bob@example.com"}, 400, 20007),
        ("user name of another", {"username": "bob"}, 400, 20008),
        ("external id of another", {"externalSystemId": "B-1"}, 400, 20023),
        ("another external id", {"externalSystemId": "A-2"}, 400, 99400),
        ("placeholder", {"email": "a@pseudo-mail.plenigo.invalid"}, 400, 20062),
    ),
    *lines(
        "PUT",
        f"customers/{ADA}/email",
        {"email": "new@example.com"},
        ("no address", {"email": None}, 400, 99400),
        ("address of another", {"email": "BOB@example.com"}, 400, 20007),
        ("placeholder", {"email": "a@pseudo-mail.plenigo.invalid"}, 400, 20062),
    ),
    *lines("PUT", f"customers/{ADA}/additionalData", {}, ("list for a map", {"data": []}, 400, 99014)),
    *lines("PUT", "customers/C1", {}, ("no number", {}, 400, 99400)),
    *lines("PUT", f"customers/{NOBODY}", {}, ("unknown", {}, 404, 20404)),
    *lines("PUT", f"customers/{NOBODY}/email", {"email": "new@example.com"}, ("unknown", {}, 404, 20404)),
    *lines("PUT", f"customers/{NOBODY}/additionalData", {}, ("unknown", {}, 404, 20404)),
    *asked(
        ("unknown", "GET", f"customers/{NOBODY}", 404, 20404),
        ("no number", "GET", "customers/C1", 404, 20404),
        ("another company's", "GET", f"customers/{STRANGER}", 404, 20404),
        ("unknown", "GET", f"customers/{NOBODY}/additionalData", 404, 20404),
        ("unknown", "GET", "customers/customerIdByExternalSystemId/unknown", 404, 20404),
        ("another case", "GET", "customers/customerIdByExternalSystemId/a-1", 404, 20404),
        ("long", "GET", f"customers/customerIdByExternalSystemId/{'x' * 101}", 400, 99400),
        ("long filter", "GET", f"customers?email={'x' * 101}", 400, 99400),
    ),
    *lines(
        "POST",
        "customers/searchByAddress",
        {"postcode": "10115", "country": "DE", "lastName": "Moss"},
        ("no post code", {"postcode": None}, 400, 99400),
        ("no country", {"country": None}, 400, 99400),
        ("small letters", {"country": "de"}, 400, 99400),
        ("no name", {"lastName": None}, 400, 99400),
    ),
    *lines(
        "POST",
        "customers/searchByAddress?useAnd=perhaps",
        {"postcode": "10115", "country": "DE", "lastName": "Moss"},
        ("no flag", {}, 400, 99014),
    ),
]

SESSIONS = [
    *lines(
        "POST",
        f"sessions/{ADA}",
        {},
        ("long browser", {"browser": "x" * 201}, 400, 99400),
        ("long country", {"country": "DEU"}, 400, 99400),
        ("number for a text", {"os": 7}, 400, 99014),
    ),
    *lines("POST", f"sessions/{NOBODY}", {}, ("unknown", {}, 400, 20404)),
    *lines("POST", "sessions/C1", {}, ("no number", {}, 400, 99400)),
    *asked(
        ("none", "GET", "sessions/validate", 400, 99400),
        ("empty", "GET", "sessions/validate?sessionToken=", 400, 99400),
        ("unknown", "GET", "sessions/validate?sessionToken=unknown", 401, 20028),
        ("long", "GET", f"sessions/validate?sessionToken={'x' * 10_001}", 400, 99400),
        ("unknown", "GET", "sessions/customerData?sessionToken=unknown", 401, 20028),
        ("none", "GET", "sessions/transferToken", 400, 99400),
        ("unknown", "GET", "sessions/transferToken?transferToken=unknown", 412, 20032),
        ("long", "GET", f"sessions/transferToken?transferToken={'x' * 51}", 400, 99400),
        ("unknown", "PUT", "processes/login/changeSessions/unknown", 401, 20031),
        ("long session", "PUT", f"processes/login/changeSessions/unknown?sessionId={'x' * 41}", 400, 99400),
    ),
    *lines(
        "POST",
        "sessions/transferToken",
        {},
        ("none", {}, 400, 99400),
        ("unknown", {"customerSession": "unknown"}, 401, 20028),
    ),
]

RIGHTS = [
    *lines(
        "POST",
        f"accessRights/{ADA}",
        {"accessRightUniqueId": "news"},
        ("no id", {"accessRightUniqueId": None}, 400, 99400),
        ("underscore", {"accessRightUniqueId": "P_NEWS"}, 400, 99400),
        ("dot", {"accessRightUniqueId": "a.b"}, 400, 99400),
        ("one character", {"accessRightUniqueId": "a"}, 400, 99400),
        ("line break", {"accessRightUniqueId": "news\n"}, 400, 99400),
        ("day for a moment", {"lifeTimeStart": "2026-01-01"}, 400, 99003),
        ("no time zone", {"lifeTimeStart": "2026-01-01T00:00:00"}, 400, 99003),
        ("time of day", {"accessTimeStart": "25:00:00"}, 400, 99003),
        (
            "end before the beginning",
            {"lifeTimeStart": "2026-01-02T00:00:00Z", "lifeTimeEnd": "2026-01-01T00:00:00Z"},
            400,
            99400,
        ),
        (
            "end of a pause before its beginning",
            {"pausedTimeStart": "2026-01-02T00:00:00Z", "pausedTimeEnd": "2026-01-01T00:00:00Z"},
            400,
            99400,
        ),
        ("text for the partners", {"activePartners": "P"}, 400, 99014),
        ("number for a partner", {"activePartners": [7]}, 400, 99014),
        ("too many data", {"data": {str(number): "" for number in range(21)}}, 400, 99400),
        ("bought already", {"accessRightUniqueId": "P-MONTHLY"}, 400, 21001),
    ),
    *lines("POST", f"accessRights/{NOBODY}", {"accessRightUniqueId": "news"}, ("unknown", {}, 404, 20404)),
    *lines("PUT", f"accessRights/{ADA}/news", {}, ("unknown", {}, 404, 21404), ("flag", {"blocked": 1}, 400, 99014)),
    *lines("PUT", f"accessRights/{ADA}/P-MONTHLY", {}, ("bought", {}, 404, 21404)),
    *asked(
        ("unknown right", "DELETE", f"accessRights/{ADA}/news", 404, 21404),
        ("unknown customer", "DELETE", f"accessRights/{NOBODY}/news", 404, 20404),
        ("no ids", "GET", f"accessRights/{ADA}/hasAccess", 400, 99400),
        ("empty ids", "GET", f"accessRights/{ADA}/hasAccess?accessRightUniqueIds=,", 400, 99400),
        ("underscore", "GET", f"accessRights/{ADA}/hasAccess?accessRightUniqueIds=news,P_NEWS", 400, 99400),
        ("unknown customer", "GET", f"accessRights/{NOBODY}/hasAccess?accessRightUniqueIds=news", 404, 20404),
        ("no number", "GET", "accessRights/C1/hasAccess?accessRightUniqueIds=news", 400, 99400),
        ("unknown customer", "GET", f"accessRights/{NOBODY}", 404, 20404),
    ),
]

CHECKOUT = [
    *lines(
        "POST",
        "checkout/preparePurchase",
        {**IP, "items": [OFFER]},
        ("no IP address", {"customerIpAddress": None}, 400, 99400),
        ("long IP address", {"customerIpAddress": "1" * 46}, 400, 99400),
        ("unknown customer", {"customerId": NOBODY}, 404, 20404),
        ("unknown session", {"customerSession": "unknown"}, 400, 20028),
        ("nobody for a payment alone", {"paymentOnly": True}, 400, 90010),
        ("nothing to sell", {"items": None}, 400, 90037),
        ("no items", {"items": []}, 400, 90037),
        ("empty voucher", {"voucherCode": "", "items": None}, 400, 90037),
        ("empty basket id", {"basketId": "", "items": []}, 400, 90037),
        ("item of no products", {"items": [CUSTOM | {"products": []}]}, 400, 90037),
        ("one of two is of no products", {"items": [OFFER, CUSTOM | {"products": []}]}, 400, 90037),
        ("unknown offer", {"items": [{"plenigoOfferId": "O_UNKNOWN", "quantity": 1}]}, 400, 90037),
        ("one of two is unknown", {"items": [OFFER, {"plenigoOfferId": "O_UNKNOWN", "quantity": 1}]}, 400, 90037),
        ("offer of another company", {"connectedOfferItems": [{"plenigoConnectedOfferId": "O_1"}]}, 400, 90037),
        ("voucher and items", {"voucherCode": "V"}, 400, 90038),
        ("unknown voucher", {"voucherCode": "V", "items": None}, 400, 99400),
        ("unknown basket", {"basketId": "B", "items": None}, 404, 90404),
        ("no quantity", {"items": [OFFER | {"quantity": None}]}, 400, 99400),
        ("quantity of none", {"items": [OFFER | {"quantity": 0}]}, 400, 99400),
        ("text for the quantity", {"items": [OFFER | {"quantity": "1"}]}, 400, 99014),
        ("flag for the quantity", {"items": [OFFER | {"quantity": True}]}, 400, 99014),
        ("offer and product", {"items": [OFFER | CUSTOM]}, 400, 99400),
        ("neither offer nor product", {"items": [{"quantity": 1}]}, 400, 99400),
        ("product without terms", {"items": [CUSTOM | {"legalText": None}]}, 400, 99400),
        ("product without a price", {"items": [CUSTOM | {"products": [PRODUCT | {"price": None}]}]}, 400, 99400),
        ("price below nothing", {"items": [CUSTOM | {"products": [PRODUCT | {"price": -1}]}]}, 400, 99400),
        ("price above all", {"items": [CUSTOM | {"products": [PRODUCT | {"price": 100_001}]}]}, 400, 99400),
        ("tax", {"items": [CUSTOM | {"products": [PRODUCT | {"taxType": "LUXURY"}]}]}, 400, 99400),
        ("right", {"items": [CUSTOM | {"products": [PRODUCT | {"accessRightUniqueId": "a_b"}]}]}, 400, 99400),
        ("payment method", {"allowedPaymentMethods": ["CASH"]}, 400, 99400),
        ("forced payment method", {"forcePaymentMethod": "CASH"}, 400, 99400),
        (
            "forced payment method that is not allowed",
            {"forcePaymentMethod": "TWINT", "allowedPaymentMethods": ["PAYPAL", "CREDIT_CARD"]},
            400,
            99400,
        ),
        ("take over", {"addressSettings": {"takeOver": "ALL"}}, 400, 99400),
        ("gift", {"giftOption": "GIFT"}, 400, 99400),
        ("variant", {"variantUniqueId": "a_b"}, 400, 99400),
        ("address of nobody", {"invoiceAddressId": 1}, 400, 99400),
        ("address of another", {"customerId": ADA, "deliveryAddressId": 1}, 400, 99400),
        ("number in data", {"additionalData": {"data": {"id": 7}}}, 400, 99014),
        ("word for the beginning", {"subscriptionStartDate": "soon"}, 400, 99003),
        ("day that there is not for the beginning", {"subscriptionStartDate": "2026-02-30"}, 400, 99003),
        ("long affiliate", {"additionalData": {"affiliateId": "x" * 101}}, 400, 99400),
        ("long source of a campaign", {"additionalData": {"utm": {"source": "x" * 101}}}, 400, 99400),
    ),
    *asked(
        ("unknown", "GET", "orders/1", 404, 99404),
        ("no number", "GET", "orders/O-1", 404, 99404),
        ("huge", "GET", f"orders/{2**70}", 404, 99404),
        ("unknown", "GET", "subscriptions/1", 404, 40404),
        ("no number", "GET", "subscriptions/S-1", 404, 40404),
        ("no number", "GET", "subscriptions?subscriptionItemId=S-1", 400, 99014),
        ("unknown type", "GET", "subscriptions?subscriptionType=WEEKLY", 400, 99400),
        ("unknown", "GET", f"customers/{NOBODY}/orders", 404, 20404),
        ("no number", "GET", "customers/C1/subscriptions", 400, 99400),
        ("order of sorting", "GET", f"customers/{ADA}/orders?sort=UP", 400, 99400),
        ("day for a moment", "GET", f"customers/{ADA}/orders?startTime=2026-01-01", 400, 99003),
        ("unknown cursor", "GET", f"customers/{ADA}/orders?startingAfter=1", 400, 99400),
        ("long cursor", "GET", f"customers/{ADA}/orders?endingBefore={'x' * 101}", 400, 99400),
    ),
]

CONNECTION = [
    *asked(("long language", "GET", "processes/settings/sso?language=deu", 400, 99400)),
    *lines(
        "POST",
        f"{CONNECT}/start",
        START,
        ("no address", {"email": None}, 400, 99400),
        ("no e-mail address", {"email": "erna"}, 400, 99400),
        ("no password", {"password": None}, 400, 99400),
        ("empty password", {"password": ""}, 400, 99400),
        ("no language", {"language": None}, 400, 99400),
        ("digits for a language", {"language": "12"}, 400, 99400),
        ("no customer id", {"customerId": None}, 400, 99400),
        ("no post code", {"postcode": None}, 400, 99400),
        ("blank post code", {"postcode": " "}, 400, 99400),
        ("text for the subscription", {"subscriptionId": "1"}, 400, 99014),
        ("mobile number", {"mobileNumber": "0170"}, 400, 99400),
        ("unknown customer", {"customerId": NOBODY}, 404, 20015),
        ("another company's customer", {"customerId": STRANGER}, 404, 20015),
        ("another post code", {"postcode": "10116"}, 400, 20013),
        ("address of another", {"email": "ada@example.com"}, 400, 20007),
        ("user name of another", {"username": "bob"}, 400, 20008),
        ("placeholder", {"email": "a@pseudo-mail.plenigo.invalid"}, 400, 20062),
    ),
    *lines(
        "POST",
        f"{CONNECT}/validate",
        {"token": "T", "verificationToken": "1"},
        ("no token", {"token": None}, 400, 99400),
    ),
    *lines("POST", f"{CONNECT}/validate", {"token": "T"}, ("long code", {"verificationToken": "1234567"}, 400, 99400)),
    *lines("POST", f"{CONNECT}/resend", {}, ("no token", {}, 400, 99400)),
]

REFUSALS = [*CUSTOMERS, *SESSIONS, *RIGHTS, *CHECKOUT, *CONNECTION]

#: Settings of the single sign-on with which a good call is refused, and what it is told.
REFUSING_SETTINGS = {
    "off": ({"allow_registration_identifier": False}, 400, 99400),
    "shut": ({"disable_sso": True}, 400, 99400),
    "emergency": ({"emergency_mode": "PLENIGO_MODE"}, 400, 99018),
    "name": ({"sso_name": "REGISTRATION_REQUIRED"}, 400, 20060),
    "user name": ({"force_username": True}, 400, 20061),
    "sms without a provider": ({"token_type": "SMS"}, 400, 10003),
    "subscription": ({"request_subscription_id": True}, 400, 99400),
    "house number": ({"request_street_number": True}, 400, 99400),
}


@pytest.fixture
def people(sandbox):
    """Ada has bought, Bob has a user name, Erna was imported, and a stranger is another company's."""
    other = Company.objects.create(name="The Other Gazette")
    sandbox.import_customer()
    for company, number, email, external_id in (
        (sandbox.company, ADA, "ada@example.com", "A-1"),
        (sandbox.company, BOB, "bob@example.com", "B-1"),
        (other, STRANGER, "stranger@example.com", "S-1"),
    ):
        customers.register_customer(company, email, external_id=external_id, number=number)
    Customer.objects.filter(number=BOB).update(username="bob")
    erna = Customer.objects.get(has_pseudo_email=True)
    erna.number, erna.email = ERNA, profiles.pseudo_email(ERNA)
    erna.save()
    sandbox.buy(ADA, MONTHLY)
    return erna


def all_rows() -> dict[str, list[Any]]:
    """Return everything that a call may change."""
    models = (AccessRight, Address, ConnectionProcess, Customer, CustomerSession, PreparedPurchase, Purchase)
    return {
        model.__name__: list(model.objects.order_by("pk").values()) for model in (*models, SentMessage, TransferToken)
    }


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_call_is_refused_and_changes_nothing(v3: ApiV3, people: Customer, refusal: Refusal) -> None:
    before = all_rows()
    assert v3.refusal(refusal.method, refusal.path, refusal.body) == (refusal.status, refusal.code)
    assert all_rows() == before


@pytest.mark.parametrize("name", REFUSING_SETTINGS)
def test_settings_refuse_a_connection(v3: ApiV3, people: Customer, settings_of_sso, name: str) -> None:
    values, status, code = REFUSING_SETTINGS[name]
    settings_of_sso(**values)
    assert v3.refusal("POST", f"{CONNECT}/start", START) == (status, code)


def test_mobile_number_is_needed_for_an_sms(v3: ApiV3, people: Customer, settings_of_sso) -> None:
    settings_of_sso(token_type="SMS")
    Company.objects.update(has_sms_provider=True)
    assert v3.refusal("POST", f"{CONNECT}/start", START) == (400, 99400)


def test_good_calls_of_the_table_are_not_refused(v3: ApiV3, people: Customer) -> None:
    good = [
        v3("POST", "customers", NEW),
        v3("POST", f"{CONNECT}/start", START),
        v3("POST", "checkout/preparePurchase", {**IP, "items": [OFFER]}),
        v3("POST", "checkout/preparePurchase", {**IP, "items": [CUSTOM], "customerId": ADA}),
        v3("POST", f"accessRights/{ADA}", {"accessRightUniqueId": "news"}),
    ]
    assert [answer.status_code for answer in good] == [201, 200, 201, 201, 201]


#: How a customer is shut out, and the code that tells it.
SHUT = [
    ({"status": "BLOCKED"}, 20022),
    ({"status": "DEACTIVATED"}, 20011),
    ({"status": "DISABLED"}, 20024),
    ({"processing_blocked": True}, 20073),
]


@pytest.fixture(params=SHUT, ids=str)
def shut(request: pytest.FixtureRequest) -> Any:
    """Shut a customer out, and return the code that tells it."""

    def block(number: str) -> int:
        change, code = request.param
        Customer.objects.filter(number=number).update(**change)
        return code

    return block


def test_status_of_a_customer_is_told(v3: ApiV3, people: Customer) -> None:
    for status in Customer.Status.values:
        Customer.objects.filter(number=ADA).update(status=status)
        assert v3("GET", f"customers/{ADA}").json()["status"] == status


def test_blocked_customer_gets_no_session(v3: ApiV3, people: Customer, shut: Any) -> None:
    code = shut(ADA)
    assert v3.refusal("POST", f"sessions/{ADA}", {}) == (400, code)


def test_blocked_customer_gets_no_session_in_place_of_others(v3: ApiV3, people: Customer, shut: Any) -> None:
    v3("POST", f"sessions/{ADA}", {})
    token = v3("POST", f"sessions/{ADA}", {}).json()["removalToken"]
    code = shut(ADA)
    before = all_rows()
    assert v3.refusal("PUT", f"processes/login/changeSessions/{token}") == (400, code)
    assert all_rows() == before


def test_session_of_a_blocked_customer_is_worth_nothing(v3: ApiV3, people: Customer, shut: Any) -> None:
    session = v3("POST", f"sessions/{ADA}", {}).json()["customerSession"]
    token = v3("POST", "sessions/transferToken", {"customerSession": session}).json()["transferToken"]
    shut(ADA)
    assert v3.refusal("GET", f"sessions/validate?sessionToken={session}") == (401, 20028)
    assert v3.refusal("GET", f"sessions/transferToken?transferToken={token}") == (412, 20032)


def test_blocked_customer_cannot_buy(v3: ApiV3, people: Customer, shut: Any) -> None:
    code = shut(ADA)
    body = {**IP, "items": [OFFER], "customerId": ADA}
    assert v3.refusal("POST", "checkout/preparePurchase", body) == (400, code)


def test_session_from_before_prepares_no_purchase(v3: ApiV3, people: Customer, shut: Any) -> None:
    session = v3("POST", f"sessions/{ADA}", {}).json()["customerSession"]
    shut(ADA)
    body = {**IP, "items": [OFFER], "customerSession": session}
    assert v3.refusal("POST", "checkout/preparePurchase", body) == (400, 20028)


def test_what_was_prepared_before_is_not_completed(v3: ApiV3, people: Customer, sandbox, shut: Any) -> None:
    body = {**IP, "items": [OFFER], "customerId": ADA}
    purchase_id = v3("POST", "checkout/preparePurchase", body).json()["purchaseId"]
    shut(ADA)
    before = all_rows()
    with pytest.raises(customers.BlockedError):
        sandbox.complete_purchase(purchase_id)
    assert all_rows() == before


def test_blocked_customer_cannot_connect_an_account(v3: ApiV3, people: Customer, shut: Any) -> None:
    step = v3("POST", f"{CONNECT}/start", START).json()
    code = shut(ERNA)
    body = {"token": step["token"], "verificationToken": step["verificationToken"]}
    before = all_rows()
    assert v3.refusal("POST", f"{CONNECT}/resend", {"token": step["token"]}) == (400, code)
    assert v3.refusal("POST", f"{CONNECT}/validate", body) == (400, code)
    assert v3.refusal("POST", f"{CONNECT}/start", START) == (400, code)
    assert all_rows() == before


@pytest.mark.parametrize("begins", ["2030-01-31", "2030-01-31T00:00:00Z"])
def test_beginning_of_a_subscription_is_a_day_or_a_moment(v3: ApiV3, people: Customer, begins: str) -> None:
    body = {**IP, "items": [OFFER], "subscriptionStartDate": begins}
    assert v3("POST", "checkout/preparePurchase", body).status_code == 201


def test_address_is_throttled_for_five_seconds_where_the_company_says_so(v3: ApiV3, sandbox, standing_time) -> None:
    Company.objects.filter(pk=sandbox.company.pk).update(throttles_registration=True)
    assert v3("POST", "customers", {**NEW, "customerId": "4711"}).status_code == 201
    assert v3.refusal("POST", "customers", {**NEW, "customerId": "4711"}) == (429, 99429)
    sandbox.advance(5)
    assert v3("POST", "customers", {**NEW, "customerId": "4711"}).status_code == 208


@pytest.mark.parametrize("price", ["1e999", "1" + "0" * 400], ids=["infinite", "long"])
def test_number_beyond_all_bounds_is_refused(v3: ApiV3, people: Customer, price: str) -> None:
    item = json.dumps(CUSTOM).replace('"price": 1', f'"price": {price}')
    body = f'{{"customerIpAddress": "198.51.100.42", "items": [{item}]}}'
    assert v3.refusal("POST", "checkout/preparePurchase", data=body.encode()) == (400, 99400)


def test_settings_belong_to_one_company(people: Customer) -> None:
    other = Company.objects.get(name="The Other Gazette")
    assert not SsoSettings.objects.filter(company=other).exists()
    told = ApiV3(other.api_token)("GET", "processes/settings/sso").json()
    assert told["settings"]["allowRegistrationIdentifier"] is False

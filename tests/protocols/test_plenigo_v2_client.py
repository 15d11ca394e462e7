"""The client of API v2: what each verb sends, what it makes of the answers, and what it refuses to send."""

import base64
import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidValueError,
    NoAnswerError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteUnavailableError,
    UnsupportedOperationError,
)
from django_plenigo.protocols.base import (
    AccessReader,
    AccessRegistry,
    AccessRight,
    CheckoutOptions,
    CheckoutOrder,
    CheckoutSigner,
    CustomerDirectory,
    CustomerFinder,
    CustomerRef,
    LoginMinter,
    LoginPass,
    MultipleLoginMinter,
    PaywallReader,
    ProfileKeeper,
    SessionConfirmer,
)
from django_plenigo.protocols.plenigo_v2 import PlenigoV2, connect
from django_plenigo.protocols.plenigo_v2.answers import judge
from django_plenigo.transport import Answer
from tests.transport.fakes import Reply, ScriptedAdapter, scripted

#: Made-up credentials and the vendor's token for them: docs/protocols/plenigo-v2.md 1.3.
SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
COMPANY_ID = "Rk3WvT8nYq1LzB5cXp7M"
JTI = "655a3f2c1b7e45.12345678"
TOKEN = (
    "eyJhbGciOiJIUzI1NiJ9"
    ".eyJqdGkiOiI2NTVhM2YyYzFiN2U0NS4xMjM0NTY3OCIsImF1ZCI6InBsZW5pZ28iLCJleHAiOjE3MDAwMDAzMDAsImNvbXBhbnlJZCI6IlJrM1d2"
    "VDhuWXExTHpCNWNYcDdNIn0._JeiW1EqBACx2EYCleSfySbl4dV-zvKI8l_tPJN5Rx8"
)
NOW = 1_700_000_000.0

READER = CustomerRef("MAP27KCA3K2P")
NAMES = {"first_name": "Jo", "last_name": "Müller", "gender": "female"}
MEMBER = CustomerRef("member 7", is_external=True)


class Vendor:
    """A client whose vendor answers by a script, and what it sent."""

    def __init__(self, *script, **options):
        self.adapter = ScriptedAdapter(*script)
        transport = scripted(service="plenigo", judge=judge, adapter=self.adapter)
        options = {"secrets": [SECRET], "now": lambda: NOW, **options}
        self.client = PlenigoV2(transport=transport, company_id=COMPANY_ID, **options)

    @property
    def sent(self):
        (request,) = self.adapter.requests
        return request

    @property
    def line(self):
        url = urlsplit(self.sent.url)
        return f"{self.sent.method} {url.path}"

    @property
    def query(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.sent.url).query).items()}

    @property
    def body(self):
        return json.loads(self.sent.body)


def ok(**body):
    return Reply(body=json.dumps(body).encode())


def claims_of(request):
    payload = request.headers["plenigoToken"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_client_serves_every_need():
    client = Vendor().client
    assert isinstance(client, CustomerDirectory)
    assert isinstance(client, CustomerFinder)
    assert isinstance(client, ProfileKeeper)
    assert isinstance(client, AccessRegistry)
    assert isinstance(client, AccessReader)
    assert isinstance(client, LoginMinter)
    assert isinstance(client, CheckoutSigner)
    assert isinstance(client, PaywallReader)
    assert isinstance(client, MultipleLoginMinter)
    assert isinstance(client, SessionConfirmer)


# ---- the token


def test_token_is_the_vendors_byte_for_byte():
    vendor = Vendor(ok(enabled=True), new_jti=lambda: JTI)
    vendor.client.is_paywall_enabled()
    assert vendor.sent.headers["plenigoToken"] == TOKEN


def test_token_is_signed_by_the_first_secret():
    vendor = Vendor(ok(enabled=True), new_jti=lambda: JTI, secrets=[SECRET, "another secret"])
    vendor.client.is_paywall_enabled()
    assert vendor.sent.headers["plenigoToken"] == TOKEN


def test_token_is_new_in_every_attempt():
    vendor = Vendor(Reply(503), requests.ReadTimeout(), ok(enabled=True))
    vendor.client.is_paywall_enabled()
    assert len({claims_of(request)["jti"] for request in vendor.adapter.requests}) == 3


# ---- customers


def test_register_user_sends_everything_and_returns_the_id():
    vendor = Vendor(ok(customerId="MAP27KCA3K2P"))
    customer_id = vendor.client.register_user(
        "jo@example.com",
        language="de",
        external_id="7",
        first_name="Jo",
        last_name="Müller",
        fail_by_existing_email=False,
        with_password_reset=True,
    )
    assert customer_id == "MAP27KCA3K2P"
    assert vendor.line == "POST /api/v2/externalUser/register"
    assert vendor.body == {
        "email": "jo@example.com",
        "language": "de",
        "withPasswordReset": True,
        "failByExistingEmail": False,
        "externalUserId": "7",
        "firstName": "Jo",
        "name": "Müller",
    }
    assert vendor.sent.body.isascii()


def test_register_user_leaves_out_what_is_not_given():
    vendor = Vendor(ok(customerId="C"))
    vendor.client.register_user("jo@example.com", language="de")
    assert vendor.body == {
        "email": "jo@example.com",
        "language": "de",
        "withPasswordReset": False,
        "failByExistingEmail": True,
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"email": "jo@localhost"},
        {"language": "deu"},
        {"external_id": " 7"},
        {"first_name": "a\x00b"},
        {"last_name": "x" * 256},
    ],
    ids=lambda options: next(iter(options), "nothing wrong"),
)
def test_check_registration_refuses_what_register_user_refuses_and_sends_nothing(options):
    def refused_by(verb):
        try:
            verb(**{"email": "jo@example.com", "language": "de", **options})
        except InvalidValueError as error:
            return str(error)
        return ""

    vendor = Vendor(ok(customerId="C"))
    refused = refused_by(vendor.client.check_registration)
    assert vendor.adapter.requests == []
    assert refused == refused_by(vendor.client.register_user)
    assert bool(refused) is bool(options)


def test_register_user_takes_an_id_that_is_a_number_for_its_digits():
    assert Vendor(ok(customerId=56202510)).client.register_user("jo@example.com") == "56202510"


@pytest.mark.parametrize(
    ("options", "attempts"),
    [
        ({"fail_by_existing_email": False}, 2),
        ({"fail_by_existing_email": True}, 1),
        ({"fail_by_existing_email": False, "with_password_reset": True}, 1),
    ],
)
def test_register_user_is_tried_again_only_where_a_repeat_changes_nothing(options, attempts):
    vendor = Vendor(Reply(503), ok(customerId="C"))
    with suppress(RemoteUnavailableError):
        vendor.client.register_user("jo@example.com", **options)
    assert len(vendor.adapter.requests) == attempts


def test_register_user_of_a_taken_address_is_a_conflict():
    with pytest.raises(ConflictError) as caught:
        Vendor(Reply(409, b'{"error":"jo@example.com"}')).client.register_user("jo@example.com")
    assert str(caught.value) == "plenigo.register_user, HTTP 409"


def test_change_email_sends_the_address():
    vendor = Vendor(Reply(204, b""))
    vendor.client.change_email(READER, "new@example.com")
    assert vendor.line == "PUT /api/v2/externalUser/MAP27KCA3K2P/changeEmail"
    assert (vendor.query, vendor.body) == ({"useExternalCustomerId": "false"}, {"email": "new@example.com"})


def test_change_email_says_whose_id_it_is():
    vendor = Vendor(Reply(204, b""))
    vendor.client.change_email(MEMBER, "new@example.com")
    assert vendor.line == "PUT /api/v2/externalUser/member%207/changeEmail"
    assert vendor.query == {"useExternalCustomerId": "true"}


def test_change_profile_sends_both_names_and_the_gender_and_nothing_else():
    vendor = Vendor(Reply(204, b""))
    vendor.client.change_profile(READER, **NAMES)
    assert vendor.line == "PUT /api/v2/user/MAP27KCA3K2P/address"
    assert vendor.query == {"useExternalCustomerId": "false"}
    assert vendor.body == {"gender": "FEMALE", "firstName": "Jo", "name": "Müller"}


def test_change_profile_says_whose_id_it_is():
    vendor = Vendor(Reply(204, b""))
    vendor.client.change_profile(MEMBER, **NAMES)
    assert vendor.line == "PUT /api/v2/user/member%207/address"
    assert vendor.query == {"useExternalCustomerId": "true"}


@pytest.mark.parametrize(
    ("changes", "reason"), [({"language": "de"}, "no call that changes the language"), ({"gender": None}, "a gender")]
)
def test_change_profile_says_what_this_generation_cannot_do_and_sends_nothing(changes, reason):
    with pytest.raises(UnsupportedOperationError, match=reason):
        Vendor().client.change_profile(READER, **{**NAMES, **changes})


def test_add_external_id_sends_it():
    vendor = Vendor(Reply(204, b""))
    vendor.client.add_external_id("MAP27KCA3K2P", "7")
    assert vendor.line == "PUT /api/v2/externalUser/MAP27KCA3K2P/addExternalUserId"
    assert (vendor.query, vendor.body) == ({}, {"externalUserId": "7"})


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("a\\b", "a%5Cb"),
        ("a?b#c;d", "a%3Fb%23c%3Bd"),
        ("50%", "50%25"),
        ("ä", "%C3%A4"),
    ],
)
def test_id_in_a_path_leads_nowhere_else(value, segment):
    vendor = Vendor(ok(loginToken="t"))
    vendor.client.create_login_token(CustomerRef(value))
    assert vendor.line == f"POST /api/v2/externalUser/{segment}/createLoginToken"


# ---- login tokens


def test_create_login_token_sends_no_body_and_returns_a_pass_of_five_minutes():
    vendor = Vendor(ok(loginToken="t" * 32))
    assert vendor.client.create_login_token(READER) == LoginPass("t" * 32, is_url=False, lifetime_seconds=300)
    assert vendor.line == "POST /api/v2/externalUser/MAP27KCA3K2P/createLoginToken"
    assert (vendor.query, vendor.sent.body) == ({"useExternalCustomerId": "false"}, None)


def test_mint_login_creates_a_login_token():
    vendor = Vendor(ok(loginToken="t"))
    assert vendor.client.mint_login(MEMBER).value == "t"
    assert vendor.query == {"useExternalCustomerId": "true"}


def test_create_login_token_is_made_once():
    vendor = Vendor(Reply(503))
    with pytest.raises(RemoteUnavailableError):
        vendor.client.create_login_token(READER)
    assert len(vendor.adapter.requests) == 1


def test_create_login_tokens_returns_as_many_as_asked_for():
    vendor = Vendor(ok(loginTokens=["t1", "t2"]))
    assert [login.value for login in vendor.client.create_login_tokens(MEMBER, 2)] == ["t1", "t2"]
    assert vendor.line == "POST /api/v2/externalUser/member%207/createMultipleLoginTokens"
    assert (vendor.query, vendor.body) == ({"useExternalCustomerId": "1", "amount": "2"}, {})


# ---- access


def test_import_access_ids_sends_them_by_slot_and_leaves_none_out():
    vendor = Vendor(Reply(204, b""))
    vendor.client.import_access_ids(MEMBER, ["sap-1", None, "billing-1", "shop-1"])
    assert vendor.line == "POST /api/v2/import/customerAccess"
    assert vendor.body == {
        "customerId": "member 7",
        "useExternalCustomerId": True,
        "yourFirstIdentifier": "sap-1",
        "yourThirdIdentifier": "billing-1",
        "yourForthIdentifier": "shop-1",
    }


def test_has_bought_asks_for_all_products_in_one_call():
    vendor = Vendor(ok(accessGranted=True, userProducts=[{"productId": "b"}]))
    assert vendor.client.has_bought(READER, ["a", "b", "a"]) == {"a": False, "b": True}
    assert vendor.line == "GET /api/v2/user/product"
    assert vendor.query == {
        "customerId": "MAP27KCA3K2P",
        "productId": "a,b",
        "testMode": "false",
        "useExternalCustomerId": "false",
    }


PRODUCTS = [f"{number:ü>10}" for number in range(300)]


def grant(*product_ids):
    return ok(accessGranted=True, userProducts=[{"productId": product_id} for product_id in product_ids])


@pytest.mark.parametrize("customer", ["C", "ü" * 255])
def test_has_bought_asks_in_several_calls_for_what_one_address_cannot_carry(customer):
    vendor = Vendor(*[Reply(403, b'{"error":"no"}')] * 100)
    answers = vendor.client.has_bought(CustomerRef(customer), PRODUCTS)
    assert answers == dict.fromkeys(PRODUCTS, False)
    assert list(answers) == PRODUCTS
    asked = [parse_qs(urlsplit(request.url).query)["productId"][0] for request in vendor.adapter.requests]
    assert ",".join(asked).split(",") == PRODUCTS
    assert 1 < len(asked) < 100
    assert all(len(request.url) <= 4096 for request in vendor.adapter.requests)


def test_has_bought_puts_the_answers_of_several_calls_together():
    counting = Vendor(*[Reply(403, b'{"error":"no"}')] * 100)
    counting.client.has_bought(READER, PRODUCTS)
    calls = len(counting.adapter.requests)
    vendor = Vendor(grant(PRODUCTS[0]), *[Reply(403, b'{"error":"no"}')] * (calls - 2), grant(PRODUCTS[-1]))
    answers = vendor.client.has_bought(READER, PRODUCTS)
    assert [product_id for product_id, is_bought in answers.items() if is_bought] == [PRODUCTS[0], PRODUCTS[-1]]


def test_has_bought_knows_nothing_where_one_of_several_calls_fails():
    with pytest.raises(RemoteUnavailableError):
        Vendor(grant(PRODUCTS[0]), Reply(500)).client.has_bought(READER, PRODUCTS)


def test_has_bought_addresses_an_access_id_with_a_slash():
    vendor = Vendor(grant("a"))
    assert vendor.client.has_bought(CustomerRef("sap/1"), ["a"]) == {"a": True}
    assert vendor.query["customerId"] == "sap/1"


def test_has_bought_in_test_mode_says_so():
    vendor = Vendor(Reply(403, b'{"error":"no"}'), test_mode=True)
    vendor.client.has_bought(READER, ["a"])
    assert vendor.query["testMode"] == "true"


def test_has_bought_takes_the_vendors_403_for_a_no():
    body = b'{"error":"User is not allowed to access the product requested."}'
    assert Vendor(Reply(403, body)).client.has_bought(READER, ["a", "b"]) == {"a": False, "b": False}


@pytest.mark.parametrize("body", [b"<html>Forbidden</html>", b"", b"[]", b'{"message":"blocked by the firewall"}'])
def test_has_bought_takes_a_firewalls_403_for_no_answer(body):
    with pytest.raises(ProtocolError):
        Vendor(Reply(403, body)).client.has_bought(READER, ["a"])


def milliseconds(seconds):
    return str(int((NOW + seconds) * 1000))


@pytest.mark.parametrize(
    ("item", "is_bought"),
    [
        ({}, True),
        ({"lifeTimeEnd": None, "blocked": None}, True),
        ({"lifeTimeEnd": milliseconds(+1)}, True),
        ({"lifeTimeEnd": milliseconds(-59)}, True),
        ({"lifeTimeEnd": milliseconds(-60)}, False),
        ({"lifeTimeEnd": int(milliseconds(-60))}, False),
        ({"lifeTimeEnd": "0"}, True),
        ({"lifeTimeEnd": "-1"}, True),
        ({"lifeTimeEnd": "124123412432131"}, True),
        ({"blocked": False}, True),
        ({"blocked": True}, False),
        ({"blocked": True, "lifeTimeEnd": milliseconds(+1)}, False),
    ],
)
def test_has_bought_leaves_out_what_is_blocked_or_over(item, is_bought):
    vendor = Vendor(ok(accessGranted=True, userProducts=[{"productId": "a", **item}, {"productId": "b"}]))
    assert vendor.client.has_bought(READER, ["a", "b"]) == {"a": is_bought, "b": True}


@pytest.mark.parametrize(
    "items",
    [
        [{"productId": "other"}],
        [{}],
        [{"productId": None}],
        [{"productId": "a", "lifeTimeEnd": milliseconds(-60)}],
        [{"productId": "other", "blocked": True}],
    ],
)
def test_has_bought_takes_a_grant_that_names_nothing_owned_for_no_answer(items):
    """Granted means that at least one of the products is owned: a payer must not be told to buy."""
    with pytest.raises(ProtocolError, match="access to no product that was asked for"):
        Vendor(ok(accessGranted=True, userProducts=items)).client.has_bought(READER, ["a", "b"])


def test_has_bought_is_no_where_what_is_granted_is_blocked():
    vendor = Vendor(ok(accessGranted=True, userProducts=[{"productId": "a", "blocked": True}]))
    assert vendor.client.has_bought(READER, ["a", "b"]) == {"a": False, "b": False}


def test_has_bought_is_yes_where_one_of_two_purchases_of_a_product_holds():
    items = [{"productId": "a", "blocked": True}, {"productId": "a"}]
    assert Vendor(ok(accessGranted=True, userProducts=items)).client.has_bought(READER, ["a"]) == {"a": True}


@pytest.mark.parametrize(
    ("ends", "until"),
    [
        ([None], None),
        ([0], None),
        ([-1], None),
        ([4102444800000], datetime(2100, 1, 1, tzinfo=UTC)),
        (["4102444800000"], datetime(2100, 1, 1, tzinfo=UTC)),
        ([4102444800000, 4133980800000], datetime(2101, 1, 1, tzinfo=UTC)),
        ([4102444800000, 0], None),
        ([999999999999999999], None),
    ],
)
def test_rights_of_tells_until_when_where_the_vendor_does(ends, until):
    items = [{"productId": "a", "lifeTimeEnd": end} for end in ends]
    vendor = Vendor(ok(accessGranted=True, userProducts=items))
    assert vendor.client.rights_of(READER, ["a", "b"]) == {"a": AccessRight(True, until), "b": AccessRight(False)}


@pytest.mark.parametrize("body", [{"accessGranted": True}, {"accessGranted": True, "userProducts": []}])
def test_has_bought_is_yes_for_all_where_access_is_granted_without_a_purchase(body):
    """The paywall is off."""
    assert Vendor(ok(**body)).client.has_bought(READER, ["a", "b"]) == {"a": True, "b": True}


def test_has_bought_is_no_where_access_is_not_granted():
    vendor = Vendor(ok(accessGranted=False, userProducts=[{"productId": "a"}]))
    assert vendor.client.has_bought(READER, ["a"]) == {"a": False}


def test_check_customer_asks_for_the_subscriptions():
    vendor = Vendor(ok(elements=[], totalElements=0))
    vendor.client.check_customer(CustomerRef("a ü", is_external=True))
    assert vendor.line == "GET /api/v2/user/a%20%C3%BC/subscriptions"
    assert vendor.query == {"testMode": "false", "useExternalCustomerId": "true"}


@pytest.mark.parametrize("enabled", [True, False])
def test_is_paywall_enabled_returns_what_the_vendor_says(enabled):
    vendor = Vendor(ok(enabled=enabled))
    assert vendor.client.is_paywall_enabled() is enabled
    assert vendor.line == "GET /api/v2/paywall/state"


# ---- the cookie


def test_confirm_user_cookie_sends_it_whole_and_returns_the_customer():
    vendor = Vendor(ok(userId="MAP27KCA3K2P", email="jo@example.com"))
    assert vendor.client.confirm_user_cookie("c5|8a") == "MAP27KCA3K2P"
    assert vendor.line == "GET /api/v2/user/profile/sessionCookie"
    assert vendor.query == {"sessionCookie": "c5|8a"}


def test_confirm_user_cookie_reads_the_other_spelling_of_the_id():
    assert Vendor(ok(id="C")).client.confirm_user_cookie("c5") == "C"


@pytest.mark.parametrize("answer", [Reply(403, b'{"error":"no"}'), Reply(400, b'{"sessionCookie":{"Error":"no"}}')])
def test_confirm_user_cookie_is_none_where_the_vendor_knows_no_session(answer):
    assert Vendor(answer).client.confirm_user_cookie("c5") is None


@pytest.mark.parametrize("value", ["", "  ", "x" * 4097, "a\nb", "\ud800"])
def test_confirm_user_cookie_sends_nothing_that_no_vendor_wrote(value):
    assert Vendor().client.confirm_user_cookie(value) is None


# ---- the checkout


def test_sign_checkout_prints_the_vendors_call():
    call = Vendor().client.sign_checkout(CheckoutOrder("item-123"), CheckoutOptions())
    assert call.javascript == (
        'plenigo.checkout({"paymentData":"eyJhbGciOiJIUzI1NiJ9.eyJwaSI6Iml0ZW0tMTIzIiwiYXVkIjoicGxlbmlnbyJ9'
        '._OgInuIP3bFhv9jiXibqFKnR797IUtj0fejuAoWGUGc","startWithRegistration":false});'
    )


def test_sign_checkout_in_test_mode_says_so():
    vendor = Vendor(test_mode=True)
    payload = json.loads(vendor.client.sign_checkout(CheckoutOrder("a"), CheckoutOptions()).arguments_json)
    assert '"ts":true' in base64.urlsafe_b64decode(payload["paymentData"].split(".")[1] + "==").decode()


# ---- answers

CALLS = {
    "register_user": lambda client: client.register_user("jo@example.com"),
    "change_email": lambda client: client.change_email(READER, "jo@example.com"),
    "change_profile": lambda client: client.change_profile(READER, **NAMES),
    "add_external_id": lambda client: client.add_external_id("C", "7"),
    "create_login_token": lambda client: client.create_login_token(READER),
    "create_login_tokens": lambda client: client.create_login_tokens(READER, 2),
    "import_access_ids": lambda client: client.import_access_ids(READER, ["a"]),
    "has_bought": lambda client: client.has_bought(READER, ["a"]),
    "check_customer": lambda client: client.check_customer(READER),
    "is_paywall_enabled": lambda client: client.is_paywall_enabled(),
    "confirm_user_cookie": lambda client: client.confirm_user_cookie("c5"),
}
IDEMPOTENT = {
    "change_email",
    "change_profile",
    "add_external_id",
    "import_access_ids",
    "has_bought",
    "check_customer",
    "is_paywall_enabled",
    "confirm_user_cookie",
}


#: Those whose success has no documented body.
WITHOUT_ANSWER = {"change_email", "change_profile", "add_external_id", "import_access_ids"}


@pytest.mark.parametrize("operation", CALLS)
def test_only_an_idempotent_call_is_tried_again(operation):
    vendor = Vendor(*[requests.ReadTimeout()] * 3)
    with pytest.raises(NoAnswerError) as caught:
        CALLS[operation](vendor.client)
    assert caught.value.operation == operation
    assert len(vendor.adapter.requests) == (3 if operation in IDEMPOTENT else 1)


MEANINGS = [
    (302, ProtocolError, "redirect"),
    (307, ProtocolError, "redirect"),
    (400, RejectedError, "invalid parameters"),
    (401, AuthenticationError, "wrong company id or secret"),
    (404, NotFoundError, ""),
    (409, ConflictError, ""),
    (418, ProtocolError, "unexpected status"),
    (429, RateLimitError, ""),
    (500, RemoteUnavailableError, ""),
    (599, RemoteUnavailableError, ""),
]
#: What says that a cookie means nothing.
NO_SESSION = {("confirm_user_cookie", 400), ("confirm_user_cookie", 403)}


@pytest.mark.parametrize(
    ("operation", "status", "error", "code"),
    [(operation, *row) for operation in CALLS for row in MEANINGS if (operation, row[0]) not in NO_SESSION],
)
def test_failure_has_the_meaning_of_its_status(operation, status, error, code):
    with pytest.raises(error) as caught:
        CALLS[operation](Vendor(Reply(status)).client)
    assert type(caught.value) is error
    assert (caught.value.service, caught.value.operation) == ("plenigo", operation)
    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    "operation", ["register_user", "change_email", "change_profile", "add_external_id", "create_login_token"]
)
def test_company_without_a_closed_user_group_is_told_so(operation):
    with pytest.raises(AuthenticationError, match="no closed user group"):
        CALLS[operation](Vendor(Reply(403)).client)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"email":{"Error":"bad","Rejected Value":"jo@example.com"}}', "invalid email"),
        (b'{"email":{},"yourForthIdentifier":{}}', "invalid email, yourForthIdentifier"),
        (b'{"jo@example.com":{}}', "invalid parameters"),
        (b'["email"]', "invalid parameters"),
        (b"email", "invalid parameters"),
    ],
)
def test_400_names_only_parameters_that_we_send(body, code):
    assert judge(Answer(400, {}, body)) == (RejectedError, code)


BAD_BODIES = [b"", b"<html>", b"null", b"[]", b'"text"', b"{}", b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
@pytest.mark.parametrize("operation", sorted(set(CALLS) - WITHOUT_ANSWER))
def test_success_without_what_was_asked_for_is_a_protocol_error(operation, body):
    with pytest.raises(ProtocolError) as caught:
        CALLS[operation](Vendor(Reply(200, body)).client)
    assert (caught.value.operation, caught.value.status) == (operation, 200)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("register_user", {"customerId": ""}),
        ("register_user", {"customerId": True}),
        ("register_user", {"customerId": ["C"]}),
        ("create_login_token", {"loginToken": ""}),
        ("create_login_token", {"loginToken": 7}),
        ("create_login_tokens", {"loginTokens": ["t1"]}),
        ("create_login_tokens", {"loginTokens": ["t1", ""]}),
        ("create_login_tokens", {"loginTokens": "t1"}),
        ("has_bought", {"accessGranted": "true"}),
        ("has_bought", {"accessGranted": True, "userProducts": {"a": 1}}),
        ("has_bought", {"accessGranted": True, "userProducts": ["a"]}),
        ("has_bought", {"accessGranted": True, "userProducts": [{"productId": "a", "lifeTimeEnd": "soon"}]}),
        ("has_bought", {"accessGranted": True, "userProducts": [{"productId": "a", "lifeTimeEnd": True}]}),
        ("has_bought", {"accessGranted": True, "userProducts": [{"productId": "a", "blocked": "no"}]}),
        ("check_customer", {"elements": {}}),
        ("is_paywall_enabled", {"enabled": "false"}),
        ("confirm_user_cookie", {"userId": ""}),
    ],
)
def test_value_of_the_wrong_kind_is_a_protocol_error(operation, body):
    with pytest.raises(ProtocolError):
        CALLS[operation](Vendor(ok(**body)).client)


@pytest.mark.parametrize("operation", sorted(WITHOUT_ANSWER))
@pytest.mark.parametrize("reply", [Reply(204, b""), Reply(200, b""), Reply(200, b"<html>"), Reply(200, b"{}")])
def test_body_of_a_success_is_ignored_where_none_is_documented(operation, reply):
    assert CALLS[operation](Vendor(reply).client) is None


@pytest.mark.parametrize("status", [400, 404, 409])
@pytest.mark.parametrize("operation", CALLS)
def test_page_of_something_in_front_of_the_vendor_is_no_refusal(operation, status):
    reply = Reply(status, b"<html>This site is being moved", {"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(ProtocolError):
        CALLS[operation](Vendor(reply).client)


@pytest.mark.parametrize("operation", CALLS)
def test_page_of_something_in_front_of_the_vendor_is_no_success(operation):
    reply = Reply(200, b"<html>Maintenance", {"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(ProtocolError):
        CALLS[operation](Vendor(reply).client)


# ---- bad input


def with_email(email):
    return lambda client: client.change_email(READER, email)


def with_access_ids(access_ids):
    return lambda client: client.import_access_ids(READER, access_ids)


def with_products(product_ids):
    return lambda client: client.has_bought(READER, product_ids)


def registering(**options):
    return lambda client: client.register_user("jo@example.com", **options)


def with_profile(**changes):
    return lambda client: client.change_profile(READER, **{**NAMES, **changes})


def of(customer):
    return lambda client: client.create_login_token(customer)


BAD_INPUT = [
    *[("email", with_email(email)) for email in [
        "", " ", None, 7, "jo", "jo@localhost", "jo@", "@example.com", "jo@@example.com", "jo@example.com ",
        "jo@exa mple.com", "jö@example.com", "jo@exämple.com", "jo@-a.example", "jo@a-.example", "jo@a..example",
        "jo@example.com.", "jo@[127.0.0.1]", "jo@127.0.0.1", ".jo@example.com", "jo.@example.com", "j..o@example.com",
        "j o@example.com", "jo@example.com\n", "jo@example.com\x00", "a" * 65 + "@example.com",
        "jo@" + "a" * 64 + ".com", "jo@" + ".".join(["a" * 60] * 5) + ".com",
    ]],
    *[("language", registering(language=language)) for language in ["", "d", "deu", "d1", "de-DE", "dé", None, "en\n"]],
    *[("external_id", registering(external_id=value)) for value in [
        "", " ", "x" * 101, "a\tb", " 7", "7 ", 7, "\ud800", "a/b", "/",
    ]],
    ("first_name", registering(first_name="x" * 256)),
    ("first_name", registering(first_name="  ")),
    ("last_name", registering(last_name="a\x00b")),
    ("last_name", registering(last_name=7)),
    *[(name, with_profile(**{name: value})) for name in ("first_name", "last_name") for value in [
        "", " ", "a\nb", "x" * 256, None,
    ]],
    *[("gender", with_profile(gender=value)) for value in ["", " ", " F", "x" * 21, 1, True]],
    ("fail_by_existing_email", registering(fail_by_existing_email="false")),
    ("with_password_reset", registering(with_password_reset=0)),
    *[("customer", of(CustomerRef(value))) for value in [
        "", " ", " C", "C\n", None, 7, "x" * 256, "a/b", "../x",
    ]],
    ("customer", of("MAP27KCA3K2P")),
    ("customer", of(None)),
    *[("customer.is_external", of(CustomerRef("C", is_external=value))) for value in ["false", 1, None]],
    ("customer_id", lambda client: client.add_external_id("", "7")),
    ("customer_id", lambda client: client.add_external_id(READER, "7")),
    ("external_id", lambda client: client.add_external_id("C", "x" * 101)),
    ("external_id", lambda client: client.add_external_id("C", "a/b")),
    *[("access_ids", with_access_ids(value)) for value in [
        "12345", b"12345", None, 7, {"a"}, [], [None], [None] * 4, list("abcde"), [None] * 5, ["a", "a"],
    ]],
    *[("access_ids[0]", with_access_ids([value])) for value in ["", " ", " a", 7, "a\nb", "x" * 256]],
    ("access_ids[1]", with_access_ids(["a", ""])),
    *[("product_ids", with_products(value)) for value in [
        "a", b"a", None, [], {"a"}, [""], [" "], [None], ["a,b"], ["x" * 21], ["ä" * 11], ["a\n"],
    ]],
    *[("amount", lambda client, amount=amount: client.create_login_tokens(READER, amount))
      for amount in [0, 11, -1, True, 1.0, "2", None]],
    ("value", lambda client: client.confirm_user_cookie(None)),
    ("product_id", lambda client: client.sign_checkout(CheckoutOrder(""), CheckoutOptions())),
]  # fmt: skip


@pytest.mark.parametrize(("field", "call"), BAD_INPUT, ids=range(len(BAD_INPUT)))
def test_bad_input_names_the_argument_and_nothing_is_sent(field, call):
    with pytest.raises(InvalidValueError) as caught:
        call(Vendor().client)  # a request would find no answer in the script
    assert caught.value.field == field


@pytest.mark.parametrize(
    "email",
    [
        "jo@example.com",
        "Jo.O'Neill+news@sub.example-site.co",
        "jo@xn--exmple-cua.com",
        "jo@1und1.example",
        '"jo smith"@example.com',
        "a" * 64 + "@example.com",
    ],
)
def test_address_that_the_vendors_own_sdk_would_send_is_sent(email):
    vendor = Vendor(Reply(204, b""))
    vendor.client.change_email(READER, email)
    assert vendor.body == {"email": email}


def test_ids_of_the_longest_kind_are_sent():
    vendor = Vendor(Reply(204, b""))
    vendor.client.add_external_id("C" * 255, "x" * 100)
    assert vendor.body == {"externalUserId": "x" * 100}


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("secrets", {"secrets": SECRET}),
        ("secrets", {"secrets": []}),
        ("secrets", {"secrets": [""]}),
        ("test_mode", {"test_mode": "False"}),
    ],
)
def test_client_is_not_built_from_wrong_credentials(field, options):
    with pytest.raises(InvalidValueError) as caught:
        Vendor(**options)
    assert caught.value.field == field


# ---- connect

CONNECTION = {
    "base_url": "https://vendor.example",
    "company_id": COMPANY_ID,
    "secrets": (SECRET,),
    "test_mode": False,
    "timeout_seconds": 5.0,
    "cache_alias": "default",
}


def test_connect_builds_a_client_over_the_given_adapter():
    adapter = ScriptedAdapter(ok(enabled=True))
    assert connect(**CONNECTION, adapter=adapter).is_paywall_enabled()
    assert adapter.requests[0].url == "https://vendor.example/api/v2/paywall/state"


def test_connect_refuses_an_address_without_tls():
    with pytest.raises(ConfigurationError):
        connect(**{**CONNECTION, "base_url": "http://vendor.example"})


def test_success_is_logged_by_its_operation_only(caplog):
    caplog.set_level(logging.DEBUG)
    Vendor(Reply(204, b"")).client.change_email(READER, "jo@example.com")
    assert [record.getMessage() for record in caplog.records] == ["plenigo.change_email"]

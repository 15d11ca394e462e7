"""The refusals of customers' data and log-ins, each as one line: 2.1, 2.2 and 2.6 of docs/protocols/plenigo-v2.md.

What these calls share with all others is in test_refusals.py.
"""

from datetime import timedelta

import pytest

from django_plenigo.sandbox import clock, customers, identifiers, oauth
from django_plenigo.sandbox.credentials import COMPANY_ID
from django_plenigo.sandbox.models import Customer, OAuthGrant
from tests.sandbox.refusals import (
    ADA,
    BOBS_CARD,
    ERROR_ONLY,
    EVE,
    STRANGER,
    UNAUTHORIZED,
    UNKNOWN_CUSTOMER,
    Refusal,
    nothing,
    oauth_error,
    outcome_of,
    populate,
    refusals_of,
    rejected,
    told,
)

REGISTER = ("POST", "externalUser/register")
CHANGE_EMAIL = ("PUT", f"externalUser/{ADA}/changeEmail")
BY_EXTERNAL_ID = "externalUser/A-1/addExternalUserId"
ADD_ID = ("PUT", f"externalUser/{EVE}/addExternalUserId")
SEVERAL_TOKENS = f"externalUser/{ADA}/createMultipleLoginTokens?amount="
ACCESS = ("POST", "import/customerAccess")
ADDRESS = ("PUT", f"user/{ADA}/address")
LOGIN = ("POST", "user/verifyLogin")
VERIFY = ("POST", "oauth2/verify")
RENEW = ("POST", "oauth2/renew")

FIRST, FOURTH = "yourFirstIdentifier", "yourForthIdentifier"
NEW = {"email": "new@example.com"}
NAMES = {"gender": "FEMALE", "firstName": "Ada", "name": "Moss"}
CREDENTIALS = {"email": "ADA@example.com", "password": "correct horse"}


def throttled(sandbox):
    sandbox.company.throttles_registration = True
    sandbox.company.save()


def with_password(sandbox):
    customers.set_password(sandbox.customer(ADA), CREDENTIALS["password"])


def locked(sandbox):
    with_password(sandbox)
    for _failure in range(3):
        customers.verify_password(sandbox.company, "ada@example.com", "wrong")


def blocked(sandbox):
    with_password(sandbox)
    sandbox.company.customers.filter(customer_id=ADA).update(status="DISABLED")


CALLBACK = "https://shop.example/cb"
EXCHANGE = {"grant_type": "authorization_code", "code": "C", "redirect_uri": CALLBACK, "client_id": COMPANY_ID}
RENEWAL = {"grant_type": "refresh_token", "client_id": COMPANY_ID, "refresh_token": "R"}


def form(fields, **changes):
    """Write a form as PHP does; a change to None leaves a field out."""
    pairs = (fields | changes).items()
    return "".join(f"{name}={value}&" for name, value in pairs if value is not None).encode()


def issued(kind, token, customer_id=ADA, lifetime_seconds=60):
    """Return a setup that has issued a code or a token of this very text."""

    def issue(sandbox):
        OAuthGrant.objects.create(
            customer=Customer.objects.get(customer_id=customer_id),
            kind=kind,
            digest=identifiers.digest(token),
            redirect_uri=CALLBACK,
            expires_at=clock.now() + timedelta(seconds=lifetime_seconds) if lifetime_seconds else None,
        )

    return issue


with_code = issued("code", "C")
with_refresh = issued("refresh", "R", lifetime_seconds=None)


def with_used_code(sandbox):
    with_code(sandbox)
    oauth.exchange_code(sandbox.company, "C", CALLBACK)


def with_old_code(sandbox):
    with_code(sandbox)
    sandbox.advance(61)


def with_old_access(sandbox):
    issued("access", "A")(sandbox)
    sandbox.advance(61)


def with_a_newer_exchange(sandbox):
    with_refresh(sandbox)
    with_used_code(sandbox)


REFUSALS = [
    *refusals_of(
        "2.1",
        "register",
        *REGISTER,
        [
            ("no address", nothing, {}, 400, rejected("email", "")),
            ("no body", nothing, b"", 400, rejected("email", "")),
            ("null", nothing, {"email": None}, 400, rejected("email", "")),
            ("blanks", nothing, {"email": "  "}, 400, rejected("email", "  ")),
            ("no @", nothing, {"email": "no-address"}, 400, rejected("email", "no-address")),
            ("no dot", nothing, {"email": "a@dotless"}, 400, rejected("email", "a@dotless")),
            ("a list", nothing, {"email": ["a@example.com"]}, 400, rejected("email")),
            ("NUL", nothing, {"email": "a\0@example.com"}, 400, rejected("email")),
            ("half a character", nothing, {"email": "a\ud800@b.de"}, 400, rejected("email")),
            ("word as language", nothing, NEW | {"language": "language"}, 400, rejected("language", "language")),
            ("one letter", nothing, NEW | {"language": "d"}, 400, rejected("language", "d")),
            ("letter and digit", nothing, NEW | {"language": "d1"}, 400, rejected("language", "d1")),
            ("number as language", nothing, NEW | {"language": 7}, 400, rejected("language", "7")),
            ("true as id", nothing, NEW | {"externalUserId": True}, 400, rejected("externalUserId")),
            ("fraction as id", nothing, NEW | {"externalUserId": 1.5}, 400, rejected("externalUserId", "1.5")),
            ("object as id", nothing, NEW | {"externalUserId": {"id": 1}}, 400, rejected("externalUserId")),
            ("slash in id", nothing, NEW | {"externalUserId": "a/b"}, 400, rejected("externalUserId", "a/b")),
            ("number as name", nothing, NEW | {"name": 7}, 400, rejected("name", "7")),
            ("list as first name", nothing, NEW | {"firstName": ["A"]}, 400, rejected("firstName")),
            ("address exists", nothing, {"email": "ADA@example.com", "failByExistingEmail": True}, 409, ERROR_ONLY),
            ("id of another address", nothing, NEW | {"externalUserId": "A-1"}, 409, ERROR_ONLY),
            ("id of another customer", nothing, {"email": "bob@example.com", "externalUserId": "A-1"}, 409, ERROR_ONLY),
            ("again at once", throttled, {"email": "ADA@example.com"}, 429, told("too_many_requests")),
        ],
    ),
    *refusals_of(
        "2.1",
        "changeEmail",
        *CHANGE_EMAIL,
        [
            ("nothing", nothing, {}, 400, rejected("email", "")),
            ("no address", nothing, {"email": "nonsense"}, 400, rejected("email", "nonsense")),
            ("another customer's", nothing, {"email": "BOB@example.com"}, 409, ERROR_ONLY),
        ],
    ),
    *refusals_of(
        "2.1",
        "addExternalUserId",
        *ADD_ID,
        [
            ("nothing", nothing, {}, 400, rejected("externalUserId", "")),
            ("null", nothing, {"externalUserId": None}, 400, rejected("externalUserId", "")),
            ("empty", nothing, {"externalUserId": ""}, 400, rejected("externalUserId", "")),
            ("a blank", nothing, {"externalUserId": " "}, 400, rejected("externalUserId", " ")),
            ("a list", nothing, {"externalUserId": []}, 400, rejected("externalUserId", "[]")),
            ("true", nothing, {"externalUserId": True}, 400, rejected("externalUserId")),
            ("a slash", nothing, {"externalUserId": "a/b"}, 400, rejected("externalUserId", "a/b")),
            ("is another's", nothing, {"externalUserId": "A-1"}, 409, ERROR_ONLY),
        ],
    ),
    *refusals_of(
        "2.1",
        "customerAccess",
        *ACCESS,
        [
            ("none", nothing, {"customerId": ADA}, 400, rejected(FIRST, "")),
            ("an empty one", nothing, {"customerId": ADA, FIRST: ""}, 400, rejected(FIRST, "")),
            ("a blank one", nothing, {"customerId": ADA, FIRST: " "}, 400, rejected(FIRST, "")),
            ("a list", nothing, {"customerId": ADA, FIRST: ["x"]}, 400, rejected(FIRST)),
            ("a fifth", nothing, {"customerId": ADA, "yourFifthIdentifier": "x"}, 400, rejected(FIRST, "")),
            ("nobody's", nothing, {FIRST: "x"}, 400, rejected("customerId", "")),
            ("blank customer", nothing, {FIRST: "x", "customerId": " "}, 400, rejected("customerId", " ")),
            ("another's", nothing, {"customerId": ADA, FIRST: "free", FOURTH: BOBS_CARD}, 409, ERROR_ONLY),
            ("external id without the flag", nothing, {"customerId": "A-1", FIRST: "x"}, 404, UNKNOWN_CUSTOMER),
            ("access id", nothing, {"customerId": BOBS_CARD, FIRST: "x"}, 404, UNKNOWN_CUSTOMER),
        ],
    ),
    *refusals_of(
        "2.1",
        "address",
        *ADDRESS,
        [
            ("no gender", nothing, NAMES | {"gender": None}, 400, rejected("gender", "")),
            ("no first name", nothing, NAMES | {"firstName": ""}, 400, rejected("firstName", "")),
            ("no name", nothing, NAMES | {"name": None}, 400, rejected("name", "")),
            ("street without country", nothing, NAMES | {"street": "Way 1"}, 400, rejected("country", "")),
            ("city without country", nothing, NAMES | {"city": "Town", "country": ""}, 400, rejected("country", "")),
            ("country by name", nothing, NAMES | {"country": "Germany"}, 400, rejected("country")),
        ],
    ),
    *refusals_of(
        "2.2",
        "verifyLogin",
        *LOGIN,
        [
            ("wrong password", with_password, CREDENTIALS | {"password": "wrong"}, 403, ERROR_ONLY),
            ("unknown address", with_password, CREDENTIALS | {"email": "nobody@example.com"}, 403, ERROR_ONLY),
            ("no password of his own", nothing, CREDENTIALS, 403, ERROR_ONLY),
            ("too many tries", locked, CREDENTIALS, 406, ERROR_ONLY),
            ("blocked by support", blocked, CREDENTIALS, 423, ERROR_ONLY),
            ("no address", nothing, CREDENTIALS | {"email": ""}, 400, rejected("email", "")),
            ("no password", nothing, CREDENTIALS | {"password": None}, 400, rejected("password", "")),
        ],
    ),
    *(
        Refusal("2.1", f"changeEmail: {what}", nothing, "PUT", f"externalUser/{path}", NEW, 404, UNKNOWN_CUSTOMER)
        for what, path in [
            ("external id without the flag", "A-1/changeEmail"),
            ("plenigo id with the flag", f"{ADA}/changeEmail?useExternalCustomerId=1"),
            ("external id in another case", "a-1/changeEmail?useExternalCustomerId=1"),
            ("NUL in the id", "a%00b/changeEmail?useExternalCustomerId=1"),
            ("id that nobody has", "%F0%9F%98%80/changeEmail?useExternalCustomerId=1"),
            ("endless id", f"{'x' * 500}/changeEmail?useExternalCustomerId=1"),
        ]
    ),
    *(
        Refusal("2.1", f"addExternalUserId: {what}", nothing, "PUT", path, {"externalUserId": value}, status, body)
        for what, path, value, status, body in [
            ("has another", f"externalUser/{ADA}/addExternalUserId", "A-2", 409, ERROR_ONLY),
            ("by external id", BY_EXTERNAL_ID, "A-1", 404, UNKNOWN_CUSTOMER),
            ("the flag", f"{BY_EXTERNAL_ID}?useExternalCustomerId=1", "A-1", 404, UNKNOWN_CUSTOMER),
        ]
    ),
    *(
        Refusal(
            *("2.1", f"createMultipleLoginTokens: {amount[:4]}", nothing),
            *("POST", SEVERAL_TOKENS + amount, {}, 400, rejected("amount", amount)),
        )
        for amount in ("0", "11", "-1", "1.5", "x", "1_0", "9" * 5000)
    ),
    *(
        Refusal("2.2", what, nothing, "GET", f"user/profile{path}", None, status, body)
        for what, path, status, body in [
            ("profile: no token", "", 400, rejected("token", "")),
            ("profile: unknown token", "?token=unknown", 401, UNAUTHORIZED),
            ("profile: another company", "?token=x&companyId=other", 401, UNAUTHORIZED),
            ("sessionCookie: none", "/sessionCookie", 400, rejected("sessionCookie", "")),
            ("sessionCookie: nonsense", "/sessionCookie?sessionCookie=x", 403, told("forbidden")),
        ]
    ),
    Refusal("2.2", "profile: old token", with_old_access, "GET", "user/profile?token=A", None, 401, UNAUTHORIZED),
    Refusal("2.2", "profile: code", with_code, "GET", "user/profile?token=C", None, 401, UNAUTHORIZED),
    Refusal(
        *("2.2", "profile: token of another company's customer", issued("access", "A", STRANGER)),
        *("GET", "user/profile?token=A", None, 401, UNAUTHORIZED),
    ),
    *refusals_of(
        "2.6",
        "verify",
        *VERIFY,
        [
            ("unknown code", nothing, form(EXCHANGE), 400, oauth_error("invalid_grant")),
            ("used code", with_used_code, form(EXCHANGE), 400, oauth_error("invalid_grant")),
            ("old code", with_old_code, form(EXCHANGE), 400, oauth_error("invalid_grant")),
            ("refresh token", with_refresh, form(EXCHANGE, code="R"), 400, oauth_error("invalid_grant")),
            ("another company's", issued("code", "C", STRANGER), form(EXCHANGE), 400, oauth_error("invalid_grant")),
            ("no code", nothing, form(EXCHANGE, code=None), 400, oauth_error("invalid_request")),
            ("empty code", nothing, form(EXCHANGE, code=""), 400, oauth_error("invalid_request")),
            ("no address", with_code, form(EXCHANGE, redirect_uri=None), 400, oauth_error("invalid_request")),
            ("another", with_code, form(EXCHANGE, redirect_uri=f"{CALLBACK}2"), 400, oauth_error("invalid_grant")),
            ("shorter", with_code, form(EXCHANGE, redirect_uri=CALLBACK[:-1]), 400, oauth_error("invalid_grant")),
            ("no client", with_code, form(EXCHANGE, client_id=None), 400, oauth_error("invalid_client")),
            ("wrong client", with_code, form(EXCHANGE, client_id="x"), 400, oauth_error("invalid_client")),
            ("no type", with_code, form(EXCHANGE, grant_type=None), 400, oauth_error("unsupported_grant_type")),
            ("password", with_code, form(EXCHANGE, grant_type="password"), 400, oauth_error("unsupported_grant_type")),
            ("long state", with_code, form(EXCHANGE, state="s" * 2001), 400, oauth_error("invalid_request")),
            ("long code", with_code, form(EXCHANGE, code="c" * 2001), 400, oauth_error("invalid_request")),
            ("no form", nothing, b"", 400, oauth_error("invalid_client")),
        ],
    ),
    *refusals_of(
        "2.6",
        "renew",
        *RENEW,
        [
            ("unknown token", nothing, form(RENEWAL), 400, oauth_error("invalid_grant")),
            ("code", with_code, form(RENEWAL, refresh_token="C"), 400, oauth_error("invalid_grant")),
            ("a newer one", with_a_newer_exchange, form(RENEWAL), 400, oauth_error("invalid_grant")),
            ("another company's", issued("refresh", "R", STRANGER), form(RENEWAL), 400, oauth_error("invalid_grant")),
            ("no token", nothing, form(RENEWAL, refresh_token=None), 400, oauth_error("invalid_request")),
            ("empty token", nothing, form(RENEWAL, refresh_token=""), 400, oauth_error("invalid_request")),
            ("no client", with_refresh, form(RENEWAL, client_id=None), 400, oauth_error("invalid_client")),
            ("wrong client", with_refresh, form(RENEWAL, client_id="x"), 400, oauth_error("invalid_client")),
            ("no type", with_refresh, form(RENEWAL, grant_type=None), 400, oauth_error("unsupported_grant_type")),
            ("verify's", with_refresh, form(RENEWAL | EXCHANGE), 400, oauth_error("unsupported_grant_type")),
            ("long token", with_refresh, form(RENEWAL, refresh_token="r" * 2001), 400, oauth_error("invalid_request")),
        ],
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_call_is_refused_and_changes_nothing(api, sandbox, refusal):
    assert outcome_of(api, sandbox, refusal) == (refusal.status, refusal.body, True)


def address_of(length: int) -> str:
    """Return a good e-mail address of so many characters."""
    host = f"@{'.'.join(['x' * 60] * 3)}.de"
    return "a" * (length - len(host)) + host


#: Where a limit lies: call, parameter, the longest value that is taken, and one that is one too long.
LIMITS = [
    (*REGISTER, {}, "email", address_of(254), address_of(255)),
    (*REGISTER, NEW, "firstName", "x" * 255, "x" * 256),
    (*REGISTER, NEW, "name", "ä" * 255, "ä" * 256),
    (*REGISTER, NEW, "surname", "x" * 255, "x" * 256),
    (*REGISTER, NEW, "externalUserId", "x" * 100, "x" * 101),
    (*REGISTER, NEW, "externalUserId", int("9" * 100), int("9" * 101)),
    (*CHANGE_EMAIL, {}, "email", address_of(254), address_of(255)),
    (*ADD_ID, {}, "externalUserId", "ä" * 100, "ä" * 101),
    (*ACCESS, {FIRST: "x"}, "customerId", ADA, "x" * 256),
    *(
        (*ACCESS, {"customerId": ADA}, name, "x" * 100, "x" * 101)
        for name in (FIRST, "yourSecondIdentifier", "yourThirdIdentifier", FOURTH, "yourFourthIdentifier")
    ),
    *((*ADDRESS, {**NAMES, "country": "DE"}, name, "x" * 255, "x" * 256) for name in ("firstName", "name")),
    *(
        (*ADDRESS, {**NAMES, "country": "DE"}, name, "x" * 100, "x" * 101)
        for name in ("company", "additionalCompanyInfo", "street", "additionalAddressInfo", "postCode", "city", "state")
    ),
    (*ADDRESS, NAMES, "country", "de", "deu"),
    (*LOGIN, CREDENTIALS, "os", "x" * 40, "x" * 41),
    (*LOGIN, CREDENTIALS, "browser", "x" * 40, "x" * 41),
    (*LOGIN, CREDENTIALS, "source", "x" * 255, "x" * 256),
    (*LOGIN, CREDENTIALS, "ipAddress", "x" * 45, "x" * 46),
]


@pytest.mark.parametrize(
    ("method", "path", "payload", "name", "longest", "too_long"),
    LIMITS,
    ids=[f"{path.rpartition('/')[2]} {name} {number}" for number, (_m, path, _p, name, _l, _t) in enumerate(LIMITS)],
)
def test_longest_value_is_taken_and_a_longer_one_is_refused(
    api, sandbox, method, path, payload, name, longest, too_long
):
    refusal = Refusal("2.1", name, with_password, method, path, payload | {name: too_long}, 400, rejected(name))
    assert outcome_of(api, sandbox, refusal) == (refusal.status, refusal.body, True)
    assert api(method, path, json=payload | {name: longest}).status_code in {200, 204}


@pytest.mark.parametrize("amount", [1, 10])
def test_least_and_most_login_tokens_are_granted(api, sandbox, amount):
    populate(sandbox)
    answer = api("POST", f"{SEVERAL_TOKENS}{amount}", json={})
    assert (answer.status_code, len(answer.json()["loginTokens"])) == (200, amount)


@pytest.mark.parametrize(("age_seconds", "status"), [(4, 429), (5, 200)])
def test_address_is_throttled_for_five_seconds(api, sandbox, standing_time, age_seconds, status):
    populate(sandbox)
    throttled(sandbox)
    sandbox.advance(age_seconds)
    assert api(*REGISTER, json={"email": "ada@example.com"}).status_code == status


@pytest.mark.parametrize(("age_seconds", "status"), [(59, 200), (60, 400)])
def test_code_works_for_a_minute(api, sandbox, standing_time, age_seconds, status):
    populate(sandbox)
    with_code(sandbox)
    sandbox.advance(age_seconds)
    assert api(*VERIFY, data=form(EXCHANGE)).status_code == status


@pytest.mark.parametrize(("age_seconds", "status"), [(3599, 200), (3600, 401)])
def test_access_token_works_for_an_hour(api, sandbox, standing_time, age_seconds, status):
    populate(sandbox)
    with_refresh(sandbox)
    token = api(*RENEW, data=form(RENEWAL)).json()["access_token"]
    sandbox.advance(age_seconds)
    assert api("GET", f"user/profile?token={token}").status_code == status

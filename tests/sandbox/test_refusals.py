"""The refusals that all calls share, each as one line: sections 0 and 1.3 to 1.6 of docs/protocols/plenigo-v2.md.

The tables of single calls are in test_refusals_of_customers.py and test_refusals_of_rights.py.
"""

import time

import pytest

from django_plenigo.sandbox.api.urls import ENDPOINT_NAMES
from django_plenigo.sandbox.credentials import COMPANY_ID
from tests.sandbox.refusals import (
    ADA,
    NOBODY,
    STRANGER,
    UNAUTHORIZED,
    UNKNOWN_CUSTOMER,
    Refusal,
    ask,
    nothing,
    outcome_of,
    populate,
    rejected,
    told,
)
from tests.sandbox.vendor_client import claims, segment, sign

#: A request that the vendor grants or, without anything bought, denies with the vendor's own sentence.
CALLS = {
    "register": ("POST", "externalUser/register", {"email": "new@example.com"}),
    "changeEmail": ("PUT", f"externalUser/{ADA}/changeEmail", {"email": "new@example.com"}),
    "addExternalUserId": ("PUT", f"externalUser/{ADA}/addExternalUserId", {"externalUserId": "A-1"}),
    "createLoginToken": ("POST", f"externalUser/{ADA}/createLoginToken", None),
    "createMultipleLoginTokens": ("POST", f"externalUser/{ADA}/createMultipleLoginTokens", {}),
    "importCustomerAccess": ("POST", "import/customerAccess", {"customerId": ADA, "yourFirstIdentifier": "K"}),
    "changeAddress": ("PUT", f"user/{ADA}/address", {"gender": "FEMALE", "firstName": "A", "name": "B"}),
    "hasUserBought": ("GET", f"user/product?customerId={ADA}&productId=P", None),
    "productDetails": ("GET", f"user/product/details?customerId={ADA}&productId=P", None),
    "userProfile": ("GET", "user/profile?token=T", None),
    "sessionCookie": ("GET", "user/profile/sessionCookie?sessionCookie=C", None),
    "verifyLogin": ("POST", "user/verifyLogin", {"email": "ada@example.com", "password": "x"}),
    "userProducts": ("GET", f"user/{ADA}/products", None),
    "userSubscriptions": ("GET", f"user/{ADA}/subscriptions", None),
    "userOrders": ("GET", f"user/{ADA}/orders", None),
    "paywallState": ("GET", "paywall/state", None),
    "addAccess": ("POST", f"access/{ADA}/add", {"productIds": ["P"]}),
    "addAccessWithDetails": ("POST", f"access/{ADA}/addWithDetails", {"details": [{"productId": "P"}]}),
    "removeAccess": ("DELETE", f"access/{ADA}/remove?productIds=P", None),
    "product": ("GET", "product/P_BOOK", None),
    "productsSearch": ("GET", "products/search", None),
    "productsSearchFull": ("GET", "products/search/full", None),
    "category": ("GET", "category/CAT_ARTICLES", None),
    "categoriesSearch": ("GET", "categories/search", None),
    "oauthVerify": ("POST", "oauth2/verify", b"grant_type=authorization_code&code=c&redirect_uri=r&client_id=x&"),
    "oauthRenew": ("POST", "oauth2/renew", b"grant_type=refresh_token&client_id=x&refresh_token=r&"),
}

CLOSED_USER_GROUP = ("register", "changeEmail", "addExternalUserId", "createLoginToken", "createMultipleLoginTokens")
CLOSED_USER_GROUP += ("importCustomerAccess", "changeAddress")

#: The calls that say "unknown customer" with 404; what somebody has bought is asked for with another sentence.
NAMING_A_CUSTOMER = ("changeEmail", "addExternalUserId", "createLoginToken", "createMultipleLoginTokens")
NAMING_A_CUSTOMER += ("importCustomerAccess", "changeAddress", "userSubscriptions", "userOrders")
NAMING_A_CUSTOMER += ("addAccess", "addAccessWithDetails", "removeAccess")

#: Every boolean: call, name, and whether it stands in the query or in the body (1.4).
BOOLEANS = [
    ("register", "withPasswordReset", "body"),
    ("register", "failByExistingEmail", "body"),
    ("changeEmail", "useExternalCustomerId", "query"),
    ("createLoginToken", "useExternalCustomerId", "query"),
    ("createMultipleLoginTokens", "useExternalCustomerId", "query"),
    ("importCustomerAccess", "useExternalCustomerId", "body"),
    ("changeAddress", "useExternalCustomerId", "query"),
    ("hasUserBought", "testMode", "query"),
    ("hasUserBought", "useExternalCustomerId", "query"),
    ("productDetails", "testMode", "query"),
    ("productDetails", "useExternalCustomerId", "query"),
    ("userProducts", "testMode", "query"),
    ("userProducts", "useExternalCustomerId", "query"),
    ("userSubscriptions", "testMode", "query"),
    ("userSubscriptions", "useExternalCustomerId", "query"),
    ("userOrders", "testMode", "query"),
    ("userOrders", "useExternalCustomerId", "query"),
    ("addAccess", "testMode", "body"),
    ("addAccess", "useExternalCustomerId", "body"),
    ("addAccessWithDetails", "testMode", "body"),
    ("addAccessWithDetails", "useExternalCustomerId", "body"),
    ("removeAccess", "testMode", "query"),
    ("removeAccess", "useExternalCustomerId", "query"),
]


def test_calls_of_these_tables_are_all_that_there_are():
    assert set(CALLS) == set(ENDPOINT_NAMES)


# --- 1.3: whose request it is -----------------------------------------------------------------------------------


def unsigned(alg: str) -> str:
    return sign(claims(), header={"alg": alg}).rpartition(".")[0] + "."


HS256 = segment(b'{"alg":"HS256"}')

TOKENS = {
    "no token": lambda: "",
    "no JSON Web Token": lambda: "nonsense",
    "two segments": lambda: sign(claims()).rpartition(".")[0],
    "another secret": lambda: sign(claims(), "x" * 40),
    "a signature of another's making": lambda: sign(claims()).rpartition(".")[0] + "." + "A" * 43,
    "algorithm none": lambda: unsigned("none"),
    "another algorithm": lambda: sign(claims(), header={"alg": "HS512"}, digest="sha512"),
    "header without algorithm": lambda: sign(claims(), header={"typ": "JWT"}),
    "no company": lambda: sign(claims(companyId=None)),
    "unknown company": lambda: sign(claims(companyId="UnknownCompany000000")),
    "company id in another case": lambda: sign(claims(companyId=COMPANY_ID.lower())),
    "company id is no text": lambda: sign(claims(companyId=[COMPANY_ID])),
    "company id with NUL": lambda: sign(claims(companyId="\0")),
    "no audience": lambda: sign(claims(aud=None)),
    "another audience": lambda: sign(claims(aud="Frisbii Media")),
    "several audiences": lambda: sign(claims(aud=["plenigo", "others"])),
    "no expiry": lambda: sign(claims(exp=None)),
    "expired beyond the leeway": lambda: sign(claims(exp=int(time.time()) - 61)),
    "expiry is a text": lambda: sign(claims(exp=str(int(time.time()) + 300))),
    "expiry is true": lambda: sign(claims(exp=True)),
    "expiry is infinite": lambda: sign(claims(exp=float("inf"))),
    "expiry in thousands of seconds": lambda: sign(claims(exp=int(time.time()) // 1000)),
    "no jti": lambda: sign(claims(jti=None)),
    "empty jti": lambda: sign(claims(jti="")),
    "jti is a number": lambda: sign(claims(jti=7)),
    "claims are no object": lambda: f"{HS256}.{segment(b'[]')}.{segment(b'x')}",
    "claims nested without end": lambda: f"{HS256}.{segment(b'[' * 20000)}.{segment(b'x')}",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_bad_token_is_refused(api, sandbox, token):
    assert ask(api, "GET", "paywall/state", None, token=token()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("token", ["no token", "another secret"])
@pytest.mark.parametrize("name", CALLS)
def test_call_is_refused_before_anything_else_where_nobody_signed_it(api, sandbox, name, token):
    assert ask(api, *CALLS[name], token=TOKENS[token]()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("token", ["no token", "another secret"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("PATCH", path) for _method, path, _payload in CALLS.values()),
        ("GET", "nothing"),
        ("GET", ""),
        *((method, path) for path in ("import/customers", "checkout", "orders/search") for method in ("GET", "POST")),
    ],
)
def test_nobody_is_told_which_addresses_and_methods_there_are(api, sandbox, method, path, token):
    assert ask(api, method, path, None, token=TOKENS[token]()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("name", CALLS)
def test_call_is_refused_where_its_token_was_used_before(api, sandbox, name):
    populate(sandbox)
    token = sign(claims())
    assert api("GET", "paywall/state", token=token).status_code == 200
    assert ask(api, *CALLS[name], token=token) == (401, UNAUTHORIZED)


# --- 1.4 to 1.6 and 2.1: every call ------------------------------------------------------------------------------


def without_closed_user_group(sandbox):
    sandbox.company.closed_user_group = False
    sandbox.company.save()


def about(name: str, customer_id: str) -> tuple[str, str, object]:
    """Return a call about somebody else than Ada."""
    method, path, payload = CALLS[name]
    if payload and payload.get("customerId"):
        payload = payload | {"customerId": customer_id}
    return method, path.replace(ADA, customer_id), payload


def with_flag(name: str, flag: str, place: str, value: object) -> tuple[str, str, object]:
    """Return a call with one more boolean."""
    method, path, payload = CALLS[name]
    if place == "body":
        return method, path, payload | {flag: value}
    return method, f"{path}{'&' if '?' in path else '?'}{flag}={value}", payload


def with_fields(name: str) -> tuple[str, str, object]:
    """Return a call with more fields in its query than anybody reads."""
    method, path, payload = CALLS[name]
    return method, f"{path}{'&' if '?' in path else '?'}{'a&' * 2000}", payload


#: What is neither true nor false, in a query or in JSON.
NEITHER = {"query": ["perhaps", "2", "yes", "-1"], "body": ["perhaps", "2", "yes", 2, 1.0, [], {}]}

#: The calls that read their query.
QUERYING = [name for name, _flag, place in BOOLEANS if place == "query"]
QUERYING += ["userProfile", "sessionCookie", "productsSearch", "productsSearchFull", "categoriesSearch"]

JSON_CALLS = [name for name, (method, _path, payload) in CALLS.items() if isinstance(payload, dict) and payload]
BROKEN_BODIES = [b"{", b"[]", b'"text"', b"7", b"\xff", b"[" * 100_000, b'{"x": NaN}', b'{"x": ' + b"9" * 5000 + b"}"]

#: Calls in which several parameters are bad at once, and what is refused of each (1.5).
SEVERAL = [
    (
        *("POST", "externalUser/register"),
        {"email": "x", "language": "d1", "externalUserId": 1.5, "name": 7, "failByExistingEmail": "perhaps"},
        {"email": "x", "language": "d1", "externalUserId": "1.5", "name": "7", "failByExistingEmail": "perhaps"},
    ),
    ("PUT", f"externalUser/{ADA}/changeEmail?useExternalCustomerId=2", {}, {"email": "", "useExternalCustomerId": "2"}),
    (
        *("POST", f"externalUser/{ADA}/createMultipleLoginTokens?amount=0&useExternalCustomerId=2", {}),
        {"amount": "0", "useExternalCustomerId": "2"},
    ),
    (
        *("POST", "import/customerAccess"),
        {"yourFirstIdentifier": 1.5, "useExternalCustomerId": "2"},
        {"customerId": "", "yourFirstIdentifier": "1.5", "useExternalCustomerId": "2"},
    ),
    ("PUT", f"user/{ADA}/address", {"city": "Town"}, {"gender": "", "firstName": "", "name": "", "country": ""}),
    (
        *("GET", "user/product?testMode=yes&useExternalCustomerId=2", None),
        {"customerId": "", "productId": "", "testMode": "yes", "useExternalCustomerId": "2"},
    ),
    (
        *("GET", f"user/{ADA}/products?testMode=yes&useExternalCustomerId=2", None),
        {"testMode": "yes", "useExternalCustomerId": "2"},
    ),
    ("POST", "user/verifyLogin", {"os": "x" * 41}, {"email": "", "password": "", "os": "x" * 41}),
    (
        *("POST", f"access/{ADA}/add"),
        {"productIds": [], "testMode": "yes", "startTime": "soon"},
        {"productIds": "[]", "testMode": "yes", "startTime": "soon"},
    ),
    ("DELETE", f"access/{ADA}/remove?testMode=yes", None, {"productIds": "", "testMode": "yes"}),
    ("GET", "products/search?size=0&page=-1", None, {"size": "0", "page": "-1"}),
    ("GET", f"user/{ADA}/orders?testMode=yes&page=x&size=0", None, {"testMode": "yes", "size": "0", "page": "x"}),
]

REFUSALS = [
    *(
        Refusal(
            *("1.5", f"several bad parameters of {path.partition('?')[0]}", nothing, method, path, payload, 400),
            {name: rejected(name, value)[name] for name, value in refused.items()},
        )
        for method, path, payload, refused in SEVERAL
    ),
    *(
        Refusal("1.6", f"{name}: no closed user group", without_closed_user_group, *CALLS[name], 403, told("forbidden"))
        for name in CLOSED_USER_GROUP
    ),
    *(
        Refusal("1.6", f"{name}: {who}", nothing, *about(name, customer_id), 404, UNKNOWN_CUSTOMER)
        for name in NAMING_A_CUSTOMER
        for who, customer_id in (("unknown customer", NOBODY), ("customer of another company", STRANGER))
    ),
    *(
        Refusal(
            *("1.4", f"{name}: {flag} is {value!r}", nothing),
            *with_flag(name, flag, place, value),
            *(400, rejected(flag, str(value))),
        )
        for name, flag, place in BOOLEANS
        for value in NEITHER[place]
    ),
    *(
        Refusal("1.5", f"{name}: body {body[:8]!r}", nothing, *CALLS[name][:2], body, 400, rejected("body", ""))
        for name in JSON_CALLS
        for body in BROKEN_BODIES
    ),
    *(
        Refusal("1.5", f"{name}: body too large", nothing, *CALLS[name][:2], b" " * 100_001, 413, told("too_large"))
        for name in JSON_CALLS
    ),
    *(
        Refusal("1.5", f"{name}: too many fields", nothing, *with_fields(name), 400, rejected("query", ""))
        for name in dict.fromkeys(QUERYING)
    ),
    Refusal("2.1", "import/customers", nothing, "POST", "import/customers", {}, 501, told("not_implemented")),
    # No server tells such a slash from one between two parts of a path.
    Refusal("1.4", "slash in an id", nothing, "PUT", "externalUser/a%2Fb/changeEmail", {}, 404, told("not_found")),
    Refusal("1.5", "unknown address", nothing, "GET", "nothing", None, 404, told("not_found")),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_call_is_refused_and_changes_nothing(api, sandbox, refusal):
    assert outcome_of(api, sandbox, refusal) == (refusal.status, refusal.body, True)


@pytest.mark.parametrize("name", CALLS)
def test_wrong_method_is_refused_with_the_right_one(api, sandbox, name):
    method, path, _payload = CALLS[name]
    answer = api("PATCH", path)
    assert (answer.status_code, answer.headers["Allow"], answer.json()) == (405, method, told("method_not_allowed"))


@pytest.mark.parametrize("name", CALLS)
def test_call_of_these_tables_is_not_refused_for_its_form(api, sandbox, name):
    populate(sandbox)
    method, path, payload = CALLS[name]
    sent = {"data": payload} if payload is None or isinstance(payload, bytes) else {"json": payload}
    granted = {"hasUserBought": 403, "productDetails": 403, "userProfile": 401, "sessionCookie": 403}
    granted |= {"verifyLogin": 403, "oauthVerify": 400, "oauthRenew": 400}
    assert api(method, path, **sent).status_code in {200, 204, granted.get(name)}

"""The refusals of what is bought and sold, each as one line: 2.2 to 2.4, 3.2 and 5 of docs/protocols/plenigo-v2.md.

What these calls share with all others is in test_refusals.py.
"""

import pytest

from django_plenigo.sandbox import purchases
from django_plenigo.sandbox.credentials import COMPANY_ID
from django_plenigo.sandbox.models import Category, Company, Customer, Product, Purchase
from django_plenigo.sandbox.seed import BOOK, DAY_PASS
from tests.sandbox.refusals import (
    ADA,
    BOB,
    BOBS_CARD,
    NO_ACCESS,
    NOBODY,
    STRANGER,
    Refusal,
    nothing,
    outcome_of,
    populate,
    refusals_of,
    rejected,
    told,
)
from tests.sandbox.vendor_client import HOST, claims, sign

MANY = ",".join(str(number) for number in range(101))
ADD = ("POST", f"access/{ADA}/add")
ADD_WITH_DETAILS = ("POST", f"access/{ADA}/addWithDetails")


# --- 2.2: who may read what -------------------------------------------------------------------------------------


def bought(customer_id, product_id="P", **options):
    """Return a setup in which somebody has bought a product."""

    def buy(sandbox):
        return purchases.buy(Customer.objects.get(customer_id=customer_id), product_id, **options)

    return buy


def blocked(sandbox):
    bought(ADA)(sandbox)
    Purchase.objects.update(is_blocked=True)


def ended(sandbox):
    bought(ADA, DAY_PASS)(sandbox)
    sandbox.advance(86401)


def revoked(sandbox):
    purchases.grant(sandbox.customer(ADA), "P")
    purchases.revoke(sandbox.customer(ADA), ["P"])


def for_tomorrow(sandbox):
    purchases.grant(sandbox.customer(ADA), "P")
    Purchase.objects.update(start=Purchase.objects.get().start.replace(year=2999))


DENIED = [
    ("nothing bought", nothing, f"customerId={ADA}&productId=P"),
    ("others bought", bought(BOB), f"customerId={ADA}&productId=P"),
    ("another product bought", bought(ADA, "Q"), f"customerId={ADA}&productId=P,R"),
    ("product in another case", bought(ADA), f"customerId={ADA}&productId=p"),
    ("blocked", blocked, f"customerId={ADA}&productId=P"),
    ("ended", ended, f"customerId={ADA}&productId={DAY_PASS}"),
    ("revoked", revoked, f"customerId={ADA}&productId=P"),
    ("not begun", for_tomorrow, f"customerId={ADA}&productId=P"),
    ("test right, live question", bought(ADA, test_mode=True), f"customerId={ADA}&productId=P&testMode=false"),
    ("live right, test question", bought(ADA), f"customerId={ADA}&productId=P&testMode=true"),
    ("unknown customer", bought(ADA), f"customerId={NOBODY}&productId=P"),
    ("customer of another company", bought(STRANGER), f"customerId={STRANGER}&productId=P"),
    ("external id without the flag", bought(ADA), "customerId=A-1&productId=P"),
    ("plenigo id with the flag", bought(ADA), f"customerId={ADA}&productId=P&useExternalCustomerId=true"),
    ("access id in another case", bought(BOB), f"customerId={BOBS_CARD.lower()}&productId=P"),
]

MALFORMED = [
    ("no customer", "productId=P", "customerId", ""),
    ("empty customer", "customerId=&productId=P", "customerId", ""),
    ("blank customer", "customerId=%20&productId=P", "customerId", " "),
    ("long customer", f"customerId={'x' * 256}&productId=P", "customerId", "x" * 256),
    ("no product", "customerId=C", "productId", ""),
    ("only commas", "customerId=C&productId=,,", "productId", ""),
    ("too many products", f"customerId=C&productId={MANY}", "productId", ""),
    ("long product", f"customerId=C&productId={'x' * 101}", "productId", "x" * 101),
    ("NUL in product", "customerId=C&productId=a%00b", "productId", "a\0b"),
]

ACCESS = [
    *(
        Refusal("2.2", f"{path}: {what}", setup, "GET", f"user/{path}?{query}", None, 403, NO_ACCESS)
        for path in ("product", "product/details")
        for what, setup, query in DENIED
    ),
    *(
        Refusal("2.2", f"{path}: {what}", nothing, "GET", f"user/{path}?{query}", None, 400, rejected(name, value))
        for path in ("product", "product/details")
        for what, query, name, value in MALFORMED
    ),
]


# --- 2.3: granting and taking -----------------------------------------------------------------------------------

WRONG_DATES = [
    ("word as start", {"startTime": "tomorrow"}, rejected("startTime", "tomorrow")),
    ("no such day", {"startTime": "2030-02-30"}, rejected("startTime", "2030-02-30")),
    ("a week", {"startTime": "2030-W01-1"}, rejected("startTime", "2030-W01-1")),
    ("number as start", {"startTime": 20300101}, rejected("startTime", "20300101")),
    ("date and time", {"endTime": "2030-01-01 12:00"}, rejected("endTime", "2030-01-01 12:00")),
    ("no day after", {"endTime": "9999-12-31"}, rejected("endTime", "9999-12-31")),
    ("end before start", {"startTime": "2030-01-02", "endTime": "2030-01-01"}, rejected("endTime", "2030-01-01")),
    ("end in the past", {"endTime": "2001-01-01"}, rejected("endTime", "2001-01-01")),
]
DETAILS = [{"productId": "P"}]

RIGHTS = [
    *refusals_of(
        "2.3",
        "add",
        *ADD,
        [
            ("no list", nothing, {}, 400, rejected("productIds")),
            ("empty list", nothing, {"productIds": []}, 400, rejected("productIds", "[]")),
            ("a text", nothing, {"productIds": "P"}, 400, rejected("productIds", "P")),
            ("an empty id", nothing, {"productIds": ["P", ""]}, 400, rejected("productIds", "")),
            ("a list as id", nothing, {"productIds": [["P"]]}, 400, rejected("productIds")),
            ("a long id", nothing, {"productIds": ["x" * 101]}, 400, rejected("productIds", "x" * 101)),
            ("too many", nothing, {"productIds": MANY.split(",")}, 400, rejected("productIds", "")),
            *((what, nothing, {"productIds": ["P"], **dates}, 400, body) for what, dates, body in WRONG_DATES),
        ],
    ),
    *refusals_of(
        "2.3",
        "addWithDetails",
        *ADD_WITH_DETAILS,
        [
            ("no list", nothing, {}, 400, rejected("details")),
            ("empty list", nothing, {"details": []}, 400, rejected("details", "[]")),
            ("an object", nothing, {"details": {}}, 400, rejected("details", "{}")),
            ("a list of texts", nothing, {"details": ["P"]}, 400, rejected("details", "")),
            ("no product", nothing, {"details": [{"receipt": "R"}]}, 400, rejected("productId", "")),
            ("empty product", nothing, {"details": [{"productId": ""}]}, 400, rejected("productId", "")),
            ("long product", nothing, {"details": [{"productId": "x" * 101}]}, 400, rejected("productId", "x" * 101)),
            (
                "receipt is a number",
                nothing,
                {"details": [{"productId": "P", "receipt": 7}]},
                400,
                rejected("receipt", "7"),
            ),
            *((what, nothing, {"details": DETAILS, **dates}, 400, body) for what, dates, body in WRONG_DATES),
        ],
    ),
    *(
        Refusal("2.3", f"remove: {what}", nothing, "DELETE", f"access/{path}", None, status, body)
        for what, path, status, body in [
            ("no list", f"{ADA}/remove", 400, rejected("productIds", "")),
            ("empty list", f"{ADA}/remove?productIds=", 400, rejected("productIds", "")),
            ("too many", f"{ADA}/remove?productIds={MANY}", 400, rejected("productIds", "")),
            ("long id", f"{ADA}/remove?productIds={'x' * 101}", 400, rejected("productIds", "x" * 101)),
            ("external id without the flag", "A-1/remove?productIds=P", 404, told("customer_not_found")),
        ]
    ),
]


# --- 2.4: products and pages ------------------------------------------------------------------------------------


def theirs(sandbox):
    other = Company.objects.get(name="The Other Gazette")
    Product.objects.create(company=other, product_id="THEIRS", title="Theirs", price=1)
    Category.objects.create(company=other, category_id="THEIRS", title="Theirs")


PAGED = (
    "products/search",
    "products/search/full",
    "categories/search",
    f"user/{ADA}/subscriptions",
    f"user/{ADA}/orders",
)

PRODUCTS = [
    *(
        Refusal("2.4", f"{kind}: {what}", theirs, "GET", f"{kind}/{item}", None, 404, told(f"{kind}_not_found"))
        for kind, known in (("product", DAY_PASS), ("category", "CAT_ARTICLES"))
        for what, item in (("unknown", "unknown"), ("another case", known.lower()), ("another company's", "THEIRS"))
    ),
    *(
        Refusal(
            "2.4", f"{path}: {name} {value}", nothing, "GET", f"{path}?{name}={value}", None, 400, rejected(name, value)
        )
        for path in PAGED
        for name, value in [
            *(("size", value) for value in ("0", "101", "-1", "x", "1.5")),
            *(("page", value) for value in ("-1", "x", "1000001", "99999999999")),
        ]
    ),
]


@pytest.mark.parametrize("refusal", [*ACCESS, *RIGHTS, *PRODUCTS], ids=str)
def test_call_is_refused_and_changes_nothing(api, sandbox, refusal):
    assert outcome_of(api, sandbox, refusal) == (refusal.status, refusal.body, True)


#: Where a limit lies: method and path, with the value at the end or in the payload, and the status that is right.
TAKEN = [
    (
        "a hundred products",
        "GET",
        f"user/product?customerId={ADA}&productId=P,{MANY.rpartition(',')[0][2:]}",
        None,
        200,
    ),
    ("a product of a hundred characters", "GET", f"user/product?customerId={ADA}&productId=P,{'x' * 100}", None, 200),
    ("a customer of 255 characters", "GET", f"user/product?customerId={'x' * 255}&productId=P", None, 403),
    ("a hundred rights", *ADD, {"productIds": MANY.split(",")[:100]}, 204),
    ("a right of a hundred characters", *ADD, {"productIds": ["x" * 100]}, 204),
    ("a receipt of 255 characters", *ADD_WITH_DETAILS, {"details": [{"productId": "P", "receipt": "x" * 255}]}, 204),
    ("a right for one day", *ADD, {"productIds": ["P"], "startTime": "2999-01-01", "endTime": "2999-01-01"}, 204),
    ("nothing to remove", "DELETE", f"access/{ADA}/remove?productIds={'x' * 100}", None, 204),
    *((f"the smallest {path}", "GET", f"{path}?size=1&page=0", None, 200) for path in PAGED),
    *((f"the largest {path}", "GET", f"{path}?size=100&page=1000000", None, 200) for path in PAGED),
]


@pytest.mark.parametrize(
    ("method", "path", "payload", "status"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN]
)
def test_value_at_its_limit_is_taken(api, sandbox, method, path, payload, status):
    populate(sandbox)
    bought(ADA)(sandbox)
    assert api(method, path, json=payload).status_code == status


# --- 3.2 and 5: the checkout page -------------------------------------------------------------------------------

THING = {"pi": "item-123", "ti": "The best product", "pr": 15, "cu": "EUR", "aud": "plenigo"}
#: What is signed below as something else than a string of the demo company's.
OTHER_SECRET = "another-secret-of-more-than-32-characters"


def order(**changes):
    """Sign a good order with changes; a change to None leaves a claim out."""
    return sign({name: value for name, value in (THING | changes).items() if value is not None})


def registered(sandbox):
    sandbox.company.redirect_uri_prefix = "https://shop.example/"
    sandbox.company.save()


#: Section, what, setup, payment data, status, and words of the sentence that the reader is told.
CHECKOUTS = [
    ("3.2", "nothing", nothing, "", 400, "sent no check-out string"),
    ("3.2", "no JWT", nothing, "c584f71a1d049f108e01a379a2e40d5e", 400, "JWT signed with HS256 only"),
    ("3.2", "no signature", nothing, f"{order().rpartition('.')[0]}.", 400, "signed with a secret"),
    ("3.2", "another secret", nothing, sign(THING, OTHER_SECRET), 400, "signed with a secret"),
    ("3.2", "another algorithm", nothing, sign(THING, header={"alg": "HS512"}, digest="sha512"), 400, "HS256 only"),
    ("3.2", "a request token", nothing, sign(claims(exp=10**10)), 400, "names no product"),
    ("3.2", "no audience", nothing, order(aud=None), 400, "not meant for plenigo"),
    ("3.2", "another audience", nothing, order(aud="somebody"), 400, "not meant for plenigo"),
    ("3.2", "no product id", nothing, order(pi=None), 400, "names no product"),
    ("3.2", "product id of 21 bytes", nothing, order(pi="x" * 21), 400, "at most 20 bytes"),
    ("3.2", "product id of 11 two-byte letters", nothing, order(pi="ä" * 11), 400, "at most 20 bytes"),
    ("3.2", "replacement of 21 bytes", nothing, order(om=True, pir="x" * 21), 400, "at most 20 bytes"),
    ("3.2", "foreign product without price", nothing, order(pr=None), 400, "no title and price"),
    ("3.2", "foreign product without title", nothing, order(ti=None), 400, "no title and price"),
    ("3.2", "shipping of an e-book", nothing, order(pt="EBOOK", sc=4.5), 400, "BOOK and NEWSPAPER only"),
    ("3.2", "override without price", nothing, order(pi=BOOK, om=True, pr=None), 400, "needs a price"),
    ("3.2", "price that is none", nothing, order(pr="cheap"), 400, "“pr”"),
    ("3.2", "currency that is none", nothing, order(cu="EURO"), 400, "“cu”"),
    ("3.2", "type that is none", nothing, order(pt="CAR"), 400, "“pt”"),
    ("3.2", "flag that is none", nothing, order(ts="perhaps"), 400, "“ts”"),
    ("3.2", "birthday that is none", nothing, order(raa="13321990"), 400, "“raa”"),
    ("3.2", "a script to return to", nothing, order(sso="javascript:alert(1)"), 400, "must begin with http://"),
    ("3.2", "an address not registered", registered, order(sso="https://evil.example/"), 400, "registered another"),
]  # fmt: skip


def show(api, payment_data, login_token):
    fields = {"paymentData": payment_data, "loginToken": login_token, "origin": "https://shop.example", "lang": "en"}
    answer = api.session.post(f"{HOST}/checkout/{COMPANY_ID}/", data=fields)
    answer.encoding = "utf-8"
    return answer.status_code, answer.text


def sells(page):
    """Say whether a page offers anything, or hands over a session."""
    return 'name="action"' in page or "data-outcome" in page


@pytest.mark.parametrize(
    ("setup", "payment_data", "status", "words"),
    [row[2:] for row in CHECKOUTS],
    ids=[f"{section} {what}" for section, what, *_rest in CHECKOUTS],
)
def test_checkout_is_refused_with_a_sentence_and_spends_no_token(api, ada, sandbox, setup, payment_data, status, words):
    setup(sandbox)
    token = sandbox.create_login_token(ada)
    shown, page = show(api, payment_data, token)
    assert (shown, words in page, sells(page)) == (status, True, False)
    assert sandbox.consume_login_token(token) == ada


def used(sandbox, token):
    sandbox.consume_login_token(token)


def aged(sandbox, token):
    sandbox.advance(300)


def of_another_company(sandbox, token):
    Customer.objects.update(company=Company.objects.create(name="The Other Gazette"))


@pytest.mark.parametrize(
    ("setup", "text"),
    [(used, None), (aged, None), (of_another_company, None), (nothing, "A" * 40), (nothing, ""), (nothing, "a\0b")],
    ids=["5 used", "5 after 300 seconds", "5 another company's", "5 unknown", "5 empty", "5 no token"],
)
def test_login_token_is_refused_with_a_sentence(api, ada, sandbox, standing_time, setup, text):
    token = sandbox.create_login_token(ada)
    if text is None:
        setup(sandbox, token)
    status, page = show(api, order(), token if text is None else text)
    assert (status, "Please go back and start the purchase again." in page, sells(page)) == (403, True, False)


def test_login_token_and_product_at_their_limits_are_taken(api, ada, sandbox, standing_time):
    token = sandbox.create_login_token(ada)
    sandbox.advance(299)
    status, page = show(api, order(pi="ä" * 10, ti="t" * 101, pt="BOOK", sc="0.01", raa="02291992"), token)
    assert (status, sells(page)) == (200, True)

"""The checkout page over a real socket, asked with the vendor's own check-out strings, byte for byte.

Section 3.3 of docs/protocols/plenigo-v2.md: the tokens that it publishes, and its other examples signed by hand with
its secret. No client of ours takes part.
"""

import hashlib
import hmac
import html
import json
import re
from decimal import Decimal

import pytest

from django_plenigo.sandbox import oauth, purchases
from django_plenigo.sandbox.models import Product
from tests.sandbox.vendor_client import segment

COMPANY_ID = "Rk3WvT8nYq1LzB5cXp7M"
SECRET = b"Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
DAY_PASS = "EgLUrT56328991046641"

FIRST = "eyJhbGciOiJIUzI1NiJ9.eyJwaSI6Iml0ZW0tMTIzIiwiYXVkIjoicGxlbmlnbyJ9._OgInuIP3bFhv9jiXibqFKnR797IUtj0fejuAoWGUGc"
SECOND = (
    "eyJhbGciOiJIUzI1NiJ9.eyJwciI6MTUsImN1IjoiRVVSIiwicHQiOiJFQk9PSyIsInRpIjoiVGhlIGJlc3QgcHJvZHVjdCIsInBpIjoiaXRlbS0xMjM"
    "iLCJhdWQiOiJwbGVuaWdvIn0.L4R0JiyIRmt0HglTyqNGYsbl9Ll3TC7jobIGZcbZAOY"
)
FOURTH = (
    "eyJhbGciOiJIUzI1NiJ9.eyJwaSI6IkVnTFVyVDU2MzI4OTkxMDQ2NjQxIiwic3NvIjoiaHR0cHM6XC9cL3Nob3AuZXhhbXBsZVwvY2I_eD0xJnk9MiI"
    "sImNzcmYiOiJjNXJmIiwiYXVkIjoicGxlbmlnbyJ9.7slM4LfUkaB1Gj3BqPkV0fnAbOTZ--iNx6vASzQGOmw"
)


def signed(payload: str, secret: bytes = SECRET) -> str:
    """Sign the very text of the claims."""
    text = ".".join([segment(b'{"alg":"HS256"}'), segment(payload.encode())])
    return f"{text}.{segment(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


PUBLISHED = [
    ('{"pi":"item-123","aud":"plenigo"}', FIRST),
    ('{"pr":15,"cu":"EUR","pt":"EBOOK","ti":"The best product","pi":"item-123","aud":"plenigo"}', SECOND),
    (
        r'{"pi":"EgLUrT56328991046641","sso":"https:\/\/shop.example\/cb?x=1&y=2","csrf":"c5rf","aud":"plenigo"}',
        FOURTH,
    ),
]


@pytest.mark.parametrize(("payload", "token"), PUBLISHED, ids=["1", "2", "4"])
def test_hand_that_signs_here_writes_the_published_tokens(payload, token):
    assert signed(payload) == token


@pytest.fixture
def managed(sandbox):
    """The product of most examples, as one that the company manages."""
    return Product.objects.create(
        company=sandbox.company, product_id="item-123", title="The managed one", price=Decimal("7.70")
    )


@pytest.fixture
def browser(line, ada, sandbox):
    """Ada's frame with the checkout page: post fields to one of its addresses, get status and page."""

    def post(path: str, fields: str) -> tuple[int, str]:
        head = f"POST {path} HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {len(fields)}"
        line.send(head, fields.encode("ascii"), token="")
        status, _headers, content = line.read()
        return status, content.decode()

    return post


@pytest.fixture
def open_with(browser, ada, sandbox):
    """Open the page with a check-out string and a login token of Ada's."""

    def open_page(payment_data: str) -> tuple[int, str]:
        fields = f"paymentData={payment_data}&loginToken={sandbox.create_login_token(ada)}"
        return browser(f"/checkout/{COMPANY_ID}/", f"{fields}&origin=https%3A%2F%2Fshop.example&lang=en")

    return open_page


@pytest.fixture
def buy(browser):
    """Press the button of a page and return what it tells the script."""

    def press(page: str) -> dict:
        (ticket,) = re.findall(r'name="ticket" value="([^"]*)"', page)
        fields = f"ticket={ticket}&origin=https%3A%2F%2Fshop.example&lang=en&action=buy"
        _status, done = browser(f"/checkout/{COMPANY_ID}/next/", fields)
        return json.loads(html.unescape(re.search(r'data-outcome="([^"]*)"', done)[1]))

    return press


#: The string, the words on the page, the product that the customer has afterwards, and whether as a test.
ACCEPTED = {
    "1": (FIRST, ["The managed one", "7.70 EUR"], "item-123", False),
    "4": (FOURTH, ["Day pass", "1.99 EUR"], DAY_PASS, False),
    "5": (signed('{"pi":"item-123","ts":true,"aud":"plenigo"}'), ["The managed one", "Test mode"], "item-123", True),
    "6, false": (signed('{"pi":"item-123","ts":false,"aud":"plenigo"}'), ["The managed one"], "item-123", False),
    "7": (signed('{"pi":"item-123","rs":true,"aud":"plenigo"}'), ["The managed one"], "item-123", False),
    "9": (
        signed('{"pr":4.99,"ti":"Special issue","pi":"item-123","om":true,"pir":"item-123-may","aud":"plenigo"}'),
        ["Special issue", "4.99 EUR"],
        "item-123-may",
        False,
    ),
    "10": (signed('{"pi":"item-123","raa":"05171990","aud":"plenigo"}'), ["The managed one"], "item-123", False),
    "12": (signed('{"pi":"item-123","si":"SEG1","ci":"CAT9","aud":"plenigo"}'), ["The managed one"], "item-123", False),
}
#: The same for a product that only the shop knows.
ACCEPTED_FOREIGN = {
    "2": (SECOND, ["The best product", "15.00 EUR"], "item-123", False),
    "3": (
        signed('{"pr":15.5,"ti":"The best product","pi":"item-123","aud":"plenigo"}'),
        ["The best product", "15.50 EUR"],
        "item-123",
        False,
    ),
    "11": (
        signed('{"pr":30,"cu":"EUR","pt":"BOOK","ti":"Atlas","pi":"item-123","sc":4.5,"aud":"plenigo"}'),
        ["Atlas", "30.00 EUR", "4.50 EUR", "34.50 EUR"],
        "item-123",
        False,
    ),
    "13": (signed('{"pr":"12.50","ti":"t","pi":"item-123","aud":"plenigo"}'), ["12.50 EUR"], "item-123", False),
}


def assert_sold(opened, buy, customer, words, product_id, test_mode):
    status, page = opened
    assert (status, [word for word in words if word not in page]) == (200, [])
    assert buy(page)["bought"] is True
    assert purchases.owns(customer, product_id, test_mode=test_mode)
    assert not purchases.owns(customer, product_id, test_mode=not test_mode)


@pytest.mark.parametrize(("token", "words", "bought", "test_mode"), ACCEPTED.values(), ids=ACCEPTED)
def test_managed_product_of_an_example_is_sold(open_with, buy, managed, ada, token, words, bought, test_mode):
    assert_sold(open_with(token), buy, ada, words, bought, test_mode)


@pytest.mark.parametrize(("token", "words", "bought", "test_mode"), ACCEPTED_FOREIGN.values(), ids=ACCEPTED_FOREIGN)
def test_foreign_product_of_an_example_is_sold(open_with, buy, ada, token, words, bought, test_mode):
    assert_sold(open_with(token), buy, ada, words, bought, test_mode)


def test_fourth_example_returns_to_its_address_with_a_code_and_its_state(open_with, buy, ada):
    outcome = buy(open_with(FOURTH)[1])
    assert outcome["address"] == f"https://shop.example/cb?x=1&y=2&code={outcome['code']}&state=c5rf"
    tokens = oauth.exchange_code(ada.company, outcome["code"], "https://shop.example/cb?x=1&y=2")
    assert oauth.customer_of(ada.company, tokens.access_token) == ada


def test_eighth_example_pays_what_is_open(open_with, buy, ada, sandbox):
    purchase = sandbox.buy(ada, DAY_PASS)
    purchase.is_blocked = True
    purchase.save()
    status, page = open_with(signed('{"pi":"FAKE_PROD_ID","fp":true,"aud":"plenigo"}'))
    assert (status, "1.99 EUR" in page, buy(page)["bought"]) == (200, True, True)
    assert purchases.owns(ada, DAY_PASS)


def test_fourteenth_example_asks_for_a_price_confirms_and_sells_again(open_with, managed, ada, sandbox):
    token = signed('{"pi":"item-123","sab":true,"spf":true,"sp":true,"aud":"plenigo"}')
    assert 'name="amount"' in open_with(token)[1]
    sandbox.buy(ada, "item-123")
    assert 'value="again"' in open_with(token)[1]


REFUSED = {
    "1, but the product is not managed": (FIRST, "no title and price"),
    "15, an e-book that is shipped": (
        signed('{"pr":15,"pt":"EBOOK","ti":"t","pi":"item-123","sc":4.5,"aud":"plenigo"}'),
        "BOOK and NEWSPAPER only",
    ),
    "15, an id of 21 characters": (
        signed('{"pr":15,"ti":"t","pi":"item-1234567890123456","aud":"plenigo"}'),
        "at most 20 bytes",
    ),
    "9, without its price": (
        signed('{"ti":"Special issue","pi":"item-123","om":true,"pir":"item-123-may","aud":"plenigo"}'),
        "needs a price",
    ),
    "2, with a price that was changed": (
        SECOND.replace("eyJwciI6MTUs", segment(b'{"pr":1, ')),
        "signed with a secret that is not this company",
    ),
    "2, signed by somebody else": (
        signed(PUBLISHED[1][0], b"another-secret-of-more-than-32-characters"),
        "signed with a secret that is not this company",
    ),
    "2, meant for somebody else": (signed(PUBLISHED[1][0].replace('"plenigo"', '"somebody"')), "not meant for plenigo"),
    "the older form, in AES": ("c584f71a1d049f108e01a379a2e40d5e11e12497bd5ad64e915e1cab9a0d28b7", "JWT"),
}


@pytest.mark.parametrize(("token", "words"), REFUSED.values(), ids=REFUSED)
def test_what_the_page_refuses_is_not_sold(open_with, ada, token, words):
    status, page = open_with(token)
    assert (status, words in page, 'value="buy"' in page, "data-outcome" in page) == (400, True, False, False)
    assert not ada.purchases.exists()


def test_fourth_example_with_its_made_up_login_token_lets_nobody_in(browser, ada):
    fields = f"paymentData={FOURTH}&startWithRegistration=true&loginToken=LT-1&targetUrl=https%3A%2F%2Fshop.example"
    status, page = browser(f"/checkout/{COMPANY_ID}/", f"{fields}&elementId=checkoutBox&origin=https://shop.example")
    assert (status, "log-in token is unknown" in page, 'value="buy"' in page) == (403, True, False)

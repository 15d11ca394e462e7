"""Checkouts that the client signs, on the sandbox's checkout page. Sections 3 and 5 of the page."""

from datetime import date
from decimal import Decimal

import pytest

from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder, CustomerRef, LoginPass
from django_plenigo.protocols.plenigo_v2.checkout import FAILED_PAYMENT_PRODUCT_ID
from django_plenigo.sandbox.seed import BOOK, DAY_PASS, MONTHLY

THING = {"product_id": "item-123", "title": "The best product", "price": 15.0, "currency": "EUR"}


def test_reader_buys_what_the_site_signed_and_has_bought_it(plenigo, open_checkout):
    customer_id = plenigo.register_user("jo@example.com", external_id="7")
    reference = CustomerRef("7", is_external=True)
    assert plenigo.has_bought(reference, [DAY_PASS]) == {DAY_PASS: False}
    options = CheckoutOptions(target_url="https://shop.example/thanks?a=1")
    call = plenigo.sign_checkout(CheckoutOrder(DAY_PASS), options, plenigo.create_login_token(reference))
    outcome = open_checkout(call).press("buy").outcome
    assert outcome["address"] == "https://shop.example/thanks?a=1&paymentState=success"
    assert plenigo.has_bought(reference, [DAY_PASS]) == {DAY_PASS: True}
    assert plenigo.confirm_user_cookie(outcome["cookie"]) == customer_id


@pytest.mark.parametrize(
    ("order", "words", "bought"),
    [
        ({"product_id": DAY_PASS}, ["Day pass", "1.99 EUR"], DAY_PASS),
        ({"product_id": MONTHLY, "subscription_renewal": True}, ["Monthly subscription"], MONTHLY),
        (THING, ["The best product", "15.00 EUR"], "item-123"),
        (THING | {"price": "12.50", "type": "EBOOK"}, ["12.50 EUR"], "item-123"),
        (THING | {"price": Decimal("4.99"), "currency": "CHF"}, ["4.99 CHF"], "item-123"),
        (THING | {"title": 'ä"</script>😀\u2028&'}, ["ä&quot;&lt;/script&gt;😀\u2028&amp;"], "item-123"),
        (THING | {"title": "t" * 130}, ["t" * 100], "item-123"),
        (THING | {"product_id": "x" * 20}, ["The best product"], "x" * 20),
        (THING | {"category_id": "CAT9", "segment_id": "SEG1"}, ["The best product"], "item-123"),
        (THING | {"birthday": date(1990, 5, 17)}, ["The best product"], "item-123"),
        (THING | {"show_checkout_confirmation_screen": True}, ["The best product"], "item-123"),
        ({"product_id": BOOK, "type": "BOOK", "shipping_cost": 4.5}, ["4.50 EUR", "28.50 EUR"], BOOK),
        (
            {"product_id": DAY_PASS, "title": "Special issue", "price": 4.99, "override_mode": True},
            ["Special issue", "4.99 EUR"],
            DAY_PASS,
        ),
        (
            THING | {"override_mode": True, "product_id_replacement": "item-123-may"},
            ["The best product", "item-123-may"],
            "item-123-may",
        ),
    ],
)
def test_order_is_shown_and_sold_as_it_was_signed(plenigo, check_out, reference, order, words, bought):
    page = check_out(**order)
    assert (page.status, [word for word in words if word not in page.text]) == (200, [])
    assert page.press("buy").outcome["bought"] is True
    assert plenigo.has_bought(reference, [bought]) == {bought: True}


def test_reader_pays_what_she_wants(sandbox, check_out, ada):
    check_out(**THING, pay_what_you_want=True).press("buy", amount="7.50")
    assert ada.purchases.get().price == Decimal("7.50")


def test_owner_buys_again_where_the_order_says_so(check_out, ada):
    check_out(**THING).press("buy")
    assert check_out(**THING).offers == ["return"]
    check_out(**THING, show_buying_again_screen=True).press("again").press("buy")
    assert ada.purchases.count() == 2


def test_open_payment_is_paid(plenigo, sandbox, check_out, ada, reference):
    purchase = sandbox.buy(ada, DAY_PASS)
    purchase.is_blocked = True
    purchase.save()
    check_out(product_id=FAILED_PAYMENT_PRODUCT_ID, failed_payment=True).press("buy")
    assert plenigo.has_bought(reference, [DAY_PASS]) == {DAY_PASS: True}


def test_log_in_of_the_vendors_own_returns_with_a_code_and_the_state(check_out):
    address = "https://shop.example/cb?x=1&y=2"
    outcome = check_out(**THING, oauth2_redirect_url=address, csrf_token="c5&rf").press("buy").outcome
    assert outcome["address"] == f"{address}&code={outcome['code']}&state=c5%26rf"


@pytest.mark.parametrize("by_order", [True, False])
def test_test_purchase_is_one_for_the_client_in_test_mode_only(connect, open_checkout, reference, by_order):
    live, test = connect(), connect(TEST_MODE=True)
    signer, order = (live, CheckoutOrder(DAY_PASS, test_mode=True)) if by_order else (test, CheckoutOrder(DAY_PASS))
    open_checkout(signer.sign_checkout(order, CheckoutOptions(), live.create_login_token(reference))).press("buy")
    assert live.has_bought(reference, [DAY_PASS]) == {DAY_PASS: False}
    assert test.has_bought(reference, [DAY_PASS]) == {DAY_PASS: True}


@pytest.mark.parametrize(
    ("registers", "first"), [(True, ["register", "show-login"]), (False, ["login", "show-registration"])]
)
def test_visitor_is_asked_who_she_is(plenigo, open_checkout, ada, registers, first):
    options = CheckoutOptions(start_with_registration=registers)
    page = open_checkout(plenigo.sign_checkout(CheckoutOrder(DAY_PASS), options))
    assert (page.status, page.offers) == (200, first)
    email = "new@example.com" if registers else "ada@example.com"
    assert page.press(first[0], email=email).press("buy").outcome["bought"] is True


class TestRefusals:
    def assert_sells_nothing(self, page, status, words):
        assert (page.status, page.offers, page.outcome) == (status, [], {})
        assert words in page.text

    def test_of_a_string_signed_with_another_secret(self, connect, open_checkout, reference):
        login = connect().create_login_token(reference)
        stranger = connect(SECRET="another-secret-of-more-than-32-characters")
        page = open_checkout(stranger.sign_checkout(CheckoutOrder(DAY_PASS), CheckoutOptions(), login))
        self.assert_sells_nothing(page, 400, "signed with a secret that is not this company")

    @pytest.mark.parametrize(
        "order", [{"product_id": "unknown"}, {"product_id": "unknown", "title": "t"}, {"product_id": "x", "price": 1}]
    )
    def test_of_a_foreign_product_without_title_and_price(self, check_out, order):
        self.assert_sells_nothing(check_out(**order), 400, "no title and price")

    def test_of_a_log_in_address_that_the_company_has_not_registered(self, sandbox, check_out):
        sandbox.company.redirect_uri_prefix = "https://shop.example/"
        sandbox.company.save()
        page = check_out(**THING, oauth2_redirect_url="https://elsewhere.example/")
        self.assert_sells_nothing(page, 400, "has registered another address")

    def test_of_a_login_token_that_was_used(self, plenigo, check_out, reference):
        login = plenigo.create_login_token(reference)
        assert check_out(login, **THING).status == 200
        self.assert_sells_nothing(check_out(login, **THING), 403, "was used before")

    def test_of_a_login_token_that_is_too_old(self, plenigo, sandbox, check_out, reference):
        login = plenigo.create_login_token(reference)
        sandbox.advance(login.lifetime_seconds + 1)
        self.assert_sells_nothing(check_out(login, **THING), 403, "older than five minutes")

    def test_of_a_login_token_that_nobody_minted(self, check_out):
        made_up = LoginPass("A" * 40, is_url=False, lifetime_seconds=300)
        self.assert_sells_nothing(check_out(made_up, **THING), 403, "is unknown")

    def test_spares_the_login_token_where_the_order_is_at_fault(self, plenigo, check_out, reference):
        login = plenigo.create_login_token(reference)
        assert check_out(login, product_id="unknown").status == 400
        assert check_out(login, **THING).status == 200

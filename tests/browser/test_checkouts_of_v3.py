"""Purchases by API v3 on the sandbox, whose script and page take the vendor's place."""

import re

import pytest
from playwright.sync_api import expect

from django_plenigo.sandbox import purchases
from django_plenigo.sandbox.models import PreparedPurchase, Purchase
from django_plenigo.sandbox.seed import BOOK, DAY_PASS
from django_plenigo.services import customers
from tests.browser.test_accessibility import NONE, barriers

pytestmark = pytest.mark.usefixtures("on_api_v3")


@pytest.fixture
def message(page):
    """What the page says of the checkout that is open."""
    return page.locator(".plenigo-message-checkout")


@pytest.fixture
def opened(newspaper, sign_in, reader):
    """A customer in front of an article, whose checkout is open."""
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.checkout.line("Product")).to_contain_text("Day pass")
    return newspaper


def test_page_with_an_open_checkout_has_no_barriers(opened, page):
    assert barriers(page) == NONE
    assert barriers(page.frames[1]) == NONE


def test_reader_whose_payment_fails_begins_again_and_buys(opened, message):
    opened.checkout.press("Let the payment fail")
    expect(message).to_contain_text("The payment did not work.")
    message.get_by_role("button", name="Try again").click()
    expect(opened.checkout.frame.get_by_role("alert")).to_have_count(0)
    opened.checkout.press("Buy")
    opened.has_article()
    assert PreparedPurchase.objects.count() == 2
    assert Purchase.objects.count() == 1


def test_reader_who_has_bought_in_another_tab_is_told_and_led_to_the_article(opened, reader, sandbox, message):
    purchases.buy(sandbox.customers()[0], DAY_PASS)
    opened.checkout.press("Buy")
    opened.checkout.press("Back to the site")
    expect(message).to_contain_text("You have this already. You do not need to pay again.")
    message.get_by_role("link", name="Read on").click()
    opened.has_article()


def test_reader_buys_with_the_script_of_before_may_2025(settings, newspaper, page, sign_in, reader):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "LEGACY_SDK": True}}
    sign_in(reader)
    newspaper.open("article")
    expect(page.locator("script[src$='plenigo_sdk.min.js']")).to_have_count(1)
    expect(page.locator("script[src$='frisbii_media.min.js']")).to_have_count(0)
    newspaper.press("Buy and read")
    newspaper.checkout.press("Buy")
    newspaper.has_article()


@pytest.fixture
def prepared(newspaper, page, sign_in, reader):
    """Click for a customer; what is called prepares the checkout, and the call of its result opens it."""
    held = []
    page.route("**/plenigo/api/checkout/", lambda route: held.append(route))
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.message).to_have_text("Opening the checkout …")

    def prepare():
        while not held:
            page.wait_for_timeout(50)
        answer = held[0].fetch()

        def open_it():
            held[0].fulfill(response=answer)
            page.unroute_all()

        return open_it

    return prepare


def test_reader_whose_offer_is_gone_meanwhile_is_told(prepared, sandbox, message):
    open_it = prepared()
    sandbox.company.products.filter(product_id=DAY_PASS).update(offer_id="O_" + "X" * 18)
    open_it()
    expect(message).to_have_text("This offer is not available for your account. Nothing was charged.")


def test_reader_whose_checkout_has_timed_out_is_offered_to_reload(prepared, newspaper, message):
    open_it = prepared()
    PreparedPurchase.objects.update(expires_at="2026-01-01T00:00:00Z")
    open_it()
    expect(message).to_contain_text("The checkout cannot go on.")
    message.get_by_role("button", name="Reload the page").click()
    expect(message).to_have_count(0)
    newspaper.press("Buy and read")
    newspaper.checkout.press("Buy")
    newspaper.has_article()


def test_reader_is_told_where_the_policy_blocks_the_frame(newspaper, sign_in, reader, under_policy, message):
    sign_in(reader)
    under_policy("without-frames")
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(message).to_contain_text("The checkout cannot go on.")


def test_reader_who_cancels_buys_something_else_on_the_same_page(newspaper, sign_in, reader):
    sign_in(reader)
    newspaper.open("offers")
    newspaper.press("Buy the day pass")
    newspaper.checkout.press("Cancel")
    expect(newspaper.checkout.layer).to_have_count(0)
    newspaper.press("Buy the yearbook")
    expect(newspaper.checkout.line("Product")).to_contain_text("The yearbook")
    newspaper.checkout.press("Buy")
    expect(newspaper.checkout.layer).to_have_count(0)
    assert list(Purchase.objects.values_list("product_id", flat=True)) == [BOOK]


def test_visitor_registers_inside_the_checkout_under_another_address_and_nothing_is_linked_by_it(newspaper, page, user):
    newspaper.open("visitors")
    newspaper.press("Buy the day pass")
    newspaper.checkout.frame.get_by_label("E-mail address").fill("carol@example.com")
    newspaper.checkout.press("Register")
    newspaper.checkout.press("Buy")
    newspaper.log_in(user)
    expect(page.get_by_role("heading")).to_have_text("We know of no purchase of your account yet.")
    assert Purchase.objects.get().customer.email == "carol@example.com"
    assert customers.link_of(user) is None


def test_visitor_who_buys_inside_the_checkout_reads_once_she_has_logged_in_under_the_same_address(
    newspaper, page, user
):
    newspaper.open("visitors")
    newspaper.press("Buy the day pass")
    newspaper.checkout.frame.get_by_label("E-mail address").fill(user.email)
    newspaper.checkout.press("Register")
    newspaper.checkout.press("Buy")
    newspaper.log_in(user)
    expect(page.get_by_role("button", name="Buy the day pass")).to_be_visible()
    newspaper.open("article")
    newspaper.has_article()
    assert customers.link_of(user).customer_id == Purchase.objects.get().customer.number


def test_visitor_who_has_it_already_reads_once_she_has_logged_in_under_the_same_address(newspaper, page, user, sandbox):
    sandbox.buy(sandbox.create_customer(user.email), DAY_PASS)
    newspaper.open("visitors")
    newspaper.press("Buy the day pass")
    newspaper.checkout.press("I am a customer already")
    expect(newspaper.checkout.frame.get_by_role("button", name="Log in", exact=True)).to_be_visible()  # the next page
    newspaper.checkout.frame.get_by_label("E-mail address").fill(user.email)
    newspaper.checkout.press("Log in")
    newspaper.checkout.press("Back to the site")
    newspaper.log_in(user)
    expect(page.get_by_role("button", name="Buy the day pass")).to_be_visible()
    newspaper.open("article")
    newspaper.has_article()


# ---- a payment page --------------------------------------------------------------------------------------------


@pytest.fixture
def paying(opened, page):
    """A customer who has left the site for a payment page."""
    opened.checkout.press("Pay on another page")
    expect(page.get_by_role("heading")).to_have_text("Payment")
    return opened


def test_payment_page_leads_back_to_the_site_which_opens_the_article(paying, page):
    assert barriers(page) == NONE
    paying.press("Pay")
    paying.has_article()
    expect(page).to_have_url("/news/article/")


def test_payment_that_fails_on_the_payment_page_is_told_on_the_site_and_may_be_tried_again(paying, page, message):
    paying.press("Let the payment fail")
    expect(message).to_contain_text("The payment did not work.")
    expect(page).to_have_url(re.compile(r"/plenigo/return/\?(?!.*plenigoPayment)"))
    message.get_by_role("link", name="Try again").click()
    expect(page).to_have_url("/news/article/")
    assert Purchase.objects.count() == 0


# ---- vouchers and baskets --------------------------------------------------------------------------------------


def test_voucher_opens_the_article_and_a_second_reader_cannot_redeem_it(
    newspaper, sandbox, sign_in, reader, user_of, context
):
    sandbox.create_voucher("SPRING", DAY_PASS)
    sign_in(reader)
    newspaper.open("vouchers")
    newspaper.press("Redeem the voucher")
    expect(newspaper.checkout.line("Price")).to_have_text("0.00 EUR")
    with newspaper.page.expect_navigation():  # the page goes on by itself, and would cut off the next one's opening
        newspaper.checkout.press("Buy")
    newspaper.open("article")
    newspaper.has_article()
    sign_in(user_of("second"))
    newspaper.open("vouchers")
    newspaper.press("Redeem the voucher")
    expect(newspaper.message).to_have_text("This voucher cannot be redeemed. Please contact us.")


def test_basket_is_bought_in_one_go(newspaper, sandbox, sign_in, reader):
    sandbox.fill_basket("B-1", DAY_PASS, quantity=2)
    sandbox.fill_basket("B-1", BOOK)
    sign_in(reader)
    newspaper.open("vouchers")
    newspaper.press("Buy the basket")
    expect(newspaper.checkout.line("Total")).to_have_text("27.98 EUR")
    newspaper.checkout.press("Buy")
    expect(newspaper.checkout.layer).to_have_count(0)
    assert sorted(Purchase.objects.values_list("product_id", "quantity")) == [(DAY_PASS, 2), (BOOK, 1)]

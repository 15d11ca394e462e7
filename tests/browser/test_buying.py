"""A visitor sees a teaser, pays, and reads."""

import pytest
from playwright.sync_api import expect

from django_plenigo.sandbox.models import Purchase
from django_plenigo.sandbox.seed import BOOK, DAY_PASS

pytestmark = pytest.mark.usefixtures("either_api")


def bought():
    """What has been sold, by product."""
    return sorted(Purchase.objects.values_list("product_id", flat=True))


def test_visitor_logs_in_pays_and_comes_back_to_the_article_to_read_it(newspaper, page, user):
    newspaper.open("article")
    expect(page.get_by_text("The teaser")).to_be_visible()
    newspaper.press("Buy and read")
    newspaper.log_in(user)
    expect(page.get_by_role("heading", name="The moss clock")).to_be_visible()
    newspaper.press("Buy and read")
    expect(newspaper.checkout.line("Product")).to_contain_text("Day pass")
    expect(newspaper.checkout.line("Price")).to_have_text("1.99 EUR")
    expect(newspaper.checkout.line("Customer")).to_have_text(user.email)
    newspaper.checkout.press("Buy")
    newspaper.has_article()
    expect(page).to_have_url("/news/article/")
    assert bought() == [DAY_PASS]


def test_reader_who_cancels_buys_another_product_on_the_same_page(newspaper, sign_in, reader):
    sign_in(reader)
    newspaper.open("offers")
    newspaper.press("Buy the day pass")
    newspaper.checkout.press("Cancel")
    expect(newspaper.checkout.layer).to_have_count(0)
    assert bought() == []
    newspaper.press("Buy the yearbook")
    expect(newspaper.checkout.line("Product")).to_contain_text("The yearbook")
    newspaper.checkout.press("Buy")
    expect(newspaper.checkout.layer).to_have_count(0)
    assert bought() == [BOOK]


def test_button_of_the_checkout_is_heard_however_late_the_checkouts_script_comes(newspaper, page, sign_in, reader):
    def come_late(route):
        page.wait_for_timeout(1000)
        route.continue_()

    page.route("**/pages/pages.js", come_late)
    sign_in(reader)
    newspaper.open("offers")
    newspaper.press("Buy the day pass")
    newspaper.checkout.press("Cancel")
    expect(newspaper.checkout.layer).to_have_count(0)


def test_reader_who_goes_back_after_paying_is_offered_nothing(newspaper, page, sign_in, reader):
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    newspaper.checkout.press("Buy")
    newspaper.has_article()
    page.go_back()
    newspaper.has_article()


def test_reader_whose_payment_fails_is_told_and_may_try_again(newspaper, sign_in, reader):
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    newspaper.checkout.press("Let the payment fail")
    expect(newspaper.checkout.frame.get_by_role("alert")).to_contain_text("The payment failed")
    assert bought() == []
    newspaper.checkout.press("Buy")
    newspaper.has_article()


def test_second_reader_of_a_computer_meets_nothing_of_the_first(newspaper, page, sign_in, reader, user_of):
    second = user_of("second")
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    newspaper.checkout.press("Buy")
    newspaper.has_article()
    newspaper.press("Log out")
    expect(page.get_by_text("The teaser")).to_be_visible()
    page.wait_for_function("!document.cookie.includes('plenigo_session_ended')")
    page.get_by_role("link", name="Log in").click()
    newspaper.log_in(second)
    newspaper.press("Buy and read")
    expect(newspaper.checkout.line("Customer")).to_have_text(second.email)


@pytest.mark.parametrize("trouble", ["answers 500", "does not answer"])
def test_reader_is_told_that_the_vendor_is_down_and_buys_when_it_is_back(newspaper, sandbox, sign_in, user, trouble):
    sign_in(user)
    if trouble == "answers 500":
        sandbox.fail_next(500, times=None)
    else:
        sandbox.delay_next(60, times=None)
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.message).to_have_text("We could not open the checkout. Nothing was charged. Please try again.")
    assert bought() == []
    sandbox.clear_faults()
    newspaper.press("Buy and read")
    newspaper.checkout.press("Buy")
    newspaper.has_article()


def test_reader_is_told_that_a_content_blocker_keeps_the_checkout_away(newspaper, content_blocker, sign_in, reader):
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    content_blocker()
    expect(newspaper.message).to_contain_text("The checkout could not be loaded. Nothing was charged.")
    assert bought() == []

"""The reader is back from a checkout, and her purchase is still on its way."""

import pytest
from playwright.sync_api import expect

from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services.checkout import PurchaseReturn, return_path
from tests.browser.conftest import Newspaper


@pytest.fixture
def address():
    """Where a checkout of the article returns to."""
    return return_path(PurchaseReturn((DAY_PASS,), "/news/article/", "default"))


@pytest.fixture
def purchase_arrives(sandbox, reader):
    """Let the vendor know of the purchase at last."""
    return lambda: sandbox.buy(sandbox.customers()[0], DAY_PASS)


def test_page_says_that_it_waits_and_opens_the_article_by_itself(
    newspaper, page, sign_in, reader, address, purchase_arrives
):
    sign_in(reader)
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("You do not need to pay again.")
    purchase_arrives()
    newspaper.has_article()
    expect(page).to_have_url("/news/article/")


def test_page_opens_the_article_by_itself_without_javascript(
    new_context, sign_in, reader, address, purchase_arrives, newspaper
):
    page = new_context(java_script_enabled=False).new_page()
    sign_in(reader, page.context)
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("You do not need to pay again.")
    purchase_arrives()
    Newspaper(page).has_article()

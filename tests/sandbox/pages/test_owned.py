"""The check-out page for a customer who owns the product already, or comes to own it in another tab."""

import pytest

from django_plenigo.sandbox import login_tokens, purchases, session_cookies
from django_plenigo.sandbox.models import Purchase

from .conftest import SITE, THING


@pytest.fixture
def owned(customer):
    return purchases.buy(customer, "item-123")


def test_owner_is_told_so_and_sent_back_logged_in(open_with, company, customer, owned):
    page = open_with(targetUrl=f"{SITE}/article")
    assert ("You already own this" in page.text, page.buttons) == (True, ["return"])
    outcome = page.press("return").outcome
    assert (outcome["address"], outcome["bought"], Purchase.objects.count()) == (f"{SITE}/article", False, 1)
    assert session_cookies.customer_of(company, outcome["cookie"]) == customer


def test_owner_may_buy_again_where_the_shop_says_so(open_with, owned):
    page = open_with({**THING, "sab": True})
    assert page.buttons == ["return", "again"]
    page.press("again").press("buy")
    assert Purchase.objects.count() == 2


def test_owner_may_not_buy_again_elsewhere(open_with, owned):
    assert open_with().press("again").status == 400


def test_owner_of_a_test_right_is_no_owner(open_with, customer):
    purchases.buy(customer, "item-123", test_mode=True)
    assert "buy" in open_with().buttons


def test_return_is_for_owners_only(open_with):
    page = open_with().press("return")
    assert (page.outcome, "buy" in page.buttons) == (None, True)


def test_buy_in_two_tabs_records_one_purchase_and_tells_the_second(open_with, customer):
    tabs = [open_with(), open_with(loginToken=login_tokens.mint_login_token(customer))]
    assert tabs[0].press("buy").outcome["bought"] is True
    second = tabs[1].press("buy")
    assert ("You already own this" in second.text, second.buttons) == (True, ["return"])
    assert tabs[0].press("buy").outcome["bought"] is True
    assert Purchase.objects.count() == 1


def test_buy_again_in_two_tabs_is_two_purchases_as_it_was_meant(open_with, customer):
    purchases.buy(customer, "item-123")
    claims = {**THING, "sab": True}
    tabs = [open_with(claims), open_with(claims, loginToken=login_tokens.mint_login_token(customer))]
    for tab in tabs:
        assert tab.press("again").press("buy").outcome["bought"] is True
    assert Purchase.objects.count() == 3

"""The pages of `plenigo.renderSnippet`: what a customer sees and changes of his own, by a login token of API v2."""

import pytest

from django_plenigo.sandbox import customers, login_tokens, purchases
from django_plenigo.sandbox.models import Customer
from django_plenigo.sandbox.pages.session_cookie import new_session_cookie
from django_plenigo.sandbox.pages.snippets import SNIPPETS
from django_plenigo.sandbox.seed import MONTHLY

from .conftest import SHUT_OUT


@pytest.fixture
def open_snippet(visit, customer):
    """Open a snippet as the script does, with a fresh token."""

    def open_snippet(snippet="SUBSCRIPTION", **fields):
        token = login_tokens.mint_login_token(customer)
        return visit("snippet", **{"loginToken": token, "snippetId": snippet, **fields})

    return open_snippet


@pytest.mark.parametrize("snippet", sorted(SNIPPETS))
def test_every_snippet_opens_by_itself(open_snippet, snippet):
    page = open_snippet(snippet)
    assert (page.status, "<nav" in page.text) == (200, False)


def test_snippet_comes_without_a_click_so_it_takes_no_focus(open_snippet, customer):
    number = str(purchases.subscription_number(purchases.buy(customer, MONTHLY)))
    page = open_snippet()
    assert "data-focus" not in page.text
    assert "data-focus" in page.press("cancel-subscription", subscription=number).text


def test_token_works_once_and_for_five_minutes(open_snippet, customer, sandbox):
    token = login_tokens.mint_login_token(customer)
    assert open_snippet(loginToken=token).status == 200
    page = open_snippet(loginToken=token)
    assert (page.status, "was used before" in page.text) == (403, True)
    token = login_tokens.mint_login_token(customer)
    sandbox.advance(301)
    assert open_snippet(loginToken=token).status == 403


@pytest.mark.parametrize("snippet", ["", "STARTPAGE", "DASHBOARD", "INVOICE"])
def test_page_that_is_none_of_v2_is_refused_and_leaves_the_token_alone(open_snippet, customer, snippet):
    token = login_tokens.mint_login_token(customer)
    assert open_snippet(snippet, loginToken=token).status == 400
    assert open_snippet(loginToken=token).status == 200


@pytest.mark.parametrize("fields", [{"loginToken": "unknown"}, {"loginToken": ""}, {"loginToken": "", "session": "x"}])
def test_nobody_sees_nothing(open_snippet, fields):
    assert open_snippet(**fields).status == 403


def test_session_at_the_vendor_serves_as_well(open_snippet, customer):
    page = open_snippet("PERSONAL_DATA", loginToken="", session=new_session_cookie(customer))
    assert (page.status, customer.email in page.text) == (200, True)


@pytest.mark.parametrize(("change", "words"), SHUT_OUT, ids=str)
def test_customer_who_is_shut_out_sees_nothing_any_more(open_snippet, change, words):
    page = open_snippet("PERSONAL_DATA")
    Customer.objects.update(**change)
    assert words in page.press("save-names", first_name="Eve").text
    assert words in open_snippet().text


def test_customer_who_is_gone_sees_nothing_any_more(open_snippet, customer):
    page = open_snippet("PERSONAL_DATA")
    customer.delete()
    assert page.press("save-names", first_name="Eve").status == 401


def test_subscription_is_cancelled(open_snippet, customer):
    subscription = purchases.buy(customer, MONTHLY)
    page = open_snippet()
    page = page.press("cancel-subscription", subscription=str(purchases.subscription_number(subscription)))
    assert "Your subscription has been cancelled." in page.text
    subscription.refresh_from_db()
    assert subscription.cancelled_at is not None


def test_subscription_of_another_customer_is_not_cancelled(open_snippet, company, customer):
    purchases.buy(customer, MONTHLY)
    theirs = purchases.buy(customers.register_customer(company, "bob@example.com"), MONTHLY)
    number = str(purchases.subscription_number(theirs))
    assert open_snippet().press("cancel-subscription", subscription=number).status == 403
    theirs.refresh_from_db()
    assert theirs.cancelled_at is None

"""The pages that `plenigo.login` and `plenigo.registration` open."""

import re

import pytest

from django_plenigo.sandbox import oauth, session_cookies
from django_plenigo.sandbox.models import Customer
from django_plenigo.sandbox.pages import tickets

from .conftest import SITE

CALLBACK = f"{SITE}/cb"


@pytest.mark.parametrize(
    ("page", "buttons"),
    [("login", ["login", "show-registration"]), ("registration", ["register", "show-login"])],
)
def test_page_begins_with_what_was_called(visit, page, buttons):
    assert visit(page).buttons == buttons


def test_login_hands_over_a_session_and_returns_to_the_target(visit, company, customer):
    outcome = visit("login", targetUrl=f"{SITE}/home").press("login", email=customer.email).outcome
    assert outcome["address"] == f"{SITE}/home"
    assert session_cookies.customer_of(company, outcome["cookie"]) == customer


def test_login_with_redirect_hands_over_a_code_and_no_session(visit, company, customer):
    page = visit("login", ssoRedirectURL=CALLBACK, scope="profile", state="S1", targetUrl=f"{SITE}/home")
    outcome = page.press("login", email=customer.email).outcome
    assert re.fullmatch(rf"{CALLBACK}\?code=\w+&state=S1", outcome["address"])
    assert "cookie" not in outcome
    assert oauth.exchange_code(company, outcome["code"], CALLBACK) is not None


def test_login_without_state_returns_none(visit, customer):
    outcome = visit("login", ssoRedirectURL=CALLBACK).press("login", email=customer.email).outcome
    assert outcome["address"] == f"{CALLBACK}?code={outcome['code']}"


@pytest.mark.parametrize("page", ["login", "registration"])
def test_page_is_filled_in_with_the_address_that_the_site_knows(visit, page):
    assert 'value="eve@example.com"' in visit(page, loginIdentifier="eve@example.com").text


def test_address_that_the_reader_has_typed_counts_more(visit):
    page = visit("login", loginIdentifier="eve@example.com")
    assert 'value="nobody@example.com"' in page.press("login", email="nobody@example.com").text


def test_registration_creates_a_customer(visit):
    visit("registration").press("register", email="new@example.com")
    assert Customer.objects.get().email == "new@example.com"


def test_login_of_nobody_is_told_to_register(visit):
    page = visit("login").press("login", email="nobody@example.com")
    assert ("Please register" in page.text, page.outcome) == (True, None)


def test_reader_changes_between_log_in_and_registration(visit):
    assert visit("login").press("show-registration").buttons == ["register", "show-login"]


REFUSALS = {
    "a script as redirect": {"ssoRedirectURL": "javascript:alert(1)"},
    "a script as target": {"targetUrl": "javascript:alert(1)"},
    "another scope": {"ssoRedirectURL": CALLBACK, "scope": "email"},
    "no element": {"problem": "element"},
    "no origin": {"origin": "null"},
}


@pytest.mark.parametrize("fields", REFUSALS.values(), ids=REFUSALS)
def test_page_refuses(visit, fields):
    page = visit("login", **fields)
    assert (page.status, page.buttons, "data-cancel" in page.text) == (400, [], True)


def test_page_refuses_a_redirect_that_is_not_registered(visit, company):
    company.redirect_uri_prefix = "https://other.example/"
    company.save()
    assert visit("login", ssoRedirectURL=CALLBACK).status == 400


def test_page_refuses_the_ticket_of_a_check_out(visit, company, customer):
    values = {"company_id": company.company_id, "target": "", "redirect_uri": "", "state": ""}
    page = visit("login").press("login", email=customer.email, ticket=tickets.seal("checkout", values))
    assert (page.status, page.outcome) == (403, None)


def test_page_refuses_a_button_of_another_page(visit):
    assert visit("login").press("buy").status == 400

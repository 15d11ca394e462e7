"""The pages of `plenigo.Snippets`: what a customer sees and changes of his own, by a transfer token."""

import pytest
from django.contrib.auth.hashers import check_password

from django_plenigo.sandbox import customer_sessions, customers, purchases
from django_plenigo.sandbox.models import Customer, SsoSettings
from django_plenigo.sandbox.pages.self_service import OF_API_V2, TITLES
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY

from .conftest import SHUT_OUT


@pytest.fixture
def session(customer):
    return customer_sessions.begin(customer, {})


@pytest.fixture
def open_page(visit, session):
    """Open the self service as the script does, with a fresh token."""

    def open_page(snippet="", **options):
        token = customer_sessions.mint_transfer_token(session)
        return visit("self-service", **{"transferToken": token, "snippet": snippet, **options})

    return open_page


@pytest.mark.parametrize("snippet", [name for name in TITLES if name not in OF_API_V2])
def test_every_page_opens(open_page, snippet):
    page = open_page(snippet)
    assert (page.status, f'tabindex="-1">{TITLES[snippet]}</h1>' in page.text) == (200, True)


def test_token_works_once_and_for_thirty_seconds(open_page, visit, session, sandbox):
    token = customer_sessions.mint_transfer_token(session)
    assert open_page(transferToken=token).status == 200
    assert open_page(transferToken=token).status == 412
    token = customer_sessions.mint_transfer_token(session)
    sandbox.advance(31)
    page = open_page(transferToken=token)
    assert (page.status, 'data-event="refused"' in page.text) == (412, True)


@pytest.mark.parametrize("change", [change for change, _words in SHUT_OUT], ids=str)
def test_customer_who_is_shut_out_sees_nothing_any_more(open_page, change):
    page = open_page()
    Customer.objects.update(**change)
    assert page.press("go", page="ORDER").status == 401
    assert open_page().status == 412


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"transferToken": ""}, 412),
        ({"transferToken": "unknown"}, 412),
        ({"snippet": "STARTPAGE"}, 400),
        ({"snippet": "PERSONAL_DATA_SOCIAL_MEDIA"}, 400),
        ({"navigation": "DIAGONAL"}, 400),
        ({"personalDetails": "DELETE"}, 400),
        ({"personalDetails": "HIDE", "snippet": "PERSONAL_DATA"}, 400),
        ({"subscriptionId": "mine"}, 400),
        ({"subscriptionId": "20000001"}, 404),
    ],
    ids=str,
)
def test_what_the_vendor_refuses_is_refused(open_page, options, status):
    assert open_page(**options).status == status


def test_call_that_is_refused_for_its_options_leaves_the_token_alone(open_page, visit, session):
    token = customer_sessions.mint_transfer_token(session)
    assert open_page("STARTPAGE", transferToken=token).status == 400
    assert open_page(transferToken=token).status == 200


def test_page_of_a_session_that_has_ended_shows_nothing_more(open_page, customer):
    page = open_page()
    customer_sessions.end(customer, None)
    assert page.press("go", page="ORDER").status == 401


def test_domain_must_be_allowed(open_page, company):
    SsoSettings.objects.filter(company=company).update(allowed_domains="news.example")
    assert open_page().status == 403


@pytest.mark.parametrize(("kind", "is_there"), [("", True), ("OFF", False), ("HORIZONTAL", True), ("VERTICAL", True)])
def test_navigation_is_what_the_site_wants(open_page, kind, is_there):
    page = open_page(navigation=kind)
    assert (("<nav" in page.text), "beside" in page.text) == (is_there, kind == "VERTICAL")


def test_orders_are_shown_with_what_was_bought(open_page, customer):
    order = purchases.order_number(purchases.buy(customer, DAY_PASS))
    page = open_page("ORDER")
    assert (str(order) in page.text, "1 × Day pass" in page.text) == (True, True)


def test_subscription_is_cancelled(open_page, customer):
    subscription = purchases.buy(customer, MONTHLY)
    number = str(purchases.subscription_number(subscription))
    page = open_page("SUBSCRIPTION")
    page = page.press("cancel-subscription", subscription=number)
    assert "Your subscription has been cancelled." in page.text
    subscription.refresh_from_db()
    assert subscription.cancelled_at is not None
    assert page.buttons == ["go"]


def test_subscription_of_another_customer_is_not_cancelled(open_page, company, customer):
    purchases.buy(customer, MONTHLY)
    theirs = purchases.buy(customers.register_customer(company, "bob@example.com"), MONTHLY)
    number = str(purchases.subscription_number(theirs))
    assert open_page("SUBSCRIPTION").press("cancel-subscription", subscription=number).status == 403
    theirs.refresh_from_db()
    assert theirs.cancelled_at is None


def test_one_subscription_is_shown_alone(open_page, customer):
    wanted, other = (purchases.subscription_number(purchases.buy(customer, MONTHLY)) for _ in range(2))
    page = open_page(subscriptionId=str(wanted))
    assert (str(wanted) in page.text, str(other) in page.text, "<nav" in page.text) == (True, False, False)


def test_names_are_changed_where_the_site_lets_them_be(open_page, customer):
    page = open_page("PERSONAL_DATA")
    page.press("save-names", first_name="Ada", last_name="Lovelace")
    customer.refresh_from_db()
    assert customer.last_name == "Lovelace"
    page = open_page("PERSONAL_DATA", personalDetails="VIEW")
    assert "save-names" not in page.buttons
    assert page.press("save-names", first_name="", last_name="").status == 403


def test_password_is_changed(open_page, customer):
    page = open_page("PERSONAL_DATA_PASSWORD")
    assert 'aria-invalid="true"' in page.press("save-password", password="short").text
    page.press("save-password", password="a-new-password")
    customer.refresh_from_db()
    assert check_password("a-new-password", customer.password)


def test_addresses_are_shown_by_their_kind(open_page, customer):
    customer.addresses.create(kind="INVOICE", street="Am Markt", street_number="3", postcode="10115", city="Berlin")
    assert "Am Markt 3" in open_page("BILLING_ADDRESS_DATA").text
    assert "There is nothing here." in open_page("DELIVERY_ADDRESS_DATA").text


def test_credit_card_is_shown_once_something_was_paid_by_it(open_page, company, customer):
    assert "CREDIT_CARD" not in open_page("PAYMENT_METHODS").text
    purchases.buy(customer, DAY_PASS, payment_method="CREDIT_CARD")
    assert open_page("CREDIT_CARD").text.count("<dd>CREDIT_CARD") == 1
    assert "<dd>" not in open_page("BANK_ACCOUNT").text

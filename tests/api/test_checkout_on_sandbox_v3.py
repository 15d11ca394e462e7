"""A purchase on the sandbox, by API v3 as it is called over the wire."""

import json
from datetime import date

import pytest
from django.test import Client

from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.sandbox.identifiers import access_right_id_of, offer_id_of
from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services import access, checkout, customers
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(sandbox, user, settings):
    """A reader in front of a site whose account is on API v3."""
    names = {"offer_id": offer_id_of(DAY_PASS), "access_right_id": access_right_id_of(DAY_PASS)}
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "DELIVERY": "", "PRODUCTS": {DAY_PASS: names}}}
    client = Client()
    client.force_login(user)
    return client


def send(browser, path, data):
    return browser.post(path, json.dumps(data), content_type="application/json").json()


@pytest.fixture
def opened(browser):
    """The answer to a click on the day pass."""
    offer = checkout.sign_offer(checkout.Offer(CheckoutOrder(DAY_PASS), CheckoutOptions(), "default"))
    return send(browser, "/plenigo/api/checkout/", {"offer": offer, "page": "/article/"})


def test_reader_buys_and_her_order_is_hers(sandbox, browser, opened):
    order_id = sandbox.complete_purchase(opened["purchase_id"])
    assert send(browser, opened["purchase_url"], {"order_id": order_id}) == {"is_bought": True, "next": "/article/"}


def test_order_of_another_reader_is_not_hers(sandbox, browser, opened):
    order_id = sandbox.complete_purchase(opened["purchase_id"])
    other = UserFactory()
    customers.register(other)
    browser.force_login(other)
    assert "We do not find this purchase" in send(browser, opened["purchase_url"], {"order_id": order_id})["detail"]


def test_purchase_of_a_visitor_who_logs_in_inside_the_checkout_is_a_customers(sandbox, browser):
    browser.logout()
    offer = checkout.Offer(CheckoutOrder(DAY_PASS), CheckoutOptions(), "default", lets_visitors_in=True)
    data = {"offer": checkout.sign_offer(offer), "page": "/article/"}
    opened = send(browser, "/plenigo/api/checkout/", data)
    assert opened["start"] == "login"
    assert sandbox.complete_purchase(opened["purchase_id"], sandbox.create_customer("carol@example.com")) > 0


@pytest.mark.parametrize(
    "options",
    [
        {"allow_multiple_purchases": True, "gift_option": "SHOW_GIFT_OPTION", "variant_id": "summer-1"},
        {"allowed_payment_methods": ["PAYPAL", "CREDIT_CARD"], "force_payment_method": "PAYPAL", "payment_only": True},
        {"source_id": "S-1", "partner_id": "P-1", "data": {"article": "4711"}, "hide_voucher_input": True},
        {"address_take_over": "NO_ADDRESS_DEFAULT", "invoice_address_required": True, "utm": {"source": "letter"}},
        {"subscription_start_date": date(2030, 1, 1), "supported_card_types": ["V"], "filter_salutations": ["NONE"]},
    ],
    ids=str,
)
def test_vendor_takes_every_option_as_it_is_sent(sandbox, browser, options):
    order = CheckoutOrder(DAY_PASS, quantity=2)
    offer = checkout.sign_offer(checkout.Offer(order, CheckoutOptions(affiliate_id="AFF", **options), "default"))
    assert "purchase_id" in send(browser, "/plenigo/api/checkout/", {"offer": offer, "page": "/article/"})


def test_article_at_a_price_of_its_own_is_bought_and_opens(sandbox, browser, settings, user):
    settings.PLENIGO["default"]["LEGAL_TEXT"] = "Sold without a right of return."
    order = CheckoutOrder("moss-clock", title="The moss clock", price="0.59", currency="EUR", type="DIGITALPRODUCT")
    offer = checkout.sign_offer(checkout.Offer(order))
    opened = send(browser, "/plenigo/api/checkout/", {"offer": offer, "page": "/article/"})
    order_id = sandbox.complete_purchase(opened["purchase_id"])
    assert send(browser, opened["purchase_url"], {"order_id": order_id})["is_bought"] is True
    assert access.has_bought(user, ["moss-clock", "other"]) == {"moss-clock": True, "other": False}


def test_address_of_somebody_else_is_a_sentence(sandbox, browser):
    offer = checkout.sign_offer(checkout.Offer(CheckoutOrder(DAY_PASS), CheckoutOptions(invoice_address_id=4711)))
    answer = send(browser, "/plenigo/api/checkout/", {"offer": offer, "page": "/article/"})
    assert "purchase_id" not in answer
    assert "Nothing was charged." in answer["detail"]


def test_offer_that_is_unknown_is_a_sentence(sandbox, browser):
    offer = checkout.sign_offer(checkout.Offer(CheckoutOrder("O_NONE"), CheckoutOptions(), "default"))
    answer = send(browser, "/plenigo/api/checkout/", {"offer": offer, "page": "/article/"})
    assert "This offer is not available at the moment." in answer["detail"]


def test_voucher_that_the_sandbox_does_not_know_is_a_sentence(sandbox, browser):
    offer = checkout.sign_offer(checkout.Offer(CheckoutOrder(DAY_PASS), CheckoutOptions(voucher_code="SPRING")))
    answer = send(browser, "/plenigo/api/checkout/", {"offer": offer, "page": "/article/"})
    assert answer["detail"] == "This voucher cannot be redeemed. Please contact us."

"""The cart that a buy link leads to: `CUSTOMERID` reaches the site by a signed webhook."""

from urllib.parse import urlencode

import pytest

from django_plenigo.sandbox.models import Product, TwoCheckoutCustomer, TwoCheckoutMerchant, TwoCheckoutOrder
from tests.sandbox.twocheckout.client import Browser

CART = "/order/checkout/"


def buy_link(**values):
    return f"{CART}?{urlencode({'PRODS': 'P_MONTHLY', **values})}"


class TestCart:
    def test_reader_follows_the_buy_link_and_the_site_learns_who_it_is(self, sandbox, visitor, site):
        for kind in ("ipn", "lcn"):
            sandbox.add_webhook(kind, f"https://site.example/{kind}/")
        visitor.open(buy_link(CUSTOMERID="ref-7", REFNOEXT="A-1", QTY="2"))
        assert ("2 × Monthly subscription" in visitor.text, "19.80" in visitor.text) == (True, True)
        visitor.send(email="ada@example.com")
        order = TwoCheckoutOrder.objects.get(customer__email="ada@example.com")
        assert (visitor.status, order.reference in visitor.text) == (200, True)
        assert (order.quantity, order.external_reference, order.customer.external_reference) == (2, "A-1", "ref-7")
        assert sandbox.send_webhooks(site) == 2
        told = [(row.get("REFNOEXT"), row["EXTERNAL_CUSTOMER_REFERENCE"]) for row in site.told()]
        assert told == [("A-1", "ref-7"), (None, "ref-7")]

    def test_page_that_is_sent_twice_places_one_order(self, visitor, sandbox):
        sandbox.twocheckout_merchant()
        page = visitor.open(buy_link()).text
        for _click in range(2):
            visitor.text = page
            visitor.send(email="ada@example.com")
            assert visitor.status == 200
        assert TwoCheckoutOrder.objects.filter(customer__email="ada@example.com").count() == 1

    def test_known_customer_gets_the_reference_of_the_last_order(self, visitor, customer):
        visitor.open(buy_link(CUSTOMERID="new"))
        visitor.send(email="Jane.Doe@Example.com")
        customer.refresh_from_db()
        assert (customer.external_reference, customer.orders.count()) == ("new", 2)

    def test_order_without_a_reference_leaves_the_customers(self, visitor, customer):
        visitor.open(buy_link()).send(email="jane.doe@example.com")
        customer.refresh_from_db()
        assert customer.external_reference == "ext-352365983"

    def test_reference_of_another_customer_is_refused(self, visitor, customer):
        visitor.open(buy_link(CUSTOMERID="ext-352365983")).send(email="eve@example.com")
        assert (visitor.status, "another customer" in visitor.sentence) == (409, True)
        assert not TwoCheckoutCustomer.objects.filter(email="eve@example.com").exists()

    def test_address_must_be_one(self, visitor, merchant):
        visitor.open(buy_link()).send(email="nobody")
        assert visitor.sentence == "Enter a valid email address."
        assert visitor.send(email="ada@example.com").status == 200
        assert TwoCheckoutOrder.objects.filter(customer__email="ada@example.com").exists()

    @pytest.mark.parametrize(
        ("values", "status"),
        [
            ({"PRODS": "P_NOTHING"}, 404),
            ({"PRODS": "a\0"}, 404),
            ({"MERCHANT": "NOBODY"}, 404),
            ({"QTY": "0"}, 400),
            ({"QTY": "100"}, 400),
            ({"QTY": "²"}, 400),
            ({"CUSTOMERID": "x" * 251}, 400),
            ({"CUSTOMERID": "a\\b"}, 400),
            ({"CUSTOMERID": "a\0"}, 400),
            ({"REFNOEXT": "x" * 101}, 400),
        ],
    )
    def test_link_that_cannot_be_followed_is_explained(self, visitor, values, status):
        visitor.open(buy_link(**values))
        assert (visitor.status, visitor.sentence != "") == (status, True)

    def test_ticket_that_was_tampered_with_buys_nothing(self, visitor, merchant):
        visitor.open(buy_link())
        assert visitor.send(ticket="x", email="ada@example.com").status == 403

    def test_another_merchant_sells_his_own(self, visitor, other_company):
        TwoCheckoutMerchant.objects.create(company=other_company, merchant_code="OTHER")
        Product.objects.create(company=other_company, product_id="P_X", title="Other thing", price=1)
        visitor.open(buy_link(MERCHANT="OTHER", PRODS="P_X"))
        assert "Other thing" in visitor.text
        assert visitor.open(buy_link(MERCHANT="OTHER")).status == 404

    def test_link_signs_a_customer_in_who_types_no_address(self, rpc, session_id, visitor, customer):
        url = rpc(
            *("getSingleSignOnInCart", session_id, "352365983", "2CheckoutCustomerReference"),
            f"https://api.2checkout.example{buy_link()}",
        )
        visitor.open(url)
        assert (visitor.status, 'name="email"' in visitor.text, customer.email in visitor.text) == (200, False, True)
        assert "logintoken" not in visitor.text + visitor.query
        visitor.send(1)
        assert customer.orders.count() == 2
        assert Browser().open(url).status == 410

"""A purchase on the sandbox, by API v3 as it is called over the wire."""

import json
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from django_plenigo.models import AccountConnection
from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.sandbox import customer_sessions
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


class TestVisitor:
    """A visitor logs in inside the checkout, buys, and logs in here afterwards."""

    @pytest.fixture
    def visitor(self, browser):
        browser.logout()
        browser.handler.enforce_csrf_checks = True
        return browser

    @pytest.fixture
    def opened(self, visitor):
        offer = checkout.Offer(CheckoutOrder(DAY_PASS), CheckoutOptions(), "default", lets_visitors_in=True)
        return self.post(visitor, "/plenigo/api/checkout/", {"offer": checkout.sign_offer(offer), "page": "/article/"})

    @pytest.fixture
    def buy(self, sandbox, visitor, opened):
        """Let the visitor buy under an address, have our script tell of it, and return what it was told."""

        def buy(email):
            customer = sandbox.create_customer(email)
            order_id = sandbox.complete_purchase(opened["purchase_id"], customer)
            session = customer_sessions.text_of(customer_sessions.create(customer, {}))
            told = {"order_id": order_id, "customer_session": session}
            return told, self.post(visitor, opened["purchase_url"], told)

        return buy

    @staticmethod
    def post(visitor, path, data):
        token = visitor.get("/plenigo/api/csrf-token/").json()
        headers = {token["header"]: token["csrf_token"]}
        return visitor.post(path, json.dumps(data), content_type="application/json", headers=headers).json()

    @staticmethod
    def come_back(visitor, opened):
        return visitor.get(opened["options"]["returnUrl"].removeprefix("http://testserver"))

    def test_reads_what_she_has_bought_once_she_has_logged_in_under_the_same_address(
        self, visitor, opened, buy, user, sandbox
    ):
        _, answer = buy(user.email.upper())
        assert list(answer) == ["login_url"]
        assert customers.link_of(user) is None
        visitor.force_login(user)
        answer = self.come_back(visitor, opened)
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/article/")
        (customer,) = sandbox.customers()
        assert customers.link_of(user).customer_id == customer.number
        assert AccountConnection.objects.get().state == AccountConnection.State.DONE
        assert "plenigo_visitor" not in visitor.session

    def test_front_end_of_its_own_tells_the_order_again(self, visitor, opened, buy, user):
        told, _ = buy(user.email)
        visitor.force_login(user)
        assert self.post(visitor, opened["purchase_url"], {"order_id": told["order_id"]})["is_bought"] is True

    def test_is_not_whoever_logs_in_next_at_the_same_computer(self, visitor, opened, buy, user):
        buy("carol@example.com")
        visitor.force_login(user)
        assert "We know of no purchase of your account yet." in self.come_back(visitor, opened).content.decode()
        assert customers.link_of(user) is None
        assert "plenigo_visitor" not in visitor.session

    def test_is_not_whoever_logs_in_an_hour_later(self, visitor, opened, buy, user, time_machine):
        buy(user.email)
        visitor.force_login(user)
        time_machine.move_to(timezone.now() + timedelta(minutes=16))
        self.come_back(visitor, opened)
        assert customers.link_of(user) is None

    def test_session_that_is_none_links_nobody(self, visitor, opened, user):
        self.post(visitor, opened["purchase_url"], {"order_id": 1, "customer_session": "made-up"})
        visitor.force_login(user)
        assert "We know of no purchase of your account yet." in self.come_back(visitor, opened).content.decode()

    def test_waits_while_the_vendor_is_out_of_order(self, visitor, opened, buy, user, sandbox):
        buy(user.email)
        visitor.force_login(user)
        sandbox.fail_next(500, times=None)
        assert "You do not need to pay again" in self.come_back(visitor, opened).content.decode()
        sandbox.clear_faults()
        assert visitor.get(opened["purchase_url"]).json() == {"is_bought": True, "next": "/article/"}

    def test_session_is_kept_encrypted(self, visitor, buy, user):
        told, _ = buy(user.email)
        assert told["customer_session"] not in str(visitor.session["plenigo_visitor"])

    def test_session_is_kept_nowhere_where_the_browser_could_read_it(self, settings, visitor, buy, user, caplog):
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
        _, answer = buy(user.email)
        assert list(answer) == ["login_url"]
        assert "plenigo_visitor" not in visitor.session
        assert "keeps sessions in a cookie" in caplog.text

    def test_no_other_site_says_whose_customer_a_visitor_is(self, visitor, opened):
        told = json.dumps({"order_id": 1, "customer_session": "an-attackers"})
        answer = visitor.post(opened["purchase_url"], told, content_type="application/json")
        assert (answer.status_code, "plenigo_visitor" in visitor.session) == (403, False)


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

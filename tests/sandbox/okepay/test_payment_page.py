"""The page that a buy link leads to."""

import json
from urllib.parse import urlencode

import pytest

from django_plenigo.sandbox.models import OkePayContact, OkePaySubscription, OkePayTransaction
from tests.sandbox.okepay.conftest import MOUNT

LINK = {"product": "Zeitung", "amount": "1250", "currency": "CHF", "interval": "P1M", "referenceId": "ref-1"}


def link(**changes):
    return f"{MOUNT}pay/?{urlencode({**LINK, **changes})}"


class TestPaying:
    def test_page_shows_what_is_paid_and_how_often(self, visitor):
        page = visitor.get(link(email="jane@example.com"))
        assert all(text in page.text for text in ("Zeitung", "12.50 CHF", "every month", 'value="jane@example.com"'))
        assert not OkePayTransaction.objects.filter(reference_id="ref-1").exists()

    @pytest.mark.parametrize(
        ("interval", "words"),
        [
            ("P3M", "every 3 months"),
            ("P1Y", "every year"),
            ("P2Y", "every 2 years"),
            ("P12M", "every year"),
            ("P1Y6M", "every 18 months"),
            ("P1W", "every week"),
            ("P14D", "every 2 weeks"),
            ("P1D", "every day"),
            ("P10D", "every 10 days"),
            ("P1M3D", "P1M3D"),
        ],
    )
    def test_page_says_in_words_how_often(self, visitor, interval, words):
        assert f"<dd>{words}</dd>" in visitor.get(link(interval=interval)).text

    def test_payment_makes_contact_transaction_and_subscription(self, visitor):
        page = visitor.get(link()).press(action="pay", email="new@example.com", first_name="Ida", last_name="Doe")
        assert (page.status, "Thank you for your payment" in page.text) == (200, True)
        contact = OkePayContact.objects.get(email="new@example.com")
        payment, subscription = contact.transactions.get(), contact.subscriptions.get()
        assert (contact.first_name, contact.last_name) == ("Ida", "Doe")
        assert (payment.status, payment.amount, payment.reference_id) == ("confirmed", 1250, "ref-1")
        assert payment.subscription == subscription
        assert (subscription.status, subscription.purpose, subscription.reference_id) == ("active", "Zeitung", "ref-1")

    def test_one_payment_gives_two_requests(self, visitor, sandbox, site):
        sandbox.add_webhook("okepay", "https://site.example/hook?apiKey=unguessable")
        visitor.get(link()).press(action="pay", email="new@example.com")
        assert sandbox.send_webhooks(site) == 2
        told = [json.loads(body) for _url, body, _headers in site.calls]
        assert [list(body) for body in told] == [["transaction"], ["subscription"]]
        assert (told[0]["transaction"]["status"], told[1]["subscription"]["status"]) == ("confirmed", "active")
        assert {next(iter(body.values()))["invoice"]["referenceId"] for body in told} == {"ref-1"}

    def test_single_payment_gives_one_request_and_no_subscription(self, visitor, sandbox, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        visitor.get(link(interval="")).press(action="pay", email="new@example.com")
        assert sandbox.send_webhooks(site) == 1
        assert not OkePaySubscription.objects.filter(contact__email="new@example.com").exists()

    def test_whoever_pays_with_an_address_is_its_contact(self, visitor, contact):
        visitor.get(link()).press(action="pay", email="JANE@example.com")
        assert contact.subscriptions.count() == 2
        assert OkePayContact.objects.filter(email__iexact="jane@example.com").count() == 1

    def test_page_that_is_sent_twice_pays_once(self, visitor):
        page = visitor.get(link())
        pages = [page.press(action="pay", email="new@example.com") for _ in range(2)]
        assert [shown.status for shown in pages] == [200, 200]
        assert OkePayTransaction.objects.filter(reference_id="ref-1").count() == 1

    def test_declined_payment_is_told_and_can_be_tried_again(self, visitor, sandbox, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        page = visitor.get(link()).press(action="decline", email="new@example.com")
        assert "The payment was declined, as you wished." in page.text
        assert not OkePaySubscription.objects.filter(contact__email="new@example.com").exists()
        page.press(action="pay", email="new@example.com")
        sandbox.send_webhooks(site)
        told = [json.loads(body).popitem() for _url, body, _headers in site.calls]
        statuses = [(name, item["status"]) for name, item in told]
        assert statuses == [("transaction", "declined"), ("transaction", "confirmed"), ("subscription", "active")]

    def test_paid_page_leads_back_to_the_shop(self, visitor):
        page = visitor.get(link(returnUrl="https://shop.example/thanks?a=1")).press(
            action="pay", email="new@example.com"
        )
        assert page.link("Back to the shop") == "https://shop.example/thanks?a=1"


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("product", ""),
            ("amount", "0"),
            ("amount", "12.50"),
            ("amount", "2147483648"),
            ("currency", "Euro"),
            ("interval", "monthly"),
            ("returnUrl", "javascript:alert(1)"),
            ("referenceId", "x" * 256),
            ("product", "\0"),
        ],
    )
    def test_link_that_is_not_right_names_the_parameter(self, visitor, name, value):
        page = visitor.get(link(**{name: value}))
        assert (page.status, name in page.text) == (400, True)

    @pytest.mark.parametrize("email", ["", "nobody", "a@b", f"{'x' * 250}@example.com"])
    def test_bad_address_is_told_at_the_field(self, visitor, email):
        page = visitor.get(link()).press(action="pay", email=email)
        assert (page.status, 'id="id_email_error"' in page.text) == (200, True)
        assert not OkePayTransaction.objects.filter(reference_id="ref-1").exists()

    @pytest.mark.parametrize("ticket", ["", "forged"])
    def test_form_without_its_ticket_pays_nothing(self, visitor, ticket):
        page = visitor.post(f"{MOUNT}pay/", {"ticket": ticket, "action": "pay", "email": "new@example.com"})
        assert page.status == 403
        assert not OkePayContact.objects.filter(email="new@example.com").exists()

    def test_ticket_of_another_instance_is_none_here(self, visitor, other_instance):
        page = visitor.get(link())
        address = MOUNT.replace("demo-instance", "other") + "pay/"
        assert page.press(address, action="pay", email="new@example.com").status == 403

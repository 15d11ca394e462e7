"""Section 6 of docs/protocols/okepay.md: what is posted to a site, when, and how often."""

import hashlib
import hmac
import json
from urllib.parse import parse_qsl

import pytest

from django_plenigo.sandbox.models import WebhookAttempt, WebhookDelivery
from django_plenigo.sandbox.okepay import payments
from tests.sandbox.callbacks.receiving import listening

HOUR = 60 * 60


@pytest.fixture
def subscription(contact):
    return contact.subscriptions.get()


def statuses(site):
    told = [json.loads(body).popitem() for _url, body, _headers in site.calls]
    return [f"{name}.{item['status']}" for name, item in told]


class TestEvents:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (payments.renew, ["transaction.confirmed", "subscription.active"]),
            (payments.fail, ["transaction.declined", "subscription.failed"]),
            (payments.give_notice, ["subscription.in_notice"]),
            (payments.cancel, ["subscription.cancelled"]),
        ],
    )
    def test_each_change_is_told(self, sandbox, subscription, site, change, expected):
        sandbox.add_webhook("okepay", "https://site.example/")
        change(subscription)
        sandbox.send_webhooks(site)
        assert statuses(site) == expected

    def test_cancelling_again_is_not_told_again(self, sandbox, subscription, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        assert [payments.cancel(subscription), payments.cancel(subscription)] == [True, False]
        assert [payments.give_notice(subscription)] == [False]
        sandbox.send_webhooks(site)
        assert statuses(site) == ["subscription.cancelled"]

    def test_renewal_that_another_process_has_made_is_none(self, sandbox, subscription):
        stale = type(subscription).objects.get(pk=subscription.pk)
        assert payments.renew(subscription) is not None
        assert payments.renew(stale) is None

    def test_cancellation_over_the_api_and_in_the_portal_is_told(self, sandbox, okepay, subscription, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        okepay("DELETE", f"Subscription/{subscription.number}/")
        sandbox.send_webhooks(site)
        assert statuses(site) == ["subscription.cancelled"]

    def test_what_happened_before_the_address_was_there_is_not_told(self, sandbox, subscription, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        assert sandbox.send_webhooks(site) == 0

    def test_address_of_another_company_is_told_nothing(self, sandbox, site, other_instance):
        sandbox.add_webhook("okepay", "https://site.example/")
        contact = other_instance.contacts.get()
        payments.pay(contact, payments.Terms(amount=1, currency="EUR"))
        assert sandbox.send_webhooks(site) == 0

    def test_time_alone_is_told_too(self, sandbox, subscription, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        payments.give_notice(subscription)
        sandbox.advance(40 * 24 * HOUR)
        sandbox.send_webhooks(site)
        assert statuses(site) == ["subscription.in_notice", "subscription.cancelled"]


class TestBodies:
    def test_transaction_names_the_contact_and_embeds_the_subscription(self, sandbox, subscription, contact, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        payments.renew(subscription)
        sandbox.send_webhooks(site)
        told = json.loads(site.calls[0][1])["transaction"]
        assert told["contact"]["id"] == 4711
        assert told["subscription"]["id"] == subscription.number
        assert told["invoice"]["referenceId"] == "order-42"
        assert set(told) >= {
            "id",
            "uuid",
            "time",
            "status",
            "lang",
            "psp",
            "pspId",
            "okepay_fee",
            "payment",
            "metadata",
        }
        assert (told["mode"], told["instance"]["name"]) == ("TEST", "demo-instance")

    def test_contact_is_told_as_far_as_it_is_known(self, sandbox, subscription, contact, site):
        type(contact).objects.filter(pk=contact.pk).update(place="Zürich", country="CH", company_name="Doe AG")
        sandbox.add_webhook("okepay", "https://site.example/")
        payments.cancel(type(subscription).objects.get(pk=subscription.pk))
        sandbox.send_webhooks(site)
        told = json.loads(site.calls[0][1])["subscription"]["contact"]
        assert (told["place"], told["countryISO"], told["company"]) == ("Zürich", "CH", "Doe AG")
        assert "street" not in told

    def test_form_is_what_php_makes_of_it(self, sandbox, subscription, site):
        sandbox.add_webhook("okepay", "https://site.example/", content_type="form")
        payments.renew(subscription)
        sandbox.send_webhooks(site)
        (_url, body, headers), _second = site.calls
        values = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert values["transaction[contact][id]"] == "4711"
        assert values["transaction[invoice][products][0][quantity]"] == "1"
        assert "transaction[subscription][end]" not in values

    def test_address_without_a_key_gets_no_signature_and_keeps_the_token_in_its_address(
        self, sandbox, subscription, site
    ):
        sandbox.add_webhook("okepay", "https://site.example/hook?apiKey=unguessable")
        payments.cancel(subscription)
        sandbox.send_webhooks(site)
        ((url, _body, headers),) = site.calls
        assert (url, "X-Webhook-Signature" in headers) == ("https://site.example/hook?apiKey=unguessable", False)

    @pytest.mark.parametrize("content_type", ["json", "form"])
    def test_signature_over_a_socket_is_over_the_bytes_that_arrive(self, sandbox, subscription, content_type):
        with listening() as (url, received, heads):
            sandbox.add_webhook("okepay", url, signing_key="key", content_type=content_type)
            payments.renew(subscription)
            assert sandbox.send_webhooks() == 2
        for (_path, body), head in zip(received, heads, strict=True):
            assert head["X-Webhook-Signature"] == hmac.new(b"key", body, hashlib.sha256).hexdigest()


class TestRetries:
    def test_ten_more_calls_are_made_and_then_it_is_given_up(self, sandbox, subscription, site):
        sandbox.add_webhook("okepay", "https://site.example/")
        payments.cancel(subscription)
        site.status = 500
        sandbox.send_webhooks(site)
        for seconds in (60, HOUR // 4, HOUR, 2 * HOUR, 4 * HOUR, *5 * (24 * HOUR,)):
            made = len(site.calls)
            sandbox.advance(seconds - 30)
            sandbox.send_webhooks(site)
            assert len(site.calls) == made
            sandbox.advance(60)
            sandbox.send_webhooks(site)
            assert len(site.calls) == made + 1
        sandbox.advance(1000 * HOUR)
        sandbox.send_webhooks(site)
        assert len(site.calls) == 11
        assert len({body for _url, body, _headers in site.calls}) == 1
        assert WebhookDelivery.objects.get().due_at is None

    @pytest.mark.parametrize(("status", "is_taken"), [(200, 1), (204, 1), (302, 0), (404, 0), (500, 0), (None, 0)])
    def test_any_success_will_do_and_its_body_does_not_matter(self, sandbox, subscription, site, status, is_taken):
        sandbox.add_webhook("okepay", "https://site.example/")
        payments.cancel(subscription)
        site.status = status
        assert sandbox.send_webhooks(site) == is_taken
        assert WebhookAttempt.objects.get().is_success == bool(is_taken)

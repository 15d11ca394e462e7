"""OkePay: what each verb does at the vendor, and what its webhooks become (docs/protocols/okepay.md)."""

import re
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client
from django.utils import timezone
from requests.structures import CaseInsensitiveDict

from django_plenigo import backends
from django_plenigo.errors import (
    AuthenticationError,
    InvalidValueError,
    NoAnswerError,
    NotFoundError,
    PlenigoError,
    ProtocolError,
    RemoteUnavailableError,
    SignatureError,
)
from django_plenigo.protocols.base import (
    WRONG_SIGNATURE,
    CustomerRef,
    PortalCustomerSeen,
    PortalTarget,
    WebhookCall,
)
from django_plenigo.sandbox.okepay import payments
from django_plenigo.sandbox.posting import Reply

ANYWHERE = PortalTarget()
KEY, TOKEN = "made-up-signing-key", "u" * 43


@pytest.fixture
def connect(way, settings):
    """Return the portal of a site with these settings of its entry."""

    def build(**entry):
        api = {"API_URL": way.hosts["api"]} if way.hosts else {}
        backend = "django_plenigo.protocols.okepay.OkePay"
        settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": backend, "MODE": "sandbox", **api, **entry}}
        return backends.portal("okepay")

    return build


@pytest.fixture
def okepay(connect):
    return connect()


@pytest.fixture
def jane(sandbox):
    """A contact with a subscription, bought with a reference of ours."""
    return sandbox.okepay_contact("jane@example.com", reference_id="order-42")


@pytest.fixture
def customer(jane):
    return CustomerRef(str(jane.number))


@pytest.fixture
def deliver(sandbox):
    """Let the vendor deliver what has happened to a portal, and return the calls as a view would hand them over."""

    def send(*, url="https://shop.example/webhooks/okepay/", token="", happens, **options):
        calls = []

        def post(_url, body, headers):
            calls.append(WebhookCall(CaseInsensitiveDict(headers), body, token))
            return Reply(200)

        sandbox.add_webhook("okepay", url, **options)
        happens()
        sandbox.send_webhooks(post)
        return calls

    return send


def opened(way, link):
    """Open a link as a browser does, and return the status and the page that it leads to.

    In process the pages lie where the site mounts the sandbox.
    """
    if way.hosts:
        answer = requests.get(link.url, timeout=20)
        return answer.status_code, answer.text
    parts = urlsplit(link.url)
    response = Client().get(f"/plenigo-sandbox{parts.path}?{parts.query}", follow=True)
    return response.status_code, response.content.decode()


class TestLink:
    def test_lets_the_contact_in_once(self, okepay, way, customer):
        link = okepay.mint_link(customer, ANYWHERE)
        assert urlsplit(link.url).netloc in okepay.link_hosts
        status, text = opened(way, link)
        assert status == 200
        assert "jane@example.com" in text
        assert opened(way, link)[0] == 410

    def test_of_the_demos_contact_is_there_from_the_start(self, okepay, way, sandbox):
        sandbox.okepay  # noqa: B018 - it comes into being by being looked at
        assert opened(way, okepay.mint_link(CustomerRef("1"), ANYWHERE))[0] == 200

    @pytest.mark.parametrize("authentication", ["signature", "api_key"])
    @pytest.mark.parametrize("version", ["v1", "v1.0", "v1.14", "v1.16"])
    def test_is_minted_by_either_proof_and_by_every_version(self, connect, customer, authentication, version):
        portal = connect(AUTHENTICATION=authentication, VERSION=version)
        assert portal.mint_link(customer, ANYWHERE).url

    def test_of_an_unknown_contact_is_not_found(self, okepay, jane):
        with pytest.raises(NotFoundError):
            okepay.mint_link(CustomerRef("999999"), ANYWHERE)

    @pytest.mark.parametrize("wrong", [{"SECRET": "x" * 20}, {"INSTANCE": "unknown"}])
    @pytest.mark.parametrize("authentication", ["signature", "api_key"])
    def test_with_wrong_credentials_is_an_authentication_error(self, connect, customer, wrong, authentication):
        with pytest.raises(AuthenticationError):
            connect(AUTHENTICATION=authentication, **wrong).mint_link(customer, ANYWHERE)

    def test_of_an_unknown_version_is_no_missing_contact(self, connect, customer):
        with pytest.raises(ProtocolError, match="unknown version"):
            connect(VERSION="v9.9").mint_link(customer, ANYWHERE)


class TestCredentials:
    @pytest.mark.parametrize("authentication", ["signature", "api_key"])
    def test_right_ones_are_accepted(self, connect, sandbox, authentication):
        sandbox.okepay  # noqa: B018 - as above
        connect(AUTHENTICATION=authentication).check_credentials()

    @pytest.mark.parametrize("wrong", [{"SECRET": "x" * 20}, {"INSTANCE": "unknown"}])
    def test_wrong_ones_are_not(self, connect, sandbox, wrong):
        sandbox.okepay  # noqa: B018 - as above
        with pytest.raises(AuthenticationError):
            connect(**wrong).check_credentials()


class TestCancelling:
    @pytest.mark.parametrize("authentication", ["signature", "api_key"])
    def test_ends_the_subscription(self, connect, jane, authentication):
        subscription = jane.subscriptions.get()
        connect(AUTHENTICATION=authentication).cancel_subscription(str(subscription.number))
        subscription.refresh_from_db()
        assert subscription.status == "cancelled"

    def test_of_an_unknown_one_is_not_found(self, okepay, jane):
        with pytest.raises(NotFoundError):
            okepay.cancel_subscription("999999")
        assert jane.subscriptions.get().status == "active"


class TestWebhooks:
    @pytest.mark.parametrize("content_type", ["json", "form"])
    def test_signed_delivery_tells_who_has_bought(self, connect, deliver, sandbox, content_type):
        reader = connect(WEBHOOK_KEYS=[KEY])
        calls = deliver(
            signing_key=KEY,
            content_type=content_type,
            happens=lambda: sandbox.okepay_contact("jane@example.com", reference_id="order-42"),
        )
        jane = sandbox.okepay.contacts.get(email="jane@example.com")
        assert {reader.authenticate(call, now=timezone.now()).needs_confirmation for call in calls} == {False}
        events = [event for call in calls for event in reader.read_events(call.body, call.content_type)]
        assert {event.object_kind for event in events} == {"transaction", "subscription"}
        for event in events:
            assert (event.reference, event.our_reference) == (str(jane.number), "order-42")
            assert (event.email, event.is_valid) == ("jane@example.com", True)

    def test_delivery_signed_with_another_key_is_refused(self, connect, deliver, jane):
        reader = connect(WEBHOOK_KEYS=[KEY])
        (call,) = deliver(signing_key="other", happens=lambda: payments.cancel(jane.subscriptions.get()))
        with pytest.raises(SignatureError) as caught:
            reader.authenticate(call, now=timezone.now())
        assert caught.value.code == WRONG_SIGNATURE

    def test_unsigned_delivery_is_confirmed_by_reading_it_back(self, connect, deliver, jane):
        reader = connect(WEBHOOK_TOKENS=[TOKEN])
        calls = deliver(token=TOKEN, happens=lambda: payments.renew(jane.subscriptions.get()))
        assert calls
        for call in calls:
            assert reader.authenticate(call, now=timezone.now()).needs_confirmation
            (hint,) = reader.read_events(call.body, call.content_type)
            assert reader.confirm(hint) == hint

    def test_what_has_changed_since_is_confirmed_as_it_is_now(self, connect, deliver, jane):
        reader = connect(WEBHOOK_TOKENS=[TOKEN])
        subscription = jane.subscriptions.get()
        calls = deliver(token=TOKEN, happens=lambda: payments.renew(subscription))
        payments.cancel(subscription)
        hints = [reader.read_events(call.body, call.content_type)[0] for call in calls]
        (hint,) = [hint for hint in hints if hint.object_kind == "subscription"]
        assert hint.is_valid
        assert not reader.confirm(hint).is_valid

    @pytest.mark.parametrize("kind", ["transaction", "subscription"])
    def test_made_up_delivery_is_confirmed_by_nobody(self, okepay, jane, kind):
        assert okepay.confirm(PortalCustomerSeen("1", "order-1", "x@example.com", True, kind, "999999")) is None


class TestFaults:
    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_vendor_that_is_down_is_unavailable_and_not_asked_again(self, okepay, sandbox, customer, status):
        sandbox.fail_next(status, times=1)
        with pytest.raises(RemoteUnavailableError):
            okepay.mint_link(customer, ANYWHERE)
        assert okepay.mint_link(customer, ANYWHERE).url

    def test_connection_that_is_cut_is_no_answer(self, okepay, sandbox, customer):
        sandbox.cut_next()
        with pytest.raises(NoAnswerError):
            okepay.mint_link(customer, ANYWHERE)

    def test_garbage_is_a_protocol_error(self, okepay, sandbox, customer):
        sandbox.garble_next()
        with pytest.raises(ProtocolError):
            okepay.mint_link(customer, ANYWHERE)

    def test_probe_is_repeated_after_a_hiccup(self, okepay, sandbox, jane):
        sandbox.fail_next(503, times=1)
        okepay.check_credentials()

    def test_nothing_wrong_is_sent(self, okepay, sandbox, jane):
        sandbox.calls.clear()
        with pytest.raises(InvalidValueError):
            okepay.mint_link(CustomerRef("x"), ANYWHERE)
        assert sandbox.calls == []


def test_no_error_holds_what_logs_anybody_in(connect, customer):
    with pytest.raises(PlenigoError) as caught:
        connect(SECRET="x" * 20).mint_link(customer, ANYWHERE)
    assert not re.search(r"x{20}|https?://|token=", f"{caught.value!r} {vars(caught.value)}")

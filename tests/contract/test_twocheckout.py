"""2Checkout: where each link leads, and what its webhooks become (docs/protocols/2checkout.md)."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.utils import timezone
from requests.structures import CaseInsensitiveDict

from django_plenigo import backends
from django_plenigo.errors import (
    AuthenticationError,
    NoAnswerError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteUnavailableError,
    SignatureError,
)
from django_plenigo.protocols.base import ONLY_MD5, WRONG_SIGNATURE, CustomerRef, PortalTarget, WebhookCall
from django_plenigo.sandbox.posting import Reply

ANYWHERE = PortalTarget()
DEMO, DEMO_EXTERNAL = CustomerRef("352365983"), CustomerRef("ext-352365983", is_external=True)
SUBSCRIPTION = "123D40F123"
BUY_LINK = "https://secure.example/order/checkout.php?PRODS=1"


@pytest.fixture
def connect(way, settings):
    """Return the portal of a site with these settings of its entry."""

    def build(**entry):
        api = {"API_URL": way.hosts["api"]} if way.hosts else {}
        backend = "django_plenigo.protocols.twocheckout.TwoCheckout"
        settings.PLENIGO_PORTALS = {"2checkout": {"BACKEND": backend, "MODE": "sandbox", **api, **entry}}
        return backends.portal("2checkout")

    return build


@pytest.fixture
def twocheckout(connect, sandbox):
    sandbox.twocheckout_merchant()
    return connect()


@pytest.fixture
def deliver(sandbox):
    """Let the vendor tell of an order, and return the calls as a view would hand them over.

    What `answer` makes of a call is what the vendor is answered.
    """

    def send(*kinds, answer=lambda call: "", external_reference="user-42", **options):
        calls = []

        def post(_url, body, headers):
            calls.append(WebhookCall(CaseInsensitiveDict(headers), body))
            return Reply(200, answer(calls[-1]))

        for kind in kinds:
            sandbox.add_webhook(kind, f"https://shop.example/webhooks/{kind}/", **options)
        sandbox.twocheckout_order(external_reference)
        return calls, sandbox.send_webhooks(post)

    return send


def opened(way, link):
    """Open a link as a browser does, and return the status, the page and the path that it leads to.

    In process the pages lie where the site mounts the sandbox.
    """
    if way.hosts:
        answer = requests.Session().get(link.url, timeout=20)
        return answer.status_code, answer.text, urlsplit(answer.url).path
    parts, mount = urlsplit(link.url), "/plenigo-sandbox"
    client = Client()
    response = client.get(f"{mount}{parts.path}?{parts.query}", follow=True)
    path = response.redirect_chain[-1][0] if response.redirect_chain else parts.path
    return response.status_code, response.content.decode(), urlsplit(path).path.removeprefix(mount)


class TestLink:
    @pytest.mark.parametrize("customer", [DEMO, DEMO_EXTERNAL])
    def test_lets_the_customer_in_once(self, twocheckout, way, customer):
        link = twocheckout.mint_link(customer, ANYWHERE)
        assert urlsplit(link.url).netloc in twocheckout.link_hosts
        assert opened(way, link)[0] == 200
        assert opened(way, link)[0] >= 400

    @pytest.mark.parametrize("page", ["my_products", "user_data", "order_lookup", "faq", "payment_methods"])
    def test_leads_to_each_page(self, twocheckout, way, page):
        status, _text, path = opened(way, twocheckout.mint_link(DEMO, PortalTarget(page)))
        assert status == 200
        assert path.rstrip("/").endswith("support" if page == "faq" else page)

    @pytest.mark.parametrize("page", ["", "my_subscription", "my_license"])
    def test_leads_to_one_subscription(self, twocheckout, way, page):
        status, text, _path = opened(way, twocheckout.mint_link(DEMO, PortalTarget(page, subscription=SUBSCRIPTION)))
        assert status == 200
        assert SUBSCRIPTION in text

    def test_expires_when_it_says(self, connect, twocheckout, way, sandbox):
        link = connect(VALIDITY_SECONDS=50).mint_link(DEMO, ANYWHERE)
        assert link.lifetime_seconds == 50
        sandbox.advance(51)
        assert opened(way, link)[0] >= 400

    def test_is_good_until_then(self, connect, twocheckout, way, sandbox):
        link = connect(VALIDITY_SECONDS=50).mint_link(DEMO, ANYWHERE)
        sandbox.advance(40)
        assert opened(way, link)[0] == 200

    def test_works_from_the_address_that_was_told_alone(self, twocheckout, way):
        assert opened(way, twocheckout.mint_link(DEMO, PortalTarget(client_address="203.0.113.7")))[0] == 403
        assert opened(way, twocheckout.mint_link(DEMO, PortalTarget(client_address="127.0.0.1")))[0] == 200

    @pytest.mark.parametrize("algorithm", ["sha256", "sha3-256"])
    def test_is_minted_by_either_algorithm(self, connect, twocheckout, algorithm):
        assert connect(ALGORITHM=algorithm).mint_link(DEMO, PortalTarget(language="de")).url

    @pytest.mark.parametrize(
        ("customer", "target"),
        [
            (CustomerRef("999"), ANYWHERE),
            (CustomerRef("352365983", is_external=True), ANYWHERE),
            (DEMO, PortalTarget(subscription="UNKNOWN")),
            (DEMO, PortalTarget("brand_new")),
        ],
    )
    def test_of_what_the_vendor_does_not_know_is_refused(self, twocheckout, customer, target):
        with pytest.raises(RejectedError):
            twocheckout.mint_link(customer, target)

    def test_is_minted_on_after_the_session_has_ended_at_the_vendor(self, twocheckout, sandbox):
        twocheckout.mint_link(DEMO, ANYWHERE)
        sandbox.advance(601)  # the vendor's clock alone
        sandbox.calls.clear()
        assert twocheckout.mint_link(DEMO, ANYWHERE).url
        assert len(sandbox.calls) == 3  # refused, logged in, minted

    def test_needs_one_log_in_for_many(self, twocheckout, sandbox):
        twocheckout.mint_link(DEMO, ANYWHERE)
        sandbox.calls.clear()
        for _time in range(3):
            twocheckout.mint_link(DEMO, ANYWHERE)
        assert len(sandbox.calls) == 3


class TestSisters:
    def test_link_by_subscription_leads_there(self, twocheckout, way):
        link = twocheckout.sign_on_by_subscription(SUBSCRIPTION, page="my_products", language="de")
        assert opened(way, link)[0] == 200

    def test_case_of_a_subscription_counts(self, twocheckout):
        with pytest.raises(RejectedError):
            twocheckout.sign_on_by_subscription(SUBSCRIPTION.lower())

    def test_link_into_the_cart_tells_whose_it_is(self, twocheckout):
        link = twocheckout.sign_on_in_cart(DEMO_EXTERNAL, BUY_LINK)
        assert link.url.startswith(BUY_LINK)
        token = parse_qs(urlsplit(link.url).query)["logintoken"][0]
        customer = twocheckout.read_token_customer(token)
        assert (customer.reference, customer.external_reference) == ("352365983", "ext-352365983")

    def test_unknown_token_is_nobodys(self, twocheckout):
        with pytest.raises(RejectedError):
            twocheckout.read_token_customer("a" * 40)


class TestCredentials:
    def test_right_ones_are_accepted(self, twocheckout):
        twocheckout.check_credentials()

    @pytest.mark.parametrize("wrong", [{"SECRET_KEY": "x" * 20}, {"MERCHANT": "UNKNOWN"}])
    def test_wrong_ones_are_not(self, connect, twocheckout, wrong):
        with pytest.raises(AuthenticationError):
            connect(**wrong).check_credentials()


class TestWebhooks:
    @pytest.mark.parametrize("signatures", [["sha256"], ["sha3-256"], ["md5", "sha256", "sha3-256"]])
    def test_receipt_is_taken_and_both_tell_who_has_bought(self, twocheckout, deliver, signatures):
        calls, taken = deliver(
            "ipn",
            "lcn",
            signatures=signatures,
            answer=lambda call: twocheckout.authenticate(call, now=timezone.now()).body,
        )
        assert taken == 2
        events = [event for call in calls for event in twocheckout.read_events(call.body, call.content_type)]
        assert [event.object_kind for event in events] == ["ipn", "lcn"]
        assert {event.our_reference for event in events} == {"user-42"}
        assert len({event.reference for event in events}) == 1
        assert all(event.is_valid and event.object_id for event in events)

    def test_link_of_who_has_bought_opens(self, twocheckout, deliver, way):
        (call,), _taken = deliver("ipn", signatures=["sha256"])
        (event,) = twocheckout.read_events(call.body, call.content_type)
        for customer in (CustomerRef(event.reference), CustomerRef(event.our_reference, is_external=True)):
            assert opened(way, twocheckout.mint_link(customer, ANYWHERE))[0] == 200

    @pytest.mark.parametrize("kind", ["ipn", "lcn"])
    def test_delivery_that_is_signed_by_md5_alone_is_refused(self, twocheckout, deliver, kind):
        (call,), _taken = deliver(kind, signatures=["md5"])
        with pytest.raises(SignatureError) as caught:
            twocheckout.authenticate(call, now=timezone.now())
        assert caught.value.code == ONLY_MD5

    @pytest.mark.parametrize("kind", ["ipn", "lcn"])
    def test_delivery_is_refused_by_another_key(self, connect, twocheckout, deliver, kind):
        (call,), _taken = deliver(kind, signatures=["sha256"])
        with pytest.raises(SignatureError) as caught:
            connect(SECRET_KEY="x" * 20).authenticate(call, now=timezone.now())
        assert caught.value.code == WRONG_SIGNATURE


class TestFaults:
    @pytest.mark.parametrize(
        ("status", "error"),
        [(404, ProtocolError), (429, RateLimitError), (500, RemoteUnavailableError), (503, RemoteUnavailableError)],
    )
    def test_status_that_is_none_of_the_protocols_is_an_error_of_its_kind(self, twocheckout, sandbox, status, error):
        sandbox.fail_next(status, times=1)
        with pytest.raises(error):
            twocheckout.mint_link(DEMO, ANYWHERE)
        assert twocheckout.mint_link(DEMO, ANYWHERE).url

    def test_connection_that_is_cut_is_no_answer(self, twocheckout, sandbox):
        sandbox.cut_next()
        with pytest.raises(NoAnswerError):
            twocheckout.mint_link(DEMO, ANYWHERE)

    def test_garbage_is_a_protocol_error(self, twocheckout, sandbox):
        sandbox.garble_next()
        with pytest.raises(ProtocolError):
            twocheckout.mint_link(DEMO, ANYWHERE)

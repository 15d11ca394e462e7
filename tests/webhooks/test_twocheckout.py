"""What somebody can do with a delivery of 2Checkout's that he has got hold of: its fields' names are not signed."""

import hashlib
import hmac
import re
from urllib.parse import urlencode

import pytest
import time_machine

from django_plenigo.models import PortalAccount, WebhookDelivery
from django_plenigo.services import due_work, portals
from tests.factories import UserFactory
from tests.webhooks.conftest import URL

pytestmark = pytest.mark.django_db(transaction=True)

KEY, VICTIMS = "k" * 20, "352365983"
FORM = "application/x-www-form-urlencoded"


def signature(values, key=KEY):
    text = b"".join(b"%d%b" % (len(value.encode()), value.encode()) for value in values)
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


@pytest.fixture(autouse=True)
def _site(settings):
    """A site that sells by 2Checkout, not on the sandbox."""
    account = settings.PLENIGO["default"]
    settings.PLENIGO = {"default": {**account, "EMAIL_IS_VERIFIED": "tests.webhooks.conftest.is_verified"}}
    backend = "django_plenigo.protocols.twocheckout.TwoCheckout"
    entry = {"BACKEND": backend, "MODE": "live", "MERCHANT": "M", "SECRET_KEY": KEY, "CUSTOM_DOMAIN": "shop.example"}
    settings.PLENIGO_PORTALS = {"2checkout": entry}


@pytest.fixture
def mallory(db):
    """A reader who wants to be another customer."""
    return UserFactory(username="mallory", email="mallory@example.com")


@pytest.fixture
def reference(mallory):
    """The reference that this site has issued for her."""
    return portals.reference_for(mallory, "2checkout")


@pytest.fixture
def order(reference):
    """An order of hers that is not complete, into which she has written the victim's number as her phone."""
    return [
        ("IPN_DATE", "20260101000000"),
        ("REFNO", "99"),
        ("ORDERSTATUS", "PENDING"),
        ("PHONE", VICTIMS),
        ("IPN_PID[]", "1"),
        ("IPN_PNAME[]", "Paper"),
        ("CUSTOMEREMAIL", "mallory@example.com"),
        ("AVANGATE_CUSTOMER_REFERENCE", "777"),
        ("EXTERNAL_CUSTOMER_REFERENCE", reference),
    ]


@pytest.fixture
def post(client):
    """Post fields with a signature, by default their own, and return the answer."""

    def post(pairs, signed=None):
        body = urlencode([*pairs, ("SIGNATURE_SHA2_256", signed or signature([value for _, value in pairs]))])
        response = client.post(URL.format("2checkout"), body, content_type=FORM)
        due_work.run_due_work()
        return response

    return post


def renamed(pairs, **names):
    """Return the same values under other names; two underscores stand for brackets."""
    names = {name: other.replace("__", "[]") for name, other in names.items()}
    return [(names.get(name.removesuffix("[]"), name), value) for name, value in pairs]


def outcomes():
    return list(WebhookDelivery.objects.order_by("pk").values_list("state", "reason"))


def test_order_that_is_not_complete_binds_nobody(post, order):
    assert post(order).status_code == 200
    assert outcomes() == [("done", "not_valid")]


def test_delivery_under_other_names_is_refused_and_gets_no_receipt(post, order):
    """A receipt is signed by the same key: it would be a signature of what somebody has chosen."""
    post(order)
    forged = renamed(
        order, PHONE="AVANGATE_CUSTOMER_REFERENCE", AVANGATE_CUSTOMER_REFERENCE="PHONE", REFNO="ORDERSTATUS"
    )
    for pairs in (renamed(order, PHONE="IPN_PNAME__", IPN_PNAME="PHONE"), forged):
        response = post(pairs, signature([value for _, value in order]))
        assert response.status_code == 400
        assert "<sig" not in response.content.decode()
    assert outcomes() == [("done", "not_valid"), ("refused", "altered"), ("refused", "malformed")]
    assert not PortalAccount.objects.exclude(reference=None).exists()


def test_body_that_waits_for_the_reader_has_no_signature_in_it(post, order, mallory):
    complete = [(name, "COMPLETE" if name == "ORDERSTATUS" else value) for name, value in order]
    type(mallory).objects.update(email="another@example.com")
    assert post(complete).status_code == 200
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.reason) == ("waiting", "other_email")
    assert b"PHONE=352365983" in bytes(delivery.body)
    assert b"SIGNATURE" not in bytes(delivery.body)
    type(mallory).objects.update(email="mallory@example.com")
    assert post(complete).status_code == 200
    assert outcomes() == [("done", "bound")]


def test_same_delivery_again_gets_its_receipt_again(post, order):
    first, second = post(order), post(order)
    assert re.search('<sig algo="sha256" date="[0-9]{14}">[0-9a-f]{64}</sig>', second.content.decode())
    assert (first.status_code, second.status_code, outcomes()) == (200, 200, [("done", "not_valid")])


def test_same_delivery_signed_by_the_next_key_is_no_other_delivery(post, order, settings):
    post(order)
    settings.PLENIGO_PORTALS["2checkout"]["SECRET_KEY"] = [KEY, "n" * 20]
    again = post(order, signature([value for _, value in order], "n" * 20))
    assert (again.status_code, "<sig" in again.content.decode()) == (200, True)
    assert WebhookDelivery.objects.get().repeated == 1


@pytest.mark.parametrize(
    ("missing", "of"),
    [("REFNO", "ipn"), ("IPN_PID[]", "ipn"), ("ORDERSTATUS", "ipn"), ("DISABLED", "lcn"), ("TEST", "lcn")],
)
def test_what_the_vendor_would_not_send_so_gets_no_receipt(post, order, subscription, missing, of):
    pairs = {"ipn": order, "lcn": subscription}[of]
    response = post([pair for pair in pairs if pair[0] != missing])
    assert (response.status_code, "<sig" in response.content.decode()) == (400, False)
    assert missing.removesuffix("[]") in WebhookDelivery.objects.get().last_error


@pytest.fixture
def subscription(reference):
    """A subscription of hers."""
    return [
        ("LICENSE_CODE", "3C343D0FAF"),
        ("EXPIRATION_DATE", "2026-01-02"),
        ("DISABLED", "0"),
        ("TEST", "0"),
        ("AVANGATE_CUSTOMER_REFERENCE", "777"),
        ("EXTERNAL_CUSTOMER_REFERENCE", reference),
        ("EMAIL", "mallory@example.com"),
    ]


@pytest.mark.parametrize(
    ("today", "expires", "reason"),
    [
        ("2026-01-02", "2026-01-02", "bound"),
        ("2026-01-03", "2026-01-02", "not_valid"),
        ("2026-01-03", "2026-01-02 08:15:00", "not_valid"),
        ("2026-01-03", "", "bound"),
    ],
)
def test_subscription_that_has_run_out_binds_nobody(post, subscription, today, expires, reason):
    pairs = [(name, expires if name == "EXPIRATION_DATE" else value) for name, value in subscription]
    with time_machine.travel(today, tick=False):
        assert post(pairs).status_code == 200
    assert outcomes() == [("done", reason)]

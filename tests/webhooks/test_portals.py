"""Who is bound by what 2Checkout and OkePay deliver: on the sandbox, with the vendors' own rules of what is taken."""

import pytest

from django_plenigo.models import PortalAccount, WebhookDelivery
from django_plenigo.sandbox.okepay import payments
from django_plenigo.sandbox.posting import Reply
from django_plenigo.services import due_work, portals
from tests.factories import UserFactory
from tests.webhooks.conftest import URL

pytestmark = pytest.mark.django_db(transaction=True)

KEY, TOKEN = "sandbox-webhook-key", "u" * 43


@pytest.fixture
def site(sandbox, settings):
    """A site with both portals."""
    account = settings.PLENIGO["default"]
    settings.PLENIGO = {"default": {**account, "EMAIL_IS_VERIFIED": "tests.webhooks.conftest.is_verified"}}
    settings.PLENIGO_PORTALS = {
        "okepay": {
            "BACKEND": "django_plenigo.protocols.okepay.OkePay",
            "MODE": "sandbox",
            "WEBHOOK_KEYS": [KEY],
        },
        "2checkout": {"BACKEND": "django_plenigo.protocols.twocheckout.TwoCheckout", "MODE": "sandbox"},
    }
    return settings


@pytest.fixture
def jane(site):
    """A reader who is about to buy."""
    return UserFactory(username="jane", email="jane@example.com")


@pytest.fixture
def told(sandbox, client):
    """Have the vendor tell what has happened, and the site do what is due: how much was taken, and what came of it."""

    def post(url, body, headers):
        headers = dict(headers)
        content_type = headers.pop("Content-Type")
        response = client.post(url.removeprefix("https://site.example"), body, content_type, headers=headers)
        return Reply(response.status_code, response.content.decode())

    def told():
        taken = sandbox.send_webhooks(post)
        due_work.run_due_work()
        return taken, sorted(WebhookDelivery.objects.values_list("reason", flat=True))

    return told


def address(source, query=""):
    return f"https://site.example{URL.format(source)}{query}"


def reference_at(portal, user):
    return PortalAccount.objects.get(portal=portal, user=user).reference


@pytest.mark.parametrize("content_type", ["json", "form"])
def test_subscriber_of_okepay_is_bound_by_either_format(sandbox, jane, told, content_type):
    contact = sandbox.okepay_contact("jane@example.com", reference_id=portals.reference_for(jane, "okepay"))
    sandbox.add_webhook("okepay", address("okepay"), signing_key=KEY, content_type=content_type)
    payments.renew(contact.subscriptions.get())
    taken, reasons = told()
    assert (taken, set(reasons)) == (2, {"bound", "already_bound"})
    assert reference_at("okepay", jane) == str(contact.number)


def test_subscriber_of_okepay_is_bound_by_a_token_once_the_vendor_has_said_the_same(sandbox, site, jane, told):
    okepay = {**site.PLENIGO_PORTALS["okepay"], "WEBHOOK_KEYS": [], "WEBHOOK_TOKENS": [TOKEN]}
    site.PLENIGO_PORTALS = {**site.PLENIGO_PORTALS, "okepay": okepay}
    contact = sandbox.okepay_contact("jane@example.com", reference_id=portals.reference_for(jane, "okepay"))
    sandbox.add_webhook("okepay", address("okepay", f"?token={TOKEN}"), signing_key="")
    payments.renew(contact.subscriptions.get())
    taken, reasons = told()
    assert (taken, set(reasons)) == (2, {"bound", "already_bound"})
    assert reference_at("okepay", jane) == str(contact.number)


def test_reader_who_has_paid_with_somebody_elses_address_is_not_let_in_as_her(sandbox, jane, told):
    contact = sandbox.okepay_contact("victim@example.com", reference_id=portals.reference_for(jane, "okepay"))
    sandbox.add_webhook("okepay", address("okepay"), signing_key=KEY)
    payments.renew(contact.subscriptions.get())
    assert told() == (2, ["other_email", "other_email"])
    assert reference_at("okepay", jane) is None


def test_cancelled_subscription_binds_nobody(sandbox, jane, told):
    contact = sandbox.okepay_contact("jane@example.com", reference_id=portals.reference_for(jane, "okepay"))
    sandbox.add_webhook("okepay", address("okepay"), signing_key=KEY)
    payments.cancel(contact.subscriptions.get())
    assert told() == (1, ["not_valid"])


def test_wrong_key_is_refused_and_the_retry_is_taken_once_it_is_mended(sandbox, site, jane, told):
    contact = sandbox.okepay_contact("jane@example.com", reference_id=portals.reference_for(jane, "okepay"))
    webhook = sandbox.add_webhook("okepay", address("okepay"), signing_key="another")
    payments.cancel(contact.subscriptions.get())
    assert told() == (0, ["wrong signature"])
    okepay = {**site.PLENIGO_PORTALS["okepay"], "WEBHOOK_KEYS": [KEY, webhook.signing_key]}
    site.PLENIGO_PORTALS = {**site.PLENIGO_PORTALS, "okepay": okepay}
    sandbox.advance(2 * 60)
    assert told() == (1, ["not_valid", "wrong signature"])


@pytest.mark.parametrize("signatures", [["sha256"], ["sha3-256"], ["md5", "sha256", "sha3-256"]])
def test_buyer_at_2checkout_is_bound_by_our_reference_and_the_vendor_gets_its_receipt(sandbox, jane, told, signatures):
    for kind in ("ipn", "lcn"):
        sandbox.add_webhook(kind, address("2checkout"), signatures=signatures)
    reference = portals.reference_for(jane, "2checkout")
    order = sandbox.twocheckout_order(reference, "P_MONTHLY", "jane@example.com")
    assert told() == (2, ["already_bound", "bound"])  # taken: both receipts are right
    assert reference_at("2checkout", jane) == order.customer.reference


def test_somebody_else_who_buys_at_2checkout_by_a_readers_link_is_not_given_to_her(sandbox, jane, told):
    for kind in ("ipn", "lcn"):
        sandbox.add_webhook(kind, address("2checkout"))
    sandbox.twocheckout_order(portals.reference_for(jane, "2checkout"), "P_MONTHLY", "somebody@example.com")
    assert told() == (2, ["other_email", "other_email"])
    assert reference_at("2checkout", jane) is None


def test_md5_alone_is_refused(sandbox, jane, told):
    sandbox.add_webhook("ipn", address("2checkout"), signatures=["md5"])
    sandbox.twocheckout_order(portals.reference_for(jane, "2checkout"), "P_MONTHLY", "jane@example.com")
    assert told() == (0, ["md5 only"])
    assert "SIGNATURE_SHA2_256" in WebhookDelivery.objects.get().last_error


def test_portal_on_the_sandbox_believes_nothing_on_a_public_site(sandbox, site, jane, told):
    """Everybody knows the sandbox's keys, and a binding would still be there once the portal is live."""
    sandbox.add_webhook("ipn", address("2checkout"))
    sandbox.twocheckout_order(portals.reference_for(jane, "2checkout"), "P_MONTHLY", "jane@example.com")
    site.PLENIGO_SANDBOX = {}
    assert told() == (0, ["not_configured"])
    assert "'2checkout'] is on the sandbox" in WebhookDelivery.objects.get().last_error
    assert reference_at("2checkout", jane) is None

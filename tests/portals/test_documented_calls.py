"""The calls that docs/portals.md shows besides the click, as it shows them: the sandbox plays the vendors."""

from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from django_plenigo import backends
from django_plenigo.errors import InvalidValueError
from django_plenigo.models import PortalAccount
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.services import portals
from tests.factories import UserFactory
from tests.pages import blocks_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls(sandbox, settings):
    """What the page's plain Python defines."""
    folder = "django_plenigo.protocols"
    settings.PLENIGO_PORTALS = {
        "okepay": {"BACKEND": f"{folder}.okepay.OkePay", "MODE": "sandbox"},
        "2checkout": {
            "BACKEND": f"{folder}.twocheckout.TwoCheckout",
            "MODE": "sandbox",
            "LINK_HOSTS": ["store.example.com"],
        },
    }
    backends._portals.clear()
    sandbox.twocheckout_merchant()
    yield defined_by_the_page(*(f"def {name}(" for name in CALLS))
    backends._portals.clear()


def defined_by_the_page(*beginnings):
    """Run the blocks of docs/portals.md in which a definition begins so, and return all that they define."""
    names: dict[str, object] = {}
    for block in blocks_of(Path("docs/portals.md")):
        if block.language == "python" and any(beginning in block.text for beginning in beginnings):
            exec(compile(block.text, "docs/portals.md", "exec"), names)  # noqa: S102 - our own page
    return SimpleNamespace(**names)


CALLS = ["bind_from_file", "lead_to_her_card", "lead_to_the_cart", "customer_number_of", "cancel_at_okepay"]

BUY_LINK = "https://store.example.com/checkout/buy?prod=1"


def test_reader_is_led_to_the_card_of_a_subscription(calls):
    response = calls.lead_to_her_card("123D40F123")
    page = Client().get(response["Location"], follow=True)
    assert (response.status_code, page.status_code) == (303, 200)
    assert page.redirect_chain[-1][0].endswith("/myaccount/payment_methods/")


def test_link_into_the_cart_tells_whose_it_is(calls):
    response = calls.lead_to_the_cart("352365983", BUY_LINK)
    assert response.status_code == 303
    assert response["Location"].startswith(BUY_LINK)
    [token] = parse_qs(urlsplit(response["Location"]).query)["logintoken"]
    assert calls.customer_number_of(token) == "352365983"


def test_subscription_at_okepay_is_cancelled(calls, sandbox):
    subscription = sandbox.okepay_contact("jane@example.com").subscriptions.get()
    calls.cancel_at_okepay(str(subscription.number))
    subscription.refresh_from_db()
    assert subscription.status == "cancelled"


def test_link_into_a_cart_of_somebody_else_is_not_followed(calls):
    with pytest.raises(portals.UnsafeLinkError, match="LINK_HOSTS"):
        calls.lead_to_the_cart("352365983", "https://evil.example/checkout/buy")


def test_reader_is_bound_by_a_file_and_a_second_one_is_told_why_not(calls, user, capsys):
    other = UserFactory()
    calls.bind_from_file(user, "4711")
    calls.bind_from_file(other, "4711")
    account = PortalAccount.objects.get(reference="4711")
    assert (account.user, account.bound_from) == (user, "contacts.csv")
    assert capsys.readouterr().out.startswith(f"{other.pk} of_another_user ")


def test_portal_of_a_sites_own_refuses_what_its_vendor_cannot_know_anybody_by():
    portal = defined_by_the_page("class NumberedService(").NumberedService
    portal.check_reference(CustomerRef("4711"))
    for customer in (CustomerRef("04711"), CustomerRef("x"), CustomerRef("4711", is_external=True)):
        with pytest.raises(InvalidValueError):
            portal.check_reference(customer)

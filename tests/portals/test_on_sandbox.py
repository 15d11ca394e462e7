"""From the reader's page into OkePay's portal and back, with nobody in between: the sandbox plays the vendor."""

import logging
import re

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client

from django_plenigo import backends
from django_plenigo.models import PortalAccount, PortalHandover
from django_plenigo.services import portals
from tests.portals.clicking import Form

pytestmark = pytest.mark.django_db

PAGE = "/plenigo/portals/"


@pytest.fixture
def contact(sandbox, settings):
    """Somebody who pays at OkePay."""
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"}}
    backends._portals.clear()
    yield sandbox.okepay_contact("jane@example.com")
    backends._portals.clear()


@pytest.fixture
def browser(contact, user):
    portals.bind(user, "okepay", str(contact.number), provenance="webhook")
    client = Client()
    client.force_login(user)
    return client


def click(browser):
    form = Form(browser.get(PAGE).content.decode())
    return browser.post(form.action, form.fields)


def test_one_click_leads_from_the_list_into_the_readers_own_portal(browser):
    response = click(browser)
    assert response.status_code == 303
    assert response["Location"].startswith("/plenigo-sandbox/")
    page = browser.get(response["Location"], follow=True)
    assert page.status_code == 200
    assert "jane@example.com" in page.content.decode()


def test_link_works_once_and_another_click_makes_a_new_one(browser):
    link = click(browser)["Location"]
    browser.get(link)
    assert Client().get(link).status_code == 410
    assert click(browser)["Location"] != link


def test_contact_that_the_vendor_does_not_know_is_no_subscription(contact, user, client):
    portals.bind(user, "okepay", "99999", provenance="by_hand")
    client.force_login(user)
    response = click(client)
    assert response.status_code == 404
    assert "We have no subscription under this account." in response.content.decode()


def test_reader_whose_reference_the_vendor_cannot_have_is_not_told_to_try_again(browser, caplog):
    PortalAccount.objects.update(reference="01")  # as an older release has kept it
    response = click(browser)
    assert response.status_code == 503
    assert "Please contact us." in response.content.decode()
    handover = PortalHandover.objects.get()
    assert (handover.outcome, "without zeros in front" in handover.last_error) == ("misconfigured", True)
    assert [record.levelname for record in caplog.records if "was not opened" in record.message] == ["ERROR"]


def test_wrong_credentials_are_the_sites_fault(browser, settings, caplog):
    settings.PLENIGO_PORTALS["okepay"]["SECRET"] = "wrong"
    response = click(browser)
    assert response.status_code == 503
    assert "contact us" in response.content.decode()
    handover = PortalHandover.objects.get()
    assert (handover.outcome, handover.last_error) == ("misconfigured", "OkePay.mint_link, HTTP 403")
    assert [record.levelname for record in caplog.records if "was not opened" in record.message] == ["ERROR"]


def test_vendor_that_is_down_is_a_sentence_and_a_button(browser, sandbox):
    sandbox.fail_next(500, times=None)
    response = click(browser)
    assert response.status_code == 503
    assert "does not answer right now" in response.content.decode()
    assert Form(response.content.decode()).button == "Open again"


def test_link_and_token_are_in_no_log_and_no_table_of_ours(browser, caplog):
    caplog.set_level(logging.DEBUG)
    token = re.search(r"token=([\w-]+)", click(browser)["Location"])[1]
    ours = [model for model in apps.get_models() if model._meta.app_label != "plenigo_sandbox"]
    rows = "".join(serializers.serialize("json", model._default_manager.all()) for model in ours)
    assert token not in rows + caplog.text


# ---- 2Checkout


@pytest.fixture
def buyer(sandbox, settings, user):
    """A reader who is the demo customer of 2Checkout, by the reference of this site."""
    backend = "django_plenigo.protocols.twocheckout.TwoCheckout"
    settings.PLENIGO_PORTALS = {"2checkout": {"BACKEND": backend, "MODE": "sandbox"}}
    backends._portals.clear()
    sandbox.twocheckout_customer()
    portals.bind(user, "2checkout", "ext-352365983", is_external=True, provenance="webhook")
    yield user
    backends._portals.clear()


def open_2checkout(buyer, client=None, **target):
    client = client or Client()
    client.force_login(buyer)
    signed = portals.sign_target(portals.Target("2checkout", **target), buyer)
    return client.post("/plenigo/portal/2checkout/", {"target": signed})


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({}, "Subscriptions</dt><dd>1<"),
        ({"page": "my_products"}, "Bought on"),
        ({"page": "my_subscription", "subscription": "123D40F123"}, "123D40F123"),
    ],
)
def test_one_click_leads_to_what_is_the_readers_own_in_my_account(buyer, target, words):
    response = open_2checkout(buyer, **target)
    assert response.status_code == 303
    assert response["Location"].startswith("/plenigo-sandbox/")
    page = Client().get(response["Location"], follow=True)
    assert page.status_code == 200
    assert words in page.content.decode()


def test_link_of_my_account_runs_out_and_one_click_makes_another(buyer, sandbox):
    link = open_2checkout(buyer)["Location"]
    sandbox.advance(60)
    assert Client().get(link).status_code == 410
    assert Client().get(open_2checkout(buyer)["Location"], follow=True).status_code == 200


def test_customer_that_2checkout_does_not_know_is_refused_in_words(buyer, user):
    account = portals.account_of(user, "2checkout")
    portals.bind(user, "2checkout", "999", provenance="by_hand", replaces=account)
    response = open_2checkout(buyer)
    assert response.status_code == 502
    assert "could not be made" in response.content.decode()
    assert account.is_bound


@pytest.mark.parametrize("status", [429, 503])
def test_2checkout_that_asks_for_patience_or_is_out_of_order_is_unavailable(buyer, sandbox, status):
    sandbox.fail_next(status)
    response = open_2checkout(buyer)
    assert response.status_code == 503
    assert "does not answer right now" in response.content.decode()
    assert PortalHandover.objects.get().outcome == "unavailable"

"""The page Manage my subscription, as a reader visits it."""

import pytest

from django_plenigo.services import customers
from tests.portals.test_clicks import Form
from tests.site.portals import LINK

pytestmark = pytest.mark.django_db

ADDRESS = "/plenigo/portals/"


def test_page_leads_into_the_portal_with_one_click_and_no_script(browser):
    response = browser.get(ADDRESS)
    text = response.content.decode()
    assert response["Cache-Control"] == "private, no-store"
    assert "<script" not in text
    form = Form(text)
    assert browser.post(form.action, form.fields)["Location"] == LINK


def test_visitor_is_shown_the_log_in(client, harbour):
    assert "/login/?next=/plenigo/portals/" in client.get(ADDRESS).content.decode()


def test_customer_has_plenigos_script_for_plenigos_own_pages(vendor, harbour, user, client, settings):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": settings.PLENIGO["default"]}
    customers.register(user)
    customers.register(user, using="weekly")
    client.force_login(user)
    assert client.get(ADDRESS).content.decode().count('data-account="default"') == 2  # the script and the button
    assert client.get(ADDRESS, {"account": "weekly"}).content.decode().count('data-account="weekly"') == 2
    assert client.get(ADDRESS, {"account": "nobodys"}).content.decode().count('data-account="default"') == 2


def test_page_takes_no_click(browser):
    assert browser.post(ADDRESS).status_code == 405

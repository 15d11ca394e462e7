"""The page Manage my subscription, as a reader visits it."""

import pytest

from django_plenigo.services import customers
from tests.portals.clicking import Form
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


def test_pages_stand_outside_of_a_sites_log_in_wall(client, harbour, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert client.get(ADDRESS).status_code == 200


@pytest.mark.api_v2
def test_customer_of_api_v2_sees_plenigos_own_subscriptions_in_the_page(reader, harbour, client, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "API": "v2"}}
    client.force_login(reader)
    text = client.get(ADDRESS).content.decode()
    assert 'class="plenigo-snippet"' in text
    assert 'data-plenigo-snippet="SUBSCRIPTION" data-account="default"' in text
    assert text.count("plenigo/plenigo.js") == 1


def test_page_takes_no_click(browser):
    assert browser.post(ADDRESS).status_code == 405

"""The panel and the search with another user model; run by `tests/test_user_models.py`."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from django_plenigo.models import CustomerLink
from django_plenigo.services import customers

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.user_models.urls")]

MEMBERS = "/admin/members/member/"


@pytest.fixture
def member():
    return get_user_model().objects.create(card_number="4711", mail="member@example.com")


@pytest.fixture
def agent():
    client = Client()
    client.force_login(get_user_model().objects.create(card_number="agent", is_staff=True, is_superuser=True))
    return client


def test_member_is_registered_from_the_list(agent, member):
    page = agent.post(MEMBERS, {"action": "register_with_plenigo", "_selected_action": [str(member.pk)]})
    assert page.context["ids"] == str(member.pk)
    values = {"ids": page.context["ids"], "confirmed": "yes"}
    assert agent.post(f"{MEMBERS}register-with-plenigo/", values).headers["Location"] == f"{MEMBERS}{member.pk}/change/"
    assert CustomerLink.objects.get().user == member


def test_panel_shows_the_address_of_the_models_own_field(agent, member):
    customers.register(member)
    page = agent.get(f"{MEMBERS}{member.pk}/change/").content.decode()
    assert "plenigo-panel" in page
    assert "member@example.com" in page


def test_member_is_found_by_what_the_sites_admin_searches(agent, member):
    customers.register(member)
    page = agent.get("/admin/plenigo/customerlink/", {"q": "4711"})
    assert [link.user for link in page.context["cl"].result_list] == [member]

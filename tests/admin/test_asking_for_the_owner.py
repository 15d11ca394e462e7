"""With API v3 an agent can ask plenigo whose a refused address is."""

import pytest
from django.contrib.admin.models import LogEntry

from django_plenigo.errors import ConflictError
from django_plenigo.models import CustomerLink
from tests.admin.conftest import confirm, messages_of, text_of
from tests.told import id_of

pytestmark = pytest.mark.django_db

CHANGES = "/admin/plenigo/remotechange/"
ASK = f"{CHANGES}ask-for-owner/"

TAKEN = ConflictError("plenigo", "change_email", status=409)


@pytest.fixture
def vendor(settings, sandbox):
    """Move the account to the sandbox's API v3."""
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "DELIVERY": ""}}
    return sandbox


@pytest.fixture
def conflict(vendor, reader, refuse):
    """A change to an address that plenigo has refused."""
    reader.email = "taken@example.com"
    reader.save()
    change = refuse(CustomerLink.objects.get(user=reader), TAKEN)
    vendor.calls.clear()
    return change


@pytest.fixture
def agent(agent_who_may):
    return agent_who_may("check_customerlink")


def page_of(client, change):
    return text_of(client.get(f"{CHANGES}{change.pk}/change/"))


def test_page_of_a_conflict_has_the_button_and_asks_nobody_by_itself(agent, conflict, vendor):
    assert f'href="{ASK}?ids={conflict.pk}"' in page_of(agent, conflict)
    assert "which customer has the e-mail address" in text_of(agent.get(ASK, {"ids": conflict.pk}))
    assert vendor.calls == []


def test_owner_is_named_and_the_look_stands_in_the_history(agent, conflict, vendor):
    owner = vendor.create_customer(email="Taken@Example.com")
    vendor.calls.clear()
    page = confirm(agent, ASK, conflict)
    assert messages_of(page) == [f"At plenigo this address belongs to customer {id_of(owner)}."]
    assert len(vendor.calls) == 1
    entry = LogEntry.objects.get()
    assert (entry.user, entry.get_edited_object()) == (agent.agent, conflict)
    assert "@" not in entry.change_message


def test_address_that_nobody_has_any_more_is_told_so(agent, conflict):
    assert messages_of(confirm(agent, ASK, conflict)) == ["At plenigo no customer has this address now: try again."]


def test_outage_is_told_in_a_sentence(agent, conflict, vendor):
    vendor.fail_next(500, times=None)
    page = confirm(agent, ASK, conflict)
    assert messages_of(page) == ["plenigo is out of order at the moment. Ask again in a minute."]


def test_conflict_about_access_ids_has_no_button_and_asks_nobody(agent, conflict, vendor, refuse):
    change = refuse(conflict.link, ConflictError("plenigo", "import_access_ids", status=409), "assign_access_ids")
    assert ASK not in page_of(agent, change)
    page = confirm(agent, ASK, change)
    assert messages_of(page) == ["This cannot be asked of plenigo; nothing was done."]
    assert vendor.calls == []
    assert not LogEntry.objects.exists()


def test_api_v2_does_not_tell(agent, conflict, settings):
    settings.PLENIGO = {"default": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    assert ASK not in page_of(agent, conflict)


def test_agent_who_may_not_check_is_refused(agent_who_may, conflict, vendor):
    agent = agent_who_may("send_remotechange")
    assert ASK not in page_of(agent, conflict)
    assert confirm(agent, ASK, conflict).status_code == 403
    assert vendor.calls == []

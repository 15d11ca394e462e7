"""The state of the accounts in the admin: what the settings say, and how far plenigo is behind; never a secret."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from django_plenigo.errors import AuthenticationError, ConflictError
from django_plenigo.models import RemoteChange
from django_plenigo.services import outbox
from tests.admin.conftest import text_of
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db

PAGE = "/admin/plenigo/customerlink/accounts/"
LINKS = "/admin/plenigo/customerlink/"


@pytest.fixture
def agent(agent_who_may):
    return agent_who_may("view_accountstates")


def rows_of(client):
    """Return what the page says, of several accounts that of the last."""
    found = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', text_of(client.get(PAGE)))
    return {label: re.sub("<[^>]*>|⚠", "", value).strip() for label, value in found}


def test_page_needs_a_permission_of_its_own(agent_who_may):
    agent = agent_who_may()
    assert agent.get(PAGE).status_code == 403
    assert PAGE not in text_of(agent.get(LINKS))


def test_list_of_links_leads_there(agent):
    assert f'<a href="{PAGE}">State of the accounts</a>' in text_of(agent.get(LINKS))


def test_settings_are_told_and_no_secret(agent, settings):
    settings.PLENIGO = {
        "default": {
            "API": "v2",
            "MODE": "stage",
            "COMPANY_ID": "company-nobody-reads",
            "SECRET": "secret-that-nobody-may-read",
            "DELIVERY": "",
            "CALLS_PER_SECOND": 5,
        }
    }
    rows = rows_of(agent)
    assert (rows["API"], rows["MODE"], rows["CALLS_PER_SECOND"]) == ("v2", "stage", "5")
    assert (rows["COMPANY_ID"], rows["SECRET"]) == ("set", "set")
    assert rows["DELIVERY"] == "none: plenigo_sync has to be run"
    page = text_of(agent.get(PAGE))
    assert "nobody" not in page


def test_credentials_that_are_missing_are_told_by_the_name_of_the_setting(agent, settings):
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "live", "DELIVERY": ""}}
    rows = rows_of(agent)
    assert rows["COMPANY_ID"] == "PLENIGO[&#x27;default&#x27;][&#x27;COMPANY_ID&#x27;] is missing."
    assert "SECRET&#x27;] is missing." in rows["SECRET"]
    settings.PLENIGO = {"default": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    assert rows_of(agent)["SECRET"] == "not set, the sandbox has its own"


def test_what_waits_is_counted_with_its_age(agent, sandbox):
    links = LinkFactory.create_batch(4)
    changes = [outbox.note(link, RemoteChange.Kind.CHANGE_EMAIL) for link in links]
    rows = RemoteChange.objects
    rows.filter(pk=changes[0].pk).update(noted_at=timezone.now() - timedelta(hours=3))
    rows.filter(pk=changes[1].pk).update(attempts=2, due_at=timezone.now() + timedelta(minutes=9))
    outbox.refuse(changes[2], ConflictError("plenigo", "change_email", status=409))
    said = rows_of(agent)
    assert (said["Changes that wait"], said["of them due now"], said["of them failed before"]) == ("3", "2", "1")
    assert said["The oldest was noted"].replace("\xa0", " ") == "3 hours ago"
    assert said["Conflicts to decide"] == "1"


def test_pause_is_told_with_its_reason(agent, sandbox):
    outbox.pause("default", AuthenticationError("plenigo", "register_user", status=401), timedelta(minutes=5))
    page = text_of(agent.get(PAGE))
    assert "nothing is sent to plenigo for the account default" in page
    assert "stage and live have different ones" in page
    assert sandbox.calls == []


def test_each_account_has_a_part(agent, settings):
    settings.PLENIGO = {**settings.PLENIGO, "<b>weekly": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    page = text_of(agent.get(PAGE))
    assert "Account default" in page
    assert "Account &lt;b&gt;weekly" in page

"""The settings of plenigo's single sign-on in the admin: read only, in words."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from django_plenigo import errors
from django_plenigo.protocols import base
from tests.admin.conftest import text_of
from tests.vendor_in_memory import ACCOUNT

pytestmark = pytest.mark.django_db

PAGE = "/admin/plenigo/customerlink/sso-settings/"
LINKS = "/admin/plenigo/customerlink/"

#: In the order of plenigo's own page; the countries and the sub companies stand nowhere in it.
LABELS = [
    *("Token type", "Countries of SMS", "Allowed domain", "Number of parallel log ins per customer"),
    *("Get first name, last name during registration", "Force a username after login or registration"),
    "Sub companies decide about the username",
    *("Query terms and conditions again", "Request Opt-In during registration", "Enable account connect"),
    *("Customer ID", "Subscription identifier", "ZIP code", "Street", "House number", "City"),
]


@pytest.fixture
def agent(agent_who_may):
    return agent_who_may("view_ssosettings")


def rows_of(text):
    found = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td>', text)
    return {label: (value, meaning) for label, value, meaning in found}


def test_page_shows_every_setting_by_plenigos_label_and_in_its_order(stand_in, agent):
    stand_in.set(
        token_type=base.TokenType.SMS, sms_countries=("DE", "AT"), allowed_domains=("testserver",), most_sessions=3,
        name_query=base.NameQuery.REQUIRED, name_setting="REQUIRED", forces_username=True,
        overrides_forced_username=True, street=True,
    )  # fmt: skip
    rows = rows_of(text_of(agent.get(PAGE)))
    assert list(rows) == LABELS
    values = [value for value, _ in rows.values()]
    assert values == [
        *("SMS", "DE, AT", "testserver", "3", "REQUIRED", "yes", "yes", "no", "no"),
        *("yes", "yes", "no", "yes", "yes", "no", "no"),
    ]
    assert "" not in [meaning for _, meaning in rows.values()]


def test_page_needs_a_permission_of_its_own(stand_in, agent_who_may):
    agent = agent_who_may()
    assert agent.get(PAGE).status_code == 403
    assert PAGE not in text_of(agent.get(LINKS))


def test_list_of_links_leads_there(stand_in, agent):
    assert PAGE in text_of(agent.get(LINKS))


def test_page_says_how_old_the_answer_is_and_asks_anew_on_a_click(stand_in, agent, time_machine):
    text_of(agent.get(PAGE))
    time_machine.move_to(timezone.now() + timedelta(minutes=4))
    assert "Asked 4 minutes ago." in text_of(agent.get(PAGE)).replace("\xa0", " ")
    stand_in.set(most_sessions=7)
    page = text_of(agent.post(PAGE, follow=True))
    assert ("Asked just now." in page, rows_of(page)["Number of parallel log ins per customer"][0]) == (True, "7")


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"customer_id": False}, "Nobody can be found that way"),
        ({"postcode": False}, "whoever guesses a number"),
        ({"allowed_domains": ("example.org",)}, "not among the allowed domains"),
        ({"token_type": base.TokenType.SMS}, "no countries are named"),
        ({"is_disabled": True}, "switched off at plenigo"),
        ({"is_in_emergency": True}, "emergency mode"),
    ],
)
def test_what_contradicts_itself_or_the_site_is_warned_of(stand_in, agent, values, warning):
    assert "What does not fit" not in text_of(agent.get(PAGE))
    stand_in.set(**values)
    assert warning in text_of(agent.post(PAGE, follow=True))


def test_outage_is_told_in_a_sentence_with_the_last_answer(stand_in, agent, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "SSO_TTL_SECONDS": 0}}
    agent.get(PAGE)
    stand_in.failures = [errors.NoAnswerError(base.SERVICE, "read_sso_settings")]
    page = text_of(agent.get(PAGE))
    assert ("plenigo did not answer in time" in page, "is the last answer." in page) == (True, True)
    assert len(rows_of(page)) == len(LABELS)


def test_outage_without_an_answer_is_told_in_a_sentence(stand_in, agent):
    stand_in.failures = [errors.NoAnswerError(base.SERVICE, "read_sso_settings")]
    page = text_of(agent.get(PAGE))
    assert ("plenigo did not answer in time" in page, rows_of(page)) == (True, {})


def test_page_says_that_it_takes_api_v3(sandbox, agent):
    assert "can be read with API v3 only" in text_of(agent.get(PAGE))
    assert agent.post(PAGE).status_code == 302
    assert sandbox.calls == []


def test_page_shows_the_account_that_was_chosen(stand_in, agent, settings):
    settings.PLENIGO = {"default": ACCOUNT, "weekly": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    assert '<a href="?account=weekly">weekly</a>' in text_of(agent.get(PAGE))
    assert "can be read with API v3 only" in text_of(agent.get(PAGE, {"account": "weekly"}))


def test_nothing_of_the_page_can_be_edited(stand_in, agent):
    fields = re.findall(r'<(?:input|select|textarea)[^>]*name="(\w+)"', text_of(agent.get(PAGE)))
    assert set(fields) <= {"csrfmiddlewaretoken", "account", "next"}


def test_our_style_sheet_carries_the_nonce_of_djangos_policy(stand_in, agent, settings):
    csp = pytest.importorskip("django.utils.csp", reason="Django has its own policy from 6.0 on")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.csp.ContentSecurityPolicyMiddleware"]
    settings.SECURE_CSP = {"style-src": [csp.CSP.NONCE]}
    page = agent.get(PAGE)
    [nonce] = re.findall("'nonce-([^']+)'", page.headers["Content-Security-Policy"])
    assert f'plenigo/admin.css" nonce="{nonce}"' in text_of(page)

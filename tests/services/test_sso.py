"""The settings of the single sign-on are asked for once in minutes, and kept for an outage."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone, translation

from django_plenigo import errors
from django_plenigo.protocols import base
from django_plenigo.services import sso
from tests.vendor_in_memory import ACCOUNT, SETTINGS, Vendor

pytestmark = pytest.mark.django_db

DOWN = errors.NoAnswerError(base.SERVICE, "read_sso_settings")


def test_read_settings_asks_once_in_minutes_and_again_when_they_are_over(stand_in, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    for _ in range(3):
        sso.read_settings()
    assert len(stand_in.calls) == 1
    time_machine.shift(timedelta(seconds=301))
    sso.read_settings()
    assert len(stand_in.calls) == 2


def test_lifetime_is_a_setting(stand_in, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "SSO_TTL_SECONDS": 0}}
    sso.read_settings()
    sso.read_settings()
    assert len(stand_in.calls) == 2


def test_each_language_has_texts_of_its_own(stand_in):
    assert sso.read_settings("de").settings.terms_text == "Terms (de)"
    with translation.override("fr"):
        assert sso.read_settings().settings.terms_text == "Terms (fr)"


def test_last_answer_serves_during_an_outage_and_says_so(stand_in, time_machine):
    before = sso.read_settings()
    time_machine.move_to(timezone.now() + timedelta(hours=5))
    stand_in.failures = [DOWN]
    kept = sso.read_settings()
    assert (kept.settings, kept.asked_at, kept.error) == (before.settings, before.asked_at, DOWN)


def test_outage_without_an_answer_is_an_error(stand_in):
    stand_in.failures = [DOWN]
    with pytest.raises(errors.NoAnswerError):
        sso.read_settings()


def test_cache_that_is_down_costs_a_call_and_no_more(stand_in, cache_that_is_down):
    sso.read_settings()
    assert sso.read_settings().settings.allows_connection is True


def test_answer_of_another_release_is_not_used(stand_in, monkeypatch):
    sso.read_settings()
    monkeypatch.setattr(sso, "_FIELDS", "other")
    sso.read_settings()
    assert len(stand_in.calls) == 2


@pytest.mark.api_v2
def test_api_v2_does_not_tell_them(sandbox):
    with pytest.raises(errors.UnsupportedOperationError, match="takes API v3"):
        sso.read_settings()


@pytest.mark.parametrize(
    ("domains", "host", "is_allowed"),
    [
        ((), "example.com", True),
        (("example.com",), "example.com", True),
        (("example.com",), "EXAMPLE.com:8000", True),
        (("https://example.com/",), "example.com", True),
        (("*.example.com",), "www.example.com", True),
        (("example.com",), "www.example.com", True),
        (("example.com",), "notexample.com", False),
        (("other.org", "example.com"), "example.com", True),
        (("other.org",), "example.com", False),
    ],
)
def test_host_is_held_against_the_allowed_domains(domains, host, is_allowed):
    stand_in = Vendor()
    stand_in.set(allowed_domains=domains)
    assert sso.allows_host(stand_in.settings, host) is is_allowed


def test_settings_that_fit_are_not_warned_of():
    assert sso.warnings_of(SETTINGS, host="example.com", verifies_addresses=False) == []


@pytest.mark.parametrize("verifies_addresses", [True, False])
def test_codes_by_sms_are_warned_of_where_the_site_verifies_no_address(verifies_addresses):
    by_sms = replace(SETTINGS, token_type=base.TokenType.SMS, sms_countries=("DE",))
    warnings = sso.warnings_of(by_sms, host="example.com", verifies_addresses=verifies_addresses)
    assert ["EMAIL_IS_VERIFIED" in str(text) for text in warnings] == ([] if verifies_addresses else [True])

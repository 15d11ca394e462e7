"""System checks name the cause and what to write."""

import pytest
from django.core.checks import run_checks

LIVE = {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": "s" * 40}


def ids(**kwargs):
    return {message.id for message in run_checks(tags=["plenigo"], **kwargs)}


def test_default_settings_of_the_sandbox_pass():
    assert ids() == set()


@pytest.mark.parametrize(
    ("entry", "check_id"),
    [
        ({**LIVE, "TIMEOUT": 5}, "plenigo.E002"),
        ({**LIVE, "TEST_MODE": "False"}, "plenigo.E003"),
        ({"MODE": "live"}, "plenigo.E003"),
        ({**LIVE, "HOSTS": {"api": "https://api.plenigo-stage.com"}}, "plenigo.E004"),
    ],
)
def test_wrong_account_is_an_error(settings, entry, check_id):
    settings.PLENIGO = {"default": entry}
    assert ids() == {check_id}


def test_missing_default_account_shows_the_lines_to_paste(settings):
    settings.PLENIGO = {}
    (message,) = run_checks(tags=["plenigo"])
    assert message.id == "plenigo.E001"
    assert '"MODE": "sandbox"' in message.hint


def test_unknown_key_names_the_right_one(settings):
    settings.PLENIGO = {"default": {**LIVE, "TIMEOUT_SECOND": 5}}
    (message,) = run_checks(tags=["plenigo"])
    assert message.hint == 'Did you mean "TIMEOUT_SECONDS"?'


def test_account_that_is_no_dictionary_is_an_error(settings):
    settings.PLENIGO = {"default": LIVE, "brand": "live"}
    assert ids() == {"plenigo.E001"}


def test_sandbox_mode_without_the_sandbox_app_is_an_error(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_plenigo.sandbox"]
    assert ids() == {"plenigo.E005"}


def test_live_mode_with_the_sandboxs_company_is_an_error(settings):
    from django_plenigo.sandbox.credentials import COMPANY_ID

    settings.PLENIGO = {"default": {**LIVE, "COMPANY_ID": COMPANY_ID}}
    assert ids() == {"plenigo.E006"}


def test_missing_middleware_is_an_error(settings):
    settings.MIDDLEWARE = []
    assert ids() == {"plenigo.E007"}


def test_deploying_on_the_sandbox_with_a_cache_per_process_is_warned_of():
    assert {"plenigo.W001", "plenigo.W002"} <= ids(include_deployment_checks=True)


def test_content_security_policy_is_told_what_it_means_for_the_snippet(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "csp.middleware.CSPMiddleware"]
    assert "plenigo.I001" in ids(include_deployment_checks=True)

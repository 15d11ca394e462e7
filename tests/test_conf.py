"""Settings: typed, read at each access, with units in their names."""

from types import MappingProxyType

import pytest
from django.test import RequestFactory
from django.utils import translation

from django_plenigo.conf import Account, accounts, client_address
from django_plenigo.errors import ConfigurationError


@pytest.fixture
def account(settings):
    """Set an account's entry and return the account."""

    def configure(**entry):
        settings.PLENIGO = {"default": {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": "s" * 40, **entry}}
        return Account()

    return configure


def test_account_reads_a_changed_setting_at_once(account):
    reader = account(TIMEOUT_SECONDS=5)
    account(TIMEOUT_SECONDS=2)
    assert reader.timeout_seconds == 2.0


def test_mode_decides_the_hosts(account):
    assert account().host("api") == "https://api.plenigo.com"
    assert account(MODE="stage").host("api") == "https://api.plenigo-stage.com"


def test_own_host_replaces_that_of_the_mode(account):
    assert account(HOSTS={"api": "https://api.example.com/"}).host("api") == "https://api.example.com"


def test_script_address_names_the_company(account):
    expected = "https://static.plenigo.com/static_resources/javascript/" + "C" * 20 + "/plenigo_sdk.min.js"
    assert account().sdk_url == expected


def test_sandbox_needs_no_credentials_and_runs_in_process(settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox"}}
    assert Account().runs_in_process
    assert len(Account().company_id) == 20
    assert len(Account().secrets[0]) >= 32


def test_sandbox_with_a_host_of_its_own_goes_over_a_socket(settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "HOSTS": {"api": "http://127.0.0.1:8090"}}}
    assert not Account().runs_in_process


def test_list_of_secrets_rotates_and_the_first_signs(account):
    assert account(SECRET=["new", "old"]).secrets == ("new", "old")


@pytest.mark.parametrize(
    ("entry", "read", "complaint"),
    [
        ({"TEST_MODE": "False"}, "test_mode", "must be bool, not str"),
        ({"TIMEOUT_SECONDS": "5"}, "timeout_seconds", "must be int or float, not str"),
        ({"TIMEOUT_SECONDS": True}, "timeout_seconds", "not bool"),
        ({"MODE": "production"}, "mode", "must be one of live, stage, sandbox"),
        ({"MODE": None}, "mode", "is missing"),
        ({"COMPANY_ID": None}, "company_id", "PLENIGO['default']['COMPANY_ID'] is missing."),
        ({"API": "v1"}, "generation", "must be one of v2"),
        ({"SECRET": []}, "secrets", "must be a text or a list of texts"),
        ({"HOSTS": {"aip": "https://x"}}, "own_hosts", "unknown key 'aip'; known are: api, static"),
        ({"EXTERNAL_ID": "no.such.function"}, "external_id", "EXTERNAL_ID"),
        ({"TRUSTED_PROXIES": ["everything"]}, "trusted_proxies", "TRUSTED_PROXIES"),
    ],
)
def test_wrong_value_raises_an_error_that_names_the_setting(account, entry, read, complaint):
    with pytest.raises(ConfigurationError) as caught:
        getattr(account(**entry), read)
    assert complaint in str(caught.value)
    assert next(iter(entry)) in str(caught.value)


def test_missing_account_is_named(settings):
    settings.PLENIGO = {}
    with pytest.raises(ConfigurationError, match='PLENIGO has no "default" account'):
        Account().mode  # noqa: B018 - reading it raises


def test_settings_may_be_any_mapping(settings):
    settings.PLENIGO = MappingProxyType({"default": MappingProxyType({"MODE": "sandbox", "COMPANY_ID": "C"})})
    assert accounts() == ["default"]
    assert Account().mode == "sandbox"
    assert Account().raw["COMPANY_ID"] == "C"


def test_language_is_the_readers_unless_the_site_fixes_it(account):
    with translation.override("de-at"):
        assert account().language == "de"
        assert account(LANGUAGE="fr").language == "fr"


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        ([], "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9", "198.51.100.7", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["2001:db8::/32"], "2001:db8::1", "2001:db9::5", "2001:db9::5"),
        (["127.0.0.1"], "::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
        (["127.0.0.1"], "127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "", "203.0.113.9, 10.0.0.2", "203.0.113.9"),  # gunicorn behind a Unix socket
        (["10.0.0.0/8"], "", "", ""),
        ([], "", "203.0.113.9", ""),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        (["2001:db8::/32"], "2001:db8::1", "[2001:db9::5]:443", "2001:db9::5"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        (["10.0.0.0/8"], "no address", "203.0.113.9", "no address"),
    ],
)
def test_client_address_believes_only_the_sites_own_proxies(account, proxies, remote, forwarded, expected):
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request, account(TRUSTED_PROXIES=proxies)) == expected


def test_hop_that_is_no_address_is_told_without_repeating_it(account, caplog):
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="who knows")
    client_address(request, account(TRUSTED_PROXIES=["10.0.0.1"]))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "who knows" not in record.getMessage()


@pytest.mark.parametrize(("active", "language"), [("de-at", "de"), ("hsb", "en"), ("pt-br", "pt")])
def test_language_of_the_request_is_sent_in_two_letters(settings, active, language):
    settings.PLENIGO = {"default": {"MODE": "sandbox"}}
    with translation.override(active):
        assert Account().language == language


def test_language_that_is_none_is_told(settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "LANGUAGE": "german"}}
    with pytest.raises(ConfigurationError, match="LANGUAGE"):
        assert Account().language

"""The checks of PLENIGO_PORTALS name the cause and what to write."""

import pytest
from django.core.checks import run_checks

from django_plenigo.protocols.base import CustomerRef, Portal, PortalLink, PortalOption, PortalTarget
from tests.site.portals import Harbour, entries


class Hostless(Portal):
    """A backend that knows no host."""

    def mint_link(self, customer: CustomerRef, target: PortalTarget) -> PortalLink:
        """Return no link that leads anywhere."""
        return PortalLink("", None)


def found(**kwargs):
    return [message for message in run_checks(tags=["plenigo"], **kwargs) if "PORTALS" in message.msg]


@pytest.fixture(autouse=True)
def _portals(harbour):
    pass


def test_portals_that_are_right_pass_and_none_at_all_do_too(settings):
    assert found() == []
    del settings.PLENIGO_PORTALS
    assert found() == []


@pytest.mark.parametrize("value", [[], "harbour", None])
def test_setting_that_is_no_dictionary_is_an_error(settings, value):
    settings.PLENIGO_PORTALS = value
    assert [message.id for message in found()] == ["plenigo.E013"]


@pytest.mark.parametrize(
    ("entry", "check_id", "words", "hint"),
    [
        ({"LINK_HOST": ["x.example"]}, "plenigo.E014", "unknown key 'LINK_HOST'", 'Did you mean "LINK_HOSTS"?'),
        ({"key": "x"}, "plenigo.E014", "unknown key 'key'", 'Did you mean "KEY"?'),
        ({"BACKEND": "mysite.missing.Portal"}, "plenigo.E015", "cannot be imported", '"BACKEND":'),
        ({"BACKEND": "tests.site.portals.entries"}, "plenigo.E015", "must be a subclass", '"BACKEND":'),
        ({"BACKEND": None}, "plenigo.E015", "['BACKEND'] is missing", '"BACKEND":'),
        ({"MODE": "stage"}, "plenigo.E015", "must be one of sandbox, live", '"MODE": "sandbox"'),
        ({"MODE": None}, "plenigo.E015", "['MODE'] is missing", '"MODE": "sandbox"'),
        ({"KEY": 5}, "plenigo.E015", "['KEY'] must be str, not int", ""),
        ({"KEY": "secret\n"}, "plenigo.E015", "['KEY'] must not begin or end", ""),
        ({"API_URL": "http://x.example"}, "plenigo.E015", "must begin with https://", "https://"),
        ({"LINK_HOSTS": "x.example"}, "plenigo.E015", "must be list or tuple", '"LINK_HOSTS":'),
        ({"LINK_HOSTS": ["https://x.example"]}, "plenigo.E015", "must hold hosts", '"LINK_HOSTS":'),
        ({"TIMEOUT_SECONDS": 0}, "plenigo.E015", "must be a number of seconds", ""),
        ({"HANDOVER_DAYS": -1}, "plenigo.E015", "must be a number of days", ""),
        ({"CACHE": "nowhere"}, "plenigo.E015", "must be an alias of CACHES", "CACHES"),
        ({"LOG_OUT_URL": "javascript:x"}, "plenigo.E015", "must be https://", "log"),
        ({"BACKEND": f"{__name__}.Hostless"}, "plenigo.E017", "no link would be opened", '"LINK_HOSTS":'),
    ],
)
def test_entry_that_is_wrong_is_an_error_with_a_hint(settings, entry, check_id, words, hint):
    settings.PLENIGO_PORTALS = entries(**entry)
    (message,) = found()
    assert message.id == check_id
    assert words in message.msg
    assert hint in message.hint
    assert "'harbour'" in message.msg
    assert "secret" not in message.msg + message.hint


#: What somebody who writes a backend may take for hosts.
NO_HOSTS = [
    ("https://store.harbour.example",),
    "store.harbour.example",
    ("store.harbour.example/",),
    ["*.harbour.example"],
    ("store.harbour.example:99999",),
    ("store.harbour.example", None),
    5,
]


@pytest.mark.parametrize("hosts", NO_HOSTS, ids=str)
def test_hosts_of_a_sites_own_backend_that_are_none_are_an_error_with_a_hint(settings, hosts):
    settings.PLENIGO_PORTALS = entries(BACKEND="tests.site.portals.Ferry", HOSTS=hosts)
    (message,) = found()
    assert (message.id, "'harbour'" in message.msg) == ("plenigo.E017", True)
    assert "link_hosts are no hosts: no link would be opened" in message.msg
    assert '("store.example.com", *super().link_hosts)' in message.hint


@pytest.mark.parametrize(
    "hosts", [["store.harbour.example"], {"store.harbour.example:8443"}, ("[2001:db8::1]:8443", "a_b.example")]
)
def test_hosts_of_a_sites_own_backend_pass(settings, hosts):
    settings.PLENIGO_PORTALS = entries(BACKEND="tests.site.portals.Ferry", HOSTS=hosts)
    assert found() == []


@pytest.mark.parametrize("name", ["plenigo", "plenigo-weekly", "Harbour", "a b", "", "x" * 33, None])
def test_name_that_cannot_be_one_is_an_error(settings, name):
    settings.PLENIGO_PORTALS = {name: entries()["harbour"]}
    assert [message.id for message in found()] == ["plenigo.E015"]


def test_entry_that_is_no_dictionary_is_an_error(settings):
    settings.PLENIGO_PORTALS = {"harbour": "tests.site.portals.Harbour"}
    assert [message.id for message in found()] == ["plenigo.E015"]


def test_sandbox_needs_its_app(settings):
    settings.PLENIGO_PORTALS = entries(MODE="sandbox")
    assert found() == []
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_plenigo.sandbox"]
    assert [message.id for message in found()] == ["plenigo.E016"]
    settings.PLENIGO_PORTALS = entries(MODE="sandbox", API_URL="http://127.0.0.1:8099")
    assert found() == []


def test_deployment_on_the_sandbox_is_a_warning(settings):
    settings.PLENIGO_PORTALS = entries(MODE="sandbox")
    messages = found(include_deployment_checks=True)
    assert [message.id for message in messages] == ["plenigo.W011"]
    settings.PLENIGO_PORTALS = entries()
    assert found(include_deployment_checks=True) == []


def verified(user):
    return True


OKEPAY = {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"}


def test_token_of_webhooks_that_could_be_guessed_is_an_error(settings):
    settings.PLENIGO_PORTALS = {"okepay": {**OKEPAY, "WEBHOOK_TOKENS": ["x" * 31]}}
    (message,) = found()
    assert (message.id, "['WEBHOOK_TOKENS'] must hold texts of at least 32" in message.msg) == ("plenigo.E015", True)
    assert "secrets.token_urlsafe(32)" in message.hint
    assert "x" * 31 not in message.msg + message.hint
    settings.PLENIGO_PORTALS = {"okepay": {**OKEPAY, "WEBHOOK_TOKENS": ["x" * 32]}}
    assert found() == []


def test_portal_without_keys_and_tokens_takes_no_webhooks_of_which_to_warn(settings):
    """Its readers are bound by hand or from files."""
    settings.PLENIGO_PORTALS = {"okepay": OKEPAY}
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "allauth.account"]
    assert found() == []
    settings.PLENIGO_PORTALS = {"okepay": {**OKEPAY, "WEBHOOK_TOKENS": ["x" * 32]}}
    assert [message.id for message in found()] == ["plenigo.W012"]


def test_webhooks_of_a_site_that_verifies_no_addresses_bind_nobody_which_is_a_warning(settings):
    settings.PLENIGO_PORTALS = {"okepay": {**OKEPAY, "WEBHOOK_KEYS": ["made-up-key"]}}
    assert found() == []  # allauth says which addresses are verified
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "allauth.account"]
    (message,) = found()
    assert (message.id, "EMAIL_IS_VERIFIED" in message.hint) == ("plenigo.W012", True)
    account = settings.PLENIGO["default"]
    settings.PLENIGO = {"default": {**account, "EMAIL_IS_VERIFIED": f"{__name__}.verified"}}
    assert found() == []
    settings.PLENIGO = {"default": {**account, "EMAIL_IS_VERIFIED": 5}}
    assert found() == []  # that is told by the check of PLENIGO


def test_key_that_the_sandbox_has_no_value_for_is_missing(settings, monkeypatch):
    monkeypatch.setattr(
        Harbour, "options", {"KEY": PortalOption((str,), sandbox="django_plenigo.sandbox.credentials.NONE")}
    )
    settings.PLENIGO_PORTALS = entries(MODE="sandbox")
    assert "['KEY'] is missing" in found()[0].msg


@pytest.mark.parametrize("key", ["sandbox-2co-secret", ["of-our-own", "sandbox-2co-secret"]])
def test_secret_that_everybody_knows_is_an_error_on_a_live_portal(settings, key):
    backend = "django_plenigo.protocols.twocheckout.TwoCheckout"
    entry = {"BACKEND": backend, "MODE": "live", "MERCHANT": "M", "SECRET_KEY": key, "CUSTOM_DOMAIN": "shop.example"}
    settings.PLENIGO_PORTALS = {"2checkout": entry}
    (message,) = found()
    assert (message.id, "sandbox-2co-secret" in message.msg) == ("plenigo.E018", False)
    settings.PLENIGO_PORTALS = {"2checkout": entry | {"SECRET_KEY": "of-our-own"}}
    assert found() == []

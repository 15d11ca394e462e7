"""The doors to an account's client: each typed, each with `using`."""

from datetime import UTC, datetime

import pytest
import time_machine

from django_plenigo import backends
from django_plenigo.errors import ConfigurationError, InvalidValueError, SignatureError, UnsupportedOperationError
from django_plenigo.protocols import base

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = "o" * 40, "n" * 40


@pytest.mark.parametrize(
    ("door", "interface"),
    [
        (backends.customer_directory, base.CustomerDirectory),
        (backends.customer_finder, base.CustomerFinder),
        (backends.profile_keeper, base.ProfileKeeper),
        (backends.access_registry, base.AccessRegistry),
        (backends.access_reader, base.AccessReader),
        (backends.paywall_reader, base.PaywallReader),
        (backends.login_minter, base.LoginMinter),
        (backends.multiple_login_minter, base.MultipleLoginMinter),
        (backends.session_confirmer, base.SessionConfirmer),
        (backends.checkout_signer, base.CheckoutSigner),
    ],
)
def test_door_leads_to_what_it_promises_by_its_type(door, interface):
    assert door.__annotations__["return"] is interface
    assert isinstance(door(), interface)


@pytest.fixture
def accounts(settings):
    """Two accounts, the second of which has just got a new secret."""

    def configure(*secrets):
        settings.PLENIGO = {
            "default": {"MODE": "sandbox"},
            "weekly": {"MODE": "live", "COMPANY_ID": "W" * 20, "SECRET": list(secrets)},
        }

    with time_machine.travel(NOW, tick=False):
        yield configure


def test_cookie_is_read_after_the_secret_has_rotated(accounts):
    accounts(OLD)
    cookie = backends.write_user_cookie("C", issued_at=NOW, using="weekly")
    accounts(NEW, OLD)
    assert backends.read_user_cookie(cookie, using="weekly") == base.UserCookie("C", NOW, is_authentic=True)
    accounts(NEW)
    assert backends.read_user_cookie(cookie, using="weekly") is None


def test_cookie_of_one_account_says_nothing_to_another(accounts):
    accounts(NEW)
    cookie = backends.write_user_cookie("C", issued_at=NOW)
    assert backends.read_user_cookie(cookie) == base.UserCookie("C", NOW, is_authentic=True)
    assert backends.read_user_cookie(cookie, using="weekly") is None


def test_cookie_of_no_customer_and_of_no_account_is_refused(accounts):
    accounts(NEW)
    with pytest.raises(InvalidValueError, match="customer_id"):
        backends.write_user_cookie(None, issued_at=NOW, using="weekly")
    with pytest.raises(ConfigurationError, match="nowhere"):
        backends.read_user_cookie("c5", using="nowhere")


# ---- who reads webhooks


class PlainPortal(base.Portal):
    """A site's own portal, which reads no webhooks."""

    def mint_link(self, customer, target):
        raise NotImplementedError


@pytest.fixture
def sources(settings):
    """Accounts and portals, of which some deliver webhooks."""
    settings.PLENIGO = {
        "default": {"MODE": "sandbox", "API": "v3", "WEBHOOK_SECRETS": [NEW]},
        "weekly": {"MODE": "sandbox", "API": "v3"},
        "old": {"MODE": "sandbox", "API": "v2"},
    }
    settings.PLENIGO_PORTALS = {
        "2checkout": {
            "BACKEND": "django_plenigo.protocols.twocheckout.TwoCheckout",
            "MODE": "live",
            "MERCHANT": "M",
            "SECRET_KEY": NEW,
            "CUSTOM_DOMAIN": "store.shop.example",
        },
        "okepay": {
            "BACKEND": "django_plenigo.protocols.okepay.OkePay",
            "MODE": "live",
            "INSTANCE": "paper",
            "SECRET": NEW,
        },
        "own": {"BACKEND": f"{__name__}.PlainPortal", "MODE": "live"},
    }
    return settings


def test_sources_of_webhooks_are_the_portals_and_the_accounts_with_callbacks(sources):
    assert backends.webhook_sources() == {
        "2checkout": "default",
        "okepay": "default",
        "plenigo": "default",
        "plenigo-weekly": "weekly",
    }


def test_what_the_settings_have_wrong_is_a_source_still_so_that_its_deliveries_are_refused_with_a_reason(sources):
    sources.PLENIGO_PORTALS = {"gone": {"BACKEND": "no.such.Portal", "MODE": "live"}}
    sources.PLENIGO = {"default": {"API": "v9"}}
    assert backends.webhook_sources() == {"gone": "default", "plenigo": "default"}


@pytest.mark.parametrize("source", ["2checkout", "okepay", "plenigo", "plenigo-weekly"])
def test_source_of_webhooks_has_its_reader(sources, source):
    assert isinstance(backends.webhook_reader(source), base.WebhookReader)


def test_portal_reads_its_own_webhooks(sources):
    assert backends.webhook_reader("okepay") is backends.portal("okepay")


def test_callbacks_of_an_account_are_proved_by_its_own_secrets(sources):
    call = base.WebhookCall({}, b"")
    with pytest.raises(SignatureError):
        backends.webhook_reader("plenigo").authenticate(call, now=NOW)
    with pytest.raises(ConfigurationError, match=r"PLENIGO\['weekly'\]\['WEBHOOK_SECRETS'\]"):
        backends.webhook_reader("plenigo-weekly").authenticate(call, now=NOW)


@pytest.mark.parametrize(
    "source", ["", "unknown", "plenigo-", "plenigo-default", "plenigo-unknown", "plenigox", "2Checkout"]
)
def test_unknown_source_of_webhooks_is_an_error_that_names_it(sources, source):
    with pytest.raises(ConfigurationError, match=repr(source)):
        backends.webhook_reader(source)


@pytest.mark.parametrize("source", ["own", "plenigo-old"])
def test_source_without_webhooks_says_so(sources, source):
    with pytest.raises(UnsupportedOperationError, match=r"webhooks|callbacks"):
        backends.webhook_reader(source)

"""Sessions of customers with API v3: kept encrypted, used again, and never more than the vendor allows."""

import pytest
from django.contrib.auth import get_user_model

from django_plenigo.backends import session_keeper
from django_plenigo.errors import SessionLimitError, UnsupportedOperationError
from django_plenigo.models import CustomerLink, CustomerSession
from django_plenigo.protocols.base import BrowserTraits
from django_plenigo.services import checkout, sessions


@pytest.fixture(autouse=True)
def _api_v3(settings):
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "DELIVERY": ""}}


@pytest.fixture
def link(reader):
    return CustomerLink.objects.select_related("user").get(user=reader)


@pytest.fixture
def calls(sandbox):
    """What the vendor was asked, by name."""
    return lambda: [call.endpoint for call in sandbox.calls]


def owner_of(login):
    """Do as the page does that a transfer token hands a session to."""
    session = session_keeper().redeem_transfer_token(login.value)
    return None if session is None else session_keeper().owner_of_session(session)


def test_transfer_token_lets_the_customer_in_once(link):
    login = sessions.mint_transfer(link)
    assert (login.is_url, login.lifetime_seconds) == (False, 30)
    assert owner_of(login) == link.customer_id
    assert owner_of(login) is None


def test_login_of_a_customer_is_a_transfer_token(link, reader):
    assert owner_of(checkout.mint_login(reader)) == link.customer_id


def test_session_is_made_once_and_used_again(link, calls):
    for _ in range(3):
        sessions.mint_transfer(link)
    assert calls() == ["createCustomerSession", *["createTransferToken"] * 3]


def test_session_that_is_over_is_replaced(link, sandbox):
    sessions.mint_transfer(link)
    sandbox.advance(15 * 24 * 60 * 60)
    assert owner_of(sessions.mint_transfer(link)) == link.customer_id
    assert CustomerSession.objects.count() == 1


def test_customer_who_is_in_elsewhere_meets_the_limit(link):
    session_keeper().start_session(sessions.customers.customer_of(link), BrowserTraits(os="iOS", browser="Safari"))
    with pytest.raises(SessionLimitError) as caught:
        sessions.mint_transfer(link)
    (device,) = caught.value.limit.active_sessions
    assert (device.os, device.browser) == ("iOS", "Safari")
    assert caught.value.limit.removal_token not in str(caught.value) + repr(caught.value)
    sessions.end_sessions(link, caught.value.limit.removal_token, session_id=device.session_id)
    assert owner_of(sessions.mint_transfer(link)) == link.customer_id


def test_no_session_is_readable_in_the_database(link):
    sessions.mint_transfer(link)
    kept = CustomerSession.objects.get()
    assert sessions.kept_session(link).value not in kept.encrypted_session
    assert sessions.kept_session(link).value not in repr(kept) + str(kept)


def test_session_outlives_a_new_secret_key_with_the_old_one_as_its_fallback(link, settings):
    sessions.mint_transfer(link)
    kept = sessions.kept_session(link)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [settings.SECRET_KEY]
    assert kept is not None
    assert sessions.kept_session(link) == kept


def test_session_that_no_key_can_read_is_none(link, settings, sandbox):
    sandbox.company.sso_settings.__class__.objects.update(max_sessions=2)
    sessions.mint_transfer(link)
    settings.SECRET_KEY = "a new one"
    assert sessions.kept_session(link) is None
    assert owner_of(sessions.mint_transfer(link)) == link.customer_id


def test_session_is_forgotten_with_its_reader(link, reader):
    sessions.mint_transfer(link)
    get_user_model().objects.filter(pk=reader.pk).delete()
    assert not CustomerSession.objects.exists()


def test_forgotten_session_is_not_used_again(link):
    sessions.mint_transfer(link)
    sessions.forget_session(link)
    assert sessions.kept_session(link) is None


def test_other_tab_that_was_faster_has_made_the_session(link):
    keeper = session_keeper()

    class SlowKeeper(type(keeper)):
        """A keeper in whose call another tab makes the session first."""

        def start_session(self, customer, traits):
            if sessions.kept_session(link) is None:
                sessions.keep_session(link, super().start_session(customer, traits))
            return super().start_session(customer, traits)

    keeper.__class__ = SlowKeeper
    try:
        assert owner_of(sessions.mint_transfer(link)) == link.customer_id
    finally:
        keeper.__class__ = SlowKeeper.__mro__[1]


def test_api_v2_keeps_no_sessions(link, settings):
    settings.PLENIGO = {"default": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    with pytest.raises(UnsupportedOperationError, match="keeps no sessions"):
        sessions.mint_transfer(link)

"""What an agent has undone stays undone: the reader does not get the customer back by herself, until she may."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from django_plenigo import errors
from django_plenigo.models import AccessId, AccountConnection, ConnectionTry, CustomerLink, RemoteChange
from django_plenigo.services import connection, customers, sessions
from django_plenigo.services.explanations import explain
from django_plenigo.services.sending import deliver_due
from tests.connection.conftest import DETAILS, last_connection, text_of
from tests.factories import UserFactory
from tests.vendor_in_memory import ACCOUNT

pytestmark = pytest.mark.django_db


@pytest.fixture
def undone(stand_in, imported, browser):
    """A connection that an agent has undone, of a reader whose address the site has verified."""
    browser.start()
    browser.enter(stand_in.last_code)
    undone = last_connection()
    assert connection.undo(undone)
    return undone


def sign_in(browser, stand_in, **data):
    body = {"customer_session": list(stand_in.sessions)[-1], **data}
    return browser.post("/plenigo/api/sign-in/", body, content_type="application/json")


def due():
    return list(RemoteChange.objects.filter(due_at__isnull=False).values_list("kind", flat=True))


def test_registration_does_not_give_the_customer_back_and_the_agent_is_told_why(undone, imported, user):
    with pytest.raises(errors.ConflictError):
        customers.register(user)
    assert customers.link_of(user) is None
    assert (due(), imported.external_id) == ([], "")
    refused = RemoteChange.objects.get(refused_at__isnull=False)
    assert "taken from this reader" in str(explain(refused.last_error_type, refused.last_error).meaning)


def test_registration_that_is_delivered_later_does_not_give_the_customer_back(undone, user):
    customers.request_registration(user)
    deliver_due(["default"])
    assert customers.link_of(user) is None
    assert RemoteChange.objects.filter(refused_at__isnull=False).count() == 1


def test_log_in_at_plenigo_does_not_give_the_customer_back(undone, stand_in, browser, user):
    answer = sign_in(browser, stand_in)
    assert (answer.status_code, answer.json()["event"]) == (409, "undone")
    assert customers.link_of(user) is None


def test_account_of_the_same_company_does_not_give_the_customer_back(undone, stand_in, browser, user, settings):
    settings.PLENIGO = {"default": ACCOUNT, "next": ACCOUNT}
    assert sign_in(browser, stand_in, account="next").json()["event"] == "undone"
    settings.PLENIGO = {"default": ACCOUNT, "next": {**ACCOUNT, "COMPANY_ID": "ANOTHER"}}
    assert sign_in(browser, stand_in, account="next").json()["event"] == "connected"


def test_secret_key_that_was_rotated_does_not_give_the_customer_back(undone, stand_in, browser, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key"
    browser.force_login(undone.user)
    assert sign_in(browser, stand_in).json()["event"] == "undone"


def test_number_of_the_customer_is_refused_before_plenigo_is_asked(undone, stand_in, imported, browser):
    imported.email = ""  # their support has taken the address back
    stand_in.requests.clear()
    assert "separated this subscription from your account" in text_of(browser.start())
    assert stand_in.requests == []


def test_number_of_the_subscription_does_not_give_the_customer_back(undone, stand_in, imported, browser, user):
    imported.email = ""
    stand_in.set(customer_id=False, subscription_id=True)
    cache.clear()  # the settings are asked for anew
    browser.start(**{**DETAILS, "subscription_id": "42"})
    assert "separated this subscription from your account" in text_of(browser.enter(stand_in.last_code))
    assert (customers.link_of(user), last_connection().reason) == (None, "undone")


def test_other_reader_may_become_the_customer(undone, stand_in, imported, browser):
    other = UserFactory()
    browser.force_login(other)
    assert sign_in(browser, stand_in).json()["event"] == "connected"
    assert customers.link_of(other).customer_id == imported.customer_id


def test_reader_gets_the_customer_back_once_she_may(undone, stand_in, imported, browser, user):
    assert connection.allow_again(undone)
    assert not connection.allow_again(undone)
    assert customers.register(user).customer_id == imported.customer_id


def test_every_connection_of_the_pair_is_allowed_at_once(undone, stand_in, browser, user):
    values = {name: getattr(undone, name) for name in ("account", "user", "started_at")}
    stored = AccountConnection.objects.get(pk=undone.pk)
    AccountConnection.objects.create(**values, state="undone", customer_hash=stored.customer_hash)
    assert connection.allow_again(undone)
    assert sign_in(browser, stand_in).json()["event"] == "connected"


def test_connection_that_is_undone_once_more_keeps_her_away_again(undone, stand_in, browser, user):
    connection.allow_again(undone)
    sign_in(browser, stand_in)
    assert connection.undo(last_connection())
    assert sign_in(browser, stand_in).json()["event"] == "undone"


def test_what_was_not_undone_cannot_be_allowed(stand_in, imported, browser):
    browser.start(postcode="99999")
    assert not connection.allow_again(last_connection())
    assert ConnectionTry.objects.latest("pk").outcome == "no_match"


# ---- access ids


def test_undo_leaves_the_access_ids_from_before_the_connection_alone(stand_in, imported, browser, user):
    before = customers.ensure_link(user)
    now = timezone.now()
    AccessId.objects.create(
        link=before, slot=2, value="CRM-1", imported_at=now - timedelta(days=9), imported_from="crm.csv"
    )
    browser.start()
    browser.enter(stand_in.last_code)
    link = customers.link_of(user)
    AccessId.objects.create(link=link, slot=3, value="BILL-1", imported_at=timezone.now())
    assert connection.undo(last_connection())
    kept = AccessId.objects.get()
    assert (kept.value, kept.slot, kept.imported_from) == ("CRM-1", 2, "crm.csv")
    link = CustomerLink.objects.get()
    assert (kept.link, link.user, link.is_registered, link.confirmed_email) == (link, user, False, "")
    assert (sessions.kept_session(link), due()) == (None, [])


def test_reader_with_access_ids_can_connect_another_subscription_after_an_undo(stand_in, imported, browser, user):
    link = customers.ensure_link(user)
    AccessId.objects.create(link=link, slot=1, value="CRM-1", imported_at=timezone.now() - timedelta(days=9))
    browser.start()
    browser.enter(stand_in.last_code)
    connection.undo(last_connection())
    stand_in.add("7654321", postcode="20095")
    browser.start(customer_id="7654321", postcode="20095")
    browser.enter(stand_in.last_code)
    assert customers.link_of(user).customer_id == "7654321"
    assert AccessId.objects.get().link == customers.link_of(user)

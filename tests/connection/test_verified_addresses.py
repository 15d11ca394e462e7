"""An address that the site has not verified becomes nobody's log-in at plenigo."""

import pytest

from django_plenigo.models import RemoteChange
from django_plenigo.protocols import base
from django_plenigo.services import customers
from tests.connection.conftest import last_connection, text_of
from tests.vendor_in_memory import ACCOUNT

pytestmark = pytest.mark.django_db

SENTENCE = "confirm your e-mail address in your account first"


def is_verified(user):
    return not user.email.startswith("victim@")


@pytest.fixture
def reader(stand_in, user, settings):
    """A reader who has entered an address that is not hers."""
    settings.PLENIGO = {"default": {**ACCOUNT, "EMAIL_IS_VERIFIED": f"{__name__}.is_verified"}}
    user.email = "victim@example.com"
    user.save()
    return user


def test_code_by_sms_is_sent_to_nobody_whose_address_is_not_verified(stand_in, imported, browser, reader):
    stand_in.set(token_type=base.TokenType.SMS)
    assert SENTENCE in text_of(browser.get("/plenigo/connect/"))
    assert SENTENCE in text_of(browser.start(mobile_number="+4915112345678"))
    assert (stand_in.requests, stand_in.sent) == ([], [])


def test_code_by_sms_is_not_taken_with_an_address_that_was_changed_meanwhile(stand_in, imported, browser, reader):
    stand_in.set(token_type=base.TokenType.SMS)
    reader.email = "ada@example.com"
    reader.save()
    browser.start(mobile_number="+4915112345678")
    reader.email = "victim@example.com"
    reader.save()
    assert SENTENCE in text_of(browser.enter(stand_in.last_code))
    assert (stand_in.calls.count("confirm_connection"), imported.email) == (0, "")
    reader.email = "ada@example.com"
    reader.save()
    browser.enter(stand_in.last_code)
    assert customers.link_of(reader) is not None


def test_code_that_goes_by_sms_against_the_settings_is_not_taken_either(stand_in, imported, browser, reader):
    start = stand_in.start_connection
    stand_in.start_connection = lambda request: base.ConnectionStep(start(request).token, base.TokenType.SMS)
    browser.start()
    assert SENTENCE in text_of(browser.enter(stand_in.last_code))
    assert imported.email == ""


def test_code_by_email_proves_the_address(stand_in, imported, browser, reader):
    browser.start()
    browser.enter(stand_in.last_code)
    assert imported.email == reader.email == "victim@example.com"


def test_log_in_at_plenigo_gives_no_customer_an_address_that_is_not_verified(stand_in, imported, browser, reader):
    imported.email = "ada@example.com"
    session = stand_in.start_session(base.CustomerRef(imported.customer_id))
    body = {"customer_session": session.value}
    answer = browser.post("/plenigo/api/sign-in/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["event"]) == (409, "email_unverified")
    assert SENTENCE in answer.json()["detail"]
    assert customers.link_of(reader) is None
    assert not RemoteChange.objects.filter(due_at__isnull=False).exists()
    assert last_connection().reason == "email_unverified"
    reader.email = "ada@example.com"
    reader.save()
    answer = browser.post("/plenigo/api/sign-in/", body, content_type="application/json")
    assert answer.json()["event"] == "connected"

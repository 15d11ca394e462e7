"""Sessions and transfer tokens of API v3."""

import logging
from datetime import UTC, datetime

import pytest

from django_plenigo.errors import AuthenticationError, InvalidValueError, ProtocolError
from django_plenigo.protocols.base import BrowserTraits, CustomerRef, CustomerSession, SessionLimitReached
from tests.scripted_vendor_v3 import ok, refused

READER = CustomerRef("56202510")
SESSION = CustomerSession("s3ssion-" + "x" * 9000)
OVER = refused(401, 20028)
SPENT = refused(412, 20032)


def test_session_is_started_with_what_is_known_of_the_browser(vendor):
    made = vendor(ok(202, customerSession=SESSION.value))
    traits = BrowserTraits(os="Linux", browser="Firefox " + "x" * 300, ip_address="192.0.2.1")
    assert made.client.start_session(READER, traits) == SESSION
    assert made.line == "POST /sessions/56202510"
    assert made.body == {"os": "Linux", "browser": ("Firefox " + "x" * 300)[:200], "ipAddress": "192.0.2.1"}


def test_session_of_an_unknown_browser_is_started_with_an_empty_body(vendor):
    made = vendor(ok(202, customerSession=SESSION.value))
    made.client.start_session(READER)
    assert made.body == {}


def test_status_200_is_the_limit_and_no_session(vendor):
    device = {"sessionId": "a1", "os": "iOS", "browser": "Safari", "createdAt": "2026-01-02T03:04:05.123456Z"}
    answer = ok(200, activeSessions={"items": [device, {"sessionId": "b2", "createdAt": None}]}, removalToken="r3m")
    limit = vendor(answer).client.start_session(READER)
    assert isinstance(limit, SessionLimitReached)
    first, second = limit.active_sessions
    assert (first.session_id, first.os, first.browser) == ("a1", "iOS", "Safari")
    assert first.created_at == datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
    assert (second.os, second.browser, second.created_at) == ("", "", None)
    assert limit.removal_token == "r3m"
    assert "r3m" not in repr(limit)


def test_limit_without_a_removal_token_is_a_protocol_error(vendor):
    with pytest.raises(ProtocolError, match="removalToken"):
        vendor(ok(200, activeSessions={"items": []})).client.start_session(READER)


def test_session_without_a_text_is_a_protocol_error(vendor):
    with pytest.raises(ProtocolError, match="customerSession"):
        vendor(ok(202)).client.start_session(READER)


def test_one_session_is_ended_by_its_id(vendor):
    made = vendor(ok(202, customerSession="new"))
    assert made.client.end_sessions("r3m/ö", session_id="a1") == CustomerSession("new")
    assert made.line == "PUT /processes/login/changeSessions/r3m/ö"
    assert "/r3m%2F%C3%B6?" in made.requests[0].url
    assert made.query == {"sessionId": "a1"}


def test_all_sessions_are_ended_without_an_id(vendor):
    made = vendor(ok(202, customerSession="new"))
    made.client.end_sessions("r3m")
    assert made.query == {}


def test_owner_of_a_session_is_told(vendor):
    made = vendor(ok(customerId="56202510", type="CUSTOMER_SESSION"))
    assert made.client.owner_of_session(SESSION) == "56202510"
    assert made.query == {"sessionToken": SESSION.value}


def test_session_that_is_over_is_nobodys(vendor):
    assert vendor(OVER).client.owner_of_session(SESSION) is None
    assert vendor(OVER).client.read_session_customer(SESSION) is None
    assert vendor(OVER).client.create_transfer_token(SESSION) is None


@pytest.mark.parametrize("code", [99015, 0, 12345])
def test_every_401_about_a_session_means_that_it_is_over_unless_its_code_is_of_the_access_token(vendor, code):
    answer = refused(401, code)
    assert vendor(answer).client.owner_of_session(SESSION) is None
    assert vendor(answer).client.read_session_customer(SESSION) is None
    assert vendor(answer).client.create_transfer_token(SESSION) is None
    assert vendor(answer).client.redeem_transfer_token("t0ken") is None
    with pytest.raises(AuthenticationError):
        vendor(answer).client.start_session(READER)


@pytest.mark.parametrize("code", [99008, 99009])
def test_wrong_access_token_is_told_whatever_was_asked_of_a_session(vendor, code):
    for ask in ("owner_of_session", "read_session_customer", "create_transfer_token"):
        with pytest.raises(AuthenticationError, match="access token"):
            getattr(vendor(refused(401, code)).client, ask)(SESSION)
    with pytest.raises(AuthenticationError, match="access token"):
        vendor(refused(401, code)).client.redeem_transfer_token("t0ken")


def test_wrong_access_token_is_no_session_that_is_over(vendor):
    with pytest.raises(AuthenticationError):
        vendor(refused(401, 99008)).client.owner_of_session(SESSION)


def test_customer_of_a_session_is_read(vendor):
    made = vendor(ok(customerId="56202510", email="ada@example.com"))
    customer = made.client.read_session_customer(SESSION)
    assert customer is not None
    assert customer.email == "ada@example.com"
    assert made.line == "GET /sessions/customerData"


def test_transfer_token_lives_for_half_a_minute(vendor):
    made = vendor(ok(transferToken="t1"))
    login = made.client.create_transfer_token(SESSION)
    assert login is not None
    assert (login.value, login.is_url, login.lifetime_seconds) == ("t1", False, 30)
    assert made.body == {"customerSession": SESSION.value}


def test_transfer_token_is_redeemed_once(vendor):
    made = vendor(ok(customerSession="s"), SPENT)
    assert made.client.redeem_transfer_token("t1") == CustomerSession("s")
    assert made.client.redeem_transfer_token("t1") is None
    assert made.query == {"transferToken": "t1"}


@pytest.mark.parametrize("value", ["", "x" * 10_001, " s"])
def test_session_that_can_be_none_is_not_sent(vendor, value):
    with pytest.raises(InvalidValueError):
        vendor().client.owner_of_session(CustomerSession(value))


def test_no_session_is_logged_or_told_by_an_error(vendor, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AuthenticationError) as caught:
        vendor(refused(401, 99008)).client.owner_of_session(SESSION)
    told = caplog.text + repr(caught.value) + str(caught.value.args) + repr(SESSION)
    assert "s3ssion" not in told

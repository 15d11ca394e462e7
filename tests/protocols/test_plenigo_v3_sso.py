"""The settings of the single sign-on of API v3, and the connection of imported customers."""

import logging

import pytest

from django_plenigo.errors import InvalidValueError, NotFoundError, ProtocolError, RejectedError
from django_plenigo.protocols.base import (
    NO_MATCH,
    WRONG_CODE,
    AlreadyRegistered,
    BrowserTraits,
    ConnectionRequest,
    ConnectionStep,
    CustomerSession,
    NameQuery,
    TokenType,
)
from tests.scripted_vendor_v3 import ok, refused
from tests.transport.fakes import Reply

IDENTIFIERS = {"requestCustomerId": True, "requestPostcode": True, "requestCity": False}


def settings(vendor, *, top=None, **values):
    defaults = {"tokenType": "EMAIL", "allowRegistrationIdentifier": True, "registrationIdentifiers": IDENTIFIERS}
    return vendor(ok(settings={**defaults, **values}, **(top or {}))).client.read_sso_settings("de")


def test_settings_are_read_in_a_language(vendor):
    made = vendor(ok(settings={"tokenType": "SMS", "tokenSmsCountries": ["DE", "AT"]}))
    read = made.client.read_sso_settings("de")
    assert made.line == "GET /processes/settings/sso"
    assert made.query == {"language": "de"}
    assert (read.token_type, read.sms_countries) == (TokenType.SMS, ("DE", "AT"))


@pytest.mark.parametrize(("told", "sessions"), [(0, 1), (None, 1), ("", 1), (1, 1), (7, 7)])
def test_no_number_of_sessions_is_one(vendor, told, sessions):
    assert settings(vendor, maxSessions=told).most_sessions == sessions


def test_domains_are_separated_by_commas(vendor):
    assert settings(vendor, allowedDomains=" a.example, b.example,,").allowed_domains == ("a.example", "b.example")
    assert settings(vendor, allowedDomains="").allowed_domains == ()


@pytest.mark.parametrize(
    ("word", "query"),
    [
        ("REQUIRED", NameQuery.REQUIRED),
        ("REGISTRATION_REQUIRED_LOGIN_OPTIONAL", NameQuery.REQUIRED),
        ("OPTIONAL", NameQuery.OPTIONAL),
        ("REGISTRATION_OPTIONAL_LOGIN_REQUIRED", NameQuery.OPTIONAL),
        ("NONE", NameQuery.NOT_SHOWN),
        ("LOGIN_REQUIRED", NameQuery.NOT_SHOWN),
        ("BRAND_NEW", NameQuery.NOT_SHOWN),
        ("", NameQuery.NOT_SHOWN),
    ],
)
def test_names_are_asked_for_as_the_vendors_word_says(vendor, word, query):
    assert settings(vendor, ssoName=word).name_query is query


def test_connection_is_offered_with_a_mandatory_query(vendor):
    read = settings(vendor)
    assert read.offers_connection
    assert read.requested.customer_id
    assert read.requested.has_address
    assert not read.requested.city


@pytest.mark.parametrize(
    "changes",
    [
        {"allowRegistrationIdentifier": False},
        {"allowRegistrationIdentifier": None},
        {"registrationIdentifiers": {"requestPostcode": True}},
        {"registrationIdentifiers": None},
        {"top": {"disableSsoFunctionality": True}},
        {"top": {"emergencyMode": "PLENIGO_MODE"}},
        {"top": {"emergencyMode": "BRAND_NEW_MODE"}},
    ],
)
def test_connection_is_not_offered(vendor, changes):
    assert not settings(vendor, **changes).offers_connection


def test_settings_that_are_none_are_a_protocol_error(vendor):
    with pytest.raises(ProtocolError, match="no settings"):
        vendor(ok(emergencyMode="NONE")).client.read_sso_settings("de")


# ---- connecting

CODE = "847261"
STEP = ok(token="pr0cess", companyId="c1", nextStep="EMAIL", verificationToken=CODE, failRuns=2)


def request(**values):
    defaults = {"email": "ada@example.com", "password": "correct horse", "language": "de", "customer_id": "56202510"}
    return ConnectionRequest(**{**defaults, **values})


def test_connection_is_started_with_what_was_asked_for(vendor):
    made = vendor(STEP)
    step = made.client.start_connection(request(subscription_id="12", postcode="10969", mobile_number="+4915112345678"))
    assert made.line == "POST /processes/registration/loginIdentifier/start"
    assert made.body == {
        "email": "ada@example.com",
        "password": "correct horse",
        "language": "de",
        "customerNotification": True,
        "customerId": "56202510",
        "subscriptionId": 12,
        "postcode": "10969",
        "mobileNumber": "+4915112345678",
    }
    assert step == ConnectionStep("pr0cess", TokenType.EMAIL, failed_tries=2)


def test_code_that_the_vendor_returns_is_dropped(vendor, caplog):
    caplog.set_level(logging.DEBUG)
    step = vendor(STEP).client.start_connection(request())
    told = repr(step) + "".join(str(getattr(step, name)) for name in ("token", "token_type", "failed_tries"))
    assert CODE not in told + caplog.text
    assert "pr0cess" not in repr(step)


def test_customer_who_is_registered_already_needs_no_connection(vendor):
    assert vendor(Reply(208, b"")).client.start_connection(request()) == AlreadyRegistered()
    assert vendor(Reply(208, b"")).client.confirm_connection("t", CODE) == AlreadyRegistered()


def test_next_step_that_is_new_says_nothing_about_the_channel(vendor):
    step = vendor(ok(token="t", companyId="c", nextStep="PIGEON")).client.resend_code("old")
    assert step.token_type is None


def test_code_connects_and_brings_a_session(vendor):
    made = vendor(ok(201, customerSession="s"))
    traits = BrowserTraits(os="Linux", browser="Firefox")
    assert made.client.confirm_connection("pr0cess", CODE, traits) == CustomerSession("s")
    assert made.body == {"os": "Linux", "browser": "Firefox", "token": "pr0cess", "verificationToken": CODE}


def test_resend_replaces_the_token(vendor):
    made = vendor(ok(token="new", companyId="c", nextStep="SMS"))
    assert made.client.resend_code("old") == ConnectionStep("new", TokenType.SMS)
    assert made.body == {"token": "old"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"password": ""}, "password"),
        ({"password": "x" * 101}, "password"),
        ({"language": "d"}, "language"),
        ({"customer_id": "A1"}, "customer_id"),
        ({"customer_id": ""}, "customer_id"),
        ({"subscription_id": "12a"}, "subscription_id"),
        ({"postcode": "x" * 101}, "postcode"),
        ({"mobile_number": "0151 123"}, "mobile_number"),
    ],
)
def test_connection_with_a_wrong_value_sends_nothing(vendor, values, field):
    made = vendor()
    with pytest.raises(InvalidValueError) as caught:
        made.client.start_connection(request(**values))
    assert caught.value.field == field
    assert "x" * 101 not in str(caught.value)
    assert made.requests == []


def test_failures_of_the_steps_carry_their_words(vendor):
    with pytest.raises(NotFoundError) as caught:
        vendor(refused(404, 20015)).client.start_connection(request())
    assert caught.value.code == NO_MATCH
    with pytest.raises(RejectedError) as wrong:
        vendor(refused(403, 20044)).client.confirm_connection("t", CODE)
    assert wrong.value.code == WRONG_CODE
    with pytest.raises(RejectedError) as invalid:
        vendor(refused(400, 99400, "postcode")).client.start_connection(request())
    assert invalid.value.fields == ("postcode",)

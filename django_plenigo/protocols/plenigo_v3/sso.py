"""The settings of the single sign-on, and the connection of accounts (docs/protocols/plenigo-v3.md 6)."""

from collections.abc import Mapping
from typing import Any

from django_plenigo.protocols.base import (
    UNKNOWN_BROWSER,
    AccountConnector,
    AlreadyRegistered,
    BrowserTraits,
    ConnectionRequest,
    ConnectionStep,
    CustomerSession,
    NameQuery,
    RequestedIdentifiers,
    SsoSettings,
    SsoSettingsReader,
    TokenType,
    checked_id,
    checked_text,
    reading,
)
from django_plenigo.protocols.plenigo_v3 import answers, arguments
from django_plenigo.protocols.plenigo_v3.arguments import CODE_LENGTH, TEXT_LENGTH
from django_plenigo.protocols.plenigo_v3.connection import Connection
from django_plenigo.protocols.plenigo_v3.sessions import logging_data, session_of
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Answer

PROCESS = "/processes/registration/loginIdentifier"

ALREADY_REPORTED = 208

#: What a registration makes of the names, by the vendor's word (6.2). A word that is new shows no names.
NAME_QUERIES: Mapping[str, NameQuery] = {
    **dict.fromkeys(("REQUIRED", "REGISTRATION_REQUIRED", "REGISTRATION_REQUIRED_LOGIN_OPTIONAL"), NameQuery.REQUIRED),
    **dict.fromkeys(("OPTIONAL", "REGISTRATION_OPTIONAL", "REGISTRATION_OPTIONAL_LOGIN_REQUIRED"), NameQuery.OPTIONAL),
}

#: How a code is sent, by the vendor's word. Any other word is none of them (6.4).
CHANNELS: Mapping[str, TokenType] = {each.value: each for each in TokenType}

#: What a reader enters, by the vendor's names (6.4).
REQUEST_TEXTS = {
    "postcode": ("postcode", TEXT_LENGTH),
    "street": ("street", TEXT_LENGTH),
    "streetNumber": ("street_number", TEXT_LENGTH),
    "city": ("city", TEXT_LENGTH),
    "username": ("username", TEXT_LENGTH),
    "firstName": ("first_name", TEXT_LENGTH),
    "lastName": ("last_name", TEXT_LENGTH),
    "ipAddress": ("ip_address", TEXT_LENGTH),
}


class SingleSignOn(Connection, SsoSettingsReader, AccountConnector):
    """The part of the client about the vendor's log-in."""

    @without_secrets
    def read_sso_settings(self, language: str) -> SsoSettings:
        """Return the settings, with their texts in a language (6.1). Absent flags count as false."""
        params = {"language": arguments.checked_language(language)}
        answer = self._call("read_sso_settings", "GET", "/processes/settings/sso", params=params, idempotent=True)
        return _settings_of(answer, "read_sso_settings")

    @without_secrets
    def start_connection(self, request: ConnectionRequest) -> ConnectionStep | AlreadyRegistered:
        """Have a code sent to the reader (6.4)."""
        body = _body_of(request)
        answer = self._call("start_connection", "POST", f"{PROCESS}/start", json=body)  # each call sends a code
        if answer.status == ALREADY_REPORTED:  # without a body
            return AlreadyRegistered()
        return _step_of(answer, "start_connection")

    @without_secrets
    def confirm_connection(
        self, token: str, code: str, traits: BrowserTraits = UNKNOWN_BROWSER
    ) -> CustomerSession | AlreadyRegistered:
        """Connect the customer by the code, and return her session (6.4)."""
        body = {
            **logging_data(traits),
            "token": checked_id("token", token, arguments.SESSION_LENGTH),
            "verificationToken": checked_id("code", code, CODE_LENGTH),
        }
        answer = self._call("confirm_connection", "POST", f"{PROCESS}/validate", json=body)  # the token is spent by it
        if answer.status == ALREADY_REPORTED:
            return AlreadyRegistered()
        return session_of(answer, "confirm_connection")

    @without_secrets
    def resend_code(self, token: str) -> ConnectionStep:
        """Have another code sent; only the returned token works from then on (6.4)."""
        body = {"token": checked_id("token", token, arguments.SESSION_LENGTH)}
        return _step_of(self._call("resend_code", "POST", f"{PROCESS}/resend", json=body), "resend_code")


def _body_of(request: ConnectionRequest) -> dict[str, Any]:
    """Return what a connection is started with by the vendor's names. Raises `InvalidValueError`."""
    body: dict[str, Any] = {
        "email": arguments.checked_email(request.email),
        "password": checked_text("password", request.password, TEXT_LENGTH),
        "language": arguments.checked_language(request.language),
        # Whether the vendor sends the code without is unknown (6.4).
        "customerNotification": True,
        **arguments.texts(REQUEST_TEXTS, lambda name: getattr(request, name)),
    }
    if request.customer_id is not None:
        body["customerId"] = arguments.checked_customer_id(request.customer_id)
    if request.subscription_id is not None:
        body["subscriptionId"] = arguments.checked_number("subscription_id", request.subscription_id)
    if request.mobile_number is not None:
        body["mobileNumber"] = arguments.checked_mobile_number(request.mobile_number)
    return body


def _step_of(answer: Answer, operation: str) -> ConnectionStep:
    """Return where a connection stands. The code, which stands in the answer, is read by nobody (6.4)."""
    values = reading.object_of(answer, operation)
    word = answers.optional_text(values, "nextStep")
    return ConnectionStep(
        reading.text_of(answer, operation, "token"),
        token_type=CHANNELS.get(word),
        failed_tries=answers.number(values, "failRuns") or 0,
    )


def _settings_of(answer: Answer, operation: str) -> SsoSettings:
    values = reading.object_of(answer, operation)
    settings = values.get("settings")
    if not isinstance(settings, dict):
        raise reading.unexpected(answer, operation, "no settings")
    countries = settings.get("tokenSmsCountries") or []
    domains = answers.optional_text(settings, "allowedDomains").split(",")
    name_setting = answers.optional_text(settings, "ssoName")
    identifiers = settings.get("registrationIdentifiers")
    is_sms = answers.optional_text(settings, "tokenType") == TokenType.SMS.value
    return SsoSettings(
        token_type=TokenType.SMS if is_sms else TokenType.EMAIL,
        sms_countries=tuple(each for each in countries if isinstance(each, str)),
        allowed_domains=tuple(domain.strip() for domain in domains if domain.strip()),
        most_sessions=max(answers.number(settings, "maxSessions") or 0, 1),
        name_query=NAME_QUERIES.get(name_setting, NameQuery.NOT_SHOWN),
        name_setting=name_setting,
        forces_username=answers.flag(settings, "forceUsername"),
        overrides_forced_username=answers.flag(settings, "overrideForceUsername"),
        asks_terms_again=answers.flag(settings, "ssoRecheckTerms"),
        asks_opt_in=answers.flag(settings, "ssoOptIn"),
        opt_in_text=answers.optional_text(values, "ssoOptInText"),
        terms_text=answers.optional_text(values, "ssoTermText"),
        allows_connection=answers.flag(settings, "allowRegistrationIdentifier"),
        requested=_requested_of(identifiers if isinstance(identifiers, dict) else {}),
        is_disabled=answers.flag(values, "disableSsoFunctionality"),
        is_in_emergency=answers.optional_text(values, "emergencyMode") not in ("", "NONE"),
        values=values,
    )


def _requested_of(identifiers: Mapping[str, Any]) -> RequestedIdentifiers:
    return RequestedIdentifiers(
        customer_id=answers.flag(identifiers, "requestCustomerId"),
        subscription_id=answers.flag(identifiers, "requestSubscriptionId"),
        postcode=answers.flag(identifiers, "requestPostcode"),
        street=answers.flag(identifiers, "requestStreet"),
        street_number=answers.flag(identifiers, "requestStreetNumber"),
        city=answers.flag(identifiers, "requestCity"),
    )

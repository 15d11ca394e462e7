"""Connect an imported customer with an e-mail address. Source: docs/protocols/plenigo-v3.md 6.3 to 6.5."""

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpResponse

from .. import account_connections as connections
from ..customers import find_customer_by_number
from ..models import (
    Address,
    Application,
    Channel,
    Company,
    ConnectionProcess,
    Customer,
    CustomerSession,
    SsoSettings,
)
from ..postal import has_address
from ..profiles import TakenError, is_pseudo_email
from ..single_sign_on import NAME_REQUIRED, settings_of
from .answers import INVALID_DATA, RefusalError, answered, flaw, invalid, nothing
from .customer_fields import ADDRESS, address_columns_of
from .customers import PSEUDO_EMAIL_REFUSED, taken
from .endpoints import Call, operation, refuse_blocked
from .fields import CUSTOMER_ID, LANGUAGE, PHONE_NUMBER, Field, Flag, Integer, Object, Text
from .orders import find_subscription
from .sessions import LOGGING_DATA, logging_columns_of, session_answer

LONG = Text(longest=100)
START: dict[str, Field] = {
    "email": Text(required=True, shortest=1, longest=100),
    "password": Text(required=True, shortest=1, longest=100, secret=True),
    "language": Text(required=True, shortest=2, longest=2, pattern=LANGUAGE),
    "customerId": Text(pattern=CUSTOMER_ID),
    "subscriptionId": Integer(),
    **dict.fromkeys(("postcode", "street", "streetNumber", "city"), LONG),
    **dict.fromkeys(("username", "firstName", "lastName", "mobileNumber", "ipAddress"), LONG),
    "customerNotification": Flag(),
    "invoiceAddress": Object(fields=ADDRESS),
    "deliveryAddress": Object(fields=ADDRESS),
}
TOKEN: dict[str, Field] = {"token": Text(required=True, shortest=1, secret=True)}
VERIFICATION: dict[str, Field] = {
    **TOKEN,
    **LOGGING_DATA,
    "verificationToken": Text(required=True, shortest=1, longest=6, secret=True),
}
#: Name of the API -> flag of the settings.
REQUESTED = {
    "customerId": "request_customer_id",
    "subscriptionId": "request_subscription_id",
    "postcode": "request_postcode",
    "street": "request_street",
    "streetNumber": "request_street_number",
    "city": "request_city",
}
ADDRESS_PARTS = {"postcode": "postcode", "street": "street", "streetNumber": "street_number", "city": "city"}

EMERGENCY = 99018
SMS_PROVIDER_MISSING = 10003
IDENTIFIERS_DIFFER = 20012
ADDRESS_DIFFERS = 20013
IDENTIFIER_UNKNOWN = 20015
REGISTRATION_UNDER_WAY = 20026
CODE_WRONG = 20044
NAME_MISSING = 20060
USERNAME_MISSING = 20061

#: Refusals of a step: status, code and message.
REFUSED_STEPS: dict[type[connections.ProcessError], tuple[int, int, str]] = {
    connections.UnknownProcessError: (408, 20040, "The token is unknown."),
    connections.ExpiredProcessError: (408, 20010, "The token is too old."),
    connections.UsedProcessError: (412, 20041, "The token was used already."),
    connections.OutOfOrderError: (428, 20042, "The steps are out of order."),
    connections.ExhaustedProcessError: (400, 20043, "The token was used too often."),
    connections.ForeignTokenError: (403, 20012, "The token is of another process."),
}


@operation("startloginIdentifierRegistration", Application.PROCESSES)
def start_registration(call: Call) -> HttpResponse:
    """Send a code to a customer who was imported without an address: 200, or 208 where he has one already."""
    try:
        return _next_step(call, begin(call.company, call.read(START)))
    except connections.RegisteredError:
        return nothing(208)


def begin(company: Company, values: Mapping[str, Any]) -> connections.Step:
    """Send a code to the customer whom the values name, as `START` has them.

    Raises `RefusalError`, or `RegisteredError` where the customer has an address already.
    """
    settings = settings_of(company)
    _check_open(settings)
    _check_values(settings, values)
    customer = _identified(company, settings, values)
    refuse_blocked(customer)
    try:
        return connections.start(customer, values["email"], _kept(values))
    except TakenError as error:
        raise taken(error) from None
    except connections.BusyError:
        raise RefusalError(423, REGISTRATION_UNDER_WAY, "A registration with this address is under way.") from None


@operation("validateloginIdentifierRegistration", Application.PROCESSES)
def validate_registration(call: Call) -> HttpResponse:
    """Take the code: 201 with a session, or 208 where the customer has registered in the meantime."""
    values = call.read(VERIFICATION)
    process = process_of(call.company, values["token"])
    if not connections.is_right_code(process, values["verificationToken"]):
        # Not raised: what has been counted must stay.
        return RefusalError(403, CODE_WRONG, "The verification code is wrong.").answer()
    try:
        return session_answer(finish(process, logging_columns_of(values)), 201)
    except connections.RegisteredError:
        return nothing(208)


def finish(process: ConnectionProcess, logging_data: Mapping[str, str]) -> CustomerSession:
    """Connect the customer of a process and return his session. Raises `RefusalError` or `RegisteredError`."""
    refuse_blocked(process.customer)
    try:
        return connections.finish(process, logging_data)
    except TakenError as error:
        raise taken(error) from None


@operation("resendloginIdentifier", Application.PROCESSES)
def resend_code(call: Call) -> HttpResponse:
    """Send another code. The old token and the old code are of no use any more."""
    process = process_of(call.company, call.read(TOKEN)["token"])
    refuse_blocked(process.customer)
    return _next_step(call, connections.resend(process))


def _check_open(settings: SsoSettings) -> None:
    if settings.emergency_mode != SsoSettings.EmergencyMode.NONE:
        raise RefusalError(400, EMERGENCY, "The emergency mode is on.")
    if settings.disable_sso or not settings.allow_registration_identifier:
        raise RefusalError(400, INVALID_DATA, "Accounts cannot be connected.")
    if settings.token_type == Channel.SMS and not settings.company.has_sms_provider:
        raise RefusalError(400, SMS_PROVIDER_MISSING, "The company has no SMS provider.")


def _check_values(settings: SsoSettings, values: Mapping[str, Any]) -> None:
    """Refuse what the settings ask for and was not sent."""
    flaws = []
    try:
        validate_email(values["email"])
    except ValidationError:
        flaws.append(flaw("email", "email", values["email"]))
    flaws += [
        flaw(name, "required")
        for name, flag in REQUESTED.items()
        if getattr(settings, flag) and not str(values.get(name, "")).strip()
    ]
    mobile_number = values.get("mobileNumber", "")
    needs_number = settings.token_type == Channel.SMS
    if (needs_number or mobile_number) and not re.fullmatch(PHONE_NUMBER, mobile_number):
        flaws.append(flaw("mobileNumber", "pattern", mobile_number))
    if flaws:
        raise invalid(flaws)
    if is_pseudo_email(values["email"]):
        raise RefusalError(400, PSEUDO_EMAIL_REFUSED, "A placeholder for an e-mail address cannot be set.")
    if settings.sso_name in NAME_REQUIRED and not (values.get("firstName") and values.get("lastName")):
        raise RefusalError(400, NAME_MISSING, "The name is missing.")
    if settings.force_username and not values.get("username"):
        raise RefusalError(400, USERNAME_MISSING, "The user name is missing.")


def _identified(company: Company, settings: SsoSettings, values: Mapping[str, Any]) -> Customer:
    """Return the customer whom the identifiers and the parts of the address name together.

    What the settings do not ask for is ignored, also when it was sent.
    """
    customer = None
    if settings.request_customer_id:
        customer = _known(find_customer_by_number(company, values["customerId"]))
    if settings.request_subscription_id:
        subscription = find_subscription(company, str(values["subscriptionId"]))
        payer = _known(subscription.customer if subscription else None)
        if customer is not None and customer != payer:
            raise RefusalError(400, IDENTIFIERS_DIFFER, "The identifiers do not belong together.")
        customer = payer
    customer = _known(customer)
    parts = {column: values[name] for name, column in ADDRESS_PARTS.items() if getattr(settings, REQUESTED[name])}
    if parts and not has_address(customer, parts):
        raise RefusalError(400, ADDRESS_DIFFERS, "The address is not the customer's.")
    return customer


def _known(customer: Customer | None) -> Customer:
    if customer is None:
        raise RefusalError(404, IDENTIFIER_UNKNOWN, "The identifier does not exist.")
    return customer


def _kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what becomes of the customer when the code was right."""
    names = {
        "password": "password",
        "language": "language",
        "username": "username",
        "firstName": "first_name",
        "lastName": "last_name",
        "mobileNumber": "mobile_number",
    }
    kinds = {"invoiceAddress": Address.Kind.INVOICE, "deliveryAddress": Address.Kind.DELIVERY}
    return {
        "columns": {column: values[name] for name, column in names.items() if values.get(name)},
        "addresses": [address_columns_of(values[name], kind) for name, kind in kinds.items() if name in values],
    }


def process_of(company: Company, token: str) -> ConnectionProcess:
    """Return the process whose step is due. Raises `RefusalError`."""
    try:
        return connections.find_process(company, token)
    except connections.ProcessError as error:
        raise RefusalError(*REFUSED_STEPS[type(error)]) from None


def _next_step(call: Call, step: connections.Step) -> HttpResponse:
    return answered(
        {
            "token": step.token,
            "companyId": call.company.company_id,
            "nextStep": step.channel,
            "failRuns": step.fail_runs,
            # The vendor's defect, docs/protocols/plenigo-v3.md 6.4: the code reaches the merchant's server.
            "verificationToken": step.code,
        }
    )

"""Customers whom the merchant manages himself. Source: docs/protocols/plenigo-v2.md 2.1."""

import re
from functools import partial

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpResponse

from .. import customers, login_tokens
from ..postal import write_main_address
from .answers import conflict, done, found, invalid, refusal
from .endpoints import Call, endpoint
from .parameters import Values, read_all

EXTERNAL_ID_CHARACTERS = 100
#: As API v3 has it, on the same addresses.
ADDRESS_CHARACTERS = 100
TOKENS_AT_ONCE = 10

#: The fields of an access id in a request: slot -> names. The fourth's first spelling is the vendor's own.
ACCESS_ID_FIELDS = {
    1: ("yourFirstIdentifier",),
    2: ("yourSecondIdentifier",),
    3: ("yourThirdIdentifier",),
    4: ("yourForthIdentifier", "yourFourthIdentifier"),
}

#: Field of the request -> column of `Address`.
ADDRESS_FIELDS = {
    "company": "company_name",
    "additionalCompanyInfo": "additional_company_info",
    "street": "street",
    "additionalAddressInfo": "additional_street_info",
    "postCode": "postcode",
    "city": "city",
    "state": "state",
}


@endpoint("register", "POST")
def register(call: Call) -> HttpResponse:
    """Register a customer, or return the one who has the address."""
    call.require_closed_user_group()
    body = call.body
    values = read_all(
        email=lambda: _email(body),
        language=lambda: _language(body),
        external_id=lambda: _external_id(body) or None,
        fails_by_existing_email=lambda: body.flag("failByExistingEmail"),
        first_name=lambda: body.text("firstName"),
        last_name=lambda: body.text("name") or body.text("surname"),
        gender=lambda: body.text("gender", limit=20).upper(),
        # A repeat never mails or changes anything, and the sandbox mails nobody: read to refuse nonsense only.
        with_password_reset=lambda: body.flag("withPasswordReset"),
    )
    del values["with_password_reset"]
    try:
        customer = customers.register_customer(call.company, **values)
    except customers.ThrottleError:
        raise refusal(429, "too_many_requests", "The address was registered within the last five seconds.") from None
    except customers.ConflictError as error:
        raise conflict(str(error)) from None
    return found({"customerId": customer.customer_id})


@endpoint("changeEmail", "PUT")
def change_email(call: Call, reference: str) -> HttpResponse:
    """Give a customer another e-mail address."""
    call.require_closed_user_group()
    values = read_all(email=lambda: _email(call.body), is_external=lambda: call.query.flag("useExternalCustomerId"))
    try:
        customers.change_email(call.customer(reference, is_external=values["is_external"]), values["email"])
    except customers.ConflictError as error:
        raise conflict(str(error)) from None
    return done()


@endpoint("addExternalUserId", "PUT")
def add_external_user_id(call: Call, reference: str) -> HttpResponse:
    """Give a customer who has none an external id. The address carries the plenigo id, always."""
    call.require_closed_user_group()
    external_id = _external_id(call.body, required=True)
    try:
        customers.add_external_id(call.customer(reference, is_external=False), external_id)
    except customers.ConflictError as error:
        raise conflict(str(error)) from None
    return done()


@endpoint("createLoginToken", "POST")
def create_login_token(call: Call, reference: str) -> HttpResponse:
    """Mint a log-in token."""
    call.require_closed_user_group()
    return found({"loginToken": login_tokens.mint_login_token(call.customer_by_query(reference))})


@endpoint("createMultipleLoginTokens", "POST")
def create_multiple_login_tokens(call: Call, reference: str) -> HttpResponse:
    """Mint several log-in tokens, for a page with several snippets."""
    call.require_closed_user_group()
    values = read_all(
        amount=lambda: call.query.integer("amount", default=1, low=1, high=TOKENS_AT_ONCE),
        is_external=lambda: call.query.flag("useExternalCustomerId"),
    )
    customer = call.customer(reference, is_external=values["is_external"])
    return found({"loginTokens": [login_tokens.mint_login_token(customer) for _ in range(values["amount"])]})


@endpoint("importCustomerAccess", "POST")
def import_customer_access(call: Call) -> HttpResponse:
    """Put access ids into a customer's slots."""
    call.require_closed_user_group()
    body = call.body
    values = read_all(
        reference=lambda: body.text("customerId", required=True, numbers=True),
        is_external=lambda: body.flag("useExternalCustomerId"),
        identifiers=lambda: _access_identifiers(body),
    )
    customer = call.customer(values["reference"], is_external=values["is_external"])
    try:
        customers.assign_access_identifiers(customer, values["identifiers"])
    except customers.ConflictError as error:
        raise conflict(str(error)) from None
    return done()


@endpoint("changeAddress", "PUT")
def change_address(call: Call, reference: str) -> HttpResponse:
    """Write a customer's name and as much of the address as was sent; the rest stays."""
    call.require_closed_user_group()
    body = call.body
    needs_country = any(body.raw.get(name) for name in ADDRESS_FIELDS)
    values = read_all(
        **{field: partial(body.text, name, limit=ADDRESS_CHARACTERS) for name, field in ADDRESS_FIELDS.items()},
        gender=lambda: body.text("gender", required=True, limit=20).upper(),
        first_name=lambda: body.text("firstName", required=True),
        last_name=lambda: body.text("name", required=True),
        country=lambda: _country(body, required=needs_country),
        is_external=lambda: call.query.flag("useExternalCustomerId"),
    )
    customer = call.customer(reference, is_external=values.pop("is_external"))
    # What is empty is written, what was left out is not.
    fields = {**ADDRESS_FIELDS, "country": "country"}
    address = {field: values.pop(field) for field in fields.values()}
    address = {field: address[field] for name, field in fields.items() if body.raw.get(name) is not None}
    if "street" in address:
        address["street_number"] = ""  # API v2 has it behind the street
    write_main_address(customer, address)
    for field, value in values.items():
        setattr(customer, field, value)
    customer.save(update_fields=[*values])
    customers.note_change(customer)
    return done()


def _access_identifiers(body: Values) -> dict[int, str]:
    names = [name for spellings in ACCESS_ID_FIELDS.values() for name in spellings]
    given = read_all(**{name: partial(body.text, name, limit=100, numbers=True) for name in names})
    values = {
        slot: given[name].strip()
        for slot, spellings in ACCESS_ID_FIELDS.items()
        for name in spellings
        if given[name].strip()
    }
    if not values:
        raise invalid("yourFirstIdentifier", "one to four access ids are needed")
    return values


def _email(body: Values) -> str:
    email = body.text("email", required=True, limit=254)
    try:
        validate_email(email)
    except ValidationError:
        raise invalid("email", "must be an e-mail address", email) from None
    return email


def _external_id(body: Values, *, required: bool = False) -> str:
    external_id = body.text("externalUserId", required=required, limit=EXTERNAL_ID_CHARACTERS, numbers=True)
    if "/" in external_id:
        # A server sees no difference between a slash and an encoded one, so no path could ever name the customer.
        raise invalid("externalUserId", "must not contain a slash", external_id)
    return external_id


def _country(body: Values, *, required: bool) -> str:
    country = body.text("country", required=required).upper()
    if country and not re.fullmatch(r"[A-Z]{2}", country):
        raise invalid("country", "must be an ISO code of two letters", country)
    return country


def _language(body: Values) -> str:
    language = body.text("language") or "en"
    if not re.fullmatch(r"[A-Za-z]{2}", language):
        raise invalid("language", "must be an ISO code of two letters", language)
    return language.lower()

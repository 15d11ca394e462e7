"""Create and change customers as API v3 does. Source: docs/protocols/plenigo-v3.md 2."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from . import clock, identifiers
from .customers import find_customer, find_customer_by_email, find_customer_by_number, is_storable, refuse_hasty
from .events import CallbackType, tell_of_customer
from .models import Address, Company, Customer

#: Addresses below it stand for none, and cannot be set from outside.
PSEUDO_DOMAIN = "pseudo-mail.plenigo.invalid"

#: Columns that a change which leaves them out may empty. Our choice: the address, the language and the password stay,
#: and so does the external id, which can be set only while it is empty.
REPLACEABLE: dict[str, Any] = {
    "username": "",
    "gender": "",
    "first_name": "",
    "last_name": "",
    "invoice_email": "",
    "mobile_number": "",
    "birthday": None,
    "leitweg_id": "",
    "processing_blocked": False,
}


class TakenError(Exception):
    """Another customer has that already. `field` is the column."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class FixedError(Exception):
    """The customer has another external id, which cannot be changed."""


class MismatchError(Exception):
    """The e-mail address and the id belong to two customers."""


def is_pseudo_email(email: str) -> bool:
    """Say whether an address is a placeholder."""
    return email.lower().endswith(f"@{PSEUDO_DOMAIN}")


def pseudo_email(number: str) -> str:
    """Return the placeholder of a customer with an id of API v3."""
    return f"imported-{number}@{PSEUDO_DOMAIN}"


def create(company: Company, values: Mapping[str, Any], addresses: list[dict[str, Any]]) -> tuple[Customer, bool]:
    """Return the customer with the e-mail address **and** the number of `values`, or a new one; and whether it is new.

    `values` are columns of `Customer`, the password in clear; `addresses` those of `Address`. Raises `MismatchError`,
    `TakenError` or `ThrottleError`.
    """
    values = dict(values)
    number = values.setdefault("number", identifiers.new_customer_number())
    if values.get("has_pseudo_email"):
        values["email"] = pseudo_email(number)
    of_email = find_customer_by_email(company, values["email"])
    of_number = find_customer_by_number(company, number)
    if of_email is not None:
        refuse_hasty(of_email, clock.now())
    if of_email is not None and of_email == of_number:
        return of_email, False
    if of_email is not None and of_number is not None:
        raise MismatchError
    if of_email is not None:
        raise TakenError("email")
    if of_number is not None:
        raise TakenError("number")
    _check_unique(company, values, None)
    values["password"] = make_password(values["password"]) if values.get("password") else ""
    now = clock.now()
    try:
        with transaction.atomic():
            customer = Customer.objects.create(company=company, registered_at=now, changed_at=now, **values)
    except IntegrityError:  # somebody else was faster
        raise TakenError("email") from None
    Address.objects.bulk_create(Address(customer=customer, **address) for address in addresses)
    tell_of_customer(customer, CallbackType.CREATION)
    return customer, True


def change(customer: Customer, values: Mapping[str, Any]) -> None:
    """Write columns of a customer, the password in clear.

    What becomes of the others is up to the company. Raises `TakenError` or `FixedError`.
    """
    company = customer.company
    columns = dict(values)
    if columns.get("has_pseudo_email"):
        columns["email"] = pseudo_email(customer.number)
    elif "email" in columns:
        columns["has_pseudo_email"] = False
    if company.customer_change == company.CustomerChange.REPLACE:
        columns = {**REPLACEABLE, **columns}
    _check_unique(company, columns, customer)
    own = customer.external_id
    if own and columns.get("external_id", own) != own:
        raise FixedError
    if password := columns.pop("password", ""):  # an empty one keeps the present
        columns["password"] = make_password(password)
    _write(customer, columns)


def change_email(customer: Customer, email: str) -> None:
    """Give a customer another address. Raises `TakenError`."""
    _check_unique(customer.company, {"email": email}, customer)
    _write(customer, {"email": email, "has_pseudo_email": False})


def replace_data(customer: Customer, data: Mapping[str, str]) -> None:
    """Put another map in the place of a customer's additional data."""
    _write(customer, {"data": dict(data)})


def _write(customer: Customer, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(customer, name, value)
    customer.changed_at = clock.now()
    try:
        with transaction.atomic():
            customer.save(update_fields=[*columns, "changed_at"])
    except IntegrityError:
        raise TakenError("email") from None
    tell_of_customer(customer, CallbackType.CHANGE)


def _check_unique(company: Company, columns: Mapping[str, Any], customer: Customer | None) -> None:
    """Refuse what another customer has."""
    owners: dict[str, Customer | None] = {}
    if columns.get("email"):
        owners["email"] = find_customer_by_email(company, columns["email"])
    if columns.get("username"):
        owners["username"] = find_customer_by_username(company, columns["username"])
    if columns.get("external_id"):
        owners["external_id"] = find_customer(company, columns["external_id"], is_external=True)
    for name, owner in owners.items():
        if owner is not None and owner != customer:
            raise TakenError(name)


def find_customer_by_username(company: Company, username: str) -> Customer | None:
    """Return the customer with a user name, compared to the letter."""
    rows = company.customers.filter(username=username) if is_storable(username) else ()
    return next((row for row in rows if row.username == username), None)

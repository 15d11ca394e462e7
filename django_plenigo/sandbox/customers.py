"""Find, register and change customers. The pages, the API, the admin and the commands share these verbs."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, transaction
from django.db.models import F

from . import clock
from .events import CallbackType, tell_of_customer
from .models import AccessIdentifier, Company, Customer
from .models.customers import email_key

#: After so many wrong passwords a customer is locked out. Source: docs/protocols/plenigo-v2.md 2.2.
FAILURES_ALLOWED = 3
LOCK_SECONDS = 600
#: Registering an address again within this time is refused where a company throttles.
THROTTLE_SECONDS = 5
#: A customer's id in API v3.
NUMBER = re.compile(r"[0-9]{1,18}")


class ConflictError(Exception):
    """Another customer has that already. The text says what, never whose."""


class ThrottleError(Exception):
    """The same address was registered a moment ago."""


class LockedError(Exception):
    """Too many wrong passwords; it passes."""


class BlockedError(Exception):
    """The customer may neither log in nor buy: see `Customer.is_let_in`."""


def find_customer(company: Company, reference: str, *, is_external: bool = False) -> Customer | None:
    """Return the customer with a plenigo id, or with the merchant's own id."""
    field = "external_id" if is_external else "customer_id"
    found = company.customers.filter(**{field: reference}) if is_storable(reference) else ()
    # To the letter: some databases find ids that differ in case only.
    return next((row for row in found if getattr(row, field) == reference), None)


def find_customer_by_number(company: Company, number: str) -> Customer | None:
    """Return the customer with an id of API v3: 1 to 18 digits, compared to the letter."""
    return company.customers.filter(number=number).first() if NUMBER.fullmatch(number) else None


def find_customer_by_email(company: Company, email: str) -> Customer | None:
    """Return the customer with an e-mail address in whatever spelling."""
    return company.customers.filter(email_key=email_key(email)).first() if is_storable(email) else None


def find_customer_with_access(company: Company, reference: str, *, is_external: bool = False) -> Customer | None:
    """Return the customer whose rights an id asks for: by either id as told, or by one of the access ids."""
    customer = find_customer(company, reference, is_external=is_external)
    if customer is not None or not is_storable(reference):
        return customer
    rows = company.access_identifiers.filter(value=reference).select_related("customer")
    return next((row.customer for row in rows if row.value == reference), None)


def register_customer(
    company: Company,
    email: str,
    *,
    language: str = "en",
    external_id: str | None = None,
    fails_by_existing_email: bool = False,
    **names: str,
) -> Customer:
    """Return the customer with this address, new or old; an old one stays as it is.

    `names` are fields of `Customer`. Raises `ConflictError` when the external id belongs to another address, or when
    the address exists and that shall fail; `ThrottleError` where the company throttles.
    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    now = clock.now()
    for _attempt in range(2):
        known = find_customer_by_email(company, email)
        _check_external_id(company, external_id, known)
        if known is not None:
            return _registered_again(known, now, fails_by_existing_email)
        try:
            with transaction.atomic():
                customer = Customer.objects.create(
                    company=company,
                    email=email,
                    language=language,
                    external_id=external_id,
                    registered_at=now,
                    **names,
                )
        except IntegrityError:  # somebody else was faster: look again
            continue
        tell_of_customer(customer, CallbackType.CREATION)
        return customer
    raise ConflictError("The e-mail address or the external id was registered at the same moment.")


def _check_external_id(company: Company, external_id: str | None, known: Customer | None) -> None:
    owner = find_customer(company, external_id, is_external=True) if external_id is not None else None
    if owner is not None and owner != known:
        raise ConflictError("The external id belongs to a customer with another e-mail address.")


def _registered_again(customer: Customer, now: datetime, fails: bool) -> Customer:
    refuse_hasty(customer, now)
    if fails:
        raise ConflictError("There is a customer with this e-mail address already.")
    Customer.objects.filter(pk=customer.pk).update(registered_at=now)
    return customer


def refuse_hasty(customer: Customer, now: datetime) -> None:
    """Raise `ThrottleError` where a company throttles and the customer was registered a moment ago."""
    recent = abs(now - customer.registered_at) < timedelta(seconds=THROTTLE_SECONDS)
    if customer.company.throttles_registration and recent:
        raise ThrottleError


def change_email(customer: Customer, email: str) -> None:
    """Give a customer another address. Raises `ConflictError` when another customer has it."""
    owner = find_customer_by_email(customer.company, email)
    if owner is not None and owner != customer:
        raise ConflictError("Another customer has this e-mail address.")
    customer.email = email
    _save(customer, "email", "Another customer has this e-mail address.")


def add_external_id(customer: Customer, external_id: str) -> None:
    """Give a customer who has none an external id. Raises `ConflictError` when he has another one, or it is taken."""
    if customer.external_id == external_id:
        return
    if customer.external_id is not None:
        raise ConflictError("The customer has another external id already.")
    if find_customer(customer.company, external_id, is_external=True) is not None:
        raise ConflictError("The external id belongs to another customer.")
    customer.external_id = external_id
    _save(customer, "external_id", "The external id belongs to another customer.")


def lock(customer: Customer) -> None:
    """Let every other transaction that locks the customer wait until this one ends.

    Let it be the transaction's first query: SQLite locks no rows, and a transaction that has read before it writes
    fails there instead of waiting.
    """
    Customer.objects.filter(pk=customer.pk).update(customer_id=F("customer_id"))


def assign_access_identifiers(customer: Customer, values: Mapping[int, str]) -> None:
    """Put access ids into slots 1 to 4; the other slots stay. A value that the customer has in another slot moves.

    Raises `ConflictError` when another customer has one of them.
    """
    company = customer.company
    unique = {value: slot for slot, value in sorted(values.items(), reverse=True)}  # the first slot of a value counts
    rows = list(company.access_identifiers.filter(value__in=unique))
    if any(row.customer_id != customer.pk and row.value in unique for row in rows):
        raise ConflictError("An access id belongs to another customer.")
    try:
        with transaction.atomic():
            customer.access_identifiers.filter(value__in=unique).delete()
            customer.access_identifiers.filter(slot__in=unique.values()).delete()
            AccessIdentifier.objects.bulk_create(
                AccessIdentifier(company=company, customer=customer, slot=slot, value=value)
                for value, slot in unique.items()
            )
    except IntegrityError:
        raise ConflictError("An access id belongs to another customer.") from None


def verify_password(company: Company, email: str, password: str) -> Customer | None:
    """Return the customer, or None for a wrong address or password. Raises `LockedError` or `BlockedError`."""
    customer = find_customer_by_email(company, email)
    if customer is None:
        return None
    if not customer.is_let_in:
        raise BlockedError
    now = clock.now()
    if customer.locked_until is not None and now < customer.locked_until:
        raise LockedError
    right = bool(customer.password) and check_password(password, customer.password)
    failures = 0 if right else customer.failed_logins + 1
    locks = failures >= FAILURES_ALLOWED
    customer.failed_logins = 0 if locks else failures
    customer.locked_until = now + timedelta(seconds=LOCK_SECONDS) if locks else None
    customer.save(update_fields=["failed_logins", "locked_until"])
    return customer if right else None


def set_password(customer: Customer, password: str) -> None:
    """Let a customer log in at the vendor's with a password."""
    customer.password = make_password(password)
    customer.save(update_fields=["password"])
    note_change(customer)


def may_reset_password(customer: Customer) -> bool:
    """Say whether a customer can be sent a code that changes the password."""
    may_come_back = customer.status in {Customer.Status.ACTIVATED, Customer.Status.BLOCKED}
    return may_come_back and not customer.processing_blocked and not customer.has_pseudo_email


def reset_password(customer: Customer, password: str) -> None:
    """Give a customer who has forgotten his password another one; who was blocked until then is so no more."""
    customer.status = Customer.Status.ACTIVATED
    customer.save(update_fields=["status"])
    set_password(customer, password)


def note_change(customer: Customer) -> None:
    """Note that something of a customer has changed, and tell of it."""
    customer.changed_at = clock.now()
    customer.save(update_fields=["changed_at"])
    tell_of_customer(customer, CallbackType.CHANGE)


def _save(customer: Customer, field: str, conflict: str) -> None:
    try:
        with transaction.atomic():
            customer.changed_at = clock.now()
            customer.save(update_fields=[field, "changed_at"])
    except IntegrityError:
        raise ConflictError(conflict) from None
    tell_of_customer(customer, CallbackType.CHANGE)


def is_storable(text: str) -> bool:
    """Say whether a database can hold a text; what it cannot hold cannot be found either."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)

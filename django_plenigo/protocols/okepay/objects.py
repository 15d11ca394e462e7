"""What OkePay tells of transactions and subscriptions, in a webhook or an answer (docs/protocols/okepay.md 6)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import PortalCustomerSeen, bodies

#: The objects that name a customer, and the status of each that stands for a purchase; any other does not.
PURCHASED: Mapping[str, str] = {"transaction": "confirmed", "subscription": "active"}

#: An int32, by which the vendor knows a contact.
LARGEST_CONTACT = 2**31 - 1

_NUMBER = re.compile("[0-9]{1,18}")

#: A name of PHP's, such as transaction[contact][id].
_PHP_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_DEEPEST = 10


def nested_of(pairs: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """Return the fields of a form as PHP nests them: all values texts, a repeated one the last that came.

    Raises `InvalidValueError`.
    """
    nested: dict[str, Any] = {}
    for name, value in pairs:
        found = _PHP_NAME.fullmatch(name)
        if found is None:
            continue  # PHP makes some other name of it, which is none of ours
        *parents, last = [found[1], *found[2][1:-1].split("][")] if found[2] else [found[1]]
        if len(parents) > _DEEPEST:
            raise InvalidValueError("body", f"is nested more than {_DEEPEST} deep")
        level = nested
        for parent in parents:
            inner = level.get(parent)
            level = inner if isinstance(inner, dict) else level.setdefault(parent, {})
            if not isinstance(level, dict):
                raise InvalidValueError("body", "has a field that is both a value and an object")
        level[last] = bodies.decoded("body", value)
    return nested


def seen_in(kind: str, values: object, *, accepts_tests: bool) -> PortalCustomerSeen | None:
    """Return the customer of a transaction or of a subscription, None where the object names no contact.

    Raises `InvalidValueError`.
    """
    entity = _object(kind, values)
    contact = _object(f"{kind}.contact", entity.get("contact"))
    contact_id = number_text(f"{kind}.contact.id", contact.get("id"))
    if contact_id in ("", "0"):
        return None
    if int(contact_id) > LARGEST_CONTACT:
        raise InvalidValueError(f"{kind}.contact.id", f"must be at most {LARGEST_CONTACT}")
    invoice = _object(f"{kind}.invoice", entity.get("invoice"))
    is_test = entity.get("mode") == "TEST" or invoice.get("test") in (True, 1, "1")
    # Both may be of others: of another shop of the same instance, or written into an invoice by hand.
    reference = bodies.foreign_text(f"{kind}.invoice.referenceId", invoice.get("referenceId"))
    return PortalCustomerSeen(
        reference=contact_id,
        our_reference=reference or bodies.foreign_text(f"{kind}.referenceId", entity.get("referenceId")),
        email=bodies.foreign_text(f"{kind}.contact.email", contact.get("email")),
        is_valid=entity.get("status") == PURCHASED[kind] and (accepts_tests or not is_test),
        object_kind=kind,
        object_id=number_text(f"{kind}.id", entity.get("id")),
    )


def number_text(field: str, value: object) -> str:
    """Return the digits of a number, which a form tells as text, "" for none. Raises `InvalidValueError`."""
    text = bodies.optional_text(field, value)
    if text and not _NUMBER.fullmatch(text):
        raise InvalidValueError(field, "must be a number")
    return str(int(text)) if text else ""


def _object(field: str, value: object) -> Mapping[str, Any]:
    """Return an object, empty for none: an empty one is a list in PHP's JSON. Raises `InvalidValueError`."""
    if value in (None, "", []):
        return {}
    if not isinstance(value, dict):
        raise InvalidValueError(field, "must be an object")
    return value

"""What may be sent: each value is checked before anything is, and an error names the argument and never the value."""

import re
from collections.abc import Sequence

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import PRODUCT_ID_BYTES, CustomerRef, checked_id, checked_text

EMAIL_LENGTH = 254
LOCAL_PART_LENGTH = 64
GENDER_LENGTH = 20
MOST_LOGIN_TOKENS = 10

#: The vendor's own names of the four slots. "Forth" is the vendor's spelling (docs/protocols/plenigo-v2.md 2.1).
SLOTS = ("yourFirstIdentifier", "yourSecondIdentifier", "yourThirdIdentifier", "yourForthIdentifier")

_ATOM = r"""(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+|"(?:[ !#-\[\]-~]|\\[ -~])*")"""
_LABEL = r"(?=[^.]{1,63}(?:\.|$))[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_EMAIL = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")
_LANGUAGE = re.compile("[A-Za-z]{2}")


def checked_bool(field: str, value: object) -> bool:
    """Return a boolean; the text 'false' is none. Raises `InvalidValueError`."""
    if not isinstance(value, bool):
        raise InvalidValueError(field, f"must be True or False, not {type(value).__name__}")
    return value


def checked_email(value: object) -> str:
    """Return an address that the vendor's own SDK would send, in ASCII and with a dot in its host.

    Raises `InvalidValueError`. Source: docs/protocols/plenigo-v2.md 2.1.
    """
    text = checked_text("email", value, EMAIL_LENGTH)
    match = _EMAIL.fullmatch(text)
    if match is None or len(match["local"]) > LOCAL_PART_LENGTH:
        raise InvalidValueError("email", "is no e-mail address that the vendor accepts")
    return text


def checked_language(value: object) -> str:
    """Return a language of two letters. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise InvalidValueError("language", "must be two letters, such as en")
    return value


def checked_gender(value: object) -> str:
    """Return the vendor's word for a gender, such as FEMALE, in capitals as its SDK sends it.

    Raises `InvalidValueError`. Source: docs/protocols/plenigo-v2.md 2.1.
    """
    return checked_id("gender", value, GENDER_LENGTH).upper()


def checked_amount(value: object) -> int:
    """Return how many login tokens are wanted, 1 to 10. Raises `InvalidValueError`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_LOGIN_TOKENS:
        raise InvalidValueError("amount", f"must be a whole number from 1 to {MOST_LOGIN_TOKENS}")
    return value


def checked_access_ids(value: object) -> dict[str, str]:
    """Return the access ids by slot; None leaves a slot out. Raises `InvalidValueError`."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidValueError("access_ids", f"must be a list of one to four texts, not {type(value).__name__}")
    if len(value) > len(SLOTS):
        raise InvalidValueError("access_ids", f"must be at most {len(SLOTS)}")
    slots = {
        slot: checked_id(f"access_ids[{position}]", access_id)
        for position, (slot, access_id) in enumerate(zip(SLOTS, value, strict=False))
        if access_id is not None
    }
    if not slots:
        raise InvalidValueError("access_ids", "must be at least one")
    if len(set(slots.values())) < len(slots):
        raise InvalidValueError("access_ids", "must differ from each other")
    return slots


def checked_product_ids(value: object) -> list[str]:
    """Return the products that are asked for, each once. Raises `InvalidValueError`."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidValueError("product_ids", f"must be a list of product ids, not {type(value).__name__}")
    if not value:
        raise InvalidValueError("product_ids", "must be at least one")
    return list(dict.fromkeys(_checked_product_id(product_id) for product_id in value))


def _checked_product_id(value: object) -> str:
    product_id = checked_id("product_ids", value)
    if len(product_id.encode()) > PRODUCT_ID_BYTES:
        raise InvalidValueError("product_ids", f"must be at most {PRODUCT_ID_BYTES} bytes long each")
    if "," in product_id:  # it separates the products in the query
        raise InvalidValueError("product_ids", "must not hold a comma")
    return product_id


def checked_customer(value: object) -> CustomerRef:
    """Return a customer with an id and a flag that are what they should be. Raises `InvalidValueError`."""
    if not isinstance(value, CustomerRef):
        raise InvalidValueError("customer", f"must be a CustomerRef, not {type(value).__name__}")
    checked_id("customer", value.value)
    checked_bool("customer.is_external", value.is_external)
    return value

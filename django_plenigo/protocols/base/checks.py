"""Limits of the vendor's values, and the checks that keep them before anything is sent."""

import re

from django_plenigo.errors import InvalidValueError

#: The vendor's name in errors and logs.
SERVICE = "plenigo"

#: The word in `RemoteError.code` for a part of the vendor's system that the company has not booked: the credentials are
#: right, but all that needs this part is refused, of whichever customer (docs/protocols/plenigo-v3.md 1.3).
MODULE_NOT_BOOKED = "module is not booked"

#: The vendor's limits, in characters where the name does not say bytes (docs/protocols/plenigo-v2.md 2.1, 3.1, 3.2).
PRODUCT_ID_BYTES = 20
EXTERNAL_ID_LENGTH = 100
ID_LENGTH = 255
NAME_LENGTH = 255
URL_LENGTH = 255

#: The longest address that a prepared checkout returns to, in characters (docs/protocols/plenigo-v3.md 8).
PREPARED_URL_LENGTH = 220

#: No browser keeps a longer cookie, so none is read or sent on.
LONGEST_COOKIE = 4096

#: What no text may hold. Surrogates are halves of characters: no encoding can carry them.
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def checked_text(field: str, value: object, longest: int) -> str:
    """Return a text that is neither blank nor too long, as it is. Raises `InvalidValueError`."""
    if not isinstance(value, str):
        raise InvalidValueError(field, f"must be text, not {type(value).__name__}")
    if not value or value.isspace():
        raise InvalidValueError(field, "must not be blank")
    if len(value) > longest:
        raise InvalidValueError(field, f"must have at most {longest} characters")
    if CONTROL_CHARACTER.search(value):
        raise InvalidValueError(field, "must not hold control characters")
    return value


def checked_id(field: str, value: object, longest: int = ID_LENGTH) -> str:
    """Return an id, unless it is padded with blanks: a slip that makes it another id. Raises `InvalidValueError`."""
    text = checked_text(field, value, longest)
    if text != text.strip():
        raise InvalidValueError(field, "must not begin or end with a blank")
    return text


def checked_path_id(field: str, value: object, longest: int = ID_LENGTH) -> str:
    """Return an id that a path can address. Raises `InvalidValueError`.

    The vendor's SDK puts ids raw into a path, and servers read %2F as a slash before they look where a path leads.
    """
    text = checked_id(field, value, longest)
    if "/" in text:
        raise InvalidValueError(field, "must not hold a slash: no path can address such an id")
    return text


def checked_external_id(value: object) -> str:
    """Return an external id that the vendor's API takes and can address. Raises `InvalidValueError`.

    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    return checked_path_id("external_id", value, EXTERNAL_ID_LENGTH)

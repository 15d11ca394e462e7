"""What stands in the body of a webhook: read without believing anything of it.

Whatever the bytes are, a reader gives what it promises or raises `InvalidValueError`, which names the field and never
repeats a value.
"""

import json
from typing import Any
from urllib.parse import parse_qsl

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base.checks import checked_text

#: No vendor sends so many; PHP itself reads no more than 1,000.
MOST_FIELDS = 1000

#: The longest text that is read of a delivery, in characters.
TEXT_LENGTH = 255


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is. Raises `InvalidValueError`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidValueError("body", "is no JSON object")
    return value


def form_pairs(body: bytes) -> list[tuple[str, bytes]]:
    """Return the names and values of a form in the order in which they came, a name as often as it came.

    The values are the bytes that were sent, since that is what vendors sign. Raises `InvalidValueError`.
    """
    try:
        # Latin-1 has one character for each byte, so nothing is lost on the way.
        text = body.decode("latin-1")
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidValueError("body", f"is a form with more than {MOST_FIELDS:,} fields") from None
    return [(name.encode("latin-1").decode("utf-8", "replace"), value.encode("latin-1")) for name, value in pairs]


def decoded(field: str, value: bytes) -> str:
    """Return a value of a form as text. Raises `InvalidValueError`."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidValueError(field, "must be UTF-8") from None


def optional_text(field: str, value: object) -> str:
    """Return a text that is not too long and that a database can keep, "" for none; the digits of a whole number.

    Raises `InvalidValueError`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = digits_of(field, value)
    if value is None or (isinstance(value, str) and not value.strip()):
        return ""
    return checked_text(field, value, TEXT_LENGTH)


def foreign_text(field: str, value: object) -> str:
    """Return a text that others may have written as they like, "" for one that nothing of this site's is equal to.

    Blanks around it are left out. Raises `InvalidValueError` for what is no text and no number.
    """
    try:
        return optional_text(field, value.strip() if isinstance(value, str) else value)
    except InvalidValueError:
        if isinstance(value, str):
            return ""
        raise


def digits_of(field: str, value: int) -> str:
    """Return a whole number as text. Raises `InvalidValueError`: Python writes out none of thousands of digits."""
    if abs(value) >= 10**TEXT_LENGTH:
        raise InvalidValueError(field, f"must have at most {TEXT_LENGTH} characters")
    return str(value)

"""Read what clients send, by the limits of docs/protocols/plenigo-v3.md and as strictly as the vendor may.

A field that is sent as null counts as left out.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from ..customers import is_storable
from .answers import BAD_DATE, BAD_TYPE, Flaw, flaw, invalid

INT32 = 2**31 - 1
INT64 = 2**63 - 1
CUSTOMER_ID = r"[0-9]{1,18}"
ACCESS_RIGHT_ID = r"[0-9a-zA-Z-]{2,30}"
#: ISO 639-1.
LANGUAGE = r"[a-zA-Z]{2}"
PHONE_NUMBER = r"\+?[1-9][0-9]{1,14}"
RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
#: Python counts no leap seconds; years at the edge leave room for other time zones.
EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


class FlawsError(Exception):
    """A value is refused."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__(len(flaws))
        self.flaws = flaws


class Field(Protocol):
    """How one value is read."""

    @property
    def required(self) -> bool:
        """Say whether it must be there."""

    def clean(self, name: str, value: Any) -> Any:
        """Return the value as the sandbox keeps it. Raises `FlawsError`."""


def read(fields: Mapping[str, Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that were sent; unknown ones are ignored. Raises `RefusalError` (400) that names every flaw."""
    try:
        return _read(fields, values, "")
    except FlawsError as error:
        raise invalid(error.flaws) from None


def _read(fields: Mapping[str, Field], values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    flaws: list[Flaw] = []
    for name, reader in fields.items():
        value = values.get(name)
        try:
            if value is not None:
                found[name] = reader.clean(prefix + name, value)
            elif reader.required:
                raise FlawsError(flaw(prefix + name, "required"))
        except FlawsError as error:
            flaws += error.flaws
    if flaws:
        raise FlawsError(*flaws)
    return found


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text. `pattern` must match all of it; `secret` is not told back."""

    required: bool = False
    shortest: int = 0
    longest: int = 100_000
    pattern: str = ""
    choices: frozenset[str] = frozenset()
    secret: bool = False

    def clean(self, name: str, value: Any) -> str:
        """Return the text. Raises `FlawsError`."""
        shown = "" if self.secret else value
        if not isinstance(value, str):
            raise FlawsError(flaw(name, "text", shown, BAD_TYPE))
        if not is_storable(value):
            raise FlawsError(flaw(name, "characters", shown))
        if len(value) > self.longest or len(value) < self.shortest:
            raise FlawsError(flaw(name, "size", shown))
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise FlawsError(flaw(name, "pattern", shown))
        if self.choices and value not in self.choices:
            raise FlawsError(flaw(name, "enum", shown))
        return value


@dataclass(frozen=True, kw_only=True)
class Email:
    """An e-mail address of at most 100 characters. `may_be_empty` allows an empty text."""

    required: bool = False
    may_be_empty: bool = False

    def clean(self, name: str, value: Any) -> str:
        """Return the address. Raises `FlawsError`."""
        text = Text(longest=100).clean(name, value)
        if self.may_be_empty and not text:
            return text
        try:
            validate_email(text)
        except ValidationError:
            raise FlawsError(flaw(name, "email", text)) from None
        return text


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A boolean; `in_query`, the words true and false."""

    required: bool = False
    in_query: bool = False

    def clean(self, name: str, value: Any) -> bool:
        """Return the boolean. Raises `FlawsError`."""
        words = {"true": True, "false": False}
        found = words.get(str(value).lower()) if self.in_query else value
        if not isinstance(found, bool):
            raise FlawsError(flaw(name, "boolean", value, BAD_TYPE))
        return found


@dataclass(frozen=True, kw_only=True)
class Integer:
    """A whole number; `in_query`, its digits."""

    required: bool = False
    lowest: int = -INT64
    highest: int = INT64
    in_query: bool = False

    def clean(self, name: str, value: Any) -> int:
        """Return the number. Raises `FlawsError`."""
        number = int(value) if self.in_query and re.fullmatch(r"-?[0-9]{1,19}", str(value)) else value
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if not isinstance(number, int) or isinstance(number, bool):
            raise FlawsError(flaw(name, "integer", value, BAD_TYPE))
        if not self.lowest <= number <= self.highest:
            raise FlawsError(flaw(name, "range", value))
        return number


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number, kept as it was sent."""

    required: bool = False
    lowest: float = -math.inf
    highest: float = math.inf

    def clean(self, name: str, value: Any) -> float | int:
        """Return the number. Raises `FlawsError`."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise FlawsError(flaw(name, "number", value, BAD_TYPE))
        if not self.lowest <= value <= self.highest:
            raise FlawsError(flaw(name, "range", value))
        return value


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment in RFC 3339."""

    required: bool = False

    def clean(self, name: str, value: Any) -> datetime:
        """Return the moment in UTC. Raises `FlawsError`."""
        try:
            if not isinstance(value, str) or not RFC3339.fullmatch(value):
                raise ValueError
            moment = datetime.fromisoformat(value.upper().replace(" ", "T"))
            if not EARLIEST <= moment <= LATEST:
                raise ValueError
        except (ValueError, OverflowError):
            raise FlawsError(flaw(name, "date-time", value, BAD_DATE)) from None
        return moment.astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day as `YYYY-MM-DD`."""

    required: bool = False

    def clean(self, name: str, value: Any) -> date:
        """Return the day. Raises `FlawsError`."""
        try:
            if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            raise FlawsError(flaw(name, "date", value, BAD_DATE)) from None


@dataclass(frozen=True, kw_only=True)
class TimeOrMoment:
    """A time of day as `HH:MM:SS`, or a moment: the vendor's schema says one thing and its examples the other."""

    required: bool = False

    def clean(self, name: str, value: Any) -> str:
        """Return what was sent. Raises `FlawsError`."""
        if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]", value):
            return value
        return Moment().clean(name, value).isoformat()


@dataclass(frozen=True, kw_only=True)
class DayOrMoment:
    """A day as `YYYY-MM-DD`, or a moment: the vendor's text says one thing and its schema the other."""

    required: bool = False

    def clean(self, name: str, value: Any) -> str:
        """Return what was sent. Raises `FlawsError`."""
        try:
            return Day().clean(name, value).isoformat()
        except FlawsError:
            return Moment().clean(name, value).isoformat()


@dataclass(frozen=True, kw_only=True)
class Object:
    """A JSON object with fields of its own."""

    fields: Mapping[str, Field]
    required: bool = False
    #: What the fields must be together: returns flaws.
    check: Callable[[str, Mapping[str, Any]], list[Flaw]] = field(default=lambda name, values: [])

    def clean(self, name: str, value: Any) -> dict[str, Any]:
        """Return the object's fields. Raises `FlawsError`."""
        if not isinstance(value, dict):
            raise FlawsError(flaw(name, "object", value, BAD_TYPE))
        found = _read(self.fields, value, f"{name}.")
        if flaws := self.check(name, value):
            raise FlawsError(*flaws)
        return found


@dataclass(frozen=True, kw_only=True)
class Array:
    """A JSON array."""

    item: Field
    required: bool = False

    def clean(self, name: str, value: Any) -> list[Any]:
        """Return the elements. Raises `FlawsError`."""
        if not isinstance(value, list):
            raise FlawsError(flaw(name, "array", value, BAD_TYPE))
        return [self.item.clean(f"{name}[{number}]", element) for number, element in enumerate(value)]


@dataclass(frozen=True, kw_only=True)
class TextMap:
    """A JSON object of free names with texts."""

    entries: int
    longest_key: int
    longest_value: int
    required: bool = False

    def clean(self, name: str, value: Any) -> dict[str, str]:
        """Return the map. Raises `FlawsError`."""
        if not isinstance(value, dict):
            raise FlawsError(flaw(name, "object", value, BAD_TYPE))
        if len(value) > self.entries:
            raise FlawsError(flaw(name, "size"))
        for key, text in value.items():
            Text(longest=self.longest_key).clean(name, key)
            Text(longest=self.longest_value).clean(f"{name}.{key}"[:100], text)
        return dict(value)

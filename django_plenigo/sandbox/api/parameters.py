"""Read what clients send, as tolerantly as docs/protocols/plenigo-v2.md 1.4 asks and not more."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest

from ..customers import is_storable
from .answers import RefusalError, invalid, refusal

BODY_LIMIT_BYTES = 100_000
LIST_LIMIT = 100

FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False, "null": False}


class Values:
    """Named values of one request, from the query or from a JSON body. Every reader raises `RefusalError` (400)."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    def text(self, name: str, *, required: bool = False, limit: int = 255, numbers: bool = False) -> str:
        """Return a text, empty when it is absent. With `numbers`, a whole number counts as its decimal text."""
        value = self.raw.get(name)
        if numbers and isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
            value = str(int(value))
        if value is None:
            value = ""
        if not isinstance(value, str) or not is_storable(value):
            raise invalid(name, "must be a text", value)
        if required and not value.strip():
            raise invalid(name, "must not be empty", value)
        if len(value) > limit:
            raise invalid(name, f"must not be longer than {limit} characters", value)
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean in one of the many forms that the vendor's clients write; absent is false."""
        value = self.raw.get(name)
        word = "" if value is None else str(value).strip().strip("'\"").lower()
        if isinstance(value, list | dict | float) or word not in FLAGS:
            raise invalid(name, "must be true or false", value)
        return FLAGS[word]

    def integer(self, name: str, *, default: int, low: int, high: int) -> int:
        """Return a whole number within bounds."""
        value = self.raw.get(name)
        if value is None or value == "":
            return default
        text = str(value)
        # Not int() alone: it takes blanks, underscores and other alphabets, and is slow with thousands of digits.
        if isinstance(value, bool) or len(text) > 10 or not text.isascii() or not text.isdecimal():
            raise invalid(name, "must be a whole number", value)
        number = int(text)
        if not low <= number <= high:
            raise invalid(name, f"must be from {low} to {high}", value)
        return number

    def day(self, name: str) -> date | None:
        """Return a day written as `YYYY-MM-DD`, or None when it is absent."""
        text = self.text(name)
        if not text:
            return None
        try:
            # Not fromisoformat alone: it takes weeks, too. The year leaves room for the day after.
            if not re.fullmatch(r"[0-8][0-9]{3}-[0-9]{2}-[0-9]{2}", text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise invalid(name, "must be a day in the form YYYY-MM-DD", text) from None

    def items(self, name: str) -> list[Any]:
        """Return a JSON array that must not be empty."""
        value = self.raw.get(name)
        if not isinstance(value, list) or not value:
            raise invalid(name, "must be an array that is not empty", value)
        if len(value) > LIST_LIMIT:
            raise invalid(name, f"must not have more than {LIST_LIMIT} elements")
        return value

    def texts(self, name: str, *, limit: int) -> list[str]:
        """Return the texts of a JSON array, each once."""
        rows = [Values({name: item}) for item in self.items(name)]
        return list(dict.fromkeys(row.text(name, required=True, limit=limit, numbers=True) for row in rows))


class Query(Values):
    """The query. A value that is given twice counts as given last, except in lists."""

    def __init__(self, request: HttpRequest) -> None:
        try:
            self._all = request.GET
        except TooManyFieldsSent:
            raise invalid("query", "has too many fields") from None
        super().__init__(self._all.dict())

    def listed(self, name: str, *, limit: int) -> list[str]:
        """Return the values of a list, each once: joined with commas, or the parameter repeated."""
        parts = dict.fromkeys(part for value in self._all.getlist(name) for part in value.split(",") if part.strip())
        if not parts:
            raise invalid(name, "must not be empty")
        if len(parts) > LIST_LIMIT:
            raise invalid(name, f"must not have more than {LIST_LIMIT} values")
        return [Values({name: part}).text(name, limit=limit) for part in parts]


def read_all(**readers: Callable[[], Any]) -> dict[str, Any]:
    """Return what every reader returns.

    Raises one `RefusalError` (400) with a key for each parameter that was refused.
    Source: docs/protocols/plenigo-v2.md 1.5.
    """
    values, refused = {}, {}
    for name, read in readers.items():
        try:
            values[name] = read()
        except RefusalError as error:
            if error.status != 400:
                raise
            refused.update(error.body)
    if refused:
        raise RefusalError(400, refused)
    return values


def read_body(request: HttpRequest) -> bytes:
    """Return the body. Raises `RefusalError` (413) when it is larger than any call needs."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not str(length).isdecimal() or int(length) > BODY_LIMIT_BYTES or len(request.body) > BODY_LIMIT_BYTES:
        raise refusal(413, "too_large", f"A body has at most {BODY_LIMIT_BYTES} bytes.")
    return request.body


def read_json(request: HttpRequest) -> Values:
    """Return the members of a JSON body, whatever content type it was sent with; no body has no members."""
    body = read_body(request)
    if not body.strip():
        return Values({})
    try:
        members = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise invalid("body", "must be JSON") from None
    if not isinstance(members, dict):
        raise invalid("body", "must be a JSON object")
    return Values(members)


def _refuse_constant(name: str) -> RefusalError:
    raise ValueError(name)

"""Read the parameters of a request: in their order, since the signature is over them.

Source: docs/protocols/okepay.md 2 and 5. Django's own `request.POST` knows neither bodies of PUT and DELETE nor JSON.
"""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from ..customers import is_storable
from ..models.okepay import LARGEST_NUMBER
from .answers import RefusalError, invalid
from .php import Pair, build_query, flattened

#: Our choice. Of the query, too.
LIMIT_BYTES = 64 * 1024
#: What is never signed.
UNSIGNED = frozenset({"ApiSignature", "instance"})
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Parameters:
    """What a client has sent, as texts."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs = list(pairs)
        self._values = dict(self.pairs)
        if len(self._values) < len(self.pairs):
            raise RefusalError(400, "A parameter was sent twice.")
        if not all(is_storable(text) for pair in self.pairs for text in pair):
            raise RefusalError(400, "A parameter has characters that no text may have.")

    def get(self, name: str) -> str | None:
        """Return a parameter; None where it was not sent."""
        return self._values.get(name)

    def text(self, name: str, longest: int = 255) -> str:
        """Return a text, empty where it was not sent. Raises `RefusalError` (400) for a longer one."""
        value = self._values.get(name, "")
        if len(value) > longest:
            raise invalid(name)
        return value

    def integer(self, name: str, smallest: int = 1) -> int:
        """Return an int32. Raises `RefusalError` (400) for anything else, and where it was not sent."""
        number = whole_number(self._values.get(name, ""))
        if number is None or number < smallest:
            raise invalid(name)
        return number

    @property
    def signed(self) -> str:
        """What the signature is over."""
        return build_query(pair for pair in self.pairs if pair[0] not in UNSIGNED)


def whole_number(text: str) -> int | None:
    """Return a number as the vendor's clients write it, in decimal and without a sign; None for anything else."""
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or (text[0] == "0" and text != "0"):
        return None
    number = int(text)
    return number if number <= LARGEST_NUMBER else None


def read_query(request: HttpRequest) -> Parameters:
    """Return the parameters of the address. Raises `RefusalError` (400, 413)."""
    query = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
    if len(query) > LIMIT_BYTES:
        raise RefusalError(413, "The address is too long.")
    return Parameters(_pairs_of_form(query))


def read_parameters(request: HttpRequest) -> tuple[Parameters, Parameters]:
    """Return the parameters that count, and those of the address.

    Where there is a body, its own count, also those of a body that holds nothing but `null`. Raises `RefusalError`
    (400, 413).
    """
    query = read_query(request)
    body = _body_of(request)
    if not body:
        return query, query
    content_type = (request.content_type or FORM).lower()
    if content_type == FORM:
        return Parameters(_pairs_of_form(body)), query
    if content_type == JSON:
        return Parameters(_pairs_of_json(body)), query
    raise RefusalError(400, f"The body must be {FORM} or {JSON}.")


def _body_of(request: HttpRequest) -> bytes:
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or len(length) > 9 or int(length) > LIMIT_BYTES:
        raise RefusalError(413, "The body is too large.")
    try:
        body = request.body
    except RequestDataTooBig:
        raise RefusalError(413, "The body is too large.") from None
    if len(body) > LIMIT_BYTES:
        raise RefusalError(413, "The body is too large.")
    return body


def _pairs_of_form(form: bytes) -> list[Pair]:
    pairs = (part.partition(b"=") for part in form.split(b"&") if part)
    return [(_unquoted(name), _unquoted(value)) for name, _equals, value in pairs]


def _unquoted(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise RefusalError(400, "A parameter is not UTF-8.") from None


def _pairs_of_json(body: bytes) -> list[Pair]:
    try:
        values = json.loads(body.decode(), object_pairs_hook=_members, parse_constant=_refuse_constant)
        if values is None:
            return []
        if isinstance(values, dict):
            return flattened(values)
    except (ValueError, RecursionError):
        raise RefusalError(400, "The body is no JSON.") from None
    raise RefusalError(400, "The body must be a JSON object.")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise RefusalError(400, "A parameter was sent twice.")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(name)

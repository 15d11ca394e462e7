"""Readers of a JSON answer that name what is missing: those that both generations of the API need.

No part of what `base` offers: it is the clients that read answers, and nobody else loads the transport.
"""

from collections.abc import Mapping
from typing import Any

from django_plenigo.errors import ProtocolError
from django_plenigo.protocols.base.checks import SERVICE
from django_plenigo.transport import Answer

#: What a page means where an answer was due: something in front of the vendor has sent it, and nothing was done.
A_PAGE = (ProtocolError, "a page instead of an answer")


def unexpected(answer: Answer, operation: str, code: str) -> ProtocolError:
    """Return the error of an answer that is not what the vendor documents."""
    return ProtocolError(SERVICE, operation, status=answer.status, code=code)


def body_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer, empty where there is none."""
    return _object_in(answer) or {}


def object_of(answer: Answer, operation: str) -> dict[str, Any]:
    """Return the JSON object of an answer. Raises `ProtocolError`."""
    body = _object_in(answer)
    if body is None:
        raise unexpected(answer, operation, "no JSON object")
    return body


def _object_in(answer: Answer) -> dict[str, Any] | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def text_of(answer: Answer, operation: str, key: str) -> str:
    """Return the text under a key. Raises `ProtocolError` where there is none."""
    value = object_of(answer, operation).get(key)
    if not isinstance(value, str) or not value:
        raise unexpected(answer, operation, f"no {key}")
    return value


def id_text(values: Mapping[str, Any], key: str) -> str:
    """Return an id under a key of an object as text; a number is taken for its digits, "" where there is none."""
    value = values.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""

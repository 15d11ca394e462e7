"""What the API answers. Shapes: docs/protocols/plenigo-v2.md 0 and 1.5."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse, JsonResponse

#: A refused value is told back, but not more of it than a reader needs.
REJECTED_VALUE_CHARACTERS = 100


class RefusalError(Exception):
    """The API says no, and nothing has been done."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = dict(body)

    def answer(self) -> HttpResponse:
        """Return the refusal as the client gets it."""
        return JsonResponse(self.body, status=self.status)


def refusal(status: int, code: str, description: str) -> RefusalError:
    """Return the refusal of most cases: a short code and a sentence."""
    return RefusalError(status, {"error": code, "description": description})


def invalid(parameter: str, text: str, value: Any = "") -> RefusalError:
    """Return the refusal of one parameter."""
    text_of_value = value if isinstance(value, str) else json.dumps(value)
    rejected = text_of_value[:REJECTED_VALUE_CHARACTERS].encode("utf-8", "replace").decode()
    return RefusalError(400, {parameter: {"Error": text, "Rejected Value": rejected}})


def conflict(text: str) -> RefusalError:
    """Return the refusal that clients show to their users."""
    return RefusalError(409, {"error": text})


def found(body: Mapping[str, Any]) -> HttpResponse:
    """Return 200 with a JSON object. It has no key `error`, which the vendor's client takes for a failure."""
    return JsonResponse(dict(body))


def done() -> HttpResponse:
    """Return 204 without a content type: the vendor's client takes an empty JSON body for a broken answer."""
    response = HttpResponse(status=204)
    del response["Content-Type"]
    return response


def page_of(elements: list[dict[str, Any]], *, number: int, size: int, total: int) -> HttpResponse:
    """Return one page of a list."""
    return found({"elements": elements, "pageNumber": number, "size": size, "totalElements": total})


def milliseconds(moment: datetime) -> str:
    """Return a moment as the access endpoints write it: epoch milliseconds, as text."""
    return str(round(moment.timestamp() * 1000))


def written(moment: datetime) -> str:
    """Return a moment as the lists write it, such as `2026-01-31 12:00:00 +0000`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S %z")


def without_gaps(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are known: every key of a list's element is optional."""
    return {name: value for name, value in values.items() if value is not None and value != ""}

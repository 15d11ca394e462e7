"""What the API answers. Shapes: docs/protocols/plenigo-v3.md 1.3, 1.6 and 1.7."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.http import HttpResponse, JsonResponse

#: A refused value is told back, but not more of it than a reader needs.
REJECTED_VALUE_CHARACTERS = 100

# Codes that many refusals share; what they mean stands in docs/protocols/plenigo-v3.md 1.3.
BODY_MISSING = 99001
NOT_JSON = 99002
BAD_DATE = 99003
BAD_TYPE = 99014
INVALID_DATA = 99400
NO_SUCH_ADDRESS = 99404
CUSTOMER_NOT_FOUND = 20404
CUSTOMER_DEACTIVATED = 20011
PASSWORD_RESET_NEEDED = 20022
CUSTOMER_DISABLED = 20024
PROCESSING_BLOCKED = 20073
THROTTLED = 99429


class Flaw(NamedTuple):
    """What is wrong with one field."""

    code: int
    field: str
    error: str
    value: str


class RefusalError(Exception):
    """The API says no, and nothing has been done."""

    def __init__(self, status: int, code: int, message: str, flaws: Sequence[Flaw] = ()) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.message = message
        self.flaws = flaws

    def answer(self) -> HttpResponse:
        """Return the refusal as the client gets it."""
        body: dict[str, Any] = {"errorCode": self.code, "errorMessage": self.message}
        if self.flaws:
            body["validationErrors"] = [
                {"field": flaw.field, "error": flaw.error, "value": flaw.value} for flaw in self.flaws
            ]
        return JsonResponse(body, status=self.status)


def invalid(flaws: Sequence[Flaw]) -> RefusalError:
    """Return the refusal of fields. A wrong type is told before a bad date, and that before all else."""
    codes = {flaw.code for flaw in flaws}
    code = next(code for code in (BAD_TYPE, BAD_DATE, *sorted(codes)) if code in codes)
    messages = {BAD_TYPE: "A value has the wrong type.", BAD_DATE: "A date is malformed."}
    return RefusalError(400, code, messages.get(code, "Provided data cannot be processed."), flaws)


def flaw(field: str, error: str, value: Any = "", code: int = INVALID_DATA) -> Flaw:
    """Return what is wrong with a field. `value` is what was sent, empty where it must not be told back."""
    text = value if isinstance(value, str) else json.dumps(value)
    return Flaw(code, field, error, text[:REJECTED_VALUE_CHARACTERS].encode("utf-8", "replace").decode())


def answered(body: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """Return a JSON object."""
    return JsonResponse(dict(body), status=status)


def nothing(status: int) -> HttpResponse:
    """Return an answer without a body, which has no content type either."""
    response = HttpResponse(status=status)
    del response["Content-Type"]
    return response


def written(moment: datetime | None) -> str | None:
    """Return a moment as RFC 3339 in UTC, with up to six decimals."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def written_day(moment: datetime | None) -> str | None:
    """Return the day of a moment in UTC."""
    return None if moment is None else moment.astimezone(UTC).date().isoformat()


def without_gaps(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are known: absent and empty are equal."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", {}, [])}

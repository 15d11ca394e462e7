"""What the API answers. Shapes: docs/protocols/okepay.md 3.

The vendor's PHP clients want `Content-Type: application/json` to the letter, a list that is not empty where all went
well, and no `data` where something went wrong.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, JsonResponse

#: The vendor's sentence for whatever is wrong with credentials, so that it tells nobody what.
SECRET_WRONG = "An error occurred: The API secret is not correct."  # noqa: S105 - a sentence


class RefusalError(Exception):
    """The API says no, and nothing has been done."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status)
        self.status = status
        self.message = message

    def answer(self) -> HttpResponse:
        """Return the refusal as the client gets it."""
        return refuse(self.status, self.message)


def refuse(status: int, message: str) -> HttpResponse:
    """Return an error."""
    return JsonResponse({"status": "error", "message": message}, status=status)


def invalid(parameter: str) -> RefusalError:
    """Return the refusal of one parameter, in the vendor's words."""
    return RefusalError(400, f"Invalid value passed for parameter '{parameter}'")


def found(item: Mapping[str, Any]) -> HttpResponse:
    """Return one object, which stands in a list."""
    return JsonResponse({"status": "success", "data": [dict(item)]})

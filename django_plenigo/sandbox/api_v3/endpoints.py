"""What every endpoint does before and after its own work."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from ..customers import NUMBER, find_customer_by_number
from ..exchange import serve
from ..models import Application, Company, Customer
from .answers import (
    BAD_TYPE,
    BODY_MISSING,
    CUSTOMER_DEACTIVATED,
    CUSTOMER_DISABLED,
    CUSTOMER_NOT_FOUND,
    INVALID_DATA,
    NO_SUCH_ADDRESS,
    NOT_JSON,
    PASSWORD_RESET_NEEDED,
    PROCESSING_BLOCKED,
    THROTTLED,
    RefusalError,
    flaw,
    invalid,
)
from .authentication import authenticate
from .fields import Field, read

BODY_LIMIT_BYTES = 1_000_000

#: The vendor's names of all operations, which the fault dial offers.
NAMES: list[str] = []

#: What a fault with no code of its own is told with.
CODES_BY_STATUS = {401: 99009, 404: NO_SUCH_ADDRESS, 408: 20040, 423: 20026, 429: THROTTLED, 502: 99502, 503: 99503}
CODES_BY_STATUS[504] = 99504

#: Why a customer gets neither a session nor a purchase.
CODES_BY_CUSTOMER_STATUS: dict[str, tuple[int, str]] = {
    Customer.Status.BLOCKED: (PASSWORD_RESET_NEEDED, "The customer must reset the password."),
    Customer.Status.DEACTIVATED: (CUSTOMER_DEACTIVATED, "The customer is deactivated."),
    Customer.Status.DISABLED: (CUSTOMER_DISABLED, "The customer is disabled."),
}

Work = Callable[..., HttpResponse]
View = Callable[..., HttpResponseBase]


class Call:
    """One authenticated request."""

    def __init__(self, request: HttpRequest, company: Company) -> None:
        self.request = request
        self.company = company

    def read(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        """Return the fields of the JSON body that were sent. Raises `RefusalError` (400)."""
        return read(fields, self._members)

    def read_query(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        """Return the fields of the query that were sent. Raises `RefusalError` (400)."""
        return read(fields, self.query)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query. A value that is given twice counts as given last."""
        try:
            return {name: str(value) for name, value in self.request.GET.dict().items()}
        except TooManyFieldsSent:
            raise RefusalError(400, INVALID_DATA, "The query has too many fields.") from None

    @cached_property
    def _members(self) -> dict[str, Any]:
        length = self.request.META.get("CONTENT_LENGTH") or "0"
        if not str(length).isdecimal() or int(length) > BODY_LIMIT_BYTES or len(self.request.body) > BODY_LIMIT_BYTES:
            raise RefusalError(413, INVALID_DATA, "The body is too large.")
        if not self.request.body.strip():
            raise RefusalError(400, BODY_MISSING, "The body is missing.")
        try:
            members = json.loads(self.request.body.decode("utf-8-sig"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise RefusalError(400, NOT_JSON, "The body is no JSON.") from None
        if not isinstance(members, dict):
            raise RefusalError(400, BAD_TYPE, "The body must be a JSON object.")
        return members

    def customer(self, customer_id: str, *, malformed: int = 400, unknown: int = 404) -> Customer:
        """Return a customer.

        Raises `RefusalError` with the status `malformed` for what is no customer id, and `unknown` for nobody's.
        """
        if malformed == 400 and not NUMBER.fullmatch(customer_id):
            raise invalid([flaw("customerId", "numeric", customer_id)])
        customer = find_customer_by_number(self.company, customer_id)
        if customer is None:
            raise RefusalError(unknown, CUSTOMER_NOT_FOUND, "There is no customer with this id.")
        return customer


def refuse_blocked(customer: Customer) -> None:
    """Refuse to let a customer in whose status or whose data forbid it. Raises `RefusalError` (400)."""
    if customer.status in CODES_BY_CUSTOMER_STATUS:
        raise RefusalError(400, *CODES_BY_CUSTOMER_STATUS[customer.status])
    if customer.processing_blocked:
        raise RefusalError(400, PROCESSING_BLOCKED, "The customer is blocked for processing.")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API."""

    name: str
    """The vendor's operation id."""

    application: Application
    """What a token must be good for."""

    work: Work
    """Raises `RefusalError` to say no."""


def operation(name: str, application: Application) -> Callable[[Work], Operation]:
    """Turn work on a `Call` into an operation, which the fault dial offers by its name."""
    NAMES.append(name)
    return lambda work: Operation(name, application, work)


def address(**operations: Operation) -> View:
    """Return the view of one address; `operations` are those there by method.

    Around each: the guard, the fault dial, authentication and a transaction, which a refusal undoes.
    """

    @csrf_exempt
    @login_not_required
    def view(request: HttpRequest, **path: Any) -> HttpResponseBase:
        asked = operations.get(request.method or "")
        name = asked.name if asked else ""
        return serve(name, request, lambda: _answer(request, tuple(operations), asked, path), refuse)

    return view


@csrf_exempt
@login_not_required
def unknown_address(request: HttpRequest, **path: Any) -> HttpResponseBase:
    """Refuse every request."""
    return serve("", request, lambda: _answer(request, (), None, path), refuse)


def refuse(status: int, message: str) -> HttpResponse:
    """Return an error that is none of an operation's own."""
    return RefusalError(status, CODES_BY_STATUS.get(status, _general_code(status)), message).answer()


def _general_code(status: int) -> int:
    return 99500 if status >= 500 else INVALID_DATA


def _answer(
    request: HttpRequest, methods: tuple[str, ...], asked: Operation | None, path: dict[str, Any]
) -> HttpResponse:
    try:
        with transaction.atomic(using=router.db_for_write(Customer)):
            company = authenticate(request, asked.application if asked else None)
        if not methods:
            return refuse(404, "There is no such address.")
        if asked is None:
            return _not_allowed(methods)
        with transaction.atomic(using=router.db_for_write(Customer)):
            return asked.work(Call(request, company), **path)
    except RefusalError as error:
        return error.answer()
    except RequestDataTooBig:
        return refuse(413, "The body is too large.")


def _not_allowed(methods: tuple[str, ...]) -> HttpResponse:
    response = refuse(405, f"Allowed: {', '.join(methods)}.")
    response["Allow"] = ", ".join(methods)
    return response


def _refuse_constant(name: str) -> None:
    raise ValueError(name)

"""What every endpoint does before and after its own work."""

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from .. import conf
from ..customers import find_customer
from ..exchange import serve
from ..models import Company, Customer
from .answers import RefusalError, refusal
from .authentication import authenticate
from .parameters import Query, Values, read_json

#: The names of all endpoints, which the fault dial offers.
NAMES: list[str] = []


class Call:
    """One authenticated request."""

    def __init__(self, request: HttpRequest, company: Company) -> None:
        self.request = request
        self.company = company

    @cached_property
    def query(self) -> Query:
        """The query."""
        return Query(self.request)

    @cached_property
    def body(self) -> Values:
        """The members of the JSON body."""
        return read_json(self.request)

    def require_closed_user_group(self) -> None:
        """Refuse a company that does not manage its users itself. Source: docs/protocols/plenigo-v2.md 2.1."""
        if not self.company.closed_user_group:
            raise refusal(403, "forbidden", "The company has no closed user group.")

    def customer(self, reference: str, *, is_external: bool) -> Customer:
        """Return a customer. Raises `RefusalError` (404)."""
        customer = find_customer(self.company, reference, is_external=is_external)
        if customer is None:
            raise refusal(404, "customer_not_found", "The company has no customer with this id.")
        return customer

    def customer_by_query(self, reference: str) -> Customer:
        """Return a customer; the query says by which of the two ids. Raises `RefusalError` (404 or 400)."""
        return self.customer(reference, is_external=self.query.flag("useExternalCustomerId"))


Work = Callable[..., HttpResponse]
View = Callable[..., HttpResponseBase]


def endpoint(name: str, *methods: str) -> Callable[[Work], View]:
    """Turn work on a `Call` into a view.

    Around the work: the guard, the fault dial, authentication and a transaction. The work raises `RefusalError` to
    say no, which undoes what it has written.
    """
    NAMES.append(name)

    def decorate(work: Work) -> View:
        @csrf_exempt
        @login_not_required
        @wraps(work)
        def view(request: HttpRequest, **path: Any) -> HttpResponseBase:
            return serve(name, request, lambda: _answer(request, methods, work, path), _fault)

        return view

    return decorate


def refusing(name: str, reason: RefusalError) -> View:
    """Return a view that refuses every authenticated request."""

    @csrf_exempt
    @login_not_required
    def view(request: HttpRequest, **path: Any) -> HttpResponseBase:
        return serve(name, request, lambda: _refuse(request, reason), _fault)

    return view


def _fault(status: int, description: str) -> HttpResponse:
    """Return what goes wrong outside the work, in this version's form."""
    code = "sandbox_shut" if not conf.is_open() else "fault"
    return refusal(status, code, description).answer()


def _answer(request: HttpRequest, methods: tuple[str, ...], work: Work, path: dict[str, Any]) -> HttpResponse:
    try:
        company = _authenticated(request)
        if request.method not in methods:
            return _not_allowed(methods)
        with transaction.atomic(using=router.db_for_write(Customer)):
            return work(Call(request, company), **path)
    except RefusalError as error:
        return error.answer()
    except RequestDataTooBig:
        return refusal(413, "too_large", "The body is too large.").answer()


def _refuse(request: HttpRequest, reason: RefusalError) -> HttpResponse:
    try:
        _authenticated(request)
    except RefusalError as error:
        return error.answer()
    return reason.answer()


def _authenticated(request: HttpRequest) -> Company:
    """Return the company that calls, in a transaction of its own: no refused work makes a token's id new again."""
    with transaction.atomic(using=router.db_for_write(Customer)):
        return authenticate(request)


def _not_allowed(methods: tuple[str, ...]) -> HttpResponse:
    response = refusal(405, "method_not_allowed", f"Allowed: {', '.join(methods)}.").answer()
    response["Allow"] = ", ".join(methods)
    return response

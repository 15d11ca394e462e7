"""What stands around every object of the API: its address, guard, fault dial, authentication and a transaction.

Source: docs/protocols/okepay.md 1 and 5.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from ..exchange import serve
from ..models import OkePayInstance
from .answers import RefusalError, invalid, refuse
from .authentication import authenticate, count
from .parameters import Parameters, read_parameters, whole_number

#: Those that Payrexx serves, and `v1`, which OkePay's PHP client calls.
VERSION = re.compile(r"1(\.([0-9]|1[0-6]))?")

#: Before the name of an object, in the fault dial and in the record of calls.
PREFIX = "okepay."


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request."""

    request: HttpRequest
    instance: OkePayInstance
    parameters: Parameters
    number: int
    """The id in the path, which is not signed; 0 where there is none."""


Work = Callable[[Call], HttpResponse]
#: By object and by method.
Objects = Mapping[str, Mapping[str, Work]]


@dataclass(frozen=True, slots=True)
class Address:
    """What an address below the version names."""

    name: str
    number: str = ""
    action: str = ""
    rest: str = ""


def address_of_call(path: str) -> Address:
    """Return what `{Object}/{id?}/{action?}` names, with and without a slash at its end."""
    return Address(*path.removesuffix("/").split("/", 3))


def api_view(objects: Objects) -> Callable[..., HttpResponseBase]:
    """Return the view of all addresses of the API."""

    @csrf_exempt
    @login_not_required
    def view(request: HttpRequest, version: str, path: str) -> HttpResponseBase:
        address = address_of_call(path)
        name = f"{PREFIX}{address.name}" if address.name in objects else ""
        return serve(name, request, lambda: _answer(request, version, address, objects), refuse)

    return view


def _answer(request: HttpRequest, version: str, address: Address, objects: Objects) -> HttpResponse:
    alias = router.db_for_write(OkePayInstance)
    try:
        if VERSION.fullmatch(version) is None:
            raise RefusalError(404, "Version not found.")
        parameters, query = read_parameters(request)
        with transaction.atomic(using=alias):
            instance = authenticate(request, parameters, query)
        count(instance)
        work = _work_of(request, address, objects)
        if parameters.get("model") not in {None, address.name}:
            raise invalid("model")
        with transaction.atomic(using=alias):
            return work(Call(request, instance, parameters, _number_of(address, parameters)))
    except RefusalError as error:
        return error.answer()


def _work_of(request: HttpRequest, address: Address, objects: Objects) -> Work:
    methods = objects.get(address.name)
    if methods is None or address.action or address.rest:
        raise RefusalError(404, "There is no such object or action.")
    work = methods.get(request.method or "")
    if work is None:
        raise RefusalError(405, f"Allowed: {', '.join(methods)}.")
    return work


def _number_of(address: Address, parameters: Parameters) -> int:
    """Return the id of the path. Our choice: a parameter `id` must be the same."""
    number = whole_number(address.number or "0")
    if number is None or parameters.get("id") not in {None, "", str(number)}:
        raise invalid("id")
    return number

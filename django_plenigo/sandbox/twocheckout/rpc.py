"""The envelope of JSON-RPC. Source: docs/protocols/2checkout.md 1 and 5.

Our choice: version 6.0 of the API alone. Older addresses are of another host, and no page says what they answer today.
"""

import json
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from ..exchange import serve
from ..models import TwoCheckoutCustomer
from . import errors
from .errors import RpcError
from .methods import METHODS, Call, is_readable

BODY_LIMIT_BYTES = 64 * 1024
MEMBERS = frozenset({"jsonrpc", "id", "method", "params"})
#: The vendor's pages show all of them. A whole number of PHP's loses its decimal.
VERSIONS: tuple[Any, ...] = ("2.0", 2.0, "6.0", 6.0)

#: Every method by the name that the fault dial and the record of calls use.
ENDPOINT_NAMES = tuple(f"twocheckout.{name}" for name in METHODS)


@csrf_exempt
@login_not_required
def answer_call(request: HttpRequest) -> HttpResponseBase:
    """Answer one call: 200 for whatever is JSON-RPC, an error of it included."""
    try:
        too_large = len(request.body) > BODY_LIMIT_BYTES
    except RequestDataTooBig:
        too_large = True
    call = None if too_large else read_call(request.body)
    name = f"twocheckout.{call['method']}" if isinstance(call, dict) else ""

    def work() -> HttpResponse:
        if request.method != "POST":
            return _not_allowed()
        if call is None:
            return HttpResponse(status=413)
        return _answer(request, call)

    def refuse(status: int, message: str) -> HttpResponse:
        return _told(None, RpcError(-32000, message), status)

    return serve(name if name in ENDPOINT_NAMES else "", request, work, refuse)


def read_call(body: bytes) -> dict[str, Any] | RpcError:
    """Return the members of a call whose envelope is right, or what is wrong with it."""
    try:
        call = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return errors.not_json()
    if not isinstance(call, dict) or not call.keys() >= MEMBERS:
        return errors.invalid_request()
    is_version = not isinstance(call["jsonrpc"], bool) and call["jsonrpc"] in VERSIONS
    if not is_version or not isinstance(call["method"], str) or not is_number(call["id"]):
        return errors.invalid_request()
    return call


def is_number(value: Any) -> bool:
    """Say whether a value is an integer, which truth values are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _answer(request: HttpRequest, call: dict[str, Any] | RpcError) -> HttpResponse:
    if isinstance(call, RpcError):
        return _told(None, call)
    try:
        with transaction.atomic(using=router.db_for_write(TwoCheckoutCustomer)):
            result = _result(request, call["method"], call["params"])
    except RpcError as error:
        return _told(call["id"], error)
    return JsonResponse({"jsonrpc": "2.0", "id": call["id"], "result": result})


def _result(request: HttpRequest, name: str, params: Any) -> Any:
    method = METHODS.get(name)
    if method is None:
        raise errors.unknown_method()
    if not isinstance(params, list) or not method.fewest <= len(params) <= method.most or not is_readable(params):
        raise errors.invalid_params()
    return method.work(Call(request, params, method.most))


def _told(call_id: int | None, error: RpcError, status: int = 200) -> HttpResponse:
    told = {"code": error.code, "message": error.message}
    return JsonResponse({"jsonrpc": "2.0", "id": call_id, "error": told}, status=status)


def _not_allowed() -> HttpResponse:
    response = HttpResponse(status=405)
    response["Allow"] = "POST"
    return response


def _refuse_constant(name: str) -> None:
    raise ValueError(name)

"""What stands around every call of the vendor's API, whatever its version: guard, fault dial and record."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from . import conf, faults
from .calls import ReceivedCall, called
from .models import Fault

Answer = Callable[[], HttpResponse]


def serve(name: str, request: HttpRequest, answer: Answer, refuse: faults.Refuse) -> HttpResponseBase:
    """Return what the caller of an endpoint gets, and tell the record of calls."""
    if not conf.is_open():
        return refuse(503, "The sandbox is shut, because DEBUG is off. PLENIGO_SANDBOX can allow it.")
    response, arrives = _through_faults(faults.take(name), faults.wire_of(request), answer, refuse)
    called.send(None, call=ReceivedCall(name, request.method or "", response.status_code if arrives else None))
    return response


def _through_faults(
    fault: Fault | None, wire: faults.Wire, answer: Answer, refuse: faults.Refuse
) -> tuple[HttpResponseBase, bool]:
    """Return what the caller gets, and whether it reaches him."""
    if fault is None:
        return answer(), True
    if fault.kind == Fault.Kind.DELAY:
        early = answer() if fault.after_work else None
        if not wire.delay(fault.delay_seconds):
            return early or HttpResponse(status=504), False
        return early or answer(), True
    if fault.after_work:
        answer()
    return faults.spoiled(fault, wire, refuse), fault.kind != Fault.Kind.CUT

"""Let calls go wrong as the fault dial says."""

import time
from collections.abc import Callable
from typing import Protocol

from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from .models import Fault

#: How an API says that something went wrong: from a status and a sentence, its own form of an error.
Refuse = Callable[[int, str], HttpResponse]

#: Under this name a transport of its own stands in a request's `META`.
WIRE = "plenigo_sandbox.wire"

GARBAGE = "<!doctype html><title>Maintenance</title><h1>We will be right back</h1>"


class Wire(Protocol):
    """How a fault is felt by the caller, which depends on what lies between."""

    def delay(self, seconds: float) -> bool:
        """Let time pass, and say whether the caller is still waiting."""

    def cut(self) -> HttpResponseBase:
        """Return an answer that never arrives."""


class SocketWire:
    """A caller at the other end of a socket."""

    def delay(self, seconds: float) -> bool:
        """Sleep. Whether the caller is gone shows only when the answer is sent."""
        time.sleep(seconds)
        return True

    def cut(self) -> HttpResponseBase:
        """Return the answer that the sandbox's own server closes the connection for.

        Other servers keep the connection in their own hands: there the answer breaks off after its first bytes.
        """
        response = StreamingHttpResponse([b'{"'], content_type="application/json")
        response.cuts_connection = True  # type: ignore[attr-defined]  # read by the sandbox's own server
        return response


def wire_of(request: HttpRequest) -> Wire:
    """Return what lies between the sandbox and the caller."""
    wire: Wire = request.META.get(WIRE) or SocketWire()
    return wire


def take(endpoint: str) -> Fault | None:
    """Return the oldest fault that is dialled for an endpoint and count it down."""
    is_left = Q(remaining=None) | Q(remaining__gt=0)
    for fault in Fault.objects.filter(is_left, endpoint__in=["", endpoint]).order_by("pk"):
        if fault.remaining is None:
            return fault
        if Fault.objects.filter(pk=fault.pk, remaining__gt=0).update(remaining=F("remaining") - 1):
            return fault
    return None


def spoiled(fault: Fault, wire: Wire, refuse: Refuse) -> HttpResponseBase:
    """Return what the caller gets instead of an answer."""
    if fault.kind == Fault.Kind.CUT:
        return wire.cut()
    if fault.kind == Fault.Kind.GARBAGE:
        return HttpResponse(GARBAGE)
    return _with_status(fault, refuse)


def _with_status(fault: Fault, refuse: Refuse) -> HttpResponse:
    if fault.body:
        is_json = fault.body.lstrip().startswith(("{", "["))
        content_type = "application/json" if is_json else "text/html; charset=utf-8"
        response = HttpResponse(fault.body, status=fault.status, content_type=content_type)
    else:
        response = refuse(fault.status, "The sandbox's fault dial is set to this.")
    if fault.retry_after_seconds is not None:
        response["Retry-After"] = str(fault.retry_after_seconds)
    return response

"""Answer requests outside a site's own request cycle: in process, and in the sandbox's own server.

Neither middleware nor session, neither signals nor a site's urlconf take part; the thread's state is put back.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.exceptions import SuspiciousOperation, SynchronousOnlyOperation
from django.core.handlers.wsgi import WSGIRequest
from django.db import router, transaction
from django.db.transaction import TransactionManagementError
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import (
    get_resolver,
    get_script_prefix,
    get_urlconf,
    set_script_prefix,
    set_urlconf,
)
from django.utils import timezone, translation

from .models import Customer

#: The vendor's addresses, at the root.
URLCONF = "django_plenigo.sandbox.urls"
#: Where API v3 lies; its errors have a form of their own.
V3 = "/api/v3.0/"
#: How the addresses of OkePay's API begin, whose errors have another.
OKEPAY = "/v1"

logger = logging.getLogger(__name__)


class VendorRequest(WSGIRequest):
    """A request to the vendor's host, which is none of the site's own."""

    def get_host(self) -> str:
        """Return the host as it was asked for, whatever a site's ALLOWED_HOSTS says."""
        return str(self._get_raw_host())  # type: ignore[attr-defined]  # the stubs leave it out


def answer(environ: dict[str, Any], *, in_transaction: bool) -> HttpResponseBase:
    """Return the vendor's answer to a WSGI environment.

    `in_transaction` puts the whole request into a savepoint of the caller's transaction: what dies half-way leaves no
    half row, and the site lives on. Do not close the answer in process: that would end the site's own request.

    An error of the sandbox is a logged 500. Raises what is the caller's mistake: to ask from async code, or within a
    transaction that is broken already.
    """
    with _vendors_thread_state():
        try:
            request = VendorRequest(environ)
            match = request.resolver_match = get_resolver(URLCONF).resolve(request.path_info)
            with transaction.atomic(using=router.db_for_write(Customer)) if in_transaction else nullcontext():
                response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        except (SynchronousOnlyOperation, TransactionManagementError):
            raise
        except Http404:
            return _error(environ, 404, 99404, "not_found", "There is no such address.")
        except SuspiciousOperation:
            return HttpResponse(status=400)
        except Exception:  # the vendor is another party: its faults are answers, not exceptions
            logger.exception("The sandbox failed.")
            return _error(environ, 500, 99500, "internal", "The sandbox failed; see its log.")
        return response


def _error(environ: dict[str, Any], status: int, number: int, word: str, text: str) -> HttpResponse:
    """Return an error in the form of the API that was asked."""
    if str(environ["PATH_INFO"]).startswith(V3):
        return JsonResponse({"errorCode": number, "errorMessage": text}, status=status)
    if str(environ["PATH_INFO"]).startswith(OKEPAY):
        return JsonResponse({"status": "error", "message": text}, status=status)
    return JsonResponse({"error": word, "description": text}, status=status)


@contextmanager
def _vendors_thread_state() -> Iterator[None]:
    urlconf, prefix = get_urlconf(), get_script_prefix()
    set_urlconf(URLCONF)
    set_script_prefix("/")
    try:
        with translation.override("en"), timezone.override(None):
            yield
    finally:
        set_urlconf(urlconf)
        set_script_prefix(prefix)

"""What OkePay's pages share: guard, instance, language, headers, and a readable page for every refusal.

They work without JavaScript, and no site may frame them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ..guard import guarded
from ..models import OkePayInstance
from ..pages.framing import RefusalError, address_of, language_of
from .instances import find_instance

Page = Callable[..., HttpResponse]

#: As of every page of a vendor, whatever a site's middleware would set.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def okepay_page(*methods: str) -> Callable[[Page], Page]:
    """Turn a function of request, instance and what else the address names into a page for these methods.

    Django's CSRF token would need the site's middleware, which the sandbox's own server does not have. What changes
    something on the portal needs a ticket of the same session instead.
    """

    def decorate(view: Page) -> Page:
        @transaction.non_atomic_requests  # what locks begins a transaction of its own
        @csrf_exempt
        @login_not_required
        @guarded
        @require_http_methods(methods)
        @wraps(view)
        def page(request: HttpRequest, instance_name: str, **named: Any) -> HttpResponse:
            with translation.override(language_of(request)):
                response = _answer(view, request, instance_name, named)
            for name, value in HEADERS.items():
                response[name] = value
            return response

        return page

    return decorate


def _answer(view: Page, request: HttpRequest, instance_name: str, named: dict[str, Any]) -> HttpResponse:
    instance = find_instance(instance_name)
    try:
        if instance is None:
            raise RefusalError(404, _("The sandbox knows no OkePay instance of the name in the address."))
        return view(request, instance, **named)
    except RefusalError as refusal:
        return show(request, instance, "refused", status=refusal.status, sentence=refusal.sentence)


def show(
    request: HttpRequest, instance: OkePayInstance | None, page: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Render one of the pages `templates/plenigo_sandbox/okepay/*.html`."""
    common = {
        "company": instance.company if instance else None,
        "language": language_of(request),
        "style_address": address_of(request, "plenigo_sandbox_asset", "checkout.css"),
    }
    return render(request, f"plenigo_sandbox/okepay/{page}.html", {**common, **context}, status=status)

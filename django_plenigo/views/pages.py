"""What the pages of readers have in common: log-in, account, where they lead, throttle, privacy."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from django_plenigo import backends, conf, privacy
from django_plenigo.protocols.base import BrowserTraits
from django_plenigo.services import devices

logger = logging.getLogger(__name__)

#: Loaded at the first click, since it imports DRF.
CLICK_THROTTLE = "django_plenigo.throttles.ClickThrottle"

PageView = Callable[[HttpRequest, str], HttpResponse]


def reader_page(need: type) -> Callable[[PageView], Callable[[HttpRequest], HttpResponse]]:
    """Make a view a page for signed-in readers of an account whose API serves a need; it is given the account.

    Private, outside of transactions since the vendor is asked, and 404 where the account's API cannot do it.
    """

    def decorate(view: PageView) -> Callable[[HttpRequest], HttpResponse]:
        # Each hides the variables of the function that it stands right before.
        hidden = sensitive_variables()(view)

        @transaction.non_atomic_requests
        @login_not_required
        @sensitive_post_parameters()
        @wraps(view)
        def page(request: HttpRequest) -> HttpResponse:
            privacy.mark_private(request)
            using = account_of(request, need)
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            return hidden(request, using)

        return page

    return decorate


def account_of(request: HttpRequest, need: type) -> str:
    """Return the account that an address names, by default the first. Raises `Http404` where it cannot be served."""
    using = request.GET.get("account") or conf.DEFAULT_ACCOUNT
    if using not in conf.accounts():
        raise Http404
    if not backends.serves(need, using):
        logger.warning(
            "The page %s takes API v3; PLENIGO[%r] has API %s", request.path, using, conf.Account(using).generation
        )
        raise Http404
    return using


def next_of(request: HttpRequest) -> str:
    """Return the page of this site that a reader came from, "" where the address names none."""
    path = request.POST.get("next") or request.GET.get("next") or ""
    is_local = path.startswith("/") and path.isprintable() and url_has_allowed_host_and_scheme(path, None)
    return path if is_local else ""


def may_click(request: HttpRequest) -> bool:
    """Count a click of a reader, and say whether it is one too many."""
    return bool(import_string(CLICK_THROTTLE)().allow_request(request, None))


def traits_of(request: HttpRequest, using: str) -> BrowserTraits:
    """Return what the vendor is told of the reader's browser."""
    address = conf.client_address(request, conf.Account(using))
    return devices.traits_of(request.headers.get("User-Agent", ""), source=request.get_host(), ip_address=address)


def page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Show a page that no cache keeps."""
    response = render(request, template, context, status=status)
    add_never_cache_headers(response)
    return response

"""The click that leads into a vendor's portal, and the page with a button for each that a reader has."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from django_plenigo import conf, privacy
from django_plenigo.errors import InvalidValueError
from django_plenigo.services import portals
from django_plenigo.services.portals import Outcome
from django_plenigo.views.pages import may_click, page

logger = logging.getLogger(__name__)

LIST_PAGE, PORTAL_PAGE = "plenigo/portals.html", "plenigo/portal.html"

STATUSES = {
    Outcome.NO_REFERENCE: 404,
    Outcome.UNKNOWN_THERE: 404,
    Outcome.UNAVAILABLE: 503,
    Outcome.REFUSED: 502,
    Outcome.UNSAFE_LINK: 502,
    Outcome.MISCONFIGURED: 503,
}


class CsrfCheck(CsrfViewMiddleware):
    """Django's own check, which says why a click is refused and leaves the page to the view.

    A reader may have logged in in another tab since the button was rendered: she is to see a button, not Django's page.
    """

    def __init__(self) -> None:
        super().__init__(_any_view)

    def refusal(self, request: HttpRequest) -> str:
        """Return why a request is refused, "" where it is not."""
        self.process_request(request)
        return str(self.process_view(request, _any_view, (), {}) or "")

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _any_view(request: HttpRequest) -> HttpResponse:
    """Stand for a view that is not exempt, which is all that the check looks at."""
    return HttpResponse()


def portal_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Make a view a page of one reader: private, and outside of transactions since a vendor is asked.

    CSRF is checked here, also where a site's middleware does not; the view is given why a request is refused, or "".
    """
    # Each hides the variables of the function that it stands right before.
    hidden = sensitive_variables()(view)

    @transaction.non_atomic_requests
    @login_not_required
    @csrf_exempt
    @sensitive_post_parameters()
    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        privacy.mark_private(request)
        check = CsrfCheck()
        response = hidden(request, *args, csrf_refusal=check.refusal(request), **kwargs)
        return check.process_response(request, response)

    return shown


@portal_page
@require_safe
def portal_list(request: HttpRequest, *, csrf_refusal: str) -> HttpResponse:
    """Show a button for each portal that the reader has; a visitor is shown where to log in."""
    customer_of = portals.customer_accounts_of(request.user)
    wanted = request.GET.get("account", "")
    using = wanted if wanted in customer_of else next(iter(customer_of), "")
    return page(request, LIST_PAGE, {"using": using})


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def portal(request: HttpRequest, name: str, *, csrf_refusal: str) -> HttpResponse:
    """Lead a reader into a portal on a click, which is a POST; to all else show the button, and ask nobody.

    A GET comes of the log-in, of a reload, of a bookmark, and of prefetchers and scanners, who click nothing.
    """
    if name not in conf.portals():
        raise Http404
    signed = (request.POST if request.method == "POST" else request.GET).get("target", "")
    if not request.user.is_authenticated:
        query = {"target": signed} if signed else {}
        return redirect_to_login(reverse("plenigo:portal", args=[name], query=query))
    try:
        target = portals.read_target(signed, name, request.user)
    except InvalidValueError:
        text = _("This page is out of date. Please open the portal again.")
        return _page(request, portals.Target(name), text, status=400)
    if request.method != "POST":
        if not signed and portals.was_just_sent_on(request.user, name):  # and has come back
            text = _("The link had run out: each works only once, and for a short time.")
            return _page(request, target, text)
        return _page(request, target, _("One click leads you there."), label=_("Open"))
    if csrf_refusal:
        logger.warning("A click on a portal's button was refused: %s", csrf_refusal)
        text = _("This page is out of date. Please open the portal again.")
        return _page(request, target, text, status=403)
    if not may_click(request):
        text = _("Too many tries. Please wait a minute and open the portal again.")
        return _page(request, target, text, status=429)
    opening = portals.open_portal(
        request.user,
        target,
        client_address=conf.certain_client_address(request, conf.Account()),
        language=get_language() or "",
    )
    return _handed_over(opening.url) if opening.url else _refusal(request, target, opening.outcome)


def _handed_over(url: str) -> HttpResponse:
    """Send the browser on at once: the link is in this one header, and in no page."""
    # Not Django's redirect, whose repr holds the address.
    response = HttpResponse(status=303, headers={"Location": url, "Referrer-Policy": "no-referrer"})
    add_never_cache_headers(response)
    return response


def _refusal(request: HttpRequest, target: portals.Target, outcome: Outcome) -> HttpResponse:
    connect_address = portals.connection_path() if outcome in portals.WITHOUT_ACCOUNT else ""
    text = str(portals.FOR_READER[outcome])
    return _page(request, target, text, connect_address=connect_address, status=STATUSES[outcome])


def _page(
    request: HttpRequest,
    target: portals.Target,
    text: str,
    *,
    label: str = "",
    connect_address: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "label": portals.label_of_page(target.portal, target.page),
        "text": text,
        "is_error": status != 200,
        "connect_address": connect_address,
        "address": reverse("plenigo:portal", args=[target.portal]),
        "target": portals.sign_target(target, request.user),
        "button_label": label or _("Open again"),
    }
    return page(request, PORTAL_PAGE, context, status=status)

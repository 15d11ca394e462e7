"""What the pages of myAccount and the cart share: signing in by a link, the browser's session, and refusals.

Source: docs/protocols/2checkout.md 3 and 6. The pages are the vendor's own: no site may frame them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ..guard import guarded
from ..models import TwoCheckoutCustomer, TwoCheckoutLink, TwoCheckoutVisit
from ..pages import tickets
from ..pages.framing import LANGUAGES, RefusalError, address_of, language_of
from . import sign_on
from .methods import ADDRESS

COOKIE = "plenigo_sandbox_2checkout"
TOKEN = "logintoken"  # noqa: S105 - the name of a parameter
#: The kind of ticket that the forms carry.
TICKET = "twocheckout"

NOT_SIGNED_IN = _("You are not signed in. Please go back to the site and open your account from there.")
LINK_IS_OVER = _("This link was used before or has expired. Please go back to the site and open it again.")
OTHER_ADDRESS = _("This link is for another device. Please go back to the site and open it again.")
TOO_LATE = _("This page has been open for too long. Please go back and try again.")

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


class Browser:
    """One request of a browser, and who is signed in there."""

    def __init__(self, request: HttpRequest, visit: TwoCheckoutVisit | None) -> None:
        self.request = request
        self.visit = visit

    @property
    def customer(self) -> TwoCheckoutCustomer | None:
        """Who is signed in, None for nobody."""
        return self.visit.customer if self.visit else None

    @property
    def owner(self) -> TwoCheckoutCustomer:
        """Who is signed in. Raises `RefusalError` (401) for nobody."""
        if self.customer is None:
            raise RefusalError(401, NOT_SIGNED_IN)
        return self.customer

    def check_ticket(self) -> None:
        """Refuse a form that another site has made, or that is of another session. Raises `RefusalError`."""
        values = tickets.unseal(TICKET, self.request.POST.get("ticket", ""))
        if self.visit is None or values != {"visit": self.visit.pk}:
            raise RefusalError(403, TOO_LATE)

    def show(self, page: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Render one of the pages `templates/plenigo_sandbox/page_twocheckout_*.html`."""
        common = {
            "language": translation.get_language(),
            "style_address": address_of(self.request, "plenigo_sandbox_asset", "checkout.css"),
            "customer": self.customer,
            "ticket": tickets.seal(TICKET, {"visit": self.visit.pk}) if self.visit else "",
            "log_out_address": address_of(self.request, f"{ADDRESS}log_out"),
            "navigation": [
                (address_of(self.request, ADDRESS + name), label, name == context.get("name"))
                for name, label in NAVIGATION
            ],
        }
        return render(
            self.request, f"plenigo_sandbox/page_twocheckout_{page}.html", {**common, **context}, status=status
        )


NAVIGATION: tuple[tuple[str, Promise], ...] = (
    ("home", _("My account")),
    ("my_products", _("My products")),
    ("my_subscription", _("My subscriptions")),
    ("order_lookup", _("My orders")),
    ("payment_methods", _("Payment methods")),
    ("user_data", _("Personal information")),
    ("support", _("Support")),
)

Page = Callable[[Browser], HttpResponse]
View = Callable[[HttpRequest], HttpResponse]


def browser_page(kind: TwoCheckoutLink.Kind = TwoCheckoutLink.Kind.ACCOUNT) -> Callable[[Page], View]:
    """Turn a function of a browser into a page that links of a kind sign in at. Raises nothing: refusals are pages."""

    def decorate(page: Page) -> View:
        @transaction.non_atomic_requests  # a link stays used whatever comes afterwards
        @csrf_exempt  # each form has a ticket of its own
        @login_not_required
        @guarded
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(page)
        def view(request: HttpRequest) -> HttpResponse:
            browser = Browser(request, sign_on.visit_of(request.COOKIES.get(COOKIE, "")))
            with translation.override(_language(browser)):
                response = _answer(page, browser, kind)
            response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
            response["Referrer-Policy"] = "no-referrer"
            response["Cache-Control"] = "no-store"
            return response

        return view

    return decorate


def _language(browser: Browser) -> str:
    """Return the language that the link names, where there are pages in it, else the reader's own."""
    told = browser.visit.language if browser.visit else ""
    return told if told in LANGUAGES else language_of(browser.request)


def _answer(page: Page, browser: Browser, kind: TwoCheckoutLink.Kind) -> HttpResponse:
    try:
        if TOKEN in browser.request.GET:
            return _sign_in(browser, kind)
        return page(browser)
    except RefusalError as refusal:
        return browser.show("refused", status=refusal.status, sentence=refusal.sentence)


def _sign_in(browser: Browser, kind: TwoCheckoutLink.Kind) -> HttpResponse:
    """Use the link up and go on without its token, which stays in no history and is sent nowhere."""
    request = browser.request
    if request.method != "GET":  # who looks ahead has not come
        return HttpResponse(status=200 if request.method == "HEAD" else 405)
    try:
        secret = sign_on.open_link(request.GET[TOKEN], kind, request.META.get("REMOTE_ADDR", ""))
    except sign_on.LinkError:
        raise RefusalError(410, LINK_IS_OVER) from None
    except sign_on.AddressError:
        raise RefusalError(403, OTHER_ADDRESS) from None
    if browser.visit is not None:
        sign_on.end_visit(browser.visit)
    query = request.GET.copy()
    del query[TOKEN]
    response = HttpResponseRedirect(f"{request.path}?{query.urlencode()}" if query else request.path)
    response.status_code = 303
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(sign_on.VISIT_LIFETIME.total_seconds()),
        path=_mount(request),
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


def forget_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Let a browser forget that somebody was signed in."""
    response.delete_cookie(COOKIE, path=_mount(request), samesite="Lax")


def _mount(request: HttpRequest) -> str:
    """Return the path below which the sandbox lies: the cookie is sent nowhere else."""
    return address_of(request, f"{ADDRESS}home").removesuffix("myaccount/")

"""What all pages share: guard, company, language, headers, and a readable page for every refusal."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ..companies import find_company
from ..destinations import is_origin
from ..guard import guarded
from ..models import Company

LANGUAGES = frozenset({"de", "en"})

#: What the script found wrong on the site's page before it asked: name -> sentence.
PROBLEMS = {
    "config": _("The shop called the sandbox's script without a configuration that can be read."),
    "element": _("The site's page has no element with the id (elementId) in which this shall appear."),
}

Page = Callable[..., HttpResponse]


class RefusalError(Exception):
    """A page cannot be shown. The reader sees the sentence, under the given HTTP status."""

    def __init__(self, status: int, sentence: str | Promise, *, page_name: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.sentence = sentence
        self.page_name = page_name


def sandbox_page(view: Page) -> Page:
    """Turn a function of request and company into a page that a site may frame.

    The pages know no session and no cookie, so there is nothing that a forged request could ride on: they need no CSRF
    token, and work where a browser sends no cookies to a framed page.
    """

    @transaction.non_atomic_requests  # what locks begins a transaction of its own
    @csrf_exempt
    @login_not_required
    @xframe_options_exempt
    @guarded
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def page(request: HttpRequest, company_id: str) -> HttpResponse:
        with translation.override(language_of(request)):
            response = _answer(view, request, company_id)
        return _with_headers(response, embedder_of(request))

    return page


def _answer(view: Page, request: HttpRequest, company_id: str) -> HttpResponse:
    company = find_company(company_id)
    try:
        if company is None:
            raise RefusalError(404, _("The sandbox knows no company with the id that the script's address names."))
        if not embedder_of(request):
            raise RefusalError(
                400, _("The page that opened this one named no origin beginning with http:// or https://.")
            )
        if request.method == "POST":
            _refuse_problem(request.POST.get("problem"))
            return view(request, company)
        # Nothing but the frame's own script may fill this form: an address with a token in it does not exist.
        return show(request, company, "opening")
    except RefusalError as refusal:
        told = {"sentence": refusal.sentence, "page_name": refusal.page_name}
        return show(request, company, "refused", status=refusal.status, **told)


def _refuse_problem(problem: str | None) -> None:
    if problem is not None:
        raise RefusalError(400, PROBLEMS.get(problem, PROBLEMS["config"]))


def _with_headers(response: HttpResponse, embedder: str) -> HttpResponse:
    """Set by hand what a site's middleware would set for its own pages, and would set wrong for a framed one."""
    response["Content-Security-Policy"] = "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors " + (embedder or "'self'"),
        ]
    )
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response


def show(
    request: HttpRequest, company: Company | None, page: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Render one of the pages `templates/plenigo_sandbox/page_*.html`."""
    common = {
        "company": company,
        "origin": embedder_of(request),
        "language": language_of(request),
        "style_address": address_of(request, "plenigo_sandbox_asset", "checkout.css"),
        "script_address": address_of(request, "plenigo_sandbox_asset", "pages.js"),
    }
    return render(request, f"plenigo_sandbox/page_{page}.html", {**common, **context}, status=status)


def embedder_of(request: HttpRequest) -> str:
    """Return the origin of the page around the frame, or an empty text when it is missing or none."""
    origin = request.POST.get("origin") or request.GET.get("origin") or ""
    return origin if is_origin(origin) else ""


def language_of(request: HttpRequest) -> str:
    """Return the language the script tag names, else the browser's, else English."""
    wanted = request.POST.get("lang") or request.GET.get("lang") or ""
    if wanted in LANGUAGES:
        return wanted
    accepted = translation.get_language_from_request(request)[:2]
    return accepted if accepted in LANGUAGES else "en"


def address_of(request: HttpRequest, name: str, *args: str) -> str:
    """Return the address of another page of the same mount, whatever namespace it stands in."""
    match = request.resolver_match
    return reverse(":".join([*(match.namespaces if match else []), name]), args=args)

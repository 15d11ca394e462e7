"""The page that an OAuth log-in begins with. It asks for an e-mail address and no password.

Source: docs/protocols/plenigo-v2.md 2.6.
"""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .. import oauth
from ..companies import find_company
from ..customers import find_customer_by_email
from ..destinations import with_query
from ..guard import guarded
from ..models import Company

FIELDS = ("client_id", "redirect_uri", "state", "scope", "response_type")
SCOPES = ("", "profile")


@guarded
@csrf_exempt  # the page knows no session that a forged request could ride on
@login_not_required
@xframe_options_exempt
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form, or return to the merchant's address with a code."""
    sent = request.POST if request.method == "POST" else request.GET
    fields = {name: sent.get(name, "") for name in FIELDS}
    company = find_company(fields["client_id"])
    # Without a known company and an address of its own there is nowhere to return to: the reader is told.
    if company is None:
        return _page(request, fields, problem=_("There is no company with this client_id."), status=400)
    if not oauth.allows_redirect(company, fields["redirect_uri"]):
        problem = _("The address to return to (redirect_uri) is not one of this company's.")
        return _page(request, fields, problem=problem, status=400)
    if fields["scope"] not in SCOPES:
        return _return(fields, error="invalid_scope", error_description="The only scope is profile.")
    if request.method == "GET":
        return _page(request, fields, company=company)
    return _decide(request, company, fields)


def _decide(request: HttpRequest, company: Company, fields: dict[str, str]) -> HttpResponse:
    if "deny" in request.POST:
        return _return(fields, error="access_denied", error_description="The customer did not log in.")
    customer = find_customer_by_email(company, request.POST.get("email", "").strip())
    if customer is None:
        problem = _("There is no customer with this e-mail address.")
        return _page(request, fields, company=company, problem=problem, status=403)
    if not customer.is_let_in:
        problem = _("This customer can neither log in nor buy at present.")
        return _page(request, fields, company=company, problem=problem, status=403)
    return _return(fields, code=oauth.issue_code(customer, fields["redirect_uri"]))


def _return(fields: dict[str, str], **values: str) -> HttpResponse:
    if fields["state"]:
        values["state"] = fields["state"]
    response = HttpResponseRedirect(with_query(fields["redirect_uri"], **values))
    response["Cache-Control"] = "no-store"
    return response


def _page(
    request: HttpRequest,
    fields: dict[str, str],
    *,
    company: Company | None = None,
    problem: str | Promise = "",
    status: int = 200,
) -> HttpResponse:
    context = {"fields": fields, "company": company, "problem": problem}
    response = render(request, "plenigo_sandbox/sign_in.html", context, status=status)
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; base-uri 'none'"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response

"""The pages that `plenigo.login` and `plenigo.registration` open. Source: docs/protocols/plenigo-v2.md 4.1."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Company, Customer
from . import identification, tickets
from .framing import RefusalError, sandbox_page, show
from .returning import check_redirect, return_with_code, target_of
from .session_cookie import new_session_cookie

NEXT_PAGE = "plenigo_sandbox_login_next"
SCOPES = frozenset({"", "profile"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One opened log-in, carried from page to page as a signed ticket."""

    company_id: str
    target: str
    redirect_uri: str
    state: str


@sandbox_page
def open_login(request: HttpRequest, company: Company) -> HttpResponse:
    """Show the log-in first; the reader may change over to the registration."""
    return _open(request, company, registers=False)


@sandbox_page
def open_registration(request: HttpRequest, company: Company) -> HttpResponse:
    """Show the registration first; the reader may change over to the log-in."""
    return _open(request, company, registers=True)


@sandbox_page
def continue_login(request: HttpRequest, company: Company) -> HttpResponse:
    """Do what the pressed button says."""
    values = tickets.unseal("login", request.POST.get("ticket", ""))
    if values is None or values["company_id"] != company.company_id:
        raise RefusalError(403, gettext_lazy("This page has been open for too long. Please go back and start again."))
    visit = Visit(**values)
    action = request.POST.get("action", "")
    if action not in identification.ACTIONS:
        raise RefusalError(400, gettext_lazy("The page was sent without a button that the sandbox knows."))
    if action in {identification.SHOW_LOGIN, identification.SHOW_REGISTRATION}:
        return _show(request, company, visit, registers=action == identification.SHOW_REGISTRATION)
    try:
        customer = identification.identify(request, company, action)
    except identification.IdentificationError as error:
        registers = action == identification.REGISTER
        return _show(request, company, visit, registers=registers, problem=error.sentence)
    outcome = json.dumps(_outcome(customer, visit))
    return show(request, company, "completed", headline=_("You are logged in"), outcome=outcome)


def _open(request: HttpRequest, company: Company, *, registers: bool) -> HttpResponse:
    redirect_uri = request.POST.get("ssoRedirectURL", "")
    check_redirect(company, redirect_uri)
    if redirect_uri and request.POST.get("scope", "") not in SCOPES:
        raise RefusalError(400, gettext_lazy("The only scope is “profile”."))
    visit = Visit(
        company_id=company.company_id,
        target=target_of(request),
        redirect_uri=redirect_uri,
        state=request.POST.get("state", ""),
    )
    return _show(request, company, visit, registers=registers)


def _show(request: HttpRequest, company: Company, visit: Visit, **context: Any) -> HttpResponse:
    ticket = tickets.seal("login", asdict(visit))
    return identification.show_identification(request, company, NEXT_PAGE, ticket=ticket, **context)


def _outcome(customer: Customer, visit: Visit) -> dict[str, str]:
    """Return what the script does next: with an OAuth redirect the site exchanges the code, else a cookie tells it."""
    if not visit.redirect_uri:
        return {"cookie": new_session_cookie(customer), "address": visit.target}
    return return_with_code(customer, visit.redirect_uri, visit.state)

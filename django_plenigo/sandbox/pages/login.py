"""The pages that `plenigo.login` and `plenigo.registration` open. Source: docs/protocols/plenigo-v2.md 4.1."""

import json
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Company, Customer
from .dialogues import IdentifyingDialogue, Visit
from .framing import RefusalError, sandbox_page
from .returning import check_redirect, return_with_code, target_of
from .session_cookie import new_session_cookie

SCOPES = frozenset({"", "profile"})


@dataclass(frozen=True, kw_only=True)
class LoginVisit(Visit):
    """One opened log-in."""

    target: str
    redirect_uri: str
    state: str


class Login(IdentifyingDialogue[LoginVisit]):
    """The log-in of API v2."""

    name = "login"
    visit_class = LoginVisit
    too_late = gettext_lazy("This page has been open for too long. Please go back and start again.")

    def identified(self, customer: Customer) -> HttpResponse:
        """Tell the script what to do next: with an OAuth redirect the site exchanges the code, else a cookie tells."""
        visit = self.visit
        if visit.redirect_uri:
            outcome = return_with_code(customer, visit.redirect_uri, visit.state)
        else:
            outcome = {"cookie": new_session_cookie(customer), "address": visit.target}
        return self.show("completed", headline=_("You are logged in"), outcome=json.dumps(outcome))


@sandbox_page
def open_login(request: HttpRequest, company: Company) -> HttpResponse:
    """Show the log-in first; the reader may change over to the registration."""
    return _open(request, company, registers=False)


@sandbox_page
def open_registration(request: HttpRequest, company: Company) -> HttpResponse:
    """Show the registration first; the reader may change over to the log-in."""
    return _open(request, company, registers=True)


continue_login = Login.as_next_page()


def _open(request: HttpRequest, company: Company, *, registers: bool) -> HttpResponse:
    redirect_uri = request.POST.get("ssoRedirectURL", "")
    check_redirect(company, redirect_uri)
    if redirect_uri and request.POST.get("scope", "") not in SCOPES:
        raise RefusalError(400, gettext_lazy("The only scope is “profile”."))
    visit = LoginVisit(
        company_id=company.company_id,
        target=target_of(request),
        redirect_uri=redirect_uri,
        state=request.POST.get("state", ""),
    )
    return Login(request, company, visit).show_identification(registers=registers)

"""Where a page sends the reader afterwards: a target of the site's, or back with an OAuth code."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..destinations import is_web_address, with_query
from ..models import Company, Customer
from ..oauth import allows_redirect, issue_code
from .framing import RefusalError


def target_of(request: HttpRequest) -> str:
    """Return where to go afterwards; empty means the page around the frame. Raises `RefusalError`."""
    target = request.POST.get("targetUrl", "")
    if target and not is_web_address(target):
        raise RefusalError(400, _("The address to return to must begin with http:// or https://."))
    return target


def check_redirect(company: Company, redirect_uri: str) -> None:
    """Refuse an OAuth redirect that is no web address or not the company's. Raises `RefusalError`."""
    if not redirect_uri:
        return
    if not is_web_address(redirect_uri):
        raise RefusalError(400, _("The address to return to must begin with http:// or https://."))
    if not allows_redirect(company, redirect_uri):
        raise RefusalError(400, _("The company has registered another address for log-ins to return to."))


def return_with_code(customer: Customer, redirect_uri: str, state: str) -> dict[str, str]:
    """Return a fresh OAuth code and the address that carries it. Source: docs/protocols/plenigo-v2.md 2.6."""
    code = issue_code(customer, redirect_uri)
    values = {"code": code, "state": state} if state else {"code": code}
    return {"address": with_query(redirect_uri, **values), "code": code}

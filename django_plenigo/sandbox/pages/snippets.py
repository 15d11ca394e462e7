"""The pages that `plenigo.renderSnippet` of API v2 opens, one in each element.

They are those of the self service of API v3; a login token says who looks at them, or for a customer who has logged in
at the vendor's the session cookie. Source: docs/protocols/plenigo-v2.md 4.1.
"""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from .. import login_tokens, session_cookies
from ..models import Company, Customer
from .framing import RefusalError, sandbox_page
from .self_service import SelfService, ServiceVisit, unknown_page

#: By the constants of the vendor's script.
SNIPPETS = frozenset(
    {
        *("PERSONAL_DATA", "ORDER", "SUBSCRIPTION", "PAYMENT_METHODS", "ADDRESS_DATA", "BILLING_ADDRESS_DATA"),
        *("DELIVERY_ADDRESS_DATA", "BANK_ACCOUNT", "CREDIT_CARD", "PERSONAL_DATA_SETTINGS", "PERSONAL_DATA_ADDRESS"),
        *("PERSONAL_DATA_PROTECTION", "PERSONAL_DATA_SOCIAL_MEDIA", "PERSONAL_DATA_PASSWORD"),
    }
)


@sandbox_page
def open_snippet(request: HttpRequest, company: Company) -> HttpResponse:
    """Use the login token up and show the page that the script was called for."""
    page = request.POST.get("snippetId", "")
    if page not in SNIPPETS:
        raise unknown_page()
    customer = _customer_of(request, company)
    visit = ServiceVisit(
        company_id=company.company_id,
        customer_id=customer.customer_id,
        page=page,
        navigation="OFF",
        details="EDIT",
    )
    return SelfService(request, company, visit).show_page(takes_focus=False)


def _customer_of(request: HttpRequest, company: Company) -> Customer:
    token = request.POST.get("loginToken", "")
    if token:
        customer = login_tokens.consume_login_token(company, token)
        sentence = _("The log-in token is unknown, was used before or is older than five minutes.")
    else:
        customer = session_cookies.customer_of(company, request.POST.get("session", ""))
        sentence = _("Nobody is logged in: the site must send a log-in token along.")
    if customer is None:
        raise RefusalError(403, sentence)
    return customer

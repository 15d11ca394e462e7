"""Log in or register with nothing but an e-mail address: the sandbox asks for no password."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .. import customers
from ..models import Company, Customer
from .framing import RefusalError, language_of

#: Why nobody gets in, by the status of a customer.
SENTENCES: dict[str, str | Promise] = {
    Customer.Status.BLOCKED: _("This customer must choose a new password before the next log-in."),
    Customer.Status.DEACTIVATED: _("This customer has been deactivated."),
    Customer.Status.DISABLED: _("This customer has been disabled by the vendor."),
}
PROCESSING_BLOCKED = _("The data of this customer must not be processed.")

EMAIL = forms.EmailField(max_length=254)


class IdentificationError(ValueError):
    """The customer is not known by what was typed. `sentence` says why and what to do."""

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__("not identified")
        self.sentence = sentence


def identify(request: HttpRequest, company: Company, *, registers: bool) -> Customer:
    """Return the customer who logs in or registers. Raises `IdentificationError` with a sentence for the reader."""
    try:
        email = EMAIL.clean(request.POST.get("email", ""))
    except ValidationError:
        raise IdentificationError(_("Please enter a complete e-mail address.")) from None
    if registers:
        return _register(company, email, language_of(request))
    known = customers.find_customer_by_email(company, email)
    if known is None:
        raise IdentificationError(_("There is no customer with this e-mail address. Please register."))
    if not known.is_let_in:
        raise IdentificationError(why_shut_out(known))
    return known


def why_shut_out(customer: Customer) -> str | Promise:
    """Return the sentence for a customer who may neither log in nor buy."""
    return SENTENCES.get(customer.status, PROCESSING_BLOCKED)


def refuse_shut_out(customer: Customer) -> None:
    """Refuse who was shut out since he has logged in. Raises `RefusalError`."""
    if not customer.is_let_in:
        raise RefusalError(403, why_shut_out(customer))


def _register(company: Company, email: str, language: str) -> Customer:
    try:
        return customers.register_customer(company, email, language=language, fails_by_existing_email=True)
    except customers.ThrottleError:
        raise IdentificationError(_("This e-mail address was registered a moment ago. Please wait.")) from None
    except customers.ConflictError:
        sentence = _("There is a customer with this e-mail address already. Please log in.")
        raise IdentificationError(sentence) from None


def address_typed(request: HttpRequest) -> str:
    """Return the address that the reader has typed, or that the site knows (docs/protocols/plenigo-v2.md 4.1)."""
    return request.POST.get("email", request.POST.get("loginIdentifier", ""))

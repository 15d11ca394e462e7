"""The pages that connect an imported account: the details, the code, the session.

They are the vendor's own front end of docs/protocols/plenigo-v3.md 6.3 to 6.5, and refuse what its API refuses.
"""

import copy
from typing import Any, TypeVar

from django import forms
from django.db import transaction
from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .. import account_connections as connections
from ..api_v3 import answers, login_identifiers
from ..api_v3.endpoints import CODES_BY_CUSTOMER_STATUS
from ..models import Channel, Company, ConnectionProcess
from ..single_sign_on import NAME_REQUIRED, settings_of
from . import identification
from .framing import RefusalError, language_of
from .sessions import SessionDialogue, SessionVisit

VisitT = TypeVar("VisitT", bound=SessionVisit)

#: One sentence for all: who is a customer is not told.
NO_MATCH = _("These details do not belong together, or we know of no such subscription.")

SENTENCES = {
    login_identifiers.IDENTIFIERS_DIFFER: NO_MATCH,
    login_identifiers.ADDRESS_DIFFERS: NO_MATCH,
    login_identifiers.IDENTIFIER_UNKNOWN: NO_MATCH,
    login_identifiers.REGISTRATION_UNDER_WAY: _("This e-mail address was registered a moment ago. Please wait."),
    20007: _("There is a customer with this e-mail address already. Please log in."),
    20008: _("This user name is taken already."),
    answers.PROCESSING_BLOCKED: identification.PROCESSING_BLOCKED,
    **{code: identification.SENTENCES[status] for status, (code, _text) in CODES_BY_CUSTOMER_STATUS.items()},
}
NOT_OFFERED = _("The company's SSO settings do not allow to connect an account.")


#: By the names of the API.
FIELDS: dict[str, forms.Field] = {
    "customerId": forms.RegexField(r"\A[0-9]{1,18}\Z", label=_("Customer number")),
    "subscriptionId": forms.IntegerField(label=_("Number of the subscription"), min_value=1),
    "postcode": forms.CharField(label=_("ZIP code"), max_length=100),
    "street": forms.CharField(label=_("Street"), max_length=100),
    "streetNumber": forms.CharField(label=_("House number"), max_length=100),
    "city": forms.CharField(label=_("City"), max_length=100),
    "email": forms.EmailField(label=_("E-mail address"), max_length=100),
    "password": forms.CharField(label=_("New password"), max_length=100, widget=forms.PasswordInput),
    "username": forms.CharField(label=_("User name"), max_length=100),
    "firstName": forms.CharField(label=_("First name"), max_length=100),
    "lastName": forms.CharField(label=_("Last name"), max_length=100),
    "mobileNumber": forms.CharField(label=_("Mobile number"), max_length=100),
}


class IdentifierForm(forms.Form):
    """What the settings ask for."""

    def __init__(self, company: Company, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = settings_of(company)
        asked = {name: getattr(settings, flag) for name, flag in login_identifiers.REQUESTED.items()}
        asked |= dict.fromkeys(("firstName", "lastName"), settings.sso_name in NAME_REQUIRED)
        asked |= {"username": settings.force_username, "mobileNumber": settings.token_type == Channel.SMS}
        self.fields.update({name: copy.deepcopy(field) for name, field in FIELDS.items() if asked.get(name, True)})


class ConnectionDialogue(SessionDialogue[VisitT]):
    """A visit in which an imported account is connected."""

    def press_show_identifier(self) -> HttpResponse:
        """Ask for the details."""
        if not settings_of(self.company).allow_registration_identifier:
            raise RefusalError(403, NOT_OFFERED)
        return self._show_form(IdentifierForm(self.company, initial={"email": self.known_address}))

    def press_identify(self) -> HttpResponse:
        """Have a code sent to who knows the details."""
        form = IdentifierForm(self.company, self.request.POST)
        if not form.is_valid():
            return self._show_form(form)
        values = {**form.cleaned_data, "language": language_of(self.request), "customerNotification": True}
        try:
            with transaction.atomic():
                step = login_identifiers.begin(self.company, values)
        except connections.RegisteredError:
            return self._show_registered()
        except answers.RefusalError as refusal:
            return self._refused(form, refusal)
        return self._show_code(step.token)

    def press_verify(self) -> HttpResponse:
        """Take the code."""
        token = self.request.POST.get("token", "")
        try:
            with transaction.atomic():
                process = self._process(token)
                if not connections.is_right_code(process, self.request.POST.get("code", "").strip()):
                    return self._show_code(token, _("This code is not right."))
                session = login_identifiers.finish(process, self.logging_data)
        except connections.RegisteredError:
            return self._show_registered()
        except answers.RefusalError as refusal:
            raise RefusalError(refusal.status, SENTENCES.get(refusal.code, _begin_anew(refusal))) from None
        return self.logged_in(session)

    def press_resend(self) -> HttpResponse:
        """Send another code."""
        with transaction.atomic():
            process = self._process(self.request.POST.get("token", ""))
            identification.refuse_shut_out(process.customer)
            step = connections.resend(process)
        return self._show_code(step.token)

    def _process(self, token: str) -> ConnectionProcess:
        try:
            return login_identifiers.process_of(self.company, token)
        except answers.RefusalError as refusal:
            raise RefusalError(refusal.status, _begin_anew(refusal)) from None

    def _show_form(self, form: IdentifierForm, problem: str | Promise = "") -> HttpResponse:
        return self.show("identifier", page_name="defaultRegistrationWithIdentifierForm", form=form, problem=problem)

    def _show_code(self, token: str, problem: str | Promise = "") -> HttpResponse:
        return self.show("code", page_name="defaultRegisterResendMail", token=token, problem=problem)

    def _show_registered(self) -> HttpResponse:
        sentence = _("This subscription is connected already. Please log in with your e-mail address.")
        return self.show_identification(registers=False, problem=sentence)

    def _refused(self, form: IdentifierForm, refusal: answers.RefusalError) -> HttpResponse:
        """Say what is wrong: of single fields, of all of them, or that it is not possible at all."""
        for flaw in refusal.flaws:
            if flaw.field in form.fields:
                form.add_error(flaw.field, _("The sandbox does not accept this."))
        if form.errors:
            return self._show_form(form)
        if refusal.code in SENTENCES:
            return self._show_form(form, SENTENCES[refusal.code])
        raise RefusalError(403, NOT_OFFERED)


def _begin_anew(refusal: answers.RefusalError) -> str | Promise:
    if refusal.code == 20043:
        return _("Too many wrong codes. Please begin again.")
    return _("This step is over, or another one has taken its place. Please begin again.")

"""The pages that `plenigo.SSO` opens: log-in, registration, a forgotten password.

Source: docs/protocols/plenigo-v3.md 8. Connecting an account is in `sso_connection`.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import clock, customer_sessions, customers, identifiers
from ..models import Channel, Company, Customer, CustomerSession, SentMessage
from . import identification
from .framing import RefusalError, embedder_of, sandbox_page
from .sessions import SOURCE_CHARACTERS, SessionVisit, check_domain
from .sso_connection import ConnectionDialogue

#: The methods of `plenigo.SSO`.
LOGIN, REGISTER, FORGOT_PASSWORD = "login", "register", "forgotPassword"

#: The name of a site that tells none.
DEFAULT_SOURCE = "plenigoSSO"

#: Our choice: no document says how long a code can be entered.
CODE_LIFETIME = timedelta(minutes=15)
SHORTEST_PASSWORD = 8


@dataclass(frozen=True, kw_only=True)
class SsoVisit(SessionVisit):
    """One opened log-in."""

    email: str = ""
    """What the site knows of the reader."""

    identifier_label: str = ""
    """What leads to the connection of an account; empty where the site does not want it shown."""

    shows_tabs: bool = False
    """Whether log-in and registration are tabs on top of the page."""

    message_id: int = 0
    """The code that was sent to who has forgotten his password."""

    password_mark: str = ""
    """Of the password that was forgotten: a code changes no later one."""


class Sso(ConnectionDialogue[SsoVisit]):
    """The single sign-on of API v3."""

    name = "sso"
    visit_class = SsoVisit
    too_late = gettext_lazy("This page has been open for too long. Please go back and start again.")

    @property
    def known_address(self) -> str:
        """What was typed last, or what the site knows."""
        return super().known_address or self.visit.email

    @property
    def around_identification(self) -> Mapping[str, Any]:
        """What else can be done instead."""
        visit = self.visit
        return {"identifier_label": visit.identifier_label, "shows_tabs": visit.shows_tabs, "may_reset": True}

    def logged_in(self, session: CustomerSession) -> HttpResponse:
        """Tell the script of the session."""
        outcome = json.dumps({"customerSession": customer_sessions.text_of(session)})
        headline = _("You are logged in")
        return self.show("completed", page_name="defaultStepSuccessLogin", headline=headline, outcome=outcome)

    def press_show_forgotten(self, problem: str | Promise = "") -> HttpResponse:
        """Ask for the address of the account whose password is forgotten."""
        self.check_identification()
        name = "defaultPasswordForgottenPasswordReset"
        return self.show("forgotten", page_name=name, email=self.known_address, problem=problem)

    def press_send_code(self) -> HttpResponse:
        """Send a code to the address; whether there is such a customer is not told."""
        self.check_identification()
        try:
            email = identification.EMAIL.clean(self.request.POST.get("email", ""))
        except ValidationError:
            return self.press_show_forgotten(gettext_lazy("Please enter a complete e-mail address."))
        customer = customers.find_customer_by_email(self.company, email)
        if customer is None or not customers.may_reset_password(customer):
            return self.go_on(message_id=0, password_mark="")._show_reset()
        message = SentMessage.objects.create(
            company=self.company,
            channel=Channel.EMAIL,
            recipient=customer.email,
            code=identifiers.new_code(),
            sent_at=clock.now(),
        )
        return self.go_on(message_id=message.pk, password_mark=_mark_of(customer))._show_reset()

    def press_set_password(self) -> HttpResponse:
        """Take the code and the new password, and ask the reader to log in with it."""
        self.check_identification()
        customer = self._owner_of_code(self.request.POST.get("code", "").strip())
        if customer is None:
            return self._show_reset(gettext_lazy("This code is wrong, too old or was used before."))
        password = self.request.POST.get("password", "")
        if len(password) < SHORTEST_PASSWORD:
            return self._show_reset(gettext_lazy("Please choose a password of at least 8 characters."))
        customers.reset_password(customer, password)
        self.go_on(message_id=0, password_mark="", email=customer.email)
        notice = _("Your password has been changed. Please log in.")
        return self.show_identification(registers=False, notice=notice)

    def _show_reset(self, problem: str | Promise = "") -> HttpResponse:
        return self.show("reset", page_name="defaultPasswordForgottenVerificationCode", problem=problem)

    def _owner_of_code(self, code: str) -> Customer | None:
        """Return whose password a code changes, once."""
        sent = SentMessage.objects.filter(company=self.company, pk=self.visit.message_id)
        message = sent.filter(sent_at__gt=clock.now() - CODE_LIFETIME).first()
        if message is None or not hmac.compare_digest(message.code.encode(), code.encode("utf-8", "replace")):
            return None
        customer = customers.find_customer_by_email(self.company, message.recipient)
        if customer is None or not customers.may_reset_password(customer):
            return None
        return customer if _mark_of(customer) == self.visit.password_mark else None


@sandbox_page
def open_sso(request: HttpRequest, company: Company) -> HttpResponse:
    """Show the first page of what the script was called for."""
    check_domain(company, embedder_of(request))
    sent = request.POST
    visit = SsoVisit(
        company_id=company.company_id,
        origin=embedder_of(request),
        source=sent.get("source", DEFAULT_SOURCE)[:SOURCE_CHARACTERS],
        email=sent.get("email", "")[:254],
        identifier_label=_label_of(sent.get("showLoginIdentifier", "")),
        shows_tabs=sent.get("showTabs") == "true",
    )
    sso = Sso(request, company, visit)
    way = sent.get("way", "")
    if "connect" in sent:
        raise RefusalError(400, gettext_lazy("The sandbox has no products for several users, so nothing to connect."))
    if sent.get("verificationUrl"):
        raise RefusalError(
            400, gettext_lazy("In the sandbox a registration needs no code, so no mail leads to verificationUrl.")
        )
    if way == REGISTER and sent.get("loginIdentifier") == "true":
        return sso.press_show_identifier()
    if way == FORGOT_PASSWORD:
        return sso.press_show_forgotten()
    if way not in {LOGIN, REGISTER}:
        raise RefusalError(400, gettext_lazy("The script has no method of this name."))
    return sso.show_identification(registers=way == REGISTER)


continue_sso = Sso.as_next_page()


def _label_of(text: str) -> str:
    """Return what leads to the connection: a text of the site's, or ours where the site has said only that."""
    if text in {"", "false"}:
        return ""
    return _("Connect an existing subscription") if text == "true" else text[:200]


def _mark_of(customer: Customer) -> str:
    return salted_hmac("plenigo_sandbox.password", customer.password, algorithm="sha256").hexdigest()[:16]

"""Log-ins of API v3, which are sessions: somebody with too many of them ends one first, or all.

Source: docs/protocols/plenigo-v3.md 3, 6.1 and 8.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TypeVar

from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from .. import customer_sessions
from ..customers import find_customer
from ..models import Company, Customer, CustomerSession
from ..single_sign_on import allows_origin, is_shut, settings_of
from . import identification
from .dialogues import IdentifyingDialogue, Visit
from .framing import RefusalError

#: As long as the columns of a session.
SOURCE_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class SessionVisit(Visit):
    """One visit in which somebody logs in."""

    origin: str
    """Of the page around the frame."""

    source: str = ""
    """What the site calls itself."""

    arriving_id: str = ""
    """Who has said who he is, and has no session yet."""


SessionT = TypeVar("SessionT", bound=SessionVisit)


class SessionDialogue(IdentifyingDialogue[SessionT]):
    """A visit in which somebody gets a session."""

    @abstractmethod
    def logged_in(self, session: CustomerSession) -> HttpResponse:
        """Go on with the session of who has logged in."""

    @property
    def logging_data(self) -> dict[str, str]:
        """What is kept of a log-in, by columns of a session."""
        browser = self.request.headers.get("User-Agent", "")
        return {"source": self.visit.source or self.visit.origin[:SOURCE_CHARACTERS], "browser": browser[:200]}

    def check_identification(self) -> None:
        """Refuse everybody while the single sign-on is shut."""
        if is_shut(settings_of(self.company)):
            raise RefusalError(403, gettext_lazy("The single sign-on is shut in its settings: nobody can log in."))

    def identified(self, customer: Customer) -> HttpResponse:
        """Begin a session; with as many as there may be, show them first. Raises `RefusalError`."""
        identification.refuse_shut_out(customer)
        session = customer_sessions.begin(customer, self.logging_data)
        if session is None:
            return self.go_on(arriving_id=customer.customer_id)._show_sessions(customer)
        return self.go_on(arriving_id="").logged_in(session)

    def press_end_session(self) -> HttpResponse:
        """End the session that was chosen."""
        return self._end(self.request.POST.get("session", ""))

    def press_end_all(self) -> HttpResponse:
        """End all sessions."""
        return self._end(None)

    def _end(self, session_id: str | None) -> HttpResponse:
        arriving_id = self.visit.arriving_id
        customer = find_customer(self.company, arriving_id) if arriving_id else None
        if customer is None:
            raise RefusalError(403, gettext_lazy("Nobody has logged in. Please go back and start again."))
        try:
            customer_sessions.end(customer, session_id)
        except customer_sessions.UnknownSessionError:
            return self._show_sessions(customer, gettext_lazy("Please choose where to log out."))
        return self.identified(customer)

    def _show_sessions(self, customer: Customer, problem: str | Promise = "") -> HttpResponse:
        sessions = customer_sessions.active(customer)
        return self.show("sessions", page_name="defaultLoginSessionsForm", sessions=sessions, problem=problem)


def check_domain(company: Company, origin: str) -> None:
    """Refuse a page of a domain that the settings do not allow. Raises `RefusalError`."""
    if not allows_origin(settings_of(company), origin):
        sentence = gettext_lazy("The company's SSO settings allow no log-in and no checkout on pages of this domain.")
        raise RefusalError(403, sentence, page_name="defaultInvalidDomainForm")

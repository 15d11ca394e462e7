"""Sessions and transfer tokens (docs/protocols/plenigo-v3.md 3).

A session travels in the query string here and there: the transport tells no address to logs or errors.
"""

from typing import Any

from django_plenigo.errors import AuthenticationError, RejectedError
from django_plenigo.protocols.base import (
    UNKNOWN_BROWSER,
    ActiveSession,
    BrowserTraits,
    Customer,
    CustomerRef,
    CustomerSession,
    LoginPass,
    SessionKeeper,
    SessionLimitReached,
    checked_id,
    reading,
)
from django_plenigo.protocols.plenigo_v3 import answers, arguments
from django_plenigo.protocols.plenigo_v3.connection import Connection, segment
from django_plenigo.protocols.plenigo_v3.customers import customer_of
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Answer

#: How long a transfer token works, in seconds.
TRANSFER_TOKEN_SECONDS = 30

#: Of a browser more is cut off: it comes from a header that may hold anything.
TRAITS = {"os": ("os", 100), "browser": ("browser", 200), "source": ("source", 200), "ipAddress": ("ip_address", 45)}


class Sessions(Connection, SessionKeeper):
    """The part of the client about sessions."""

    @without_secrets
    def start_session(
        self, customer: CustomerRef, traits: BrowserTraits = UNKNOWN_BROWSER
    ) -> CustomerSession | SessionLimitReached:
        """Return a new session, or what stands in its way: 202 is the session, and 200 is the limit."""
        customer_id = self._customer_id(customer, "start_session")
        # Not idempotent: each call leaves one more session, and there is a limit.
        answer = self._call("start_session", "POST", f"/sessions/{customer_id}", json=logging_data(traits))
        if answer.status == 200:
            return _limit_of(answer, "start_session")
        return session_of(answer, "start_session")

    @without_secrets
    def end_sessions(self, removal_token: str, *, session_id: str | None = None) -> CustomerSession:
        """End one session, or all, and return the new one. The removal token may be spent even where this fails."""
        token = checked_id("removal_token", removal_token)
        params = {}
        if session_id is not None:
            params["sessionId"] = checked_id("session_id", session_id, arguments.SESSION_ID_LENGTH)
        path = f"/processes/login/changeSessions/{segment(token)}"
        return session_of(self._call("end_sessions", "PUT", path, params=params), "end_sessions")

    @without_secrets
    def owner_of_session(self, session: CustomerSession) -> str | None:
        """Return the id of the customer whose session it is, None where it is over."""
        answer = self._of_session("owner_of_session", "/sessions/validate", session)
        return None if answer is None else answers.required(answer, "owner_of_session", "customerId", reading.id_text)

    @without_secrets
    def read_session_customer(self, session: CustomerSession) -> Customer | None:
        """Return the customer whose session it is, None where it is over."""
        answer = self._of_session("read_session_customer", "/sessions/customerData", session)
        return None if answer is None else customer_of(answer, "read_session_customer")

    def _of_session(self, operation: str, path: str, session: CustomerSession) -> Answer | None:
        params = {"sessionToken": _checked_session(session)}
        try:
            return self._call(operation, "GET", path, params=params, idempotent=True)  # it only reads
        except (AuthenticationError, RejectedError) as error:
            if not _is_over(error):
                raise
        return None

    @without_secrets
    def create_transfer_token(self, session: CustomerSession) -> LoginPass | None:
        """Return a token that hands the session to a page, once and within 30 seconds; None where it is over."""
        body = {"customerSession": _checked_session(session)}
        try:
            # Not idempotent: each call leaves one more token that lets somebody in.
            answer = self._call("create_transfer_token", "POST", "/sessions/transferToken", json=body)
        except (AuthenticationError, RejectedError) as error:
            if not _is_over(error):
                raise
            return None
        token = reading.text_of(answer, "create_transfer_token", "transferToken")
        return LoginPass(token, is_url=False, lifetime_seconds=TRANSFER_TOKEN_SECONDS)

    @without_secrets
    def redeem_transfer_token(self, token: str) -> CustomerSession | None:
        """Return the session that another site handed over; None where the token is spent, expired or nobody's."""
        params = {"transferToken": checked_id("token", token, arguments.TRANSFER_TOKEN_LENGTH)}
        try:
            answer = self._call("redeem_transfer_token", "GET", "/sessions/transferToken", params=params)
        except (AuthenticationError, RejectedError) as error:
            if error.code != answers.TRANSFER_TOKEN_SPENT and not _is_over(error):
                raise
            return None
        return session_of(answer, "redeem_transfer_token")


def logging_data(traits: BrowserTraits) -> dict[str, str]:
    """Return what the vendor is told of a browser, by its own names (3)."""
    values = {name: str(getattr(traits, ours))[:longest] for name, (ours, longest) in TRAITS.items()}
    return arguments.without_blanks(**values)


def session_of(answer: Answer, operation: str) -> CustomerSession:
    """Return the session of an answer. Raises `ProtocolError`."""
    return CustomerSession(reading.text_of(answer, operation, "customerSession"))


def _limit_of(answer: Answer, operation: str) -> SessionLimitReached:
    active: Any = reading.object_of(answer, operation).get("activeSessions")
    items = active.get("items") if isinstance(active, dict) else None
    sessions = tuple(
        ActiveSession(
            reading.id_text(each, "sessionId"),
            os=answers.optional_text(each, "os"),
            browser=answers.optional_text(each, "browser"),
            created_at=answers.moment(each, "createdAt"),
        )
        for each in (items or [])
        if isinstance(each, dict)
    )
    return SessionLimitReached(sessions, reading.text_of(answer, operation, "removalToken"))


def _is_over(error: AuthenticationError | RejectedError) -> bool:
    """Say whether an answer about a session means that it is over: a 401 does, unless its code is of the access token.

    The vendor's example of such a 401 has a code that is listed nowhere, 99015 (1.3, 3).
    """
    return error.code in (answers.SESSION_OVER, answers.NOT_AUTHORISED)


def _checked_session(session: CustomerSession) -> str:
    return checked_id("session", session.value, arguments.SESSION_LENGTH)

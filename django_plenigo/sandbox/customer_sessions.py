"""Make, check and end the sessions of customers. Source: docs/protocols/plenigo-v3.md 3."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import timedelta

from django.db import router, transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from . import clock, identifiers
from .customers import lock
from .models import Company, Customer, CustomerSession, SessionRemoval, TransferToken
from .single_sign_on import settings_of

LIFETIME = timedelta(days=14)
TRANSFER_SECONDS = 30
#: Our choice: no document says how long a list of sessions can be acted on.
REMOVAL_LIFETIME = timedelta(minutes=15)
#: Long, as the vendor warns that sessions are.
SESSION_BYTES = 450


class InvalidError(Exception):
    """The session is unknown, too old or of another company."""


class ReplacedError(Exception):
    """The session was ended by a log-in elsewhere."""


class RemovalError(Exception):
    """The removal token is unknown, used or too old."""


class UnknownSessionError(Exception):
    """The session that shall end is none of the customer's."""


def active(customer: Customer) -> QuerySet[CustomerSession]:
    """Return the sessions that count now, oldest first."""
    return customer.customer_sessions.filter(ended_at=None, expires_at__gt=clock.now()).order_by("pk")


def _has_reached_limit(customer: Customer) -> bool:
    """Say whether a customer may have no further session. A limit of 0 counts as 1."""
    lock(customer)
    return active(customer).count() >= max(1, settings_of(customer.company).max_sessions)


def begin(customer: Customer, logging_data: Mapping[str, str]) -> CustomerSession | None:
    """Return a new session; None where the customer has as many as he may."""
    with transaction.atomic(using=router.db_for_write(CustomerSession)):
        return None if _has_reached_limit(customer) else create(customer, logging_data)


def create(customer: Customer, logging_data: Mapping[str, str]) -> CustomerSession:
    """Return a new session; `logging_data` are columns of it."""
    now = clock.now()
    return CustomerSession.objects.create(
        customer=customer,
        session_id=uuid.uuid4().hex,
        created_at=now,
        expires_at=now + LIFETIME,
        **logging_data,
    )


def text_of(session: CustomerSession) -> str:
    """Return what the client holds: the session's id, and some hundred characters that only the sandbox can make."""
    key = salted_hmac("plenigo_sandbox.customer_sessions", session.session_id, algorithm="sha256").digest()
    proof = base64.urlsafe_b64encode(hashlib.shake_256(key).digest(SESSION_BYTES)).decode()
    return f"{session.session_id}.{proof}"


def validate(company: Company, text: str) -> CustomerSession:
    """Return the session of a text, which lives for 14 days from now on. Raises `InvalidError` or `ReplacedError`."""
    session_id = text.partition(".")[0]
    found = CustomerSession.objects.filter(customer__company=company).select_related("customer__company")
    session = found.filter(session_id=session_id).first() if session_id.isalnum() else None
    if session is None or not hmac.compare_digest(text_of(session).encode(), text.encode("utf-8", "surrogatepass")):
        raise InvalidError
    if session.ended_at is not None:
        raise ReplacedError
    now = clock.now()
    if session.expires_at <= now or not session.customer.is_let_in:
        raise InvalidError
    session.expires_at = now + LIFETIME
    session.save(update_fields=["expires_at"])
    return session


def mint_removal_token(customer: Customer, logging_data: Mapping[str, str]) -> str:
    """Return the pass to end sessions of a customer, and to make the one that could not be made."""
    token = identifiers.new_token()
    SessionRemoval.objects.create(
        customer=customer,
        digest=identifiers.digest(token),
        logging_data=dict(logging_data),
        expires_at=clock.now() + REMOVAL_LIFETIME,
    )
    return token


def replace(company: Company, removal_token: str, session_id: str | None) -> CustomerSession:
    """End one session or, without an id, all of them, and return a new one.

    Works once. Raises `RemovalError` or `UnknownSessionError`.
    """
    found = SessionRemoval.objects.filter(
        customer__company=company, digest=identifiers.digest(removal_token), used_at=None
    )
    removal = found.select_related("customer__company").first()
    now = clock.now()
    if removal is None or not found.filter(expires_at__gt=now).update(used_at=now):
        raise RemovalError
    end(removal.customer, session_id)
    return create(removal.customer, removal.logging_data)


def end(customer: Customer, session_id: str | None) -> None:
    """End one of a customer's sessions or, without an id, all of them. Raises `UnknownSessionError`."""
    sessions = active(customer)
    if session_id is not None:
        sessions = sessions.filter(session_id=session_id) if session_id.isalnum() else sessions.none()
    if not sessions.update(ended_at=clock.now()) and session_id is not None:
        raise UnknownSessionError


def mint_transfer_token(session: CustomerSession) -> str:
    """Return the pass that carries a session to another site within 30 seconds, once."""
    token = identifiers.new_token()
    TransferToken.objects.create(
        session=session,
        digest=identifiers.digest(token),
        expires_at=clock.now() + timedelta(seconds=TRANSFER_SECONDS),
    )
    return token


def redeem_transfer_token(company: Company, token: str) -> CustomerSession | None:
    """Return the session behind a token, once; None when it is unknown, used or too old, or the session has ended."""
    now = clock.now()
    found = TransferToken.objects.filter(session__customer__company=company, digest=identifiers.digest(token))
    row = found.select_related("session__customer").first()
    if row is None or not TransferToken.objects.filter(pk=row.pk, used_at=None, expires_at__gt=now).update(used_at=now):
        return None
    session = row.session
    lives = session.ended_at is None and session.expires_at > now and session.customer.is_let_in
    return session if lives else None


def is_removal_token(company: Company, token: str) -> bool:
    """Say whether a token is one to end sessions with."""
    return SessionRemoval.objects.filter(customer__company=company, digest=identifiers.digest(token)).exists()

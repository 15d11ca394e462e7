"""Sessions of customers at the vendor (API v3): kept encrypted, used again, handed to pages by transfer tokens.

A session counts against a limit of devices, so one is made only where the kept one is over
(docs/protocols/plenigo-v3.md 3).
"""

from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet
from django.utils import timezone

from django_plenigo import backends
from django_plenigo.errors import ProtocolError, SessionLimitError
from django_plenigo.models import CustomerLink, CustomerSession
from django_plenigo.protocols import base
from django_plenigo.services import customers
from django_plenigo.services.rows import rows_of
from django_plenigo.tracebacks import without_secrets


def kept_session(link: CustomerLink) -> base.CustomerSession | None:
    """Return the session that is kept of a customer, None where there is none, or none that can be read any more."""
    text = _rows(link).values_list("encrypted_session", flat=True).first()
    value = None if text is None else backends.decrypted(text)
    return None if value is None else base.CustomerSession(value)


@without_secrets
def keep_session(link: CustomerLink, session: base.CustomerSession) -> None:
    """Keep a session in place of the one that is kept, for instance of a reader who has just been connected."""
    values = {"encrypted_session": backends.encrypted(session.value), "started_at": timezone.now()}
    if _rows(link).update(**values):
        return
    try:
        with transaction.atomic(router.db_for_write(CustomerSession)):
            _rows(link).create(link=link, **values)
    except IntegrityError:  # another tab was faster, or the reader was deleted
        _rows(link).update(**values)


def forget_session(link: CustomerLink) -> None:
    """Keep no session of a customer any more. At the vendor it lives on until it ends by itself."""
    _rows(link).delete()


@without_secrets
def mint_transfer(link: CustomerLink, traits: base.BrowserTraits = base.UNKNOWN_BROWSER) -> base.LoginPass:
    """Return a transfer token of a registered customer, as late as possible: it works once, and for 30 seconds.

    The kept session is used again; where it is over a new one is begun for a browser with these traits. Raises
    `SessionLimitError` where the customer is logged in on too many devices for one, and `RemoteError`.
    """
    keeper = backends.session_keeper(link.account)
    session = kept_session(link)
    transfer = None if session is None else keeper.create_transfer_token(session)
    if transfer is not None:
        return transfer
    transfer = keeper.create_transfer_token(_start(link, keeper, session, traits))
    if transfer is None:
        raise ProtocolError(base.SERVICE, "create_transfer_token", code="a new session is over")
    return transfer


@without_secrets
def end_sessions(link: CustomerLink, removal_token: str, *, session_id: str | None = None) -> None:
    """End one of a customer's sessions at the vendor, or all, and keep the new one that comes of it.

    The removal token is that of a `SessionLimitError`. Raises `InvalidValueError` and `RemoteError`.
    """
    keeper = backends.session_keeper(link.account)
    keep_session(link, keeper.end_sessions(removal_token, session_id=session_id))


def _start(
    link: CustomerLink,
    keeper: base.SessionKeeper,
    spent: base.CustomerSession | None,
    traits: base.BrowserTraits,
) -> base.CustomerSession:
    """Return a new session and keep it; that of another tab where it was faster, since that one counts already."""
    started = keeper.start_session(customers.customer_of(link), traits)
    if isinstance(started, base.SessionLimitReached):
        other = kept_session(link)
        if other is None or other == spent:
            raise SessionLimitError(started)
        return other
    keep_session(link, started)
    return started


def _rows(link: CustomerLink) -> QuerySet[CustomerSession]:
    return rows_of(CustomerSession).filter(link=link)

"""Links a visitor who has bought inside a checkout of API v3 to the customer she was there, once she is logged in here.

The vendor's script has told the page a session of that customer (docs/protocols/plenigo-v3.md 8). It is kept in the
visitor's session on the server, encrypted and for minutes.
"""

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from django_plenigo import backends, conf
from django_plenigo.errors import PlenigoError, RemoteError
from django_plenigo.protocols.base import CustomerSession
from django_plenigo.services import customers
from django_plenigo.services.connection.events import Event
from django_plenigo.services.connection.stepping import sign_in
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

KEY = "plenigo_visitor"

#: Long enough for a log-in or a registration. Later somebody else may sit in front of the browser.
KEPT_SECONDS = 15 * 60


@without_secrets
def keep_buyer(session: MutableMapping[str, Any], customer_session: str, *, using: str) -> None:
    """Keep in a visitor's session on this site whose customer she is, in place of what is kept.

    Nothing is kept where sessions are in a cookie, which the browser can read: a warning says so.
    """
    if not conf.keeps_sessions_on_server():
        logger.warning("SESSION_ENGINE keeps sessions in a cookie: a visitor's purchase is not linked at her log-in.")
        return
    session[KEY] = {
        "account": using,
        "encrypted_session": backends.encrypted(customer_session),
        "kept_at": time.time(),
    }


def is_buyer_kept(session: MutableMapping[str, Any], *, using: str) -> bool:
    """Say whether a session keeps whose customer its visitor is."""
    return _kept(session, using) is not None


@without_secrets
def link_buyer(session: MutableMapping[str, Any], user: Any, *, client_address: str, using: str) -> None:
    """Link a reader to the customer that she was as a visitor a moment ago, as `sign_in` does.

    That the session is of this browser says who has bought, not that the same person has logged in here: somebody else
    may have come to a shared computer. So the customer must have her address besides. Where nobody knows, the session
    stays kept for another try; else it is forgotten, whatever came of it. Never raises `RemoteError`.
    """
    value = _kept(session, using)
    if value is None:
        return
    try:
        customer = backends.session_keeper(using).read_session_customer(CustomerSession(value))
    except PlenigoError as error:
        logger.warning("Nobody knows which customer a visitor is: %s", error)
        if not isinstance(error, RemoteError) or not error.retryable:
            _forget(session)
        return
    if customer is not None and customers.is_same_address(customer.email, customers.email_of(user)):
        outcome = sign_in(user, value, client_address=client_address, has_bought=True, using=using)
        if outcome.event is Event.UNAVAILABLE:
            return
    _forget(session)


def _kept(session: MutableMapping[str, Any], using: str) -> str | None:
    kept = session.get(KEY)
    if kept is None or kept["account"] != using or not 0 <= time.time() - kept["kept_at"] < KEPT_SECONDS:
        return None
    return backends.decrypted(kept["encrypted_session"])


def _forget(session: MutableMapping[str, Any]) -> None:
    session.pop(KEY, None)

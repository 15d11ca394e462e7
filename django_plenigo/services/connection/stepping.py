"""The steps of a connection: details, code, another code. What comes of each is an `Outcome`, never an exception.

State machine: docs/protocols/plenigo-v3.md 6.5. No step is sent twice by itself.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.errors import ConfigurationError, ConflictError, PlenigoError, RateLimitError, RemoteError
from django_plenigo.models import AccountConnection, ConnectionTry, CustomerLink
from django_plenigo.protocols import base
from django_plenigo.services import access, customers, hashes, sessions
from django_plenigo.services.connection import records
from django_plenigo.services.connection.events import (
    STATE_AFTER,
    Event,
    State,
    event_of_code,
    event_of_resend,
    event_of_sign_in,
    event_of_start,
    refused_fields,
)
from django_plenigo.services.connection.process import Process
from django_plenigo.signals import account_connected
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

#: How long the vendor locks an address after a registration, where it names no time (6.5).
WAIT_SECONDS = 10.0

#: How often a second click looks whether the first has ended, and how long it waits in between, in seconds.
LOOKS, SECONDS_BETWEEN_LOOKS = 20, 0.1

#: What a conflict means that is not about another reader.
_CONFLICTS = {
    customers.USER_HAS_ANOTHER_CUSTOMER: Event.LINKED_ALREADY,
    customers.CONNECTION_UNDONE: Event.UNDONE,
}

Step = ConnectionTry.Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step."""

    event: Event
    state: State
    """Where the reader stands now."""

    process: Process | None = None
    """What her session is to keep from now on: after a start that has failed, the code that was sent before."""

    fields: tuple[str, ...] = ()
    """What the vendor refused, by the names of the form; none where it did not say."""

    until: datetime | None = None
    """When to try again, where she has to wait."""

    link: CustomerLink | None = None
    """Her link, once she is connected."""


def check_offer(user: Any, settings: base.SsoSettings, *, using: str) -> Outcome | None:
    """Return why a reader cannot connect anything, None where she can. The vendor is not asked."""
    if customers.link_of(user, using=using) is not None:
        return _outcome(Event.LINKED_ALREADY)
    if not settings.offers_connection:
        return _outcome(Event.NOT_OFFERED)
    if not customers.email_of(user):
        return _outcome(Event.NO_EMAIL)
    # A code by e-mail proves the address that becomes her log-in at the vendor; one by SMS does not.
    if settings.token_type is base.TokenType.SMS and not customers.has_verified_email(user, using=using):
        return Outcome(Event.EMAIL_UNVERIFIED, State.START)
    return None


def without_code(user: Any, *, using: str) -> Outcome:
    """Return where a reader stands whose session knows of no code: connected in another tab, or not. Asks nobody."""
    link = customers.link_of(user, using=using)
    if link is None:
        return _outcome(Event.OUT_OF_ORDER)
    return _outcome(Event.CONNECTED, link=link) if records.has_connected(link) else _outcome(Event.LINKED_ALREADY)


@without_secrets
def start(
    user: Any,
    values: Mapping[str, str],
    *,
    settings: base.SsoSettings,
    client_address: str,
    earlier: Process | None = None,
    next_path: str = "",
    using: str = conf.DEFAULT_ACCOUNT,
) -> Outcome:
    """Have a code sent to a reader, by the cleaned values of a `ConnectionForm` and her own e-mail address.

    She was shown the terms of `settings`, if there are any: they are kept as those that she agreed to. `earlier` is
    what her session keeps: its code works until another one was sent. Raises `ConfigurationError`, and
    `UnsupportedOperationError` with API v2.
    """
    connector = backends.account_connector(using)
    _check_client(client_address, using)
    refusal = check_offer(user, settings, using=using)
    if refusal is not None:
        return replace(refusal, process=earlier)
    request = base.ConnectionRequest(
        email=customers.email_of(user),
        language=conf.Account(using).language,
        ip_address=client_address or None,
        **{name: value for name, value in values.items() if value != ""},
    )
    current = records.begin(user, request, client_address, terms_text=settings.terms_text, using=using)
    if earlier is not None and records.pending(user, earlier.connection, using=using) is None:
        earlier = None
    until = records.locked_until(current)
    if until is not None:
        return _ended(current, Event.LOCKED, until=until, process=earlier)
    if customers.is_undone(user.pk, request.customer_id, using=using):
        return _ended(current, Event.UNDONE, process=earlier)
    began = time.monotonic()
    try:
        answer = connector.start_connection(request)
    except PlenigoError as error:
        outcome = _failed(current, event_of_start(error), error)
        if outcome.event is Event.NO_MATCH:
            _answer_no_sooner(began, using)
        return replace(outcome, process=earlier)
    if isinstance(answer, base.AlreadyRegistered):
        return _ended(current, Event.ALREADY_REGISTERED, process=earlier)
    records.end_older(current.connection)
    channel = (answer.token_type or settings.token_type).value
    process = Process(using, current.connection.pk, answer.token, channel, next_path)
    return _went_on(current, Event.CODE_SENT, process)


@without_secrets
def confirm(user: Any, process: Process, code: str, *, shown_for: int | None, traits: base.BrowserTraits) -> Outcome:
    """Connect a reader by the code that she was sent: link her, keep her session, send `account_connected`.

    `shown_for` is the connection that her page was shown for, None where that is unknown. Raises as `start` does.
    """
    using = process.account
    connector = backends.account_connector(using)
    connection = _leased(user, process, shown_for)
    if isinstance(connection, Outcome):
        return connection
    current = records.begin_step(connection, Step.CODE)
    until = records.locked_until(current)
    if until is not None:
        return _went_on(current, Event.LOCKED, process, until=until)
    confirmed = records.kept_session(connection)
    if confirmed is not None:  # an outage came in between
        return _connect(user, current, confirmed, process)
    if customers.link_of(user, using=using) is not None:  # since the code was sent; plenigo could not take it back
        return _ended(current, Event.LINKED_ALREADY)
    if process.channel == base.TokenType.SMS.value and not customers.has_verified_email(user, using=using):
        return _went_on(current, Event.EMAIL_UNVERIFIED, process)
    try:
        answer = connector.confirm_connection(process.token, code, traits)
    except PlenigoError as error:
        return _failed(current, event_of_code(error), error, process)
    if isinstance(answer, base.AlreadyRegistered):
        return _ended(current, Event.ALREADY_REGISTERED)
    records.keep_session(connection, answer)
    return _connect(user, current, answer, process)


@without_secrets
def resend(user: Any, process: Process, *, settings: base.SsoSettings) -> Outcome:
    """Have another code sent. Only the new token works from then on. Raises as `start` does."""
    using = process.account
    connector = backends.account_connector(using)
    connection = _leased(user, process)
    if isinstance(connection, Outcome):
        return connection
    current = records.begin_step(connection, Step.RESEND)
    until = records.locked_until(current)
    if until is not None:
        return _went_on(current, Event.LOCKED, process, until=until)
    try:
        answer = connector.resend_code(process.token)
    except PlenigoError as error:
        return _failed(current, event_of_resend(error), error, process)
    channel = (answer.token_type or settings.token_type).value
    return _went_on(current, Event.CODE_SENT, process.with_token(answer.token, channel))


@without_secrets
def sign_in(
    user: Any,
    customer_session: str,
    *,
    client_address: str,
    has_bought: bool = False,
    using: str = conf.DEFAULT_ACCOUNT,
) -> Outcome:
    """Link a reader to the customer who she has logged in as at the vendor, whose script has told her session.

    The session is no more than a claim: the vendor is asked whose it is. It will be told her address, which this site
    must have verified. With `has_bought` she has logged in to buy, as a customer who has her address already: she has
    connected no subscription. Raises as `start` does.
    """
    keeper = backends.session_keeper(using)
    _check_client(client_address, using)
    if customers.link_of(user, using=using) is not None:
        return _outcome(Event.LINKED_ALREADY)
    session = base.CustomerSession(customer_session)
    current = records.begin_sign_in(user, client_address, using=using)
    until = records.locked_until(current)
    if until is not None:
        return _ended(current, Event.LOCKED, until=until)
    if not has_bought and customers.email_of(user) and not customers.has_verified_email(user, using=using):
        return _ended(current, Event.EMAIL_UNVERIFIED)
    try:
        owner = keeper.owner_of_session(session)
    except PlenigoError as error:
        return _failed(current, event_of_sign_in(error), error)
    if owner is None:
        return _ended(current, Event.NOT_SIGNED_IN)
    return _link(user, current, session, owner, reason=records.BOUGHT if has_bought else Event.CONNECTED.value)


# ---- how a step ends


def _outcome(event: Event, **values: Any) -> Outcome:
    return Outcome(event, STATE_AFTER[event], **values)


def _went_on(current: records.Try, event: Event, process: Process, **values: Any) -> Outcome:
    """Write what came of a step after which the reader goes on with the code."""
    records.end_step(current, event)
    return Outcome(event, State.CODE_SENT, process, **values)


def _ended(current: records.Try, event: Event, **values: Any) -> Outcome:
    """Write that a connection has ended with a step, unless it is done: then she is connected."""
    has_ended = records.end_connection(current.connection, event)
    records.end_step(current, event)
    done = None if has_ended else _done(current.connection.user, current.connection.pk, current.connection.account)
    return done or Outcome(event, STATE_AFTER.get(event, State.START), **values)


def _failed(current: records.Try, event: Event, error: PlenigoError, process: Process | None = None) -> Outcome:
    """Write what an error of the vendor comes to."""
    if event is Event.FAILED:
        logger.error("A connection could not be made: %s", error)
    elif event is Event.UNAVAILABLE:
        logger.warning("A connection could not be made: %s", error)
    values: dict[str, Any] = {}
    if event is Event.INVALID:
        values["fields"] = refused_fields(error)
    if event is Event.WRONG_CODE:
        values["fields"] = ("code",)
    if event is Event.WAIT:
        seconds = (error.retry_after_seconds if isinstance(error, RateLimitError) else None) or WAIT_SECONDS
        values["until"] = timezone.now() + timedelta(seconds=seconds)
    if process is not None and STATE_AFTER.get(event, State.CODE_SENT) is State.CODE_SENT:
        return _went_on(current, event, process, **values)
    return _ended(current, event, **values)


def _leased(user: Any, process: Process, shown_for: int | None = None) -> AccountConnection | Outcome:
    """Return the connection for a step that nobody else makes meanwhile, or where the reader stands without one."""
    for _look in range(LOOKS):
        connection = records.pending(user, process.connection, using=process.account)
        if connection is None:
            # It has ended, perhaps in another tab, or by the first of two clicks.
            return _done(user, process.connection, process.account) or _outcome(Event.OUT_OF_ORDER)
        if shown_for not in (None, connection.pk):
            return Outcome(Event.OTHER_TAB, State.CODE_SENT, process)
        if records.lease(connection):
            # As it is now: what was looked at may be older than the end of another step.
            return records.connections().get(pk=connection.pk)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return Outcome(Event.WAIT, State.CODE_SENT, process, until=timezone.now() + timedelta(seconds=WAIT_SECONDS))


def _done(user: Any, key: int, using: str) -> Outcome | None:
    """Return that the reader is connected, where another click has come to that."""
    link = customers.link_of(user, using=using) if records.is_done(user, key) else None
    return None if link is None else _outcome(Event.CONNECTED, link=link)


def _check_client(client_address: str, using: str) -> None:
    """Raise `ConfigurationError` where no client could be told from another: none of them would have a limit."""
    if not client_address:
        raise ConfigurationError(
            f"PLENIGO[{using!r}]['TRUSTED_PROXIES'] must name the networks of this site's own proxies, which must send "
            "X-Forwarded-For: connections are counted by the address of the reader's browser, and this site sees none."
        )


def _answer_no_sooner(began: float, using: str) -> None:
    """Let a refusal take the same time, whether the vendor found nobody or somebody else."""
    missing = conf.Account(using).connection_answer_seconds - (time.monotonic() - began)
    if missing > 0:
        time.sleep(missing)


# ---- the last step


def _connect(user: Any, current: records.Try, session: base.CustomerSession, process: Process) -> Outcome:
    """Link the reader to the customer whose session it is. At the vendor she is connected already.

    Where that cannot be done now, she enters her code once more, which the vendor is not asked about again.
    """
    try:
        owner = backends.session_keeper(current.connection.account).owner_of_session(session)
    except PlenigoError as error:
        return _not_linked(current, error, process)
    return _ended(current, Event.OWNER_UNKNOWN) if owner is None else _link(user, current, session, owner, process)


def _link(
    user: Any,
    current: records.Try,
    session: base.CustomerSession,
    owner: str,
    process: Process | None = None,
    *,
    reason: str = Event.CONNECTED.value,
) -> Outcome:
    connection, using = current.connection, current.connection.account
    try:
        link = customers.link_customer(user, owner, confirmed_email=_email_at_vendor(user, connection), using=using)
    except ConflictError as error:
        return _ended(current, _CONFLICTS.get(error.code, Event.CUSTOMER_OF_ANOTHER))
    except PlenigoError as error:
        return _not_linked(current, error, process)
    sessions.keep_session(link, session)
    values = {"link": link, "customer_hash": hashes.number_hash("customer", owner), "reason": reason}
    records.end_connection(connection, Event.CONNECTED, **values)
    records.end_step(current, Event.CONNECTED)
    access.forget_answers(user, using=using)
    tell = partial(account_connected.send_robust, sender=CustomerLink, link=link, user=user)
    transaction.on_commit(tell, using=router.db_for_write(CustomerLink), robust=True)
    return _outcome(Event.CONNECTED, link=link)


def _not_linked(current: records.Try, error: PlenigoError, process: Process | None) -> Outcome:
    """Write that the vendor knows the reader, but this site does not."""
    logger.error("plenigo knows a reader, but she could not be linked here: %s", error)
    if not isinstance(error, RemoteError) or not error.retryable:
        return _ended(current, Event.OWNER_UNKNOWN)
    return _failed(current, Event.UNAVAILABLE, error, process)


def _email_at_vendor(user: Any, connection: AccountConnection) -> str:
    """Return the reader's address where it is still the one that the vendor was told, else ""."""
    email = customers.email_of(user)
    return email if hashes.email_hash(email) == connection.email_hash else ""

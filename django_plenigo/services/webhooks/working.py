"""Works on what was delivered: reads it, acts, and drops the body. All of it may be repeated."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidValueError,
    PlenigoError,
    ProtocolError,
    RemoteError,
)
from django_plenigo.models import WebhookDelivery
from django_plenigo.protocols.base import CustomerEvent, WebhookEvent
from django_plenigo.services import outbox
from django_plenigo.services.rows import rows_of
from django_plenigo.services.sending.patience import is_circuit_open, wait_seconds
from django_plenigo.services.webhooks.binding import bind_customer
from django_plenigo.services.webhooks.claims import claim, settle
from django_plenigo.services.webhooks.following import follow_customer
from django_plenigo.services.webhooks.forgetting import KEPT_BODY, forget_bodies_at_times
from django_plenigo.services.webhooks.reasons import MAY_CHANGE, Reason
from django_plenigo.services.webhooks.records import State, make_due
from django_plenigo.services.webhooks.sources import UnknownSourceError, account_of, reader_of, sources_of
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

#: How often a delivery is tried. The waits grow from ten seconds to an hour, so together it is about a day and a half.
MOST_ATTEMPTS = 40

#: How often is tried what may come out otherwise at a further try: readers take their time, a vendor's API is but late.
TRIES: Mapping[Reason, int] = dict.fromkeys(MAY_CHANGE, MOST_ATTEMPTS) | {Reason.NOT_CONFIRMED: 6}

#: Of several things that came of one delivery, which is told: the first of these.
ORDER = (
    Reason.TAKEN,
    Reason.HAS_ANOTHER,
    Reason.TAKEN_AWAY,
    Reason.OTHER_EMAIL,
    Reason.UNVERIFIED_EMAIL,
    Reason.NO_EMAIL,
    Reason.CUSTOMER_GONE,
    Reason.BOUND,
    Reason.REFRESHED,
    Reason.ALREADY_BOUND,
    Reason.IN_STEP,
    Reason.UNREADABLE,
    Reason.UNKNOWN_REFERENCE,
    Reason.NO_REFERENCE,
    Reason.NOT_VALID,
    Reason.NOT_CONFIRMED,
    Reason.NOT_LINKED,
    Reason.NOTHING,
)


def work_due(
    accounts: Iterable[str] | None = None,
    *,
    must_stop: Callable[[], bool] = lambda: False,
    limit: int | None = None,
) -> int:
    """Work on what was delivered to accounts and is due, all of them by default; return how many deliveries that were.

    The account "default" works for all portals. Raises `RuntimeError` within a transaction, and errors of the database:
    what was leased then is worked on again after `LEASE_TIME`.
    """
    sources = sources_of(conf.accounts() if accounts is None else accounts)
    count = 0
    while not must_stop() and (limit is None or count < limit):
        delivery = claim(sources)
        if delivery is None:
            forget_bodies_at_times()  # after the work, which a worker that comes back late has a body for still
            break
        count += 1
        _work_on(delivery)
    return count


def try_again(deliveries: QuerySet[WebhookDelivery]) -> int:
    """Have deliveries that have failed, or wait for their next try, worked on at once; return how many."""
    keys = list(deliveries.values_list("pk", flat=True))
    chosen = rows_of(WebhookDelivery).filter(pk__in=keys)
    sources = set(chosen.values_list("source", flat=True))
    count = make_due(chosen)
    for account in sorted({account_of(source) or "" for source in sources} - {""}):
        outbox.wake_on_commit(account)
    return count


def may_try_again(delivery: WebhookDelivery) -> bool:
    """Say whether a delivery can be worked on again: what is done, or was refused, has no body any more."""
    if delivery.state == State.FAILED:
        return delivery.processed_at is not None and delivery.processed_at > timezone.now() - KEPT_BODY
    return delivery.state == State.WAITING


@without_secrets
def _work_on(delivery: WebhookDelivery) -> None:
    if delivery.attempts > MOST_ATTEMPTS:  # its worker has died each time
        _fail(delivery, Reason.GIVEN_UP)
        return
    try:
        reason = _act(delivery)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - a site's own function may raise anything; one delivery holds up no other
        _judge(delivery, error)
    else:
        _end(delivery, reason)


def _end(delivery: WebhookDelivery, reason: Reason) -> None:
    """Write what came of a delivery, and drop its body, unless a further try may find something else."""
    nothing_wrong = {"reason": reason, "last_error": "", "last_error_type": ""}
    if delivery.attempts < TRIES.get(reason, 0):
        settle(delivery, due_at=_next_try(delivery.attempts - 1), **nothing_wrong)
    else:
        settle(delivery, state=State.DONE, processed_at=timezone.now(), body=None, due_at=None, **nothing_wrong)


def _next_try(before: int, wish_seconds: float | None = None) -> datetime:
    """Return when to try again what was tried so often `before`: ever later, and not before the vendor wishes."""
    return timezone.now() + timedelta(seconds=wait_seconds(before, wish_seconds))


def _act(delivery: WebhookDelivery) -> Reason:
    """Do what all events of a delivery ask for, and return what came of it."""
    reader = reader_of(delivery.source)
    events: Sequence[WebhookEvent | None] = reader.read_events(bytes(delivery.body or b""), delivery.content_type)
    if delivery.needs_confirmation:
        events = [reader.confirm(event) for event in events if event is not None]
    return min((_act_on(delivery.source, event) for event in events), key=ORDER.index, default=Reason.NOTHING)


def _act_on(source: str, event: WebhookEvent | None) -> Reason:
    if event is None:
        return Reason.NOT_CONFIRMED
    if isinstance(event, CustomerEvent):
        return follow_customer(account_of(source) or conf.DEFAULT_ACCOUNT, event)
    return bind_customer(source, event)


def _judge(delivery: WebhookDelivery, error: Exception) -> None:
    """Leave a delivery for later, or to an agent where no further try helps."""
    if is_circuit_open(error):  # the vendor was not even asked, so this counts as no attempt
        _postpone(delivery, error, counts=False)
    elif isinstance(error, InvalidValueError):
        _fail(delivery, Reason.MALFORMED, error)
    elif not _may_pass(error):
        _fail(delivery, Reason.REJECTED, error)
    elif delivery.attempts >= MOST_ATTEMPTS:
        _fail(delivery, Reason.GIVEN_UP, error)
    else:
        _postpone(delivery, error)
    if not isinstance(error, PlenigoError | UnknownSourceError):
        logger.error("This site raised %s as a webhook was worked on", type(error).__name__)


def _may_pass(error: Exception) -> bool:
    # Credentials and settings are mended by people, and nothing is wrong with what was delivered.
    if isinstance(error, AuthenticationError | ProtocolError | ConfigurationError):
        return True
    return error.retryable if isinstance(error, RemoteError) else not isinstance(error, PlenigoError)


def _postpone(delivery: WebhookDelivery, error: Exception, *, counts: bool = True) -> None:
    before = delivery.attempts - 1
    due_at = _next_try(before if counts else 0, getattr(error, "retry_after_seconds", None))
    settle(delivery, due_at=due_at, attempts=before + counts, reason="", **outbox.told(error))


def _fail(delivery: WebhookDelivery, reason: Reason, error: Exception | None = None) -> None:
    """Leave a delivery to an agent. Its body is kept for a while, since she may have it worked on again."""
    told: dict[str, Any] = {} if error is None else outbox.told(error)
    if settle(delivery, state=State.FAILED, reason=reason, processed_at=timezone.now(), due_at=None, **told):
        logger.warning("A webhook has failed, an agent has to look: %s", told.get("last_error", reason))

"""Queue callbacks, and send those that are due. Source: docs/protocols/plenigo-v3.md 7."""

import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import requests
from django.db.models import Q, QuerySet
from django.dispatch import receiver
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from . import clock, purchases
from .events import CallbackType, EntityType, Event, happened
from .models import Callback, CallbackAttempt, CallbackDelivery, Channel, SentMessage
from .posting import CLAIM, post_and_read

#: What a callback may be told of.
EVENTS: dict[EntityType, tuple[CallbackType, ...]] = {
    EntityType.CUSTOMER: (CallbackType.CREATION, CallbackType.CHANGE, CallbackType.DELETION),
    EntityType.ORDER: (CallbackType.CREATION,),
    EntityType.SUBSCRIPTION: (
        CallbackType.CREATION,
        CallbackType.CHANGE,
        CallbackType.CANCELLATION,
        CallbackType.UNDO_CANCELLATION,
        CallbackType.ENDED,
    ),
}
EVENT_NAMES = [f"{entity}.{kind}" for entity, kinds in EVENTS.items() for kind in kinds]

#: After so long a failed call is made again; after the last one it is given up.
RETRIES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
#: So many failures a day, on so many days running, switch a callback off.
FAILURES_A_DAY = 10
DAYS = 7
#: Our choice: no document says that the version stands in this form.
API_VERSION = "3.0"

#: Sends a body to an address and returns the status. Raises `requests.RequestException`.
Post = Callable[[str, bytes, Mapping[str, str]], int]


@receiver(happened, dispatch_uid="plenigo_sandbox.callbacks")
def queue(event: Event, **kwargs: Any) -> None:
    """Write down what the callbacks of the company shall tell, in the transaction of what has happened."""
    name = f"{event.entity_type}.{event.callback_type}"
    told = Callback.objects.filter(company=event.customer.company_id, is_enabled=True)
    rows = [row for row in told if name in row.events]
    if not rows:
        return
    # By dotted path, at first use: the API is not light, and Django imports this module at its start.
    describe = import_string("django_plenigo.sandbox.api_v3.callback_bodies.describe")
    now, signed_at = clock.now(), int(time.time())
    for row in rows:
        entity_id, body = describe(event, with_empty_values=row.sends_empty_values)
        CallbackDelivery.objects.create(
            callback=row, event=name, entity_id=entity_id, body=body, signed_at=signed_at, due_at=now
        )


def signature(secret: str, signed_at: int, body: bytes) -> str:
    """Return the header `plenigo-signature`: HMAC-SHA256 over the seconds, a dot and the raw body."""
    told = hmac.new(secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={signed_at},s={told}"


def post_over_http(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a body and return the status. Raises `requests.RequestException`."""
    return post_and_read(url, body, headers).status


def due() -> QuerySet[CallbackDelivery]:
    """Return what is due by the sandbox's clock, oldest first. Subscriptions that have ended are told of by now."""
    purchases.tell_of_ended()
    return CallbackDelivery.objects.filter(due_at__lte=clock.now(), callback__is_enabled=True).order_by("pk")


def send_due(post: Post = post_over_http, only: Collection[int] | None = None) -> int:
    """Send what is due and return how much of it was told.

    `only` are primary keys of deliveries, None for all. Call it outside of transactions: another party answers.
    """
    rows = due() if only is None else due().filter(pk__in=only)
    return sum(_send(number, post) for number in list(rows.values_list("pk", flat=True)))


def _send(number: int, post: Post) -> bool:
    # Read anew: calls before this one may have switched the callback off.
    found = CallbackDelivery.objects.filter(pk=number, callback__is_enabled=True)
    row = found.select_related("callback__company").first()
    now = clock.now()
    if row is None or not row.claim(now, now + CLAIM):
        return False
    body = row.body.encode()
    headers = {
        **row.callback.authentication(),
        "Content-Type": "application/json",
        # Our choice: a repeated call carries the signature of the first, whose time is when it came about.
        "plenigo-signature": signature(row.callback.secret, row.signed_at, body),
        "X-Plenigo-Api-Version": API_VERSION,
    }
    try:
        status, error = post(row.callback.url, body, headers), ""
    except requests.RequestException as problem:
        status, error = None, type(problem).__name__
    is_success = status is not None and 200 <= status < 300
    CallbackAttempt.objects.create(delivery=row, sent_at=now, status=status, error=error, is_success=is_success)
    CallbackDelivery.objects.filter(pk=row.pk).update(
        delivered_at=now if is_success else None,
        due_at=None if is_success else _next_attempt(row.attempts, now),
    )
    if not is_success:
        _judge_failures(row.callback, now)
    return is_success


def _next_attempt(failed_before: int, now: datetime) -> datetime | None:
    return now + RETRIES[failed_before] if failed_before < len(RETRIES) else None


def _judge_failures(callback: Callback, now: datetime) -> None:
    """Tell the company of ten failures within a day, once a day; after seven such days running, switch off."""
    if not _has_failed_all_day(callback, now):
        return
    rows = Callback.objects.filter(pk=callback.pk)
    if all(_has_failed_all_day(callback, now - day * timedelta(days=1)) for day in range(1, DAYS)):
        if rows.filter(is_enabled=True).update(is_enabled=False, switched_off_at=now, warned_at=now):
            _write_to_company(callback, now, _("It has failed like that for seven days and is switched off now."))
        return
    is_new = Q(warned_at=None) | Q(warned_at__lte=now - timedelta(days=1))
    if rows.filter(is_new).update(warned_at=now):
        _write_to_company(callback, now, _("After seven such days running it is switched off."))


def _has_failed_all_day(callback: Callback, end: datetime) -> bool:
    """Say whether a callback has failed ten times or more in the 24 hours before a moment."""
    failures = CallbackAttempt.objects.filter(delivery__callback=callback, is_success=False)
    if callback.failures_count_from is not None:
        failures = failures.filter(sent_at__gt=callback.failures_count_from)
    return failures.filter(sent_at__gt=end - timedelta(days=1), sent_at__lte=end).count() >= FAILURES_A_DAY


def _write_to_company(callback: Callback, now: datetime, outlook: str) -> None:
    """Put a mail to the company's contact into the outbox."""
    company = callback.company
    if not company.contact_email:
        return
    text = _("The callback to %(url)s has failed %(number)d times or more within a day.")
    SentMessage.objects.create(
        company=company,
        channel=Channel.EMAIL,
        recipient=company.contact_email,
        text=f"{text % {'url': callback.url, 'number': FAILURES_A_DAY}} {outlook}",
        sent_at=now,
    )

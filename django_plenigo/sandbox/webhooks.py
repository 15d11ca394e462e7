"""Queue webhooks, and send those that are due: the vendors differ in retries, and in what they count as taken.

Sources: docs/protocols/2checkout.md 8, docs/protocols/okepay.md 6.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import requests
from django.db.models import QuerySet

from . import clock
from .models import Company, Webhook, WebhookAttempt, WebhookDelivery
from .posting import CLAIM, PostAndRead, Reply, post_and_read

#: Says why an answer with a status of success is none, by a short name; an empty text where it is one.
Judge = Callable[[WebhookDelivery, Reply], str]


@dataclass(frozen=True, slots=True)
class Rules:
    """How one kind of webhook is delivered."""

    retries: tuple[timedelta, ...]
    """How long after each failed call the next is made; after the last of them it is given up."""

    judge: Judge = lambda delivery, reply: ""

    prepare: Callable[[], None] = lambda: None
    """Queues what has come about by the clock alone; called before what is due is looked for."""


#: By kind. Each vendor's own package registers here what holds for it.
RULES: dict[str, Rules] = {}


def register(kind: str, rules: Rules) -> None:
    """Let a kind of webhook be sent by these rules."""
    RULES[kind] = rules


def told(company: Company, kind: str) -> list[Webhook]:
    """Return the addresses that are told of something, oldest first."""
    return list(Webhook.objects.filter(company=company, kind=kind, is_enabled=True).order_by("pk"))


def queue(
    webhook: Webhook,
    *,
    event: str,
    entity_id: str,
    body: str,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> WebhookDelivery:
    """Write down what an address shall be told, in the transaction of what has happened."""
    now = clock.now()
    return WebhookDelivery.objects.create(
        webhook=webhook,
        event=event,
        entity_id=entity_id,
        body=body,
        content_type=content_type,
        headers=dict(headers or {}),
        created_at=now,
        due_at=now,
    )


def due() -> QuerySet[WebhookDelivery]:
    """Return what is due by the sandbox's clock, oldest first, with what has come about by the clock alone."""
    for rules in RULES.values():
        rules.prepare()
    found = WebhookDelivery.objects.filter(due_at__lte=clock.now(), webhook__is_enabled=True)
    return found.filter(webhook__kind__in=RULES).order_by("pk")


def send_due(post: PostAndRead = post_and_read, only: Collection[int] | None = None) -> int:
    """Send what is due and return how much of it was taken.

    `only` are primary keys of deliveries, None for all. Call it outside of transactions: another party answers.
    """
    rows = due() if only is None else due().filter(pk__in=only)
    return sum(_send(number, post) for number in list(rows.values_list("pk", flat=True)))


def send_again(numbers: Collection[int]) -> None:
    """Make deliveries due now, also those that were taken or given up: a vendor may post the same twice."""
    WebhookDelivery.objects.filter(pk__in=numbers).update(due_at=clock.now())


def _send(number: int, post: PostAndRead) -> bool:
    row = WebhookDelivery.objects.filter(pk=number).select_related("webhook__company").first()
    now = clock.now()
    if row is None or not row.claim(now, now + CLAIM):
        return False
    rules = RULES[row.webhook.kind]
    status, error = _outcome(row, rules, post)
    is_success = not error
    WebhookAttempt.objects.create(delivery=row, sent_at=now, status=status, error=error, is_success=is_success)
    # Taken once, it stays so: what is sent again on a click may fail.
    WebhookDelivery.objects.filter(pk=row.pk).update(
        delivered_at=row.delivered_at or (now if is_success else None),
        due_at=None if is_success else _next_attempt(rules, row.attempts, now),
    )
    return is_success


def _outcome(row: WebhookDelivery, rules: Rules, post: PostAndRead) -> tuple[int | None, str]:
    """Call the address and return the status and, unless all is well, the name of what went wrong."""
    headers = {**row.headers, "Content-Type": row.content_type}
    try:
        reply = post(row.webhook.url, row.body.encode(), headers)
    except requests.RequestException as problem:
        return None, type(problem).__name__
    return reply.status, rules.judge(row, reply) if reply.is_success else f"HTTP {reply.status}"


def _next_attempt(rules: Rules, failed_before: int, now: datetime) -> datetime | None:
    return now + rules.retries[failed_before] if failed_before < len(rules.retries) else None

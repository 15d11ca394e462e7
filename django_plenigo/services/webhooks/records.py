"""The log of all deliveries."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from django_plenigo.models import WebhookDelivery
from django_plenigo.services.rows import rows_of
from django_plenigo.services.webhooks.reasons import MAY_CHANGE
from django_plenigo.services.webhooks.sources import sources_of

State = WebhookDelivery.State


def waits_for_somebody() -> Q:
    """Return which deliveries wait with a reason: until a reader has verified her address, or a vendor knows of it."""
    return Q(state=State.WAITING) & ~Q(reason="")


def take_up_again(deliveries: QuerySet[WebhookDelivery], body: bytes) -> int:
    """Have those of the deliveries that have not come right, and may now, worked on from the start; return how many.

    They have come again, so their body is here again, too.
    """
    stuck = Q(state=State.FAILED) | waits_for_somebody() | Q(state=State.DONE, reason__in=MAY_CHANGE)
    return deliveries.filter(stuck).update(body=body, **_due_now())


def make_due(deliveries: QuerySet[WebhookDelivery]) -> int:
    """Have those of the deliveries that wait or have failed worked on at once, from the start; return how many."""
    left = deliveries.filter(state__in=[State.WAITING, State.FAILED], body__isnull=False)
    return left.update(**_due_now())


def _due_now() -> dict[str, Any]:
    return {"state": State.WAITING, "due_at": timezone.now(), "attempts": 0, "reason": "", "processed_at": None}


@dataclass(frozen=True, slots=True)
class WebhookBacklog:
    """What is left to do of all that was delivered to one account and its portals."""

    waiting: int
    """Deliveries that will be worked on, or again; not those that wait for somebody, where no worker is behind."""

    failed: int
    """Deliveries that no further try can mend: an agent has to look."""


def backlog_of(account: str) -> WebhookBacklog:
    """Return how many deliveries wait, and how many have failed; what is done is not looked at."""
    left = rows_of(WebhookDelivery).filter(source__in=sources_of([account]), state__in=[State.WAITING, State.FAILED])
    counted = left.aggregate(
        waiting=Count("pk", filter=Q(state=State.WAITING) & ~waits_for_somebody()),
        failed=Count("pk", filter=Q(state=State.FAILED)),
    )
    return WebhookBacklog(**counted)

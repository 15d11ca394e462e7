"""The log of all deliveries."""

from dataclasses import dataclass

from django.db.models import Count, Q

from django_plenigo.models import WebhookDelivery
from django_plenigo.services.rows import rows_of
from django_plenigo.services.webhooks.sources import sources_of

State = WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class WebhookBacklog:
    """What is left to do of all that was delivered to one account and its portals."""

    waiting: int
    """Deliveries that will be worked on, or again."""

    failed: int
    """Deliveries that no further try can mend: an agent has to look."""


def backlog_of(account: str) -> WebhookBacklog:
    """Return how many deliveries wait, and how many have failed; what is done is not looked at."""
    left = rows_of(WebhookDelivery).filter(source__in=sources_of([account]), state__in=[State.WAITING, State.FAILED])
    counted = left.aggregate(
        waiting=Count("pk", filter=Q(state=State.WAITING)), failed=Count("pk", filter=Q(state=State.FAILED))
    )
    return WebhookBacklog(**counted)

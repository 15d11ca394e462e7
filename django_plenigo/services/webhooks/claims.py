"""Who works on a delivery: a lease, taken and given back by conditional updates."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import router, transaction
from django.db.models import F, Q
from django.utils import timezone

from django_plenigo.models import WebhookDelivery
from django_plenigo.services.rows import rows_of
from django_plenigo.services.webhooks.records import State

#: How long a delivery is nobody else's: longer than the vendors are waited for.
LEASE_TIME = timedelta(minutes=5)

#: How many of those that are due a worker looks at, where others are faster.
CANDIDATES = 20


def claim(sources: Sequence[str]) -> WebhookDelivery | None:
    """Lease the delivery that has been due for longest, and return it; None where nothing is due.

    An attempt counts as it is begun, so that one that ends its worker each time is given up, too.
    """
    using = router.db_for_write(WebhookDelivery)
    while keys := _due(sources, timezone.now()):
        for key in keys:
            now, lease = timezone.now(), uuid.uuid4()
            values = {"lease": lease, "leased_until": now + LEASE_TIME, "attempts": F("attempts") + 1}
            # `durable`, since others must see the claim before a vendor is asked.
            with transaction.atomic(using, durable=True):
                is_mine = rows_of(WebhookDelivery).filter(_is_due(now), pk=key).update(**values)
            delivery = rows_of(WebhookDelivery).filter(pk=key, lease=lease).first() if is_mine else None
            if delivery is not None:
                return delivery
    return None


def _due(sources: Sequence[str], now: datetime) -> list[int]:
    due = rows_of(WebhookDelivery).filter(_is_due(now), source__in=sources).order_by("due_at", "pk")
    return list(due.values_list("pk", flat=True)[:CANDIDATES])


def _is_due(now: datetime) -> Q:
    # A lease that ends too late was written by a clock that was wrong.
    free = Q(leased_until=None) | Q(leased_until__lte=now) | Q(leased_until__gt=now + 2 * LEASE_TIME)
    return free & Q(state=State.WAITING, due_at__lte=now)


def settle(delivery: WebhookDelivery, **values: Any) -> bool:
    """Write what came of a claim and end its lease; say whether it was held still."""
    leased = rows_of(WebhookDelivery).filter(pk=delivery.pk, lease=delivery.lease, state=State.WAITING)
    return bool(leased.update(**values, lease=None, leased_until=None))

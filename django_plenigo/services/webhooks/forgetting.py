"""Forgets what nobody needs any more: bodies of what has failed after a while, rows after a longer one."""

import time
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from django_plenigo.models import WebhookDelivery
from django_plenigo.services.rows import rows_of
from django_plenigo.services.webhooks.reasons import Reason
from django_plenigo.services.webhooks.records import State

#: How long the body of what has failed, or is due in vain, is kept: an agent may have it worked on again.
KEPT_BODY = timedelta(days=30)

#: No row is forgotten sooner: a vendor delivers again for up to six days, and what is forgotten counts as new.
SHORTEST_DAYS = 7

#: How many rows one statement deletes.
CHUNK = 500

FORGETTING_SECONDS = 60 * 60.0

#: When this process looked last.
_forgot_at = 0.0


def forget_bodies() -> int:
    """Drop the bodies of what failed long ago, and of what has waited in vain for as long; return how many there were.

    Nobody works on what was delivered for a source that the settings have no more, or for an account without a worker.
    """
    now, kept = timezone.now(), rows_of(WebhookDelivery).filter(body__isnull=False)
    left_alone = kept.filter(state=State.WAITING, due_at__lt=now - KEPT_BODY).exclude(leased_until__gt=now)
    given_up = left_alone.update(state=State.FAILED, reason=Reason.GIVEN_UP, body=None, due_at=None)
    return given_up + kept.filter(state=State.FAILED, processed_at__lt=now - KEPT_BODY).update(body=None)


def forget_bodies_at_times() -> None:
    """Do so once in an hour: each way of doing due work comes along here."""
    global _forgot_at
    now = time.time()
    if not 0 <= now - _forgot_at < FORGETTING_SECONDS:
        _forgot_at = now
        forget_bodies()


def count_old(before: datetime) -> int:
    """Return how many deliveries `prune` would delete."""
    return _old(before).count()


def prune(before: datetime) -> int:
    """Delete the deliveries that came, and came again, before a point in time, and return how many there were.

    Those that wait still, too: they were given up long ago, or their source is gone from the settings. Not what is
    worked on right now.
    """
    count = 0
    while keys := list(_old(before).order_by("received_at", "pk").values_list("pk", flat=True)[:CHUNK]):
        count += rows_of(WebhookDelivery).filter(pk__in=sorted(keys)).delete()[0]
    return count


def _old(before: datetime) -> QuerySet[WebhookDelivery]:
    seen_again = Q(last_repeated_at__isnull=False, last_repeated_at__gte=before)
    busy = Q(leased_until__isnull=False, leased_until__gt=timezone.now())
    return rows_of(WebhookDelivery).filter(received_at__lt=before).exclude(seen_again).exclude(busy)

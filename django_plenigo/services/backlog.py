"""How far an account is behind: what is waiting, what was refused, and whether plenigo is told anything right now."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.models import DeliveryPause
from django_plenigo.services import outbox


@dataclass(frozen=True, slots=True)
class Backlog:
    """What plenigo is still to be told of one account."""

    waiting: int
    """Changes that will be sent, or sent again."""

    due: int
    """Those of them that may be sent now."""

    failed: int
    """Those of them that have failed before."""

    oldest_noted_at: datetime | None
    """Since when the first of them waits, None where none does."""

    refused: int
    """Changes that no retry can mend: an agent has to look. Not those that she has left as they are."""

    pause: DeliveryPause | None
    """Why plenigo is told nothing right now, None where it is told."""


def backlog_of(using: str = conf.DEFAULT_ACCOUNT) -> Backlog:
    """Return how far an account is behind. Only what is out of step is looked at, however much there is besides."""
    changes = outbox.changes().filter(account=using)
    waiting = changes.filter(due_at__isnull=False).aggregate(
        count=Count("pk"),
        due=Count("pk", filter=Q(due_at__lte=timezone.now())),
        failed=Count("pk", filter=Q(attempts__gt=0)),
        oldest=Min("noted_at"),
    )
    return Backlog(
        waiting=waiting["count"],
        due=waiting["due"],
        failed=waiting["failed"],
        oldest_noted_at=waiting["oldest"],
        refused=changes.filter(refused_at__isnull=False, left_value_hash="").count(),
        pause=outbox.pause_of(using),
    )

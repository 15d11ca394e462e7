"""Keeps what was refused, so that somebody can see why: without its body, and never more than so many rows.

Whoever knows the address can send what is refused, as often as he likes. So the same refusal of one minute is one row
that counts, each source keeps the latest of each reason alone, and whatever the number of calls, a refusal looks at so
many rows at most.
"""

import logging
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db.models import F
from django.utils import timezone

from django_plenigo.models import WebhookDelivery
from django_plenigo.services.rows import rows_of
from django_plenigo.services.webhooks.records import State

logger = logging.getLogger(__name__)

#: How many refusals are kept of each source and reason.
MOST_REFUSED = 50

#: How long the same refusal is counted instead of kept.
FOLDING = timedelta(minutes=1)

LONGEST_DETAIL = 200


class RefusedError(Exception):
    """A delivery is not accepted. `reason` is a word of `reasons.Reason`, or a reader's own."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(str(reason))
        self.reason = str(reason)[:64]
        self.detail = detail[:LONGEST_DETAIL]


def keep_refusal(source: str, error: RefusedError, content_type: str = "") -> None:
    """Write that a delivery was refused, and why. Where the database fails nothing is kept: the answer counts more."""
    try:
        _keep(source, error, content_type)
    except DatabaseError as failure:
        logger.warning("A refused webhook could not be kept (%s)", type(failure).__name__)


def _keep(source: str, error: RefusedError, content_type: str) -> None:
    now = timezone.now()
    same = rows_of(WebhookDelivery).filter(source=source, state=State.REFUSED, reason=error.reason).order_by("-pk")
    latest = same.values("pk", "received_at").first()
    if latest is not None and now - FOLDING < latest["received_at"] <= now:
        again = {"repeated": F("repeated") + 1, "last_repeated_at": now}
        if rows_of(WebhookDelivery).filter(pk=latest["pk"]).update(**again):
            return
    rows_of(WebhookDelivery).create(
        source=source,
        state=State.REFUSED,
        reason=error.reason,
        received_at=now,
        processed_at=now,
        content_type=content_type[:100],
        last_error=error.detail,
    )
    # By their keys, in one order: two that tidy at the same time wait for each other's end, and not for each other.
    too_many = list(same.values_list("pk", flat=True)[MOST_REFUSED : 2 * MOST_REFUSED])
    if too_many:
        rows_of(WebhookDelivery).filter(pk__in=sorted(too_many)).delete()

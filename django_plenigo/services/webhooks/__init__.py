"""What vendors deliver by themselves: its origin is proved, it is stored once, and worked on afterwards."""

from typing import TYPE_CHECKING

from django_plenigo.first_use import load_at_first_use

if TYPE_CHECKING:
    from django_plenigo.services.webhooks.forgetting import (
        KEPT_BODY,
        SHORTEST_DAYS,
        count_old,
        forget_bodies,
        prune,
    )
    from django_plenigo.services.webhooks.reasons import Reason, WordsOfReason, words_of
    from django_plenigo.services.webhooks.receiving import check_content_type, receive, refuse
    from django_plenigo.services.webhooks.records import WebhookBacklog, backlog_of
    from django_plenigo.services.webhooks.refusing import MOST_REFUSED, RefusedError
    from django_plenigo.services.webhooks.sources import UnknownSourceError, account_of, can_prove, sources_of
    from django_plenigo.services.webhooks.working import MOST_ATTEMPTS, may_try_again, try_again, work_due

__all__ = [
    "KEPT_BODY",
    "MOST_ATTEMPTS",
    "MOST_REFUSED",
    "SHORTEST_DAYS",
    "Reason",
    "RefusedError",
    "UnknownSourceError",
    "WebhookBacklog",
    "WordsOfReason",
    "account_of",
    "backlog_of",
    "can_prove",
    "check_content_type",
    "count_old",
    "forget_bodies",
    "may_try_again",
    "prune",
    "receive",
    "refuse",
    "sources_of",
    "try_again",
    "words_of",
    "work_due",
]

__getattr__ = load_at_first_use(
    __name__,
    {
        "forgetting": ["KEPT_BODY", "SHORTEST_DAYS", "count_old", "forget_bodies", "prune"],
        "reasons": ["Reason", "WordsOfReason", "words_of"],
        "receiving": ["check_content_type", "receive", "refuse"],
        "records": ["WebhookBacklog", "backlog_of"],
        "refusing": ["MOST_REFUSED", "RefusedError"],
        "sources": ["UnknownSourceError", "account_of", "can_prove", "sources_of"],
        "working": ["MOST_ATTEMPTS", "may_try_again", "try_again", "work_due"],
    },
)

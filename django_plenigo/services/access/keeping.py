"""Keeps what the vendor has said of a reader in the site's cache, with what else her gates go by."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypedDict

from django.core.cache import caches
from django.utils.crypto import salted_hmac

from django_plenigo import conf
from django_plenigo.protocols.base import AccessRight
from django_plenigo.services.access.answers import Access

logger = logging.getLogger(__name__)

#: How long a reader is not asked about again after the vendor failed: one page with many gates waits once.
FAILURE_SECONDS = 5.0

#: How long after a click on a checkout no "no" is kept: the purchase may arrive at any moment.
CHECKOUT_SECONDS = 15 * 60.0

CACHE_SALT = "django_plenigo.access"

#: How many readers' keys in the cache a process remembers.
MEMO_SIZE = 4096


class ReaderAnswers(TypedDict, total=False):
    """What the cache holds of one reader, under one key. An unknown is never kept."""

    answers: dict[str, tuple[bool, float, float]]
    """By product: yes or no, since when it ages, and when it was asked; in seconds since the epoch."""

    dropped_at: float
    """When the answers were dropped: what was asked before is not kept."""

    expecting_until: float
    """Until when a purchase may arrive: no "no" is kept."""

    failed_at: float
    """When the vendor last failed for this reader."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a reader's gates go by without asking the vendor."""

    product_id: str
    """The vendor's product id."""

    is_bought: bool
    """Yes or no."""

    asked_at: datetime
    """When the vendor said so."""


def kept_answers(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> list[KeptAnswer]:
    """Return what is kept of a reader, by product. Nothing is asked."""
    answers = kept_of(conf.Account(using), user).get("answers") or {}
    return [
        # Before this version a cache was told no more than since when an answer ages.
        KeptAnswer(product_id, answer[0], datetime.fromtimestamp(answer[-1], UTC))
        for product_id, answer in sorted(answers.items())
    ]


def forget_answers(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> None:
    """Drop what is kept of a reader, for instance when she comes back from a checkout."""
    keep_besides(conf.Account(using), user, {"dropped_at": time.time()}, keep_answers=False)


def expect_purchase(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> None:
    """Believe and keep no "no" of a reader for a while, since she is in a checkout."""
    keep_besides(conf.Account(using), user, {"expecting_until": time.time() + CHECKOUT_SECONDS})


def has_just_failed(kept: ReaderAnswers, now: float) -> bool:
    """Say whether the vendor failed for a reader a moment ago; `now` is in seconds since the epoch."""
    return kept.get("failed_at", 0.0) > now - FAILURE_SECONDS


def fresh(kept: ReaderAnswers, product_ids: Sequence[str], since: float, now: float) -> Access | None:
    """Return what answers no older than `since` say, None where they do not suffice; in seconds since the epoch."""
    answers = kept.get("answers")
    if not answers:
        return None
    are_all_denied = True
    for product_id in product_ids:
        answer = answers.get(product_id)
        if answer is None or answer[1] < since:
            are_all_denied = False
        elif answer[0]:
            return Access.BOUGHT
    return Access.NOT_BOUGHT if are_all_denied and kept.get("expecting_until", 0.0) <= now else None


def keep(
    account: conf.Account, user: Any, rights: Mapping[str, AccessRight], asked_at: float, may_keep_denials: bool
) -> None:
    """Keep what the vendor has said of a reader's products; `asked_at` is in seconds since the epoch."""
    kept = kept_of(account, user)
    if kept.get("dropped_at", 0.0) > asked_at:
        return  # asked before the reader came back from a checkout
    is_expecting = kept.get("expecting_until", 0.0) > asked_at
    keeps_denials = may_keep_denials and account.has_shared_cache and not is_expecting
    asked = {each: (right.is_granted, _ages_from(right, asked_at, account), asked_at) for each, right in rights.items()}
    oldest = asked_at - max(account.access_ttl_seconds, account.access_stale_seconds)
    kept["answers"] = {
        product_id: answer
        for product_id, answer in {**kept.get("answers", {}), **asked}.items()
        if answer[1] > oldest and (answer[0] or keeps_denials)
    }
    kept.pop("failed_at", None)
    _set(account, user, kept)


def _ages_from(right: AccessRight, asked_at: float, account: conf.Account) -> float:
    """Return since when an answer ages: earlier than it was asked, where the vendor wants to be asked again sooner."""
    if right.kept_until is None:
        return asked_at
    return min(asked_at, right.kept_until.timestamp() - account.access_ttl_seconds)


def keep_besides(
    account: conf.Account, user: Any, change: ReaderAnswers, *, keep_answers: bool = True
) -> ReaderAnswers:
    """Keep something else of a reader, beside the answers or in their place; return what is kept now."""
    kept = kept_of(account, user)
    if not keep_answers:
        kept.pop("answers", None)
        kept.pop("failed_at", None)
    kept.update(change)
    _set(account, user, kept)
    return kept


def kept_of(account: conf.Account, user: Any) -> ReaderAnswers:
    """Return what the cache holds of a reader, nothing while it is down."""
    try:
        kept: ReaderAnswers | None = caches[account.cache_alias].get(cache_key(account, user))
    except Exception as error:  # noqa: BLE001 - each kind of cache fails with exceptions of its own
        _tell_that_the_cache_is_down(account, error)
        return {}
    return {} if kept is None else kept


def _set(account: conf.Account, user: Any, kept: ReaderAnswers) -> None:
    lifetime_seconds = max(account.access_ttl_seconds, account.access_stale_seconds, CHECKOUT_SECONDS)
    try:
        caches[account.cache_alias].set(cache_key(account, user), kept, lifetime_seconds)
    except Exception as error:  # noqa: BLE001 - as above
        _tell_that_the_cache_is_down(account, error)


def cache_key(account: conf.Account, user: Any) -> str:
    """Return where the cache holds what is kept of a reader."""
    # The mode is part of it, so that a yes of the sandbox opens nothing on the live site.
    return _remembered_key(account.alias, account.mode, user.pk, conf.secret_key())


@lru_cache(maxsize=MEMO_SIZE)
def _remembered_key(alias: str, mode: str, reader: Any, secret: str | bytes) -> str:
    """Return the key of a reader's answers: whoever sees the keys of a shared cache learns nobody's.

    Made once for many gates, since a warm check does little else.
    """
    hashed = salted_hmac(CACHE_SALT, str(reader), secret, algorithm="sha256").hexdigest()[:32]
    return f"plenigo:access:{alias}:{mode}:{hashed}"


def _tell_that_the_cache_is_down(account: conf.Account, error: Exception) -> None:
    # The kind alone: the text may hold the address of the cache, with its password.
    text = "The cache %r is down (%s): plenigo is asked at every gate"
    logger.warning(text, account.cache_alias, type(error).__name__)

"""Answers whether a reader may read a product: bought, not bought, or unknown.

A payer is never told to buy because of an outage: only the vendor's own fresh no is a no.
"""

import enum
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, TypedDict

from django.core.cache import caches
from django.utils.crypto import salted_hmac

from django_plenigo import backends, conf
from django_plenigo.errors import (
    InvalidValueError,
    NotFoundError,
    RejectedError,
    RemoteError,
    UnsupportedOperationError,
)
from django_plenigo.models import CustomerLink
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import AccessRight, CustomerRef
from django_plenigo.services import customers
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

#: How long a reader is not asked about again after the vendor failed: one page with many gates waits once.
FAILURE_SECONDS = 5.0

#: How long after a click on a checkout no "no" is kept: the purchase may arrive at any moment.
CHECKOUT_SECONDS = 15 * 60.0

CACHE_SALT = "django_plenigo.access"

#: How many readers' keys in the cache a process remembers.
MEMO_SIZE = 4096


class Access(enum.Enum):
    """What a gate is told."""

    BOUGHT = "bought"
    NOT_BOUGHT = "not bought"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """What a gate is told, and how it came about."""

    access: Access
    """Bought, not bought, or unknown."""

    has_failed: bool = False
    """Whether the vendor was asked and did not answer."""


#: Made once: a frozen value costs more to make than to look up, and a page may hold many gates.
BOUGHT, NOT_BOUGHT = AccessAnswer(Access.BOUGHT), AccessAnswer(Access.NOT_BOUGHT)


class ReaderAnswers(TypedDict, total=False):
    """What the cache holds of one reader, under one key. An unknown is never kept."""

    answers: dict[str, tuple[bool, float]]
    """By product: yes or no, and when that was asked, in seconds since the epoch."""

    dropped_at: float
    """When the answers were dropped: what was asked before is not kept."""

    expecting_until: float
    """Until when a purchase may arrive: no "no" is kept."""

    failed_at: float
    """When the vendor last failed for this reader."""


def check_access(user: Any, product_ids: Sequence[str], *, using: str | None = None) -> Access:
    """Say whether a reader may read any of the products. Asks the vendor where no fresh answer is at hand.

    A visitor and an unlinked reader have bought nothing, without a call. In place of the user it may be whatever
    `customers.find_link` takes, any id of the reader too. Raises `ConfigurationError` and `InvalidValueError`, never
    `RemoteError`: that is `Access.UNKNOWN`, or what the account's ON_OUTAGE says.
    """
    if isinstance(user, (CustomerLink, CustomerRef, str)):
        return _check_by_id(user, product_ids, using)
    return look_up(user, product_ids, using=using or conf.DEFAULT_ACCOUNT).access


def _check_by_id(customer: CustomerLink | CustomerRef | str, product_ids: Sequence[str], using: str | None) -> Access:
    check_product_ids(product_ids)
    link = customers.find_link(customer, using=using)
    if link is not None:
        # Under the reader's own key: what is known of her is known by each of her ids.
        find_link = partial(_registered, link)
        return look_up(link.user, product_ids, using=link.account, find_link=find_link).access
    try:
        answers = has_access(customer, product_ids, using=using)
    except RemoteError as error:
        logger.warning("Nobody knows whether a reader has bought a product: %s", error)
        is_open = conf.Account(using or conf.DEFAULT_ACCOUNT).on_outage == "open"
        return Access.BOUGHT if is_open else Access.UNKNOWN
    return Access.BOUGHT if any(answers.values()) else Access.NOT_BOUGHT


def _registered(link: CustomerLink) -> CustomerLink | None:
    return link if link.is_registered else None


def look_up(
    user: Any,
    product_ids: Sequence[str],
    *,
    using: str = conf.DEFAULT_ACCOUNT,
    may_ask: bool = True,
    find_link: Callable[[], CustomerLink | None] | None = None,
) -> AccessAnswer:
    """Do as `check_access`, and tell whether the vendor failed; with `may_ask` False the vendor is not asked.

    `find_link` looks up the reader's link in place of `customers.link_of`.
    """
    check_product_ids(product_ids)
    if user is None or not user.is_authenticated:
        return NOT_BOUGHT
    account = conf.Account(using)
    now = time.time()
    kept = _kept(account, user)
    access = _fresh(kept, product_ids, now - account.access_ttl_seconds, now)
    if access is not None:
        return BOUGHT if access is Access.BOUGHT else NOT_BOUGHT
    link = customers.link_of(user, using=using) if find_link is None else find_link()
    if link is None:
        return NOT_BOUGHT
    if not may_ask or _has_just_failed(kept, now):
        return AccessAnswer(_in_an_outage(account, kept, product_ids, now), has_failed=True)
    return _ask(account, user, link, product_ids)


def check_access_in_response(
    guard: ResponseGuard, user: Any, product_ids: Sequence[str], *, using: str = conf.DEFAULT_ACCOUNT
) -> Access:
    """Do as `check_access` for one response: the same question is asked once, and all share one budget of waiting."""
    key = (using, getattr(user, "pk", None), *product_ids)
    if key not in guard.answers:
        with guard.waiting(using, conf.Account(using).timeout_seconds) as may_ask:
            find_link = partial(customers.link_of_in_response, guard, user, using=using)
            answer = look_up(user, product_ids, using=using, may_ask=may_ask, find_link=find_link)
        guard.answers[key] = answer
        if answer.has_failed:
            guard.add_failure(using)
    access: Access = guard.answers[key].access
    return access


def confirm_purchase(user: Any, product_ids: Sequence[str], *, using: str = conf.DEFAULT_ACCOUNT) -> Access:
    """Ask the vendor, whatever the cache holds, whether a purchase of any of the products has arrived.

    It may arrive at any moment, so no "no" is kept. Right after a failure the vendor is not asked again.
    """
    link = customers.link_of(user, using=using)
    if link is None:
        return Access.NOT_BOUGHT
    account = conf.Account(using)
    if _has_just_failed(_kept(account, user), time.time()):
        return Access.UNKNOWN
    return _ask(account, user, link, product_ids, may_keep_denials=False).access


@without_secrets
def has_access(customer: Any, product_ids: Sequence[str], *, using: str | None = None) -> Mapping[str, bool]:
    """Ask the vendor, per product, whether a customer may read it now. Takes and raises what `has_bought` does.

    Source: docs/protocols/plenigo-v2.md 2.2, plenigo-v3.md 4.
    """
    return {name: right.is_granted for name, right in _rights_of(customer, product_ids, using).items()}


@without_secrets
def has_bought(customer: Any, product_ids: Sequence[str], *, using: str | None = None) -> Mapping[str, bool]:
    """Ask the vendor, per product, whether a customer has bought it: "has my customer bought this?"

    With API v2 that is what `has_access` asks; with API v3 whether an order of the customer ever held it.

    `customer` is a user, a `CustomerLink`, a `CustomerRef`, or as text a customer id, an external id or an access id;
    of an id that this site knows nobody by, the vendor is asked as a customer id or access id. A link is asked about at
    its own account. Raises `InvalidValueError`, and `RemoteError` when nobody knows.
    Source: docs/protocols/plenigo-v2.md 2.2.
    """
    check_product_ids(product_ids)
    account, reference = _account_of(customer, using), _reference_of(customer, using)
    if reference is None:
        return dict.fromkeys(product_ids, False)
    ids = _ids_at_vendor(product_ids, account)
    answers = backends.access_reader(account.alias).has_bought(reference, list(dict.fromkeys(ids.values())))
    return {name: answers[vendors_id] for name, vendors_id in ids.items()}


def _rights_of(customer: Any, product_ids: Sequence[str], using: str | None) -> Mapping[str, AccessRight]:
    check_product_ids(product_ids)
    account, reference = _account_of(customer, using), _reference_of(customer, using)
    if reference is None:
        return dict.fromkeys(product_ids, AccessRight(False))
    return _rights_at_vendor(reference, product_ids, account)


def _rights_at_vendor(
    customer: CustomerRef, product_ids: Sequence[str], account: conf.Account
) -> Mapping[str, AccessRight]:
    """Ask the vendor by its own names of the products, and answer by the site's."""
    ids = _ids_at_vendor(product_ids, account)
    rights = backends.access_reader(account.alias).rights_of(customer, list(dict.fromkeys(ids.values())))
    return {name: rights[vendors_id] for name, vendors_id in ids.items()}


def _ids_at_vendor(product_ids: Sequence[str], account: conf.Account) -> dict[str, str]:
    """Return what the account's API calls each product when it is asked about access."""
    products = {name: account.product(name) for name in product_ids}
    if account.generation == "v2":
        return {name: product.product_id for name, product in products.items()}
    return {name: product.access_right_id for name, product in products.items()}


def _account_of(customer: Any, using: str | None) -> conf.Account:
    own = customer.account if isinstance(customer, CustomerLink) else conf.DEFAULT_ACCOUNT
    return conf.Account(using or own)


def _reference_of(customer: Any, using: str | None) -> CustomerRef | None:
    """Return how to address a customer, None for a user who is none."""
    link = customers.find_link(customer, using=using)  # of a reference too: API v3 knows no access ids, this site does
    if link is not None:
        return customers.customer_of(link)
    if isinstance(customer, CustomerRef):
        return customer
    return CustomerRef(customer) if isinstance(customer, str) else None


def check_product_ids(product_ids: object) -> None:
    """Raise `InvalidValueError` for a bare text or an empty list: a slip must not show with payers only."""
    if type(product_ids) in (list, tuple) and product_ids:
        return  # first, since a warm check is little more than this
    if isinstance(product_ids, str | bytes) or not isinstance(product_ids, Sequence):
        raise InvalidValueError("product_ids", f"must be a list of product ids, not {type(product_ids).__name__}")
    if not product_ids:
        raise InvalidValueError("product_ids", "must be at least one")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a reader's gates go by without asking the vendor."""

    product_id: str
    """The vendor's product id."""

    is_bought: bool
    """Yes or no."""

    asked_at: datetime
    """When the vendor said so."""


@dataclass(frozen=True, slots=True)
class AnswerNow:
    """What the vendor says of one product, or what the reader's gates do since it says nothing."""

    product_id: str
    """The vendor's product id."""

    access: Access
    """The vendor's answer; unknown where there was none."""

    at_gates: Access
    """What a gate tells the reader from now on, until it asks by itself."""

    until: datetime | None = None
    """When a yes ends; None where the vendor names no end."""


def kept_answers(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> list[KeptAnswer]:
    """Return what is kept of a reader, by product. Nothing is asked."""
    answers = _kept(conf.Account(using), user).get("answers") or {}
    return [
        KeptAnswer(product_id, is_bought, datetime.fromtimestamp(asked_at, UTC))
        for product_id, (is_bought, asked_at) in sorted(answers.items())
    ]


@dataclass(frozen=True, slots=True)
class AnswersNow:
    """What the vendor says of one customer."""

    answers: tuple[AnswerNow, ...]
    """One for each product."""

    error: RemoteError | None = None
    """Why there is no answer."""

    is_known: bool | None = None
    """Whether the vendor knows the customer at all; None where that was not asked, or nobody knows."""


@without_secrets
def ask_now(link: CustomerLink, product_ids: Sequence[str]) -> AnswersNow:
    """Ask the vendor about a customer whatever the cache holds. Raises `InvalidValueError`.

    An answer drops what is kept of the reader, so that her gates ask anew too. Without one that is left as it is: it
    may be what lets her read meanwhile. A no is also said of a customer whom the vendor does not know, so where there
    is nothing but that, it is asked for besides.
    """
    try:
        rights = _rights_of(link, product_ids, None)
    except RemoteError as error:
        gates = {each: look_up(link.user, [each], using=link.account, may_ask=False).access for each in product_ids}
        return AnswersNow(tuple(AnswerNow(each, Access.UNKNOWN, gates[each]) for each in product_ids), error)
    forget_answers(link.user, using=link.account)
    answers = tuple(_answer_now(each, rights[each]) for each in product_ids)
    has_access = any(right.is_granted for right in rights.values())
    return AnswersNow(answers, is_known=None if has_access else _is_known(link))


def _answer_now(product_id: str, right: AccessRight) -> AnswerNow:
    access = Access.BOUGHT if right.is_granted else Access.NOT_BOUGHT
    return AnswerNow(product_id, access, access, right.until)


def _is_known(link: CustomerLink) -> bool | None:
    try:
        backends.customer_finder(link.account).check_customer(customers.customer_of(link))
    except NotFoundError:
        return False
    except (RemoteError, UnsupportedOperationError):
        return None
    return True


def forget_answers(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> None:
    """Drop what is kept of a reader, for instance when she comes back from a checkout."""
    _update(conf.Account(using), user, {"dropped_at": time.time()}, keep_answers=False)


def expect_purchase(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> None:
    """Believe and keep no "no" of a reader for a while, since she is in a checkout."""
    _update(conf.Account(using), user, {"expecting_until": time.time() + CHECKOUT_SECONDS}, keep_answers=True)


def _key(account: conf.Account, user: Any) -> str:
    # The mode is part of it, so that a yes of the sandbox opens nothing on the live site.
    return _remembered_key(account.alias, account.mode, user.pk, conf.secret_key())


@lru_cache(maxsize=MEMO_SIZE)
def _remembered_key(alias: str, mode: str, reader: Any, secret: str | bytes) -> str:
    """Return the key of a reader's answers: whoever sees the keys of a shared cache learns nobody's.

    Made once for many gates, since a warm check does little else.
    """
    hashed = salted_hmac(CACHE_SALT, str(reader), secret, algorithm="sha256").hexdigest()[:32]
    return f"plenigo:access:{alias}:{mode}:{hashed}"


def _kept(account: conf.Account, user: Any) -> ReaderAnswers:
    try:
        kept: ReaderAnswers | None = caches[account.cache_alias].get(_key(account, user))
    except Exception as error:  # noqa: BLE001 - each kind of cache fails with exceptions of its own
        _tell_that_the_cache_is_down(account, error)
        return {}
    return {} if kept is None else kept


def _set(account: conf.Account, user: Any, kept: ReaderAnswers) -> None:
    lifetime_seconds = max(account.access_ttl_seconds, account.access_stale_seconds, CHECKOUT_SECONDS)
    try:
        caches[account.cache_alias].set(_key(account, user), kept, lifetime_seconds)
    except Exception as error:  # noqa: BLE001 - as above
        _tell_that_the_cache_is_down(account, error)


def _tell_that_the_cache_is_down(account: conf.Account, error: Exception) -> None:
    # The kind alone: the text may hold the address of the cache, with its password.
    text = "The cache %r is down (%s): plenigo is asked at every gate"
    logger.warning(text, account.cache_alias, type(error).__name__)


def _has_just_failed(kept: ReaderAnswers, now: float) -> bool:
    return kept.get("failed_at", 0.0) > now - FAILURE_SECONDS


def _fresh(kept: ReaderAnswers, product_ids: Sequence[str], since: float, now: float) -> Access | None:
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


def _ask(
    account: conf.Account,
    user: Any,
    link: CustomerLink,
    product_ids: Sequence[str],
    *,
    may_keep_denials: bool = True,
) -> AccessAnswer:
    asked_at = time.time()
    try:
        rights = _rights_at_vendor(customers.customer_of(link), product_ids, account)
    except (RejectedError, NotFoundError) as error:
        # The vendor does answer: something is wrong with these products alone, so others are asked for as before.
        logger.error("Nobody knows whether a reader has bought a product: %s", error)
        return AccessAnswer(_in_an_outage(account, _kept(account, user), product_ids, asked_at))
    except RemoteError as error:
        logger.warning("Nobody knows whether a reader has bought a product: %s", error)
        kept = _update(account, user, {"failed_at": time.time()}, keep_answers=True)
        return AccessAnswer(_in_an_outage(account, kept, product_ids, asked_at), has_failed=True)
    _keep(account, user, rights, asked_at, may_keep_denials)
    is_bought = any(right.is_granted for right in rights.values())
    return AccessAnswer(Access.BOUGHT if is_bought else Access.NOT_BOUGHT)


def _in_an_outage(account: conf.Account, kept: ReaderAnswers, product_ids: Sequence[str], now: float) -> Access:
    policy = account.on_outage
    if policy == "open":
        return Access.BOUGHT
    if policy == "last_known" and _fresh(kept, product_ids, now - account.access_stale_seconds, now) is Access.BOUGHT:
        return Access.BOUGHT
    return Access.UNKNOWN


def _keep(
    account: conf.Account, user: Any, rights: Mapping[str, AccessRight], asked_at: float, may_keep_denials: bool
) -> None:
    kept = _kept(account, user)
    if kept.get("dropped_at", 0.0) > asked_at:
        return  # asked before the reader came back from a checkout
    is_expecting = kept.get("expecting_until", 0.0) > asked_at
    keeps_denials = may_keep_denials and account.has_shared_cache and not is_expecting
    asked = {each: (right.is_granted, _counts_from(right, asked_at, account)) for each, right in rights.items()}
    oldest = asked_at - max(account.access_ttl_seconds, account.access_stale_seconds)
    kept["answers"] = {
        product_id: answer
        for product_id, answer in {**kept.get("answers", {}), **asked}.items()
        if answer[1] > oldest and (answer[0] or keeps_denials)
    }
    kept.pop("failed_at", None)
    _set(account, user, kept)


def _counts_from(right: AccessRight, asked_at: float, account: conf.Account) -> float:
    """Return when an answer counts as asked: earlier than it was, where the vendor wants to be asked again sooner."""
    if right.kept_until is None:
        return asked_at
    return min(asked_at, right.kept_until.timestamp() - account.access_ttl_seconds)


def _update(account: conf.Account, user: Any, change: ReaderAnswers, *, keep_answers: bool) -> ReaderAnswers:
    kept = _kept(account, user)
    if not keep_answers:
        kept.pop("answers", None)
        kept.pop("failed_at", None)
    kept.update(change)
    _set(account, user, kept)
    return kept

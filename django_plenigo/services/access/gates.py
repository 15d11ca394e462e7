"""What gates ask: by what is kept of the reader, else of the vendor, and in an outage as the account says.

A payer is never told to buy because of an outage: only the vendor's own fresh no is a no.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django_plenigo import conf
from django_plenigo.errors import NotFoundError, RejectedError, RemoteError
from django_plenigo.models import CustomerLink
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import MODULE_NOT_BOOKED, CustomerRef
from django_plenigo.services import customers
from django_plenigo.services.access.answers import BOUGHT, NOT_BOUGHT, Access, AccessAnswer
from django_plenigo.services.access.asking import check_product_ids, has_access, rights_at_vendor
from django_plenigo.services.access.keeping import (
    ReaderAnswers,
    fresh,
    has_just_failed,
    keep,
    keep_besides,
    kept_of,
)

logger = logging.getLogger(__name__)


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
    kept = kept_of(account, user)
    access = fresh(kept, product_ids, now - account.access_ttl_seconds, now)
    if access is not None:
        return BOUGHT if access is Access.BOUGHT else NOT_BOUGHT
    link = customers.link_of(user, using=using) if find_link is None else find_link()
    if link is None:
        return NOT_BOUGHT
    if not may_ask or has_just_failed(kept, now):
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
    if has_just_failed(kept_of(account, user), time.time()):
        return Access.UNKNOWN
    return _ask(account, user, link, product_ids, may_keep_denials=False).access


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
        rights = rights_at_vendor(customers.customer_of(link), product_ids, account)
    except RemoteError as error:
        if isinstance(error, RejectedError | NotFoundError) and error.code != MODULE_NOT_BOOKED:
            # The vendor does answer: something is wrong with these products alone, so others are asked for as before.
            logger.error("Nobody knows whether a reader has bought a product: %s", error)
            return AccessAnswer(_in_an_outage(account, kept_of(account, user), product_ids, asked_at))
        logger.warning("Nobody knows whether a reader has bought a product: %s", error)
        kept = keep_besides(account, user, {"failed_at": time.time()})
        return AccessAnswer(_in_an_outage(account, kept, product_ids, asked_at), has_failed=True)
    keep(account, user, rights, asked_at, may_keep_denials)
    is_bought = any(right.is_granted for right in rights.values())
    return AccessAnswer(Access.BOUGHT if is_bought else Access.NOT_BOUGHT)


def _in_an_outage(account: conf.Account, kept: ReaderAnswers, product_ids: Sequence[str], now: float) -> Access:
    policy = account.on_outage
    if policy == "open":
        return Access.BOUGHT
    if policy == "last_known" and fresh(kept, product_ids, now - account.access_stale_seconds, now) is Access.BOUGHT:
        return Access.BOUGHT
    return Access.UNKNOWN

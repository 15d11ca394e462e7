"""Opens checkouts: signed offers for the click, login tokens, and the way back to the article."""

import base64
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.http import QueryDict
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError, RemoteError
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import (
    URL_LENGTH,
    CheckoutCall,
    CheckoutOptions,
    CheckoutOrder,
    LoginPass,
    SessionKeeper,
)
from django_plenigo.services import customers, sessions
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

OFFER_SALT = "django_plenigo.offer"
RETURN_SALT = "django_plenigo.return"

#: How many signed offers a process remembers, and for how long: so much earlier than OFFER_SECONDS says one may end.
MEMO_SIZE = 1024
SIGNATURE_SECONDS = 60

#: Characters of base64, 6 bits each: 132 bits, since the whole address must stay below `URL_LENGTH`.
RETURN_SIGNATURE_LENGTH = 22


@dataclass(frozen=True, slots=True)
class Offer:
    """What a button sells: it travels through the browser signed, so that nothing there decides a price."""

    order: CheckoutOrder
    """The product, its price and the checkout's settings."""

    options: CheckoutOptions
    """How the checkout opens and where it returns to."""

    using: str
    """The account that sells."""


@dataclass(frozen=True, slots=True)
class PurchaseReturn:
    """Where a reader stands who comes back from a checkout."""

    product_ids: tuple[str, ...]
    """What was for sale."""

    next_path: str
    """The page that she came from, a path of this site; "" where it is not known."""

    using: str
    """The account that sold."""


def sign_offer(offer: Offer) -> str:
    """Return an offer as a text that only this site can have made. No I/O.

    Raises `InvalidValueError` where its checkout could not be signed: a wrong value is told now, not on the click.
    """
    if offer.order.is_personal:
        return _sign_offer(offer)
    try:
        return _remembered_signed_offer(offer, int(time.time() // SIGNATURE_SECONDS))
    except TypeError:  # a value that cannot be part of a key, such as a list: what reads its field says so by name
        return _sign_offer(offer)


def _sign_offer(offer: Offer) -> str:
    sign_checkout(offer)
    order = {name: _as_json(value) for name, value in asdict(offer.order).items() if value is not None}
    options = {name: value for name, value in asdict(offer.options).items() if value}
    return signing.dumps([offer.using, order, options], salt=OFFER_SALT)


@lru_cache(maxsize=MEMO_SIZE)
def _remembered_signed_offer(offer: Offer, period: int) -> str:
    """Sign an offer once in a period: it is the same for every reader, and a page may show many."""
    return _sign_offer(offer)


def read_offer(signed: Any) -> Offer:
    """Return the offer that `sign_offer` made of it.

    Raises `InvalidValueError` where it is forged, or older than the account's OFFER_SECONDS.
    """
    text = str(signed)
    if not text.isascii():  # half a character would not even do for a signature
        raise InvalidValueError("offer", "was not made by this site")
    try:
        using, order, options = signing.loads(text, salt=OFFER_SALT)
        _check_account("offer", using)
        signing.loads(text, salt=OFFER_SALT, max_age=timedelta(seconds=conf.Account(using).offer_seconds))
    except signing.SignatureExpired:
        raise InvalidValueError("offer", "is out of date") from None
    except signing.BadSignature:
        raise InvalidValueError("offer", "was not made by this site") from None
    if "birthday" in order:
        order["birthday"] = date.fromisoformat(order["birthday"])
    try:
        return Offer(CheckoutOrder(**order), CheckoutOptions(**options), using)
    except TypeError:  # it was signed by another release, whose options had other names
        raise InvalidValueError("offer", "is out of date") from None


def _as_json(value: Any) -> Any:
    """Return a value of an order as JSON can carry it; a price keeps what it means."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


@without_secrets
def open_checkout(user: Any, offer: Offer, *, target_url: str | None = None) -> CheckoutCall:
    """Return the call that opens a checkout for a signed-in reader: a click came.

    Registers the reader where need be and mints a login token. `target_url` is the way back where the offer names
    none. Raises as `customers.register` does.
    """
    link = customers.register(user, using=offer.using)
    options = offer.options if offer.options.target_url else replace(offer.options, target_url=target_url)
    return sign_checkout(replace(offer, options=options), login=mint_login(link, user=user))


@without_secrets
def mint_login(customer: Any, *, using: str | None = None, user: Any = None) -> LoginPass:
    """Return a new login pass of a registered reader: a login token, or with API v3 a transfer token.

    Raises `InvalidValueError` and `RemoteError`; with API v3 `SessionLimitError` besides.

    `customer` is a link, a user or any id: see `customers.find_link`. Notes an address that was changed past the
    signals, without a statement where both sides agree. `user` is the link's, where it is at hand.
    """
    link = customers.find_link(customer, using=using)
    if link is None:
        raise InvalidValueError("customer", "is nobody whom this site has registered")
    customers.follow_link(link, link.user if user is None else user)
    if backends.serves(SessionKeeper, link.account):
        return sessions.mint_transfer(link)
    return backends.login_minter(link.account).mint_login(customers.customer_of(link))


def login_pass_for_response(guard: ResponseGuard, user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> LoginPass | None:
    """Return the one login pass that all snippets of a response share, minted at the first.

    None for a reader who is not registered, since a page view registers nobody, and where the vendor does not answer;
    the response then asks no more.
    """
    key = (using, user.pk)
    if key in guard.login_passes:
        return guard.login_passes[key]
    link = customers.link_of_in_response(guard, user, using=using)
    if link is None:
        return None
    with guard.waiting(using, conf.Account(using).timeout_seconds) as may_ask:
        if not may_ask:
            return None
        try:
            guard.login_passes[key] = mint_login(link, user=user)
        except RemoteError as error:
            logger.warning("No login token for this page, it is minted on the click: %s", error)
            guard.add_failure(using)
            return None
    return guard.login_passes[key]


@without_secrets
def sign_checkout(offer: Offer, *, login: LoginPass | None = None) -> CheckoutCall:
    """Return the call that opens an offer's checkout, for the reader of `login` where one is given. No I/O.

    Raises `InvalidValueError`.
    """
    order = offer.order
    product_id = conf.Account(offer.using).product(order.product_id).product_id
    if product_id != order.product_id:
        order = replace(order, product_id=product_id)
    return backends.checkout_signer(offer.using).sign_checkout(order, offer.options, login)


def return_url(base_url: str, target: PurchaseReturn) -> str | None:
    """Return the address that a checkout returns to, None where it would be longer than the vendor allows.

    Without a target the vendor returns to the current page, which is the article. `base_url` is the site's, without a
    trailing slash.
    """
    url = base_url + return_path(target)
    return url if len(url) <= URL_LENGTH else None


def return_path(target: PurchaseReturn) -> str:
    """Return the path of the page that a checkout returns to, with what it needs to know, signed."""
    fields = [("product", product_id) for product_id in target.product_ids]
    if target.next_path:
        fields.append(("next", target.next_path))
    if target.using != conf.DEFAULT_ACCOUNT:
        fields.append(("account", target.using))
    fields.append(("signature", _return_signature(target, conf.signing_keys()[0])))
    return f"{reverse('plenigo:return')}?{urlencode(fields, safe='/')}"


def read_return(query: QueryDict) -> PurchaseReturn:
    """Return what `return_path` put into a query string; other fields are the vendor's and are let be.

    Raises `InvalidValueError` where it is not this site's.
    """
    target = PurchaseReturn(
        tuple(query.getlist("product")), query.get("next", ""), query.get("account", conf.DEFAULT_ACCOUNT)
    )
    signature = query.get("signature", "")
    if not any(constant_time_compare(signature, _return_signature(target, key)) for key in conf.signing_keys()):
        raise InvalidValueError("signature", "was not made by this site")
    _check_account("signature", target.using)
    if not target.product_ids:
        raise InvalidValueError("signature", "names no product")
    return target


def _check_account(field: str, using: object) -> None:
    """Raise `InvalidValueError` where an account was renamed after something was signed for it."""
    if using not in conf.accounts():
        raise InvalidValueError(field, "is of an account that is no more")


def _return_signature(target: PurchaseReturn, key: str | bytes) -> str:
    # Every part behind its length, so that no two targets share one text.
    parts: Sequence[str] = (target.using, target.next_path, *target.product_ids)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    digest = salted_hmac(RETURN_SALT, text, key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode()[:RETURN_SIGNATURE_LENGTH]

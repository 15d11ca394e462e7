"""Offers on their way through the browser: signed, so that nothing there decides what is sold, or for how much."""

import itertools
import time
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.core import signing

from django_plenigo import conf
from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import NO_OPTIONS, CheckoutOptions, CheckoutOrder
from django_plenigo.services.checkout.offers import Offer, check_account, check_offer, is_prepared

OFFER_SALT = "django_plenigo.offer"

#: How many signed offers a process remembers, and for how long: so much earlier than OFFER_SECONDS says one may end.
MEMO_SIZE = 1024
SIGNATURE_SECONDS = 60

#: What JSON carries as text.
_DAYS = ("birthday", "subscription_start_date")


def sign_offer(offer: Offer) -> str:
    """Return an offer as a text that only this site can have made. No I/O.

    Raises `InvalidValueError` and `UnsupportedOperationError` where its checkout could not be opened: a wrong value is
    told now, not on the click.
    """
    if offer.is_personal or offer.options.has_prepared:
        return _sign_offer(offer)
    try:
        return _remembered_signed_offer(offer, is_prepared(offer.using), int(time.time() // SIGNATURE_SECONDS))
    except TypeError:  # a value that cannot be part of a key, such as a list: what reads its field says so by name
        return _sign_offer(offer)


def _sign_offer(offer: Offer) -> str:
    check_offer(offer)
    order = {name: _as_json(value) for name, value in asdict(offer.order).items() if value is not None}
    options = {}
    if offer.options is not NO_OPTIONS:
        options = {name: _as_json(value) for name, value in asdict(offer.options).items() if value not in (None, "")}
    if offer.lets_visitors_in:
        options["lets_visitors_in"] = True
    return signing.dumps([offer.using, order, options], salt=OFFER_SALT)


@lru_cache(maxsize=MEMO_SIZE)
def _remembered_signed_offer(offer: Offer, is_of_v3: bool, period: int) -> str:
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
        check_account("offer", using)
        signing.loads(text, salt=OFFER_SALT, max_age=timedelta(seconds=conf.Account(using).offer_seconds))
    except signing.SignatureExpired:
        raise InvalidValueError("offer", "is out of date") from None
    except signing.BadSignature:
        raise InvalidValueError("offer", "was not made by this site") from None
    for values, name in itertools.product((order, options), _DAYS):
        if name in values:
            values[name] = date.fromisoformat(values[name])
    lets_visitors_in = options.pop("lets_visitors_in", False)
    try:
        return Offer(CheckoutOrder(**order), CheckoutOptions(**options), using, lets_visitors_in)
    except TypeError:  # it was signed by another release, whose options had other names
        raise InvalidValueError("offer", "is out of date") from None


def admits_visitors(signed: Any) -> bool:
    """Say whether a visitor may open the checkout of a signed offer without a log-in on this site."""
    try:
        return read_offer(signed).lets_visitors_in
    except InvalidValueError:
        return False


def _as_json(value: Any) -> Any:
    """Return a value of an order as JSON can carry it; a price keeps what it means."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    return value

"""What a button sells, and what of it each generation of the vendor's API can sell."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError, UnsupportedOperationError
from django_plenigo.protocols.base import (
    CheckoutCall,
    CheckoutOptions,
    CheckoutOrder,
    CheckoutPreparer,
    CustomerRef,
    LoginPass,
    OfferItem,
    Preparation,
    PreparedOptions,
)
from django_plenigo.tracebacks import without_secrets

#: What a checkout cannot be told that the vendor prepares, by the name of the option: why, and what to do instead.
NEVER_PREPARED: Mapping[str, str] = {
    **dict.fromkeys(
        ("price", "currency", "pay_what_you_want", "shipping_cost", "override_mode"),
        "sells an offer at the price that it has at plenigo: make an offer of that price there.",
    ),
    **dict.fromkeys(
        ("type", "category_id", "product_id_replacement"),
        "sells an offer as it is kept at plenigo: set this there.",
    ),
    "segment_id": "finds the price by the offer and by the reader's country.",
    "show_buying_again_screen": "shows it by itself: allow_multiple_purchases says whether more may be bought.",
    "show_checkout_confirmation_screen": "shows what the variant of the checkout has: see variant_id.",
    **dict.fromkeys(("oauth2_redirect_url", "csrf_token"), "knows no OAuth2 log-in in a checkout."),
    "test_mode": 'has no test purchases: use an account with MODE "stage" or "sandbox".',
    **dict.fromkeys(("subscription_renewal", "failed_payment"), "prepares no checkouts for that."),
    "birthday": "is told a birthday with the customer, not with a checkout.",
    "source_url": "is told no address for its statistics: source_id names a source.",
}

#: What an offer without options of prepared checkouts has.
NO_EXTRAS = PreparedOptions()

#: What of these goes to the vendor as the checkout is prepared; the rest is its script's.
_SENT = tuple({each.name for each in fields(PreparedOptions)} & {each.name for each in fields(Preparation)})

#: In place of the reader's address, who has not clicked yet: of a network that is kept for documentation.
_NOBODYS_ADDRESS = "192.0.2.1"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a button sells: it travels through the browser signed, so that nothing there decides a price."""

    order: CheckoutOrder
    """The product, its price and the checkout's settings."""

    options: CheckoutOptions
    """How the checkout opens and where it returns to."""

    using: str
    """The account that sells."""

    extras: PreparedOptions | None = None
    """What only API v3 knows of a checkout; None where nothing of that is given."""

    lets_visitors_in: bool = False
    """Whether a visitor logs in or registers inside the checkout; otherwise he logs in on this site first."""


def is_prepared(using: str) -> bool:
    """Say whether the checkouts of an account are prepared at the vendor on the click, instead of signed here."""
    return backends.serves(CheckoutPreparer, using)


def check_offer(offer: Offer) -> None:
    """Raise where the checkout of an offer could not be opened, as far as nobody need be asked. No I/O.

    Raises `UnsupportedOperationError` for an option that the account's API does not know, and `InvalidValueError`.
    """
    if not isinstance(offer.lets_visitors_in, bool):
        raise InvalidValueError("lets_visitors_in", "must be True or False")
    if is_prepared(offer.using):
        check_prepared(offer)
    else:
        _check_signed(offer)
        sign_checkout(offer)


def check_prepared(offer: Offer) -> None:
    """Raise as `check_offer` for an offer whose checkout the vendor prepares."""
    given = [*_given(offer.order), *_given(offer.options)]
    refused = next((name for name in given if name in NEVER_PREPARED), None)
    if refused:
        raise UnsupportedOperationError(f"{refused}: API v3 of the account {offer.using!r} {NEVER_PREPARED[refused]}")
    if not isinstance(offer.options.start_with_registration, bool):
        raise InvalidValueError("start_with_registration", "must be True or False")
    if offer.extras and offer.extras.debug_mode and conf.Account(offer.using).mode == "live":
        raise InvalidValueError("debug_mode", 'is never for MODE "live"')
    script_options(offer)
    try:
        preparation = preparation_of(offer, ip_address=_NOBODYS_ADDRESS)
        backends.checkout_preparer(offer.using).check_preparation(preparation)
    except InvalidValueError as error:
        if error.field != "offer_id":
            raise
        problem = f"{error.problem}: the setting PRODUCTS names the offer of a product"
        raise InvalidValueError("product_id", problem) from None


def _check_signed(offer: Offer) -> None:
    """Raise `UnsupportedOperationError` for what an API does not know that signs its checkouts here."""
    given = [] if offer.extras is None else _given(offer.extras)
    if given:
        generation = conf.Account(offer.using).generation
        text = f"{given[0]}: API {generation} of the account {offer.using!r} knows no such option: that takes API v3."
        raise UnsupportedOperationError(text)


def _given(values: CheckoutOrder | CheckoutOptions | PreparedOptions) -> list[str]:
    """Return the names of what is given: neither None nor blank."""
    names = [each.name for each in fields(values)]
    return [name for name in names if getattr(values, name) not in (None, "")]


def preparation_of(offer: Offer, *, ip_address: str, customer: CustomerRef | None = None) -> Preparation:
    """Return what the vendor is told to prepare the checkout of an offer. Raises `InvalidValueError`."""
    account, extras = conf.Account(offer.using), offer.extras or NO_EXTRAS
    told: dict[str, Any] = {name: getattr(extras, name) for name in _SENT if getattr(extras, name) is not None}
    if not extras.voucher_code and not extras.basket_id:
        offer_id = account.product(offer.order.product_id).offer_id
        told["items"] = (OfferItem(offer_id, 1 if extras.quantity is None else extras.quantity),)
    elif extras.quantity is not None:
        raise InvalidValueError("quantity", "is said by the voucher or the basket")
    return Preparation(
        ip_address=ip_address,
        customer=customer,
        language=account.language,
        affiliate_id=offer.options.affiliate_id or None,
        **told,
    )


def script_options(offer: Offer) -> Mapping[str, str]:
    """Return what the vendor's script opens the prepared checkout of an offer with. Raises `InvalidValueError`."""
    preparer = backends.checkout_preparer(offer.using)
    return preparer.script_options(offer.options, offer.extras or NO_EXTRAS, title=offer.order.title)


@without_secrets
def sign_checkout(offer: Offer, *, login: LoginPass | None = None) -> CheckoutCall:
    """Return the call that opens an offer's checkout, for the reader of `login` where one is given. No I/O.

    Raises `InvalidValueError`, and `UnsupportedOperationError` where checkouts are prepared at the vendor.
    """
    order = offer.order
    product_id = conf.Account(offer.using).product(order.product_id).product_id
    if product_id != order.product_id:
        order = replace(order, product_id=product_id)
    return backends.checkout_signer(offer.using).sign_checkout(order, offer.options, login)


def check_account(field: str, using: object) -> None:
    """Raise `InvalidValueError` where an account was renamed after something was signed for it."""
    if using not in conf.accounts():
        raise InvalidValueError(field, "is of an account that is no more")

"""What a button sells, and what of it each generation of the vendor's API can sell."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError, UnsupportedOperationError
from django_plenigo.protocols.base import (
    NO_OPTIONS,
    PREPARED_OPTIONS,
    CheckoutCall,
    CheckoutOptions,
    CheckoutOrder,
    CheckoutPreparer,
    CustomerRef,
    CustomProduct,
    LoginPass,
    OfferItem,
    Preparation,
)
from django_plenigo.tracebacks import without_secrets

#: What a checkout cannot be told that the vendor prepares, by the name of the option: why, and what to do instead.
NEVER_PREPARED: Mapping[str, str] = {
    **dict.fromkeys(
        ("pay_what_you_want", "override_mode"),
        "sells an offer at the price that it has at plenigo, or with the option price what is not kept there.",
    ),
    **dict.fromkeys(
        ("category_id", "product_id_replacement"),
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

#: What belongs to a price in the template: without one an offer is sold as it is kept at plenigo.
PARTS_OF_PRICE = ("currency", "type", "shipping_cost", "legal_text")

#: What a checkout cannot be told that is signed here, by the name of the option.
NEVER_SIGNED = frozenset({*PREPARED_OPTIONS, "quantity", "legal_text"})

#: What our names of an item's parts are in an offer, and what to do about a wrong one.
_IN_OFFER = {
    "offer_id": ("product_id", ": the setting PRODUCTS names the offer of a product"),
    "access_right_id": ("product_id", ""),
    "tax_type": ("type", ""),
}

#: In place of the reader's address, who has not clicked yet: of a network that is kept for documentation.
_NOBODYS_ADDRESS = "192.0.2.1"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a button sells: it travels through the browser signed, so that nothing there decides a price."""

    order: CheckoutOrder
    """The product, its price and the checkout's settings."""

    options: CheckoutOptions = NO_OPTIONS
    """How the checkout opens, what it asks for, and where it returns to."""

    using: str = conf.DEFAULT_ACCOUNT
    """The account that sells."""

    lets_visitors_in: bool = False
    """Whether a visitor logs in or registers inside the checkout; otherwise he logs in on this site first."""

    @property
    def is_personal(self) -> bool:
        """Whether it holds something of one reader: it is not kept, and the page that shows it is private."""
        return self.order.is_personal or self.options.is_personal


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
    part = None if _has_price(offer) else next((name for name in given if name in PARTS_OF_PRICE), None)
    if part:
        raise UnsupportedOperationError(
            f"{part}: API v3 of the account {offer.using!r} sells an offer as it is kept at plenigo, unless the option "
            "price makes it a product that is not kept there."
        )
    if not isinstance(offer.options.start_with_registration, bool):
        raise InvalidValueError("start_with_registration", "must be True or False")
    if offer.options.debug_mode and conf.Account(offer.using).mode == "live":
        raise InvalidValueError("debug_mode", 'is never for MODE "live"')
    script_options(offer)
    try:
        preparation = preparation_of(offer, ip_address=_NOBODYS_ADDRESS)
        backends.checkout_preparer(offer.using).check_preparation(preparation)
    except InvalidValueError as error:
        if error.field not in _IN_OFFER:
            raise
        field, advice = _IN_OFFER[error.field]
        problem = error.problem + advice
        raise InvalidValueError(field, problem) from None


def _check_signed(offer: Offer) -> None:
    """Raise `UnsupportedOperationError` for what an API does not know that signs its checkouts here."""
    given = () if offer.options is NO_OPTIONS else _given(offer.options)
    refused = next((name for name in (*_given(offer.order), *given) if name in NEVER_SIGNED), None)
    if refused:
        generation = conf.Account(offer.using).generation
        text = f"{refused}: API {generation} of the account {offer.using!r} knows no such option: that takes API v3."
        raise UnsupportedOperationError(text)


def _given(values: CheckoutOrder | CheckoutOptions) -> list[str]:
    """Return the names of what is given: neither None nor blank."""
    names = [each.name for each in fields(values)]
    return [name for name in names if getattr(values, name) not in (None, "")]


def _has_price(offer: Offer) -> bool:
    return offer.order.price not in (None, "")


def preparation_of(offer: Offer, *, ip_address: str, customer: CustomerRef | None = None) -> Preparation:
    """Return what the vendor is told to prepare the checkout of an offer. Raises `InvalidValueError`."""
    return Preparation(
        ip_address=ip_address,
        customer=customer,
        items=_items_of(offer),
        language=conf.Account(offer.using).language,
        options=offer.options,
    )


def _items_of(offer: Offer) -> tuple[OfferItem | CustomProduct, ...]:
    """Return what is sold: an offer of the vendor's, a product at a price of its own, or what somebody else says."""
    order, options, account = offer.order, offer.options, conf.Account(offer.using)
    if options.voucher_code or options.basket_id:
        for name in ("quantity", "price"):
            if getattr(order, name) not in (None, ""):
                raise InvalidValueError(name, "is said by the voucher or the basket")
        return ()
    product, quantity = account.product(order.product_id), 1 if order.quantity is None else order.quantity
    if order.price in (None, ""):
        return (OfferItem(product.offer_id, quantity),)
    legal_text = order.legal_text or account.legal_text
    if not legal_text:
        raise InvalidValueError(
            "legal_text", "is missing: API v3 sells a product at a price of its own under conditions; see LEGAL_TEXT"
        )
    sold = CustomProduct(
        product.product_id,
        product.access_right_id,
        title=order.title,
        price=order.price,
        currency=order.currency,
        tax_type=order.type,
        legal_text=legal_text,
        shipping_cost=order.shipping_cost,
        quantity=quantity,
    )
    return (sold,)


def script_options(offer: Offer) -> Mapping[str, Any]:
    """Return what the vendor's script opens the prepared checkout of an offer with. Raises `InvalidValueError`."""
    return backends.checkout_preparer(offer.using).script_options(offer.options, title=offer.order.title)


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

"""Opens checkouts: signed offers for the click, what the vendor is told on it, and the way back to the article."""

from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.services.checkout.offers import (
    NEVER_PREPARED,
    NEVER_SIGNED,
    PARTS_OF_PRICE,
    Offer,
    is_prepared,
    sign_checkout,
)
from django_plenigo.services.checkout.opening import (
    PreparedCheckout,
    login_pass_for_response,
    mint_login,
    open_checkout,
)
from django_plenigo.services.checkout.returning import PurchaseReturn, read_return, return_path, return_url
from django_plenigo.services.checkout.signing import MEMO_SIZE, OFFER_SALT, admits_visitors, read_offer, sign_offer

__all__ = [
    "MEMO_SIZE",
    "NEVER_PREPARED",
    "NEVER_SIGNED",
    "OFFER_SALT",
    "PARTS_OF_PRICE",
    "CheckoutOptions",
    "CheckoutOrder",
    "Offer",
    "PreparedCheckout",
    "PurchaseReturn",
    "admits_visitors",
    "is_prepared",
    "login_pass_for_response",
    "mint_login",
    "open_checkout",
    "read_offer",
    "read_return",
    "return_path",
    "return_url",
    "sign_checkout",
    "sign_offer",
]

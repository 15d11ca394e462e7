"""Prepare a purchase. Source: docs/protocols/plenigo-v3.md 5.1."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from .. import customer_sessions, preparations
from ..companies import find_basket, find_offer, find_voucher
from ..models import Application, Company, Customer
from .answers import Flaw, RefusalError, answered, flaw, invalid
from .endpoints import Call, operation, refuse_blocked
from .fields import (
    ACCESS_RIGHT_ID,
    CUSTOMER_ID,
    Array,
    DayOrMoment,
    Field,
    Flag,
    Integer,
    Number,
    Object,
    Text,
    TextMap,
)
from .orders import PAYMENT_METHODS
from .sessions import SESSION_INVALID

NOBODY = 90010
NO_OFFER = 90037
VOUCHER_OR_ITEMS = 90038
CHECKOUT_NOT_FOUND = 90404

TAX_TYPES = frozenset(
    [
        "DIGITALPRODUCT",
        "DIGITALNEWSPAPER",
        "EBOOK",
        "DOWNLOAD",
        "VIDEO",
        "MUSIC",
        "MEMBERSHIP",
        "BUNDLE",
        "ADVERTISEMENT",
        "BOOK",
        "MAGAZINE",
        "NEWSPAPER",
        "PHYSICALPRODUCT",
        "FEE",
        "VOUCHER",
        "SHIPPINGCOSTS",
        "EVENT",
        "DONATION",
        "DIGITALOFFER",
    ]
)
LONG_TEXT = Text(longest=5000)
DESCRIBED: dict[str, Field] = {
    "title": Text(longest=100),
    "description": LONG_TEXT,
    "legalText": LONG_TEXT,
    "summaryText": LONG_TEXT,
    "withdrawalInstruction": LONG_TEXT,
    "logoUrl": Text(longest=500),
    "logoAltText": Text(longest=200),
}
PRODUCT: dict[str, Field] = {
    **DESCRIBED,
    "title": Text(required=True, longest=100),
    "plenigoProductId": Text(longest=20),
    "productId": Text(longest=20),
    "price": Number(required=True, lowest=0, highest=100_000),
    "currency": Text(required=True, shortest=3, longest=3),
    "taxType": Text(required=True, choices=TAX_TYPES),
    "costCenter": Text(longest=20),
    "purchaseNumber": Text(longest=20),
    "discountPercentage": Integer(lowest=0, highest=100),
    "shippingCosts": Number(lowest=0, highest=100_000),
    "accessRightUniqueId": Text(required=True, pattern=ACCESS_RIGHT_ID),
}


def _check_item(name: str, values: Mapping[str, Any]) -> list[Flaw]:
    """Refuse an item that is neither an offer nor a custom product, or both."""
    is_offer = values.get("plenigoOfferId") is not None
    is_custom = all(values.get(part) is not None for part in ("title", "legalText", "products"))
    return [flaw(name, "oneOf")] if is_offer == is_custom else []


ITEM: dict[str, Field] = {
    **DESCRIBED,
    "quantity": Integer(required=True, lowest=1, highest=10_000),
    "plenigoOfferId": Text(longest=20),
    "plenigoBonusIds": Array(item=Text()),
    "products": Array(item=Object(fields=PRODUCT)),
}
UTM = {name: Text(longest=100) for name in ("source", "medium", "campaign", "term", "content")}
ADDITIONAL_DATA: dict[str, Field] = {
    "affiliateId": Text(longest=100),
    "partnerId": Text(longest=100),
    "sourceId": Text(longest=500),
    "utm": Object(fields=UTM),
    "data": TextMap(entries=50, longest_key=30, longest_value=200),
}
TAKE_OVER = frozenset({"INVOICE_ADDRESS_DEFAULT", "DELIVERY_ADDRESS_DEFAULT", "NO_ADDRESS_DEFAULT"})
GIFT_OPTIONS = frozenset({"FORCE_GIFT_OPTION", "HIDE_GIFT_OPTION", "SHOW_GIFT_OPTION", "PRESELECT_GIFT_OPTION"})
PREPARATION: dict[str, Field] = {
    "customerIpAddress": Text(required=True, shortest=1, longest=45),
    "customerId": Text(pattern=CUSTOMER_ID),
    "customerSession": Text(longest=10_000, secret=True),
    "invoiceAddressId": Integer(),
    "deliveryAddressId": Integer(),
    "showNetPrices": Flag(),
    "paymentOnly": Flag(),
    "forcePaymentMethod": Text(choices=PAYMENT_METHODS),
    "allowedPaymentMethods": Array(item=Text(choices=PAYMENT_METHODS)),
    "basketId": Text(longest=40),
    "allowMultiplePurchases": Flag(),
    "startWithVoucherInput": Flag(),
    "hideVoucherInput": Flag(),
    "language": Text(longest=2),
    "debugMode": Flag(),
    "subscriptionStartDate": DayOrMoment(),
    "addressSettings": Object(
        fields={
            "takeOver": Text(choices=TAKE_OVER),
            "invoiceAddressRequired": Flag(),
            "deliveryAddressRequired": Flag(),
        }
    ),
    "giftOption": Text(choices=GIFT_OPTIONS),
    "additionalData": Object(fields=ADDITIONAL_DATA),
    "voucherCode": Text(),
    "items": Array(item=Object(fields=ITEM, check=_check_item)),
    "connectedOfferItems": Array(
        item=Object(
            fields={
                "plenigoConnectedOfferId": Text(required=True, longest=20),
                "connectedCompanyId": Text(longest=20),
            }
        )
    ),
    "variantUniqueId": Text(pattern=ACCESS_RIGHT_ID),
}


@operation("preparePurchase", Application.CHECKOUT)
def prepare_purchase(call: Call) -> HttpResponse:
    """Return a purchase id, with which the checkout is opened."""
    values = call.read(PREPARATION)
    customer = _customer(call, values)
    _check_what_is_sold(call, values)
    _check_payment_methods(values)
    _check_addresses(customer, values)
    # The session would be a secret at rest; the customer is known by now.
    body = {name: value for name, value in values.items() if name != "customerSession"}
    return answered({"purchaseId": preparations.prepare(call.company, customer, body)}, 201)


def _customer(call: Call, values: Mapping[str, Any]) -> Customer | None:
    """Return who buys; None for who logs in at the checkout. The id goes before the session.

    Our choice: a payment without offers shows no log-in, so it needs a customer.
    """
    if values.get("customerId"):
        customer = call.customer(values["customerId"])
        refuse_blocked(customer)
        return customer
    if values.get("customerSession"):
        try:
            return customer_sessions.validate(call.company, values["customerSession"]).customer
        except (customer_sessions.InvalidError, customer_sessions.ReplacedError):
            raise RefusalError(400, SESSION_INVALID, "The session is invalid.") from None
    if values.get("paymentOnly"):
        raise RefusalError(400, NOBODY, "Neither a customer id nor a customer session is given.")
    return None


def _check_what_is_sold(call: Call, values: Mapping[str, Any]) -> None:
    """Refuse what cannot be sold. Either a voucher, a basket or items; offers of other companies are not known here."""
    items, code, basket_id = values.get("items", []), values.get("voucherCode"), values.get("basketId")
    if code and (items or basket_id):
        raise RefusalError(400, VOUCHER_OR_ITEMS, "Either a voucher or items can be given.")
    if basket_id and items:
        raise invalid([flaw("basketId", "oneOf", basket_id)])
    if values.get("connectedOfferItems"):
        raise _no_offer()
    if code:
        voucher = find_voucher(call.company, code)
        if voucher is None or not preparations.is_redeemable(voucher):
            raise invalid([flaw("voucherCode", "redeemed" if voucher else "unknown", code)])
    elif basket_id:
        basket = find_basket(call.company, basket_id)
        if basket is None:
            raise RefusalError(404, CHECKOUT_NOT_FOUND, "There is no such basket.")
        if not basket.items.filter(product__company=call.company).exists():
            raise _no_offer()
    else:
        if not items or not all(_sells(call.company, item) for item in items):
            raise _no_offer()


def _sells(company: Company, item: Mapping[str, Any]) -> bool:
    """Say whether there is something behind an item: an offer that is known, or a product."""
    if "plenigoOfferId" in item:
        return find_offer(company, item["plenigoOfferId"]) is not None
    return bool(item["products"])


def _no_offer() -> RefusalError:
    return RefusalError(400, NO_OFFER, "There is no such offer.")


def _check_payment_methods(values: Mapping[str, Any]) -> None:
    """Refuse to force a payment method that is not allowed. None that is named means that all are."""
    forced, allowed = values.get("forcePaymentMethod"), values.get("allowedPaymentMethods")
    if forced and allowed and forced not in allowed:
        raise invalid([flaw("forcePaymentMethod", "not allowed", forced)])


def _check_addresses(customer: Customer | None, values: Mapping[str, Any]) -> None:
    for name in ("invoiceAddressId", "deliveryAddressId"):
        number = values.get(name)
        if number is not None and (customer is None or not customer.addresses.filter(pk=number).exists()):
            raise invalid([flaw(name, "unknown", number)])

"""Checkouts, orders and subscriptions (docs/protocols/plenigo-v3.md 5)."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import (
    CheckoutOptions,
    CheckoutPreparer,
    CustomerRef,
    CustomProduct,
    OfferItem,
    Order,
    OrderItem,
    Preparation,
    PurchaseReader,
    Subscription,
    checked_id,
    reading,
)
from django_plenigo.protocols.plenigo_v3 import answers, arguments
from django_plenigo.protocols.plenigo_v3.connection import Connection
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Answer

#: How many items a page of a list holds at most (1.6).
PAGE_SIZE = 100

#: A list is never followed for longer: a million items.
MOST_PAGES = 10_000

#: Whose subscriptions the vendor does not end itself (5.2).
MANAGED_ELSEWHERE = frozenset({"EXTERNAL", "WBZ"})


class Purchases(Connection, CheckoutPreparer, PurchaseReader):
    """The part of the client about what is sold and what was."""

    @without_secrets
    def check_preparation(self, preparation: Preparation) -> None:
        """Raise `InvalidValueError` where `prepare_checkout` would refuse to send one of the values. No I/O."""
        _body_of(preparation)
        if preparation.customer is not None:
            arguments.checked_customer(preparation.customer)

    @without_secrets
    def prepare_checkout(self, preparation: Preparation) -> str:
        """Return the purchase id that the vendor's script opens the checkout with (5.1)."""
        body = _body_of(preparation)
        if preparation.customer is not None:
            body["customerId"] = self._customer_id(preparation.customer, "prepare_checkout")
        # Not idempotent: each call leaves one more purchase id.
        answer = self._call("prepare_checkout", "POST", "/checkout/preparePurchase", json=body)
        return reading.text_of(answer, "prepare_checkout", "purchaseId")

    @without_secrets
    def script_options(self, options: CheckoutOptions, *, title: str | None = None) -> Mapping[str, Any]:
        """Return the options of `plenigo.Checkout` (8). Blank ones are left out; a title is cut."""
        checked = {
            "elementId": arguments.optional_text("element_id", options.element_id, arguments.TEXT_LENGTH),
            "returnUrl": arguments.optional_address("target_url", options.target_url),
            "restartUrl": arguments.optional_address("restart_url", options.restart_url),
            "customCSS": arguments.optional_address("custom_css", options.custom_css, schemes=("https",)),
            "checkoutDesignId": arguments.optional_text(
                "checkout_design_id", options.checkout_design_id, arguments.TEXT_LENGTH
            ),
            "title": arguments.optional_title(title),
            "address": _flags_of(options, {"postbox": "show_postbox_input", "phoneNumber": "show_phone_number_input"}),
        }
        if options.filter_salutations is not None:
            checked["filterSalutations"] = arguments.checked_choices(
                "filter_salutations", options.filter_salutations, arguments.SALUTATIONS
            )
        if options.supported_card_types is not None:
            checked["supportedCardTypes"] = arguments.checked_card_types(options.supported_card_types)
        return {name: value for name, value in checked.items() if value}

    @without_secrets
    def read_order(self, order_id: int) -> Order:
        """Return one order, whosesoever it is: look (5.2)."""
        path = f"/orders/{arguments.checked_number('order_id', order_id)}"
        answer = self._call("read_order", "GET", path, idempotent=True)  # it only reads
        return _order_of(answer, "read_order", reading.object_of(answer, "read_order"))

    @without_secrets
    def orders_of(self, customer: CustomerRef) -> Iterator[Order]:
        """Yield the orders of a customer (5.2)."""
        path = f"/customers/{self._customer_id(customer, 'orders_of')}/orders"
        for answer, item in self._items("orders_of", path, "orderId"):
            yield _order_of(answer, "orders_of", item)

    @without_secrets
    def read_subscription(self, subscription_id: int) -> Subscription:
        """Return one subscription, whosesoever it is: look (5.2)."""
        path = f"/subscriptions/{arguments.checked_number('subscription_id', subscription_id)}"
        answer = self._call("read_subscription", "GET", path, idempotent=True)  # it only reads
        return _subscription_of(answer, "read_subscription", reading.object_of(answer, "read_subscription"))

    @without_secrets
    def subscriptions_of(self, customer: CustomerRef) -> Iterator[Subscription]:
        """Yield the subscriptions of a customer (5.2)."""
        path = f"/customers/{self._customer_id(customer, 'subscriptions_of')}/subscriptions"
        for answer, item in self._items("subscriptions_of", path, "subscriptionId"):
            yield _subscription_of(answer, "subscriptions_of", item)

    @without_secrets
    def subscription_of_item(self, subscription_item_id: int) -> Subscription | None:
        """Return the subscription that an item of an order has begun, None where there is none (5.2)."""
        number = arguments.checked_number("subscription_item_id", subscription_item_id)
        params = {"subscriptionItemId": str(number)}
        answer = self._call("subscription_of_item", "GET", "/subscriptions", params=params, idempotent=True)
        items = answers.objects_of(answer, "subscription_of_item", "items")
        return _subscription_of(answer, "subscription_of_item", items[0]) if items else None

    def _items(self, operation: str, path: str, id_name: str) -> Iterator[tuple[Answer, dict[str, Any]]]:
        """Yield the items of a list with the answers that they came in, a call for each page (1.6).

        The next page begins after the cursor that the answer names, else after its last item.
        """
        params = {"size": str(PAGE_SIZE)}
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            answer = self._call(operation, "GET", path, params=params, idempotent=True)  # it only reads
            items = answers.objects_of(answer, operation, "items")
            for item in items:
                yield answer, item
            named = reading.id_text(reading.object_of(answer, operation), "startingAfterId")
            cursor = named or (reading.id_text(items[-1], id_name) if items else "")
            if len(items) < PAGE_SIZE or not cursor or cursor in seen:
                return
            seen.add(cursor)
            params["startingAfter"] = cursor


def _body_of(preparation: Preparation) -> dict[str, Any]:
    """Return what a checkout is prepared with by the vendor's names, without the customer. Raises as above."""
    options = preparation.options
    given = {"items": preparation.items, "voucher_code": options.voucher_code, "basket_id": options.basket_id}
    sources = [name for name, source in given.items() if source]
    if len(sources) > 1:
        raise InvalidValueError(sources[1], f"cannot be sold together with {sources[0]}")
    if not sources:
        raise InvalidValueError("items", "must be at least one, or a voucher code, or a basket")
    body: dict[str, Any] = {"customerIpAddress": _checked_ip_address(preparation.ip_address)}
    if preparation.items:
        body["items"] = [_item_of(item) for item in preparation.items]
    if preparation.language is not None:
        body["language"] = arguments.checked_language(preparation.language)
    if options.connected_offers:
        body["connectedOfferItems"] = arguments.checked_connected_offers(options.connected_offers)
    if options.variant_id is not None:
        body["variantUniqueId"] = arguments.checked_access_right_id(options.variant_id, "variant_id")
    if options.subscription_start_date is not None:
        body["subscriptionStartDate"] = arguments.checked_day(
            "subscription_start_date", options.subscription_start_date
        )
    if options.allowed_payment_methods is not None:
        body["allowedPaymentMethods"] = arguments.checked_choices(
            "allowed_payment_methods", options.allowed_payment_methods, arguments.PAYMENT_METHODS
        )
    limits = {"voucherCode": ("voucher_code", 255), "basketId": ("basket_id", 40)}
    body |= arguments.texts(limits, lambda name: getattr(options, name))
    body |= _switches_of(options)
    parts = {"addressSettings": _address_settings_of(options), "additionalData": _additional_data_of(options)}
    return body | {name: part for name, part in parts.items() if part}


def _switches_of(options: CheckoutOptions) -> dict[str, Any]:
    words = _choices_of(
        options,
        {
            "forcePaymentMethod": ("force_payment_method", arguments.PAYMENT_METHODS),
            "giftOption": ("gift_option", arguments.GIFT_OPTIONS),
        },
    )
    flags = _flags_of(
        options,
        {
            "allowMultiplePurchases": "allow_multiple_purchases",
            "showNetPrices": "show_net_prices",
            "paymentOnly": "payment_only",
            "startWithVoucherInput": "start_with_voucher_input",
            "hideVoucherInput": "hide_voucher_input",
            "debugMode": "debug_mode",
        },
    )
    numbers = {"invoiceAddressId": "invoice_address_id", "deliveryAddressId": "delivery_address_id"}
    addresses = {
        name: arguments.checked_number(ours, value)
        for name, ours in numbers.items()
        if (value := getattr(options, ours)) is not None
    }
    return {**words, **flags, **addresses}


def _address_settings_of(options: CheckoutOptions) -> dict[str, Any]:
    required = {
        "invoiceAddressRequired": "invoice_address_required",
        "deliveryAddressRequired": "delivery_address_required",
    }
    taken_over = {"takeOver": ("address_take_over", arguments.ADDRESSES_TAKEN_OVER)}
    return {**_choices_of(options, taken_over), **_flags_of(options, required)}


def _choices_of(options: CheckoutOptions, choices: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, Any]:
    """Return words by the vendor's names, of which `choices` tells our name and the words that there are."""
    return {
        name: arguments.checked_choice(ours, value, words)
        for name, (ours, words) in choices.items()
        if (value := getattr(options, ours)) is not None
    }


def _flags_of(options: CheckoutOptions, flags: Mapping[str, str]) -> dict[str, Any]:
    """Return booleans by the vendor's names, of which `flags` tells our name."""
    return {
        name: arguments.checked_bool(ours, value)
        for name, ours in flags.items()
        if (value := getattr(options, ours)) is not None
    }


def _additional_data_of(options: CheckoutOptions) -> dict[str, Any]:
    limits = {"affiliateId": ("affiliate_id", 100), "partnerId": ("partner_id", 100), "sourceId": ("source_id", 500)}
    additional: dict[str, Any] = dict(arguments.texts(limits, lambda name: getattr(options, name)))
    if options.utm and (utm := arguments.checked_utm(options.utm)):
        additional["utm"] = utm
    if options.data:
        additional["data"] = arguments.checked_data("data", options.data)
    return additional


def _item_of(item: OfferItem | CustomProduct) -> dict[str, Any]:
    quantity = arguments.checked_quantity(item.quantity)
    if isinstance(item, OfferItem):
        return {
            "plenigoOfferId": checked_id("offer_id", item.offer_id, arguments.OFFER_ID_LENGTH),
            "quantity": quantity,
        }
    missing = [name for name in ("title", "currency", "tax_type", "legal_text") if not getattr(item, name)]
    if missing:
        raise InvalidValueError(missing[0], "is missing: what is sold at a price of its own needs it")
    # The document asks for `offerId` and `quantity` of a product too, of which it says nothing: a slip (10).
    product = {
        "productId": checked_id("product_id", item.product_id, arguments.PRODUCT_ID_LENGTH),
        "title": arguments.optional_title(item.title),
        "price": arguments.checked_amount("price", item.price),
        "currency": arguments.checked_currency(item.currency),
        "taxType": arguments.checked_choice("tax_type", item.tax_type, arguments.TAX_TYPES),
        "accessRightUniqueId": arguments.checked_access_right_id(item.access_right_id, "access_right_id"),
    }
    if item.shipping_cost not in (None, ""):
        product["shippingCosts"] = arguments.checked_amount("shipping_cost", item.shipping_cost)
    legal_text = arguments.checked_paragraphs("legal_text", item.legal_text, arguments.LEGAL_TEXT_LENGTH)
    return {"title": product["title"], "legalText": legal_text, "quantity": quantity, "products": [product]}


def _checked_ip_address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise InvalidValueError("ip_address", "must be the address of the reader's browser") from None


def _order_item_of(values: Mapping[str, Any]) -> OrderItem:
    return OrderItem(
        product_id=reading.id_text(values, "productId"),
        title=answers.optional_text(values, "title"),
        quantity=answers.number(values, "quantity") or 1,
        price=answers.amount(values, "price"),
        offer_id=answers.optional_text(values, "plenigoOfferId") or None,
        access_right_id=answers.optional_text(values, "accessRightUniqueId") or None,
        subscription_item_id=answers.number(values, "subscriptionItemId"),
    )


def _order_items_of(answer: Answer, operation: str, values: Mapping[str, Any]) -> tuple[OrderItem, ...]:
    items = values.get("items") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise reading.unexpected(answer, operation, "no items")
    return tuple(_order_item_of(item) for item in items)


def _order_of(answer: Answer, operation: str, values: Mapping[str, Any]) -> Order:
    order_id, customer_id = answers.number(values, "orderId"), reading.id_text(values, "invoiceCustomerId")
    if order_id is None or not customer_id:
        raise reading.unexpected(answer, operation, "no orderId or invoiceCustomerId")
    return Order(
        order_id,
        customer_id,
        ordered_at=answers.moment(values, "orderDate"),
        status=answers.optional_text(values, "status"),
        currency=answers.optional_text(values, "currency"),
        items=_order_items_of(answer, operation, values),
        values=values,
    )


def _subscription_of(answer: Answer, operation: str, values: Mapping[str, Any]) -> Subscription:
    subscription_id, payer = answers.number(values, "subscriptionId"), reading.id_text(values, "invoiceCustomerId")
    if subscription_id is None or not payer:
        raise reading.unexpected(answer, operation, "no subscriptionId or invoiceCustomerId")
    is_cancelled = answers.moment(values, "cancellationDate") is not None
    is_managed_elsewhere = answers.flag(values, "managedExternal") or values.get("managedBy") in MANAGED_ELSEWHERE
    is_blocked = answers.flag(values, "customerCancellationBlocked")
    return Subscription(
        subscription_id,
        payer,
        recipient_id=reading.id_text(values, "deliveryCustomerId") or payer,
        status=answers.optional_text(values, "status"),
        starts_at=answers.moment(values, "startDate"),
        ends_at=answers.moment(values, "endDate"),
        is_cancelled=is_cancelled,
        may_be_cancelled=not (is_cancelled or is_managed_elsewhere or is_blocked),
        next_booking_at=answers.moment(values, "nextBookingDate"),
        currency=answers.optional_text(values, "currency"),
        items=_order_items_of(answer, operation, values),
        values=values,
    )

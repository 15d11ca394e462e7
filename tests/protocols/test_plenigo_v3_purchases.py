"""Checkouts, orders and subscriptions of API v3."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from django_plenigo.errors import InvalidValueError, NotFoundError, ProtocolError
from django_plenigo.protocols.base import CheckoutOptions, CustomerRef, CustomProduct, OfferItem, Preparation
from django_plenigo.protocols.plenigo_v3 import arguments
from tests.scripted_vendor_v3 import ok, refused

READER = CustomerRef("56202510")
OFFER = OfferItem("O_12345678901234567A")
ADDRESS = "192.0.2.7"


ARTICLE = {
    "product_id": "moss-clock",
    "access_right_id": "moss-clock",
    "title": "The moss clock",
    "price": Decimal("0.59"),
    "currency": "EUR",
    "tax_type": "DIGITALPRODUCT",
    "legal_text": "Sold without\na right of return.",
}


def preparation(*, items=(OFFER,), ip_address=ADDRESS, customer=None, language=None, **options):
    return Preparation(ip_address, customer, items, language, CheckoutOptions(**options))


def article(**values):
    return CustomProduct(**{**ARTICLE, **values})


def prepared(vendor, **values):
    made = vendor(ok(201, purchaseId="p1"))
    assert made.client.prepare_checkout(preparation(**values)) == "p1"
    return made.body


def test_checkout_of_a_customer_is_prepared(vendor):
    assert prepared(vendor, customer=READER, language="DE") == {
        "customerId": "56202510",
        "customerIpAddress": ADDRESS,
        "items": [{"plenigoOfferId": "O_12345678901234567A", "quantity": 1}],
        "language": "de",
    }


def test_checkout_of_a_visitor_names_no_customer(vendor):
    assert "customerId" not in prepared(vendor)


def test_every_option_is_sent_by_the_vendors_name(vendor):
    body = prepared(
        vendor,
        allow_multiple_purchases=True,
        show_net_prices=False,
        payment_only=True,
        start_with_voucher_input=False,
        hide_voucher_input=True,
        debug_mode=False,
        allowed_payment_methods=["PAYPAL", "BILLING"],
        force_payment_method="PAYPAL",
        gift_option="SHOW_GIFT_OPTION",
        variant_id="variant-1",
        affiliate_id="a",
        partner_id="p",
        source_id="s",
        data={"article": "42"},
        utm={"source": "letter", "medium": ""},
        connected_offers={"O_1": "C_1", "O_2": ""},
        subscription_start_date=date(2030, 1, 1),
        invoice_address_id=12,
        delivery_address_id="13",
        address_take_over="INVOICE_ADDRESS_DEFAULT",
        invoice_address_required=True,
        delivery_address_required=False,
    )
    assert body == {
        "customerIpAddress": ADDRESS,
        "items": [{"plenigoOfferId": "O_12345678901234567A", "quantity": 1}],
        "allowMultiplePurchases": True,
        "showNetPrices": False,
        "paymentOnly": True,
        "startWithVoucherInput": False,
        "hideVoucherInput": True,
        "debugMode": False,
        "allowedPaymentMethods": ["PAYPAL", "BILLING"],
        "forcePaymentMethod": "PAYPAL",
        "giftOption": "SHOW_GIFT_OPTION",
        "variantUniqueId": "variant-1",
        "additionalData": {
            "affiliateId": "a",
            "partnerId": "p",
            "sourceId": "s",
            "utm": {"source": "letter"},
            "data": {"article": "42"},
        },
        "connectedOfferItems": [
            {"plenigoConnectedOfferId": "O_1", "connectedCompanyId": "C_1"},
            {"plenigoConnectedOfferId": "O_2"},
        ],
        "subscriptionStartDate": "2030-01-01",
        "invoiceAddressId": 12,
        "deliveryAddressId": 13,
        "addressSettings": {
            "takeOver": "INVOICE_ADDRESS_DEFAULT",
            "invoiceAddressRequired": True,
            "deliveryAddressRequired": False,
        },
    }


def test_product_at_a_price_of_its_own_is_sent_as_it_is_described(vendor):
    (item,) = prepared(vendor, items=[article(quantity=2, shipping_cost="3.00")])["items"]
    assert item == {
        "title": "The moss clock",
        "legalText": "Sold without\na right of return.",
        "quantity": 2,
        "products": [
            {
                "productId": "moss-clock",
                "title": "The moss clock",
                "price": 0.59,
                "currency": "EUR",
                "taxType": "DIGITALPRODUCT",
                "accessRightUniqueId": "moss-clock",
                "shippingCosts": 3,
            }
        ],
    }


@pytest.mark.parametrize("tax_type", arguments.TAX_TYPES)
def test_every_tax_type_is_one_of_the_vendors(vendor, tax_type):
    (item,) = prepared(vendor, items=[article(tax_type=tax_type)])["items"]
    assert item["products"][0]["taxType"] == tax_type


def test_script_is_told_what_it_asks_for(vendor):
    options = CheckoutOptions(
        filter_salutations=("DIVERSE", "NONE"),
        supported_card_types=["V", "M"],
        show_postbox_input=True,
        show_phone_number_input=False,
        checkout_design_id="CD_1",
    )
    assert vendor().client.script_options(options) == {
        "filterSalutations": ["DIVERSE", "NONE"],
        "supportedCardTypes": ["V", "M"],
        "address": {"postbox": True, "phoneNumber": False},
        "checkoutDesignId": "CD_1",
    }
    assert vendor().client.script_options(CheckoutOptions()) == {}


def test_voucher_or_basket_takes_the_place_of_items(vendor):
    assert prepared(vendor, items=(), voucher_code="FREE")["voucherCode"] == "FREE"
    assert prepared(vendor, items=(), basket_id="b1")["basketId"] == "b1"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"ip_address": ""}, "ip_address"),
        ({"ip_address": "unknown"}, "ip_address"),
        ({"ip_address": "192.0.2.7:80"}, "ip_address"),
        ({"items": []}, "items"),
        ({"voucher_code": "FREE"}, "voucher_code"),
        ({"items": [OfferItem("")]}, "offer_id"),
        ({"items": [OfferItem("O" * 21)]}, "offer_id"),
        ({"items": [OfferItem("O_1", quantity=0)]}, "quantity"),
        ({"items": [OfferItem("O_1", quantity=10_001)]}, "quantity"),
        ({"items": [OfferItem("O_1", quantity=True)]}, "quantity"),
        ({"language": "deu"}, "language"),
        ({"debug_mode": "false"}, "debug_mode"),
        ({"allowed_payment_methods": ["CASH"]}, "allowed_payment_methods"),
        ({"force_payment_method": "paypal"}, "force_payment_method"),
        ({"gift_option": "YES"}, "gift_option"),
        ({"variant_id": "with_underscore"}, "variant_id"),
        ({"affiliate_id": "x" * 101}, "affiliate_id"),
        ({"data": {"k": "x" * 201}}, "data['k']"),
        ({"customer": "56202510"}, "customer"),
        ({"items": [article(price=-1)]}, "price"),
        ({"items": [article(price="1e3")]}, "price"),
        ({"items": [article(price=None)]}, "price"),
        ({"items": [article(currency="eur")]}, "currency"),
        ({"items": [article(tax_type=None)]}, "tax_type"),
        ({"items": [article(title="")]}, "title"),
        ({"items": [article(legal_text="")]}, "legal_text"),
        ({"items": [article(legal_text=" \n")]}, "legal_text"),
        ({"items": [article(access_right_id="with_underscore")]}, "access_right_id"),
        ({"items": [article(product_id="x" * 21)]}, "product_id"),
        ({"items": [article(shipping_cost=-1)]}, "shipping_cost"),
        ({"items": [article(quantity=0)]}, "quantity"),
        ({"connected_offers": {"O_1": "C" * 21}}, "connected_offers['O_1']"),
        ({"subscription_start_date": datetime(2030, 1, 1, tzinfo=UTC)}, "subscription_start_date"),
        ({"invoice_address_id": 0}, "invoice_address_id"),
        ({"address_take_over": "BOTH"}, "address_take_over"),
        ({"utm": "letter"}, "utm"),
    ],
)
def test_preparation_with_a_wrong_value_sends_nothing(vendor, values, field):
    made = vendor()
    with pytest.raises(InvalidValueError) as caught:
        made.client.check_preparation(preparation(**values))
    assert caught.value.field == field
    with pytest.raises(InvalidValueError):
        made.client.prepare_checkout(preparation(**values))
    assert made.requests == []


def test_unknown_offer_is_not_found(vendor):
    with pytest.raises(NotFoundError, match="offer"):
        vendor(refused(400, 90037)).client.prepare_checkout(preparation())


# ---- orders

ITEM = {
    "productId": "7",
    "title": "Digital",
    "quantity": 2,
    "price": 9.99,
    "plenigoOfferId": "O_12345678901234567A",
    "accessRightUniqueId": "digital",
    "subscriptionItemId": 12,
}
ORDER = {
    "orderId": 4711,
    "invoiceCustomerId": "56202510",
    "orderDate": "2026-03-01T12:00:00.5Z",
    "status": "HALF_DONE",
    "currency": "EUR",
    "items": [ITEM],
    "isNew": 1,
}


def test_order_is_read_with_whose_it_is(vendor):
    made = vendor(ok(**ORDER))
    order = made.client.read_order(4711)
    assert made.line == "GET /orders/4711"
    assert (order.order_id, order.customer_id, order.status) == (4711, "56202510", "HALF_DONE")
    assert order.ordered_at == datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)
    (item,) = order.items
    assert (item.price, item.quantity, item.access_right_id) == (Decimal("9.99"), 2, "digital")
    assert order.values["isNew"] == 1


@pytest.mark.parametrize("order_id", [0, -1, True, "x", None, 2**63, "١"])
def test_order_id_that_is_none_is_not_asked_for(vendor, order_id):
    with pytest.raises(InvalidValueError, match="order_id"):
        vendor().client.read_order(order_id)


@pytest.mark.parametrize("missing", ["orderId", "invoiceCustomerId"])
def test_order_of_nobody_is_a_protocol_error(vendor, missing):
    with pytest.raises(ProtocolError):
        vendor(ok(**{name: value for name, value in ORDER.items() if name != missing})).client.read_order(4711)


# ---- subscriptions

SUBSCRIPTION = {
    "subscriptionId": 12,
    "invoiceCustomerId": "56202510",
    "deliveryCustomerId": "99",
    "status": "ACTIVE",
    "startDate": "2026-01-01T00:00:00Z",
    "endDate": "",
    "cancellationDate": None,
    "nextBookingDate": "2026-02-01T00:00:00Z",
    "currency": "EUR",
    "items": [ITEM],
}


def subscription(vendor, **changes):
    return vendor(ok(**{**SUBSCRIPTION, **changes})).client.read_subscription(12)


def test_subscription_is_read_with_payer_and_recipient(vendor):
    read = subscription(vendor)
    assert (read.payer_id, read.recipient_id) == ("56202510", "99")
    assert (read.ends_at, read.is_cancelled, read.may_be_cancelled) == (None, False, True)


@pytest.mark.parametrize(
    "change",
    [
        {"cancellationDate": "2026-01-02T00:00:00Z"},
        {"customerCancellationBlocked": True},
        {"managedExternal": True},
        {"managedBy": "WBZ"},
    ],
)
def test_subscription_that_the_customer_may_not_cancel(vendor, change):
    assert subscription(vendor, **change).may_be_cancelled is False


def test_subscription_is_active_between_its_dates(vendor):
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    endless, ended = subscription(vendor), subscription(vendor, endDate="2026-02-01T00:00:00Z")
    assert endless.is_active(begin + timedelta(days=400))
    assert not endless.is_active(begin - timedelta(seconds=1))
    assert ended.is_active(begin + timedelta(days=30))
    assert not ended.is_active(begin + timedelta(days=31))
    assert not subscription(vendor, status="INACTIVE").is_active(begin + timedelta(days=1))


def test_subscriptions_of_a_customer_are_listed(vendor):
    made = vendor(ok(items=[SUBSCRIPTION]))
    (read,) = made.client.subscriptions_of(READER)
    assert read.subscription_id == 12
    assert made.line == "GET /customers/56202510/subscriptions"


def test_subscription_of_an_order_item_is_found(vendor):
    made = vendor(ok(items=[SUBSCRIPTION]), ok(items=[]))
    found = made.client.subscription_of_item(12)
    assert found is not None
    assert found.subscription_id == 12
    assert made.query == {"subscriptionItemId": "12"}
    assert made.client.subscription_of_item(13) is None

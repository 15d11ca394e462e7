"""Orders and subscriptions, which are what was bought. Source: docs/protocols/plenigo-v3.md 5.2."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from .. import clock, purchases
from ..entitlements import access_right_of, products_of
from ..models import Application, Product, Purchase
from .answers import RefusalError, answered, without_gaps, written, written_day
from .endpoints import Call, operation
from .fields import Integer, Text
from .paging import Entry, page_of

PAYMENT_METHODS = frozenset(
    [
        "AMAZON_PAY",
        "APPLE_PAY",
        "BANK_ACCOUNT",
        "BILLING",
        "CREDIT_CARD",
        "GOOGLE_PAY",
        "IDEAL",
        "PAYPAL",
        "POSTFINANCE",
        "SOFORT",
        "TWINT",
        "ZERO",
    ]
)
SUBSCRIPTION_TYPES = frozenset(
    [
        "CREDIT_BASED",
        "CREDIT_TIME_BASED",
        "CREDIT_TRIGGER_BASED",
        "CROSS_COMPANY_TIME_BASED",
        "ISSUE_BASED",
        "TIME_BASED",
        "TIME_BASED_MULTIUSER",
        "TIME_CREDIT_BASED",
        "VOUCHER_CREDIT_BASED",
        "VOUCHER_CREDIT_TIME_BASED",
        "VOUCHER_CREDIT_TRIGGER_BASED",
        "VOUCHER_ISSUE_BASED",
        "VOUCHER_TIME_BASED",
        "VOUCHER_TIME_CREDIT_BASED",
    ]
)
TIME_BASED = "TIME_BASED"
TITLE_CHARACTERS = 100
#: Germany's full rate, whatever is sold: the sandbox knows no tax law.
TAX_PERCENT = 19

ORDER_NOT_FOUND = 99404
SUBSCRIPTION_NOT_FOUND = 40404


@operation("searchCustomerOrders", Application.APPSTORES)
def search_customer_orders(call: Call, customer_id: str) -> HttpResponse:
    """Return a customer's orders, page by page."""
    customer = call.customer(customer_id)
    return page_of(call, [_order_entry(rows, call) for rows in _orders(_bought(call).filter(customer=customer))])


@operation("getOrder", Application.APPSTORES)
def get_order(call: Call, order_id: str) -> HttpResponse:
    """Return an order of any customer of the company."""
    key = _key(order_id, purchases.FIRST_ORDER)
    first = _bought(call).filter(pk=key).first() if key else None
    # Another row of the order has a number too, but the order is known by its first.
    rows = list(_bought(call).filter(customer=first.customer, order_id=first.order_id)) if first else []
    if not rows or rows[0].pk != key:
        raise RefusalError(404, ORDER_NOT_FOUND, "There is no order with this id.")
    return answered(order_of(rows, products_of(call.company)))


@operation("searchCustomerSubscriptions", Application.APPSTORES)
def search_customer_subscriptions(call: Call, customer_id: str) -> HttpResponse:
    """Return a customer's subscriptions, page by page."""
    customer = call.customer(customer_id)
    return page_of(call, [_subscription_entry(row, call) for row in _subscriptions(call).filter(customer=customer)])


@operation("searchSubscriptions", Application.APPSTORES)
def search_subscriptions(call: Call) -> HttpResponse:
    """Return the company's subscriptions, page by page: all, or that of an item of an order."""
    asked = call.read_query(
        {
            "subscriptionItemId": Integer(in_query=True),
            "externalSystemId": Text(longest=100),
            "subscriptionType": Text(choices=SUBSCRIPTION_TYPES),
        }
    )
    rows = _subscriptions(call)
    if "subscriptionItemId" in asked:
        rows = rows.filter(pk=_key(str(asked["subscriptionItemId"]), purchases.FIRST_SUBSCRIPTION_ITEM) or 0)
    if asked.get("externalSystemId") or asked.get("subscriptionType", TIME_BASED) != TIME_BASED:
        rows = rows.none()  # the sandbox has none of those
    return page_of(call, [_subscription_entry(row, call) for row in rows])


@operation("getSubscription", Application.APPSTORES)
def get_subscription(call: Call, subscription_id: str) -> HttpResponse:
    """Return a subscription of any customer of the company."""
    row = find_subscription(call, subscription_id)
    if row is None:
        raise RefusalError(404, SUBSCRIPTION_NOT_FOUND, "There is no subscription with this id.")
    return answered(subscription_of(row, products_of(call.company)))


def find_subscription(call: Call, subscription_id: str) -> Purchase | None:
    """Return a subscription of the company, or None."""
    key = _key(subscription_id, purchases.FIRST_SUBSCRIPTION)
    return _subscriptions(call).filter(pk=key).first() if key else None


def _key(text: str, first: int) -> int | None:
    """Return the primary key behind a number, or None for a number of another range."""
    key = int(text) - first if re.fullmatch(r"[0-9]{1,18}", text) else 0
    return key if 0 < key < purchases.RANGE else None


def _bought(call: Call) -> QuerySet[Purchase]:
    """Return what was bought and paid, oldest first. API v3 knows no test mode."""
    rows = Purchase.objects.filter(customer__company=call.company, source=Purchase.Source.BOUGHT, test_mode=False)
    return rows.select_related("customer").order_by("pk")


def _subscriptions(call: Call) -> QuerySet[Purchase]:
    return _bought(call).filter(is_subscription=True)


def _orders(rows: Iterable[Purchase]) -> list[list[Purchase]]:
    """Return the purchases of each order; what stands behind an order's first one counts."""
    orders: dict[str, list[Purchase]] = {}
    for row in rows:
        orders.setdefault(row.order_id, []).append(row)
    return list(orders.values())


def _order_entry(rows: list[Purchase], call: Call) -> Entry:
    return Entry(str(purchases.order_number(rows[0])), rows[0].start, lambda: order_of(rows, products_of(call.company)))


def _subscription_entry(row: Purchase, call: Call) -> Entry:
    return Entry(
        str(purchases.subscription_number(row)), _changed(row), lambda: subscription_of(row, products_of(call.company))
    )


def _changed(row: Purchase) -> datetime:
    return row.changed_at or row.cancelled_at or row.start


def order_of(rows: list[Purchase], products: dict[str, Product]) -> dict[str, Any]:
    """Return an order as the API answers it."""
    first = rows[0]
    return {
        "orderId": purchases.order_number(first),
        "status": "DONE",
        "type": "ORDER",
        "orderDate": written(first.start),
        "createdDate": written(first.start),
        "changedDate": written(first.start),
        "accumulatedPrice": float(sum(row.price * row.quantity + row.shipping_costs for row in rows)),
        "currency": first.currency,
        "paymentMethod": _payment_method(first),
        "invoiceCustomerId": first.customer.number,
        "items": [
            _order_item_of(row, number, products.get(row.product_id)) for number, row in enumerate(rows, start=1)
        ],
    }


def _order_item_of(row: Purchase, position: int, product: Product | None) -> dict[str, Any]:
    return without_gaps(
        {
            "position": position,
            **_sold(row, product),
            "price": float(row.price),
            "tax": TAX_PERCENT,
            "taxCountry": "DE",
            "quantity": row.quantity,
            "plenigoOfferId": product.offer_id if product else None,
            "deliveryCustomerId": row.customer.number,
            "subscriptionItemId": purchases.subscription_item_number(row) if row.is_subscription else None,
        }
    )


def _sold(row: Purchase, product: Product | None) -> dict[str, Any]:
    return {
        "productId": row.product_id,
        "title": (row.title or row.product_id)[:TITLE_CHARACTERS],
        "taxType": product.product_type if product else "DIGITALPRODUCT",
        "accessRightUniqueId": access_right_of(row, product),
    }


def subscription_of(row: Purchase, products: dict[str, Product]) -> dict[str, Any]:
    """Return a subscription as the API answers it."""
    product = products.get(row.product_id)
    now = clock.now()
    runs = row.end is None or row.end > now
    term = {"term": row.term_months or 0, "termTimeSpan": "MONTH" if row.term_months else "NONE"}
    notice = (product.cancellation_period_months or 0) if product else 0
    renewal = purchases.next_term(row, now) if row.auto_renewal and runs else None
    item = {
        "subscriptionItemId": purchases.subscription_item_number(row),
        **_sold(row, product),
        "price": float(row.price),
        "quantity": row.quantity,
        "status": "ACTIVE" if runs else "INACTIVE",
    }
    return without_gaps(
        {
            "subscriptionId": purchases.subscription_number(row),
            "chainId": purchases.subscription_number(row),
            "plenigoOfferId": product.offer_id if product else None,
            "invoiceCustomerId": row.customer.number,
            "deliveryCustomerId": row.customer.number,
            **term,
            "accountingPeriod": term["term"],
            "accountingPeriodTimeSpan": term["termTimeSpan"],
            "cancellationPeriod": notice,
            "cancellationPeriodTimeSpan": "MONTH" if notice else "NONE",
            "startDate": written(row.start),
            "endDate": written(row.end),
            "cancellationDate": written(row.cancelled_at),
            "createdDate": written(row.start),
            "changedDate": written(_changed(row)),
            "status": "ACTIVE" if runs else "INACTIVE",
            "currency": row.currency,
            "paymentMethod": _payment_method(row),
            "accessBlocked": row.is_blocked,
            "firstBookingDate": written_day(row.start),
            "lastBookingDate": written_day(_last_booking(row, now)),
            "nextBookingDate": written_day(renewal),
            "managedBy": "PLENIGO",
            "managedExternal": False,
            "customerCancellationBlocked": False,
            "subscriptionType": TIME_BASED,
            "items": [item],
        }
    )


def _last_booking(row: Purchase, now: datetime) -> datetime:
    """Return the beginning of the term that runs; of a term that has ended, the first."""
    if not row.auto_renewal or not row.term_months:
        return row.start
    following = purchases.next_term(row, now)
    return purchases.add_months(following, -row.term_months) if following else row.start


def _payment_method(row: Purchase) -> str:
    """Return a method that the API has; rows made by hand may have any."""
    return row.payment_method if row.payment_method in PAYMENT_METHODS else "BILLING"

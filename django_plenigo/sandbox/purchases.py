"""Buy, grant, revoke and look up rights. The pages, the API, the admin and the commands share these verbs."""

import calendar
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet

from . import clock, identifiers
from .companies import find_product
from .customers import lock
from .entitlements import sources_of
from .events import CallbackType, tell_of_order, tell_of_subscription
from .models import Customer, Product, Purchase

PAYMENT_METHOD = "BANK_ACCOUNT"
DEFAULT_CURRENCY = "EUR"

# The numbers of API v3. Each kind has a range of its own, so that a client that confuses them finds nothing.
FIRST_ORDER = 10_000_000
FIRST_SUBSCRIPTION = 20_000_000
FIRST_SUBSCRIPTION_ITEM = 30_000_000
#: Tables may grow, but not into the next range.
RANGE = 10_000_000


def order_number(purchase: Purchase) -> int:
    """Return the number of an order whose first purchase this is."""
    return FIRST_ORDER + purchase.pk


def subscription_number(purchase: Purchase) -> int:
    """Return the number of a subscription."""
    return FIRST_SUBSCRIPTION + purchase.pk


def subscription_item_number(purchase: Purchase) -> int:
    """Return the number of a subscription's only item."""
    return FIRST_SUBSCRIPTION_ITEM + purchase.pk


def by_order(rows: Iterable[Purchase]) -> list[list[Purchase]]:
    """Return the purchases of each order; what stands behind an order's first one counts."""
    orders: dict[str, list[Purchase]] = {}
    for row in rows:
        orders.setdefault(row.order_id, []).append(row)
    return list(orders.values())


def buy(
    customer: Customer,
    product_id: str,
    *,
    test_mode: bool = False,
    price: Decimal | None = None,
    currency: str = "",
    title: str = "",
    shipping_costs: Decimal = Decimal(0),
    transaction_id: str | None = None,
    order_id: str | None = None,
    quantity: int = 1,
    access_right_id: str = "",
    payment_method: str = PAYMENT_METHOD,
) -> Purchase:
    """Record a purchase that has been paid and return it. Those with the same `order_id` are one order.

    A managed product brings title, price, currency and term where they are not given; any other product is sold as it
    is described, without end. The same `transaction_id` again records nothing and returns the first purchase.
    """
    key = transaction_id or identifiers.new_transaction_id()
    product = find_product(customer.company, product_id)
    start = clock.now()
    values: dict[str, Any] = {
        "customer": customer,
        "product_id": product_id,
        "test_mode": test_mode,
        "start": start,
        "title": title or (product.title if product else ""),
        "price": price if price is not None else (product.price if product else Decimal(0)),
        "currency": currency or (product.currency if product else DEFAULT_CURRENCY),
        "shipping_costs": shipping_costs,
        "quantity": quantity,
        "access_right_id": access_right_id,
        "payment_method": payment_method,
        **(_terms(product, start) if product else {}),
        **({"order_id": order_id} if order_id else {}),
    }
    try:
        with transaction.atomic(using=router.db_for_write(Purchase)):
            purchase = Purchase.objects.create(transaction_id=key, **values)
    except IntegrityError:
        if transaction_id is None:
            raise
        return Purchase.objects.get(transaction_id=key)
    if order_id is None:  # else the order is told of when it is complete
        tell_of_order([purchase])
    tell_of_subscription(purchase, CallbackType.CREATION)
    return purchase


def grant(
    customer: Customer,
    product_id: str,
    *,
    test_mode: bool = False,
    start: datetime | None = None,
    end: datetime | None = None,
    receipt: str = "",
    receipt_source: str = "",
) -> Purchase:
    """Give a customer a right to a product; given again, only the dates and the receipt change.

    Source: docs/protocols/plenigo-v2.md 2.3.
    """
    values = {
        "start": start or clock.now(),
        "end": end,
        "receipt": receipt,
        "receipt_source": receipt_source,
    }
    with transaction.atomic(using=router.db_for_write(Customer)):
        lock(customer)  # two grants at once shall leave one row
        granted = _granted(customer, [product_id], test_mode).first()
        if granted is None:
            product = find_product(customer.company, product_id)
            return Purchase.objects.create(
                customer=customer,
                product_id=product_id,
                test_mode=test_mode,
                source=Purchase.Source.GRANTED,
                title=product.title if product else "",
                currency=product.currency if product else DEFAULT_CURRENCY,
                **values,
            )
        for name, value in values.items():
            setattr(granted, name, value)
        granted.save(update_fields=[*values])
        return granted


def revoke(customer: Customer, product_ids: Iterable[str], *, test_mode: bool = False) -> int:
    """Take granted rights away and return how many there were. What the customer has bought stays."""
    return _granted(customer, product_ids, test_mode).delete()[0]


def cancel(purchase: Purchase) -> None:
    """Cancel a subscription: it ends with the term that has begun."""
    now = clock.now()
    purchase.cancelled_at = now
    purchase.end = next_term(purchase, now) or max(now, purchase.start)
    purchase.auto_renewal = False
    purchase.changed_at = now
    purchase.save(update_fields=["cancelled_at", "end", "auto_renewal", "changed_at"])
    tell_of_subscription(purchase, CallbackType.CANCELLATION)


def block(purchase: Purchase, *, is_blocked: bool) -> None:
    """Let a purchase give no access, or give it again."""
    purchase.is_blocked, purchase.changed_at = is_blocked, clock.now()
    purchase.save(update_fields=["is_blocked", "changed_at"])
    tell_of_subscription(purchase, CallbackType.CHANGE)


def undo_cancellation(purchase: Purchase) -> bool:
    """Let a cancelled subscription that still runs go on as it was sold, and say whether it does."""
    product = find_product(purchase.customer.company, purchase.product_id)
    now = clock.now()
    has_ended = purchase.end is not None and purchase.end <= now
    if purchase.cancelled_at is None or has_ended or product is None or not product.is_subscription:
        return False
    terms = _terms(product, purchase.start)
    purchase.cancelled_at, purchase.end, purchase.auto_renewal = None, terms["end"], terms["auto_renewal"]
    purchase.changed_at = now
    purchase.save(update_fields=["cancelled_at", "end", "auto_renewal", "changed_at"])
    tell_of_subscription(purchase, CallbackType.UNDO_CANCELLATION)
    return True


def tell_of_ended() -> None:
    """Tell of subscriptions that have ended since it was last asked, each once."""
    ended = Purchase.objects.filter(is_subscription=True, end__lte=clock.now(), end_is_told=False)
    for purchase in ended.select_related("customer__company").order_by("end", "pk"):
        with transaction.atomic(using=router.db_for_write(Purchase)):
            # Of two processes at once, one tells it.
            told = Purchase.objects.filter(pk=purchase.pk, end_is_told=False)
            if told.update(end_is_told=True, changed_at=purchase.end):
                purchase.changed_at = purchase.end
                tell_of_subscription(purchase, CallbackType.ENDED)


def owns(customer: Customer, product_id: str, *, test_mode: bool = False) -> bool:
    """Say whether a customer may use a product now."""
    return bool(sources_of(customer, [product_id], test_mode=test_mode)[product_id])


def next_term(purchase: Purchase, now: datetime) -> datetime | None:
    """Return when the term that runs at a moment ends, or None for what has no terms."""
    if not purchase.is_subscription or not purchase.term_months:
        return None
    number = 1
    while (moment := add_months(purchase.start, number * purchase.term_months)) <= now:
        number += 1
    return moment


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day some months later, or the last day of a month that is too short."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def _granted(customer: Customer, product_ids: Iterable[str], test_mode: bool) -> QuerySet[Purchase]:
    return customer.purchases.filter(
        product_id__in=list(product_ids), test_mode=test_mode, source=Purchase.Source.GRANTED
    ).order_by("pk")


def _terms(product: Product, start: datetime) -> dict[str, Any]:
    """Return how long a managed product is usable: a renewing subscription without end, until it is cancelled."""
    if product.is_subscription:
        renews = product.auto_renewal
        months = product.term_months
        return {
            "is_subscription": True,
            "term_months": months,
            "auto_renewal": renews,
            "end": add_months(start, months) if months and not renews else None,
        }
    return {"end": start + timedelta(days=product.validity_days) if product.validity_days else None}

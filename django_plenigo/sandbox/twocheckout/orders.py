"""Buy, renew, cancel and change. The pages, the admin and the tests share these verbs, which tell the webhooks."""

from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet

from .. import clock
from ..models import (
    Product,
    TwoCheckoutCustomer,
    TwoCheckoutMerchant,
    TwoCheckoutOrder,
    TwoCheckoutSubscription,
)
from ..purchases import add_months
from .merchants import find_customer, find_customer_by_email
from .webhooks import ChangedBy, tell_of_order, tell_of_subscription


class ReferenceTakenError(Exception):
    """The external reference is another customer's."""


def find_or_create_customer(
    merchant: TwoCheckoutMerchant, email: str, external_reference: str = ""
) -> TwoCheckoutCustomer:
    """Return the customer with an e-mail address, with the external reference that an order gives him.

    Our choice: the last order's reference counts, and no two customers have the same. Raises `ReferenceTakenError`.
    """
    owner = find_customer(merchant, external_reference, is_external=True)
    customer = find_customer_by_email(merchant, email) or TwoCheckoutCustomer(merchant=merchant, email=email)
    if owner is not None and owner.pk != customer.pk:
        raise ReferenceTakenError
    if external_reference:
        customer.external_reference = external_reference
    try:
        with transaction.atomic(using=router.db_for_write(TwoCheckoutCustomer)):
            customer.save()
    except IntegrityError:  # another order was faster
        raise ReferenceTakenError from None
    return customer


@transaction.atomic
def place_order(
    merchant: TwoCheckoutMerchant,
    product: Product,
    email: str,
    *,
    external_reference: str = "",
    quantity: int = 1,
    order_reference: str = "",
    checkout_key: str | None = None,
) -> TwoCheckoutOrder:
    """Let somebody have bought a product and return the order: an IPN is queued, and an LCN for a subscription.

    `order_reference` is the merchant's own number. The same `checkout_key` again places nothing and returns the first
    order. Raises `ReferenceTakenError`.
    """
    if checkout_key is not None:
        placed = TwoCheckoutOrder.objects.filter(checkout_key=checkout_key, customer__merchant=merchant)
        if (first := placed.select_related("customer").first()) is not None:
            return first
    customer = find_or_create_customer(merchant, email, external_reference)
    now = clock.now()
    order = TwoCheckoutOrder.objects.create(
        customer=customer,
        external_reference=order_reference,
        product_id=product.product_id,
        product_name=without_backslashes(product.title),
        quantity=quantity,
        price=product.price,
        currency=product.currency,
        placed_at=now,
        checkout_key=checkout_key,
    )
    subscription = _begin_subscription(order, product) if product.is_subscription else None
    tell_of_order(order)
    if subscription is not None:
        tell_of_subscription(subscription, ChangedBy.SYSTEM)
    return order


def _begin_subscription(order: TwoCheckoutOrder, product: Product) -> TwoCheckoutSubscription:
    months = product.term_months or 1
    return TwoCheckoutSubscription.objects.create(
        customer=order.customer,
        order=order,
        product_name=order.product_name,
        term_months=months,
        started_at=order.placed_at,
        expires_at=add_months(order.placed_at, months),
        auto_renewal=product.auto_renewal,
        changed_at=order.placed_at,
    )


@transaction.atomic
def change_subscription(subscription: TwoCheckoutSubscription, by: ChangedBy, **values: bool) -> bool:
    """Change columns of a subscription and queue an LCN; say whether anything was new."""
    rows = TwoCheckoutSubscription.objects.filter(pk=subscription.pk)
    if not rows.exclude(**values).update(**values, changed_at=clock.now()):
        return False
    subscription.refresh_from_db()
    tell_of_subscription(subscription, by)
    return True


def cancel(subscription: TwoCheckoutSubscription, by: ChangedBy = ChangedBy.CUSTOMER) -> bool:
    """Let a subscription end with its term; say whether it was not so before."""
    return change_subscription(subscription, by, auto_renewal=False)


def resume(subscription: TwoCheckoutSubscription, by: ChangedBy = ChangedBy.CUSTOMER) -> bool:
    """Let a subscription renew itself again; say whether it was not so before."""
    return change_subscription(subscription, by, auto_renewal=True)


@transaction.atomic
def change_customer(customer: TwoCheckoutCustomer) -> None:
    """Store what a customer has changed of himself; an LCN tells it for each of his subscriptions."""
    customer.save()
    for subscription in customer.subscriptions.select_related("customer__merchant").order_by("pk"):
        tell_of_subscription(subscription, ChangedBy.CUSTOMER)


def subscriptions_of(customer: TwoCheckoutCustomer) -> list[TwoCheckoutSubscription]:
    """Return a customer's subscriptions, oldest first. Those whose term is over have been renewed by now."""
    _renew_all(customer.subscriptions.all())
    return list(customer.subscriptions.select_related("customer__merchant").order_by("pk"))


def renew_due() -> None:
    """Begin the next term of all that renews itself, and queue an LCN of each."""
    _renew_all(TwoCheckoutSubscription.objects.all())


def _renew_all(rows: QuerySet[TwoCheckoutSubscription]) -> None:
    over = rows.filter(expires_at__lte=clock.now(), auto_renewal=True, is_disabled=False)
    for row in over.select_related("customer__merchant__company").order_by("pk"):
        _renew(row)


@transaction.atomic
def _renew(subscription: TwoCheckoutSubscription) -> None:
    """Begin the term that runs now. Terms are counted from the start: a short month shortens no later one."""
    now, number = clock.now(), 1
    while (end := add_months(subscription.started_at, number * subscription.term_months)) <= now:
        number += 1
    rows = TwoCheckoutSubscription.objects.filter(pk=subscription.pk, expires_at=subscription.expires_at)
    if rows.update(expires_at=end, changed_at=now):
        subscription.refresh_from_db(fields=["expires_at", "changed_at"])
        tell_of_subscription(subscription, ChangedBy.SYSTEM)


def without_backslashes(text: str) -> str:
    """Return a text as webhooks may carry it. Source: docs/protocols/2checkout.md 8."""
    return text.replace("\\", "/")

"""Tell the merchant's addresses of orders (IPN) and subscriptions (LCN). Source: docs/protocols/2checkout.md 8.

Where the vendor's documents name no order of the fields, and no others than those that a receiver needs, the choice is
ours.
"""

from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlencode

from .. import clock, webhooks
from ..models import TwoCheckoutMerchant, TwoCheckoutOrder, TwoCheckoutSubscription, Webhook
from ..models.webhooks import Signature
from .signatures import FIELDS, sign

FORM = "application/x-www-form-urlencoded"

Fields = list[tuple[str, str]]


class ChangedBy(StrEnum):
    """Who has changed a subscription, in the vendor's words."""

    CUSTOMER = "CUSTOMER"
    VENDOR = "VENDOR"
    SYSTEM = "SYSTEM"


def tell_of_order(order: TwoCheckoutOrder) -> None:
    """Queue an IPN at every address that takes one."""
    _queue(order.customer.merchant, Webhook.Kind.IPN, order.status, order.reference, fields_of_order(order))


def tell_of_subscription(subscription: TwoCheckoutSubscription, by: ChangedBy) -> None:
    """Queue an LCN at every address that takes one."""
    fields = fields_of_subscription(subscription, by)
    _queue(subscription.customer.merchant, Webhook.Kind.LCN, f"LICENSE {by}", subscription.reference, fields)


def fields_of_order(order: TwoCheckoutOrder) -> Fields:
    """Return what an IPN says, in its order."""
    customer = order.customer
    return [
        ("SALEDATE", written(order.placed_at)),
        ("REFNO", order.reference),
        ("REFNOEXT", order.external_reference),
        ("ORDERSTATUS", order.status),
        ("FIRSTNAME", customer.first_name),
        ("LASTNAME", customer.last_name),
        ("CITY", customer.city),
        ("CUSTOMEREMAIL", customer.email),
        ("IPN_PID[]", order.product_id),
        ("IPN_PNAME[]", order.product_name),
        ("IPN_QTY[]", str(order.quantity)),
        ("IPN_PRICE[]", f"{order.price:.2f}"),
        *(("IPN_LICENSE_REF[]", row.reference) for row in order.subscriptions.order_by("pk")),
        ("CURRENCY", order.currency),
        ("IPN_DATE", f"{clock.now():%Y%m%d%H%M%S}"),
        ("AVANGATE_CUSTOMER_REFERENCE", customer.reference),
        ("EXTERNAL_CUSTOMER_REFERENCE", customer.external_reference or ""),
    ]


def fields_of_subscription(subscription: TwoCheckoutSubscription, by: ChangedBy) -> Fields:
    """Return what an LCN says, in its order."""
    customer = subscription.customer
    return [
        ("FIRST_NAME", customer.first_name),
        ("LAST_NAME", customer.last_name),
        ("EMAIL", customer.email),
        ("CITY", customer.city),
        ("LICENSE_CODE", subscription.reference),
        ("EXPIRATION_DATE", f"{subscription.expires_at.astimezone(UTC):%Y-%m-%d}"),
        ("DATE_UPDATED", written(subscription.changed_at)),
        ("AVANGATE_CUSTOMER_REFERENCE", customer.reference),
        ("EXTERNAL_CUSTOMER_REFERENCE", customer.external_reference or ""),
        ("TEST", str(int(subscription.is_test))),
        ("CHANGED_BY", by),
        ("LICENSE_TYPE", "REGULAR"),
        ("DISABLED", str(int(subscription.is_disabled))),
        ("RECURRING", str(int(subscription.auto_renewal))),
        ("LICENSE_PRODUCT_NAME", subscription.product_name),
    ]


def signed_body(key: str, fields: Fields, signatures: list[str]) -> str:
    """Return a form with its signatures, which stand at the end and sign what is before them."""
    values = [value for _name, value in fields]
    # In the order of the choices, whatever order somebody has ticked them in.
    chosen = [algorithm for algorithm in Signature if algorithm in signatures]
    return urlencode([*fields, *((FIELDS[algorithm], sign(key, algorithm, values)) for algorithm in chosen)])


def written(moment: datetime) -> str:
    """Return a moment in UTC as the vendor writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _queue(merchant: TwoCheckoutMerchant, kind: Webhook.Kind, event: str, entity_id: str, fields: Fields) -> None:
    for webhook in webhooks.told(merchant.company, kind):
        body = signed_body(merchant.secret_key, fields, webhook.signatures)
        webhooks.queue(webhook, event=event, entity_id=entity_id, body=body, content_type=FORM)

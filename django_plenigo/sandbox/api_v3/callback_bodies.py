"""What a callback tells. Source: docs/protocols/plenigo-v3.md 7."""

import json
from typing import Any

from ..entitlements import products_of
from ..events import CallbackType, EntityType, Event
from ..purchases import order_number, subscription_number
from .customer_fields import customer_of
from .orders import order_of, subscription_of

CUSTOMER_TEXTS = "externalSystemId username salutation firstName lastName invoiceEmail mobileNumber registrationSource"
CUSTOMER_NULLS = "birthday miscellaneousData acceptedTerms ssoLoginProviders customerMarks"
ORDER_TEXTS = "externalSystemId purchaseOrderIndicator"
ORDER_NULLS = "paymentMethodId paymentMethodDetails giftInfo invoiceAddress"
SUBSCRIPTION_TEXTS = (
    "externalSystemId precursorReason successorReason cancellationReasonUniqueId purchaseOrderIndicator"
)
SUBSCRIPTION_NULLS = "endDate cancellationDate nextBookingDate precursorId successorId paused deliveryPaused"
AUDIT_TEXTS = "createdBy createdByType changedBy changedByType"

#: Every object is told whole, with the empty values that the API leaves out.
EMPTY: dict[EntityType, dict[str, Any]] = {
    entity: dict.fromkeys(f"{texts} {AUDIT_TEXTS}".split(), "") | dict.fromkeys(nulls.split())
    for entity, texts, nulls in (
        (EntityType.CUSTOMER, CUSTOMER_TEXTS, CUSTOMER_NULLS),
        (EntityType.ORDER, ORDER_TEXTS, ORDER_NULLS),
        (EntityType.SUBSCRIPTION, SUBSCRIPTION_TEXTS, SUBSCRIPTION_NULLS),
    )
}


def describe(event: Event, *, with_empty_values: bool) -> tuple[str, str]:
    """Return the id of what something has happened to, and the body that tells it. A deletion tells no entity."""
    entity_id, entity = _entity_of(event)
    body: dict[str, Any] = {
        "entityType": event.entity_type,
        "callbackType": event.callback_type,
        "entityId": entity_id,
    }
    if event.callback_type != CallbackType.DELETION:
        body["entity"] = {**EMPTY[event.entity_type], **entity} if with_empty_values else entity
    return entity_id, json.dumps(body, ensure_ascii=False)


def _entity_of(event: Event) -> tuple[str, dict[str, Any]]:
    if event.entity_type == EntityType.CUSTOMER:
        return event.customer.number, customer_of(event.customer)
    products = products_of(event.customer.company)
    first = event.purchases[0]
    if event.entity_type == EntityType.ORDER:
        return str(order_number(first)), order_of(list(event.purchases), products)
    return str(subscription_number(first)), subscription_of(first, products)

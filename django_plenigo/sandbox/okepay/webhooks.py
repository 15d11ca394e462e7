"""Queue what the vendor posts, in the transaction of what has happened. Source: docs/protocols/okepay.md 6."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from ..models import OkePaySubscription, OkePayTransaction, Webhook
from ..webhooks import queue, told
from .objects import subscription_object, transaction_object
from .php import build_query, flattened

SIGNATURE_HEADER = "X-Webhook-Signature"
CONTENT_TYPES = {
    Webhook.ContentType.JSON: "application/json",
    Webhook.ContentType.FORM: "application/x-www-form-urlencoded",
}


def tell_of_payment(payment: OkePayTransaction) -> None:
    """Queue one request for the transaction and, where it is for a subscription, another one for that."""
    tell_of_transaction(payment)
    if payment.subscription is not None:
        tell_of_subscription(payment.subscription)


def tell_of_transaction(payment: OkePayTransaction) -> None:
    """Queue one request for what a transaction has become."""
    _tell(payment, "transaction", transaction_object(payment))


def tell_of_subscription(subscription: OkePaySubscription) -> None:
    """Queue one request for what a subscription has become."""
    _tell(subscription, "subscription", subscription_object(subscription))


def body_of(content_type: str, values: Mapping[str, Any]) -> str:
    """Return a body in one of the two forms; PHP's form has no null, and nests by brackets."""
    if content_type == Webhook.ContentType.FORM:
        return build_query(flattened(values))
    return json.dumps(values, separators=(",", ":"))


def signature(signing_key: str, body: str) -> str:
    """Return the header `X-Webhook-Signature`: HMAC-SHA256 over the raw body, in hexadecimal."""
    return hmac.new(signing_key.encode(), body.encode(), hashlib.sha256).hexdigest()


def _tell(row: OkePaySubscription | OkePayTransaction, name: str, described: Mapping[str, Any]) -> None:
    for webhook in told(row.contact.instance.company, Webhook.Kind.OKEPAY):
        body = body_of(webhook.content_type, {name: described})
        key = webhook.signing_key
        queue(
            webhook,
            event=f"{name}.{row.status}",
            entity_id=str(row.number),
            body=body,
            content_type=CONTENT_TYPES[Webhook.ContentType(webhook.content_type)],
            headers={SIGNATURE_HEADER: signature(key, body)} if key else {},
        )

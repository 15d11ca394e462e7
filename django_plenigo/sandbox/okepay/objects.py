"""The vendor's objects as JSON, in replies and in webhooks. Source: docs/protocols/okepay.md 4 and 6.

Our choice: what nobody has filled in of a contact is left out, except the names.
"""

from datetime import UTC, date
from typing import Any

from ..models import OkePayContact, OkePaySubscription, OkePayTransaction

#: What a contact may have besides, by the vendor's names.
FURTHER = {
    "title": "title",
    "company": "company_name",
    "street": "street",
    "zip": "postcode",
    "place": "place",
    "countryISO": "country",
    "phone": "phone",
}


def contact_object(contact: OkePayContact) -> dict[str, Any]:
    """Return a contact; its `id` is what `userId` means."""
    further = {name: getattr(contact, column) for name, column in FURTHER.items()}
    return {
        "id": contact.number,
        "uuid": contact.uuid,
        "email": contact.email,
        "firstname": contact.first_name,
        "lastname": contact.last_name,
        **{name: text for name, text in further.items() if text},
    }


def subscription_object(subscription: OkePaySubscription) -> dict[str, Any]:
    """Return a subscription with its contact."""
    return {
        **_head_of(subscription),
        "invoice": _invoice_of(subscription),
        "contact": contact_object(subscription.contact),
    }


def transaction_object(payment: OkePayTransaction) -> dict[str, Any]:
    """Return a transaction with its contact, and the subscription that it is for."""
    subscription, contact = payment.subscription, payment.contact
    return {
        "id": payment.number,
        "uuid": payment.uuid,
        "time": payment.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "status": payment.status,
        "lang": "en",
        "psp": "Sandbox",
        "pspId": payment.psp,
        "okepay_fee": 0,
        "mode": "TEST",
        "amount": payment.amount,
        "referenceId": payment.reference_id,
        "payment": {"brand": payment.card_brand},
        "metadata": [],
        "subscription": None if subscription is None else _head_of(subscription),
        "invoice": {
            **_invoice_of(payment),
            "test": 1,
            "products": [{"name": payment.purpose, "price": payment.amount, "quantity": 1}],
        },
        "contact": contact_object(contact),
        "instance": {"name": contact.instance.name, "uuid": contact.instance.name},
    }


def _head_of(subscription: OkePaySubscription) -> dict[str, Any]:
    return {
        "id": subscription.number,
        "uuid": subscription.uuid,
        "status": subscription.status,
        "start": _day(subscription.start),
        "end": _day(subscription.end),
        "valid_until": _day(subscription.valid_until),
        "paymentInterval": subscription.payment_interval,
    }


def _invoice_of(row: OkePaySubscription | OkePayTransaction) -> dict[str, Any]:
    return {"referenceId": row.reference_id, "amount": row.amount, "currency": row.currency}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()

"""The objects of the API. Source: docs/protocols/okepay.md 4."""

from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse

from ..destinations import with_query
from ..models import OkePayContact, OkePaySubscription, OkePayTransaction
from ..models.merchant import CURRENCY
from ..models.okepay import INTERVAL
from ..pages.framing import address_of
from . import instances, login_links, payments
from .answers import RefusalError, found, invalid
from .endpoints import PREFIX, Call, Objects, api_view
from .objects import subscription_object, transaction_object


def check_signature(call: Call) -> HttpResponse:
    """Say that the credentials are right. Our choice of an object: the vendor does not say what it answers."""
    return found({"id": 1})


def create_auth_token(call: Call) -> HttpResponse:
    """Mint a link that logs a contact in, who must have had a subscription."""
    contact = _contact_of(call)
    if not contact.subscriptions.exists():
        raise RefusalError(404, "The contact has no subscription, and so no account.")
    link = login_links.mint(contact)
    address = address_of(call.request, "plenigo_sandbox_okepay_login", call.instance.name)
    return found(
        {
            "userId": contact.number,
            "authToken": link.token,
            "authTokenExpirationDate": link.expires_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "link": with_query(call.request.build_absolute_uri(address), token=link.token),
        }
    )


def get_subscription(call: Call) -> HttpResponse:
    """Return a subscription."""
    return found(subscription_object(_subscription_of(call)))


def create_subscription(call: Call) -> HttpResponse:
    """Let a contact have a subscription, whose first payment succeeds."""
    if call.number:
        raise invalid("id")
    contact, read = _contact_of(call), call.parameters
    terms = payments.Terms(
        amount=read.integer("amount"),
        currency=_valid(call, "currency", CURRENCY),
        purpose=read.text("purpose"),
        reference_id=read.text("referenceId"),
        payment_interval=_valid(call, "paymentInterval", INTERVAL),
        period=_valid(call, "period", INTERVAL, is_required=False),
        cancellation_interval=_valid(call, "cancellationInterval", INTERVAL, is_required=False),
        psp=_optional_number(call, "psp"),
    )
    subscription = payments.pay(contact, terms).subscription
    if subscription is None:
        raise invalid("paymentInterval")
    return found(subscription_object(subscription))


def update_subscription(call: Call) -> HttpResponse:
    """Change amount, currency and purpose. What is empty or 0 stays: so the PHP client sends what it was not told."""
    changes: dict[str, Any] = {
        "amount": _optional_number(call, "amount"),
        "currency": _valid(call, "currency", CURRENCY, is_required=False),
        "purpose": call.parameters.text("purpose"),
    }
    subscription = _subscription_of(call)
    for name, value in changes.items():
        if value:
            setattr(subscription, name, value)
    subscription.save(update_fields=list(changes))
    return found(subscription_object(subscription))


def cancel_subscription(call: Call) -> HttpResponse:
    """Cancel at once. Our choice: what is cancelled already is no error, and no webhook tells of it again."""
    subscription = _subscription_of(call)
    payments.cancel(subscription)
    return found(subscription_object(subscription))


def get_transaction(call: Call) -> HttpResponse:
    """Return a transaction, so that what a webhook has told can be read back."""
    rows = OkePayTransaction.objects.filter(contact__instance=call.instance, number=_id_of(call))
    payment = rows.select_related("contact__instance", "subscription").first()
    if payment is None:
        raise RefusalError(404, "There is no transaction with this id.")
    return found(transaction_object(payment))


#: The objects that the sandbox has.
OBJECTS: Objects = {
    "AuthToken": {"POST": create_auth_token},
    "SignatureCheck": {"GET": check_signature},
    "Subscription": {
        "GET": get_subscription,
        "POST": create_subscription,
        "PUT": update_subscription,
        "DELETE": cancel_subscription,
    },
    "Transaction": {"GET": get_transaction},
}

#: By the names that the fault dial and the record of calls use.
ENDPOINT_NAMES = tuple(f"{PREFIX}{name}" for name in OBJECTS)

answer_call = api_view(OBJECTS)


def _contact_of(call: Call) -> OkePayContact:
    contact = instances.find_contact(call.instance, call.parameters.integer("userId"))
    if contact is None:
        raise RefusalError(404, "There is no contact with this id.")
    return contact


def _subscription_of(call: Call) -> OkePaySubscription:
    payments.move_on()
    subscription = instances.find_subscription(call.instance, _id_of(call))
    if subscription is None:
        raise RefusalError(404, "There is no subscription with this id.")
    return subscription


def _id_of(call: Call) -> int:
    if not call.number:
        raise invalid("id")
    return call.number


def _optional_number(call: Call, name: str) -> int:
    """Return a number, 0 where it was sent empty or not at all."""
    return call.parameters.integer(name, smallest=0) if call.parameters.get(name) else 0


def _valid(call: Call, name: str, validator: Any, *, is_required: bool = True) -> str:
    text = call.parameters.text(name, 20)
    if text or is_required:
        try:
            validator(text)
        except ValidationError:
            raise invalid(name) from None
    return text

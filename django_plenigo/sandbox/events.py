"""Tell who listens what has happened to customers and to what they have bought. Without a listener it costs nothing."""

from dataclasses import dataclass
from enum import StrEnum

from django.dispatch import Signal

from .models import Customer, Purchase


class EntityType(StrEnum):
    """What something has happened to, in the vendor's words. Source: docs/protocols/plenigo-v3.md 7."""

    CUSTOMER = "CUSTOMER"
    ORDER = "ORDER"
    SUBSCRIPTION = "SUBSCRIPTION"


class CallbackType(StrEnum):
    """What has happened, in the vendor's words."""

    CREATION = "CREATION"
    CHANGE = "CHANGE"
    DELETION = "DELETION"
    CANCELLATION = "CANCELLATION"
    UNDO_CANCELLATION = "UNDO_CANCELLATION"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened."""

    entity_type: EntityType
    callback_type: CallbackType
    customer: Customer

    purchases: tuple[Purchase, ...] = ()
    """All of an order, or the one that is a subscription."""


#: Something has happened. sender: None. Arguments: event (Event).
happened = Signal()


def tell_of_customer(customer: Customer, callback_type: CallbackType) -> None:
    """Tell that a customer was created, changed or deleted."""
    happened.send(None, event=Event(EntityType.CUSTOMER, callback_type, customer))


def tell_of_order(purchases: list[Purchase]) -> None:
    """Tell that an order was made. What was granted or bought in test mode is none that API v3 knows."""
    first = purchases[0]
    if _is_known(first):
        happened.send(None, event=Event(EntityType.ORDER, CallbackType.CREATION, first.customer, tuple(purchases)))


def tell_of_subscription(purchase: Purchase, callback_type: CallbackType) -> None:
    """Tell what has happened to a subscription; nothing of any other purchase."""
    if _is_known(purchase) and purchase.is_subscription:
        happened.send(None, event=Event(EntityType.SUBSCRIPTION, callback_type, purchase.customer, (purchase,)))


def _is_known(purchase: Purchase) -> bool:
    return purchase.source == Purchase.Source.BOUGHT and not purchase.test_mode

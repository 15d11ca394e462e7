"""What customers have bought: orders, and the subscriptions that they have begun."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django_plenigo.protocols.base.customers import CustomerRef


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line of an order or of a subscription."""

    product_id: str
    """The vendor's product id."""

    title: str
    """As it was sold."""

    quantity: int
    """1 or more."""

    price: Decimal | None
    """In units of the order's currency."""

    offer_id: str | None
    """The vendor's offer id; None where it names none."""

    access_right_id: str | None
    """What the item lets the customer read; None where it names nothing."""

    subscription_item_id: int | None
    """The item of the subscription that it has begun; None where it has not."""


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase."""

    order_id: int
    """The vendor's order id."""

    customer_id: str = field(repr=False)
    """Who pays: the vendor's customer id."""

    ordered_at: datetime | None
    """In UTC."""

    status: str
    """ACTIVE, DONE, CANCELLED, or a word that is new; "" where the vendor names none."""

    currency: str
    """ISO 4217."""

    items: tuple[OrderItem, ...]
    """What was bought."""

    values: Mapping[str, Any] = field(repr=False)
    """All that the vendor told, by its own names, those that this package does not know too."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One contract that runs."""

    subscription_id: int
    """The vendor's subscription id."""

    payer_id: str = field(repr=False)
    """Who pays: the vendor's customer id."""

    recipient_id: str = field(repr=False)
    """Who reads: the vendor's customer id."""

    status: str
    """ACTIVE, INACTIVE, IGNORED, or a word that is new; "" where the vendor names none."""

    starts_at: datetime | None
    """In UTC."""

    ends_at: datetime | None
    """In UTC; None where no end is known."""

    is_cancelled: bool
    """Whether it ends by itself."""

    may_be_cancelled: bool
    """Whether the customer may cancel it."""

    next_booking_at: datetime | None
    """When it is paid for next, in UTC; None where it is not."""

    currency: str
    """ISO 4217."""

    items: tuple[OrderItem, ...]
    """What is subscribed to."""

    values: Mapping[str, Any] = field(repr=False)
    """All that the vendor told, by its own names, those that this package does not know too."""

    def is_active(self, now: datetime) -> bool:
        """Say whether it runs at a moment."""
        has_begun = self.starts_at is not None and self.starts_at <= now
        return self.status == "ACTIVE" and has_begun and (self.ends_at is None or self.ends_at > now)


class PurchaseReader(ABC):
    """Tells what customers have bought. What is asked for by its own id may be anybody's: look whose it is."""

    @abstractmethod
    def read_order(self, order_id: int) -> Order:
        """Return one order. Raises `NotFoundError`."""

    @abstractmethod
    def orders_of(self, customer: CustomerRef) -> Iterator[Order]:
        """Yield the orders of a customer, a call for each page of them."""

    @abstractmethod
    def read_subscription(self, subscription_id: int) -> Subscription:
        """Return one subscription. Raises `NotFoundError`."""

    @abstractmethod
    def subscriptions_of(self, customer: CustomerRef) -> Iterator[Subscription]:
        """Yield the subscriptions of a customer, a call for each page of them."""

    @abstractmethod
    def subscription_of_item(self, subscription_item_id: int) -> Subscription | None:
        """Return the subscription that an item of an order has begun, None where there is none."""

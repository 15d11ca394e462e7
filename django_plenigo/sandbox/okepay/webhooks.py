"""Queue what the vendor posts to a site. Source: docs/protocols/okepay.md 6."""

from ..models import OkePaySubscription, OkePayTransaction


def tell_of_payment(payment: OkePayTransaction) -> None:
    """Queue two requests for a payment of a subscription, and one for any other."""


def tell_of_subscription(subscription: OkePaySubscription) -> None:
    """Queue one request."""

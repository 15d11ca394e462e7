"""Find instances, and make the demo company's with its first contact."""

from datetime import timedelta
from typing import Any

from django.db import router, transaction

from .. import clock, credentials
from ..customers import is_storable
from ..models import OkePayContact, OkePayInstance, OkePaySubscription
from ..seed import seed
from .payments import Terms, subscribe

DEMO_CONTACT = 1
#: By the columns of `OkePayContact`.
DEMO_NAMES: dict[str, Any] = {"email": "contact@example.com", "first_name": "Jane", "last_name": "Doe"}
DEMO_TERMS = Terms(amount=1250, currency="CHF", purpose="Monthly subscription", payment_interval="P1M")


def find_instance(name: str) -> OkePayInstance | None:
    """Return an instance, or None. The demo company's is created at its first need: no command must be run before."""
    rows = OkePayInstance.objects.filter(name=name).select_related("company") if is_storable(name) else ()
    # To the letter: some databases find names that differ in case only.
    found = next((row for row in rows if row.name == name), None)
    if found is not None or name != credentials.OKEPAY_INSTANCE:
        return found
    seeded = seed_okepay()
    return seeded if seeded.name == name else None


def seed_okepay() -> OkePayInstance:
    """Create what is missing of the demo company's instance and return it; what somebody changed stays as it is.

    Contact 1 has an active subscription, paid yesterday. No webhook tells of it. Two processes may do so at once.
    """
    with transaction.atomic(using=router.db_for_write(OkePayInstance)):
        instance, is_new = OkePayInstance.objects.get_or_create(
            company=seed(), defaults={"name": credentials.OKEPAY_INSTANCE, "secret": credentials.OKEPAY_SECRET}
        )
        if is_new:
            contact = OkePayContact.objects.create(instance=instance, number=DEMO_CONTACT, **DEMO_NAMES)
            subscribe(contact, DEMO_TERMS, clock.now() - timedelta(days=1))
        return instance


def find_contact(instance: OkePayInstance, number: int) -> OkePayContact | None:
    """Return a contact by the id that webhooks tell."""
    return instance.contacts.filter(number=number).select_related("instance__company").first()


def find_subscription(instance: OkePayInstance, number: int) -> OkePaySubscription | None:
    """Return a subscription of one of the instance's contacts."""
    rows = OkePaySubscription.objects.filter(contact__instance=instance, number=number)
    return rows.select_related("contact__instance__company").first()

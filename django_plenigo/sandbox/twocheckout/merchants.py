"""Find merchants, customers and what they have, and make the demo company's. Ids are compared to the letter."""

from datetime import timedelta

from django.db import transaction

from .. import clock, credentials
from ..customers import is_storable
from ..models import TwoCheckoutCustomer, TwoCheckoutMerchant, TwoCheckoutOrder, TwoCheckoutSubscription
from ..models.customers import email_key
from ..purchases import add_months
from ..seed import MONTHLY, PRODUCTS, seed

#: The demo customer, as the vendor's samples name him.
CUSTOMER_REFERENCE = "352365983"
EXTERNAL_REFERENCE = "ext-352365983"
SUBSCRIPTION_REFERENCE = "123D40F123"
EMAIL = "jane.doe@example.com"
ORDER_REFERENCE = "1000037"


def find_merchant(code: str) -> TwoCheckoutMerchant | None:
    """Return a merchant, or None. The demo company's is made at its first need."""
    found = TwoCheckoutMerchant.objects.select_related("company").filter(merchant_code=code)
    merchant = found.first() if is_storable(code) else None
    # Compared once more: some databases find ids that differ in case only.
    if merchant is not None and merchant.merchant_code == code:
        return merchant
    return seed_demo() if merchant is None and code == credentials.TWOCHECKOUT_MERCHANT else None


def find_customer(merchant: TwoCheckoutMerchant, reference: str, *, is_external: bool) -> TwoCheckoutCustomer | None:
    """Return a customer by 2Checkout's reference, or by the merchant's own."""
    field = "external_reference" if is_external else "reference"
    found = merchant.customers.filter(**{field: reference}) if reference and is_storable(reference) else ()
    return next((row for row in found if getattr(row, field) == reference), None)


def find_customer_by_email(merchant: TwoCheckoutMerchant, email: str) -> TwoCheckoutCustomer | None:
    """Return the customer with an e-mail address in whatever spelling."""
    return merchant.customers.filter(email_key=email_key(email)).first() if is_storable(email) else None


def find_subscription(merchant: TwoCheckoutMerchant, reference: str) -> TwoCheckoutSubscription | None:
    """Return a subscription of any of the merchant's customers."""
    found = TwoCheckoutSubscription.objects.filter(customer__merchant=merchant, reference=reference)
    rows = found.select_related("customer__merchant") if is_storable(reference) else ()
    return next((row for row in rows if row.reference == reference), None)


@transaction.atomic
def seed_demo() -> TwoCheckoutMerchant:
    """Create what is missing of the demo company's account and return it; what somebody changed stays as it is."""
    company = seed()
    merchant, is_new = TwoCheckoutMerchant.objects.select_related("company").get_or_create(
        company=company,
        defaults={
            "merchant_code": credentials.TWOCHECKOUT_MERCHANT,
            "secret_key": credentials.TWOCHECKOUT_KEY,
        },
    )
    if is_new:
        _seed_customer(merchant)
    return merchant


def _seed_customer(merchant: TwoCheckoutMerchant) -> None:
    now = clock.now()
    product = PRODUCTS[MONTHLY][1]
    customer = TwoCheckoutCustomer.objects.create(
        merchant=merchant,
        reference=CUSTOMER_REFERENCE,
        external_reference=EXTERNAL_REFERENCE,
        email=EMAIL,
        first_name="Jane",
        last_name="Doe",
        city="Zürich",
        card_expires_on=(now + timedelta(days=730)).date(),
    )
    order = TwoCheckoutOrder.objects.create(
        customer=customer,
        reference=ORDER_REFERENCE,
        product_id=MONTHLY,
        product_name=product["title"],
        price=product["price"],
        placed_at=now,
    )
    TwoCheckoutSubscription.objects.create(
        customer=customer,
        order=order,
        reference=SUBSCRIPTION_REFERENCE,
        product_name=product["title"],
        started_at=now,
        expires_at=add_months(now, 1),
        changed_at=now,
    )

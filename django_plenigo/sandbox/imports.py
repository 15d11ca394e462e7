"""Take in customers without an e-mail address, as a publisher brings them from another system.

Source: docs/protocols/plenigo-v3.md 6.3.
"""

from collections.abc import Mapping

from django.db import router, transaction

from . import clock, identifiers, purchases
from .events import CallbackType, tell_of_customer
from .models import Address, Company, Customer, Purchase
from .profiles import pseudo_email
from .seed import MONTHLY

#: Where such a customer has registered.
SOURCE = "import"

ADDRESS = {"street": "Hauptstraße", "street_number": "5", "postcode": "10115", "city": "Berlin", "country": "DE"}


def import_customer(
    company: Company,
    product_id: str,
    *,
    first_name: str = "Erna",
    last_name: str = "Abend",
    language: str = "de",
    address: Mapping[str, str],
) -> Purchase:
    """Return the subscription of a new customer who has a placeholder for an e-mail address and cannot log in yet.

    `address` are columns of `Address`.
    """
    number = identifiers.new_customer_number()
    with transaction.atomic(using=router.db_for_write(Customer)):
        customer = Customer.objects.create(
            company=company,
            number=number,
            email=pseudo_email(number),
            has_pseudo_email=True,
            language=language,
            first_name=first_name,
            last_name=last_name,
            registration_source=SOURCE,
            registered_at=clock.now(),
        )
        Address.objects.create(customer=customer, preferred=True, **address)
        tell_of_customer(customer, CallbackType.CREATION)
        return purchases.buy(customer, product_id)


def seed_imported_customer(company: Company) -> Customer:
    """Return the company's first customer of this kind, made where it has had none; by now he may be connected.

    Only the sandbox's own server and a demo call it: a site's tests begin without customers.
    """
    had = company.customers.filter(registration_source=SOURCE).order_by("pk").first()
    return had or import_customer(company, MONTHLY, address=ADDRESS).customer

"""Let a customer of the sandbox have bought a product."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, router

from django_plenigo.sandbox import credentials, purchases
from django_plenigo.sandbox.companies import find_company, find_product
from django_plenigo.sandbox.customers import find_customer, find_customer_by_number
from django_plenigo.sandbox.models import Company, Customer

#: So many ids are told to somebody who has guessed wrong.
SHOWN = 20


class Command(BaseCommand):
    """Record a purchase as if the customer had been to the check-out."""

    help = "Records that a customer of the sandbox has bought a product. Nothing is charged."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take customer and product."""
        parser.add_argument("customer", help="The plenigo customer id, or your own external id.")
        parser.add_argument("product", help="The id of a product that the sandbox's company manages.")
        parser.add_argument("--test-mode", action="store_true", help="Buy in test mode.")
        parser.add_argument("--company", default=credentials.COMPANY_ID, help="The company's id; default: the demo's.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Record the purchase and say so. Raises `CommandError` for what does not exist."""
        _check_tables()
        company = find_company(options["company"])
        if company is None:
            raise CommandError(f"The sandbox has no company {options['company']!r}. {_known_companies()}")
        customer = _customer(company, options["customer"])
        product = find_product(company, options["product"])
        if product is None:
            known = ", ".join(company.products.order_by("pk").values_list("product_id", flat=True)[:SHOWN])
            raise CommandError(f"The company has no product {options['product']!r}. It has: {known or 'none'}.")
        purchase = purchases.buy(customer, product.product_id, test_mode=options["test_mode"])
        if options["verbosity"]:
            mode = " in test mode" if purchase.test_mode else ""
            self.stdout.write(f"Customer {customer.customer_id} has bought {product.product_id}{mode}.")


def _check_tables() -> None:
    connection = connections[router.db_for_write(Company)]
    if Company._meta.db_table not in connection.introspection.table_names():
        raise CommandError("The sandbox's tables are not there yet. Start plenigo_sandbox once, or run migrate.")


def _customer(company: Company, reference: str) -> Customer:
    customer = find_customer(company, reference) or find_customer_by_number(company, reference)
    customer = customer or find_customer(company, reference, is_external=True)
    if customer is None:
        known = ", ".join(company.customers.order_by("-pk").values_list("customer_id", flat=True)[:SHOWN])
        advice = f"It has: {known}." if known else "It has none yet: register one first, for example at a check-out."
        raise CommandError(f"The company has no customer {reference!r}. {advice}")
    return customer


def _known_companies() -> str:
    return (
        f"It has: {', '.join(Company.objects.order_by('pk').values_list('company_id', flat=True)[:SHOWN]) or 'none'}."
    )

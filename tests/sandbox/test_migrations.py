"""Rows of earlier releases get what later ones need of them."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from django_plenigo.sandbox import identifiers
from django_plenigo.sandbox.credentials import API_TOKEN, COMPANY_ID
from django_plenigo.sandbox.models import Address, Company, Customer, Product
from tests.sandbox.v3.client import ApiV3

BEFORE = [("plenigo_sandbox", "0002_exact_ids")]


@pytest.fixture
def before(transactional_db: None) -> Any:
    """The models before API v3; whatever comes of it, the tables are as they should be afterwards."""
    MigrationExecutor(connection).migrate(BEFORE)
    yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
    call_command("migrate", verbosity=0)


def test_old_rows_are_reachable_through_v3(before: Any) -> None:
    companies, customers, products = (
        before.get_model("plenigo_sandbox", name).objects for name in ("Company", "Customer", "Product")
    )
    demo = companies.create(name="Demo", company_id=COMPANY_ID)
    other = companies.create(name="Other")
    for number in range(2):
        customers.create(
            company=demo, email=f"{number}@example.com", email_key=f"{number}@example.com", registered_at=timezone.now()
        )
    products.create(company=demo, product_id="P_OLD", title="Old", price=1)
    call_command("migrate", "plenigo_sandbox", verbosity=0)
    assert Company.objects.get(company_id=COMPANY_ID).api_token == API_TOKEN
    assert len(Company.objects.get(pk=other.pk).api_token) == 40
    product = Product.objects.get()
    assert (product.offer_id, product.access_right_id) == (identifiers.offer_id_of("P_OLD"), "P-OLD")
    numbers = list(Customer.objects.values_list("number", flat=True))
    assert len(set(numbers)) == 2
    assert [ApiV3()("GET", f"customers/{number}").status_code for number in numbers] == [200, 200]


@pytest.fixture
def before_addresses(transactional_db: None) -> Any:
    """The models while API v2 had addresses of its own."""
    target = [("plenigo_sandbox", "0006_callbacks")]
    MigrationExecutor(connection).migrate(target)
    yield MigrationExecutor(connection).loader.project_state(target).apps
    call_command("migrate", verbosity=0)


def test_single_addresses_of_v2_become_rows_of_the_list(before_addresses: Any) -> None:
    companies, customers, addresses = (
        before_addresses.get_model("plenigo_sandbox", name).objects for name in ("Company", "Customer", "Address")
    )
    demo = companies.create(name="Demo", company_id=COMPANY_ID)
    values = {"company": demo, "registered_at": timezone.now()}
    homes = {"street": "Way 1", "post_code": "53111", "city": "Bonn", "country": "DE", "state": "x" * 255}
    ada, bob, _eve = (
        customers.create(email=f"{name}@example.com", email_key=f"{name}@example.com", **values, **home)
        for name, home in (("ada", homes), ("bob", homes), ("eve", {}))
    )
    addresses.create(customer=bob, kind="INVOICE", preferred=True, city="Berlin")
    call_command("migrate", "plenigo_sandbox", verbosity=0)
    rows = Address.objects.order_by("pk").values_list("customer", "city", "postcode", "preferred")
    assert list(rows) == [
        (bob.pk, "Berlin", "", True),
        (ada.pk, "Bonn", "53111", True),
        (bob.pk, "Bonn", "53111", False),
    ]
    assert Address.objects.filter(city="Bonn", state="x" * 100, street="Way 1").count() == 2


@pytest.fixture
def before_statuses(transactional_db: None) -> Any:
    """The models while the support blocked by a switch."""
    target = [("plenigo_sandbox", "0011_vouchers_and_baskets")]
    MigrationExecutor(connection).migrate(target)
    yield MigrationExecutor(connection).loader.project_state(target).apps
    call_command("migrate", verbosity=0)


def test_whom_the_support_had_blocked_is_disabled(before_statuses: Any) -> None:
    companies, customers = (
        before_statuses.get_model("plenigo_sandbox", name).objects for name in ("Company", "Customer")
    )
    demo = companies.create(name="Demo", company_id=COMPANY_ID)
    for name, is_blocked in (("ada", True), ("bob", False)):
        address = f"{name}@example.com"
        values = {"email": address, "email_key": address, "registered_at": timezone.now()}
        customers.create(company=demo, blocked_by_support=is_blocked, **values)
    call_command("migrate", "plenigo_sandbox", verbosity=0)
    statuses = Customer.objects.order_by("email").values_list("status", flat=True)
    assert list(statuses) == ["DISABLED", "ACTIVATED"]

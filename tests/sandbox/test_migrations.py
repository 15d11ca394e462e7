"""Rows of earlier releases get their ids of API v3."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from django_plenigo.sandbox import identifiers
from django_plenigo.sandbox.credentials import API_TOKEN, COMPANY_ID
from django_plenigo.sandbox.models import Company, Customer, Product
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

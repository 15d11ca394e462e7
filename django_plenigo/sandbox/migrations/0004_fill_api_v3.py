"""Give the rows of earlier releases their ids of API v3."""

import hashlib
import re
from typing import Any

from django.db import migrations

from django_plenigo.sandbox import identifiers

#: The demo company keeps the token that everybody knows.
DEMO_COMPANY_ID = "Rk3WvT8nYq1LzB5cXp7M"
DEMO_API_TOKEN = "w2Hn8RcYt5PqLs0XvKd4ZjEa7MuGf1BoIx9TyNbC"  # noqa: S105 - a published constant


def fill(apps: Any, schema_editor: Any) -> None:
    """Fill what is empty; the same product always gets the same ids."""
    alias = schema_editor.connection.alias
    for company in apps.get_model("plenigo_sandbox", "Company").objects.using(alias).filter(api_token=None):
        is_demo = company.company_id == DEMO_COMPANY_ID
        company.api_token = DEMO_API_TOKEN if is_demo else identifiers.new_token()
        company.save(update_fields=["api_token"])
    for customer in apps.get_model("plenigo_sandbox", "Customer").objects.using(alias).filter(number=None):
        # By the row, so that no two are equal: nine digits that begin with 9.
        customer.number = str(900_000_000 + customer.pk)
        customer.save(update_fields=["number"])
    for product in apps.get_model("plenigo_sandbox", "Product").objects.using(alias).all():
        name = product.product_id
        product.offer_id = "O_" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:18].upper()
        product.access_right_id = re.sub(r"[^0-9a-zA-Z-]", "-", name)[:30].ljust(2, "-")
        product.save(update_fields=["offer_id", "access_right_id"])


class Migration(migrations.Migration):
    dependencies = [("plenigo_sandbox", "0003_api_v3")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]

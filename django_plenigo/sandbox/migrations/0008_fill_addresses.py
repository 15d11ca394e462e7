"""Make rows of the single addresses that API v2 has written."""

from typing import Any

from django.db import migrations

#: Column of `Customer` -> column of `Address`.
COLUMNS = {
    "company_name": "company_name",
    "additional_company_info": "additional_company_info",
    "street": "street",
    "additional_address_info": "additional_street_info",
    "post_code": "postcode",
    "city": "city",
    "state": "state",
    "country": "country",
}
CHARACTERS = 100


def fill(apps: Any, schema_editor: Any) -> None:
    """Give a customer with such an address one for invoices, preferred unless another one is."""
    alias = schema_editor.connection.alias
    addresses = apps.get_model("plenigo_sandbox", "Address").objects.using(alias)
    for customer in apps.get_model("plenigo_sandbox", "Customer").objects.using(alias).iterator():
        values = {column: getattr(customer, old)[:CHARACTERS] for old, column in COLUMNS.items()}
        if any(values.values()):
            own = addresses.filter(customer=customer, kind="INVOICE", preferred=True)
            addresses.create(customer=customer, kind="INVOICE", preferred=not own.exists(), **values)


class Migration(migrations.Migration):
    dependencies = [("plenigo_sandbox", "0007_failing_callbacks")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]

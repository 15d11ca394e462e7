"""Exact comparison of references on MariaDB and MySQL: else two of them that differ in case alone would be one."""

from typing import Any

from django.db import migrations

COLUMNS = ["our_reference", "reference"]


def compare_exactly(apps: Any, schema_editor: Any) -> None:
    """Give the columns of references a binary collation."""
    if schema_editor.connection.vendor != "mysql":
        return
    model = apps.get_model("plenigo", "PortalAccount")
    for name in COLUMNS:
        field = model._meta.get_field(name)
        exact = field.clone()
        exact.db_collation = "utf8mb4_bin"
        exact.set_attributes_from_name(name)
        exact.model = model
        schema_editor.alter_field(model, field, exact)


class Migration(migrations.Migration):
    dependencies = [("plenigo", "0015_portals_and_webhooks")]

    operations = [migrations.RunPython(compare_exactly, migrations.RunPython.noop, atomic=False)]

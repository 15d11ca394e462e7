"""Ids that are told apart by every character on MariaDB too, as plenigo does and as the other databases do."""

from typing import Any

from django.db import migrations

EXACT_COLUMNS = {"Customer": ["customer_id", "external_id"], "AccessIdentifier": ["value"]}


def compare_exactly(apps: Any, schema_editor: Any) -> None:
    """Give the columns of ids a binary collation, on MariaDB and MySQL only."""
    if schema_editor.connection.vendor != "mysql":
        return
    for model_name, names in EXACT_COLUMNS.items():
        model = apps.get_model("plenigo_sandbox", model_name)
        for name in names:
            field = model._meta.get_field(name)
            exact = field.clone()
            exact.db_collation = "utf8mb4_bin"
            exact.set_attributes_from_name(name)
            exact.model = model
            schema_editor.alter_field(model, field, exact)


class Migration(migrations.Migration):
    dependencies = [("plenigo_sandbox", "0001_initial")]

    operations = [migrations.RunPython(compare_exactly, migrations.RunPython.noop, atomic=False)]

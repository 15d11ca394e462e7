"""Give the customers their status whom the support has blocked."""

from typing import Any

from django.db import migrations


def fill(apps: Any, schema_editor: Any) -> None:
    """What was a switch is one status of several."""
    customers = apps.get_model("plenigo_sandbox", "Customer").objects.using(schema_editor.connection.alias)
    customers.filter(blocked_by_support=True).update(status="DISABLED")


def empty(apps: Any, schema_editor: Any) -> None:
    """Whoever has another status than the usual one is blocked."""
    customers = apps.get_model("plenigo_sandbox", "Customer").objects.using(schema_editor.connection.alias)
    customers.exclude(status="ACTIVATED").update(blocked_by_support=True)


class Migration(migrations.Migration):
    dependencies = [("plenigo_sandbox", "0012_customer_status")]

    operations = [migrations.RunPython(fill, empty)]

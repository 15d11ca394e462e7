"""Exact comparison on MariaDB, and the rows of the links that are there already."""

from itertools import islice
from typing import Any

from django.db import migrations, models
from django.utils import timezone

#: Whatever the server's default, on MariaDB these compare byte by byte: else an address that changed only its case would
#: be unchanged, and two ids would be one.
EXACT_COLUMNS = {
    "CustomerLink": [
        "customer_id",
        "external_id",
        "confirmed_email",
        "confirmed_first_name",
        "confirmed_last_name",
    ],
    "AccessId": ["value"],
}

CHUNK = 1000


def compare_exactly(apps: Any, schema_editor: Any) -> None:
    """Give the columns of ids and addresses a binary collation, on MariaDB and MySQL only."""
    if schema_editor.connection.vendor != "mysql":
        return
    for model_name, names in EXACT_COLUMNS.items():
        model = apps.get_model("plenigo", model_name)
        for name in names:
            field = model._meta.get_field(name)
            exact = field.clone()
            exact.db_collation = "utf8mb4_bin"
            exact.set_attributes_from_name(name)
            exact.model = model
            schema_editor.alter_field(model, field, exact)


def fill_changes(apps: Any, schema_editor: Any) -> None:
    """Copy the account of each link, let what waits be due, and make the rows that a save notes a change in."""
    link_model, change_model = apps.get_model("plenigo", "CustomerLink"), apps.get_model("plenigo", "RemoteChange")
    using = schema_editor.connection.alias
    changes = change_model._base_manager.using(using)
    account = models.Subquery(link_model._base_manager.filter(pk=models.OuterRef("link_id")).values("account")[:1])
    changes.update(account=account)
    changes.filter(noted__gt=models.F("delivered"), refused_at=None).update(due_at=timezone.now())
    kinds = ["change_email", "change_profile"]
    links = link_model._base_manager.using(using).exclude(remote_changes__kind="change_email")
    rows = (
        change_model(link_id=pk, account=account, kind=kind)
        for pk, account in links.values_list("pk", "account").iterator(CHUNK)
        for kind in kinds
    )
    while chunk := list(islice(rows, CHUNK)):
        changes.bulk_create(chunk)


class Migration(migrations.Migration):
    dependencies = [("plenigo", "0002_outbox_and_access_ids")]

    operations = [
        migrations.RunPython(compare_exactly, migrations.RunPython.noop, atomic=False),
        migrations.RunPython(fill_changes, migrations.RunPython.noop),
    ]

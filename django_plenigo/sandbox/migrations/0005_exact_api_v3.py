"""Require the ids of API v3, and tell access rights apart by every character on MariaDB too."""

from typing import Any

import django.core.validators
from django.db import migrations, models

import django_plenigo.sandbox.identifiers


def compare_exactly(apps: Any, schema_editor: Any) -> None:
    """Give the column a binary collation, on MariaDB and MySQL only."""
    if schema_editor.connection.vendor != "mysql":
        return
    model = apps.get_model("plenigo_sandbox", "AccessRight")
    field = model._meta.get_field("access_right_id")
    exact = field.clone()
    exact.db_collation = "utf8mb4_bin"
    exact.set_attributes_from_name("access_right_id")
    exact.model = model
    schema_editor.alter_field(model, field, exact)


class Migration(migrations.Migration):
    dependencies = [("plenigo_sandbox", "0004_fill_api_v3")]

    operations = [
        migrations.AlterField(
            model_name="company",
            name="api_token",
            field=models.CharField(
                default=django_plenigo.sandbox.identifiers.new_token,
                max_length=64,
                unique=True,
                validators=[django.core.validators.MinLengthValidator(32)],
                verbose_name="API access token",
            ),
        ),
        migrations.AlterField(
            model_name="customer",
            name="number",
            field=models.CharField(
                default=django_plenigo.sandbox.identifiers.new_customer_number,
                help_text="The customer's id in API v3.",
                max_length=18,
                verbose_name="customer number",
            ),
        ),
        migrations.AlterField(
            model_name="product",
            name="offer_id",
            field=models.CharField(
                blank=True,
                help_text="Under this id API v3 sells the product. Left empty, it is made from the product id.",
                max_length=20,
                validators=[
                    django.core.validators.RegexValidator("\\AO_[0-9a-zA-Z]{18}\\Z", "O_ and 18 letters or digits.")
                ],
                verbose_name="offer id",
            ),
        ),
        migrations.AlterField(
            model_name="product",
            name="access_right_id",
            field=models.CharField(
                blank=True,
                help_text="The right that it gives in API v3. Left empty, it is the product id, with hyphens for other signs.",
                max_length=30,
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[0-9a-zA-Z-]{2,30}\\Z", "2 to 30 letters, digits and hyphens."
                    )
                ],
                verbose_name="access right",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(fields=("company", "number"), name="plenigo_sandbox_customer_number"),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.UniqueConstraint(fields=("company", "offer_id"), name="plenigo_sandbox_offer_id"),
        ),
        migrations.RunPython(compare_exactly, migrations.RunPython.noop, atomic=False),
    ]

"""2Checkout, with ids that are told apart by every character on MariaDB too."""

from typing import Any

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import django_plenigo.sandbox.identifiers

EXACT_COLUMNS = {
    "TwoCheckoutMerchant": ["merchant_code"],
    "TwoCheckoutCustomer": ["external_reference"],
    "TwoCheckoutSubscription": ["reference"],
}


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
    dependencies = [
        ("plenigo_sandbox", "0015_webhooks"),
    ]

    operations = [
        migrations.CreateModel(
            name="TwoCheckoutCustomer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reference",
                    models.CharField(
                        default=django_plenigo.sandbox.identifiers.new_customer_number,
                        max_length=10,
                        validators=[django.core.validators.RegexValidator("\\A[1-9][0-9]{0,9}\\Z", "1 to 10 digits.")],
                        verbose_name="2Checkout's reference",
                    ),
                ),
                (
                    "external_reference",
                    models.CharField(
                        blank=True,
                        help_text="The merchant's own id of the customer. Set here, it triggers no webhook.",
                        max_length=250,
                        null=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="external reference",
                    ),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail address")),
                (
                    "email_key",
                    models.CharField(editable=False, max_length=508, verbose_name="e-mail address as compared"),
                ),
                (
                    "first_name",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="first name",
                    ),
                ),
                (
                    "last_name",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="last name",
                    ),
                ),
                (
                    "city",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=30,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="city",
                    ),
                ),
                ("language", models.CharField(default="en", max_length=2, verbose_name="language")),
                (
                    "card_brand",
                    models.CharField(
                        blank=True,
                        default="VISA",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="brand of the card",
                    ),
                ),
                (
                    "card_digits",
                    models.CharField(
                        blank=True,
                        default="1111",
                        max_length=4,
                        validators=[django.core.validators.RegexValidator("\\A[0-9]{4}\\Z", "Four digits.")],
                        verbose_name="last digits of the card",
                    ),
                ),
                ("card_expires_on", models.DateField(blank=True, null=True, verbose_name="card expires on")),
            ],
            options={
                "verbose_name": "2Checkout customer",
                "verbose_name_plural": "2Checkout customers",
            },
        ),
        migrations.CreateModel(
            name="TwoCheckoutLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("account", "account"), ("cart", "cart")],
                        default="account",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True, verbose_name="digest")),
                ("language", models.CharField(blank=True, default="", max_length=2, verbose_name="language")),
                (
                    "validation_ip",
                    models.GenericIPAddressField(blank=True, null=True, verbose_name="only from this address"),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("expires_at", models.DateTimeField(db_index=True, verbose_name="expires at")),
                ("used_at", models.DateTimeField(blank=True, null=True, verbose_name="used at")),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="plenigo_sandbox.twocheckoutcustomer",
                        verbose_name="2Checkout customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "2Checkout sign-on link",
                "verbose_name_plural": "2Checkout sign-on links",
            },
        ),
        migrations.CreateModel(
            name="TwoCheckoutMerchant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("merchant_code", models.CharField(max_length=40, unique=True, verbose_name="merchant code")),
                (
                    "secret_key",
                    models.CharField(
                        default=django_plenigo.sandbox.identifiers.new_secret, max_length=100, verbose_name="secret key"
                    ),
                ),
                (
                    "has_custom_domain",
                    models.BooleanField(
                        default=True,
                        help_text="Sign-on links lead there. Without one, all sign-on methods are refused.",
                        verbose_name="has a custom domain",
                    ),
                ),
                (
                    "accepts_md5",
                    models.BooleanField(
                        default=False, help_text="At the log-in, as before August 2024.", verbose_name="accepts MD5"
                    ),
                ),
                (
                    "date_tolerance_seconds",
                    models.PositiveIntegerField(
                        default=300,
                        help_text="Before and after the real time.",
                        verbose_name="tolerance of a log-in's date in seconds",
                    ),
                ),
                (
                    "company",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="twocheckout",
                        to="plenigo_sandbox.company",
                        verbose_name="company",
                    ),
                ),
            ],
            options={
                "verbose_name": "2Checkout merchant",
                "verbose_name_plural": "2Checkout merchants",
            },
        ),
        migrations.AddField(
            model_name="twocheckoutcustomer",
            name="merchant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="customers",
                to="plenigo_sandbox.twocheckoutmerchant",
                verbose_name="2Checkout merchant",
            ),
        ),
        migrations.CreateModel(
            name="TwoCheckoutOrder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reference",
                    models.CharField(
                        default=django_plenigo.sandbox.identifiers.new_customer_number,
                        max_length=10,
                        unique=True,
                        validators=[django.core.validators.RegexValidator("\\A[1-9][0-9]{0,9}\\Z", "1 to 10 digits.")],
                        verbose_name="order number",
                    ),
                ),
                (
                    "external_reference",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=100,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="merchant's order number",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("COMPLETE", "complete"), ("REFUND", "refunded")],
                        default="COMPLETE",
                        max_length=20,
                        verbose_name="status",
                    ),
                ),
                ("product_id", models.CharField(max_length=20, verbose_name="product id")),
                (
                    "product_name",
                    models.CharField(
                        max_length=255,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="product",
                    ),
                ),
                (
                    "quantity",
                    models.PositiveSmallIntegerField(
                        default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name="quantity"
                    ),
                ),
                ("price", models.DecimalField(decimal_places=2, max_digits=10, verbose_name="price")),
                (
                    "currency",
                    models.CharField(
                        default="EUR",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                ("placed_at", models.DateTimeField(verbose_name="placed at")),
                ("checkout_key", models.CharField(blank=True, editable=False, max_length=32, null=True, unique=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="orders",
                        to="plenigo_sandbox.twocheckoutcustomer",
                        verbose_name="2Checkout customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "2Checkout order",
                "verbose_name_plural": "2Checkout orders",
            },
        ),
        migrations.CreateModel(
            name="TwoCheckoutSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="plenigo_sandbox.twocheckoutmerchant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TwoCheckoutSubscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reference",
                    models.CharField(
                        default=django_plenigo.sandbox.identifiers.new_subscription_reference,
                        max_length=50,
                        unique=True,
                        verbose_name="subscription reference",
                    ),
                ),
                (
                    "product_name",
                    models.CharField(
                        max_length=255,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\\\\\x00-\\x1f]*\\Z", "Neither backslashes nor control characters."
                            )
                        ],
                        verbose_name="product",
                    ),
                ),
                (
                    "term_months",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="term in months",
                    ),
                ),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                ("auto_renewal", models.BooleanField(default=True, verbose_name="renews itself")),
                ("is_disabled", models.BooleanField(default=False, verbose_name="disabled")),
                ("is_test", models.BooleanField(default=False, verbose_name="test")),
                ("changed_at", models.DateTimeField(editable=False, verbose_name="changed at")),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subscriptions",
                        to="plenigo_sandbox.twocheckoutcustomer",
                        verbose_name="2Checkout customer",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="subscriptions",
                        to="plenigo_sandbox.twocheckoutorder",
                        verbose_name="2Checkout order",
                    ),
                ),
            ],
            options={
                "verbose_name": "2Checkout subscription",
                "verbose_name_plural": "2Checkout subscriptions",
            },
        ),
        migrations.CreateModel(
            name="TwoCheckoutVisit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("language", models.CharField(blank=True, default="", max_length=2)),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visits",
                        to="plenigo_sandbox.twocheckoutcustomer",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="twocheckoutcustomer",
            constraint=models.UniqueConstraint(fields=("merchant", "reference"), name="plenigo_sandbox_2co_customer"),
        ),
        migrations.AddConstraint(
            model_name="twocheckoutcustomer",
            constraint=models.UniqueConstraint(
                fields=("merchant", "external_reference"), name="plenigo_sandbox_2co_external"
            ),
        ),
        migrations.AddConstraint(
            model_name="twocheckoutcustomer",
            constraint=models.UniqueConstraint(fields=("merchant", "email_key"), name="plenigo_sandbox_2co_email"),
        ),
        migrations.RunPython(compare_exactly, migrations.RunPython.noop, atomic=False),
    ]

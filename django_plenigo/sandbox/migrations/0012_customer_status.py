from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plenigo_sandbox", "0011_vouchers_and_baskets")]

    operations = [
        migrations.AddField(
            model_name="company",
            name="api_token_expires_at",
            field=models.DateTimeField(
                blank=True,
                help_text="By the sandbox's clock; from then on API v3 refuses every call with 401. Empty means never.",
                null=True,
                verbose_name="API access token expires at",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="status",
            field=models.CharField(
                choices=[
                    ("ACTIVATED", "activated"),
                    ("BLOCKED", "blocked until the password is reset"),
                    ("DEACTIVATED", "deactivated"),
                    ("DISABLED", "disabled by the vendor"),
                ],
                default="ACTIVATED",
                help_text="Only an activated customer can log in and buy, and has access in API v3.",
                max_length=11,
                verbose_name="status",
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plenigo", "0009_account_connections"),
    ]

    operations = [
        migrations.AddField(
            model_name="accountconnection",
            name="terms_text",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=2000, verbose_name="terms agreed to"
            ),
        ),
    ]

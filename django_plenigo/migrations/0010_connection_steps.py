from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plenigo", "0009_account_connections"),
    ]

    operations = [
        migrations.AddField(
            model_name="accountconnection",
            name="leased_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]

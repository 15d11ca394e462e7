from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plenigo", "0010_agreed_terms"),
    ]

    operations = [
        migrations.AddField(
            model_name="accountconnection",
            name="leased_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]

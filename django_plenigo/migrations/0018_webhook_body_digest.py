from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plenigo", "0017_portal_imports")]

    operations = [
        migrations.AddField(
            model_name="webhookdelivery",
            name="body_digest",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
    ]

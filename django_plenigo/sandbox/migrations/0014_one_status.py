from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("plenigo_sandbox", "0013_fill_status")]

    operations = [migrations.RemoveField(model_name="customer", name="blocked_by_support")]

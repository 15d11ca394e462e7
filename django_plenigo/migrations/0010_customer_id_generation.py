from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plenigo", "0009_account_connections")]

    operations = [
        # The default is a constant: PostgreSQL and MariaDB rewrite no row.
        migrations.AddField(
            model_name="customerlink",
            name="customer_id_generation",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=2, verbose_name="API of the customer id"
            ),
        ),
    ]

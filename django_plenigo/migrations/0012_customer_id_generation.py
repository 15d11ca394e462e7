from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plenigo", "0011_connection_steps")]

    operations = [
        # The default is a constant, so PostgreSQL and MariaDB rewrite no row; and it is the database's, since links are
        # also made by SQL, and by workers that run the code of before.
        migrations.AddField(
            model_name="customerlink",
            name="customer_id_generation",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=2,
                verbose_name="API of the customer id",
            ),
        ),
    ]

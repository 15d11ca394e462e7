from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plenigo", "0012_customer_id_generation")]

    operations = [
        # The default is a constant, so PostgreSQL and MariaDB rewrite no row; and it is the database's, since rows are
        # also made by workers that run the code of before.
        migrations.AddField(
            model_name="remotechange",
            name="left_value_hash",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AlterModelOptions(
            name="remotechange",
            options={
                "permissions": [
                    ("send_remotechange", "Can send remote changes again"),
                    ("leave_remotechange", "Can leave refused changes as they are"),
                ],
                "verbose_name": "remote change",
                "verbose_name_plural": "remote changes",
            },
        ),
    ]

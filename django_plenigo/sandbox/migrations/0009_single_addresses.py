from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("plenigo_sandbox", "0008_fill_addresses"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="customer",
            name="additional_address_info",
        ),
        migrations.RemoveField(
            model_name="customer",
            name="additional_company_info",
        ),
        migrations.RemoveField(
            model_name="customer",
            name="city",
        ),
        migrations.RemoveField(
            model_name="customer",
            name="company_name",
        ),
        migrations.RemoveField(
            model_name="customer",
            name="country",
        ),
        migrations.RemoveField(
            model_name="customer",
            name="post_code",
        ),
        migrations.RemoveField(
            model_name="customer",
            name="state",
        ),
        migrations.RemoveField(
            model_name="customer",
            name="street",
        ),
    ]

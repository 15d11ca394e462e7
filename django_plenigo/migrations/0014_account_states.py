from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("plenigo", "0013_left_changes")]

    operations = [
        migrations.AlterModelOptions(
            name="customerlink",
            options={
                "permissions": [
                    ("register_customerlink", "Can register users with plenigo"),
                    ("check_customerlink", "Can check customers at plenigo"),
                    ("view_ssosettings", "Can see the settings of plenigo's single sign-on"),
                    ("view_accountstates", "Can see the state of the accounts"),
                ],
                "verbose_name": "customer link",
                "verbose_name_plural": "customer links",
            },
        ),
    ]

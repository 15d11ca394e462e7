"""The site that benchmarks run in: the tests' settings, the sandbox in process, a database in memory."""

import os
import sys
from typing import Any

import django

#: The benchmarks' reader logs in with these.
EMAIL = "reader@example.com"


def set_up() -> None:
    """Configure Django and make the tables."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", verbosity=0, stdout=sys.stderr)


def registered_reader() -> Any:
    """Return a reader who is a customer."""
    from django.contrib.auth import get_user_model

    from django_plenigo.services import customers

    reader = get_user_model().objects.create_user("reader", EMAIL)
    customers.register(reader)
    return reader

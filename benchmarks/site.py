"""The sites that benchmarks run in: all on the sandbox, in process, with a database in memory."""

import os
import sys
from pathlib import Path
from typing import Any

import django

from benchmarks import databases

#: The benchmarks' reader logs in with these.
EMAIL = "reader@example.com"
PASSWORD = "a password that is long enough"

NEWSPAPER = Path(__file__).parent.parent / "example_project"

#: The example newspaper as it runs in earnest, but on the sandbox and without TLS.
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "DATABASE_URL": "sqlite://:memory:",
    "DEBUG": "false",
    "HTTPS": "false",
    "SECRET_KEY": "benchmarks-only-secret-key-of-more-than-fifty-characters",
    "ALLOWED_HOSTS": "testserver",
    "PLENIGO_SANDBOX_WITHOUT_DEBUG": "true",
}


def set_up() -> None:
    """Configure the tests' site and make its tables."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    _make_tables()


def set_up_newspaper() -> None:
    """Configure the example newspaper, make its tables and fill them."""
    os.environ.update(ENVIRONMENT)
    sys.path.insert(0, str(NEWSPAPER))
    _make_tables()
    from newspaper.seed import seed_newspaper

    seed_newspaper()


def _make_tables() -> None:
    django.setup()
    databases.make_tables()


def registered_reader() -> Any:
    """Return a reader who is a customer."""
    from django.contrib.auth import get_user_model

    from django_plenigo.services import customers

    model = get_user_model()
    reader = model.objects.create_user(**{model.USERNAME_FIELD: EMAIL, "email": EMAIL, "password": PASSWORD})
    customers.register(reader)
    return reader

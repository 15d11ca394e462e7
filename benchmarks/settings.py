"""A site on a real database, whose vendor is a stub behind a socket; nothing is delivered by itself."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS]
if "sqlite" in DATABASES["default"]["ENGINE"]:
    # As a site would that means it: readers do not wait for the writer, and a transaction takes its lock at once.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif os.environ.get("PREPARED_STATEMENTS"):
    # As docs/operations.md advises.
    DATABASES["default"]["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": 5}

PLENIGO = {
    "default": {
        "API": "v2",
        "MODE": "sandbox",
        "HOSTS": {"api": os.environ.get("VENDOR_URL", "http://127.0.0.1:9")},
        "DELIVERY": "",
        "TIMEOUT_SECONDS": 30,
    }
}

"""Runs what depends on the database on a server: `python -m tests.on_server mariadb`, and pytest's options after it.

Where there is no such server it says so and does nothing, unless CI=true.
"""

import os
import sys

import pytest

from tests.servers import SERVERS, url_of, what_is_missing

#: The others ask no database, or bring their own.
PATHS = [
    "tests/access_imports",
    "tests/admin",
    "tests/commands",
    "tests/connection",
    "tests/portals",
    "tests/services",
    "tests/test_following_names.py",
    "tests/test_keeping_in_step.py",
    "tests/test_migrations.py",
    "tests/test_receivers.py",
    "tests/test_user_models.py",
    "tests/webhooks",
]


def main(server: str, *options: str) -> int:
    missing = what_is_missing(server)
    if missing is not None:
        sys.stdout.write(f"Nothing is tested on {server}. {missing}\n")
        return int(os.environ.get("CI", "").lower() == "true")
    os.environ["DATABASE_URL"] = url_of(server)  # before the settings are read
    paths = [] if any(not option.startswith("-") and os.path.exists(option) for option in options) else PATHS
    return int(pytest.main([*options, *paths]))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in SERVERS:
        sys.exit(f"Name one of: {', '.join(SERVERS)}.")
    sys.exit(main(*sys.argv[1:]))

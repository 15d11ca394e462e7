"""Databases that are made for one measurement, and dropped after it."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("postgresql", "sqlite")


def available() -> list[str]:
    """Return the databases to measure on: SQLite, and PostgreSQL where POSTGRES_URL names a server.

    With CI=true a missing server ends the process.
    """
    if os.environ.get("POSTGRES_URL"):
        return list(KINDS)
    sentence = "POSTGRES_URL names no server, such as postgres://postgres@127.0.0.1:5432/postgres"
    if os.environ.get("CI", "").lower() == "true":
        sys.exit(sentence)
    print(f"Skipped on PostgreSQL: {sentence}.", file=sys.stderr)
    return ["sqlite"]


@contextmanager
def scratch(kind: str) -> Iterator[str]:
    """Give the address of a new, empty database."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'site.sqlite3'}"
        return
    import psycopg  # not on every machine

    server_url = os.environ["POSTGRES_URL"]
    name = f"plenigo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True, connect_timeout=10) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server_url.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def make_tables() -> None:
    """Make the tables as the models have them, at once: how they came about is tested elsewhere, and takes its time.

    Call `django.setup()` before.
    """
    from django.apps import apps
    from django.conf import settings
    from django.core.management import call_command

    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    call_command("migrate", run_syncdb=True, verbosity=0, stdout=sys.stderr)


def measure_in_a_process(module: str, kind: str, *arguments: str, **environment: str) -> int:
    """Run a benchmark's module in a process of its own on a new database; return its exit code."""
    with scratch(kind) as url:
        settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "DATABASE_URL": url, **environment}
        command = [sys.executable, "-m", module, "--on", kind, *arguments]
        return subprocess.run(command, env={**os.environ, **settings}, check=False).returncode

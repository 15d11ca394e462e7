"""Two tabs, two workers, one customer: on SQLite and PostgreSQL, in processes, over a socket."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

ROOT = Path(__file__).parent.parent.parent
USERS = 25
WORKERS = 4
POSTGRES_URL = os.environ.get("POSTGRES_URL", "")


def python(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.races.settings", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **environment: str) -> str:
    process = python(*arguments, **environment)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    return out


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The sandbox as a server of its own; its address and its database."""
    database = f"sqlite:///{tmp_path / 'vendor.sqlite3'}"
    server = python("-m", "django", "plenigo_sandbox", "127.0.0.1:0", DATABASE_URL=database)
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line.startswith("ready: "), server.communicate()[1]
    yield line.removeprefix("ready: ").strip(), database
    server.terminate()
    server.communicate(timeout=20)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the site, empty."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'site.sqlite3'}"
        return
    if not POSTGRES_URL:
        sentence = "POSTGRES_URL names no server, such as postgres://postgres@127.0.0.1:5432/postgres"
        pytest.fail(sentence) if settings.SERVICES_REQUIRED else pytest.skip(sentence)
    server = psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=10)
    name = f"plenigo_{uuid.uuid4().hex[:12]}"
    server.execute(f"CREATE DATABASE {name}")
    yield f"{POSTGRES_URL.rpartition('/')[0]}/{name}"
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


PREPARE = f"""
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.factories import UserFactory
UserFactory.create_batch({USERS})
"""

COUNT_LINKS = """
import django; django.setup()
from django_plenigo.models import CustomerLink, RemoteChange
links = list(CustomerLink.objects.all())
refused = RemoteChange.objects.filter(refused_at__isnull=False)
print(len(links), sum(link.is_registered for link in links), refused.count())
"""

COUNT_CUSTOMERS = """
import django; django.setup()
from django_plenigo.sandbox.testing import Sandbox
print(len(Sandbox().customers()))
"""


def test_users_registered_by_four_workers_at_once_are_one_customer_each(
    vendor: tuple[str, str], database_url: str
) -> None:
    vendor_url, vendor_database = vendor
    site = {"DATABASE_URL": database_url, "VENDOR_URL": vendor_url}
    run("-c", PREPARE, **site)
    workers = [python("-m", "tests.races.register_users", **site) for _ in range(WORKERS)]
    outputs = [worker.communicate("go\n", timeout=400) for worker in workers]
    for out, err in outputs:
        assert json.loads(out or "{}") == {"registered": USERS}, err
    assert run("-c", COUNT_LINKS, **site).split() == [str(USERS), str(USERS), "0"]
    assert run("-c", COUNT_CUSTOMERS, DATABASE_URL=vendor_database).split() == [str(USERS)]

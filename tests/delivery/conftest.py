"""Sites in processes of their own."""

import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings

from tests.races.processes import python, run
from tests.recording_vendor import RecordingVendor

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.delivery.settings"}

#: How long a test waits for what must come.
PATIENCE_SECONDS = 60.0

START = "import django; django.setup()\n"

MIGRATE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django_plenigo.sandbox.seed import seed
seed()
"""

PREPARE = """
from django_plenigo.services import customers
from tests.factories import UserFactory
for number in range(%d):
    customers.register(UserFactory(username=f"%s-{number}"))
"""

LOOK = """
SELECT
    (SELECT count(*) FROM plenigo_customerlink AS link JOIN auth_user ON auth_user.id = link.user_id
     WHERE link.confirmed_email = auth_user.email),
    (SELECT count(*) FROM plenigo_remotechange WHERE noted > delivered),
    (SELECT count(*) FROM plenigo_customerlink WHERE lease IS NOT NULL)
"""

CHANGE = """
from django.contrib.auth import get_user_model
for user in get_user_model().objects.all():
    user.email = f"%s{user.pk}@example.com"
    user.save()
"""


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something that must come has come."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


class Site:
    """A site with readers who are customers; each of its processes has an environment of its own."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.environment = SETTINGS | {"DATABASE_URL": f"sqlite:///{database}"}
        self.vendor_url = ""
        """The address of the vendor; empty where the sandbox is in each process."""

    def _environment(self, own: dict[str, str]) -> dict[str, str]:
        vendor = {"VENDOR_URL": self.vendor_url} if self.vendor_url else {}
        return self.environment | vendor | own

    def run(self, code: str, **environment: str) -> str:
        """Run some lines in a process of the site, and return what they print."""
        return run("-c", START + code, **self._environment(environment))

    def start(self, *arguments: str, **environment: str) -> Any:
        """Start a process of the site."""
        return python(*arguments, **self._environment(environment))

    def prepare(self, readers: int) -> None:
        """Make readers, and customers of the sandbox of them, whoever the vendor is later."""
        run("-c", START + PREPARE % (readers, uuid.uuid4().hex[:8]), **(self.environment | {"DELIVERY": ""}))

    def change(self, name: str = "new", **environment: str) -> None:
        """Save every reader with another address."""
        self.run(CHANGE % name, **environment)

    def wait_for(self, **numbers: int) -> None:
        """Wait until `look` says so."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while numbers.items() - (looked := self.look()).items():
            assert time.monotonic() < ends, looked
            time.sleep(0.1)

    def look(self) -> dict[str, int]:
        """Return how many readers' addresses plenigo has acknowledged, and what is waiting or leased still."""
        told, waiting, leased = self.query(LOOK)[0]
        return {"told": told, "waiting": waiting, "leased": leased}

    def query(self, sql: str) -> list[Any]:
        """Ask the database itself, which is faster than another process of the site."""
        with closing(sqlite3.connect(self.database, timeout=PATIENCE_SECONDS)) as connection:
            return list(connection.execute(sql))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables."""
    database = tmp_path_factory.mktemp("delivery") / "site.sqlite3"
    Site(database).run(MIGRATE, DELIVERY="django_plenigo.background.enqueue")
    return database


@pytest.fixture
def site(empty_database: Path, tmp_path: Path) -> Site:
    """A site on SQLite."""
    return Site(Path(shutil.copy(empty_database, tmp_path)))


@pytest.fixture
def processes() -> Iterator[Callable[[Any], Any]]:
    """Take processes that are to end with the test."""
    taken: list[Any] = []

    def take(process: Any) -> Any:
        taken.append(process)
        return process

    yield take
    for process in taken:
        # Gently: what a killed process has started would live on.
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def slow_vendor(site: Site) -> Iterator[RecordingVendor]:
    """A vendor over a socket, who takes a second for each call and knows every customer."""
    with RecordingVendor(latency_seconds=1.0) as vendor:
        site.vendor_url = vendor.url
        yield vendor


@pytest.fixture
def redis_url() -> str:
    """The address of a Redis server."""
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/15")
    try:
        redis.Redis.from_url(url, socket_connect_timeout=5).ping()
    except redis.RedisError as error:
        sentence = f"REDIS_URL names no server, such as redis://127.0.0.1:6379/15 ({error})"
        pytest.fail(sentence) if settings.SERVICES_REQUIRED else pytest.skip(sentence)
    return url

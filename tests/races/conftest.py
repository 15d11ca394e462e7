"""The databases that processes race on."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import psycopg
import pytest
from django.conf import settings
from django.core.management.color import no_style
from django.db.utils import ConnectionHandler

from tests import servers
from tests.races.processes import run

try:
    import MySQLdb
except ImportError:  # it is built from source, which needs headers that not every machine has
    MySQLdb = None


#: What making the tables has filled.
FILLED = {"auth_permission", "django_content_type", "django_migrations"}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Make a database of a vendor with all tables, once, and give its address: that takes longer than to race."""
    with ExitStack() as databases:

        def make(vendor: str) -> str:
            url = databases.enter_context(new_database(vendor, tmp_path_factory.mktemp("migrated")))
            run("-m", "django", "migrate", "--verbosity", "0", DATABASE_URL=url)
            return url

        yield cache(make)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(
    request: pytest.FixtureRequest, migrated: Callable[[str], str], tmp_path: Path, django_db_blocker: Any
) -> str:
    """A database of the site, with all tables and without rows."""
    url = migrated(request.param)
    if request.param == "sqlite":
        return copy_of(url, tmp_path / "site.sqlite3")
    with django_db_blocker.unblock():
        connection = ConnectionHandler({"default": environ.Env.db_url_config(url)})["default"]
        tables = sorted(set(connection.introspection.table_names()) - FILLED)
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables))
        connection.close()
    return url


def copy_of(url: str, path: Path) -> str:
    """Copy a database of SQLite, and give the copy's address."""
    return f"sqlite:///{shutil.copy(url.removeprefix('sqlite:///'), path)}"


@contextmanager
def new_database(vendor: str, folder: Path) -> Iterator[str]:
    """Make a database that is gone afterwards, and give its address."""
    if vendor == "sqlite":
        yield f"sqlite:///{folder / 'site.sqlite3'}"
        return
    missing = servers.what_is_missing(vendor)
    if missing is not None:
        pytest.fail(missing) if settings.SERVICES_REQUIRED else pytest.skip(missing)
    name = f"plenigo_{uuid.uuid4().hex[:12]}"
    with (_on_postgresql if vendor == "postgresql" else _on_mariadb)(name):
        yield f"{servers.url_of(vendor).rpartition('/')[0]}/{name}"


@contextmanager
def _on_postgresql(name: str) -> Iterator[None]:
    with psycopg.connect(servers.url_of("postgresql"), autocommit=True, connect_timeout=10) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _on_mariadb(name: str) -> Iterator[None]:
    address = urlsplit(servers.url_of("mariadb"))
    server = MySQLdb.connect(
        host=address.hostname,
        port=address.port or servers.PORTS["mariadb"],
        user=address.username,
        password=address.password or "",
        connect_timeout=10,
    )
    server.query(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield
    server.query(f"DROP DATABASE {name}")
    server.close()

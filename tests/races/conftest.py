"""The databases that processes race on."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

from tests import servers

try:
    import MySQLdb
except ImportError:  # it is built from source, which needs headers that not every machine has
    MySQLdb = None


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the site, empty."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@contextmanager
def empty_database(vendor: str, folder: Path) -> Iterator[str]:
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

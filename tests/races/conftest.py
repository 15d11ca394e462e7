"""The databases that processes race on."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

POSTGRES_URL = os.environ.get("POSTGRES_URL", "")
MARIADB_URL = os.environ.get("MARIADB_URL", "")

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
    elif vendor == "postgresql":
        with _on_postgresql() as url:
            yield url
    else:
        with _on_mariadb() as url:
            yield url


@contextmanager
def _on_postgresql() -> Iterator[str]:
    if not POSTGRES_URL:
        _do_without("POSTGRES_URL names no server, such as postgres://postgres@127.0.0.1:5432/postgres")
    server = psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=10)
    name = _new_name()
    server.execute(f"CREATE DATABASE {name}")
    yield f"{POSTGRES_URL.rpartition('/')[0]}/{name}"
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


@contextmanager
def _on_mariadb() -> Iterator[str]:
    if not MARIADB_URL:
        _do_without("MARIADB_URL names no server, such as mysql://root@127.0.0.1:3306/test")
    if MySQLdb is None:
        _do_without("mysqlclient is not installed: it is the dependency group mariadb")
    parts = urlsplit(MARIADB_URL)
    server = MySQLdb.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        connect_timeout=10,
    )
    name = _new_name()
    server.query(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield f"{MARIADB_URL.rpartition('/')[0]}/{name}"
    server.query(f"DROP DATABASE {name}")
    server.close()


def _new_name() -> str:
    return f"plenigo_{uuid.uuid4().hex[:12]}"


def _do_without(sentence: str) -> NoReturn:
    pytest.fail(sentence) if settings.SERVICES_REQUIRED else pytest.skip(sentence)

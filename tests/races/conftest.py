"""The databases that processes race on."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

POSTGRES_URL = os.environ.get("POSTGRES_URL", "")


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

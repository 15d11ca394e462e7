"""Runs manage.py of the example, and the demo itself."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.demo import MANAGE, START_SECONDS, Demo, environment, running_demo

#: The environment of a site on plenigo's live system. The secrets begin with what django-environ would expand.
LIVE = {
    "PLENIGO_MODE": "live",
    "PLENIGO_COMPANY_ID": "23NuCmdPoiRRkQiCqP9Q",
    "PLENIGO_SECRET": "$live-secret-of-more-than-thirty-two-characters",
    "SECRET_KEY": "$live-key-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "ALLOWED_HOSTS": "news.example",
    "TRUSTED_PROXIES": "10.0.0.0/8",
    "REDIS_URL": "redis://127.0.0.1:6379/9",
}


Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def manage(tmp_path: Path) -> Manage:
    """Run a command of manage.py with warnings as errors, and return what came of it."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", str(MANAGE), *arguments],
            env=environment(tmp_path / "newspaper.sqlite3", **variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )

    return run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Start the demo on an empty database, for all tests of a module."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables: to make them takes longer than all else that a demo does before it serves."""
    database = tmp_path_factory.mktemp("tables") / "newspaper.sqlite3"
    subprocess.run([sys.executable, str(MANAGE), "migrate", "--verbosity", "0"], env=environment(database), check=True)
    return database


@pytest.fixture
def own_data(tables: Path, tmp_path: Path) -> Path:
    """The directory of a demo that a test has to itself."""
    shutil.copy(tables, tmp_path / "newspaper.sqlite3")
    return tmp_path

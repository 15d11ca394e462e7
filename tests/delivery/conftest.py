"""Sites in processes of their own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.races.processes import python, run

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.delivery.settings"}

START = "import django; django.setup()\n"

PREPARE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django_plenigo.sandbox.seed import seed
seed()
from django_plenigo.services import customers
from tests.factories import UserFactory
for user in UserFactory.create_batch(%d):
    customers.register(user)
"""

LOOK = """
import json
from django_plenigo.models import CustomerLink, RemoteChange
from django.db.models import F
print(json.dumps({
    "told": sum(link.confirmed_email == link.user.email for link in CustomerLink.objects.select_related("user")),
    "waiting": RemoteChange.objects.filter(noted__gt=F("delivered")).count(),
    "leased": CustomerLink.objects.filter(lease__isnull=False).count(),
}))
"""

CHANGE = """
from django.contrib.auth import get_user_model
for user in get_user_model().objects.all():
    user.email = f"%s{user.pk}@example.com"
    user.save()
"""


class Site:
    """A site with readers who are customers; each of its processes has an environment of its own."""

    def __init__(self, **environment: str) -> None:
        self.environment = SETTINGS | environment

    def run(self, code: str, **environment: str) -> str:
        """Run some lines in a process of the site, and return what they print."""
        return run("-c", START + code, **(self.environment | environment))

    def start(self, *arguments: str, **environment: str) -> Any:
        """Start a process of the site."""
        return python(*arguments, **(self.environment | environment))

    def prepare(self, readers: int) -> None:
        """Make readers, and customers of them."""
        self.run(PREPARE % readers, DELIVERY="")

    def change(self, name: str = "new", **environment: str) -> None:
        """Save every reader with another address."""
        self.run(CHANGE % name, **environment)

    def look(self) -> dict[str, int]:
        """Return how many readers' addresses plenigo has acknowledged, and what is waiting or leased still."""
        looked: dict[str, int] = json.loads(self.run(LOOK))
        return looked


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site on SQLite."""
    return Site(DATABASE_URL=f"sqlite:///{tmp_path / 'site.sqlite3'}")


@pytest.fixture
def processes() -> Iterator[Callable[[Any], Any]]:
    """Take processes that are to end with the test."""
    taken: list[Any] = []

    def take(process: Any) -> Any:
        taken.append(process)
        return process

    yield take
    for process in taken:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)

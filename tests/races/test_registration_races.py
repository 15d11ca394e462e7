"""Two tabs, two workers, one customer: on SQLite and PostgreSQL, in processes, over a socket."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.races.conftest import copy_of
from tests.races.processes import python, run

USERS = 25
WORKERS = 4


@pytest.fixture
def vendor(migrated: Callable[[str], str], tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The sandbox as a server of its own; its address and its database."""
    database = copy_of(migrated("sqlite"), tmp_path / "vendor.sqlite3")
    server = python("-m", "django", "plenigo_sandbox", "127.0.0.1:0", DATABASE_URL=database)
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line.startswith("ready: "), server.communicate()[1]
    yield line.removeprefix("ready: ").strip(), database
    server.terminate()
    server.communicate(timeout=20)


PREPARE = f"""
import django; django.setup()
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
customers = Sandbox().customers()  # one of them is not the site's: the server brings a customer without an address
print(len([customer for customer in customers if customer.external_id]))
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

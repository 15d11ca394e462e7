"""What the sandbox's own tests share."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.utils import timezone

from django_plenigo.sandbox.models import Company, Customer
from django_plenigo.sandbox.server import SandboxServer
from django_plenigo.sandbox.testing import Sandbox
from tests.sandbox.serving import Line, serving
from tests.sandbox.vendor_client import VendorClient


@pytest.fixture
def api(db: None) -> VendorClient:
    """The API, called as the demo company."""
    return VendorClient()


@pytest.fixture
def ada(sandbox: Sandbox) -> Customer:
    """A customer of the demo company with an external id."""
    return sandbox.create_customer(email="Ada@example.com", external_id="A-1")


@pytest.fixture
def bob(sandbox: Sandbox) -> Customer:
    """Another one."""
    return sandbox.create_customer(email="bob@example.com", external_id="B-1")


@pytest.fixture
def other_company(db: None) -> Company:
    """A company that the demo company must not reach."""
    return Company.objects.create(name="The Other Gazette")


@pytest.fixture
def standing_time(time_machine: Any) -> None:
    """A real time that stands still, however slow the machine is."""
    time_machine.move_to(timezone.now(), tick=False)


@pytest.fixture
def server(db: None) -> Iterator[SandboxServer]:
    """The sandbox's own server, over a real socket."""
    with serving() as server:
        yield server


@pytest.fixture
def line(server: SandboxServer) -> Iterator[Line]:
    """A connection to it."""
    with closing(Line(server)) as line:
        yield line

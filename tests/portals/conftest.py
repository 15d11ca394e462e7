"""Two portals, and a reader who has one of them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from django_plenigo import backends
from django_plenigo.models import PortalAccount
from django_plenigo.services import portals
from tests.site.portals import Harbour, entries


@pytest.fixture
def harbour(db: None, settings: Any) -> Iterator[type[Harbour]]:
    """The vendor: what it is to answer, and what it was asked."""
    settings.PLENIGO_PORTALS = entries()
    backends._portals.clear()
    Harbour.calls.clear()
    Harbour.answers.clear()
    yield Harbour
    backends._portals.clear()


@pytest.fixture
def bind(harbour: type[Harbour]) -> Callable[..., PortalAccount]:
    """Let a user be a customer at a portal."""

    def bind(user: Any, reference: str = "352365983", portal: str = "harbour", **values: Any) -> PortalAccount:
        return portals.bind(user, portal, reference, **{"provenance": "webhook", **values})

    return bind


@pytest.fixture
def boater(user: Any, bind: Callable[..., PortalAccount]) -> Any:
    """A reader who is a customer of the harbour."""
    bind(user)
    return user


@pytest.fixture
def browser(boater: Any) -> Client:
    """Her browser."""
    client = Client()
    client.force_login(boater)
    return client

"""A reader with an imported subscription, and her browser."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from django_plenigo.models import AccountConnection
from tests.vendor_in_memory import ImportedCustomer, Vendor

#: What stands on the invoice of the imported customer.
DETAILS = {"customer_id": "1234567", "postcode": "10115", "password": "a-new-password"}


BEGIN = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    """The clock, at rest."""
    with time_machine.travel(BEGIN, tick=False) as traveller:
        yield traveller


@pytest.fixture
def imported(stand_in: Vendor) -> ImportedCustomer:
    """A customer who was imported without an e-mail address."""
    return stand_in.add("1234567", subscription_id="42", postcode="10115", street="Am Markt", street_number="3")


class Browser(Client):
    """A browser that goes through the pages as a reader does."""

    def start(self, **details: str) -> Any:
        """Fill in the details; the code is sent."""
        return self.post("/plenigo/connect/", {**DETAILS, **details}, follow=True)

    def enter(self, code: str, **values: Any) -> Any:
        """Enter a code."""
        return self.post("/plenigo/connect/code/", {"code": code, **values}, follow=True)

    def resend(self) -> Any:
        """Ask for another code."""
        return self.post("/plenigo/connect/resend/", follow=True)


@pytest.fixture
def browser(user: Any) -> Browser:
    """The browser of a signed-in reader who is no customer."""
    browser = Browser()
    browser.force_login(user)
    return browser


def text_of(response: Any) -> str:
    """Return a page as text."""
    text: str = response.content.decode()
    return text


def last_connection() -> AccountConnection:
    """Return how the latest connection stands."""
    return AccountConnection.objects.latest("pk")

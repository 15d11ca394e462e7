"""What the tests of OkePay share."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from django_plenigo.sandbox.models import OkePayContact, OkePayInstance, OkePaySubscription
from django_plenigo.sandbox.testing import Sandbox
from tests.sandbox.okepay.client import OkePayClient
from tests.sandbox.webhooks.receiving import Site

MOUNT = "/plenigo-sandbox/okepay/demo-instance/"


@pytest.fixture
def okepay(sandbox: Sandbox) -> OkePayClient:
    """The API, called as the demo company."""
    return OkePayClient()


@pytest.fixture
def contact(sandbox: Sandbox) -> OkePayContact:
    """Contact 4711 of the vectors, who has a subscription; that of the demo's contact has ended, and tells nothing."""
    OkePaySubscription.objects.filter(contact__instance=sandbox.okepay).update(status="cancelled")
    OkePayContact.objects.create(instance=sandbox.okepay, number=4711, email="jane@example.com")
    return sandbox.okepay_contact("jane@example.com", reference_id="order-42")


@pytest.fixture
def other_instance(other_company: Any) -> OkePayInstance:
    """An instance that the demo company's must not reach, with a contact 7 of its own."""
    instance = OkePayInstance.objects.create(company=other_company, name="other", secret="other-secret")
    OkePayContact.objects.create(instance=instance, number=7, email="other@example.com")
    return instance


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "x"))
    return client


@dataclass
class Page:
    """What a browser shows."""

    browser: "Browser"
    address: str
    status: int
    text: str
    headers: dict[str, str]

    @property
    def ticket(self) -> str:
        return unescape(re.search(r'name="ticket" value="([^"]*)"', self.text)[1])

    def press(self, address: str | None = None, **fields: str) -> "Page":
        """Send the page's form, to the page itself unless it says otherwise."""
        return self.browser.post(address or self.address, {"ticket": self.ticket, **fields})

    def link(self, text: str) -> str:
        return unescape(re.search(rf'<a href="([^"]*)"[^>]*>{text}', self.text)[1])


class Browser:
    """A browser without JavaScript. It insists on CSRF tokens, and the pages have none."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)

    def get(self, address: str) -> Page:
        return self._shown(self.client.get(address, follow=True), address)

    def post(self, address: str, fields: dict[str, str]) -> Page:
        return self._shown(self.client.post(address, fields, follow=True), address)

    def _shown(self, response: Any, address: str) -> Page:
        here = response.redirect_chain[-1][0] if response.redirect_chain else address
        return Page(self, here, response.status_code, response.content.decode(), dict(response.items()))


@pytest.fixture
def visitor(sandbox: Sandbox) -> Browser:
    return Browser()

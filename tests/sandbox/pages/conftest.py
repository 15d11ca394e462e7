"""A shop that signs check-out strings, and a browser that opens the sandbox's pages in a frame."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from django.test import Client

from django_plenigo.sandbox import credentials, customers, login_tokens, seed
from django_plenigo.sandbox.models import Company, Customer

MOUNT = "/plenigo-sandbox/"
SITE = "https://shop.example"

#: What a shop sells that the company does not manage.
THING = {"pi": "item-123", "ti": "The best product", "pr": 15, "cu": "EUR"}

#: How a customer is shut out, and what the reader is told then.
SHUT_OUT = [
    ({"status": "BLOCKED"}, "must choose a new password"),
    ({"status": "DEACTIVATED"}, "has been deactivated"),
    ({"status": "DISABLED"}, "disabled by the vendor"),
    ({"processing_blocked": True}, "must not be processed"),
]


@pytest.fixture
def company(db: None) -> Company:
    return seed.seed()


@pytest.fixture
def customer(company: Company) -> Customer:
    return customers.register_customer(company, "ada@example.com")


@pytest.fixture
def login_token(customer: Customer) -> str:
    return login_tokens.mint_login_token(customer)


def sign(secret: str = credentials.SECRET, **claims: Any) -> str:
    """Sign claims as a shop does; `aud` is there unless a test says otherwise."""
    return jwt.encode({"aud": "plenigo", **claims}, secret, algorithm="HS256")


@dataclass
class Frame:
    """The document in the frame."""

    status: int
    text: str
    headers: dict[str, str]
    client: Client

    def hidden(self, name: str) -> str:
        return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', self.text)[1])

    @property
    def buttons(self) -> list[str]:
        return re.findall(r'name="action" value="([^"]*)"', self.text)

    @property
    def outcome(self) -> dict[str, Any] | None:
        found = re.search(r'data-outcome="([^"]*)"', self.text)
        return json.loads(html.unescape(found[1])) if found else None

    def press(self, action: str, **fields: str) -> "Frame":
        """Send the form with one of its buttons."""
        address = re.search(r'<form method="post" action="([^"]*)"', self.text)[1]
        hidden = {name: self.hidden(name) for name in ("ticket", "origin", "lang")}
        return send(self.client, address, {**hidden, "action": action, **fields})


def send(client: Client, address: str, fields: dict[str, str]) -> Frame:
    response = client.post(address, fields)
    return Frame(response.status_code, response.content.decode(), dict(response.items()), client)


@pytest.fixture
def visit(company: Company) -> Callable[..., Frame]:
    """Open one of the pages as the script does; the client insists on CSRF tokens, and has none."""

    def open_page(page: str = "checkout", company_id: str = company.company_id, **fields: str) -> Frame:
        client = Client(enforce_csrf_checks=True)
        return send(client, f"{MOUNT}{page}/{company_id}/", {"origin": SITE, "lang": "en", **fields})

    return open_page


@pytest.fixture
def open_with(visit: Callable[..., Frame], login_token: str) -> Callable[..., Frame]:
    """Open the check-out for the customer with these claims; any field may be another by keyword."""

    def open_page(claims: dict[str, Any] = THING, **fields: str) -> Frame:
        return visit(**{"paymentData": sign(**claims), "loginToken": login_token, **fields})

    return open_page

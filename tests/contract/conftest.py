"""The client as a site gets it, against the sandbox: in this very process, and at the other end of a socket.

The same tests run over both ways, so that neither the adapter nor the server can do what the other does not.
"""

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from django.test import Client

from django_plenigo import backends, conf
from django_plenigo.protocols.base import CheckoutCall, CheckoutOptions, CheckoutOrder, CustomerRef, LoginPass
from django_plenigo.protocols.plenigo_v2 import PlenigoV2
from django_plenigo.protocols.plenigo_v3 import PlenigoV3
from django_plenigo.sandbox.adapter import SandboxAdapter
from django_plenigo.sandbox.credentials import COMPANY_ID
from django_plenigo.sandbox.models import Customer
from django_plenigo.sandbox.testing import Sandbox
from django_plenigo.transport.connections import pool
from tests.sandbox.serving import serving

SITE = "https://shop.example"


@dataclass(frozen=True)
class Way:
    """How a site and its readers reach the sandbox."""

    hosts: dict[str, str]
    """What the site's `HOSTS` says; nothing: the sandbox of this process."""

    @property
    def api(self) -> str:
        """The address that the client calls."""
        return self.hosts.get("api", conf.HOSTS["sandbox"]["api"])

    @property
    def adapter(self) -> SandboxAdapter | None:
        """What a transport of a test's own needs to get there."""
        return None if self.hosts else SandboxAdapter()

    def post(self, address: str, fields: dict[str, str]) -> tuple[int, str]:
        """Send a form as a browser does and return status and page."""
        if self.hosts:
            answer = requests.post(urljoin(self.hosts["api"], address), data=fields, timeout=20)
            return answer.status_code, answer.text
        response = Client(enforce_csrf_checks=True).post(address, fields)
        return response.status_code, response.content.decode()

    @property
    def checkout(self) -> str:
        """The path of the checkout page: at the server's root, or where the site mounts the sandbox."""
        return f"{'' if self.hosts else '/plenigo-sandbox'}/checkout/{COMPANY_ID}/"


@pytest.fixture(params=["in process", "socket"])
def way(request: pytest.FixtureRequest, db: None) -> Iterator[Way]:
    """Both ways, one after the other."""
    if request.param == "in process":
        yield Way({})
        return
    with serving() as server:
        yield Way({"api": server.url})
        pool.adapter.close()  # a connection that is kept alive would keep the server


@pytest.fixture
def connect(way: Way, settings: Any) -> Callable[..., PlenigoV2]:
    """Return the client of a site with these settings of its account."""

    def build(**account: Any) -> PlenigoV2:
        settings.PLENIGO = {"default": {"API": "v2", "MODE": "sandbox", "HOSTS": way.hosts, **account}}
        client = backends.get_client()
        assert isinstance(client, PlenigoV2)
        return client

    return build


@pytest.fixture
def plenigo(connect: Callable[..., PlenigoV2]) -> PlenigoV2:
    """The client."""
    return connect()


@pytest.fixture
def connect_v3(way: Way, settings: Any) -> Callable[..., PlenigoV3]:
    """Return the client of a site that has chosen API v3, with these settings of its account."""

    def build(**account: Any) -> PlenigoV3:
        settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "HOSTS": way.hosts, **account}}
        client = backends.get_client()
        assert isinstance(client, PlenigoV3)
        return client

    return build


@pytest.fixture
def plenigo_v3(connect_v3: Callable[..., PlenigoV3]) -> PlenigoV3:
    """The client of API v3."""
    return connect_v3()


@pytest.fixture
def ada(sandbox: Sandbox) -> Customer:
    """A customer whom the vendor knows, with an external id."""
    return sandbox.create_customer(email="ada@example.com", external_id="A-1")


@pytest.fixture
def bob(sandbox: Sandbox) -> Customer:
    """Another one."""
    return sandbox.create_customer(email="bob@example.com", external_id="B-1")


@pytest.fixture
def reference(ada: Customer) -> CustomerRef:
    """How the site addresses Ada."""
    return CustomerRef(ada.customer_id)


@dataclass(frozen=True)
class Page:
    """A page of the sandbox's checkout in a reader's browser."""

    way: Way
    status: int
    text: str

    @property
    def offers(self) -> list[str]:
        """Return the actions that the page has buttons for."""
        return re.findall(r'name="action" value="([^"]*)"', self.text)

    @property
    def outcome(self) -> dict[str, Any]:
        """Return what the page tells the vendor's script when all is done; nothing before."""
        found = re.search(r'data-outcome="([^"]*)"', self.text)
        return json.loads(html.unescape(found[1])) if found else {}

    def press(self, action: str, **fields: str) -> "Page":
        """Press one of the buttons."""
        address = re.search(r'<form method="post" action="([^"]*)"', self.text)[1]
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', self.text))
        sent = {name: html.unescape(value) for name, value in hidden.items()} | {"action": action, **fields}
        return Page(self.way, *self.way.post(address, sent))


@pytest.fixture
def open_checkout(way: Way) -> Callable[[CheckoutCall], Page]:
    """Do what the vendor's script does with a call: put its arguments into the form that it sends to the frame."""

    def open_page(call: CheckoutCall) -> Page:
        arguments = json.loads(call.arguments_json)
        if call.function == "plenigo.checkoutWithRemoteLogin":
            del arguments["startWithRegistration"]  # a customer who is logged in is not asked
        sent = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
        return Page(way, *way.post(way.checkout, {"origin": SITE, "lang": "en", **sent}))

    return open_page


@pytest.fixture
def check_out(
    plenigo: PlenigoV2, open_checkout: Callable[[CheckoutCall], Page], reference: CustomerRef
) -> Callable[..., Page]:
    """Sign an order, by keyword, and open its checkout for Ada, with a login token minted for her."""

    def sign_and_open(login: LoginPass | None = None, **order: Any) -> Page:
        call = plenigo.sign_checkout(
            CheckoutOrder(**order), CheckoutOptions(), login or plenigo.create_login_token(reference)
        )
        return open_checkout(call)

    return sign_and_open

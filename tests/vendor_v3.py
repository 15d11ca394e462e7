"""A vendor of API v3 for tests of the site's side: the real client talks to it, without a socket.

It does what docs/protocols/plenigo-v3.md says of the few operations that a purchase needs.
"""

import copy
import io
import itertools
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
import urllib3
from django.conf import settings
from requests.adapters import BaseAdapter, HTTPAdapter

from django_plenigo import backends
from django_plenigo.protocols import plenigo_v3

OFFER, OTHER_OFFER = "O_" + "a1B2c3D4e5F6g7H8i9", "O_" + "z9Y8x7W6v5U4t3S2r1"

#: An account on API v3 that sells the day pass, which templates call as on API v2.
ACCOUNT = {
    "API": "v3",
    "MODE": "sandbox",
    "SECRET": "an-api-access-token",
    "DELIVERY": "",
    "PRODUCTS": {"DAYPASS": {"product_id": "DAYPASS", "offer_id": OFFER, "access_right_id": "day-pass"}},
}

Body = dict[str, Any]


class VendorV3(BaseAdapter):
    """Customers, prepared purchases, orders and access rights of one company."""

    def __init__(self) -> None:
        self.customers: dict[str, Body] = {}
        self.purchases: dict[str, Body] = {}
        self.orders: dict[int, Body] = {}
        self.rights: set[tuple[str, str]] = set()
        #: What was called, as "POST /checkout/preparePurchase".
        self.calls: list[str] = []
        #: What the next calls of a path answer in place of it: status and body.
        self.faults: list[tuple[str, int, Body]] = []
        self._numbers = itertools.count(1001)

    # ---- what tests do -------------------------------------------------------------------------------------

    def fail(self, path: str, status: int, code: int = 0, **body: Any) -> None:
        """Let each call of a path fail from now on."""
        self.faults.append((path, status, {"errorCode": code, "errorMessage": "No.", **body}))

    def create_customer(self, email: str, **values: Any) -> str:
        """Make a customer, and return the id."""
        customer_id = str(next(self._numbers))
        self.customers[customer_id] = {"customerId": customer_id, "email": email, "status": "ACTIVATED", **values}
        return customer_id

    def buy(self, purchase_id: str, customer_id: str = "", *, opens: str = "day-pass") -> int:
        """Complete a prepared purchase, which opens an access right, and return the id of the order."""
        customer_id = self.purchases[purchase_id].get("customerId") or customer_id
        if opens:
            self.rights.add((customer_id, opens))
        return self.add_order(customer_id)

    def add_order(self, customer_id: str) -> int:
        """Make an order that a customer pays for, and return its id."""
        order_id = next(self._numbers)
        self.orders[order_id] = {
            "orderId": order_id,
            "orderDate": "2026-05-01T12:00:00Z",
            "invoiceCustomerId": customer_id,
            "currency": "EUR",
            "items": [],
        }
        return order_id

    @property
    def prepared(self) -> Body:
        """What the one purchase was prepared with that there is."""
        (purchase,) = self.purchases.values()
        return purchase

    # ---- the wire ------------------------------------------------------------------------------------------

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        path = parts.path.removeprefix("/api/v3.0")
        self.calls.append(f"{request.method} {path}")
        assert request.headers["X-plenigo-token"] == ACCOUNT["SECRET"]
        fault = next((fault for fault in self.faults if path.startswith(fault[0])), None)
        body = json.loads(request.body) if request.body else {}
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, answer = fault[1:] if fault else self._answer(f"{request.method} {path}", body, query)
        raw = urllib3.HTTPResponse(
            io.BytesIO(json.dumps(answer).encode()),
            headers={"Content-Type": "application/json"},
            status=status,
            preload_content=False,
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        pass

    def _answer(self, call: str, body: Body, query: dict[str, str]) -> tuple[int, Body]:
        routes: dict[str, Callable[..., tuple[int, Body]]] = {
            r"POST /customers": self._create,
            r"GET /customers/customerIdByExternalSystemId/(.+)": self._find,
            r"GET /customers/(\d+)": self._read,
            r"POST /checkout/preparePurchase": self._prepare,
            r"GET /orders/(\d+)": self._read_order,
            r"GET /accessRights/(\d+)/hasAccess": self._has_access,
        }
        for pattern, handle in routes.items():
            if found := re.fullmatch(pattern, call):
                return handle(*map(unquote, found.groups()), body=body, query=query)
        raise AssertionError(f"The fake does not know {call}")

    def _create(self, *, body: Body, query: dict[str, str]) -> tuple[int, Body]:
        if any(customer["email"] == body["email"] for customer in self.customers.values()):
            return 400, {"errorCode": 20007, "errorMessage": "Taken."}
        return 201, self.customers[self.create_customer(**body)]

    def _find(self, external_id: str, *, body: Body, query: dict[str, str]) -> tuple[int, Body]:
        for customer in self.customers.values():
            if customer.get("externalSystemId") == external_id:
                return 200, {"customerId": customer["customerId"]}
        return 404, {"errorCode": 20404, "errorMessage": "Unknown."}

    def _read(self, customer_id: str, *, body: Body, query: dict[str, str]) -> tuple[int, Body]:
        return 200, self.customers[customer_id]

    def _prepare(self, *, body: Body, query: dict[str, str]) -> tuple[int, Body]:
        offers = [item["plenigoOfferId"] for item in body.get("items", []) if "products" not in item]
        if not set(offers) <= {OFFER, OTHER_OFFER}:
            return 404, {"errorCode": 90037, "errorMessage": "No offer."}
        purchase_id = f"PURCHASE-{next(self._numbers)}"
        self.purchases[purchase_id] = body
        return 201, {"purchaseId": purchase_id}

    def _read_order(self, order_id: str, *, body: Body, query: dict[str, str]) -> tuple[int, Body]:
        order = self.orders.get(int(order_id))
        return (200, order) if order else (404, {"errorCode": 90404, "errorMessage": "Unknown."})

    def _has_access(self, customer_id: str, *, body: Body, query: dict[str, str]) -> tuple[int, Body]:
        wanted = query["accessRightUniqueIds"].split(",")
        items = [
            {"accessRightUniqueId": each, "accessGranted": True}
            for each in wanted
            if (customer_id, each) in self.rights
        ]
        return 200, {"customerId": customer_id, "accessGranted": bool(items), "items": items}


def connect(vendor: VendorV3, using: str = "default") -> None:
    """Let an account's client talk to a vendor, for as long as the account's settings stay as they are."""
    entry = settings.PLENIGO[using]
    client = plenigo_v3.connect(
        base_url="https://vendor.invalid",
        secrets=[entry["SECRET"]],
        timeout_seconds=5,
        cache_alias="default",
        adapter=vendor,
    )
    backends._clients[using] = (copy.deepcopy(entry), client)

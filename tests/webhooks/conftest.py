"""What the tests of webhooks share."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse

from django_plenigo.models import PortalAccount, WebhookDelivery
from tests.factories import UserFactory
from tests.webhooks.vendor import HEADER, Shop, Vendor, signature

URL = "/plenigo/webhooks/{}/"


def is_verified(user: Any) -> bool:
    """What the site says of its readers' addresses in these tests."""
    return not user.username.startswith("unverified")


@pytest.fixture
def shop(db: None, settings: Any) -> Vendor:
    """A vendor whose portals are "shop" and "other"."""
    Shop.vendor = Vendor()
    account = settings.PLENIGO["default"]
    settings.PLENIGO = {"default": {**account, "EMAIL_IS_VERIFIED": "tests.webhooks.conftest.is_verified"}}
    settings.PLENIGO_PORTALS = {
        "shop": {"BACKEND": "tests.webhooks.vendor.Shop", "MODE": "live"},
        "other": {"BACKEND": "tests.webhooks.vendor.Shop", "MODE": "live"},
    }
    return Shop.vendor


Deliver = Callable[..., HttpResponse]


@pytest.fixture
def deliver(client: Any) -> Deliver:
    """Deliver something as the vendor does, signed unless it is said otherwise."""

    def send(told: Any, source: str = "shop", query: str = "", **headers: str) -> HttpResponse:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        headers = headers or {HEADER: signature(body)}
        response: HttpResponse = client.post(
            URL.format(source) + query, body, content_type="application/json", headers=headers
        )
        return response

    return send


@pytest.fixture
def buyer(db: None) -> Any:
    """A reader to whom the portal "shop" knows a reference of this site."""
    user = UserFactory(username="buyer", email="reader@example.com")
    PortalAccount.objects.create(portal="shop", user=user, our_reference="ours-1")
    return user


def last_delivery() -> WebhookDelivery:
    return WebhookDelivery.objects.latest("pk")


def reference_of(user: Any, portal: str = "shop") -> str | None:
    return PortalAccount.objects.get(user=user, portal=portal).reference


def user_named(name: str) -> Any:
    return get_user_model().objects.get(username=name)

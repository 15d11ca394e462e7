"""What all tests share."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.utils import translation

from django_plenigo import backends, heartbeat
from django_plenigo.sandbox.testing import Sandbox
from django_plenigo.services import customers
from django_plenigo.services.access_imports import running
from django_plenigo.services.sending import pace
from tests import vendor_v3
from tests.factories import UserFactory


@pytest.fixture(autouse=True)
def _fresh_start() -> Iterator[None]:
    """Let no test meet the cached answers, the circuit breaker, the clients or the language of another."""
    for cache in caches.all():
        cache.clear()
    backends._clients.clear()
    # A thread that looks for due work in the middle of a test leaves a connection to its database open.
    heartbeat._looked_at = time.time()
    pace._calls.forget()
    running._forgot_at = 0.0  # old files are forgotten once an hour, and tests change the clock
    translation.deactivate()  # Django leaves the language of the last page on
    yield
    for cache in caches.all():
        cache.clear()


@pytest.fixture
def sandbox(db: None) -> Sandbox:
    """The vendor, with a fault dial and a record of its calls."""
    return Sandbox()


@pytest.fixture
def user(db: None) -> Any:
    """A reader who is not registered with the vendor."""
    return UserFactory()


@pytest.fixture
def reader(sandbox: Sandbox, user: Any) -> Any:
    """A reader who is a customer."""
    customers.register(user)
    sandbox.calls.clear()
    return user


@pytest.fixture
def vendor(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[vendor_v3.Vendor]:
    """The vendor of API v3, in memory; the account "default" is its."""
    settings.PLENIGO = {"default": vendor_v3.ACCOUNT}
    monkeypatch.setitem(backends.FACTORIES, "v3", "tests.vendor_v3.connect")
    vendor_v3.vendors.append(vendor_v3.Vendor())
    yield vendor_v3.vendors[-1]
    vendor_v3.vendors.pop()


@pytest.fixture
def shared_cache(settings: Any, tmp_path: Any) -> None:
    """A cache that all workers of the site share."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(tmp_path)}
    }


@pytest.fixture
def cache_that_is_down(settings: Any) -> None:
    """A cache whose server is gone."""
    settings.CACHES = {"default": {"BACKEND": "tests.caches.CacheThatIsDown"}}


# Another process runs these, under a user model of their own: see test_user_models.py.
collect_ignore = [] if "user_models" in os.environ.get("DJANGO_SETTINGS_MODULE", "") else ["user_models"]

"""What all tests share."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.utils import translation
from hypothesis import settings as hypothesis_settings

from django_plenigo import backends, heartbeat
from django_plenigo.sandbox import identifiers, seed
from django_plenigo.sandbox.testing import Sandbox
from django_plenigo.services import customers
from django_plenigo.services.access_imports import running
from django_plenigo.services.sending import pace
from tests import vendor_in_memory as memory
from tests.factories import UserFactory

# For runs that differ from the first one in the database or in the API alone: `--hypothesis-profile=few`.
hypothesis_settings.register_profile("few", max_examples=30)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With PLENIGO_API=v3 leave out what API v2 alone has."""
    if settings.PLENIGO["default"]["API"] == "v3":
        for item in items:
            if item.get_closest_marker("api_v2"):
                item.add_marker(pytest.mark.skip(reason="This is about API v2."))


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
def on_v3(settings: Any) -> Callable[..., None]:
    """Move the account to API v3, with further settings; it sells the day pass, which templates call as on API v2."""
    account = settings.PLENIGO["default"]
    day_pass = {
        "product_id": "DAYPASS",
        "offer_id": identifiers.offer_id_of(seed.DAY_PASS),
        "access_right_id": identifiers.access_right_id_of(seed.DAY_PASS),
    }

    def move(**further: Any) -> None:
        settings.PLENIGO = {"default": {**account, "API": "v3", "PRODUCTS": {"DAYPASS": day_pass}, **further}}

    return move


@pytest.fixture
def vendor(sandbox: Sandbox, on_v3: Callable[..., None]) -> Sandbox:
    """The vendor of an account on API v3."""
    sandbox.company  # noqa: B018 - it comes into being by being looked at
    on_v3()
    return sandbox


@pytest.fixture
def stand_in(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[memory.Vendor]:
    """The vendor of API v3 by its interfaces alone; the account "default" is its."""
    settings.PLENIGO = {"default": memory.ACCOUNT}
    monkeypatch.setitem(backends.FACTORIES, "v3", "tests.vendor_in_memory.connect")
    memory.vendors.append(memory.Vendor())
    yield memory.vendors[-1]
    memory.vendors.pop()


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

"""A site whose changes are delivered by workers of the test's own, to a vendor that has little time."""

import os

from tests.races.settings import *  # noqa: F403
from tests.races.settings import PLENIGO as PLENIGO
from tests.settings import DATABASES as DATABASES

PLENIGO["default"] |= {"DELIVERY": "", "TIMEOUT_SECONDS": float(os.environ.get("TIMEOUT_SECONDS", "1"))}
# Without a circuit breaker the vendor is called however often it fails.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # What a process has written outlives it; only the machine's own end would take it, which nobody tests here.
    DATABASES["default"]["OPTIONS"] = {"timeout": 30, "init_command": "PRAGMA synchronous=OFF"}

# What workers log is asserted by other tests.
LOGGING = {
    "version": 1,
    "handlers": {"nowhere": {"class": "logging.NullHandler"}},
    "root": {"handlers": ["nowhere"]},
}

"""The keys of an account, what each may hold, and what the vendor's generations and modes make of them."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise

DEFAULT_ACCOUNT = "default"

TWO_LETTERS = re.compile("[A-Za-z]{2}")

#: A vendor's host by what it serves. They are settings, since the vendor is moving brands.
#: "static" serves the vendor's script of before May 2025, "sdk" the one of API v3 (docs/protocols/plenigo-v3.md 1.1).
HOSTS: Mapping[str, Mapping[str, str]] = {
    "live": {
        "api": "https://api.plenigo.com",
        "static": "https://static.plenigo.com",
        "sdk": "https://static.frisbii-media.com",
    },
    "stage": {
        "api": "https://api.plenigo-stage.com",
        "static": "https://static.plenigo-stage.com",
        "sdk": "https://static.frisbii-media-stage.com",
    },
    # The sandbox answers in process, so its API host is only a name; its pages live where the site mounts them.
    "sandbox": {
        "api": "https://plenigo-sandbox.invalid",
        "static": "/plenigo-sandbox",
        "sdk": "/plenigo-sandbox",
    },
}
#: Those of them that may be a path of the site's own, where the sandbox is mounted.
SCRIPT_HOSTS = ("static", "sdk")
MODES = tuple(HOSTS)
GENERATIONS = ("v2", "v3")

#: Where the demo company of the sandbox has what a generation's calls are signed with.
SANDBOX_SECRETS = {
    "v2": "django_plenigo.sandbox.credentials.SECRET",
    "v3": "django_plenigo.sandbox.credentials.API_TOKEN",
}

#: What a product of the site's own is called by each generation: the keys of an entry of PRODUCTS, and how each is
#: written (docs/protocols/plenigo-v2.md 3.1, plenigo-v3.md 1.7 and 4).
PRODUCT_KEYS: Mapping[str, re.Pattern[str]] = {
    "product_id": re.compile(r"[^\s,](?:[^,\x00-\x1f]{0,18}[^\s,])?"),
    "offer_id": re.compile("O_[0-9A-Za-z]{18}"),
    "access_right_id": re.compile("[0-9A-Za-z-]{2,30}"),
}

#: How many access ids a customer may have.
ACCESS_ID_SLOTS = 4

#: More calls at the same time make a process slower, not faster.
MOST_WORKERS = 64

#: The ways of delivery that are at hand.
IN_THREAD = "django_plenigo.delivery.in_thread"
AT_ONCE = "django_plenigo.delivery.now"
BY_TASK = "django_plenigo.background.enqueue"
BY_CELERY = "django_plenigo.tasks.enqueue"

#: What a way needs that this package does not bring: its name, how to get it, and the modules of which one will do.
NEEDED_PACKAGES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    BY_TASK: ("Django 6.0 or the package django-tasks", "django-plenigo[tasks]", ("django.tasks", "django_tasks")),
    BY_CELERY: ("Celery", "django-plenigo[celery]", ("celery",)),
}

#: Backends of django.tasks that run a task before they return, or never: by the name of their class.
TASKS_RUN_AT_ONCE, TASKS_NEVER_RUN = "ImmediateBackend", "DummyBackend"

#: What a gate does while nobody knows the answer.
ON_OUTAGE = ("last_known", "unknown", "open")

#: What of a user may be followed besides the address, and what of it each generation of the API can change.
FOLLOWABLE = ("first_name", "last_name", "language")
CHANGEABLE: Mapping[str, tuple[str, ...]] = {"v2": ("first_name", "last_name"), "v3": FOLLOWABLE}


#: Keys that only API v2 reads, besides TEST_MODE: names are changed by API v3 without a gender.
ONLY_V2 = ("GENDER",)


class Product(NamedTuple):
    """What one product of the site's is called at the vendor."""

    product_id: str
    """By API v2, for its checkout and its access."""

    offer_id: str
    """By API v3, for its checkout."""

    access_right_id: str
    """By API v3, for its access."""


class Option(NamedTuple):
    """One key of an account: what it may hold, and its default."""

    kind: tuple[type, ...]
    default: Any = None
    choices: tuple[str, ...] = ()


OPTIONS: Mapping[str, Option] = {
    "API": Option((str,), "v2", GENERATIONS),
    "MODE": Option((str,), None, MODES),
    "COMPANY_ID": Option((str,)),
    "SECRET": Option((str, list, tuple)),
    "HOSTS": Option((dict,), {}),
    "TIMEOUT_SECONDS": Option((int, float), 5.0),
    "TEST_MODE": Option((bool,), False),
    "LANGUAGE": Option((str,), ""),
    "EXTERNAL_ID": Option((str,), ""),
    "EMAIL_IS_VERIFIED": Option((str,), ""),
    "FOLLOWED_FIELDS": Option((list, tuple), ()),
    "GENDER": Option((str,), ""),
    "ACCESS_TTL_SECONDS": Option((int, float), 60),
    "ACCESS_STALE_SECONDS": Option((int, float), 24 * 60 * 60),
    "ON_OUTAGE": Option((str,), "last_known", ON_OUTAGE),
    "OFFER_SECONDS": Option((int, float), 24 * 60 * 60),
    "CACHE": Option((str,), "default"),
    "TRUSTED_PROXIES": Option((list, tuple), ()),
    "CLICKS_PER_MINUTE": Option((int,), 30),
    "CHECKS_PER_MINUTE": Option((int,), 60),
    "SSO_TTL_SECONDS": Option((int, float), 300),
    "CONNECTION_TRIES_PER_HOUR": Option((int,), 10),
    "CONNECTION_FAILURES_PER_HOUR": Option((int,), 5),
    "CONNECTION_ANSWER_SECONDS": Option((int, float), 1.0),
    "DELIVERY": Option((str,), IN_THREAD),
    "DELIVERY_WORKERS": Option((int,), 4),
    "CALLS_PER_SECOND": Option((int, float), 0),
    "ACCESS_ID_LABELS": Option((list, tuple), ()),
    "PRODUCTS": Option((dict,), {}),
    "LEGAL_TEXT": Option((str, Promise), ""),
    "EXTERNAL_ID_IS_CUSTOMER_ID": Option((bool,), False),
    "MIRROR_ACCESS_IDS": Option((bool,), False),
    "LEGACY_SDK": Option((bool,), False),
    "WEBHOOK_SECRETS": Option((list, tuple), ()),
    "WEBHOOK_WINDOW_SECONDS": Option((int, float), 36 * 60 * 60),
}

"""A site whose way of delivery is chosen by environment variables, with the sandbox in each of its processes."""

import os

import django

from tests.races.settings import *  # noqa: F403
from tests.races.settings import INSTALLED_APPS as ALL_APPS
from tests.races.settings import PLENIGO as PLENIGO
from tests.settings import DATABASES as DATABASES

ROOT_URLCONF = "tests.delivery.urls"
if "DELIVERY" in os.environ:
    PLENIGO["default"]["DELIVERY"] = os.environ["DELIVERY"]
PLENIGO["default"]["TIMEOUT_SECONDS"] = 30

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL",
    }

TASKS_APPS = ["django_tasks_db"] if django.VERSION >= (6, 0) else ["django_tasks", "django_tasks_db"]
INSTALLED_APPS = [*ALL_APPS, *(TASKS_APPS if "background" in os.environ.get("DELIVERY", "") else [])]
if len(INSTALLED_APPS) > len(ALL_APPS):
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django": {"level": "WARNING"}},
}

# ---- Celery

CELERY_BROKER_URL = os.environ.get("BROKER_URL", "")
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 2}
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("QUEUE", "plenigo")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {"plenigo": {"task": "django_plenigo.tasks.deliver", "schedule": 1}}

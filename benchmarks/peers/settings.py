"""The benchmarks' site with two task queues."""

import os

import django

from benchmarks.settings import *  # noqa: F403
from benchmarks.settings import INSTALLED_APPS as ALL_APPS

TASKS_APPS = ["django_tasks_db"] if django.VERSION >= (6, 0) else ["django_tasks", "django_tasks_db"]
INSTALLED_APPS = [*ALL_APPS, *TASKS_APPS]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

CELERY_BROKER_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/15")
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("QUEUE", "benchmark")
CELERY_TASK_IGNORE_RESULT = True

"""The site's Celery, as its documentation says."""

import django
from celery import Celery

app = Celery("site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
django.setup()

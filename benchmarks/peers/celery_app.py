"""The job as a task of Celery."""

import django
from celery import Celery

app = Celery("benchmark")
app.config_from_object("django.conf:settings", namespace="CELERY")
django.setup()


@app.task
def change_email_task(link_key: int) -> None:
    """Do the job."""
    from benchmarks.peers.jobs import change_email

    change_email(link_key)

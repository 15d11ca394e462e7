"""The job as a task of django.tasks."""

try:
    from django.tasks import task
except ImportError:
    from django_tasks import task

from benchmarks.peers.jobs import change_email


@task()
def change_email_task(link_key: int) -> None:
    """Do the job."""
    change_email(link_key)

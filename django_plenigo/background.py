"""Due work by django.tasks, of Django 6.0 and later or of the package django-tasks, for the setting DELIVERY.

Never imported at start-up: `task` looks at the site's setting TASKS as it is called, and raises where it does not like
it. It is loaded by the dotted path in DELIVERY and by the worker, which needs the task under a module's name.
"""

from typing import TYPE_CHECKING

from django_plenigo.services import due_work

if TYPE_CHECKING:
    from django.tasks import task
else:
    try:  # first Django's own: the package is a second registry of tasks, and patches classes as it is imported
        from django.tasks import task
    except ImportError:
        from django_tasks import task


@task()
def deliver(accounts: list[str] | None = None) -> None:
    """Do what is due of all accounts or of those named; what is left after a while is another task's."""
    if rest := due_work.take_turn(accounts):
        deliver.enqueue(rest)


def enqueue(accounts: list[str]) -> None:
    """Have a worker of django.tasks do what is due. A task says no more than "look now": it may be lost."""
    deliver.enqueue(accounts)

"""Due work by Celery, for the setting DELIVERY, and for beat. Celery imports this module of every app."""

from django_plenigo.services import due_work

try:
    from celery import shared_task
except ImportError:  # other queues import `tasks` of every app too; who chooses Celery without it is told by a check
    pass
else:
    #: Of a publication: one retry, for a connection that has died meanwhile. By default Celery waits for a second.
    AT_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}

    @shared_task(ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
    def deliver(accounts: list[str] | None = None) -> None:
        """Do what is due of all accounts or of those named; what is left after a while is another task's."""
        if rest := due_work.take_turn(accounts):
            enqueue(rest)

    def enqueue(accounts: list[str] | None = None) -> None:
        """Have a worker of Celery do what is due. A message says no more than "look now": it may be lost.

        Raises what Celery raises where the broker is down, and at once: it is called after a save.
        """
        deliver.apply_async(args=[accounts], retry_policy=AT_ONCE, ignore_result=True)

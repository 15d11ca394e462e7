"""Has the thread of this process look for due work every now and then, as long as the site has visitors.

A note wakes the thread. What waits for its next attempt, and what a worker left behind that was killed, wakes nobody.
"""

import logging
import time
from typing import Any

from django.core.signals import request_finished
from django.dispatch import receiver

from django_plenigo import conf
from django_plenigo.services import outbox

logger = logging.getLogger(__name__)

SECONDS = 60.0

#: When this process looked last, by the clock. Not at its very start: then the thread has enough to do.
_looked_at = time.time()


@receiver(request_finished, dispatch_uid="django_plenigo.look_for_due_work")
def on_request_finished(**kwargs: Any) -> None:
    """Wake the thread, at most once in `SECONDS`. Never breaks the request."""
    global _looked_at  # a request pays for no more than the comparison
    now = time.time()
    if 0 <= now - _looked_at < SECONDS:
        return
    _looked_at = now
    try:
        outbox.wake(account for account in conf.accounts() if conf.Account(account).delivery_path == conf.IN_THREAD)
    except Exception as error:  # noqa: BLE001 - as written above
        logger.error("The delivery could not be woken, since this site raised %s", type(error).__name__)

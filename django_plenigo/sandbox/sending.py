"""Send callbacks and webhooks as the vendors do: by themselves, as soon as they are due."""

import logging
import threading
from collections.abc import Callable

from django.db import connections

from . import callbacks, webhooks

#: So often it is looked for what is due.
PAUSE_SECONDS = 1.0

PATIENCE_SECONDS = 5.0

logger = logging.getLogger(__name__)


def start_sending() -> Callable[[], None]:
    """Begin to send what is due, in a thread; return what ends it, with the round that it is in.

    That waits for it no longer than `PATIENCE_SECONDS`: then it ends with the process, whatever it is waiting for.
    """
    is_over = threading.Event()
    thread = threading.Thread(target=_send, args=[is_over], name="plenigo-sandbox-sending", daemon=True)
    thread.start()

    def stop_sending() -> None:
        is_over.set()
        thread.join(PATIENCE_SECONDS)

    return stop_sending


def _send(is_over: threading.Event) -> None:
    while True:
        for send_due in (callbacks.send_due, webhooks.send_due):
            try:
                send_due()
            except Exception:  # the next round may go well
                logger.exception("The sandbox could not send callbacks or webhooks.")
            finally:
                connections.close_all()
        if is_over.wait(PAUSE_SECONDS):
            return

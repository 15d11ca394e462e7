"""Send callbacks and webhooks as the vendors do: by themselves, as soon as they are due."""

import logging
import threading
import time
from typing import NoReturn

from django.db import connections

from . import callbacks, webhooks

#: So often it is looked for what is due.
PAUSE_SECONDS = 1.0

logger = logging.getLogger(__name__)


def start_sending() -> None:
    """Begin to send what is due, in a thread that ends with the process, whatever it is waiting for."""
    threading.Thread(target=_send, name="plenigo-sandbox-sending", daemon=True).start()


def _send() -> NoReturn:
    while True:
        for send_due in (callbacks.send_due, webhooks.send_due):
            try:
                send_due()
            except Exception:  # the next round may go well
                logger.exception("The sandbox could not send callbacks or webhooks.")
            finally:
                connections.close_all()
        time.sleep(PAUSE_SECONDS)

"""Threads that call the vendor."""

import logging
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from django.db import connections

logger = logging.getLogger(__name__)

Call = Callable[[], None]


class CallingThreads:
    """Make calls at the same time, so many at most, while in a `with` statement.

    Daemons of our own: Python waits for the threads of `concurrent.futures`, and for all calls that are queued for
    them, before `atexit` tells anybody that the process is about to end.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()

    def start(self, call: Call) -> None:
        """Have a call made by a thread; here and now where there can be none. A call must not raise."""
        if len(self._threads) < self._most:
            self._add_thread()
        if self._threads:
            self._calls.put(call)
        else:
            call()

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="plenigo-call", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is about to end, and makes no more threads
            self._most = len(self._threads)
        else:
            self._threads.append(thread)

    def _run(self) -> None:
        while call := self._next():
            call()
        _close_connections()

    def _next(self) -> Call | None:
        try:
            return self._calls.get_nowait()
        except queue.Empty:
            _close_connections()  # it may be long until the next
            return self._calls.get()


def _close_connections() -> None:
    """Close what a cache in the database has opened. The thread lives on where that fails: more calls wait for it."""
    try:
        connections.close_all()
    except Exception as error:  # noqa: BLE001 - of whatever database
        logger.warning("A connection of a thread that calls could not be closed (%s)", type(error).__name__)

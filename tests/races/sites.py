"""A site whose processes race, and die."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.races.processes import python

JOBS = "tests.races.outbox_jobs"
SECONDS = 60.0


class Child:
    """A process of the site, as the test sees it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        self._socket, self._lines = connection, connection.makefile("rw")
        self.pid: int = self.hear()

    def hear(self) -> Any:
        """Wait for what it says."""
        line = self._lines.readline()
        assert line, "a process of the site has ended early"
        return json.loads(line)

    def say(self, value: Any = "go on") -> None:
        self._lines.write(json.dumps(value) + "\n")
        self._lines.flush()

    def ask(self) -> Any:
        """Tell it that it is enough, and return what it says at its end."""
        self.say("enough")
        answer = self.hear()
        self.leave()
        return answer

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.leave()

    def leave(self) -> None:
        self._lines.close()
        self._socket.close()


class Site:
    """Processes on one database, with a vendor at an address."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(SECONDS)
        self._starting = threading.Lock()

    @contextmanager
    def open(self, vendor_url: str, **environment: str) -> Iterator["Site"]:
        """Load the site once for all of its processes."""
        environment |= {"DATABASE_URL": self._database_url, "VENDOR_URL": vendor_url}
        environment |= {"DJANGO_SETTINGS_MODULE": "tests.races.outbox_settings"}
        self._nursery = python("-m", "tests.races.nursery", f"{JOBS}.load", **environment)
        assert self._nursery.stdout is not None
        line = self._nursery.stdout.readline()
        assert line == "ready\n", self._nursery.communicate()[1]
        try:
            yield self
        finally:
            self._listener.close()
            _out, err = self._nursery.communicate(timeout=SECONDS)
            assert err == ""

    def start(self, job: str, **arguments: Any) -> Child:
        """Start a process."""
        order = {"job": f"{JOBS}.{job}", "port": self._listener.getsockname()[1], "arguments": arguments}
        assert self._nursery.stdin is not None
        with self._starting:  # the next to connect is the one who was just born
            self._nursery.stdin.write(json.dumps(order) + "\n")
            self._nursery.stdin.flush()
            return Child(self._listener.accept()[0])

    def run(self, job: str, **arguments: Any) -> Any:
        """Run a process to its end and return what it says."""
        child = self.start(job, **arguments)
        answer = child.hear()
        child.leave()
        return answer

    def wait_until(self, holds: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any]:
        """Look until what is seen holds, and return what was seen last."""
        ends = time.monotonic() + seconds
        while not holds(seen := self.run("look")) and time.monotonic() < ends:
            time.sleep(0.2)
        return seen

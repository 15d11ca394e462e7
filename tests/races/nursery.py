"""Brings up processes of a site in no time: it has loaded everything, and forks for each line that it reads.

A child talks with the test over a socket, one JSON value a line, so that it can be killed wherever it says it stands.
"""

import json
import os
import select
import signal
import socket
import sys
from typing import Any

import django
from django.utils.module_loading import import_string


class Talk:
    """The child's end of the line."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._lines = self._socket.makefile("rw")

    def say(self, value: Any) -> None:
        self._lines.write(json.dumps(value) + "\n")
        self._lines.flush()

    def hear(self) -> Any:
        """Wait for the test. Ends the process where the test has gone."""
        line = self._lines.readline()
        if not line:
            os._exit(1)
        return json.loads(line)

    def has_heard(self) -> bool:
        """Say whether the test has said something. Any thread may ask."""
        return bool(select.select([self._socket], [], [], 0)[0])


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for children: they are killed
    for line in sys.stdin:
        order = json.loads(line)
        job = import_string(order["job"])
        if os.fork():
            continue
        try:
            talk = Talk(order["port"])
            talk.say(os.getpid())
            job(talk, **order["arguments"])
        except BaseException as error:  # noqa: BLE001 - a child must never go on as the nursery
            sys.stderr.write(f"{order['job']}: {type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)


if __name__ == "__main__":
    django.setup()
    import_string(sys.argv[1])()  # whatever all children need
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    main()

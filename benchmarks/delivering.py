"""One process of those that deliver, or call, at the same time: `python -m benchmarks.delivering deliver 16`.

It makes a few calls that nobody counts, says "ready", waits for a line, works, and prints what it has counted as a
line of JSON. So what a process does once is not measured: to import, to open its connections.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

#: For each of the calls that are made at the same time.
WARMING_CALLS = 4


class Observed:
    """Counts calls, and how many are made at the same time."""

    def __init__(self) -> None:
        self.calls = self.now = self.most = 0

    def __call__(self, step: Any, claim: Any) -> None:
        """Take a step of a change, in whatever thread."""
        if step.value == "sending":
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
        elif step.value == "answered":
            self.now -= 1


def deliver(workers: int) -> dict[str, int]:
    """Deliver until nothing is due."""
    from django_plenigo.services import sending

    observed = Observed()
    delivery = sending.deliver_due(workers=workers, observe=observed)
    return {"delivered": delivery.delivered, "calls": observed.calls, "most_at_a_time": observed.most}


def call(workers: int, calls: int) -> dict[str, int]:
    """Make calls with nothing around them."""
    from django_plenigo import backends
    from django_plenigo.protocols.base import CustomerRef

    directory, customer = backends.customer_directory(), CustomerRef("C1")
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda number: directory.change_email(customer, f"r{number}@example.com"), range(calls)))
    return {"calls": calls}


def at_once(processes: int, work: str, *numbers: int) -> tuple[float, dict[str, int]]:
    """Have so many processes do the same at the same time; return the seconds that took and the sums of the counts."""
    command = [sys.executable, "-m", __name__, work, *map(str, numbers)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
    for process in started:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("A process of the benchmark did not start.")
    began = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    counts = [json.loads(process.communicate()[0]) for process in started]
    seconds = max(count.pop("ended_at") for count in counts) - began
    return seconds, {name: sum(count[name] for count in counts) for name in counts[0]}


def main() -> None:
    """Do what the arguments say."""
    import django

    django.setup()
    from django.db import connection

    from django_plenigo.services import sending  # noqa: F401 - loaded before the time is taken

    works = {"deliver": deliver, "call": call}
    connection.ensure_connection()
    call(int(sys.argv[2]), WARMING_CALLS * int(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    counts = works[sys.argv[1]](*map(int, sys.argv[2:]))  # type: ignore[operator]
    print(json.dumps({**counts, "ended_at": time.perf_counter()}), flush=True)


if __name__ == "__main__":
    main()

"""Measure how fast changes are delivered to a vendor who takes 20 ms, against the limit and against task queues.

    python -m benchmarks.drain [--changes 3000] [--check]

The limit of so many calls at the same time is that many in the time that the vendor takes for one. Two processes share
them, since one of Python's uses one of two cores; what one process alone delivers is compared with the peers. A
machine on which bare calls, with nothing around them, come nowhere near the limit is too slow for this vendor: there
the same is measured with one who takes twice as long, and with one who takes four times as long.

The peers do the same jobs as their users would write them: a task a change, with `requests`, on the database worker of
`django.tasks`, and on Celery with threads and Redis. That every change is delivered once, and that no more calls are
made at the same time than allowed, is counted exactly.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import databases, delivering
from benchmarks.stub import Stub

#: The second and the third where the machine is too slow for the one before.
LATENCIES_SECONDS = (0.02, 0.04, 0.08)

#: By the number of calls at the same time, of both processes: the least part of the limit.
GATES = {8: 0.85, 32: 0.75}
PROCESSES = 2

#: By peer: how many times as fast the delivery must be at the least, how many calls it makes at the same time, and how
#: many jobs are measured.
PEERS = {"django_tasks": (20.0, 32, 150), "celery": (2.0, 32, 2000)}

#: How often a rate below its gate is measured again: other work on the machine makes it less, nothing makes it more.
REPEATS = 3

#: Where bare calls reach less of the limit, the machine is too slow for this vendor.
FAST_ENOUGH = 0.95
BARE_CALLS = 2000


def main() -> int:
    """Print a line of JSON a case, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--changes", type=int, default=3000, help="how many changes are delivered; 10,000 in full")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    parser.add_argument("--on", choices=databases.KINDS, help="measure on this one, by the address in DATABASE_URL")
    arguments = parser.parse_args()
    if arguments.on:
        return int(is_missed(arguments.on, arguments.changes))
    missed = [
        kind
        for kind in databases.available()
        if databases.measure_in_a_process(__spec__.name, kind, f"--changes={arguments.changes}")
    ]
    return 1 if missed and arguments.check else 0


def is_missed(kind: str, changes: int) -> bool:
    """Measure on the database of this process and return whether a gate is missed."""
    import django

    django.setup()

    databases.make_tables()
    make_links(changes)
    missed = False
    for workers, gate in GATES.items():
        missed |= is_slow(kind, changes, workers, gate)
    if kind == "postgresql":
        with calling_a_vendor(LATENCIES_SECONDS[0]):
            for peer in PEERS:
                missed |= is_slower_than_promised(peer, changes)
    return missed


@contextmanager
def calling_a_vendor(latency_seconds: float) -> Iterator[float]:
    """Have the processes of this one call a vendor, and give the seconds that one takes indeed."""
    with Stub(delay_seconds=latency_seconds) as vendor:
        os.environ["VENDOR_URL"] = vendor.url
        yield vendor.latency_seconds()


def is_slow(kind: str, changes: int, workers: int, gate: float) -> bool:
    """Measure the delivery by so many calls at the same time, and return whether it misses the gate."""
    case, part = f"{kind}, {workers} at a time", 0.0
    wrong: dict[str, tuple[int, int]] = {}
    for latency_seconds in LATENCIES_SECONDS:
        with calling_a_vendor(latency_seconds) as latency:
            limit = workers / latency
            bare = call_barely(workers) / limit
            is_last = bare >= FAST_ENOUGH or latency_seconds == LATENCIES_SECONDS[-1]
            part = 0.0
            for _ in range(REPEATS if is_last else 1):
                rate, counts = deliver(changes, workers)
                part = max(part, round(rate / limit, 3))
                wrong |= {name: pair for name, pair in counts.items() if pair[0] != pair[1]}
                if part >= gate:
                    break
        line = {"benchmark": "drain", "case": case, "latency_ms": round(1000 * latency, 1), "part_of_the_limit": part}
        line |= {"gate": gate, "bare_calls": round(bare, 3), "changes_per_second": round(part * limit)}
        print(json.dumps(line | {name: pair[0] for name, pair in counts.items()}), flush=True)
        if part >= gate or is_last:
            break
    if part < gate:
        print(f"Gate missed: drain, {case}: {part} of the limit, promised are {gate}.", file=sys.stderr)
    if wrong:
        print(f"Gate missed: drain, {case}: {wrong}.", file=sys.stderr)
    return part < gate or bool(wrong)


def make_links(number: int) -> None:
    """Make registered readers with the rows that every link has."""
    from django.contrib.auth import get_user_model

    from django_plenigo.models import CustomerLink, RemoteChange
    from django_plenigo.services import outbox

    users = get_user_model()
    users.objects.bulk_create(
        [users(username=f"reader{n}", email=f"reader{n}@example.com") for n in range(number)], batch_size=1000
    )
    keys = users.objects.values_list("pk", "email")
    CustomerLink.objects.bulk_create(
        [CustomerLink(user_id=pk, customer_id=f"C{pk}", confirmed_email=email) for pk, email in keys], batch_size=1000
    )
    RemoteChange.objects.bulk_create(
        [
            RemoteChange(link_id=pk, kind=kind)
            for pk in CustomerLink.objects.values_list("pk", flat=True)
            for kind in outbox.KINDS_OF_EVERY_LINK
        ],
        batch_size=1000,
    )


def deliver(changes: int, workers: int, processes: int = PROCESSES) -> tuple[float, dict[str, tuple[int, int]]]:
    """Change every address, deliver, and return changes a second and what was counted with what it must be."""
    from django.contrib.auth import get_user_model
    from django.db.models import F, Value
    from django.db.models.functions import Concat

    from django_plenigo.models import CustomerLink
    from django_plenigo.services import outbox

    get_user_model().objects.update(email=Concat(Value("x"), F("email")))
    outbox.note_all("default", list(CustomerLink.objects.values_list("pk", flat=True)), "change_email")
    seconds, counted = delivering.at_once(processes, "deliver", workers // processes)
    behind = CustomerLink.objects.exclude(confirmed_email=F("user__email")).count()
    counts = {
        "delivered": (counted["delivered"], changes),
        "calls": (counted["calls"], changes),
        "too_many_at_a_time": (max(counted["most_at_a_time"] - workers, 0), 0),
        "out_of_step": (behind, 0),
    }
    return changes / seconds, counts


def call_barely(workers: int) -> float:
    """Return how many calls a second the client makes in as many processes and threads, and nothing around it."""
    seconds, counted = delivering.at_once(PROCESSES, "call", workers // PROCESSES, BARE_CALLS // PROCESSES)
    return counted["calls"] / seconds


def is_slower_than_promised(peer: str, changes: int) -> bool:
    """Measure a peer in processes of its own and return whether the delivery is not as much faster as promised."""
    gate, workers, jobs = PEERS[peer]
    command = [sys.executable, "-m", f"benchmarks.peers.{peer}", str(jobs)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.peers.settings"}
    process = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if process.returncode:
        print(f"The peer {peer} failed: {process.stderr[-2000:]}", file=sys.stderr)
        return True
    peers_rate = float(process.stdout.split()[-1])
    rate, _ = deliver(changes, workers, processes=1)
    times = round(rate / peers_rate, 2)
    line = {"benchmark": "drain", "case": f"{workers} at a time", "peer": peer, "times_as_fast": times, "gate": gate}
    line |= {"changes_per_second_of_one_process": round(rate)}
    print(json.dumps({**line, "jobs_per_second_of_the_peer": round(peers_rate)}), flush=True)
    if times < gate:
        print(f"Gate missed: drain is {times} times as fast as {peer}, promised are {gate}.", file=sys.stderr)
    return times < gate


if __name__ == "__main__":
    sys.exit(main())

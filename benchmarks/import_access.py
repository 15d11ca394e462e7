"""Measure a CSV file of access ids, planned and applied, against django-import-export: time, memory and statements.

    python -m benchmarks.import_access [--lines 10000] [--peer-lines 500] [--rounds 5] [--check]

The peer's resource is written as its documentation does it, a dry run and then the import, and writes the ids alone;
ours also checks each id against all others, notes each customer for delivery and keeps its position. The peer's time
grows with its lines, and it is slow: it gets the first `--peer-lines` of the same file, and time is compared by line.
Memory is measured in a process of its own, on files with bad lines, at a tenth of the lines and at all of them.
Statements are counted exactly, beside those that keep the file itself in pieces.
"""

import argparse
import gc
import json
import math
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import databases, pairs

NEW_GATE = 0.1
UNCHANGED_GATE = 0.02

#: At any number of lines.
MOST_PEAK_MIB = 5.0

#: Of the files that memory is measured on, each such line names nobody.
BAD_EVERY = 500

PARTS_TABLE = "plenigo_accessimportpart"


def main() -> int:
    """Print lines of JSON for each database, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000, help="of the file, at least 3000")
    parser.add_argument("--peer-lines", type=int, default=500, help="how many of them the peer gets")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured, at least 2")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    parser.add_argument("--on", choices=databases.KINDS, help="measure on this one, by the address in DATABASE_URL")
    parser.add_argument("--peaks", action="store_true", help=argparse.SUPPRESS)  # by itself, in a process of its own
    arguments = parser.parse_args()
    if arguments.peaks:
        print(json.dumps(peaks(arguments.lines)))
        return 0
    if arguments.on:
        return int(is_missed(arguments.on, arguments.lines, arguments.peer_lines, arguments.rounds))
    passed_on = [f"--lines={arguments.lines}", f"--peer-lines={arguments.peer_lines}", f"--rounds={arguments.rounds}"]
    missed = [kind for kind in databases.available() if databases.measure_in_a_process(__spec__.name, kind, *passed_on)]
    return 1 if missed and arguments.check else 0


def is_missed(kind: str, lines: int, peer_lines: int, rounds: int) -> bool:
    """Measure on the database of this process and return whether a gate is missed."""
    import django

    django.setup()
    from django_plenigo.services.access_imports.lines import CHUNK

    make_customers(lines)
    with tempfile.TemporaryDirectory() as folder:
        file = write_file(Path(folder) / "ids.csv", lines)
        peer_file = write_file(Path(folder) / "first.csv", peer_lines)
        per_chunk, more = statements(Path(folder), file, math.ceil(lines / CHUNK), CHUNK)
        for _ in range(pairs.REPEATS):
            measured = [_round(file, lines, peer_file, peer_lines) for _ in range(max(rounds, 2))]
            new, unchanged = (pairs.quartiles(list(ratios)) for ratios in zip(*measured, strict=True))
            if not (new.is_noisy or unchanged.is_noisy):
                break
    case, peer = f"{lines} lines, {kind}", f"django-import-export by line, with {peer_lines}"
    counts = {"statements_beyond_a_constant_for_each_chunk": (more, 0)}
    missed = [
        pairs.report("import_access", f"{case}, new", peer, new, NEW_GATE, counts),
        pairs.report("import_access", f"{case}, unchanged", peer, unchanged, UNCHANGED_GATE),
        is_memory_missed(kind, lines, per_chunk),
    ]
    return any(missed)


def is_memory_missed(kind: str, lines: int, per_chunk: int) -> bool:
    """Measure memory in a process of its own and return whether the gate is missed."""
    command = [sys.executable, "-m", __spec__.name, "--peaks", f"--lines={lines}"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    mib_by_lines = json.loads(ran.stdout)
    line = {"benchmark": "import_access", "case": f"memory, {kind}", "peak_mib_by_lines": mib_by_lines}
    print(json.dumps({**line, "gate": MOST_PEAK_MIB, "statements_for_each_chunk": per_chunk}), flush=True)
    too_much = {count: mib for count, mib in mib_by_lines.items() if mib > MOST_PEAK_MIB}
    for count, mib in too_much.items():
        sentence = f"Gate missed: import_access, {kind}: {count} lines take {mib} MiB, allowed are {MOST_PEAK_MIB}."
        print(sentence, file=sys.stderr)
    return bool(too_much)


def make_customers(count: int) -> None:
    """Make the tables and so many customers."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from django_plenigo.models import CustomerLink

    databases.make_tables()
    users = get_user_model().objects
    users.bulk_create([users.model(username=f"reader{number}") for number in range(count)], batch_size=5000)
    keys = users.order_by("pk").values_list("pk", flat=True)
    links = [CustomerLink(user_id=key, customer_id=customer_id(number)) for number, key in enumerate(keys)]
    CustomerLink.objects.bulk_create(links, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def customer_id(number: int) -> str:
    """Return a customer's id."""
    return f"CUSTOMER{number:08}"


def write_file(path: Path, lines: int, *, bad_every: int = 0) -> Path:
    """Write a file with an id for each customer, and every so often a line that names nobody."""
    with path.open("w") as file:
        file.write("customer_id,access_id_1\n")
        for number in range(lines):
            is_bad = bad_every and number % bad_every == 0
            file.write(f"{'NOBODY' if is_bad else customer_id(number)},crm-{number:08}\n")
    return path


def forget() -> None:
    """Delete what an import has written."""
    from django_plenigo.models import AccessId, AccessImport, RemoteChange

    for model in (AccessId, RemoteChange, AccessImport):
        model.objects.all().delete()


def import_by_us(path: Path) -> Any:
    """Plan a file and apply it, where there is anything to apply."""
    from django_plenigo.services import access_imports

    with path.open("rb") as file:
        access_import = access_imports.start(file, name=path.name, in_background=False)
    access_imports.confirm(access_import)
    assert access_import.state == access_import.State.DONE, access_import.last_error
    return access_import


def import_by_peer(path: Path) -> None:
    """Do the same with django-import-export."""
    from django.utils import timezone
    from import_export import fields, resources, widgets
    from tablib import Dataset

    from django_plenigo.models import AccessId, CustomerLink

    class AccessIdResource(resources.ModelResource):  # type: ignore[misc]
        link = fields.Field("link", "customer_id", widgets.ForeignKeyWidget(CustomerLink, "customer_id"))
        value = fields.Field("value", "access_id_1")

        class Meta:
            model = AccessId
            fields = ("link", "value")
            import_id_fields = ("link",)

        def before_save_instance(self, instance: AccessId, row: Any, **options: Any) -> None:
            instance.slot, instance.imported_at = 1, timezone.now()

    with path.open() as file:
        dataset = Dataset().load(file, format="csv")
    plan = AccessIdResource().import_data(dataset, dry_run=True)
    assert not plan.has_errors()
    assert not plan.has_validation_errors()
    AccessIdResource().import_data(dataset, raise_errors=True)


def _round(file: Path, lines: int, peer_file: Path, peer_lines: int) -> tuple[float, float]:
    """Return what a line costs us, in units of the peer's: a new one, and one that changes nothing."""
    from django_plenigo.models import AccessId, AccessImport

    forget()
    new = seconds(lambda: import_by_us(file)) / lines
    assert AccessId.objects.count() == lines
    unchanged = seconds(lambda: import_by_us(file)) / lines
    assert list(AccessImport.objects.order_by("pk").values_list("applied_count", flat=True)) == [lines, 0]
    forget()
    peer_new = seconds(lambda: import_by_peer(peer_file)) / peer_lines
    assert AccessId.objects.count() == peer_lines
    peer_unchanged = seconds(lambda: import_by_peer(peer_file)) / peer_lines
    return new / peer_new, unchanged / peer_unchanged


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes by the clock."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def statements(folder: Path, file: Path, chunks: int, chunk: int) -> tuple[int, int]:
    """Return the statements of a further chunk, and how many more there are than that constant for each."""
    from django.db import connection

    def counted(path: Path) -> int:
        forget()
        counts = {"statements": 0}

        def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            counts["statements"] += PARTS_TABLE not in sql
            return execute(sql, params, many, context)

        with connection.execute_wrapper(count):
            import_by_us(path)
        return counts["statements"]

    one, two = (counted(write_file(folder / f"{number}.csv", number * chunk)) for number in (1, 2))
    per_chunk = two - one
    return per_chunk, counted(file) - one - (chunks - 1) * per_chunk


def peaks(lines: int) -> dict[int, float]:
    """Return how far memory grows, in MiB, by the number of lines; the customers are there."""
    import django

    django.setup()
    mib_by_lines = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ids.csv"
        forget()
        import_by_us(write_file(path, lines // 10))  # what is loaded and kept once for all
        for count in (lines // 10, lines):
            forget()
            write_file(path, count, bad_every=BAD_EVERY)
            mib_by_lines[count] = _peak(lambda: import_by_us(path))
    return mib_by_lines


def _peak(work: Callable[[], object]) -> float:
    gc.collect()
    tracemalloc.start()
    start, _ = tracemalloc.get_traced_memory()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round((peak - start) / 2**20, 2)


if __name__ == "__main__":
    sys.exit(main())

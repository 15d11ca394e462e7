"""Workers that import files of access ids at once, and workers that are killed: on three databases, in processes."""

import json
import random
import signal
from collections.abc import Iterable

import pytest

from tests.races import processes

LINES = 2800
KILLS = 8
WORKERS = 4

#: The statements of a worker that has a few chunks left.
STATEMENTS = range(3, 40)


@pytest.fixture
def site(database_url: str) -> dict[str, str]:
    """The environment of a process of the site."""
    return {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"}


def told(site: dict[str, str], *arguments: object) -> dict[str, object]:
    text = processes.run("-m", "tests.races.import_files", *map(str, arguments), **site)
    answer: dict[str, object] = json.loads(text)
    return answer


def test_workers_that_are_killed_at_any_statement_lose_no_line_and_do_none_twice(site: dict[str, str]) -> None:
    told(site, "prepare", LINES)
    numbers = random.Random(4711)
    codes = []
    for _ in range(KILLS):
        worker = processes.python("-m", "tests.races.import_files", "go_on", str(numbers.choice(STATEMENTS)), **site)
        _, err = worker.communicate(timeout=400)
        codes.append(worker.returncode)
        assert worker.returncode in (0, -signal.SIGKILL), err
    assert codes.count(-signal.SIGKILL) >= 2
    told(site, "go_on", 1_000_000)
    bad = LINES // 7
    assert told(site, "look") == {
        **{"states": ["done"], "applied": [LINES - bad], "bad": [bad], "bad_lines": bad, "parts": 0},
        **{"ids": 2 * (LINES - bad), "values_twice": 0, "noted": [1], "noted_links": LINES - bad},
    }


def test_workers_at_once_import_a_file_once_and_give_each_id_to_one_customer(site: dict[str, str]) -> None:
    told(site, "prepare", LINES)
    all_at_once(site, "go_on", [0] * WORKERS)
    there = told(site, "look")
    assert (there["states"], there["applied"], there["noted"]) == (["done"], [LINES - LINES // 7], [1])
    # Now each has a file of its own, and all files want the same ids for other customers.
    answers = all_at_once(site, "import", range(WORKERS))
    assert answers == [{"state": "done", "error": "", "lines": LINES, "sum": LINES}] * WORKERS
    there = told(site, "look")
    assert (there["values_twice"], there["parts"]) == (0, 0)


def all_at_once(site: dict[str, str], verb: str, arguments: Iterable[int]) -> list[object]:
    workers = [
        processes.python("-m", "tests.races.import_files", verb, str(argument), **site) for argument in arguments
    ]
    outputs = [worker.communicate("go\n", timeout=400) for worker in workers]
    for worker, (_, err) in zip(workers, outputs, strict=True):
        assert worker.returncode == 0, err
    return [json.loads(out) for out, _ in outputs]

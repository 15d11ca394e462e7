"""The same delivery many times at once, and workers that are killed: on three databases, in processes."""

import json
import signal
from collections import Counter
from typing import Any

import pytest

from tests.races import processes

PROCESSES, THREADS = 2, 25

#: Some of about twenty that the work takes in all, from the look for what is due to its end.
STATEMENTS = (5, 9, 13, 17)


@pytest.fixture
def site(database_url: str) -> dict[str, str]:
    """The environment of a process of the site."""
    return {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.races.outbox_settings"}


def told(site: dict[str, str], *arguments: object) -> Any:
    return json.loads(processes.run("-m", "tests.races.take_webhooks", *map(str, arguments), **site))


def all_at_once(site: dict[str, str], verb: str) -> Counter[str]:
    """Have processes do the same, each with many threads, and return how often which status was answered."""
    arguments = ("-m", "tests.races.take_webhooks", verb, str(THREADS))
    workers = [processes.python(*arguments, **site) for _ in range(PROCESSES)]
    outputs = [worker.communicate("go\n", timeout=400) for worker in workers]
    for worker, (_, err) in zip(workers, outputs, strict=True):
        assert worker.returncode == 0, err
    return sum((Counter(json.loads(out)) for out, _ in outputs), Counter())


def test_same_delivery_fifty_times_at_once_is_worked_on_once(site: dict[str, str]) -> None:
    told(site, "prepare")
    assert all_at_once(site, "deliver") == {"200": PROCESSES * THREADS}
    assert told(site, "look") == {
        "deliveries": [["done", "bound", PROCESSES * THREADS - 1, 1]],
        "bodies": 0,
        "refused": 0,
        "references": ["4711"],
    }


def test_refusals_at_once_are_all_answered_and_few_are_kept(site: dict[str, str]) -> None:
    told(site, "prepare")
    assert all_at_once(site, "refuse") == {"400": PROCESSES * 100}
    assert told(site, "look")["refused"] <= 5 + PROCESSES * THREADS
    told_once = ("-m", "tests.races.take_webhooks", "refuse", "1")
    worker = processes.python(*told_once, **site)
    worker.communicate("go\n", timeout=400)
    assert told(site, "look")["refused"] <= 5


def test_worker_that_is_killed_at_any_statement_loses_nothing(site: dict[str, str]) -> None:
    told(site, "prepare")
    deliver = processes.python("-m", "tests.races.take_webhooks", "deliver", "1", **site)
    deliver.communicate("go\n", timeout=400)
    codes = []
    for statement in STATEMENTS:
        worker = processes.python("-m", "tests.races.take_webhooks", "work", str(statement), **site)
        _, err = worker.communicate(timeout=400)
        codes.append(worker.returncode)
        assert worker.returncode in (0, -signal.SIGKILL), err
    assert codes.count(-signal.SIGKILL) >= 2
    told(site, "work", 1_000_000)
    seen = told(site, "look")
    assert (seen["bodies"], seen["references"]) == (0, ["4711"])
    ((state, reason, _, attempts),) = seen["deliveries"]
    assert (state, reason in ("bound", "already_bound")) == ("done", True)
    assert attempts <= len(codes) + 1

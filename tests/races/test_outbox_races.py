"""Workers that race and die, on SQLite, PostgreSQL and MariaDB, in processes: nothing is lost, nothing is stuck."""

import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_plenigo.sandbox import credentials
from tests.races.outbox_jobs import WAYS
from tests.races.sites import Site
from tests.recording_vendor import Fault, RecordingVendor

CUSTOMERS = 1000
WORKERS = 4
NOTERS = 2
KILLS = 200

#: Where a worker is killed, by the step that it stands at; while the vendor has its call, for `sending`.
GAPS = {"claimed": "after the claim", "sending": "while sending", "answered": "before acknowledging"}

IN_STEP = {"leased": 0, "due": 0, "waiting": 0, "refused": 0}

#: One worker after another meets these; the others are as they should be.
FAULTS = [
    Fault("HTTP 500", status=500),
    Fault("HTTP 503 after the work", status=503, after_work=True),
    Fault("HTTP 503 with Retry-After", status=503, retry_after_seconds=1),
    Fault("HTTP 429 with Retry-After", status=429, retry_after_seconds=1),
    Fault("time-out", seconds=1.5),
    Fault("time-out after the work", seconds=1.5, after_work=True),
    Fault("cut connection"),
    Fault("cut connection after the work", after_work=True),
    Fault("garbage"),
    Fault("garbage after the work", after_work=True),
]


@pytest.fixture
def vendor() -> Iterator[RecordingVendor]:
    with RecordingVendor(latency_seconds=0.002) as vendor:
        yield vendor


@pytest.fixture
def site(database_url: str, vendor: RecordingVendor) -> Iterator[Site]:
    """The site, with customers who are all in step."""
    with Site(database_url).open(vendor.url) as site:
        site.run("prepare", readers=CUSTOMERS)
        yield site


def end_in_step(site: Site, vendor: RecordingVendor) -> int:
    """Let what is left be told, compare both sides with what the readers have, and say what was found as drift."""
    worker = site.start("deliver", workers=2)
    site.wait_until(is_in_step, 30)
    drifted: int = site.run("find_drift")  # not earlier: what is on its way is noticed, though with an older value
    seen = site.wait_until(is_in_step, 30)
    worker.ask()
    assert {name: seen[name] for name in IN_STEP} == IN_STEP
    assert seen["confirmed"] == seen["emails"]
    assert {customer: seen["emails"][customer] for customer in vendor.emails} == vendor.emails
    told = {customer: body["yourFirstIdentifier"] for customer, body in vendor.access_ids.items()}
    assert seen["access_ids"] == told
    return drifted


def is_in_step(seen: dict[str, Any]) -> bool:
    return IN_STEP.items() <= seen.items()


def test_workers_at_once_tell_each_change_exactly_once(site: Site, vendor: RecordingVendor) -> None:
    made = site.run("change_all")
    workers = [site.start("deliver", workers=3) for _ in range(WORKERS)]
    site.wait_until(is_in_step, 60)
    figures = [Counter(worker.ask()) for worker in workers]
    assert sum(figures, Counter()) == {"delivered": made}
    assert Counter(vendor.calls) == {("changeEmail", f"C-reader{number}"): 1 for number in range(CUSTOMERS)}
    assert vendor.overlaps == 0
    end_in_step(site, vendor)


def test_workers_killed_in_every_gap_lose_nothing(site: Site, vendor: RecordingVendor, database_url: str) -> None:
    seed = random.randrange(10**6)
    began, chance = time.monotonic(), random.Random(seed)
    gaps = deque(list(GAPS) * (KILLS // len(GAPS) + 1))
    killed: Counter[str] = Counter()
    while len(gaps) > KILLS:
        gaps.pop()
    orders = [(gap, chance.randint(1, 4), chance.randint(1, 3)) for gap in gaps]
    changed = site.run("change_all")
    noters = [
        site.start("change_addresses", seed=seed + number, at_least=250, pause_seconds=0.01) for number in range(NOTERS)
    ]
    with ThreadPoolExecutor(WORKERS) as slots:
        for gap in slots.map(lambda order: live_and_die(site, vendor, *order), orders):
            killed[gap] += 1
    made = sum((Counter(noter.ask()) for noter in noters), Counter())
    orphans = site.run("look")["leased"]
    drifted = end_in_step(site, vendor)
    site.run("change_past_signals", number=10)
    assert end_in_step(site, vendor) == 10
    print_figures(
        f"{database_url.partition(':')[0]}, seed {seed}",
        kills={GAPS[gap]: number for gap, number in killed.items()},
        changes={"before": changed, **made},
        customers_of_dead_workers_at_the_end=orphans,
        found_as_drift=drifted,
        calls=len(vendor.calls),
        overlaps=vendor.overlaps,
        seconds=round(time.monotonic() - began, 1),
    )
    assert killed.total() == KILLS
    assert all(killed[gap] > KILLS // 4 for gap in GAPS)
    assert made.keys() == WAYS.keys()  # and no error
    assert orphans > 0
    assert vendor.overlaps == 0


def live_and_die(site: Site, vendor: RecordingVendor, gap: str, after: int, workers: int) -> str:
    """Start a worker and kill it in a gap."""
    worker = site.start("deliver", workers=workers, gap=gap, after=after)
    stands = worker.hear()
    assert stands["gap"] == gap
    if gap != "sending":
        worker.kill()
        return gap
    hold = vendor.hold(stands["customer"])
    worker.say()
    assert hold.arrived.wait(20)
    worker.kill()
    hold.may_go_on.set()
    return gap


def test_vendor_that_fails_in_every_way_ends_in_step(site: Site, vendor: RecordingVendor, database_url: str) -> None:
    seed = random.randrange(10**6)
    began, chance = time.monotonic(), random.Random(seed)
    vendor.dial = lambda customer: chance.choice(FAULTS) if chance.random() < 0.4 else None
    vendor.secret = credentials.SECRET
    noters = [
        site.start("change_addresses", seed=seed + number, at_least=200, pause_seconds=0.01) for number in range(NOTERS)
    ]
    agent = site.start("press_try_again", every_seconds=0.2)
    workers = [site.start("deliver", workers=3) for _ in range(WORKERS - 1)]
    while len(vendor.faults) <= len(FAULTS) and time.monotonic() < began + 60:
        site.run("deliver", workers=1, runs=1, secret="one-that-was-changed-at-the-vendor")
        time.sleep(0.3)
    made = sum((Counter(noter.ask()) for noter in noters), Counter())
    vendor.dial = lambda customer: None
    site.wait_until(is_in_step, 30)
    assert agent.ask() == "done"
    figures = sum((Counter(worker.ask()) for worker in workers), Counter())
    print_figures(
        f"{database_url.partition(':')[0]}, seed {seed}",
        faults=dict(vendor.faults),
        changes=dict(made),
        calls=len(vendor.calls),
        overlaps=vendor.overlaps,
        seconds=round(time.monotonic() - began, 1),
    )
    assert vendor.faults.keys() == {fault.name for fault in FAULTS} | {"wrong secret"}
    assert figures.keys() <= {"delivered", "postponed", "refused"}  # and no error
    assert vendor.overlaps == 0
    end_in_step(site, vendor)


def print_figures(title: str, **figures: Any) -> None:
    """Show with `pytest -s` what was measured."""
    lines = [f"  {name}: {value}" for name, value in figures.items()]
    print("\n".join(["", title, *lines]))  # noqa: T201

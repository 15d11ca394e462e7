"""django.tasks as the way of delivery, with its tasks in the database and a worker of their own, for real."""

import signal
import time

import pytest

from tests.delivery.conftest import PATIENCE_SECONDS, Site
from tests.recording_vendor import RecordingVendor

WORKER = ("-m", "django", "db_worker", "--interval", "0.1", "--no-startup-delay")

IN_ONE_TRANSACTION = """
from django.contrib.auth import get_user_model
from django.db import transaction
with transaction.atomic():
    for user in get_user_model().objects.all():
        user.email = f"new{user.pk}@example.com"
        user.save()
    transaction.set_rollback(%s)
"""

#: As time does.
END_LEASES = """
from django.utils import timezone
from django_plenigo.models import CustomerLink
CustomerLink.objects.update(leased_until=timezone.now())
"""


@pytest.fixture
def tasks_site(site: Site) -> Site:
    """A site with three customers that delivers by django.tasks."""
    site.environment |= {"DELIVERY": "django_plenigo.background.enqueue"}
    site.prepare(3)
    return site


def tasks(site):
    return dict(site.query("SELECT status, count(*) FROM django_tasks_database_dbtaskresult GROUP BY status"))


def work_off(site):
    worker = site.start(*WORKER, "--batch")
    _, err = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 0, err


def test_worker_delivers_what_a_transaction_has_noted_by_one_task(tasks_site: Site):
    tasks_site.run(IN_ONE_TRANSACTION % False)
    assert tasks(tasks_site) == {"READY": 1}
    assert tasks_site.look() == {"told": 0, "waiting": 3, "leased": 0}
    work_off(tasks_site)
    assert tasks_site.look() == {"told": 3, "waiting": 0, "leased": 0}
    assert tasks(tasks_site) == {"SUCCESSFUL": 1}


def test_transaction_that_is_rolled_back_leaves_neither_note_nor_task(tasks_site: Site):
    tasks_site.run(IN_ONE_TRANSACTION % True)
    assert tasks(tasks_site) == {}
    assert tasks_site.look() == {"told": 3, "waiting": 0, "leased": 0}


def test_worker_that_goes_on_delivers_each_save(tasks_site: Site, processes):
    processes(tasks_site.start(*WORKER))
    for name in ("first", "second"):
        tasks_site.change(name)
        tasks_site.wait_for(told=3, waiting=0, leased=0)


def test_worker_that_is_stopped_ends_its_turn_and_leaves_the_rest_to_the_next(
    tasks_site: Site, processes, slow_vendor: RecordingVendor
):
    tasks_site.prepare(37)
    tasks_site.run(IN_ONE_TRANSACTION % False)
    worker = processes(tasks_site.start(*WORKER))
    ends = time.monotonic() + PATIENCE_SECONDS
    while not slow_vendor.calls:
        assert time.monotonic() < ends
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=PATIENCE_SECONDS)
    looked = tasks_site.look()
    assert looked["told"] == len(slow_vendor.calls) < 40
    assert (looked["waiting"], looked["leased"]) == (40 - looked["told"], 0)
    assert tasks(tasks_site) == {"SUCCESSFUL": 1, "READY": 1}
    slow_vendor.latency_seconds = 0
    work_off(tasks_site)
    assert tasks_site.look() == {"told": 40, "waiting": 0, "leased": 0}
    assert len(slow_vendor.calls) == 40


def test_worker_that_is_killed_strands_its_task_but_not_the_changes(
    tasks_site: Site, processes, slow_vendor: RecordingVendor
):
    tasks_site.run(IN_ONE_TRANSACTION % False)
    worker = processes(tasks_site.start(*WORKER))
    ends = time.monotonic() + PATIENCE_SECONDS
    while not slow_vendor.calls:
        assert time.monotonic() < ends
        time.sleep(0.05)
    worker.kill()
    worker.communicate(timeout=PATIENCE_SECONDS)
    assert tasks(tasks_site) == {"RUNNING": 1}
    slow_vendor.latency_seconds = 0
    tasks_site.run(END_LEASES)
    sync = tasks_site.start("-m", "django", "plenigo_sync")
    assert sync.communicate(timeout=PATIENCE_SECONDS)[0].endswith("0 waiting.\n")
    assert tasks_site.look() == {"told": 3, "waiting": 0, "leased": 0}

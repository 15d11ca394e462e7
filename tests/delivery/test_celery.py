"""Celery as the way of delivery: a broker, workers and beat, for real."""

import shutil
import signal
import socket
import subprocess
import time
import uuid

import pytest
import redis
from django.conf import settings

from tests.delivery.conftest import CHANGE, PATIENCE_SECONDS, START, Site
from tests.demo import free_port
from tests.recording_vendor import RecordingVendor

BY_CELERY = "django_plenigo.tasks.enqueue"

CELERY = ("-m", "celery", "--app", "tests.delivery.celery_app")

#: What a site's process needs, so that it knows the broker.
CELERY_APP = "import tests.delivery.celery_app\n"


@pytest.fixture
def celery_site(site: Site, redis_url: str):
    """A site with three customers that delivers by Celery over Redis, by a queue of its own."""
    queue = f"plenigo-{uuid.uuid4().hex[:8]}"
    site.environment |= {"DELIVERY": BY_CELERY, "BROKER_URL": redis_url, "QUEUE": queue}
    site.prepare(3)
    yield site
    redis.Redis.from_url(redis_url).delete(queue, f"_kombu.binding.{queue}", f"_kombu.binding_permanent.{queue}")


def start_worker(site, processes, *options):
    return processes(site.start(*CELERY, "worker", "--loglevel", "warning", "--concurrency", "1", *options))


def change(site, name="new"):
    site.run(CELERY_APP + CHANGE % name)


def messages(site):
    return redis.Redis.from_url(site.environment["BROKER_URL"]).llen(site.environment["QUEUE"])


def test_worker_delivers_what_a_save_has_noted(celery_site: Site, processes):
    start_worker(celery_site, processes)
    change(celery_site)
    celery_site.wait_for(told=3, waiting=0, leased=0)


def test_save_only_leaves_a_message_and_a_worker_that_comes_later_delivers(celery_site: Site, processes):
    change(celery_site)
    assert messages(celery_site) == 3
    assert celery_site.look()["waiting"] == 3
    start_worker(celery_site, processes)
    celery_site.wait_for(told=3, waiting=0, leased=0)


def test_beat_has_what_no_message_tells_of_delivered(celery_site: Site, processes, tmp_path):
    celery_site.change(DELIVERY="")
    assert messages(celery_site) == 0
    start_worker(celery_site, processes, "--beat", "--schedule", str(tmp_path / "schedule"))
    celery_site.wait_for(told=3, waiting=0, leased=0)


def test_worker_that_is_stopped_ends_its_turn_and_the_next_one_goes_on(
    celery_site: Site, processes, slow_vendor: RecordingVendor
):
    celery_site.prepare(37)
    change(celery_site)
    worker = start_worker(celery_site, processes)
    ends = time.monotonic() + PATIENCE_SECONDS
    while not slow_vendor.calls:
        assert time.monotonic() < ends
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=PATIENCE_SECONDS)
    looked = celery_site.look()
    assert looked["told"] == len(slow_vendor.calls) < 40
    assert (looked["waiting"], looked["leased"]) == (40 - looked["told"], 0)
    slow_vendor.latency_seconds = 0
    start_worker(celery_site, processes)
    celery_site.wait_for(told=40, waiting=0, leased=0)
    assert len(slow_vendor.calls) == 40


# ---- a broker that dies ----------------------------------------------------------------------------------------

#: Saves once for each line that it reads, and says how long the save took.
SAVE_BY_LINE = """
import sys, time
from django.contrib.auth import get_user_model
user = get_user_model().objects.first()
for line in sys.stdin:
    user.email = line.strip()
    began = time.monotonic()
    user.save()
    print(time.monotonic() - began, flush=True)
"""


class Broker:
    """A Redis server that can be killed and started again."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionError:
                assert time.monotonic() < ends
                time.sleep(0.05)
            else:
                return

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path):
    """A Redis server of the test's own."""
    if not shutil.which("redis-server"):
        sentence = "There is no redis-server: install Redis."
        pytest.fail(sentence) if settings.SERVICES_REQUIRED else pytest.skip(sentence)
    broker = Broker(tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
def saver(site: Site, processes, broker):
    """A process of a site with one customer, connected to a broker; and a function that has it save."""
    site.environment |= {"DELIVERY": BY_CELERY, "BROKER_URL": broker.url}
    site.prepare(1)
    process = processes(site.start("-c", START + CELERY_APP + SAVE_BY_LINE))

    def save(email):
        process.stdin.write(f"{email}\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    save("first@example.com")  # loads what a publication needs, and connects
    return process, save


def test_save_neither_fails_nor_waits_while_the_broker_is_down_and_the_note_is_kept(
    site: Site, processes, broker, saver
):
    process, save = saver
    broker.kill()
    assert max(save(f"{number}@example.com") for number in range(5)) < 0.5
    assert site.look() == {"told": 0, "waiting": 1, "leased": 0}
    broker.start()
    assert save("last@example.com") < 0.5
    start_worker(site, processes)
    site.wait_for(told=1, waiting=0, leased=0)
    _, logged = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, logged
    assert "Error calling" in logged
    assert "example.com" not in logged


def test_broker_that_is_silent_costs_a_save_no_more_than_its_time_outs(site: Site, broker, saver):
    _, save = saver
    broker.process.send_signal(signal.SIGSTOP)  # it still accepts connections, and never answers
    assert save("second@example.com") < 10
    assert site.look() == {"told": 0, "waiting": 1, "leased": 0}


def test_process_that_meets_no_broker_at_all_saves(site: Site):
    site.environment |= {"DELIVERY": BY_CELERY, "BROKER_URL": f"redis://127.0.0.1:{free_port()}/0"}
    site.prepare(3)
    change(site)
    assert site.look() == {"told": 0, "waiting": 3, "leased": 0}

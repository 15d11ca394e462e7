"""The thread in the workers of a server, which are stopped while it delivers."""

import signal
import time

import pytest
import requests

from tests.delivery.conftest import PATIENCE_SECONDS, Site, wait_until
from tests.demo import free_port
from tests.recording_vendor import RecordingVendor


@pytest.fixture
def server(site: Site, processes):
    """Serve the site by gunicorn, with the given options."""

    def serve(*options):
        address = f"127.0.0.1:{free_port()}"
        arguments = ("-m", "gunicorn", "tests.delivery.wsgi", "--bind", address, "--no-control-socket", *options)
        process = processes(site.start(*arguments))
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                requests.get(f"http://{address}/", timeout=PATIENCE_SECONDS).close()
            except requests.ConnectionError:
                assert time.monotonic() < ends, process.stderr.read()
                time.sleep(0.1)
            else:
                return process, f"http://{address}"

    return serve


def change_addresses(url):
    assert requests.get(f"{url}/change/", timeout=PATIENCE_SECONDS).text == "saved"


@pytest.mark.parametrize(
    "options",
    [
        ("--workers", "2"),
        ("--workers", "2", "--preload"),
        ("--workers", "1", "--threads", "4"),
    ],
    ids=" ".join,
)
def test_worker_that_is_stopped_delivers_what_it_noted(
    site: Site, server, slow_vendor: RecordingVendor, options: tuple[str, ...]
):
    slow_vendor.latency_seconds = 0.3
    site.prepare(8)
    process, url = server(*options)
    change_addresses(url)
    wait_until(lambda: len(slow_vendor.calls) >= 4)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert time.monotonic() - began < 20
    assert site.look() == {"told": 8, "waiting": 0, "leased": 0}
    assert len(slow_vendor.calls) == 8


def test_worker_that_is_recycled_after_its_requests_delivers_what_it_noted(
    site: Site, server, slow_vendor: RecordingVendor
):
    slow_vendor.latency_seconds = 0.3
    site.prepare(8)
    _, url = server("--workers", "1", "--max-requests", "2")
    change_addresses(url)  # the second request: the first one saw that the site is served
    site.wait_for(told=8, waiting=0, leased=0)
    assert len(slow_vendor.calls) == 8


def test_vendor_who_hangs_holds_a_stopping_worker_up_for_seconds_and_what_is_due_stays_due(
    site: Site, server, slow_vendor: RecordingVendor
):
    slow_vendor.latency_seconds = 15
    site.prepare(8)
    process, url = server("--workers", "1")
    change_addresses(url)
    wait_until(lambda: len(slow_vendor.calls) >= 4)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    process.communicate(timeout=PATIENCE_SECONDS)
    assert time.monotonic() - began < 29  # gunicorn kills a worker that takes longer than 30
    looked = site.look()
    assert looked["told"] + looked["waiting"] == 8

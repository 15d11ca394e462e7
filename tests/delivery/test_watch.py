"""`manage.py plenigo_sync` as a process that is stopped from outside."""

import signal
import time

import pytest

from tests.delivery.conftest import PATIENCE_SECONDS, Site
from tests.recording_vendor import RecordingVendor

SYNC = ("-m", "django", "plenigo_sync")


def start_watching(site, processes, *arguments):
    watch = processes(site.start(*SYNC, "--watch", *arguments, DELIVERY=""))
    assert watch.stdout.readline() == "Watching. Stop with Ctrl-C or SIGTERM.\n"
    return watch


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watch_delivers_what_others_note_until_it_is_told_to_stop(site: Site, processes, number):
    site.prepare(3)
    watch = start_watching(site, processes)
    for name in ("first", "second"):
        site.change(name, DELIVERY="")
        site.wait_for(told=3)
    began = time.monotonic()
    assert stop(watch, number) == (0, "6 delivered, 0 postponed, 0 refused, 0 waiting.\n", "")
    assert time.monotonic() - began < 5


def test_watch_that_is_stopped_ends_its_calls_and_leaves_nothing_leased(
    site: Site, processes, slow_vendor: RecordingVendor
):
    site.prepare(40)
    site.change(DELIVERY="")
    watch = start_watching(site, processes, "--workers", "4")
    wait_for_call(slow_vendor)
    code, _, err = stop(watch)
    assert (code, err) == (0, "")
    looked = site.look()
    assert looked["told"] == len(slow_vendor.calls) >= 4
    assert (looked["waiting"], looked["leased"]) == (40 - looked["told"], 0)


def test_run_that_is_stopped_says_how_to_go_on_and_goes_on(site: Site, processes, slow_vendor: RecordingVendor):
    site.prepare(40)
    site.change(DELIVERY="")
    sync = processes(site.start(*SYNC, "--workers", "4", DELIVERY=""))
    wait_for_call(slow_vendor)
    code, out, err = stop(sync)
    assert (code, err) == (1, "")
    assert "Interrupted. Nothing is lost: run the command again to go on." in out
    assert site.look()["leased"] == 0
    slow_vendor.latency_seconds = 0
    again = site.start(*SYNC, DELIVERY="")
    assert again.communicate(timeout=PATIENCE_SECONDS)[1] == ""
    assert (again.returncode, len(slow_vendor.calls)) == (0, 40)


def wait_for_call(vendor):
    ends = time.monotonic() + PATIENCE_SECONDS
    while not vendor.calls:
        assert time.monotonic() < ends
        time.sleep(0.05)


HIDE, SHOW = (
    f'from django.db import connection\nconnection.cursor().execute("ALTER TABLE {old} RENAME TO {new}")'
    for old, new in [("plenigo_remotechange", "gone"), ("gone", "plenigo_remotechange")]
)


def test_watch_outlives_a_database_that_fails_for_a_while(site: Site, processes):
    site.prepare(1)
    watch = start_watching(site, processes)
    site.run(HIDE)
    assert watch.stderr.readline() == "The database failed (OperationalError); trying again.\n"
    site.run(SHOW)
    site.change(DELIVERY="")
    site.wait_for(told=1)
    assert stop(watch)[:2] == (0, "1 delivered, 0 postponed, 0 refused, 0 waiting.\n")

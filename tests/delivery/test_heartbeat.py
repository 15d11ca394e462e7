"""Visitors have the thread look for what waits, once a minute at most."""

import logging
import time

import time_machine

from tests.delivery.conftest import Site

DAY = 24 * 60 * 60

#: A reader's change waits for its next attempt. Each visit prints whether it is waiting still.
VISITS = """
import time
from datetime import timedelta
import time_machine
from django.contrib.auth import get_user_model
from django.db.models import F
from django.test import Client
from django.utils import timezone
from django_plenigo import delivery
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import outbox

link = CustomerLink.objects.get()
get_user_model().objects.update(email="new@example.com")
change = RemoteChange.objects.filter(pk=outbox.note(link, RemoteChange.Kind.CHANGE_EMAIL, due_at=timezone.now()).pk)
start = time.time()

def visit(second):
    with time_machine.travel(start + second, tick=False):
        Client().get("/")
        delivery._drainer.join(60)
    print(change.filter(noted__gt=F("delivered")).exists())

delivery._drainer.join(60)
with outbox.delivering_here("default"):
    outbox.note(link, RemoteChange.Kind.CHANGE_EMAIL)
change.update(due_at=timezone.now() + timedelta(seconds=%d))
for second in %r:
    visit(second)
"""


def visits(site: Site, due_in_seconds: int, seconds: list[int], **environment: str) -> list[bool]:
    """Return after which visits a change was still waiting that is due at some time."""
    site.prepare(1)
    return [word == "True" for word in site.run(VISITS % (due_in_seconds, seconds), **environment).split()]


def test_visit_delivers_what_was_postponed_once_it_is_due(site: Site):
    assert visits(site, 90, [61, 122]) == [True, False]


def test_visits_wake_the_thread_once_a_minute(site: Site):
    assert visits(site, 65, [61, 66, 119, 122]) == [True, True, True, False]


def test_first_minute_of_a_process_wakes_nobody(site: Site):
    assert visits(site, 0, [5, 50, 61]) == [True, True, False]


def test_clock_that_was_set_back_wakes_at_the_next_visit(site: Site):
    assert visits(site, -2 * DAY, [-DAY]) == [False]


def test_visits_wake_no_other_way_of_delivery(site: Site):
    assert visits(site, 0, [61, 122], DELIVERY="") == [True, True]


def test_site_that_is_misconfigured_is_visited_all_the_same(db, client, settings, caplog):
    settings.PLENIGO = {"default": "live"}
    with time_machine.travel(time.time() + 365 * DAY), caplog.at_level(logging.ERROR):
        assert [client.get("/no-such-page/").status_code for _ in range(2)] == [404, 404]
    assert caplog.text.count("The delivery could not be woken, since this site raised ConfigurationError") == 1

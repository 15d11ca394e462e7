"""Guesses that are made at the same time see each other: on a database with more than one writer."""

import threading

import pytest
from django.db import connection as database
from django.db import connections

from django_plenigo.protocols import base
from django_plenigo.services import connection
from tests.connection.conftest import last_connection
from tests.connection.test_limits import guess
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor == "sqlite", reason="SQLite has one writer at a time"),
]

GUESSERS = 12


def test_two_clicks_at_the_same_time_connect_the_reader_once(stand_in, imported, user):
    started = guess(user, postcode="10115")
    begin, events = threading.Barrier(2), []

    def run() -> None:
        begin.wait()
        outcome = connection.confirm(
            user, started.process, stand_in.last_code, shown_for=None, traits=base.UNKNOWN_BROWSER
        )
        events.append(outcome.event)
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events == [connection.Event.CONNECTED] * 2
    assert stand_in.calls.count("confirm_connection") == 1
    assert last_connection().state == "done"


def test_guesses_at_the_same_time_are_no_more_than_one_after_another(stand_in, imported):
    users = [UserFactory() for _ in range(GUESSERS)]
    begin, events = threading.Barrier(GUESSERS), []

    def run(number: int) -> None:
        begin.wait()
        outcome = guess(users[number], postcode=f"{number:05}", address=f"203.0.113.{number}")
        events.append(outcome.event)
        connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(GUESSERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events) == GUESSERS
    assert set(events) <= {connection.Event.NO_MATCH, connection.Event.LOCKED}
    assert len(stand_in.requests) <= 5

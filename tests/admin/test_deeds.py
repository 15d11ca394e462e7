"""A deed and its entry in the history are both written or neither, and nothing that was typed gets out."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.signals import got_request_exception
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter

from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import access_ids
from tests.admin.conftest import confirm, messages_of
from tests.admin.test_actions import ACTIONS, LINKS, TAKEN, USERS, each_action, in_conflict, state, values_of
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

__all__ = ["in_conflict"]  # a fixture

BUSY = "The database is busy; nothing was done. Please try again in a moment."

WRITING = [action for action in ACTIONS if action.name != "check_at_plenigo"]


@contextmanager
def database_refuses(error: Exception, *, what: str) -> Iterator[None]:
    """Fail at each statement that begins so."""

    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(what):
            raise error
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        yield


HISTORY = f"INSERT INTO {connection.ops.quote_name('django_admin_log')}"


@pytest.fixture
def agent(admin_user):
    """An agent whose browser gets the page for an error."""
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    return client


@each_action
def test_nothing_is_done_that_the_history_cannot_take(agent, in_conflict, action, sandbox):
    row = action.row(in_conflict)
    before = state()
    # The block is what a statement that fails outside of a transaction needs in a test, which is one.
    with transaction.atomic(), database_refuses(RuntimeError("the history is full"), what=HISTORY):
        assert confirm(agent, action.address, row, **values_of(action, row)).status_code == 500
    assert state() == before
    assert sandbox.calls == []


@pytest.mark.parametrize("action", WRITING, ids=str)
def test_database_that_is_locked_is_told_in_a_sentence_and_nothing_is_done(admin_client, in_conflict, action):
    row = action.row(in_conflict)
    before = state()
    with database_refuses(OperationalError("database is locked"), what="UPDATE"):
        page = confirm(admin_client, action.address, row, **values_of(action, row))
    assert page.status_code == 200
    assert messages_of(page) == [BUSY]
    assert state() == before


@pytest.mark.django_db(transaction=True)
def test_check_is_told_in_a_sentence_that_the_database_is_locked(admin_client, link, sandbox):
    with database_refuses(OperationalError("database is locked"), what=HISTORY):
        page = confirm(admin_client, f"{LINKS}check/", link, product_ids="DAYPASS")
    assert page.status_code == 200
    assert messages_of(page) == [BUSY]
    assert not LogEntry.objects.exists()
    assert sandbox.calls == []


def test_users_registered_before_the_database_became_busy_stay_so_and_in_the_history(admin_client):
    users = [UserFactory() for _ in range(3)]
    is_busy_at = iter([False, True])

    def refuse_the_second(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(HISTORY) and next(is_busy_at):
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse_the_second):
        page = confirm(admin_client, f"{USERS}register-with-plenigo/", *users)
    assert messages_of(page) == ["1 user will be registered with plenigo in a moment."]
    assert [str(outcome["text"]) for outcome in page.context["outcomes"]] == [
        "will be registered in a moment",
        BUSY,
        BUSY,
    ]
    link = CustomerLink.objects.get()
    assert link.user_id == users[0].pk
    assert {entry.get_edited_object() for entry in LogEntry.objects.all()} == {users[0], link}


@contextmanager
def locked_by_the_site(change: RemoteChange) -> Iterator[None]:
    """Hold a row in a transaction of another thread; it lets go by itself, so that who waits for it does not hang."""
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                RemoteChange.objects.filter(pk=change.pk).update(noted=F("noted"))
                is_held.set()
                may_end.wait(5)
        finally:
            connection.close()

    site = threading.Thread(target=hold)
    site.start()
    assert is_held.wait(5)
    try:
        yield
        assert site.is_alive(), "the site's transaction was waited for"
    finally:
        may_end.set()
        site.join()


@pytest.mark.skipif(
    not connection.features.has_select_for_update_skip_locked, reason="for databases that skip locked rows"
)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["try_again", "send_again", "leave_as_it_is"])
def test_row_that_the_site_has_locked_is_not_waited_for(admin_client, in_conflict, refuse, name):
    (action,) = [each for each in ACTIONS if each.name == name]
    others = LinkFactory()
    refuse(others, TAKEN)
    before = state()
    with locked_by_the_site(in_conflict.remote_changes.get(kind="change_email")):
        page = confirm(admin_client, action.address, action.row(others), action.row(in_conflict))
        assert messages_of(page) == [BUSY]
        assert state() == before
    page = confirm(admin_client, action.address, action.row(others), action.row(in_conflict))
    assert messages_of(page) != [BUSY]
    assert state() != before


@pytest.mark.django_db(transaction=True)
def test_each_user_is_registered_in_a_transaction_of_her_own(admin_client, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)  # which must not make one of them
    users = [UserFactory() for _ in range(2)]
    committed: list[str] = []
    committed_before_each: list[int] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(HISTORY):
            committed_before_each.append(len(committed))
            transaction.on_commit(lambda: committed.append("a registration"))
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        confirm(admin_client, f"{USERS}register-with-plenigo/", *users)
    assert committed_before_each == [0, 1]


@pytest.mark.skipif(connection.features.has_select_for_update, reason="for databases without locks of rows")
@pytest.mark.parametrize("action", WRITING, ids=str)
def test_transaction_of_a_deed_begins_with_a_write(admin_client, in_conflict, action):
    row = action.row(in_conflict)
    with CaptureQueriesContext(connection) as queries:
        confirm(admin_client, action.address, row, **values_of(action, row))
    statements = [query["sql"] for query in queries.captured_queries]
    begin = next(number for number, sql in enumerate(statements) if sql.startswith("SAVEPOINT"))
    first = next(sql for sql in statements[begin:] if not sql.startswith("SAVEPOINT"))
    assert first.startswith("UPDATE")


def test_change_that_was_told_meanwhile_is_neither_sent_again_nor_said_to_be(admin_client, in_conflict):
    change = in_conflict.remote_changes.get(kind="change_email")
    told = [False]

    def tell_just_before_the_deed(execute, sql, *rest):
        if sql.startswith("SAVEPOINT") and not told[0]:
            told[0] = True
            type(change).objects.filter(pk=change.pk).update(delivered=change.noted, refused_at=None)
        return execute(sql, *rest)

    with connection.execute_wrapper(tell_just_before_the_deed):
        page = confirm(admin_client, "/admin/plenigo/remotechange/try-again/", change)
    assert messages_of(page) == ["All of these are in step; there was nothing to send."]
    assert not LogEntry.objects.exists()


def test_report_of_an_error_holds_none_of_the_typed_ids(agent, link):
    access_ids.import_access_ids(link, ["KNOWN"])
    reports = []

    def report(sender: Any, request: Any, **kwargs: Any) -> None:
        reports.append(ExceptionReporter(request, *sys.exc_info()))

    got_request_exception.connect(report)
    try:
        with database_refuses(RuntimeError("the history is full"), what=HISTORY):
            confirm(agent, f"{LINKS}import-access-ids/", link, **{f"{link.pk}-slot_1": "TYPED-IN"})
    finally:
        got_request_exception.disconnect(report)
    (reporter,) = reports
    assert "TYPED-IN" not in reporter.get_traceback_text()
    assert "TYPED-IN" not in reporter.get_traceback_html()

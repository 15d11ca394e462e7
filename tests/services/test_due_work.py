"""What is due has its turns: readers' changes, and files of access ids."""

import pytest
from django.contrib.auth import get_user_model

from django_plenigo.services import access_imports, customers, due_work
from tests.access_imports.files import csv_file
from tests.factories import UserFactory
from tests.told import told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def large_file(sandbox):
    """A file that is being imported in the background, a thousand lines at a time; the last one is a customer's."""
    reader = UserFactory()
    customers.register(reader)
    lines = [f"nobody{number},x" for number in range(2500)]
    file = csv_file(*lines, f"{reader.pk},crm-1", header="external_id,access_id_1")
    run = access_imports.start(file, name="ids.csv", in_background=True)
    due_work.run_due_work()
    run.refresh_from_db()
    access_imports.confirm(run)
    sandbox.calls.clear()
    return run


def test_file_is_imported_to_its_end_and_plenigo_is_told_of_it(sandbox, large_file):
    assert due_work.run_due_work().delivered == 1
    large_file.refresh_from_db()
    assert large_file.state == "done"
    assert told(sandbox) == ["import_access_ids"]


def test_reader_has_her_turn_before_a_large_file(sandbox, large_file):
    reader = get_user_model().objects.get()
    reader.email = "new@example.com"
    reader.save()
    due_work.run_due_work()
    assert told(sandbox) == ["change_email", "import_access_ids"]


def test_reader_who_changes_meanwhile_has_her_turn_before_a_large_file_is_done(sandbox, large_file, monkeypatch):
    monkeypatch.setattr(due_work, "IMPORT_SECONDS", 0.0)  # a chunk at a time
    readers = UserFactory.create_batch(2)
    for reader in readers:
        customers.register(reader)
    sandbox.calls.clear()
    readers[0].email = "first@example.com"
    readers[0].save()

    def change_another(step, claim):
        if readers[1].email != "second@example.com":
            readers[1].email = "second@example.com"
            readers[1].save()

    due_work.run_due_work(observe=change_another)
    assert told(sandbox) == ["change_email", "change_email", "import_access_ids"]


def test_limit_is_one_of_changes_whatever_the_number_of_turns(sandbox, large_file):
    reader = get_user_model().objects.get()
    reader.email = "new@example.com"
    reader.save()
    assert due_work.run_due_work(limit=1).delivered == 1
    assert due_work.run_due_work(limit=1).delivered == 1
    assert due_work.run_due_work().delivered == 0


def test_turn_that_did_all_says_that_there_is_no_need_of_another(sandbox, large_file):
    assert due_work.take_turn() == []


def test_turn_that_has_no_time_left_asks_for_another(sandbox, large_file, monkeypatch):
    monkeypatch.setattr(due_work, "TURN_SECONDS", -1.0)
    assert due_work.take_turn() == ["default"]
    assert sandbox.calls == []


def test_accounts_of_a_turn_that_has_no_time_left_go_on_with_the_next_one(sandbox, settings, monkeypatch):
    settings.PLENIGO = dict.fromkeys(("one", "two", "three"), settings.PLENIGO["default"])
    monkeypatch.setattr(due_work, "TURN_SECONDS", -1.0)
    assert due_work.take_turn() == ["two", "three", "one"]
    assert due_work.take_turn(["two", "one"]) == ["one", "two"]

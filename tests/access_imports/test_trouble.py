"""What a database that is in the way makes of an import, and who else may be at work on it."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.utils import timezone, translation

from django_plenigo.models import AccessImport
from django_plenigo.services import access_imports
from tests.access_imports.files import apply, csv_file, kept, planned

pytestmark = pytest.mark.django_db


def locked(times, *, sql="UPDATE", table="plenigo_accessimport"):
    """A wrapper of the connection that finds a table locked so many times."""
    left = [times]

    def wrap(execute, statement, parameters, many, context):
        if left[0] and statement.startswith(sql) and table in statement:
            left[0] -= 1
            raise OperationalError("database is locked")
        return execute(statement, parameters, many, context)

    return connection.execute_wrapper(wrap)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT", "plenigo_accessimportpart"),
        ("INSERT", "plenigo_accessid"),
        ("UPDATE", "plenigo_accessimport"),
        ("DELETE", "plenigo_accessimportpart"),
    ],
)
def test_database_that_is_locked_for_a_moment_holds_no_import_up(links, sql, table):
    with locked(2, sql=sql, table=table):
        run = apply(csv_file("CUSTOMER-1,a,"))
    assert (run.state, kept()) == ("done", [("1", 1, "a")])


# ---- a file that the database cannot bear ------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_file_that_the_database_fails_with_holds_up_none_behind_it(links):
    first = planned(csv_file("nobody,x,"), in_background=True)
    second = planned(csv_file("CUSTOMER-1,a,"), in_background=True)
    with locked(3, sql="INSERT", table="plenigo_accessimportline"):
        access_imports.continue_due()
    for run in (first, second):
        run.refresh_from_db()
    assert (first.state, second.state) == ("planning", "planned")
    assert access_imports.standing_of(first) is access_imports.Standing.WAITING


@pytest.mark.django_db(transaction=True)
def test_file_that_the_database_fails_with_rests_and_is_given_up_at_last_with_a_sentence(links, time_machine):
    run = planned(csv_file("nobody,x,"), in_background=True)
    begun = 0
    with locked(1000, sql="INSERT", table="plenigo_accessimportline"):
        for _minute in range(60):
            begun += access_imports.continue_due()
            time_machine.move_to(timezone.now() + timedelta(minutes=1, seconds=1))
    run.refresh_from_db()
    assert (begun, run.state) == (9, "failed")  # eight in earnest
    assert "broken off 8 times. Tell the developers" in access_imports.failure_of(run)


@pytest.mark.django_db(transaction=True)
def test_attempts_are_counted_anew_once_a_file_gets_on(links):
    run = planned(csv_file("CUSTOMER-1,a,"), in_background=True)
    AccessImport.objects.update(attempts=7)
    access_imports.continue_due()
    access_imports.confirm(run)
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("done", 0)


# ---- in words ----------------------------------------------------------------------------------------------------


def test_reason_of_a_failed_import_is_told_in_the_language_of_whoever_reads_it(links):
    with translation.override("de"):
        run = planned(csv_file("CUSTOMER-1,a,", 'CUSTOMER-2,"b,'))
    with translation.override("en"):
        assert access_imports.failure_of(run).startswith("The file cannot be read from line 3 on: look for a quote")
    with translation.override("de"):
        assert "Zeile 3" in access_imports.failure_of(run)


def test_reason_of_another_release_is_told_as_it_is(links):
    run = AccessImport(state="failed", last_error_type="of_a_later_release", last_error="the moon is full")
    assert access_imports.failure_of(run) == "the moon is full"


# ---- who is at work ----------------------------------------------------------------------------------------------


def steal_after(statement):
    """A wrapper of the connection that has another worker look for work as soon as a statement is committed."""

    def wrap(execute, sql, parameters, many, context):
        result = execute(sql, parameters, many, context)
        if sql.startswith(statement) and not looking:
            looking.append(True)
            stolen.append(access_imports.continue_due())
            looking.clear()
        return result

    stolen, looking = [], []
    return connection.execute_wrapper(wrap), stolen


@pytest.mark.parametrize("statement", ['INSERT INTO "plenigo_accessimport"', 'UPDATE "plenigo_accessimport"'])
def test_import_that_is_worked_on_at_once_is_nobody_elses_from_its_first_moment_on(links, statement):
    wrapper, stolen = steal_after(statement.replace('"', connection.ops.quote_name("x")[0]))
    with wrapper:
        run = apply(csv_file("CUSTOMER-1,a,"))
    assert (run.state, run.applied_count) == ("done", 1)
    assert stolen
    assert not any(stolen)


# ---- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_bytes(csv_file("CUSTOMER-1,a,").getvalue())
    return str(path)


@pytest.mark.django_db(transaction=True)
def test_command_ends_with_a_sentence_where_the_database_is_locked(links, path):
    with locked(100), pytest.raises(CommandError, match=r"The database is locked or away. Run the command again"):
        call_command("plenigo_import_access", path)


@pytest.mark.django_db(transaction=True)
def test_command_that_the_database_holds_up_says_that_it_goes_on_by_itself(links, path):
    with (
        locked(5, sql="INSERT", table="plenigo_accessid"),
        pytest.raises(CommandError, match=r"was held up. It goes on by itself"),
    ):
        call_command("plenigo_import_access", path)
    assert AccessImport.objects.get().state == "applying"


@pytest.mark.django_db(transaction=True)
def test_command_that_the_database_holds_up_before_it_imports_says_to_run_it_again(links, path):
    with (
        locked(5, sql="SELECT", table="plenigo_customerlink"),
        pytest.raises(CommandError, match=r"The database is locked or away. Run the command again"),
    ):
        call_command("plenigo_import_access", path)
    assert AccessImport.objects.get().state == "planning"

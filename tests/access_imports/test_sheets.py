"""Sheets in the background: read once, then worked on in turns from any line on; and files of several sheets."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_plenigo.models import AccessImport, AccessImportPart
from django_plenigo.services import access_imports
from tests.access_imports.files import apply, counts, csv_file, file_is_gone, kept, planned, reasons, xlsx_file
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db

COUNT = 3500


@pytest.fixture
def many(db):
    """The rows of a sheet for 3,500 customers, with a row that is no text and an empty one in between."""
    links = LinkFactory.create_batch(10)
    rows = [[f"nobody{number}", f"x{number}"] for number in range(COUNT)]
    rows[0], rows[1], rows[2] = [links[0].customer_id, "first"], [links[1].customer_id, 4711], []
    rows[-1] = [links[2].customer_id, "last"]
    return rows


def reading(work):
    """How often pieces of a file are read while something is done."""
    data = connection.ops.quote_name("data")
    with CaptureQueriesContext(connection) as queries:
        work()
    return len([query for query in queries if query["sql"].startswith("SELECT") and data in query["sql"]])


def test_sheet_is_worked_on_in_turns_that_read_no_more_the_further_they_are(many):
    run = planned(xlsx_file(*many), in_background=True)
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, counts(run)) == ("planned", (2, 0, 0, COUNT - 3, 0))
    assert reasons(run)[3] == "number"
    access_imports.confirm(run)
    read, began = [], []
    while run.state == "applying":
        began.clear()
        read.append(
            reading(lambda: access_imports.continue_due(must_stop=lambda: bool(began), observe=began.append)),
        )
        run.refresh_from_db()
    assert len(read) == 4
    assert min(read) >= 1
    assert max(read) <= 2
    assert (run.state, run.applied_count, file_is_gone(run)) == ("done", 2, True)
    assert [value for _key, _slot, value in kept()] == ["first", "last"]


def test_sheet_rests_between_reading_and_planning_where_the_work_must_stop(many):
    run = planned(xlsx_file(*many), in_background=True)
    asked = []

    def must_stop():
        asked.append(True)
        return len(asked) > 1  # once it has begun

    access_imports.continue_due(must_stop=must_stop)
    run.refresh_from_db()
    assert (run.state, run.line_count) == ("planning", 0)
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, run.line_count) == ("planned", COUNT - 1)


def test_worker_that_dies_while_a_sheet_is_read_is_followed_by_one_that_reads_it_anew(many):
    run = planned(xlsx_file(*many), in_background=True)
    written = []

    def die(execute, sql, parameters, many_, context):
        if sql.startswith("INSERT") and "accessimportpart" in sql:
            written.append(sql)
            if len(written) == 3:
                raise KeyboardInterrupt
        return execute(sql, parameters, many_, context)

    with connection.execute_wrapper(die), pytest.raises(KeyboardInterrupt):
        access_imports.continue_due()
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, run.line_count) == ("planned", COUNT - 1)


def test_sheet_that_an_earlier_release_has_planned_is_read_before_it_is_imported(links):
    run = planned(xlsx_file(["CUSTOMER-1", "a"]), in_background=True)
    AccessImport.objects.update(state="applying", last_line=2)
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, kept()) == ("done", [("1", 1, "a")])


def test_sheets_that_are_not_read_are_named(links):
    def add_sheets(sheet):
        sheet.title = "Customers"
        for name in ("Notes", "More customers"):
            sheet.parent.create_sheet(name).append(["customer_id", "access_id_1"])

    run = apply(xlsx_file(["CUSTOMER-1", "a"], change=add_sheets))
    assert (run.layout["sheet"], run.layout["other_sheets"]) == ("Customers", ["Notes", "More customers"])
    assert kept() == [("1", 1, "a")]


# ---- a worker that was away for too long -------------------------------------------------------------------------


def take_over_after(statement, table):
    """A wrapper of the connection that has another worker do all there is just after a worker's first such statement.

    The lease has run out by then, as that of a process that was stopped for a while.
    """
    taken = []

    def wrap(execute, sql, parameters, many_, context):
        result = execute(sql, parameters, many_, context)
        if not taken and sql.startswith(statement) and table in sql:
            taken.append(sql)
            AccessImport.objects.update(leased_until=None)
            access_imports.continue_due()
        return result

    return connection.execute_wrapper(wrap), taken


@pytest.mark.parametrize("is_sheet", [True, False])
def test_worker_that_has_lost_its_file_deletes_nothing_of_the_one_that_has_it(links, is_sheet):
    rows = [["CUSTOMER-1", "a"], ["nobody", "x"]]
    file = xlsx_file(*rows) if is_sheet else csv_file(*[",".join([*row, ""]) for row in rows])
    run = planned(file, in_background=True)
    wrapper, taken = take_over_after("SELECT", "plenigo_accessimportpart")
    with wrapper:
        access_imports.continue_due()
    run.refresh_from_db()
    assert taken
    assert (run.state, reasons(run)) == ("planned", {3: "no_customer"})
    access_imports.confirm(run)
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, kept()) == ("done", [("1", 1, "a")])


def test_import_whose_lines_are_gone_fails_instead_of_being_done(links):
    run = planned(xlsx_file(["CUSTOMER-1", "a"]), in_background=True)
    access_imports.continue_due()
    access_imports.confirm(run)
    AccessImportPart.objects.all().delete()
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, kept()) == ("failed", [])
    assert access_imports.failure_of(run).startswith("This site has made a mistake with the file.")

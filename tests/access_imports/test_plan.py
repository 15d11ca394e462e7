"""What a plan says of a file before anything is imported."""

import traceback

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from django_plenigo.models import AccessId, RemoteChange
from django_plenigo.services import access_imports
from django_plenigo.services.access_ids import import_access_ids
from tests.access_imports.files import apply, bad, counts, csv_file, file_is_gone, kept, planned, reasons
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db


def test_plan_counts_new_changed_and_same_and_writes_no_id(links):
    import_access_ids(links[1], ["old-2"])
    import_access_ids(links[2], ["a-3", "b-3"])
    import_access_ids(links[3], ["a-4"])
    RemoteChange.objects.all().delete()
    before = kept()
    run = planned(
        csv_file("CUSTOMER-1,a-1,b-1", "CUSTOMER-2,a-2,", "CUSTOMER-3,a-3,b-3", "CUSTOMER-4,a-4,b-4", "nobody,x,")
    )
    assert (run.state, counts(run)) == ("planned", (2, 1, 1, 1, 0))
    assert (run.line_count, run.last_line) == (5, 6)
    assert kept() == before
    assert not RemoteChange.objects.filter(noted__gt=0).exists()


def test_every_bad_line_is_told_with_number_column_value_and_reason(links):
    import_access_ids(links[3], ["taken"])
    run = planned(
        csv_file(
            "CUSTOMER-1,,",
            "nobody,a,",
            ",a,",
            f"CUSTOMER-1,{'x' * 101},",
            "CUSTOMER-1,a\x07b,",
            "CUSTOMER-1,twice,twice",
            "CUSTOMER-1,taken,",
            "CUSTOMER-1,a,b,c",
            "CUSTOMER-1,1.23457E+17,",
            "CUSTOMER-4,,taken",
            "CUSTOMER-1,good,",
        )
    )
    assert bad(run) == [
        (2, "", "", "no_access_id"),
        (3, "customer_id", "nobody", "no_customer"),
        (4, "customer_id", "", "blank"),
        (5, "access_id_1", "x" * 101, "too_long"),
        (6, "access_id_1", "a\x07b", "unprintable"),
        (7, "access_id_2", "twice", "repeated"),
        (8, "access_id_1", "taken", "taken"),
        (9, "", "c", "too_many_cells"),
        (10, "access_id_1", "1.23457E+17", "number"),
        (11, "access_id_2", "taken", "other_slot"),
    ]
    assert counts(run) == (1, 0, 0, 10, 0)
    assert run.bad_lines.get(number=7).cells == ["CUSTOMER-1", "twice", "twice"]


def test_reason_is_a_sentence_in_the_language_of_whoever_reads_it(links):
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,a,", "CUSTOMER-2,b,"))
    line = run.bad_lines.get()
    assert access_imports.sentence_of(line) == "stands in line 2 already"
    with translation.override("de"):
        assert access_imports.sentence_of(line)
    line.reason = "of a later release"
    assert access_imports.sentence_of(line) == "of a later release"


# ---- twice in the file -------------------------------------------------------------------------------------------


def test_id_twice_in_the_file_counts_at_its_first_line(links):
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,a", "CUSTOMER-3,,a", "CUSTOMER-4,A,"))
    assert reasons(run) == {3: "same_value", 4: "same_value"}
    assert set(run.bad_lines.values_list("other_line", flat=True)) == {2}


def test_customer_twice_in_the_file_counts_at_her_first_line(links):
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,", "CUSTOMER-1,,c"))
    assert list(run.bad_lines.values_list("number", "reason", "other_line")) == [(4, "same_customer", 2)]


def test_what_stands_in_a_bad_line_bars_no_other_line(links):
    run = planned(csv_file("nobody,a,", "CUSTOMER-1,a,a", "CUSTOMER-1,a,"))
    assert (reasons(run), counts(run)) == ({2: "no_customer", 3: "repeated"}, (1, 0, 0, 2, 0))


def test_what_was_said_is_remembered_from_chunk_to_chunk(links, monkeypatch):
    customers = [LinkFactory(customer_id=f"C{number:05}") for number in range(2100)]
    lines = [f"{link.customer_id},{number}," for number, link in enumerate(customers)]
    run = planned(csv_file(*lines, "CUSTOMER-1,7,", "C00003,new,"))
    assert bad(run) == [
        (2102, "access_id_1", "7", "same_value"),
        (2103, "customer_id", "C00003", "same_customer"),
    ]
    assert set(run.bad_lines.values_list("other_line", flat=True)) == {9, 5}


def test_id_that_a_line_before_gives_up_is_still_anothers(links):
    import_access_ids(links[0], ["a"])
    run = planned(csv_file("CUSTOMER-1,b,", "CUSTOMER-2,a,"))
    assert reasons(run) == {3: "taken"}


def test_two_ids_of_a_customer_may_change_places(links):
    import_access_ids(links[0], ["a", "b"])
    assert counts(planned(csv_file("CUSTOMER-1,b,a"))) == (0, 1, 0, 0, 0)


# ---- who the customer is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer_id", "CUSTOMER-2"),
        ("external_id", "E2"),
        ("email", "Second@Example.com"),
        ("Access-ID", "known"),
        ("Customer ID", "CUSTOMER-2"),
    ],
)
def test_one_column_names_the_customer(links, field, value):
    links[1].confirmed_email = "second@example.com"
    links[1].save()
    import_access_ids(links[1], [None, None, "known"])
    run = apply(csv_file(f"{value},new", header=f"{field},access_id_1"))
    assert counts(run) == (1, 0, 0, 0, 1)
    assert kept() == [("2", 1, "new"), ("2", 3, "known")]


def test_address_of_two_customers_is_nobodys(links):
    for link in links[:2]:
        link.confirmed_email = "shared@example.com"
        link.save()
    run = planned(csv_file("shared@example.com,a", "share,b", header="email,access_id_1"))
    assert bad(run) == [
        (2, "email", "shared@example.com", "ambiguous"),
        (3, "email", "share", "no_customer"),
    ]


def test_customers_of_another_account_are_nobody(links):
    LinkFactory(account="brand", customer_id="BRANDS")
    assert reasons(planned(csv_file("BRANDS,a,"))) == {2: "no_customer"}


def test_reader_who_is_not_registered_is_nobody(db):
    LinkFactory(customer_id=None, confirmed_email="ada@example.com")
    assert reasons(planned(csv_file("ada@example.com,a", header="email,access_id_1"))) == {2: "no_customer"}


# ---- what an error report holds ----------------------------------------------------------------------------------


def frames_of(error):
    """The locals of our own frames in everything that an error report prints of an error."""
    told, waiting = [], [error]
    while waiting:
        each = waiting.pop()
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        frames = [frame for frame, _line in traceback.walk_tb(each.__traceback__)]
        told += [repr(frame.f_locals) for frame in frames if "django_plenigo" in frame.f_code.co_filename]
    return told


def fail(*arguments):
    raise LookupError


def plan_nothing_kept():
    file = csv_file("secret-nobody,secret-id,")
    access_imports.plan_file(file, access_imports.examine(file), fail)


def keep():
    access_imports.start(csv_file("secret-nobody,secret-id,"), record=fail)


def look_at_first_lines():
    run = planned(csv_file("CUSTOMER-1,secret-id,"))

    def break_off(execute, sql, parameters, many, context):
        return fail() if "plenigo_accessimportline" in sql else execute(sql, parameters, many, context)

    with connection.execute_wrapper(break_off):
        access_imports.preview(run)


@pytest.mark.parametrize("work", [plan_nothing_kept, keep, look_at_first_lines])
def test_error_report_holds_no_lines_of_a_file(links, work):
    with pytest.raises(LookupError) as caught:
        work()
    told = frames_of(caught.value)
    assert len(told) == 1  # that of the door
    assert "secret" not in told[0]


@pytest.mark.django_db(transaction=True)
def test_error_report_of_a_database_that_goes_away_holds_no_lines_of_a_file(links):
    run = planned(csv_file("CUSTOMER-1,secret-id,"), in_background=True)
    is_away = []

    def go_away(execute, sql, parameters, many, context):
        if "plenigo_customerlink" in sql or is_away:
            is_away.append(True)
            raise OperationalError
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(go_away), pytest.raises(OperationalError) as caught:
        access_imports.continue_due()
    assert run.state == "planning"
    assert is_away
    assert not [frame for frame in frames_of(caught.value) if "secret" in frame]


# ---- what it costs -----------------------------------------------------------------------------------------------


def test_unchanged_lines_cost_one_read_a_chunk_and_no_write_of_ids(links):
    customers = [LinkFactory(customer_id=f"C{number:05}") for number in range(2000)]
    lines = [f"{link.customer_id},{number}," for number, link in enumerate(customers)]
    apply(csv_file(*lines))
    with CaptureQueriesContext(connection) as queries:
        run = planned(csv_file(*lines))
    assert (run.state, counts(run), file_is_gone(run)) == ("done", (0, 0, 2000, 0, 0), True)
    of_ids = [query["sql"] for query in queries if "plenigo_accessid" in query["sql"]]
    assert len(of_ids) == 2
    assert all(sql.startswith("SELECT") for sql in of_ids)


def test_statements_grow_with_the_chunks_alone(links):
    def statements(count, start):
        customers = [LinkFactory(customer_id=f"{start}C{number:05}") for number in range(count)]
        lines = [f"{link.customer_id},{start}{number},{start}b{number}" for number, link in enumerate(customers)]
        with CaptureQueriesContext(connection) as queries:
            assert apply(csv_file(*lines)).applied_count == count
        # Some databases take no more than so many values in one statement.
        return len([query for query in queries if not query["sql"].startswith("INSERT")])

    one, two, three = statements(1000, "a"), statements(2000, "b"), statements(3000, "c")
    assert two - one == three - two
    assert AccessId.objects.count() == 12000

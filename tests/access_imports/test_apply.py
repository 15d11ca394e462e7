"""What a file leaves behind, also where a worker dies on the way or two work at once."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from django_plenigo.models import AccessId, AccessImport, RemoteChange
from django_plenigo.services import access_imports, customers, due_work, sending
from django_plenigo.services.access_ids import import_access_ids
from tests.access_imports.files import apply, bad, counts, csv_file, file_is_gone, kept, planned, reasons
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db


def die_at(position):
    """An observer in whose place a worker dies, once a chunk up to this line is written."""

    def observe(run):
        if run.state == "applying" and run.position >= position:
            raise KeyboardInterrupt

    return observe


@pytest.fixture
def many(db):
    """2,500 customers and the lines of a file with two ids for each."""
    users = get_user_model().objects.bulk_create(UserFactory.build_batch(2500))
    keys = get_user_model().objects.filter(username__in=[user.username for user in users]).order_by("pk")
    links = [LinkFactory.build(user=user, customer_id=f"C{number:05}") for number, user in enumerate(keys)]
    type(links[0]).objects.bulk_create(links)
    return [f"C{number:05},a{number},b{number}" for number in range(2500)]


# ---- what is left behind -----------------------------------------------------------------------------------------


def test_good_lines_are_imported_with_who_when_and_from_where_and_the_bad_one_is_kept(links):
    agent = UserFactory()
    run = apply(csv_file("CUSTOMER-1,a-1,b-1", "nobody,x,", "CUSTOMER-2,,b-2"), created_by=agent)
    assert (run.state, counts(run)) == ("done", (2, 0, 0, 1, 2))
    assert kept() == [("1", 1, "a-1"), ("1", 2, "b-1"), ("2", 2, "b-2")]
    access_id = AccessId.objects.first()
    assert (access_id.imported_by, access_id.imported_from) == (agent, "ids.csv")
    assert run.finished_at >= access_id.imported_at >= run.created_at
    assert set(RemoteChange.objects.filter(noted__gt=0).values_list("kind", "noted", "link")) == {
        ("assign_access_ids", 1, link.pk) for link in links[:2]
    }


def test_changed_lines_overwrite_and_empty_cells_leave_a_slot_as_it_is(links):
    import_access_ids(links[0], ["a", "b", "c"])
    import_access_ids(links[1], ["d", "e"])
    run = apply(csv_file("CUSTOMER-1,A,", "CUSTOMER-2,e,d"))
    assert counts(run) == (0, 2, 0, 0, 2)
    assert kept() == [("1", 1, "A"), ("1", 2, "b"), ("1", 3, "c"), ("2", 1, "e"), ("2", 2, "d")]


def test_plenigo_is_told_what_was_imported(sandbox, reader):
    apply(csv_file(f"{reader.pk},crm-1", header="external_id,access_id_1"))
    assert sending.deliver_due().delivered == 1
    told = sandbox.customers()[0].access_identifiers.values_list("slot", "value")
    assert list(told) == [(1, "crm-1")]


def test_second_file_with_the_same_ids_changes_nothing(links):
    lines = ["CUSTOMER-1,a,b", "CUSTOMER-2,c,"]
    apply(csv_file(*lines))
    changes = list(RemoteChange.objects.order_by("pk").values_list("noted"))
    run = apply(csv_file(*lines))
    assert (run.state, counts(run)) == ("done", (0, 0, 2, 0, 0))
    assert list(RemoteChange.objects.order_by("pk").values_list("noted")) == changes


@pytest.mark.parametrize("end", ["done", "cancelled", "failed"])
def test_file_is_deleted_at_the_end_whatever_the_end(links, end):
    lines = ["CUSTOMER-1,a,"] if end != "failed" else ["CUSTOMER-1,a,"] * 3 + ['CUSTOMER-1,"a']
    run = planned(csv_file(*lines))
    if end == "done":
        access_imports.confirm(run)
    else:
        access_imports.cancel(run)
    assert (run.state, file_is_gone(run)) == (end, True)
    assert run.finished_at is not None


def test_file_that_cannot_be_read_to_its_end_fails_with_the_line_and_imports_nothing(links):
    run = planned(csv_file("CUSTOMER-1,a,", 'CUSTOMER-2,"b,'))
    assert (run.state, file_is_gone(run), kept()) == ("failed", True, [])
    assert "line 3" in run.last_error
    assert access_imports.confirm(run) is False


# ---- yes and no --------------------------------------------------------------------------------------------------


def test_nothing_is_imported_without_a_yes(links):
    run = planned(csv_file("CUSTOMER-1,a,"))
    assert access_imports.continue_due() == 0
    assert (run.state, kept()) == ("planned", [])


def test_second_yes_does_nothing(links):
    run = planned(csv_file("CUSTOMER-1,a,"))
    assert [access_imports.confirm(run), access_imports.confirm(run)] == [True, False]
    assert counts(run) == (1, 0, 0, 0, 1)


def test_cancelled_import_cannot_be_confirmed_and_a_finished_one_not_be_cancelled(links):
    run = planned(csv_file("CUSTOMER-1,a,"))
    assert access_imports.cancel(run)
    assert not access_imports.confirm(run)
    run = apply(csv_file("CUSTOMER-1,a,"))
    assert not access_imports.cancel(run)
    assert run.state == "done"


def test_import_that_is_cancelled_on_the_way_keeps_what_it_had_imported(many):
    run = planned(csv_file(*many), in_background=False)
    access_imports.confirm(run, observe=access_imports.cancel)
    assert (run.state, run.applied_count, AccessId.objects.count()) == ("cancelled", 1000, 2000)
    assert access_imports.continue_due() == 0


@pytest.mark.django_db(transaction=True)
def test_plan_that_nobody_says_yes_to_is_cancelled_in_a_week_and_old_bad_lines_go(links, time_machine):
    finished = apply(csv_file("CUSTOMER-1,a,", "nobody,b,"))
    forgotten = planned(csv_file("CUSTOMER-2,b,"))
    time_machine.move_to(timezone.now() + timedelta(days=8))
    due_work.run_due_work()
    forgotten.refresh_from_db()
    assert (forgotten.state, file_is_gone(forgotten)) == ("cancelled", True)
    assert finished.bad_lines.exists()
    time_machine.move_to(timezone.now() + timedelta(days=23))
    due_work.run_due_work()
    assert not finished.bad_lines.exists()
    finished.refresh_from_db()
    assert finished.bad_count == 1


@pytest.mark.django_db(transaction=True)
def test_plan_that_gets_its_yes_just_as_it_is_to_be_forgotten_is_imported(links, time_machine):
    run = planned(csv_file("CUSTOMER-1,a,"), in_background=True)
    access_imports.continue_due()
    time_machine.move_to(timezone.now() + timedelta(days=8))
    said = []

    def say_yes(execute, sql, parameters, many_, context):
        if not said and sql.startswith("UPDATE") and "cancelled" in parameters:
            said.append(True)
            AccessImport.objects.filter(pk=run.pk).update(state="applying")
        return execute(sql, parameters, many_, context)

    with connection.execute_wrapper(say_yes):
        access_imports.forget_old()
    access_imports.continue_due()
    run.refresh_from_db()
    assert (said, run.state, kept()) == ([True], "done", [("1", 1, "a")])


# ---- between plan and yes ----------------------------------------------------------------------------------------


def test_line_that_became_a_conflict_since_the_plan_is_a_bad_line_of_the_result(links):
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,", "CUSTOMER-3,c,"))
    import_access_ids(links[3], ["b"])
    links[2].delete()
    access_imports.confirm(run)
    assert (run.state, counts(run)) == ("done", (3, 0, 0, 2, 1))
    assert reasons(run) == {3: "taken", 4: "no_customer"}
    assert kept() == [("1", 1, "a"), ("4", 1, "b")]


def test_line_that_was_bad_in_the_plan_stays_out_though_it_has_become_good(links):
    import_access_ids(links[1], ["a"])
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-3,c,"))
    AccessId.objects.all().delete()
    access_imports.confirm(run)
    assert (reasons(run), kept()) == ({2: "taken"}, [("3", 1, "c")])


def test_line_that_was_done_by_hand_since_the_plan_is_not_written_again(links):
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,"))
    import_access_ids(links[0], ["a"])
    access_imports.confirm(run)
    assert counts(run) == (2, 0, 0, 0, 1)
    assert RemoteChange.objects.get(link=links[0], kind="assign_access_ids").noted == 1


def test_id_that_was_entered_since_the_plan_is_not_overwritten_but_makes_a_bad_line(links):
    import_access_ids(links[0], ["old"])
    import_access_ids(links[2], ["old-3"])
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,", "CUSTOMER-3,c,"))
    import_access_ids(links[0], ["by-hand"])  # in the place of what the plan saw
    import_access_ids(links[1], ["by-hand-2"])  # in an empty place
    access_imports.confirm(run)
    assert (run.state, counts(run)) == ("done", (1, 2, 0, 2, 1))
    assert bad(run) == [(2, "access_id_1", "a", "changed_since"), (3, "access_id_1", "b", "changed_since")]
    assert kept() == [("1", 1, "by-hand"), ("2", 1, "by-hand-2"), ("3", 1, "c")]


def test_line_that_stayed_out_since_its_customer_was_changed_is_imported_by_the_next_yes(links):
    run = planned(csv_file("CUSTOMER-1,a,"))
    import_access_ids(links[0], ["by-hand"])
    access_imports.confirm(run)
    again = apply(io.BytesIO("".join(access_imports.write_failures(run)).encode()))
    assert (counts(again), kept()) == ((0, 1, 0, 0, 1), [("1", 1, "a")])


def test_id_that_was_entered_in_another_place_since_the_plan_is_no_reason_against_a_line(links):
    import_access_ids(links[0], ["old"])
    run = planned(csv_file("CUSTOMER-1,a,"))
    import_access_ids(links[0], [None, "by-hand"])
    access_imports.confirm(run)
    assert kept() == [("1", 1, "a"), ("1", 2, "by-hand")]


# ---- large files, crashes, and two at once -----------------------------------------------------------------------


def test_small_file_is_done_at_once_and_a_large_one_in_the_background(many):
    small, large = planned(csv_file(*many[:2])), planned(csv_file(*many, *["x" * 200] * 2000))
    assert (small.is_large, small.state, large.is_large, large.state) == (False, "planned", True, "planning")
    assert access_imports.continue_due() == 1
    large.refresh_from_db()
    assert (large.state, large.new_count) == ("planned", 2500)
    access_imports.confirm(large)
    assert (large.state, large.applied_count) == ("applying", 0)
    assert access_imports.continue_due(["brand"]) == 0
    assert access_imports.continue_due(["default"]) == 1
    large.refresh_from_db()
    assert (large.state, large.applied_count, file_is_gone(large)) == ("done", 2500, True)


def test_large_file_wakes_the_delivery_when_the_transaction_is_committed(
    many, settings, django_capture_on_commit_callbacks
):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "DELIVERY": "tests.access_imports.test_apply.note_waking"}}
    woken.clear()
    with django_capture_on_commit_callbacks(execute=True):
        run = planned(csv_file(*many), in_background=True)
    assert woken == [["default"]]
    access_imports.continue_due()
    with django_capture_on_commit_callbacks(execute=True):
        access_imports.confirm(run)
    assert woken == [["default"]] * 2


woken = []


def note_waking(accounts):
    """Be a delivery that only takes note."""
    woken.append(accounts)


@pytest.mark.parametrize("position", [1001, 2001])
def test_worker_that_dies_between_chunks_is_followed_by_one_that_does_no_line_twice(many, time_machine, position):
    run = planned(csv_file(*many, "nobody,x,"), in_background=False)
    with pytest.raises(KeyboardInterrupt):
        access_imports.confirm(run, observe=die_at(position))
    run.refresh_from_db()
    assert (run.state, run.position, run.applied_count) == ("applying", position, position - 1)
    seen = []
    assert access_imports.continue_due(observe=lambda run: seen.append(run.position)) == 1
    run.refresh_from_db()
    assert min(seen) > position
    assert (run.state, counts(run)) == ("done", (2500, 0, 0, 1, 2500))
    assert AccessId.objects.count() == 5000
    assert set(RemoteChange.objects.filter(noted__gt=0).values_list("noted", flat=True)) == {1}


def test_worker_that_dies_within_a_chunk_leaves_nothing_of_it(many):
    run = planned(csv_file(*many), in_background=False)

    def die(execute, sql, parameters, many_, context):
        if sql.startswith("INSERT") and "remotechange" in sql:
            raise KeyboardInterrupt
        return execute(sql, parameters, many_, context)

    with connection.execute_wrapper(die), pytest.raises(KeyboardInterrupt):
        access_imports.confirm(run)
    run.refresh_from_db()
    assert (run.state, run.position, run.applied_count, AccessId.objects.count()) == ("applying", 0, 0, 0)
    assert access_imports.continue_due() == 1
    assert AccessId.objects.count() == 5000


def test_worker_that_dies_while_planning_is_followed_by_one_that_plans_anew(many):
    bad_lines = [f"nobody{number},x," for number in range(1500)]

    def die(run):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        access_imports.start(csv_file(*bad_lines, *many), in_background=False, observe=die)
    run = AccessImport.objects.get()
    assert (run.state, run.bad_count) == ("planning", 1000)
    access_imports.continue_due()
    run.refresh_from_db()
    assert (run.state, counts(run)) == ("planned", (2500, 0, 0, 1500, 0))
    assert run.bad_lines.count() == 1500


def test_file_that_is_leased_is_nobody_elses_until_the_lease_ends(many, time_machine):
    run = planned(csv_file(*many), in_background=True)
    AccessImport.objects.update(lease="0" * 32, leased_until=timezone.now() + timedelta(minutes=5))
    assert access_imports.continue_due() == 0
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    assert access_imports.continue_due() == 1
    run.refresh_from_db()
    assert (run.state, run.lease) == ("planned", None)


def test_lease_of_a_clock_that_was_wrong_does_not_keep_a_file_for_years(many):
    planned(csv_file(*many), in_background=True)
    AccessImport.objects.update(lease="0" * 32, leased_until=timezone.now() + timedelta(days=365))
    assert access_imports.continue_due() == 1


def test_worker_whose_lease_was_taken_over_writes_nothing_more(many):
    run = planned(csv_file(*many), in_background=False)

    def lose(run):
        AccessImport.objects.update(lease="0" * 32)

    access_imports.confirm(run, observe=lose)
    assert (run.state, run.position, AccessId.objects.count()) == ("applying", 1001, 2000)


def test_worker_that_comes_late_to_the_end_of_a_file_ends_it(many):
    run = planned(csv_file(*many), in_background=False)
    with pytest.raises(KeyboardInterrupt):
        access_imports.confirm(run, observe=die_at(2501))
    assert access_imports.continue_due() == 1
    run.refresh_from_db()
    assert (run.state, run.applied_count, file_is_gone(run)) == ("done", 2500, True)


def test_work_that_must_stop_ends_after_a_chunk_and_is_gone_on_with(many):
    run = planned(csv_file(*many), in_background=True)
    access_imports.continue_due()
    access_imports.confirm(run)
    began = []
    turns = 0
    while run.state == "applying":
        began.clear()
        access_imports.continue_due(must_stop=lambda: bool(began), observe=began.append)
        run.refresh_from_db()
        turns += 1
    assert (turns, run.state, run.applied_count) == (3, "done", 2500)


@pytest.mark.django_db(transaction=True)
def test_due_work_goes_on_with_a_file_and_tells_plenigo_of_it(sandbox):
    reader = UserFactory()
    customers.register(reader)
    lines = [f"nobody{number},x" for number in range(1500)]
    run = planned(csv_file(*lines, f"{reader.pk},crm-1", header="external_id,access_id_1"), in_background=True)
    due_work.run_due_work()
    run.refresh_from_db()
    access_imports.confirm(run)
    assert due_work.run_due_work(["default"]).delivered == 1
    run.refresh_from_db()
    assert (run.state, counts(run)) == ("done", (1, 0, 0, 1500, 1))
    assert sandbox.customers()[0].access_identifiers.get().value == "crm-1"


def test_nothing_is_begun_where_the_work_must_stop_already(many):
    planned(csv_file(*many), in_background=True)
    assert access_imports.continue_due(must_stop=lambda: True) == 0


def once_the_chunk_is_read(work, by="plenigo_accessid"):
    """A wrapper of the connection that has something done between what a chunk reads and what it writes, once."""
    is_done = []

    def wrap(execute, sql, parameters, many_, context):
        result = execute(sql, parameters, many_, context)
        is_last_read = sql.startswith("SELECT") and by in sql and "JOIN" not in sql
        if is_last_read and not is_done:
            is_done.append(True)
            work()
        return result

    return connection.execute_wrapper(wrap)


@pytest.mark.django_db(transaction=True)
def test_customer_who_is_deleted_while_her_chunk_is_written_is_a_bad_line(links):
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,"))
    with once_the_chunk_is_read(links[0].delete):
        access_imports.confirm(run)
    assert (run.state, reasons(run), kept()) == ("done", {2: "no_customer"}, [("2", 1, "b")])


def test_id_that_another_import_takes_while_the_chunk_is_written_is_a_bad_line(links):
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,"))
    with once_the_chunk_is_read(lambda: import_access_ids(links[3], ["b"])):
        access_imports.confirm(run)
    assert (run.state, reasons(run), counts(run)) == ("done", {3: "taken"}, (2, 0, 0, 1, 1))
    assert kept() == [("1", 1, "a"), ("4", 1, "b")]


@pytest.mark.parametrize("read", ["plenigo_accessid", "imported_at"])
def test_id_that_is_entered_while_the_chunk_is_written_is_not_overwritten(links, read):
    import_access_ids(links[0], ["old"])
    run = planned(csv_file("CUSTOMER-1,a,", "CUSTOMER-2,b,"))
    with once_the_chunk_is_read(lambda: import_access_ids(links[0], ["by-hand"]), read):
        access_imports.confirm(run)
    assert reasons(run) == {2: "changed_since"}
    assert kept() == [("1", 1, "by-hand"), ("2", 1, "b")]


@pytest.mark.django_db(transaction=True)
def test_agent_who_is_deleted_while_her_file_is_imported_leaves_it_to_nobody(many):
    agent = UserFactory()
    run = planned(csv_file(*many), in_background=False, created_by=agent)
    access_imports.confirm(run, observe=lambda run: agent.delete() if agent.pk else None)
    assert (run.state, run.applied_count, run.created_by) == ("done", 2500, None)
    assert not AccessId.objects.exclude(imported_by=None).exists()


def test_mistake_of_the_site_fails_the_import_and_tells_no_values(many, caplog):
    def fail(run):
        raise LookupError("a00001")

    run = access_imports.start(csv_file(*many), in_background=False, observe=fail)
    assert (run.state, run.last_error) == ("failed", "this site raised LookupError")
    assert "made a mistake with the file. Tell the developers" in access_imports.failure_of(run)
    assert "a00001" not in caplog.text


def test_bad_lines_and_cells_are_in_no_text_of_a_row(links):
    run = planned(csv_file("secret-nobody,secret-value,", "CUSTOMER-1,secret-id,"))
    assert bad(run) == [(2, "customer_id", "secret-nobody", "no_customer")]
    rows = [run, run.bad_lines.get(), run.parts.get()]
    assert "secret" not in "".join(f"{row} {row!r}" for row in rows)

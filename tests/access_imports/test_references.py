"""Files of a portal's references: what is bound, that nothing is moved, others at the same time, and crashes."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_plenigo.models import PortalAccount, RemoteChange
from django_plenigo.services import access_imports
from tests.access_imports.files import apply, bad, counts, file_is_gone, planned, reasons
from tests.access_imports.references import bind, bound, file_of
from tests.factories import LinkFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("two_portals")]


# ---- what is bound -----------------------------------------------------------------------------------------------


def test_references_are_bound_with_who_when_and_from_where_and_the_bad_line_is_kept(users):
    agent, began = UserFactory(), timezone.now()
    run = apply(file_of("ada,101", "nobody,102", "bea,103"), portal="okepay", created_by=agent)
    assert (run.state, run.portal, counts(run)) == ("done", "okepay", (2, 0, 0, 1, 2))
    assert (bound(), file_is_gone(run)) == ([("ada", "101"), ("bea", "103")], True)
    account = PortalAccount.objects.get(user=users[0])
    assert (account.provenance, account.bound_by, account.bound_from) == ("file", agent, "ids.csv")
    assert began <= account.bound_at <= timezone.now()
    assert not account.is_external
    assert bad(run) == [(3, "username", "nobody", "no_user")]


def test_nothing_is_bound_before_the_yes(users):
    run = planned(file_of("ada,101"), portal="okepay")
    assert (run.state, counts(run), bound()) == ("planned", (1, 0, 0, 0, 0), [])


def test_reference_that_the_site_has_given_the_vendor_stands_in_a_column_of_its_own(users):
    apply(file_of("ada,ext-101", header="username,external_reference"), portal="2checkout")
    account = PortalAccount.objects.get()
    assert (account.portal, account.reference, account.is_external) == ("2checkout", "ext-101", True)


def test_user_who_has_a_reference_of_ours_keeps_it_beside_the_vendors(users):
    of_ada = PortalAccount.objects.create(portal="okepay", user=users[0], our_reference="ours")
    created_at = of_ada.created_at
    apply(file_of("ada,101", "bea,102"), portal="okepay")
    of_ada.refresh_from_db()
    assert (of_ada.our_reference, of_ada.reference, of_ada.provenance) == ("ours", "101", "file")
    assert of_ada.created_at == created_at < of_ada.updated_at
    assert bound() == [("ada", "101"), ("bea", "102")]


def test_plenigo_is_told_nothing_of_references(users):
    LinkFactory(user=users[0])
    noted = list(RemoteChange.objects.values_list("kind", "noted"))
    apply(file_of("ada,101"), portal="okepay")
    assert list(RemoteChange.objects.values_list("kind", "noted")) == noted


def test_portals_know_nothing_of_each_other(users):
    apply(file_of("ada,101"), portal="okepay")
    run = apply(file_of("bea,101", "ada,202"), portal="2checkout")
    assert counts(run) == (2, 0, 0, 0, 2)
    assert (bound("okepay"), bound("2checkout")) == ([("ada", "101")], [("ada", "202"), ("bea", "101")])


def test_references_that_differ_in_case_alone_are_two(users):
    bind(users[2], "Ref-A")
    run = apply(file_of("ada,REF-A", "bea,ref-a"), portal="okepay")
    assert counts(run) == (2, 0, 0, 0, 2)
    assert bound() == [("ada", "REF-A"), ("bea", "ref-a"), ("cyd", "Ref-A")]


# ---- nothing is moved --------------------------------------------------------------------------------------------


def test_reference_of_another_and_a_second_one_of_a_user_are_bad_lines_and_move_nothing(users):
    bind(users[0], "101")
    run = apply(file_of("ada,102", "bea,101", "cyd,103"), portal="okepay")
    assert bad(run) == [(2, "reference", "102", "user_has_another"), (3, "reference", "101", "of_another_user")]
    assert (counts(run), bound()) == ((1, 0, 0, 2, 1), [("ada", "101"), ("cyd", "103")])
    assert PortalAccount.objects.get(user=users[0]).provenance == "webhook"


def test_same_reference_again_is_the_same_and_keeps_where_it_was_from(users):
    bind(users[0], "101")
    run = apply(file_of("ada,101"), portal="okepay")
    assert (run.state, counts(run)) == ("done", (0, 0, 1, 0, 0))
    assert PortalAccount.objects.get().provenance == "webhook"


def test_reference_that_an_agent_has_taken_away_is_not_given_back_by_a_file(users):
    of_ada = PortalAccount.objects.create(portal="okepay", user=users[0], provenance="by_hand", bound_at=timezone.now())
    run = apply(file_of("ada,101", "bea,102"), portal="okepay")
    assert bad(run) == [(2, "reference", "101", "taken_away")]
    of_ada.refresh_from_db()
    assert (of_ada.reference, of_ada.provenance, bound()) == (None, "by_hand", [("bea", "102")])


def test_same_reference_of_the_other_kind_is_a_bad_line(users):
    bind(users[0], "101")
    run = apply(file_of("ada,101", header="username,external_reference"), portal="okepay")
    assert bad(run) == [(2, "external_reference", "101", "reference_of_other_kind")]
    assert not PortalAccount.objects.get().is_external


def test_of_two_lines_for_one_user_or_one_reference_the_first_counts(users):
    run = apply(file_of("ada,101", "ada,102", "bea,101", "ada,101"), portal="okepay")
    assert list(run.bad_lines.order_by("number").values_list("number", "reason", "other_line")) == [
        (3, "same_user", 2),
        (4, "same_value", 2),
        (5, "same_user", 2),
    ]
    assert bound() == [("ada", "101")]


def test_reasons_are_sentences(users):
    bind(users[2], "103")
    run = planned(file_of("ada,101", "ada,102", "bea,103", "cyd,104", "nobody,1", "bea,"), portal="okepay")
    sentences = [access_imports.sentence_of(line) for line in run.bad_lines.order_by("number")]
    assert sentences == [
        "the same user stands in line 2 already",
        "is another user's at this portal: take it away from that one first",
        "is not the one that this user has at this portal: an agent has to decide which is right",
        "this site has no such user",
        "the line has no reference",
    ]
    assert ("the same user stands in another line already", 1) in access_imports.count_reasons(run)


# ---- between plan and yes, and at once with others ---------------------------------------------------------------


def test_user_who_was_bound_since_the_plan_is_a_bad_line_of_the_result_and_keeps_her_reference(users):
    run = planned(file_of("ada,101", "bea,102", "cyd,103"), portal="okepay")
    bind(users[0], "999")
    bind(UserFactory(), "102")
    bind(users[2], "103")
    access_imports.confirm(run)
    assert (reasons(run), run.applied_count) == ({2: "user_has_another", 3: "of_another_user"}, 0)
    assert PortalAccount.objects.get(user=users[0]).reference == "999"


def test_line_that_has_come_to_name_the_user_of_another_since_the_plan_is_a_bad_line(users):
    LinkFactory(user=users[0], customer_id="C1")
    moved = LinkFactory(user=users[1], customer_id="C2")
    run = planned(file_of("C1,101", "C2,102", header="customer_id,reference"), portal="okepay")
    moved.delete()
    LinkFactory(user=users[0], account="brand", customer_id="C2")
    access_imports.confirm(run)
    assert list(run.bad_lines.values_list("number", "reason", "other_line")) == [(3, "same_user", 2)]
    assert (run.applied_count, bound()) == (1, [("ada", "101")])


def once_the_chunk_is_read(work):
    """A wrapper of the connection that has something done between what a chunk reads and what it writes, once."""
    reads = []

    def wrap(execute, sql, parameters, many, context):
        result = execute(sql, parameters, many, context)
        if sql.startswith("SELECT") and "plenigo_portalaccount" in sql:
            reads.append(sql)
            if len(reads) == 2:  # whom each user is bound to, and whose each reference is
                work()
        return result

    return connection.execute_wrapper(wrap)


@pytest.mark.parametrize("has_ours", [True, False])
def test_webhook_that_binds_the_user_while_her_chunk_is_written_wins(users, has_ours):
    if has_ours:
        PortalAccount.objects.create(portal="okepay", user=users[0], our_reference="ours")
    run = planned(file_of("ada,101", "bea,102"), portal="okepay")

    def bind_ada():
        values = {"reference": "999", "provenance": "webhook"}
        PortalAccount.objects.update_or_create(portal="okepay", user=users[0], defaults=values)

    with once_the_chunk_is_read(bind_ada):
        access_imports.confirm(run)
    assert (run.state, reasons(run), run.applied_count) == ("done", {2: "user_has_another"}, 1)
    assert bound() == [("ada", "999"), ("bea", "102")]


def test_reference_that_an_agent_takes_away_while_its_chunk_is_written_stays_away(users):
    of_ada = PortalAccount.objects.create(portal="okepay", user=users[0], our_reference="ours")
    run = planned(file_of("ada,101", "bea,102"), portal="okepay")
    taken_away = PortalAccount.objects.filter(pk=of_ada.pk)
    with once_the_chunk_is_read(lambda: taken_away.update(provenance="by_hand")):
        access_imports.confirm(run)
    assert (run.state, reasons(run), bound()) == ("done", {2: "taken_away"}, [("bea", "102")])


@pytest.mark.parametrize("has_ours", [True, False])
def test_webhook_that_takes_the_reference_while_its_chunk_is_written_wins(users, has_ours):
    if has_ours:
        PortalAccount.objects.create(portal="okepay", user=users[0], our_reference="ours")
    run = planned(file_of("ada,101", "bea,102"), portal="okepay")
    with once_the_chunk_is_read(lambda: bind(users[2], "101")):
        access_imports.confirm(run)
    assert (run.state, reasons(run)) == ("done", {2: "of_another_user"})
    assert bound() == [("bea", "102"), ("cyd", "101")]


@pytest.mark.django_db(transaction=True)
def test_user_who_is_deleted_while_her_chunk_is_written_is_a_bad_line(users):
    run = planned(file_of("ada,101", "bea,102"), portal="okepay")
    with once_the_chunk_is_read(users[0].delete):
        access_imports.confirm(run)
    assert (run.state, reasons(run), bound()) == ("done", {2: "no_user"}, [("bea", "102")])


# ---- large files, and a crash ------------------------------------------------------------------------------------


@pytest.fixture
def many():
    """The lines of a file for 2,500 users, every third of whom has a reference of ours."""
    model = get_user_model()
    model.objects.bulk_create(UserFactory.build_batch(2500))
    users = list(model.objects.order_by("pk"))
    PortalAccount.objects.bulk_create(
        PortalAccount(portal="okepay", user=user, our_reference=f"ours-{user.pk}") for user in users[::3]
    )
    return [f"{user.username},r{number}" for number, user in enumerate(users)]


def die_at(position):
    """An observer in whose place a worker dies, once a chunk up to this line is written."""

    def observe(run):
        if run.state == "applying" and run.position >= position:
            raise KeyboardInterrupt

    return observe


def test_worker_that_dies_between_chunks_is_followed_by_one_that_does_no_line_twice(many):
    run = planned(file_of(*many, "nobody,x"), portal="okepay", in_background=False)
    with pytest.raises(KeyboardInterrupt):
        access_imports.confirm(run, observe=die_at(1001))
    run.refresh_from_db()
    assert (run.position, run.applied_count, len(bound())) == (1001, 1000, 1000)
    seen = []
    assert access_imports.continue_due(observe=lambda run: seen.append(run.position)) == 1
    run.refresh_from_db()
    assert min(seen) > 1001
    assert (run.state, counts(run), len(bound())) == ("done", (2500, 0, 0, 1, 2500), 2500)
    assert PortalAccount.objects.exclude(our_reference=None).count() == 834


@pytest.mark.parametrize("statement", ["INSERT", "UPDATE"])
def test_worker_that_dies_within_a_chunk_leaves_nothing_of_it(many, statement):
    run = planned(file_of(*many), portal="okepay", in_background=False)

    def die(execute, sql, parameters, many_, context):
        if sql.startswith(statement) and "plenigo_portalaccount" in sql:
            raise KeyboardInterrupt
        return execute(sql, parameters, many_, context)

    with connection.execute_wrapper(die), pytest.raises(KeyboardInterrupt):
        access_imports.confirm(run)
    run.refresh_from_db()
    assert (run.state, run.position, run.applied_count, bound()) == ("applying", 0, 0, [])
    assert access_imports.continue_due() == 1
    assert len(bound()) == 2500


def test_unchanged_lines_cost_three_reads_a_chunk_and_no_write_of_references(many):
    apply(file_of(*many[:2000]), portal="okepay", in_background=False)
    with CaptureQueriesContext(connection) as queries:
        run = planned(file_of(*many[:2000]), portal="okepay", in_background=False)
    assert (run.state, counts(run)) == ("done", (0, 0, 2000, 0, 0))
    asked = [query["sql"] for query in queries if "portalaccount" in query["sql"] or "auth_user" in query["sql"]]
    assert len(asked) == 6
    assert all(sql.startswith("SELECT") for sql in asked)


# ---- the failed lines --------------------------------------------------------------------------------------------


def test_failed_lines_are_mended_and_fed_back_in(users):
    run = apply(file_of("ada,101", "nobody,102"), portal="okepay")
    text = "".join(access_imports.write_failures(run))
    assert text.splitlines()[1] == "nobody,102,username: this site has no such user"
    again = apply(io.BytesIO(text.replace("nobody", "bea").encode()), portal="okepay")
    assert (counts(again), bound()) == ((1, 0, 0, 0, 1), [("ada", "101"), ("bea", "102")])


def test_preview_shows_the_first_lines_with_what_comes_of_each(users):
    bind(users[1], "102")
    run = planned(file_of("ada,101", "bea,102", "bea,103", "nobody,1"), portal="okepay")
    preview = access_imports.preview(run)
    assert (preview.customer_column, preview.id_columns) == ("username", ["reference"])
    shown = [(line.customer, line.ids[0].value, line.ids[0].replaced, line.outcome.value) for line in preview.lines]
    assert shown == [
        ("ada", "101", "", "new"),
        ("bea", "102", "", "same"),
        ("bea", "103", "", "bad"),
        ("nobody", "1", "", "bad"),
    ]

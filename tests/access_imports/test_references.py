"""Files of a portal's references: who is named, what is bound, and that nothing is moved."""

import io

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from django_plenigo.errors import AccessImportError, ConfigurationError
from django_plenigo.models import PortalAccount, RemoteChange
from django_plenigo.services import access_imports
from tests.access_imports.files import apply, bad, counts, csv_file, file_is_gone, planned, reasons, xlsx_file
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

HEADER = "username,reference"


@pytest.fixture(autouse=True)
def _portals(settings):
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "shop.Portal"}, "2checkout": {"BACKEND": "shop.Portal"}}


@pytest.fixture
def users():
    """Three readers of the site: ada, bea and cyd."""
    return [UserFactory(username=name, email=f"{name}@example.com") for name in ("ada", "bea", "cyd")]


def file_of(*lines, header=HEADER):
    return csv_file(*lines, header=header)


def bind(user, reference, portal="okepay", **fields):
    """Bind a user as a webhook does it."""
    return PortalAccount.objects.create(portal=portal, user=user, reference=reference, provenance="webhook", **fields)


def verify(user, email=None, **fields):
    """Let allauth have confirmed an address of a user, her own by default."""
    values = {"email": email or user.email, "verified": True, "primary": True, **fields}
    return EmailAddress.objects.create(user=user, **values)


def bound(portal="okepay"):
    """User name and reference of everybody who has one."""
    accounts = PortalAccount.objects.filter(portal=portal).exclude(reference=None).order_by("user__username")
    return list(accounts.values_list("user__username", "reference"))


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


# ---- who is named ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "bea"),
        ("email", "Bea@Example.COM"),
        ("User ID", "{pk}"),
        ("customer_id", "C-BEA"),
        ("external-id", "E-BEA"),
    ],
)
def test_one_column_names_the_user(users, field, value):
    LinkFactory(user=users[1], customer_id="C-BEA", external_id="E-BEA")
    verify(users[1])
    run = apply(file_of(f"{value.format(pk=users[1].pk)},101", header=f"{field},reference"), portal="okepay")
    assert (counts(run), bound()) == ((1, 0, 0, 0, 1), [("bea", "101")])


def test_address_of_two_users_is_nobodys(users):
    UserFactory(email="ADA@example.com")
    run = planned(file_of("ada@example.com,101", header="email,reference"), portal="okepay")
    assert bad(run) == [(2, "email", "ada@example.com", "ambiguous_user")]


def test_address_is_allauths_confirmed_one_where_the_users_have_no_field_for_it(users, monkeypatch):
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "nowhere")
    verify(users[0], "Ada@example.com")
    verify(users[1], verified=False)
    lines = ["ada@example.com,101", "bea@example.com,102"]
    run = apply(file_of(*lines, header="email,reference"), portal="okepay")
    assert (reasons(run), bound()) == ({3: "no_user"}, [("ada", "101")])


UNVERIFIED = "this site has not verified that the address is the user's: have her verify it, or name her by user_id"


def test_address_that_the_site_has_not_verified_is_nobodys_since_anybody_can_enter_it(users):
    verify(users[0])
    verify(users[1], verified=False)
    verify(users[2], "another@example.com")  # but not the one that she has here
    lines = [f"{user.email},10{number}" for number, user in enumerate(users)]
    run = apply(file_of(*lines, header="email,reference"), portal="okepay")
    assert bad(run) == [
        (3, "email", "bea@example.com", "unverified_email"),
        (4, "email", "cyd@example.com", "unverified_email"),
    ]
    assert access_imports.sentence_of(run.bad_lines.first()) == UNVERIFIED
    assert bound() == [("ada", "100")]


def test_address_that_is_verified_no_more_at_the_yes_is_a_bad_line_of_the_result(users):
    address = verify(users[0])
    run = planned(file_of("ada@example.com,101", header="email,reference"), portal="okepay")
    address.delete()
    access_imports.confirm(run)
    assert (reasons(run), bound()) == ({2: "unverified_email"}, [])


def has_verified(user):
    """Say so of one reader alone, as a site's own function does."""
    return user.username == "bea"


def test_function_of_the_site_says_which_addresses_are_verified(users, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EMAIL_IS_VERIFIED": f"{__name__}.has_verified"}}
    verify(users[0])  # which the function does not know
    run = apply(file_of("ada@example.com,101", "bea@example.com,102", header="email,reference"), portal="okepay")
    assert (reasons(run), bound()) == ({2: "unverified_email"}, [("bea", "102")])


def test_verified_addresses_cost_one_query_however_many_lines_there_are(users):
    for user in users:
        verify(user)
    lines = [f"{user.email},10{number}" for number, user in enumerate(users)]
    for of_file in (lines[:1], lines):
        with CaptureQueriesContext(connection) as queries:
            planned(file_of(*of_file, header="email,reference"), portal="okepay")
        assert len([query for query in queries if "account_emailaddress" in query["sql"]]) == 1


@pytest.mark.parametrize("has_log_in_by_address", [False, True])
def test_name_to_log_in_with_needs_to_be_verified_where_it_is_the_address(users, monkeypatch, has_log_in_by_address):
    if has_log_in_by_address:
        monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    verify(users[1])
    names = [user.email if has_log_in_by_address else user.username for user in users[:2]]
    run = apply(file_of(f"{names[0]},101", f"{names[1]},102"), portal="okepay")
    assert reasons(run) == ({2: "unverified_email"} if has_log_in_by_address else {})
    assert ("bea", "102") in bound()


@pytest.mark.parametrize("field", ["email", "username"])
def test_addresses_name_nobody_where_the_site_verifies_none(users, settings, monkeypatch, field):
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    without_allauth = [name for name in settings.INSTALLED_APPS if not name.startswith("allauth")]
    with (
        override_settings(INSTALLED_APPS=without_allauth),
        pytest.raises(AccessImportError, match=f"The column {field} .* set EMAIL_IS_VERIFIED of the account default"),
    ):
        planned(file_of("ada@example.com,101", header=f"{field},reference"), portal="okepay")


def test_id_that_two_accounts_have_given_two_users_is_nobodys(users):
    LinkFactory(user=users[0], customer_id="C1")
    LinkFactory(user=users[1], customer_id="C1", account="brand")
    LinkFactory(user=users[2], customer_id="C2")
    LinkFactory(user=users[2], customer_id="C2", account="brand")
    run = apply(file_of("C1,101", "C2,102", header="customer_id,reference"), portal="okepay")
    assert (reasons(run), bound()) == ({2: "ambiguous_user"}, [("cyd", "102")])


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "99999999999999999999999", "²"])
def test_number_that_is_no_key_of_a_user_is_a_bad_line(users, value):
    run = planned(file_of(f"{value},101", header="user_id,reference"), portal="okepay")
    assert bad(run) == [(2, "user_id", value, "no_user")]


def test_number_in_another_spelling_is_nobodys_key(users):
    run = planned(file_of(f"+{users[0].pk},101", f"{users[1].pk}_,102", header="user_id,reference"), portal="okepay")
    assert reasons(run) == {2: "no_user", 3: "no_user"}


def test_user_name_counts_in_its_own_case(users):
    assert reasons(planned(file_of("ADA,101"), portal="okepay")) == {2: "no_user"}


# ---- what a cell may be ------------------------------------------------------------------------------------------


def test_reference_that_can_be_nobodys_is_a_bad_line_with_its_reason(users):
    run = planned(
        file_of(f"ada,{'x' * 251}", "ada,a\x07b", "ada,1.23457E+17", "ada,", ",101", "ada,1,2", f"bea,{'x' * 250}"),
        portal="okepay",
    )
    assert [(number, reason) for number, _column, _value, reason in bad(run)] == [
        (2, "reference_too_long"),
        (3, "unprintable"),
        (4, "number"),
        (5, "no_reference"),
        (6, "blank"),
        (7, "too_many_cells"),
    ]
    assert run.new_count == 1


def test_number_of_a_spreadsheet_is_no_reference_but_may_be_the_key_of_a_user(users):
    rows = [[users[0].pk, "101"], [users[1].pk, 102], [float(users[2].pk), "103"], [1.5, "104"]]
    run = apply(xlsx_file(*rows, header=["user_id", "reference"]), portal="okepay")
    assert reasons(run) == {3: "number", 5: "number"}
    assert bound() == [("ada", "101"), ("cyd", "103")]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("name,reference", "no column that names the user: email, user_id, username, customer_id, external_id."),
        ("email,username,reference", "several columns that name the user: leave one of email, username."),
        ("username,access_id_1", "no column of references: reference, external_reference."),
        ("username,reference,external_reference", "several columns of references: leave one of"),
        ("username,refernce", "a column refernce: did you mean reference?"),
        ("username,reference,Reference", "two columns for reference."),
    ],
)
def test_columns_that_leave_open_what_is_meant_are_refused(header, sentence):
    with pytest.raises(AccessImportError) as caught:
        planned(file_of("a,b", header=header), portal="okepay")
    assert sentence in caught.value.problem


def test_address_is_no_column_where_no_column_of_the_users_holds_it(users, monkeypatch):
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "post_box")
    monkeypatch.setattr(get_user_model(), "post_box", property(lambda user: "ada@example.com"), raising=False)
    with pytest.raises(AccessImportError, match="The users of this site have no address"):
        planned(file_of("ada@example.com,101", header="email,reference"), portal="okepay")


def test_portal_that_is_not_in_the_settings_is_refused(db):
    with pytest.raises(ConfigurationError, match="PLENIGO_PORTALS has no 'shop'"):
        planned(file_of("ada,101"), portal="shop")


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

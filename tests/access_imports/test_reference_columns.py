"""Whom a line of a portal's file names, and what its cells may be."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from django_plenigo.errors import AccessImportError, ConfigurationError
from django_plenigo.services import access_imports
from tests.access_imports.files import apply, bad, counts, planned, reasons, xlsx_file
from tests.access_imports.references import bound, file_of, verify
from tests.factories import LinkFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("two_portals")]


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


def test_address_counts_no_more_where_the_site_has_stopped_to_say_what_it_verifies(users, settings):
    verify(users[0])
    run = planned(file_of("ada@example.com,101", header="email,reference"), portal="okepay")
    without_allauth = [name for name in settings.INSTALLED_APPS if not name.startswith("allauth")]
    with override_settings(INSTALLED_APPS=without_allauth):
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


NOT_THE_VENDORS = (
    "the portal's vendor has no such reference: look for zeros in front, and whether it belongs into reference or into "
    "external_reference"
)


@pytest.mark.parametrize(
    ("portal", "column", "lines", "known"),
    [
        ("okepay", "reference", ["ada,01", "bea,c0ffee00", "cyd,1"], [("cyd", "1")]),
        ("okepay", "external_reference", ["ada,101", "bea,102"], []),
        ("2checkout", "reference", ["ada,0352365983", "bea,ext-1", "cyd,352365983"], [("cyd", "352365983")]),
        ("2checkout", "external_reference", ["ada,01", "bea,1"], [("ada", "01"), ("bea", "1")]),
    ],
)
def test_reference_that_the_vendor_cannot_have_is_a_bad_line(users, settings, portal, column, lines, known):
    folder = "django_plenigo.protocols"
    settings.PLENIGO_PORTALS = {
        "okepay": {"BACKEND": f"{folder}.okepay.OkePay"},
        "2checkout": {"BACKEND": f"{folder}.twocheckout.TwoCheckout"},
    }
    run = apply(file_of(*lines, header=f"username,{column}"), portal=portal)
    assert bound(portal) == known
    wrong = [line.partition(",")[2] for line in lines[: len(lines) - len(known)]]
    assert bad(run) == [(number, column, value, "not_the_vendors") for number, value in enumerate(wrong, start=2)]
    assert {access_imports.sentence_of(line) for line in run.bad_lines.all()} <= {NOT_THE_VENDORS}


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


def test_file_of_a_portal_whose_class_is_missing_is_refused(db, settings):
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "mysite.missing.Portal"}}
    with pytest.raises(ConfigurationError, match=r"PLENIGO_PORTALS\['okepay'\]\['BACKEND'\] cannot be imported"):
        planned(file_of("ada,101"), portal="okepay")


def test_portal_that_is_not_in_the_settings_is_refused(db):
    with pytest.raises(ConfigurationError, match="PLENIGO_PORTALS has no 'shop'"):
        planned(file_of("ada,101"), portal="shop")

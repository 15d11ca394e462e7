"""The file of what was not imported: to be mended and fed back in."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_plenigo.services import access_imports
from django_plenigo.services.access_imports import text_files
from tests.access_imports.files import apply, counts, csv_file, kept, planned, reasons, xlsx_file

pytestmark = pytest.mark.django_db


def failures(run):
    """The text of the file."""
    return "".join(access_imports.write_failures(run))


def rows(text, delimiter=","):
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter))


def fed_back(text):
    return apply(io.BytesIO(text.encode()))


def test_bad_lines_come_with_all_their_cells_and_the_reason(links):
    run = apply(csv_file("Ada,CUSTOMER-1,a", "Bea,nobody,b", "Cyd,CUSTOMER-1,a", header="name,customer_id,access_id_1"))
    text = failures(run)
    assert text.startswith("\ufeff")
    assert rows(text) == [
        ["name", "customer_id", "access_id_1", "reason"],
        ["Bea", "nobody", "b", "customer_id: no customer of this site has this ID: register the user first"],
        ["Cyd", "CUSTOMER-1", "a", "customer_id: the same customer stands in line 2 already"],
    ]


def test_mended_lines_are_imported_and_the_others_fail_with_a_new_reason(links):
    run = apply(csv_file("nobody,a,", "CUSTOMER-2,,", "CUSTOMER-3,c,"))
    text = failures(run).replace("nobody", "CUSTOMER-1")
    run = fed_back(text)
    assert (counts(run), kept()) == ((1, 0, 0, 1, 1), [("1", 1, "a"), ("3", 1, "c")])
    assert rows(failures(run)) == [
        ["customer_id", "access_id_1", "access_id_2", "reason"],
        ["CUSTOMER-2", "", "", "the line has no access ID"],
    ]


def test_delimiter_of_the_file_is_kept(links):
    run = apply(csv_file("nobody;a;b", header="customer_id;access_id_1;access_id_2"))
    assert rows(failures(run), ";")[1][:3] == ["nobody", "a", "b"]


@pytest.mark.parametrize("value", ["=1+1", "+49 30", "-5", "@SUM(A1)", "'=x", "''=x", "=cmd|' /C calc'!A0"])
def test_formulas_are_escaped_and_come_back_as_they_were(links, value):
    run = apply(csv_file(f"nobody,{value},"))
    assert rows(failures(run))[1][1] == "'" + value
    fed_back(failures(run).replace("nobody", "CUSTOMER-1"))
    assert kept() == [("1", 1, value)]


@pytest.mark.parametrize("value", ["'", "''", "'x", "x=1", "1-2"])
def test_what_is_no_formula_is_not_escaped_and_comes_back_as_it_was(links, value):
    run = apply(csv_file(f"nobody,{value},"))
    assert rows(failures(run))[1][1] == value
    fed_back(failures(run).replace("nobody", "CUSTOMER-1"))
    assert kept() == [("1", 1, value)]


@pytest.mark.parametrize(
    ("cell", "escaped"),
    [
        ("\t=x", "'\t'=x"),
        ("\r=y", "'\r'=y"),
        ("\n@z", "'\n'@z"),
        ("\tx", "'\tx"),
        (" =x", "' =x"),
        ("\N{NO-BREAK SPACE}+x", "'\N{NO-BREAK SPACE}+x"),
        ("\N{FULLWIDTH EQUALS SIGN}x", "'\N{FULLWIDTH EQUALS SIGN}x"),
        ("\N{FULLWIDTH PLUS SIGN}x", "'\N{FULLWIDTH PLUS SIGN}x"),
        ("\N{FULLWIDTH HYPHEN-MINUS}x", "'\N{FULLWIDTH HYPHEN-MINUS}x"),
        ("\N{FULLWIDTH COMMERCIAL AT}x", "'\N{FULLWIDTH COMMERCIAL AT}x"),
        ("a;=x", "a;'=x"),
        ("a, -x", "a,' -x"),
        ("a|@x|+y", "a|'@x|'+y"),
        ('a"=x', "a\"'=x"),
        ("a\n=x", "a\n'=x"),
        ("a;'=x", "a;''=x"),
    ],
)
def test_what_any_spreadsheet_would_take_for_a_formula_is_escaped_wherever_a_cell_may_start_for_it(
    links, cell, escaped
):
    quoted = '"' + cell.replace('"', '""') + '"'
    run = planned(csv_file(f"nobody,{quoted},"))
    assert rows(failures(run))[1][1] == escaped
    assert text_files.unescaped(escaped) == cell


@given(st.text(alphabet="'=-＝,;\t\r\n\" ax", max_size=12))
def test_every_cell_comes_back_from_its_escaped_form(cell):
    assert text_files.unescaped(text_files.escaped(cell)) == cell


def test_names_of_columns_are_escaped_and_come_back(links):
    run = apply(csv_file("nobody,a,x", header="customer_id,access_id_1,=evil"))
    assert rows(failures(run))[0] == ["customer_id", "access_id_1", "'=evil", "reason"]
    assert fed_back(failures(run)).layout["ignored"] == ["=evil"]


def test_cell_too_many_is_kept_behind_the_reason(links):
    run = apply(csv_file("CUSTOMER-1,a,b,c"))
    assert rows(failures(run))[1][4:] == ["c"]
    assert reasons(fed_back(failures(run))) == {2: "too_many_cells"}


def test_numbers_of_a_sheet_can_be_looked_through_and_fed_back_in_as_text(links):
    run = apply(xlsx_file(["CUSTOMER-1", 4711]))
    assert run.bad_count == 1
    fed_back(failures(run))
    assert kept() == [("1", 1, "4711")]


def test_all_bad_lines_are_there_in_their_order(links):
    run = apply(csv_file(*[f"nobody{number},x," for number in range(2500)]))
    assert [row[0] for row in rows(failures(run))[1:]] == [f"nobody{number}" for number in range(2500)]

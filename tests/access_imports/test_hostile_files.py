"""Files as they come: of every program and in every state, and some that mean harm."""

import io
import os
import tracemalloc
import zipfile
from datetime import date, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile

from django_plenigo.errors import AccessImportError
from django_plenigo.models import AccessImport
from django_plenigo.services import access_imports
from django_plenigo.services.access_imports import running
from tests.access_imports.files import apply, bad, counts, csv_file, kept, planned, reasons, xlsx_file
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db

WHOLE = [("1", 1, "a"), ("1", 2, "b"), ("2", 1, "c")]


def refused(file):
    """The error that a file is refused with; nothing of it is kept."""
    with pytest.raises(AccessImportError) as caught:
        planned(file)
    assert not AccessImport.objects.exists()
    assert caught.value.problem.endswith((".", "?"))
    return caught.value


# ---- text files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        csv_file("CUSTOMER-1,a,b", "CUSTOMER-2,c,"),
        csv_file("CUSTOMER-1,a,b", "CUSTOMER-2,c,", encoding="utf-8-sig"),
        csv_file("CUSTOMER-1,a,b", "CUSTOMER-2,c,", end="\r\n"),
        csv_file("CUSTOMER-1,a,b", "CUSTOMER-2,c,", end="\r"),
        csv_file("CUSTOMER-1;a;b", "CUSTOMER-2;c;", header="customer_id;access_id_1;access_id_2"),
        csv_file("CUSTOMER-1\ta\tb", "CUSTOMER-2\tc\t", header="customer_id\taccess_id_1\taccess_id_2"),
        csv_file('"CUSTOMER-1";"a";"b"', '"CUSTOMER-2";"c";""', header='"customer_id";"access_id_1";"access_id_2"'),
        csv_file('CUSTOMER-1,"a",b', 'CUSTOMER-2,"c"', header='customer_id,"access_id_1",access_id_2'),
        csv_file("", "CUSTOMER-1,a,b", " , ,", "", "CUSTOMER-2,c,", "", ""),
        csv_file("customer_id,access_id_1,access_id_2", "CUSTOMER-1,a,b", "CUSTOMER-2,c,", header=""),
        csv_file("customer_id;access_id_1;access_id_2", "CUSTOMER-1;a;b", "CUSTOMER-2;c;", header="sep=;"),
        csv_file("CUSTOMER-1,a,b,,", "CUSTOMER-2,c", header="customer_id,access_id_1,access_id_2,,"),
        csv_file("  CUSTOMER-1 , a,b\t", "CUSTOMER-2,c,", header=" Customer ID ,ACCESS-ID-1, access id 2"),
        csv_file("a,CUSTOMER-1,Ada,b", "c,CUSTOMER-2,Bea,", header="access_id_1,customer_id,first name,access_id_2"),
    ],
    ids=[
        *("plain", "byte order mark", "CRLF", "CR", "semicolons", "tabs", "all quoted", "some quoted", "empty lines"),
        *("empty first line", "hint of the delimiter", "more commas", "blanks", "other order and columns"),
    ],
)
def test_file_of_every_program_is_read(links, file):
    run = apply(file)
    assert (kept(), counts(run)) == (WHOLE, (2, 0, 0, 0, 2))


def test_last_line_needs_no_line_break(links):
    apply(io.BytesIO(b"customer_id,access_id_1\nCUSTOMER-1,a"))
    assert kept() == [("1", 1, "a")]


def test_ids_in_all_scripts_are_kept_as_they_are(links):
    apply(csv_file('CUSTOMER-1,"Müller, ""K""",東京🗼'))
    assert kept() == [("1", 1, 'Müller, "K"'), ("1", 2, "東京🗼")]


def test_lines_are_counted_as_a_spreadsheet_counts_them(links):
    run = planned(csv_file("", 'CUSTOMER-1,"of two\nlines",', "nobody,a,"))
    assert reasons(run) == {3: "unprintable", 4: "no_customer"}


def test_columns_that_are_not_used_are_named(links):
    run = planned(csv_file("CUSTOMER-1,a,Ada,x", header="customer_id,access_id_1,name,shoe size"))
    assert run.layout["ignored"] == ["name", "shoe size"]


def test_labels_of_the_site_name_the_slots(links, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "DELIVERY": "", "ACCESS_ID_LABELS": ["CRM", "Billing No."]}}
    run = apply(csv_file("CUSTOMER-1,a,b,d", "nobody,x,,", header="customer_id,billing no.,crm,access_id_4"))
    assert kept() == [("1", 1, "b"), ("1", 2, "a"), ("1", 4, "d")]
    settings.PLENIGO["default"]["ACCESS_ID_LABELS"] = ["Billing No.", "CRM"]
    assert access_imports.continue_due() == 0
    assert run.layout["slots"] == {"1": 2, "2": 1, "3": 4}


@pytest.mark.parametrize(
    ("header", "code", "told"),
    [
        ("access_id_1,access_id_2", "columns", "customer_id, external_id, email, access_id"),
        ("customer_id,name", "columns", "no column of access IDs"),
        ("customer_id,email,access_id_1", "columns", "leave one of customer_id, email"),
        ("customer_id,access_id_1,access_id_1", "columns", "two columns for access_id_1"),
        ("customer_id,access_id_1,Access ID 1", "columns", "two columns for access_id_1"),
        ("customer_id,access_id_1,access_id_5", "columns", "four access IDs"),
        ("customer_id,acess_id_1,access_id_2", "columns", "did you mean access_id_1?"),
        ("custommer_id,access_id_1", "columns", "did you mean customer_id?"),
        ("CUSTOMER-1,a,b", "columns", "no column that names the customer"),
        (",".join(["customer_id", "access_id_1", *"x" * 99]), "columns", "more than 100 columns"),
        ("", "empty", "is empty"),
    ],
)
def test_first_line_that_leaves_a_doubt_refuses_the_file_with_what_to_do(links, header, code, told):
    error = refused(csv_file("", header=header))
    assert (error.code, told in error.problem) == (code, True)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "empty", None),
        (b"\n\n \n", "columns", None),
        ("customer_id,access_id_1\nA,b\n".encode("utf-16"), "encoding", 1),
        ("customer_id,access_id_1\nA,b\n".encode("utf-16-le"), "encoding", 1),
        ("customer_id,access_id_1\nA,b\nA,Müller\n".encode("latin-1"), "encoding", 3),
        (b"customer_id,access_id_1\n" + b"A,b\n" * 99_999 + b"A,\xff\n", "encoding", 100_001),
        (b"customer_id,access_id_1\nA,b\nA,\xc3", "encoding", 3),
        (b"customer_id,access_id_1\nA,b\x00c\n", "encoding", 2),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "encoding", 1),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel", None),
        (b"x" * 20_000, "long_line", 1),
    ],
    ids=[
        *("empty", "blank", "UTF-16", "UTF-16 without a mark", "Latin-1", "one byte far down", "cut character"),
        *("NUL", "picture", "old Excel", "one long line"),
    ],
)
def test_file_that_is_none_is_refused_with_the_line(db, content, code, line):
    error = refused(io.BytesIO(content))
    assert (error.code, error.line) == (code, line)


@pytest.mark.parametrize("line", ['CUSTOMER-1,"a', 'CUSTOMER-1,"a"b,', "CUSTOMER-1," + "x" * 20_000])
def test_quote_or_line_that_does_not_end_fails_the_plan_with_its_line(links, line):
    run = planned(csv_file("CUSTOMER-2,a,", line, "CUSTOMER-3,c,"))
    assert (run.state, "line 3" in run.last_error.lower(), kept()) == ("failed", True, [])


def test_file_that_is_too_large_is_refused_before_it_is_read(db, monkeypatch):
    monkeypatch.setattr(running, "MOST_BYTES", 1024 * 1024)
    error = refused(io.BytesIO(b"\xff" * (1024 * 1024 + 1)))
    assert (error.code, "1 MiB" in error.problem) == ("too_large", True)


@pytest.mark.parametrize("kind", ["in memory", "on the disk"])
def test_upload_is_a_file_and_its_name_is_no_path(links, kind):
    content = csv_file("CUSTOMER-1,a,").getvalue()
    if kind == "in memory":
        file = SimpleUploadedFile("x.csv", content)
    else:
        file = TemporaryUploadedFile("x.csv", "text/csv", len(content), None)
        file.write(content)
    run = access_imports.start(file, name="C:\\Users\\Ada\\../ids\x00.csv")
    assert (run.file_name, run.file_bytes, run.state) == ("ids.csv", len(content), "planned")
    file.close()


def test_text_of_an_error_names_no_value(links):
    assert "Müller" not in str(refused(csv_file("CUSTOMER-1,Müller,", encoding="latin-1")))


# ---- spreadsheets ------------------------------------------------------------------------------------------------


def test_sheet_is_read_like_a_text_file(links):
    run = apply(xlsx_file(["CUSTOMER-1", "a", "b"], [], [None, " "], ["CUSTOMER-2", "c"], ["nobody", "x"]))
    assert (run.file_format, kept(), reasons(run)) == ("xlsx", WHOLE, {6: "no_customer"})


def test_cell_that_is_no_text_is_a_bad_line_since_an_id_may_have_lost_digits(links):
    run = planned(
        xlsx_file(
            ["CUSTOMER-1", 4711],
            ["CUSTOMER-1", 123456789012345678],
            ["CUSTOMER-1", 0.5],
            ["CUSTOMER-1", "a", date(2026, 11, 26)],
            ["CUSTOMER-1", datetime(2026, 11, 26, 12)],
            ["CUSTOMER-1", "=A1"],
            ["CUSTOMER-1", "#REF!"],
            ["CUSTOMER-1", True],
            [4711, "a"],
            ["CUSTOMER-1", "4711"],
        )
    )
    assert bad(run) == [
        (2, "access_id_1", "4711", "number"),
        (3, "access_id_1", "1.23456789012346e+17", "number"),
        (4, "access_id_1", "0.5", "number"),
        (5, "access_id_2", "2026-11-26 00:00:00", "date"),
        (6, "access_id_1", "2026-11-26 12:00:00", "date"),
        (7, "access_id_1", "=A1", "formula"),
        (8, "access_id_1", "#REF!", "cell_error"),
        (9, "access_id_1", "True", "no_text"),
        (10, "customer_id", "4711", "number"),
    ]
    assert counts(run) == (1, 0, 0, 9, 0)


def test_fifth_id_of_a_sheet_is_a_bad_line(links):
    assert reasons(planned(xlsx_file(["CUSTOMER-1", "a", "b", "c"]))) == {2: "too_many_cells"}


def test_cell_far_out_costs_nothing(links):
    def add_cells(sheet):
        sheet.cell(1, 16384, "far")
        sheet.cell(50_000, 16384, "out")

    assert counts(apply(xlsx_file(["CUSTOMER-1", "a"], change=add_cells))) == (1, 0, 0, 0, 1)


def test_large_sheet_waits_for_the_background_by_what_it_unpacks_to(links):
    run = planned(xlsx_file(*[["CUSTOMER-1", "a"]] * 20_000))
    assert (run.file_bytes < running.LARGE_SHEET_BYTES, run.is_large, run.state) == (True, True, "planning")


def repacked(change, *, compression=zipfile.ZIP_DEFLATED):
    """A sheet of which each part went through a function of its name and content."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(xlsx_file(["CUSTOMER-1", "a"])) as old,
        zipfile.ZipFile(packed, "w", compression) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
        for name, content in change("", b"") or []:
            new.writestr(name, content)
    packed.seek(0)
    return packed


def with_row_at(number, row):
    """A sheet whose row has another number."""

    def change(name, content):
        if not name.endswith("sheet1.xml"):
            return content
        moved = content.replace(f'<row r="{row}"'.encode(), f'<row r="{number}"'.encode())
        for column in "ABC":
            moved = moved.replace(f'r="{column}{row}"'.encode(), f'r="{column}{number}"'.encode())
        assert moved != content
        return moved

    return repacked(change)


def test_cell_of_a_sheet_that_is_longer_than_a_line_may_be_fails_the_plan_with_its_line(links):
    run = planned(xlsx_file(["CUSTOMER-1", "a"], ["CUSTOMER-2", "x" * 10_001]))
    assert run.state == "failed"
    assert access_imports.failure_of(run) == "Line 3 has more than 10000 characters."
    with pytest.raises(AccessImportError, match="Line 1 has more than 10000 characters"):
        planned(xlsx_file(header=["customer_id", "access_id_1", "x" * 10_001]))


def test_sheet_that_begins_far_down_is_refused(links):
    with pytest.raises(AccessImportError, match="The first 1000 lines are empty") as caught:
        planned(with_row_at(999_999_999_999, 1))
    assert caught.value.code == "no_header"


def test_sheet_with_a_line_numbered_far_out_fails_without_reading_all_before_it(links):
    run = planned(with_row_at(999_999_999_999, 2))
    assert run.state == "failed"
    assert "too many empty lines before line 100002" in run.last_error


def test_text_file_that_begins_with_many_empty_lines_is_refused(links):
    with pytest.raises(AccessImportError, match="The first 1000 lines are empty"):
        planned(io.BytesIO(b"\n" * 10_000 + b"customer_id,access_id_1\nCUSTOMER-1,a\n"))


def with_document_type(name, content):
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    if not name.endswith("sheet1.xml"):
        return content
    return b'<?xml version="1.0"?>' + b"<!-- -->" * 5000 + entities + content.partition(b"?>")[2]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (lambda: repacked(lambda name, content: content or [("x.bin", bytes(30 * 1024 * 1024))]), "bomb"),
        (lambda: repacked(lambda name, content: content or [(f"{n}.bin", b"") for n in range(2000)]), "bomb"),
        (lambda: repacked(with_document_type), "document_type"),
        (lambda: repacked(lambda name, content: content or [("x.png", b"<!DOCTYPE x><x/>")]), "document_type"),
        (lambda: repacked(lambda name, content: content, compression=zipfile.ZIP_LZMA), "damaged"),
        (lambda: io.BytesIO(xlsx_file(["CUSTOMER-1", "a"]).getvalue()[:-100]), "damaged"),
        (lambda: io.BytesIO(xlsx_file(["CUSTOMER-1", "a"]).getvalue()[:500]), "damaged"),
        (lambda: repacked(lambda name, content: content[: len(content) // 2]), "damaged"),
        (lambda: repacked(lambda name, content: b"" if "workbook" in name else content), "damaged"),
        (lambda: io.BytesIO(b"PK\x03\x04 and nothing more"), "damaged"),
    ],
    ids=[
        *("ratio", "entries", "document type", "document type of another name", "other packing", "cut off"),
        *("cut short", "broken XML", "no workbook", "only a start"),
    ],
)
def test_sheet_that_means_harm_or_is_damaged_is_refused(db, file, code):
    assert refused(file()).code == code


def test_sheet_of_a_hundred_mebibytes_is_refused_by_what_it_says_of_itself(db):
    def grow(name, content):
        return content or [(f"{number}.bin", bytes(1024 * 1024)) for number in range(100)]

    assert refused(repacked(grow)).code == "bomb"


@pytest.mark.parametrize("name", ["xl/sharedStrings.xml", "xl/styles.xml"])
def test_part_that_would_fill_the_memory_is_refused(db, name):
    texts = os.urandom(13 * 1024 * 1024).hex().encode()  # hardly to be packed

    def grow(old_name, content):
        if not old_name:
            return [(name, texts)] if name == "xl/sharedStrings.xml" else []  # ours has none
        return texts if old_name == name else content

    error = refused(repacked(grow))
    assert (error.code, "more than 24 MiB of texts: split it, or save it as CSV" in error.problem) == ("bomb", True)


def test_part_that_would_fill_the_memory_is_refused_though_the_file_calls_it_a_sheet(db):
    texts = os.urandom(13 * 1024 * 1024).hex().encode()  # hardly to be packed

    def lie(name, content):
        if name == "[Content_Types].xml":
            return content.replace(b"spreadsheetml.styles+xml", b"spreadsheetml.worksheet+xml")
        return b"<x>" + texts + b"</x>" if name == "xl/styles.xml" else content

    assert refused(repacked(lie)).code == "bomb"


def test_document_type_of_the_list_of_parts_is_refused_before_the_list_is_read(db):
    entities = b'<!DOCTYPE x [<!ENTITY a "&b;"><!ENTITY b "&a;">]><x>&a;</x>'
    error = refused(repacked(lambda name, content: entities if name == "[Content_Types].xml" else content))
    assert error.code == "document_type"


def test_pictures_of_a_sheet_do_no_harm(links):
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    run = planned(repacked(lambda name, content: content or [("xl/media/image1.png", picture)]))
    assert run.state == "planned"


def test_part_that_lies_about_its_size_is_refused(db):
    content = repacked(lambda name, content: content).getvalue()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    place = content.rindex(b"xl/worksheets/sheet1.xml") - 46 + 24  # its size in the central directory
    assert int.from_bytes(content[place : place + 4], "little") == size
    lying = content[:place] + (40).to_bytes(4, "little") + content[place + 4 :]
    assert refused(io.BytesIO(lying)).code == "damaged"


# ---- memory ------------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_lines(links):
    LinkFactory.create_batch(20)
    chunk = [f"CUSTOMER{number:04},a{number},b{number}" for number in range(1000)]

    def peak(lines):
        file = csv_file(*lines)
        tracemalloc.start()
        try:
            planned(file, in_background=False)
            return tracemalloc.get_traced_memory()[1] / 1024**2
        finally:
            tracemalloc.stop()

    peak(chunk)
    small, large = peak(chunk * 2), peak(chunk * 20)
    assert large < small + 1  # 18,000 lines more, of which each takes its part of a kilobyte where it is kept
    assert large < 5

"""`plenigo_import_access`: a file of access ids from the command line."""

import io
import itertools
import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from django_plenigo.management import progress
from django_plenigo.models import AccessId, AccessImport, AccessImportPart, CustomerLink, RemoteChange
from django_plenigo.services import access_imports
from tests.access_imports.files import xlsx_file
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def links():
    return [LinkFactory(customer_id=f"CUSTOMER-{number}") for number in (1, 2, 3)]


@pytest.fixture
def write(tmp_path):
    """Write a file of these lines, and return its path."""

    def write(*lines, header="customer_id,access_id_1,access_id_2", name="ids.csv"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in (header, *lines)))
        return path

    return write


def run(*arguments):
    """Run the command and return its exit code."""
    try:
        call_command("plenigo_import_access", *map(str, arguments))
    except SystemExit as end:
        return end.code
    return 0


def test_good_file_is_imported_and_plenigo_is_told_soon(links, write, capsys):
    assert run(write("CUSTOMER-1,a,b", "CUSTOMER-2,c,")) == 0
    assert capsys.readouterr().out.splitlines() == [
        "This would come of the file. Nothing is imported yet.",
        "2 new, 0 changed, 0 the same, 0 bad, 0 imported.",
        "2 new, 0 changed, 0 the same, 0 bad, 2 imported.",
    ]
    assert sorted(AccessId.objects.values_list("value", "imported_from")) == [
        ("a", "ids.csv"),
        ("b", "ids.csv"),
        ("c", "ids.csv"),
    ]
    assert RemoteChange.objects.filter(kind="assign_access_ids", due_at__isnull=False).count() == 2


def test_bad_lines_are_told_with_number_column_and_reason_and_the_others_are_imported(links, write, capsys):
    assert run(write("CUSTOMER-1,a,", "nobody,b,", "CUSTOMER-2,a,")) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "1 new, 0 changed, 0 the same, 2 bad, 1 imported."
    assert err.splitlines() == [
        "line 3, customer_id: no customer of this site has this ID: register the user first",
        "line 4, access_id_1: stands in line 2 already",
    ]


def test_dry_run_says_the_same_and_writes_nothing(links, write, capsys, tmp_path):
    failures = tmp_path / "failures.csv"
    assert run(write("CUSTOMER-1,a,", "nobody,b,"), "--dry-run", "--failures", failures) == 2
    assert capsys.readouterr().out == "1 new, 0 changed, 0 the same, 1 bad, 0 imported. Nothing was written.\n"
    assert not AccessId.objects.exists()
    assert not AccessImport.objects.exists()
    assert "nobody,b," in failures.read_text(encoding="utf-8-sig")


def test_failures_can_be_mended_and_fed_back_in(links, write, tmp_path):
    failures = tmp_path / "failures.csv"
    assert run(write("CUSTOMER-1,a,", "nobody,b,"), "--failures", failures) == 2
    failures.write_text(failures.read_text(encoding="utf-8-sig").replace("nobody", "CUSTOMER-2"))
    assert run(failures) == 0
    assert AccessId.objects.get(value="b").link == links[1]


def test_json_is_one_object_without_the_values(links, write, capsys):
    assert run(write("CUSTOMER-1,secret-id,", "nobody,other-id,"), "--json") == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        **{"new": 1, "changed": 0, "same": 0, "bad": 1, "imported": 1, "dry_run": False},
        "bad_lines": [{"line": 3, "column": "customer_id", "reason": "no_customer"}],
    }
    assert "secret-id" not in out + err
    assert "other-id" not in out + err


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        ("name\nAda\n", [], "no column that names the customer"),
        (None, [], "No such file or directory"),
        ("customer_id,access_id_1\n", ["--using", "other"], "There is no account 'other'"),
    ],
)
def test_json_tells_an_error_as_an_object_too(db, tmp_path, capsys, content, options, sentence):
    path = tmp_path / "ids.csv"
    if content is not None:
        path.write_text(content)
    assert run(path, "--json", *options) == 1
    out, err = capsys.readouterr()
    assert (list(json.loads(out)), err) == (["error"], "")
    assert sentence in json.loads(out)["error"]


def test_json_tells_the_counts_and_why_an_import_has_failed(links, write, capsys):
    assert run(write("CUSTOMER-1,a,", 'CUSTOMER-2,"b,'), "--json") == 1
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["imported"], err) == (0, "")
    assert told["error"].startswith("The file cannot be read from line 3 on")


def test_sheets_that_are_not_read_are_told(links, tmp_path, capsys):
    path = tmp_path / "ids.xlsx"
    path.write_bytes(xlsx_file(["CUSTOMER-1", "a"], change=lambda sheet: sheet.parent.create_sheet("More")).getvalue())
    assert run(path, "--dry-run") == 0
    assert capsys.readouterr().err == "Only the sheet Sheet is read; these are not: More.\n"
    assert run(path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["other_sheets"] == ["More"]


def test_second_run_finds_all_in_place(links, write, capsys):
    path = write("CUSTOMER-1,a,b")
    run(path)
    capsys.readouterr()
    assert run(path) == 0
    assert capsys.readouterr().out == "0 new, 0 changed, 1 the same, 0 bad, 0 imported.\n"


def test_many_bad_lines_are_cut_and_counted(links, write, capsys):
    assert run(write(*[f"nobody{number},x{number}," for number in range(150)])) == 2
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (101, "and 50 more lines: see --failures")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("name\nAda\n", "The file has no column that names the customer"),
        ("customer_id,access_id_1\n\x00\n", "Line 2 holds a NUL character"),
        ("PK\x03\x04 broken", "The file is damaged"),
    ],
)
def test_file_that_cannot_be_read_is_a_sentence_and_changes_nothing(tmp_path, content, sentence):
    path = tmp_path / "ids.csv"
    path.write_text(content)
    with pytest.raises(CommandError, match=sentence):
        call_command("plenigo_import_access", str(path))
    assert not AccessImport.objects.exists()


def test_wrong_option_is_a_sentence(write, tmp_path):
    path = write("CUSTOMER-1,a,b")
    with pytest.raises(CommandError, match="The file cannot be read: No such file or directory"):
        call_command("plenigo_import_access", str(tmp_path / "nothing.csv"))
    with pytest.raises(CommandError, match="There is no account 'other' in PLENIGO; known are: default"):
        call_command("plenigo_import_access", str(path), using="other")
    with pytest.raises(CommandError, match="exists already"):
        call_command("plenigo_import_access", str(path), failures=str(path))


# ---- stopping, and trouble on the way --------------------------------------------------------------------------


@pytest.fixture
def many(db):
    """2,500 customers and the lines of a file for them."""
    users = get_user_model().objects.bulk_create(UserFactory.build_batch(2500))
    keys = get_user_model().objects.filter(username__in=[user.username for user in users]).order_by("pk")
    CustomerLink.objects.bulk_create(
        LinkFactory.build(user=user, customer_id=f"C{number:05}") for number, user in enumerate(keys)
    )
    return [f"C{number:05},a{number}," for number in range(2500)]


def once_it_imports(work):
    """A wrapper of the connection that has something done once, when some lines are imported and others not."""
    is_done = []

    def wrap(execute, sql, parameters, many_, context):
        result = execute(sql, parameters, many_, context)
        is_read_anew = sql.startswith("SELECT") and "applied_count" in sql
        if is_read_anew and not is_done and AccessId.objects.exists():
            is_done.append(True)
            work()
        return result

    return connection.execute_wrapper(wrap)


def interrupt():
    raise KeyboardInterrupt


def test_run_that_is_interrupted_keeps_what_it_had_imported_and_another_one_does_the_rest(many, write, capsys):
    path = write(*many)
    with once_it_imports(interrupt), pytest.raises(CommandError, match="Run the command again") as caught:
        run(path)
    assert caught.value.returncode == 1
    assert AccessImport.objects.get().state == "cancelled"
    assert not AccessImportPart.objects.exists()
    imported = AccessId.objects.count()
    assert 0 < imported < 2500
    capsys.readouterr()
    assert run(path) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"{2500 - imported} new, 0 changed, {imported} the same, 0 bad, {2500 - imported} imported."


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("statement", "left"), [("plenigo_customerlink", ["cancelled"]), ("accessimportpart", [])])
def test_run_that_is_interrupted_before_it_has_planned_anything_leaves_nothing_to_go_on_with(
    links, write, statement, left
):
    def wrap(execute, sql, parameters, many_, context):
        if statement in sql and not is_done and AccessImport.objects.exists():
            is_done.append(True)
            interrupt()
        return execute(sql, parameters, many_, context)

    is_done = []
    with connection.execute_wrapper(wrap), pytest.raises((CommandError, KeyboardInterrupt)):
        run(write("CUSTOMER-1,a,"))
    assert is_done
    assert list(AccessImport.objects.values_list("state", flat=True)) == left
    assert not AccessImportPart.objects.exists()


def test_run_that_somebody_cancels_in_the_admin_is_no_success(many, write):
    def cancel():
        access_imports.cancel(AccessImport.objects.get())

    with once_it_imports(cancel), pytest.raises(CommandError, match="Stopped"):
        run(write(*many))
    assert AccessId.objects.count() < 2500


def test_file_that_ends_within_a_quote_is_told_and_nothing_is_imported(links, write):
    with pytest.raises(CommandError, match="cannot be read from line 3 on"):
        run(write("CUSTOMER-1,a,", 'CUSTOMER-2,"b,'))
    assert not AccessId.objects.exists()


def test_file_of_failures_is_made_before_anything_is_imported(links, write, tmp_path):
    with pytest.raises(CommandError, match="No such file or directory"):
        run(write("CUSTOMER-1,a,", "nobody,b,"), "--failures", tmp_path / "nowhere" / "failures.csv")
    assert not AccessId.objects.exists()


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_no_file_of_failures_is_left_where_there_are_none(links, write, tmp_path, arguments):
    failures = tmp_path / "failures.csv"
    assert run(write("CUSTOMER-1,a,"), "--failures", failures, *arguments) == 0
    assert not failures.exists()


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_all_failures_of_a_long_file_are_written_once(db, write, tmp_path, arguments):
    failures = tmp_path / "failures.csv"
    assert run(write(*[f"nobody{number},x," for number in range(2500)]), "--failures", failures, *arguments) == 2
    lines = failures.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "customer_id,access_id_1,access_id_2,reason"
    assert [line.partition(",")[0] for line in lines[1:]] == [f"nobody{number}" for number in range(2500)]


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "is_written_over"), [(Terminal, True), (io.StringIO, False)])
def test_progress_is_one_line_on_a_terminal_and_plain_lines_elsewhere(
    many, write, monkeypatch, stream, is_written_over
):
    ticks = itertools.count(step=60)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(ticks))
    out = stream()
    call_command("plenigo_import_access", str(write(*many)), stdout=out)
    shown = [part for part in re.split(r"[\r\n]", out.getvalue()) if "/s" in part]
    assert [part.partition(" of ")[0].rpartition(" ")[2] for part in shown] == ["1001", "2001", "2501"] * 2
    assert ("\r" in out.getvalue()) is is_written_over

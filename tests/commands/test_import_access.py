"""`plenigo_import_access`: a file of access ids from the command line."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from django_plenigo.models import AccessId, AccessImport, RemoteChange
from tests.factories import LinkFactory

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
    assert capsys.readouterr().out == "2 new, 0 changed, 0 the same, 0 bad, 2 imported.\n"
    assert sorted(AccessId.objects.values_list("value", "imported_from")) == [
        ("a", "ids.csv"),
        ("b", "ids.csv"),
        ("c", "ids.csv"),
    ]
    assert RemoteChange.objects.filter(kind="assign_access_ids", due_at__isnull=False).count() == 2


def test_bad_lines_are_told_with_number_column_and_reason_and_the_others_are_imported(links, write, capsys):
    assert run(write("CUSTOMER-1,a,", "nobody,b,", "CUSTOMER-2,a,")) == 2
    out, err = capsys.readouterr()
    assert out == "1 new, 0 changed, 0 the same, 2 bad, 1 imported.\n"
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

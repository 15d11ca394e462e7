"""`plenigo_import_portal_accounts`: a file of a portal's references from the command line."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from django_plenigo.models import AccessImport, PortalAccount
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _portals(settings):
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "tests.site.portals.Harbour"}}


@pytest.fixture
def path(tmp_path):
    """A file with a line for Ada, who is there, and one for Bea, who is not."""
    UserFactory(username="ada")
    path = tmp_path / "okepay.csv"
    path.write_text("username,reference\nada,secret-101\nbea,secret-102\n")
    return path


def run(*arguments):
    """Run the command and return its exit code."""
    try:
        call_command("plenigo_import_portal_accounts", *map(str, arguments))
    except SystemExit as end:
        return end.code
    return 0


def test_good_lines_are_imported_and_the_others_told_without_their_values(path, capsys):
    assert run(path, "--portal", "okepay") == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "1 new, 0 changed, 0 the same, 1 bad, 1 imported."
    assert err == "line 3, username: this site has no such user\n"
    account = PortalAccount.objects.get()
    assert (account.portal, account.reference, account.bound_from) == ("okepay", "secret-101", "okepay.csv")


def test_dry_run_writes_nothing_but_the_failures(path, tmp_path, capsys):
    failures = tmp_path / "failures.csv"
    assert run(path, "--portal", "okepay", "--dry-run", "--failures", failures) == 2
    assert "Nothing was written." in capsys.readouterr().out
    assert not PortalAccount.objects.exists()
    assert not AccessImport.objects.exists()
    failures.write_text(failures.read_text(encoding="utf-8-sig").replace("bea", "ada"))
    assert run(failures, "--portal", "okepay") == 0
    assert PortalAccount.objects.get().reference == "secret-102"


def test_second_run_finds_all_in_place(path, capsys):
    path.write_text("username,reference\nada,101\n")
    assert [run(path, "--portal", "okepay"), run(path, "--portal", "okepay")] == [0, 0]
    assert capsys.readouterr().out.splitlines()[-1] == "0 new, 0 changed, 1 the same, 0 bad, 0 imported."


def test_json_is_one_object_without_the_values(path, capsys):
    assert run(path, "--portal", "okepay", "--json") == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["bad_lines"] == [{"line": 3, "column": "username", "reason": "no_user"}]
    assert (told["imported"], err) == (1, "")
    assert "secret" not in out


def test_portal_that_is_not_in_the_settings_is_refused_with_those_that_are(path, capsys):
    with pytest.raises(CommandError, match="no portal 'shop' in PLENIGO_PORTALS; known are: okepay"):
        run(path, "--portal", "shop")
    assert run(path, "--portal", "shop", "--json") == 1
    assert "known are: okepay" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_portal_whose_class_is_missing_is_refused_by_its_setting(path, settings, option):
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "mysite.missing.Portal"}}
    with pytest.raises(CommandError, match=r"PLENIGO_PORTALS\['okepay'\]\['BACKEND'\] cannot be imported"):
        run(path, "--portal", "okepay", *option)


def test_file_of_access_ids_is_refused_with_the_columns_that_are_missing(path):
    path.write_text("customer_id,access_id_1\nC1,x\n")
    with pytest.raises(CommandError, match="no column of references: reference, external_reference"):
        run(path, "--portal", "okepay")

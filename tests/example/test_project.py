"""The example's settings and commands, without a server."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.demo import ROOT, environment
from tests.example.conftest import LIVE, Manage

APP = ROOT / "example_project" / "newspaper"
CATALOGUE = Path("locale") / "de" / "LC_MESSAGES" / "django.po"


@pytest.fixture
def gettext() -> None:
    """The programs of GNU gettext."""
    missing = [name for name in ("xgettext", "msgmerge", "msguniq", "msgfmt") if not shutil.which(name)]
    if missing:
        sentence = f"There is no {missing[0]}: install GNU gettext."
        pytest.fail(sentence) if settings.SERVICES_REQUIRED else pytest.skip(sentence)


def test_check_finds_nothing_on_the_sandbox(manage: Manage) -> None:
    checked = manage("check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr


def test_check_deploy_finds_nothing_with_the_environment_of_a_live_site(manage: Manage) -> None:
    checked = manage("check", "--deploy", "--fail-level", "WARNING", **LIVE)
    assert checked.returncode == 0, checked.stderr


def test_migrations_match_the_models(manage: Manage) -> None:
    made = manage("makemigrations", "--check", "--dry-run", "newspaper")
    assert made.returncode == 0, made.stdout


def test_live_site_has_no_sandbox_and_keeps_its_secrets_as_they_are(manage: Manage) -> None:
    code = (
        "from django.apps import apps; from django.conf import settings; from django.urls import get_resolver;"
        "print(apps.is_installed('django_plenigo.sandbox'), 'sandbox' in str(get_resolver().url_patterns));"
        "print(settings.PLENIGO['default']['SECRET'], settings.SECRET_KEY)"
    )
    shown = manage("shell", "-v0", "-c", code, **LIVE)
    assert shown.stdout.split() == ["False", "False", LIVE["PLENIGO_SECRET"], LIVE["SECRET_KEY"]], shown.stderr


VENDORS = {
    "OKEPAY_INSTANCE": "linden",
    "OKEPAY_SECRET": "$okepay-secret",
    "OKEPAY_WEBHOOK_KEYS": "new-key old-key",
    "TWOCHECKOUT_MERCHANT": "LINDEN1",
    "TWOCHECKOUT_KEY": "$twocheckout-key",
    "TWOCHECKOUT_DOMAIN": "store.news.example",
}
SHOWN_PORTALS = (
    "import json; from django.conf import settings;"
    "print(json.dumps([settings.PLENIGO_PORTALS, settings.POLICY['form-action']]))"
)


def test_live_site_has_the_portals_of_its_environment_alone(manage: Manage) -> None:
    portals, targets = json.loads(manage("shell", "-v0", "-c", SHOWN_PORTALS, **LIVE).stdout)
    assert (portals, targets) == ({}, ["'self'"])
    portals, targets = json.loads(manage("shell", "-v0", "-c", SHOWN_PORTALS, **LIVE, **VENDORS).stdout)
    assert {portal["MODE"] for portal in portals.values()} == {"live"}
    assert (portals["okepay"]["SECRET"], portals["2checkout"]["SECRET_KEY"]) == ("$okepay-secret", "$twocheckout-key")
    assert portals["okepay"]["WEBHOOK_KEYS"] == ["new-key", "old-key"]
    assert targets == ["'self'", "https://linden.okepay.info", "https://store.news.example"]


def test_check_deploy_finds_nothing_wrong_with_the_portals_of_a_live_site(manage: Manage) -> None:
    checked = manage("check", "--deploy", "--fail-level", "WARNING", **LIVE, **VENDORS)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("missing", ["OKEPAY_SECRET", "TWOCHECKOUT_KEY", "TWOCHECKOUT_DOMAIN"])
def test_live_site_names_the_variable_of_a_portal_that_is_missing(manage: Manage, missing: str) -> None:
    checked = manage("check", **LIVE, **(VENDORS | {missing: ""}))
    assert f"Set the environment variable {missing}" in checked.stderr


@pytest.mark.parametrize("missing", ["PLENIGO_COMPANY_ID", "PLENIGO_SECRET", "SECRET_KEY"])
def test_live_site_names_the_variable_that_is_missing(manage: Manage, missing: str) -> None:
    checked = manage("check", **(LIVE | {missing: ""}))
    assert checked.returncode != 0
    assert f"Set the environment variable {missing}" in checked.stderr


def test_sandbox_without_debug_needs_a_secret_key_of_its_own(manage: Manage) -> None:
    checked = manage("check", DEBUG="off")
    assert checked.returncode != 0
    assert "Set the environment variable SECRET_KEY" in checked.stderr


def test_settings_refuse_a_mode_that_does_not_exist(manage: Manage) -> None:
    assert 'PLENIGO_MODE must be "sandbox", "stage" or "live"' in manage("check", PLENIGO_MODE="production").stderr


def test_settings_refuse_an_api_that_does_not_exist(manage: Manage) -> None:
    assert 'PLENIGO_API must be "v2" or "v3", not \'v4\'.' in manage("check", PLENIGO_API="v4").stderr


def test_live_site_reads_what_plenigo_calls_its_products(manage: Manage) -> None:
    products = '{"day-pass": {"product_id": "P1", "offer_id": "O_123456789012345678", "access_right_id": "a1"}}'
    code = "from django_plenigo import conf; print(*conf.Account().product('day-pass'))"
    shown = manage("shell", "-v0", "-c", code, **LIVE, PLENIGO_PRODUCTS=products)
    assert shown.stdout.split() == ["P1", "O_123456789012345678", "a1"], shown.stderr


def test_demo_refuses_to_create_its_log_ins_on_a_live_site(manage: Manage) -> None:
    refused = manage("demo", **LIVE)
    assert refused.returncode != 0
    assert refused.stderr.startswith("CommandError: The demo creates log-ins that everybody knows")


def test_demo_says_how_to_choose_another_port_when_its_own_is_busy(manage: Manage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other_program:
        port = other_program.getsockname()[1]
        refused = manage("demo", f"127.0.0.1:{port}")
    assert refused.returncode != 0
    assert f"manage.py demo 127.0.0.1:{port + 1}" in refused.stderr


def test_demo_refuses_what_is_no_port(manage: Manage) -> None:
    assert '"eight" is no address' in manage("demo", "eight").stderr


@pytest.mark.usefixtures("gettext")
def test_german_translation_is_complete(tmp_path: Path) -> None:
    copy = tmp_path / "newspaper"
    shutil.copytree(APP, copy)
    collected = subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "de", "--no-location", "--no-wrap"],
        cwd=copy,
        env=environment(tmp_path / "unused.sqlite3"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert collected.returncode == 0, collected.stderr
    untranslated = (copy / CATALOGUE).read_text().split("\n\n")[1:]
    assert [entry for entry in untranslated if 'msgstr ""' in entry or "#, fuzzy" in entry] == []


@pytest.mark.usefixtures("gettext")
def test_compiled_translation_is_that_of_the_catalogue(tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "-o", str(compiled), str(APP / CATALOGUE)], check=True)
    assert compiled.read_bytes() == (APP / CATALOGUE).with_suffix(".mo").read_bytes()

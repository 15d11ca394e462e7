"""`plenigo_check_portals`: whether the portals' vendors accept the credentials of the settings."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from django_plenigo import backends
from django_plenigo.protocols.base import CredentialProbe
from django_plenigo.sandbox import credentials
from tests.site.portals import LINK, TOKEN, Harbour

pytestmark = pytest.mark.django_db

OKEPAY = {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"}
TWOCHECKOUT = {"BACKEND": "django_plenigo.protocols.twocheckout.TwoCheckout", "MODE": "sandbox"}

REFUSED = "the vendor refuses the credentials ({}): compare them with those in its merchant backend"


class Lighthouse(Harbour, CredentialProbe):
    """A portal of the site's own whose credentials can be asked for, and which fails with the link in its text."""

    def check_credentials(self):
        raise KeyError(LINK)


@pytest.fixture(autouse=True)
def vendors(sandbox, settings):
    """The sandbox plays both vendors, with the credentials of the settings."""
    settings.PLENIGO_PORTALS = {"okepay": {**OKEPAY}, "2checkout": {**TWOCHECKOUT}}
    backends._portals.clear()
    sandbox.okepay_contact("jane@example.com")
    sandbox.twocheckout_order()
    yield sandbox
    backends._portals.clear()


@pytest.fixture
def run(capsys):
    """Run the command; return its exit code, and what it has said and complained of, line by line."""

    def run(*arguments):
        code = 0
        try:
            call_command("plenigo_check_portals", *arguments)
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def test_accepted_credentials_of_each_portal_are_told(run):
    said = ["okepay: the vendor accepts the credentials", "2checkout: the vendor accepts the credentials"]
    assert run() == (0, said, [])


def test_refused_ones_are_told_without_any_secret_and_end_with_one(run, settings):
    settings.PLENIGO_PORTALS["okepay"]["SECRET"] = "wrong-secret-of-ours"
    settings.PLENIGO_PORTALS["2checkout"]["MERCHANT"] = "UNKNOWN"
    code, said, complaints = run()
    assert (code, said) == (1, [])
    assert complaints[0] == f"okepay: {REFUSED.format('OkePay.check_credentials, HTTP 403')}"
    assert complaints[1].startswith("2checkout: the vendor refuses the credentials (2Checkout.log_in, HTTP 200")
    secrets = ("wrong-secret-of-ours", credentials.TWOCHECKOUT_KEY, credentials.OKEPAY_SECRET)
    assert not [secret for secret in secrets if secret in " ".join(complaints)]


def test_one_refused_portal_keeps_nobody_from_asking_the_others(run, settings):
    settings.PLENIGO_PORTALS["okepay"]["SECRET"] = "wrong-secret-of-ours"
    code, said, complaints = run()
    assert (code, said, len(complaints)) == (1, ["2checkout: the vendor accepts the credentials"], 1)


def test_only_the_named_portal_is_asked(run, settings):
    settings.PLENIGO_PORTALS["okepay"]["SECRET"] = "wrong-secret-of-ours"
    assert run("--portal", "2checkout") == (0, ["2checkout: the vendor accepts the credentials"], [])


def test_vendor_that_does_not_answer_ends_with_two(run, vendors):
    vendors.fail_next(503, times=None)
    code, said, complaints = run("--portal", "okepay")
    assert (code, said) == (2, [])
    assert complaints[0].startswith("okepay: the vendor does not answer (OkePay.check_credentials, HTTP 503)")


def test_answer_that_is_none_of_the_vendors_is_told_as_such(run, settings):
    settings.PLENIGO_PORTALS["okepay"]["VERSION"] = "v9.9"
    code, said, complaints = run("--portal", "okepay")
    assert (code, said) == (1, [])
    assert "another answer than it should (OkePay.check_credentials, HTTP 404, code unknown version)" in complaints[0]


def test_portal_that_cannot_be_asked_is_told_and_no_fault(run, settings):
    settings.PLENIGO_PORTALS = {"harbour": {"BACKEND": "tests.site.portals.Harbour", "MODE": "live"}}
    assert run() == (0, ["harbour: its backend has no way to ask the vendor"], [])


def test_backend_of_the_sites_own_that_fails_tells_its_kind_alone(run, settings):
    settings.PLENIGO_PORTALS = {"light": {"BACKEND": f"{__name__}.Lighthouse", "MODE": "live"}}
    code, _said, complaints = run()
    assert code == 1
    assert "(KeyError)" in complaints[0]
    assert TOKEN not in complaints[0]


@pytest.mark.parametrize(
    ("entry", "named"), [({**OKEPAY, "MODE": "live", "INSTANCE": "x", "SECRET": ""}, "SECRET"), ({}, "BACKEND")]
)
def test_setting_that_is_wrong_is_named(run, settings, entry, named):
    settings.PLENIGO_PORTALS["okepay"] = entry
    code, _said, complaints = run("--portal", "okepay")
    assert code == 1
    assert complaints[0].startswith(f"okepay: a setting is wrong (PLENIGO_PORTALS['okepay']['{named}']")
    assert complaints[0].endswith("): run manage.py check")


def test_site_without_portals_is_told_so(run, settings):
    settings.PLENIGO_PORTALS = {}
    assert run() == (0, ["There are no portals in PLENIGO_PORTALS."], [])


def test_portal_that_is_not_in_the_settings_is_refused_with_those_that_are(run):
    with pytest.raises(CommandError, match="no portal 'shop' in PLENIGO_PORTALS; known are: okepay, 2checkout"):
        run("--portal", "shop")

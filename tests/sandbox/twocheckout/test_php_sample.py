"""The sample that the vendor prints in PHP runs against the sandbox's own server."""

import os
from pathlib import Path

import pytest
import requests

from tests.sandbox.php import php_or_skip, run_php
from tests.sandbox.twocheckout.client import CODE, KEY

HERE = Path(__file__).parent
AUTHENTICATION = HERE / "authentication.php"

#: The sample ends with its request; what calls is on the vendor's page about authentication.
CALL = "\nprint json_encode(['result' => call_rpc($jsonRpcRequest)]);\n"


def our_sample():
    """Return the sample in our words."""
    return (HERE / "single_sign_on.php").read_text(encoding="utf-8")


def sample_of_the_vendor():
    """Return the sample as the vendor's own page has it, which is not part of this project."""
    path = os.environ.get("TWOCHECKOUT_SAMPLE", "")
    if not Path(path).is_file():
        pytest.skip("The vendor's page with its sample is not here: TWOCHECKOUT_SAMPLE names no file")
    _page, opening, sample = Path(path).read_text(encoding="utf-8").partition("<?php")
    return opening + sample


@pytest.fixture
def run_sample(server, tmp_path):
    """Run a sample; only host and credentials are put in their places."""
    php_or_skip()

    def run(sample, key=KEY, code=CODE, algorithm="sha256"):
        script = tmp_path / "sample.php"
        script.write_text(sample.replace("PATH_TO_AUTH", str(AUTHENTICATION)) + CALL, encoding="utf-8")
        account = {"MERCHANT_CODE": code, "SECRET_KEY": key, "ALGORITHM": algorithm}
        return run_php(script, RPC_URL=f"{server.url}/rpc/6.0/", **account)

    return run


@pytest.mark.parametrize("sample", [our_sample, sample_of_the_vendor])
def test_sample_gets_a_link_that_signs_the_customer_in(sandbox, server, run_sample, sample):
    sandbox.twocheckout_customer()
    link = run_sample(sample())["result"]
    assert link.startswith(f"{server.url}/myaccount/my_subscription/?logintoken=")
    with requests.Session() as browser:
        page = browser.get(link, timeout=20)
        assert (page.status_code, page.url) == (200, f"{server.url}/myaccount/my_subscription/")
        account = browser.get(f"{server.url}/myaccount/user_data/", timeout=20)
        assert (account.status_code, "jane.doe@example.com" in account.text) == (200, True)
    with requests.Session() as other:
        page = other.get(link, timeout=20)
        assert (page.status_code, "jane.doe@example.com" in page.text) == (410, False)


def test_session_of_php_is_signed_with_sha3_too(sandbox, run_sample):
    sandbox.twocheckout_customer()
    assert "result" in run_sample(our_sample(), algorithm="sha3-256")


@pytest.mark.parametrize("wrong", [{"key": "another"}, {"code": "NOBODY"}], ids=["key", "code"])
def test_sample_with_wrong_credentials_is_refused(sandbox, run_sample, wrong):
    sandbox.twocheckout_customer()
    assert run_sample(our_sample(), **wrong) == {"error": "AUTHENTICATION_FAILED"}


def test_sample_for_an_unknown_customer_is_refused(sandbox, run_sample):
    sandbox.twocheckout_customer()
    assert run_sample(our_sample().replace("352365983", "352365984")) == {"error": "CUSTOMER_NOT_FOUND"}

"""The sample that the vendor prints for a shell runs against the sandbox's own server."""

import json
import shutil
import subprocess

import pytest
import requests
from django.conf import settings

from tests.sandbox.okepay.client import INSTANCE, SECRET
from tests.sandbox.okepay.conftest import MOUNT

#: As the vendor prints it: the names in capitals are to be filled in, and the host is the vendor's.
SAMPLE = """\
apiSignature=`echo -n "userId=1" | openssl dgst -sha256 -hmac "INSTANCE_API_SECRET" -binary | openssl enc -base64`
curl --request POST "https://api.okepay.info/v1.0/AuthToken/?instance=INSTANCE_NAME" --data-urlencode \
"ApiSignature=$apiSignature" --data-urlencode "userId=1"
"""

MISSING = [name for name in ("bash", "openssl", "curl") if shutil.which(name) is None]


@pytest.fixture
def _programs():
    if MISSING:
        reason = f"Not on this machine: {', '.join(MISSING)}."
        (pytest.fail if settings.SERVICES_REQUIRED else pytest.skip)(reason)


def run_sample(server, name=INSTANCE, secret=SECRET):
    text = SAMPLE.replace("INSTANCE_NAME", name).replace("INSTANCE_API_SECRET", secret)
    text = text.replace("https://api.okepay.info", server.url)
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.usefixtures("_programs")
class TestShell:
    def test_sample_gets_a_link_that_logs_contact_1_in(self, server, sandbox):
        reply = run_sample(server)
        (token,) = reply["data"]
        assert (reply["status"], token["userId"]) == ("success", 1)
        assert token["link"].startswith(f"{server.url}/okepay/demo-instance/login/?token=")
        with requests.Session() as browser:
            page = browser.get(token["link"], timeout=20)
            assert page.url == server.url + MOUNT.removeprefix("/plenigo-sandbox")
            assert (page.status_code, "contact@example.com" in page.text) == (200, True)
            assert browser.get(token["link"], timeout=20).status_code == 410

    def test_sample_with_another_secret_is_refused(self, server, sandbox):
        reply = run_sample(server, secret="another")
        assert reply == {"status": "error", "message": "An error occurred: The API secret is not correct."}

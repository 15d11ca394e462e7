"""The commands, as a developer runs them: in a process of their own."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import requests
from django.core.management import CommandError, call_command

from django_plenigo.sandbox.credentials import API_TOKEN, COMPANY_ID, SECRET
from django_plenigo.sandbox.management.commands.plenigo_sandbox import parse_address
from django_plenigo.sandbox.seed import DAY_PASS
from tests.sandbox.vendor_client import claims, sign

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 90


def run(*arguments, command="plenigo_sandbox", database="sqlite://:memory:", **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment |= {"DATABASE_URL": database}
    return subprocess.Popen(
        [sys.executable, "-m", "django", command, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def get(url, path, **headers):
    return requests.get(f"{url}{path}", headers=headers, timeout=SECONDS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_says_when_it_is_ready_serves_and_ends_cleanly(number):
    with run("127.0.0.1:0") as process:
        try:
            line = process.stdout.readline()
            url = line.removeprefix("ready: ").removesuffix("\n")
            assert line == f"ready: {url}\n"
            assert url.startswith("http://127.0.0.1:")
            api = get(url, "/api/v2/paywall/state", plenigoToken=sign(claims()))
            assert (api.status_code, api.json()) == (200, {"enabled": True})
            assert get(url, f"/static_resources/javascript/{COMPANY_ID}/plenigo_sdk.min.js").status_code == 200
            backend = get(url, "/")
            assert (backend.status_code, "/admin/login/" in backend.url) == (200, True)
            assert "Sandbox: nothing is charged." in backend.text
            assert get(url, "/static/admin/css/base.css").status_code == 200
        finally:
            process.send_signal(number)
            rest = process.communicate(timeout=SECONDS)
    assert (process.returncode, rest[0]) == (0, "")
    assert "/api/v2" not in rest[1]


def test_busy_port_is_one_sentence_that_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with run(f"127.0.0.1:{port}") as process:
            stdout, stderr = process.communicate(timeout=SECONDS)
    assert (process.returncode, stdout, len(stderr.strip().splitlines())) == (1, "", 1)
    assert f"127.0.0.1:{port} is in use" in stderr
    assert f"plenigo_sandbox 127.0.0.1:{port + 1}" in stderr


def test_credentials_are_one_json_object_and_need_no_database(capsys):
    call_command("plenigo_sandbox", "--credentials")
    shown = json.loads(capsys.readouterr().out)
    plenigo = {"company_id": COMPANY_ID, "secret": SECRET, "api_token": API_TOKEN}
    twocheckout = {"twocheckout_merchant": "SANDBOX001", "twocheckout_key": "sandbox-2co-secret"}
    okepay = {"okepay_instance": "demo-instance", "okepay_secret": "sandbox-secret-42"}
    assert shown == {**plenigo, **twocheckout, **okepay}


def test_help_says_how_to_make_a_user_for_the_merchant_backend():
    with run("--help") as process:
        stdout, _stderr = process.communicate(timeout=SECONDS)
    assert "createsuperuser" in stdout


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8090", ("127.0.0.1", 8090)),
        ("8090", ("127.0.0.1", 8090)),
        (":0", ("127.0.0.1", 0)),
        ("[::1]:8090", ("::1", 8090)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_address_is_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "a:b"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(CommandError, match="is no address"):
        parse_address(text)


class TestBuy:
    @pytest.mark.parametrize("name", ["customer_id", "external_id"])
    def test_records_a_purchase_and_says_so(self, ada, capsys, name):
        call_command("plenigo_sandbox_buy", getattr(ada, name), DAY_PASS)
        purchase = ada.purchases.get()
        assert (purchase.product_id, purchase.test_mode, purchase.end is not None) == (DAY_PASS, False, True)
        assert capsys.readouterr().out == f"Customer {ada.customer_id} has bought {DAY_PASS}.\n"

    def test_database_that_was_not_migrated_is_one_sentence_that_says_what_to_do(self):
        with run("MAP27KCA3K2P", DAY_PASS, command="plenigo_sandbox_buy") as process:
            stdout, stderr = process.communicate(timeout=SECONDS)
        assert (process.returncode, stdout, len(stderr.strip().splitlines())) == (1, "", 1)
        assert "Start plenigo_sandbox once, or run migrate." in stderr

    def test_buys_in_test_mode(self, ada):
        call_command("plenigo_sandbox_buy", ada.customer_id, DAY_PASS, "--test-mode", verbosity=0)
        assert ada.purchases.get().test_mode is True

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["UNKNOWN", DAY_PASS], "register one first"),
            (["UNKNOWN", DAY_PASS, "--company", "UNKNOWN"], COMPANY_ID),
        ],
    )
    def test_unknown_customer_or_company_is_told_what_there_is(self, sandbox, arguments, told):
        assert sandbox.company
        with pytest.raises(CommandError, match=told):
            call_command("plenigo_sandbox_buy", *arguments)

    def test_unknown_customer_is_told_who_there_is(self, ada):
        with pytest.raises(CommandError, match=ada.customer_id):
            call_command("plenigo_sandbox_buy", "UNKNOWN", DAY_PASS)

    def test_unknown_product_is_told_what_there_is(self, ada):
        with pytest.raises(CommandError, match=DAY_PASS):
            call_command("plenigo_sandbox_buy", ada.customer_id, "UNKNOWN")


class Site(BaseHTTPRequestHandler):
    """A publisher's site that remembers what it was told."""

    told: ClassVar[list] = []

    def do_POST(self):
        self.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_server_sends_callbacks_when_they_are_due(tmp_path):
    database = tmp_path / "sandbox.sqlite3"
    site = HTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    with run("127.0.0.1:0", database=f"sqlite:///{database}") as process:
        try:
            url = process.stdout.readline().removeprefix("ready: ").strip()
            with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
                values = (
                    f"http://127.0.0.1:{site.server_port}/",
                    '["CUSTOMER.CREATION"]',
                    1,
                    "s" * 40,
                    1,
                    "",
                    "",
                    "",
                    1,
                )
                names = "url, events, is_enabled, secret, sends_empty_values, username, password, headers, company_id"
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO plenigo_sandbox_callback ({names}) VALUES ({marks})", values)  # noqa: S608
            headers = {"X-plenigo-token": API_TOKEN}
            body = {"email": "eve@example.com", "language": "de"}
            made = requests.post(f"{url}/api/v3.0/customers", json=body, headers=headers, timeout=SECONDS)
            assert made.status_code == 201
            end = time.monotonic() + SECONDS
            while not Site.told and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=SECONDS)
            site.shutdown()
            site.server_close()
    assert [body["entity"]["email"] for body in Site.told] == ["eve@example.com"]
    assert (process.returncode, rest[1]) == (0, "")

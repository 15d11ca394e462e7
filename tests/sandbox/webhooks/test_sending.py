"""What all webhooks share: they are queued, sent, judged by the rules of their kind, and sent again."""

import threading
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.urls import reverse

from django_plenigo.sandbox import webhooks
from django_plenigo.sandbox.models import Webhook, WebhookAttempt
from django_plenigo.sandbox.webhooks import Rules
from tests.sandbox.callbacks.receiving import listening
from tests.sandbox.webhooks.receiving import Site

MINUTE = 60
RULES = Rules(
    retries=(timedelta(minutes=1), timedelta(minutes=15)),
    judge=lambda delivery, reply: "" if delivery.entity_id in reply.body else "no receipt",
)


@pytest.fixture(autouse=True)
def rules(monkeypatch):
    """Rules of no vendor: what is tested here holds for every kind."""
    monkeypatch.setitem(webhooks.RULES, "okepay", RULES)


@pytest.fixture
def site():
    site = Site()
    site.body = "took 17"
    return site


@pytest.fixture
def webhook(sandbox):
    return Webhook.objects.create(company=sandbox.company, kind="okepay", url="https://site.example/hook")


@pytest.fixture
def delivery(webhook):
    told = {"event": "subscription.active", "entity_id": "17", "content_type": "text/x-told"}
    return webhooks.queue(webhook, body="Zürich", headers={"X-Webhook-Signature": "abc"}, **told)


@pytest.fixture
def staff(client, db):
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "x"))
    return client


class TestSending:
    def test_body_is_sent_as_it_was_queued_once(self, sandbox, delivery, site):
        assert [sandbox.send_webhooks(site), sandbox.send_webhooks(site)] == [1, 0]
        headers = {"Content-Type": "text/x-told", "X-Webhook-Signature": "abc"}
        assert site.calls == [("https://site.example/hook", "Zürich".encode(), headers)]
        delivery.refresh_from_db()
        assert (delivery.attempts, delivery.due_at, delivery.delivered_at is not None) == (1, None, True)

    @pytest.mark.parametrize(
        ("status", "body", "logged"),
        [
            (200, "took 17", (200, "", True)),
            (204, "17", (204, "", True)),
            (200, "took 18", (200, "no receipt", False)),
            (302, "took 17", (302, "HTTP 302", False)),
            (500, "took 17", (500, "HTTP 500", False)),
            (None, "", (None, "ConnectTimeout", False)),
        ],
    )
    def test_answer_is_judged_and_logged_without_what_it_said(self, sandbox, delivery, site, status, body, logged):
        site.status, site.body = status, body
        assert sandbox.send_webhooks(site) == int(logged[2])
        entry = WebhookAttempt.objects.get()
        assert (entry.status, entry.error, entry.is_success) == logged

    def test_failed_call_is_made_again_as_the_kind_says_and_then_given_up(self, sandbox, delivery, site):
        site.status = 500
        sandbox.send_webhooks(site)
        for number, minutes in enumerate((1, 15), start=2):
            sandbox.advance(minutes * MINUTE - 5)
            sandbox.send_webhooks(site)
            assert len(site.calls) == number - 1
            sandbox.advance(10)
            sandbox.send_webhooks(site)
            assert len(site.calls) == number
        sandbox.advance(100 * 60 * MINUTE)
        sandbox.send_webhooks(site)
        delivery.refresh_from_db()
        assert (len(site.calls), delivery.due_at, delivery.delivered_at) == (3, None, None)
        assert len({body for _url, body, _headers in site.calls}) == 1

    def test_address_that_is_switched_off_waits(self, sandbox, webhook, delivery, site):
        Webhook.objects.update(is_enabled=False)
        assert (webhooks.told(sandbox.company, "okepay"), sandbox.send_webhooks(site)) == ([], 0)
        Webhook.objects.update(is_enabled=True)
        assert (webhooks.told(sandbox.company, "okepay"), sandbox.send_webhooks(site)) == ([webhook], 1)

    def test_delivery_is_sent_once_by_a_site_that_sends_what_is_due_while_it_answers(self, sandbox, delivery, site):
        sent = []

        def answer(url, body, headers):
            sent.append(sandbox.send_webhooks(site))
            return site(url, body, headers)

        assert sandbox.send_webhooks(answer) == 1
        assert (sent, len(site.calls)) == ([0], 1)

    def test_what_was_taken_can_be_sent_again(self, sandbox, delivery, site):
        sandbox.send_webhooks(site)
        webhooks.send_again([delivery.pk])
        assert (sandbox.send_webhooks(site), len(site.calls)) == (1, 2)

    def test_only_what_is_named_is_sent(self, sandbox, webhook, delivery, site):
        other = webhooks.queue(webhook, event="x", entity_id="17", body="other", content_type="text/plain")
        assert webhooks.send_due(site, only=[other.pk]) == 1
        assert [body for _url, body, _headers in site.calls] == [b"other"]


class ChunkedHandler(BaseHTTPRequestHandler):
    """A site that answers bit by bit; asked for more, it never ends."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with suppress(OSError):
            for part in (b"<p>", b"took ", b"17"):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            while self.path == "/endless":
                self.wfile.write(b"%x\r\n%b\r\n" % (1000, b"x" * 1000))
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args):
        pass


@pytest.fixture
def chunked():
    """The address of a site that answers bit by bit."""
    server = HTTPServer(("127.0.0.1", 0), ChunkedHandler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class TestOverHttp:
    @pytest.mark.parametrize("path", ["/", "/endless"])
    def test_answer_that_comes_bit_by_bit_is_read_up_to_a_limit(self, sandbox, delivery, chunked, path):
        Webhook.objects.update(url=chunked + path)
        assert sandbox.send_webhooks() == 1

    def test_command_sends_webhooks_too_and_tells_of_those_that_were_not_taken(
        self, sandbox, webhook, delivery, capsys
    ):
        with listening() as (url, received, heads):
            Webhook.objects.update(url=url)
            with pytest.raises(CommandError, match="made again later"):
                call_command("plenigo_sandbox_callbacks", company=sandbox.company.company_id)
        assert (received, heads[0]["Content-Type"]) == ([("/hook", "Zürich".encode())], "text/x-told")
        assert capsys.readouterr().out == "0 of 1 due callbacks were told.\n"
        assert WebhookAttempt.objects.get().error == "no receipt"

    def test_command_leaves_other_companies_alone(self, delivery, other_company, capsys):
        call_command("plenigo_sandbox_callbacks", company=other_company.company_id)
        assert capsys.readouterr().out == "0 of 0 due callbacks were told.\n"


class TestMerchantBackend:
    def test_webhook_is_set_up(self, staff, sandbox):
        data = {
            "company": sandbox.company.pk,
            "kind": "ipn",
            "url": "http://site:8000/hook",
            "signatures": ["sha256", "md5"],
            "content_type": "json",
            "is_enabled": "on",
        }
        staff.post(reverse("admin:plenigo_sandbox_webhook_add"), data)
        row = Webhook.objects.get()
        assert (row.kind, row.url, row.signatures, row.is_enabled) == (
            "ipn",
            "http://site:8000/hook",
            ["sha256", "md5"],
            True,
        )

    def test_addresses_are_looked_at_as_the_vendor_does(self, staff, webhook, server):
        page = reverse("admin:plenigo_sandbox_webhook_changelist")
        chosen = {"action": "look", "_selected_action": [webhook.pk]}
        for path, sentence in (
            ("/support/", "is answered with 200."),
            ("/rpc/6.0/", "is not answered with 200, which 2Checkout asks for."),
        ):
            Webhook.objects.update(url=server.url + path)
            shown = staff.post(page, chosen, follow=True).content.decode()
            assert f"A GET of {server.url}{path} {sentence}" in shown
        Webhook.objects.update(url="http://127.0.0.1:9/")
        assert "is not answered with 200" in staff.post(page, chosen, follow=True).content.decode()

    def test_delivery_is_sent_on_a_click_also_again(self, staff, webhook, delivery, django_capture_on_commit_callbacks):
        page = reverse("admin:plenigo_sandbox_webhookdelivery_changelist")
        chosen = {"action": "send_now", "_selected_action": [delivery.pk]}
        with listening() as (url, received, _heads):
            Webhook.objects.update(url=url)
            for _click in range(2):
                with django_capture_on_commit_callbacks(execute=True):
                    shown = staff.post(page, chosen, follow=True).content.decode()
        assert "1 webhook was sent." in shown
        assert len(received) == 2
        log = staff.get(reverse("admin:plenigo_sandbox_webhookattempt_changelist")).content.decode()
        assert "no receipt" in log

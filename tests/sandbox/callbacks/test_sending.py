"""Section 7 of docs/protocols/plenigo-v3.md: how callbacks are sent, made again, and proven to be the vendor's."""

import base64
from datetime import timedelta

import pytest
from django.urls import reverse

from django_plenigo.sandbox import callbacks, clock
from django_plenigo.sandbox.models import Callback, CallbackAttempt, CallbackDelivery, Company, SentMessage
from django_plenigo.sandbox.seed import DAY_PASS
from tests.sandbox.callbacks.receiving import listening

HOUR = 60 * 60


class TestRetries:
    def test_failed_call_is_made_again_after_an_hour_six_and_twenty_four(self, callback, ada, sandbox, site):
        site.status = 500
        sandbox.send_callbacks(site)
        for hours in (1, 6, 24):
            sandbox.advance(hours * HOUR - 60)
            assert sandbox.send_callbacks(site) == 0
            made = len(site.calls)
            sandbox.advance(120)
            sandbox.send_callbacks(site)
            assert len(site.calls) == made + 1
        sandbox.advance(100 * HOUR)
        sandbox.send_callbacks(site)
        assert len(site.calls) == 4
        assert len({headers["plenigo-signature"] for _url, _body, headers in site.calls}) == 1

    def test_call_that_succeeds_is_not_made_again(self, callback, ada, sandbox, site):
        assert [sandbox.send_callbacks(site), sandbox.send_callbacks(site)] == [1, 0]
        assert CallbackDelivery.objects.get().delivered_at is not None

    def test_site_that_cannot_be_reached_is_a_failure_and_the_log_has_no_address(self, callback, ada, sandbox, site):
        site.status = None
        sandbox.send_callbacks(site)
        entry = CallbackAttempt.objects.get()
        assert (entry.status, entry.error, entry.is_success) == (None, "ConnectTimeout", False)

    @pytest.mark.parametrize(
        ("status", "is_success"), [(200, True), (204, True), (299, True), (301, False), (404, False)]
    )
    def test_any_status_from_200_to_299_is_a_success(self, callback, ada, sandbox, site, status, is_success):
        site.status = status
        assert sandbox.send_callbacks(site) == int(is_success)

    def fail(self, callback, sandbox, site, times):
        site.status = 500
        for _ in range(times):
            row = {"event": "CUSTOMER.CHANGE", "entity_id": "1", "body": "{}", "signed_at": 1, "due_at": clock.now()}
            CallbackDelivery.objects.create(callback=callback, **row)
        callbacks.send_due(site)
        CallbackDelivery.objects.update(due_at=None)

    def test_ten_failures_on_seven_days_running_switch_it_off(self, callback, sandbox, site):
        for day in range(7):
            assert Callback.objects.get().is_enabled, day
            self.fail(callback, sandbox, site, 10)
            sandbox.advance(24 * HOUR)
        row = Callback.objects.get()
        assert (row.is_enabled, row.switched_off_at is not None) == (False, True)

    def test_a_day_with_fewer_failures_keeps_it_on(self, callback, sandbox, site):
        for day in range(9):
            self.fail(callback, sandbox, site, 9 if day == 4 else 10)
            sandbox.advance(24 * HOUR)
        assert Callback.objects.get().is_enabled

    def test_failures_before_it_was_switched_on_again_do_not_count(self, callback, sandbox, site, staff):
        for _day in range(7):
            self.fail(callback, sandbox, site, 10)
            sandbox.advance(24 * HOUR)
        page = reverse("admin:plenigo_sandbox_callback_change", args=[callback.pk])
        data = {"company": sandbox.company.pk, "url": callback.url, "events": callback.events, "is_enabled": "on"}
        staff.post(page, data)
        self.fail(callback, sandbox, site, 10)
        row = Callback.objects.get()
        assert (row.is_enabled, row.switched_off_at) == (True, None)

    def test_what_follows_in_the_same_run_is_not_sent_by_a_callback_that_is_switched_off(self, callback, sandbox, site):
        for _day in range(6):
            self.fail(callback, sandbox, site, 10)
            sandbox.advance(24 * HOUR)
        site.calls.clear()
        self.fail(callback, sandbox, site, 15)
        assert len(site.calls) == 10


class TestMailToTheCompany:
    @pytest.fixture
    def contact(self, sandbox):
        Company.objects.filter(pk=sandbox.company.pk).update(contact_email="press@example.com")

    @pytest.fixture
    def mails(self):
        """Return the texts of the mails to the company."""
        return lambda: list(SentMessage.objects.filter(recipient="press@example.com").values_list("text", flat=True))

    fail = TestRetries.fail

    def test_nine_failures_a_day_are_not_worth_a_mail_and_the_tenth_is(self, contact, mails, callback, sandbox, site):
        self.fail(callback, sandbox, site, 9)
        assert mails() == []
        self.fail(callback, sandbox, site, 1)
        (text,) = mails()
        assert "https://site.example/" in text

    def test_one_mail_a_day_is_enough(self, contact, mails, callback, sandbox, site):
        self.fail(callback, sandbox, site, 30)
        sandbox.advance(12 * HOUR)
        self.fail(callback, sandbox, site, 10)
        assert len(mails()) == 1
        sandbox.advance(12 * HOUR)
        self.fail(callback, sandbox, site, 10)
        assert len(mails()) == 2

    def test_company_is_told_that_a_callback_was_switched_off(self, contact, mails, callback, sandbox, site):
        for _day in range(7):
            self.fail(callback, sandbox, site, 10)
            sandbox.advance(24 * HOUR)
        assert ["switched off now" in text for text in mails()] == [False] * 6 + [True]

    def test_company_without_a_contact_gets_none(self, mails, callback, sandbox, site):
        self.fail(callback, sandbox, site, 10)
        assert not SentMessage.objects.exists()

    def test_mail_is_no_code(self, contact, callback, sandbox, site):
        self.fail(callback, sandbox, site, 10)
        assert sandbox.sent_codes("press@example.com") == []

    def test_backend_shows_it(self, contact, callback, sandbox, site, staff):
        self.fail(callback, sandbox, site, 10)
        page = staff.get(reverse("admin:plenigo_sandbox_sentmessage_changelist")).content.decode()
        assert "press@example.com" in page
        assert "https://site.example/" in page


class TestAuthentication:
    def test_user_name_and_password_are_sent_by_basic_authentication(self, callback, ada, sandbox, site):
        Callback.objects.update(username="plenigo", password="päss:word")
        sandbox.send_callbacks(site)
        headers = site.calls[0][2]
        scheme, pair = headers["Authorization"].split()
        assert (scheme, base64.b64decode(pair).decode()) == ("Basic", "plenigo:päss:word")
        assert "plenigo-signature" in headers

    def test_fixed_headers_are_sent(self, callback, ada, sandbox, site):
        Callback.objects.update(headers="X-Api-Key: a b:c\n\nX-Other:1\n")
        sandbox.send_callbacks(site)
        headers = site.calls[0][2]
        assert (headers["X-Api-Key"], headers["X-Other"]) == ("a b:c", "1")
        assert "Authorization" not in headers

    def test_they_are_sent_over_http(self, ada, sandbox):
        with listening() as (url, _received, heads):
            rows = {"company": sandbox.company, "url": url, "events": callbacks.EVENT_NAMES}
            Callback.objects.create(**rows, username="plenigo", password="x", headers="X-Api-Key: 7")
            sandbox.buy(ada, DAY_PASS)
            assert sandbox.send_callbacks() == 1
        assert (heads[0]["Authorization"], heads[0]["X-Api-Key"]) == ("Basic cGxlbmlnbzp4", "7")

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("headers", {"headers": "no header"}),
            ("headers", {"headers": "Bad Name: 1"}),
            ("headers", {"headers": "X-A: ä"}),
            ("headers", {"headers": "X-A: 1\nx-a: 2"}),
            ("headers", {"headers": "Plenigo-Signature: t=1,s=2"}),
            ("headers", {"headers": "Content-Type: text/plain"}),
            ("headers", {"headers": "Authorization: Bearer x", "username": "plenigo"}),
            ("username", {"username": "a:b"}),
            ("username", {"password": "x"}),
        ],
        ids=lambda value: str(value),
    )
    def test_what_cannot_be_sent_is_refused_at_its_field(self, staff, sandbox, field, values):
        data = {"company": sandbox.company.pk, "url": "http://site:8000/", "events": ["ORDER.CREATION"], **values}
        page = staff.post(reverse("admin:plenigo_sandbox_callback_add"), data)
        assert (list(page.context["adminform"].form.errors), Callback.objects.exists()) == ([field], False)

    def test_backend_takes_them(self, staff, sandbox):
        data = {"company": sandbox.company.pk, "url": "http://site:8000/", "events": ["ORDER.CREATION"]}
        own = {"username": "plenigo", "password": "x", "headers": "X-Api-Key: 7"}
        staff.post(reverse("admin:plenigo_sandbox_callback_add"), data | own)
        row = Callback.objects.get()
        assert row.authentication() == {"X-Api-Key": "7", "Authorization": "Basic cGxlbmlnbzp4"}


def test_callbacks_of_a_shut_down_company_are_kept_until_it_is_due(callback, ada, sandbox, site):
    Callback.objects.update(is_enabled=False)
    assert sandbox.send_callbacks(site) == 0
    Callback.objects.update(is_enabled=True)
    assert sandbox.send_callbacks(site) == 1


def test_retries_are_those_of_the_vendor():
    assert tuple(timedelta(hours=hours) for hours in (1, 6, 24)) == callbacks.RETRIES

"""The fault dial, the clock, the guard, and the adapter that reaches the sandbox without a socket."""

import logging
import time

import pytest
import requests
import urllib3
from asgiref.sync import async_to_sync
from django.core.checks import run_checks
from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import request_finished, request_started
from django.db import connection, transaction
from django.urls import get_script_prefix, get_urlconf, reverse, set_script_prefix
from django.utils import timezone, translation

from django_plenigo.sandbox import adapter, clock, handler
from django_plenigo.sandbox.api.urls import ENDPOINT_NAMES, NOT_PLAYED
from django_plenigo.sandbox.models import Clock, Customer, Fault
from tests.sandbox.vendor_client import HOST, VendorClient

MOUNT = "/plenigo-sandbox/api/v2"
REGISTER = ("POST", "externalUser/register")
EVE = {"email": "eve@example.com"}


class TestFaults:
    def test_status_comes_once_with_retry_after(self, api, sandbox):
        sandbox.fail_next(status=429, retry_after=7)
        first, second = api("GET", "paywall/state"), api("GET", "paywall/state")
        assert (first.status_code, first.headers["Retry-After"], second.status_code) == (429, "7", 200)

    def test_status_comes_with_a_body_of_ones_own(self, api, sandbox):
        sandbox.fail_next(status=500, body="<h1>Oops</h1>")
        assert api("GET", "paywall/state").text == "<h1>Oops</h1>"

    def test_fault_of_one_endpoint_leaves_others_alone(self, api, sandbox):
        sandbox.fail_next(endpoint="product")
        assert [api("GET", path).status_code for path in ("paywall/state", "product/P_BOOK")] == [200, 503]

    def test_fault_without_end_ends_when_it_is_cleared(self, api, sandbox):
        sandbox.fail_next(times=None)
        statuses = [api("GET", "paywall/state").status_code for _ in range(3)]
        sandbox.clear_faults()
        assert [*statuses, api("GET", "paywall/state").status_code] == [503, 503, 503, 200]

    def test_faults_come_in_the_order_they_were_dialled(self, api, sandbox):
        sandbox.fail_next(status=500, times=2)
        sandbox.fail_next(status=502)
        assert [api("GET", "paywall/state").status_code for _ in range(4)] == [500, 500, 502, 200]

    def test_fault_comes_before_the_work_unless_told(self, api, sandbox):
        sandbox.fail_next()
        api(*REGISTER, json=EVE)
        assert sandbox.customers() == []

    @pytest.mark.parametrize("dial", ["fail_next", "garble_next"])
    def test_work_may_be_done_though_the_answer_is_wrong(self, api, sandbox, dial):
        getattr(sandbox, dial)(after_work=True)
        answer = api(*REGISTER, json=EVE)
        assert "customerId" not in answer.text
        assert [customer.email for customer in sandbox.customers()] == ["eve@example.com"]

    def test_garbage_is_a_page_with_status_200(self, api, sandbox):
        sandbox.garble_next()
        answer = api("GET", "paywall/state")
        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")

    @pytest.mark.parametrize("after_work", [False, True])
    def test_cut_connection_is_a_connection_error(self, api, sandbox, after_work):
        sandbox.cut_next(after_work=after_work)
        with pytest.raises(requests.ConnectionError):
            api(*REGISTER, json=EVE)
        assert bool(sandbox.customers()) is after_work

    @pytest.mark.parametrize(
        "timeout", [5, 5.0, (1, 5), urllib3.util.Timeout(connect=60, read=5), urllib3.util.Timeout(total=5)]
    )
    def test_delay_beyond_the_timeout_is_a_timeout_at_once(self, api, sandbox, timeout):
        sandbox.delay_next(30)
        started = time.monotonic()
        with pytest.raises(requests.ReadTimeout):
            api("GET", "paywall/state", timeout=timeout)
        assert time.monotonic() - started < 20

    @pytest.mark.parametrize("timeout", [None, 5, (0.001, None)])
    def test_delay_within_the_timeout_passes(self, api, sandbox, timeout):
        sandbox.delay_next(0.05)
        started = time.monotonic()
        assert api("GET", "paywall/state", timeout=timeout).status_code == 200
        assert time.monotonic() - started >= 0.05

    def test_delayed_work_may_be_done_though_the_caller_is_gone(self, api, sandbox):
        sandbox.delay_next(30, after_work=True)
        with pytest.raises(requests.ReadTimeout):
            api(*REGISTER, json=EVE, timeout=1)
        assert len(sandbox.customers()) == 1

    def test_calls_are_recorded_with_endpoint_and_status(self, api, sandbox):
        sandbox.cut_next(endpoint="product")
        api("GET", "paywall/state")
        with pytest.raises(requests.ConnectionError):
            api("GET", "product/P_BOOK")
        api("GET", "nowhere")
        recorded = [(call.endpoint, call.method, call.status) for call in sandbox.calls]
        assert recorded == [("paywallState", "GET", 200), ("product", "GET", None), ("", "GET", 404)]

    def test_mounted_in_a_site_a_cut_is_an_answer_that_breaks_off(self, client, sandbox):
        sandbox.cut_next()
        answer = client.get(f"{MOUNT}/paywall/state")
        assert b"".join(answer.streaming_content) == b'{"'

    def test_names_of_endpoints_are_unique(self):
        assert len(ENDPOINT_NAMES) == len(set(ENDPOINT_NAMES))


class TestAddresses:
    @pytest.mark.parametrize("address", NOT_PLAYED)
    def test_what_is_not_played_is_never_a_success(self, api, address):
        path = address.replace("<str:reference>", "a").replace("<str:second>", "b").replace("<str:third>", "c")
        for method in ("GET", "POST"):
            answer = api(method, path)
            assert (answer.status_code, answer.json()["error"]) == (501, "not_implemented")

    @pytest.mark.parametrize("path", ["", "nothing", "user", "user/", "paywall/state/", "externalUser/a/b/c"])
    def test_unknown_address_is_json_404(self, api, path):
        answer = api("GET", path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")

    def test_address_outside_the_api_is_404(self, api):
        assert api.session.get(f"{HOST}/nothing").status_code == 404

    def test_success_has_no_key_that_clients_take_for_a_failure(self, api, ada, sandbox):
        sandbox.buy(ada, "P")
        paths = ["paywall/state", "products/search", f"user/{ada.customer_id}/orders", "product/P_BOOK"]
        for path in paths:
            answer = api("GET", path)
            assert answer.headers["Content-Type"].startswith("application/json")
            assert "error" not in answer.json()

    def test_too_many_fields_are_refused(self, api):
        assert api("GET", "products/search?" + "a&" * 2000).status_code == 400


class TestGuard:
    @pytest.fixture
    def shut(self, settings):
        settings.PLENIGO_SANDBOX = {}

    @pytest.mark.parametrize("path", ["paywall/state", "checkout", "nothing"])
    def test_api_answers_503_in_json(self, client, shut, db, path):
        answer = client.get(f"{MOUNT}/{path}")
        assert (answer.status_code, answer.json()["error"]) == (503, "sandbox_shut")

    def test_pages_answer_503(self, client, shut, db):
        assert client.get(f"{MOUNT}/oauth2/auth").status_code == 503

    def test_debug_opens_it(self, client, shut, settings, sandbox):
        settings.DEBUG = True
        assert client.get(f"{MOUNT}/paywall/state").status_code == 401

    @pytest.mark.parametrize(
        ("options", "found"),
        [
            ({"ALLOW_WITHOUT_DEBUG": True}, []),
            ({}, ["plenigo_sandbox.E001"]),
            ({"ALLOW_WITHOUT_DEBUG": False}, ["plenigo_sandbox.E001"]),
            ({"ALLOW_WITHOUT_DEBUG": "True"}, ["plenigo_sandbox.E001", "plenigo_sandbox.E003"]),
            ({"ALLOW_WITHOUT_DEBUG": True, "ALLOW": True}, ["plenigo_sandbox.E002"]),
            ("yes", ["plenigo_sandbox.E001", "plenigo_sandbox.E002"]),
        ],
    )
    def test_check_finds_it(self, settings, options, found):
        settings.PLENIGO_SANDBOX = options
        checked = run_checks(tags=["security"])  # those of the models would ask the database
        messages = [message for message in checked if message.id.startswith("plenigo_sandbox")]
        assert sorted(message.id for message in messages) == found
        assert all(message.hint for message in messages)


class TestClock:
    def test_shows_the_real_time_until_moved(self, db, standing_time):
        assert clock.now() == timezone.now()

    def test_moves_and_goes_back(self, sandbox, standing_time):
        sandbox.advance(1000)
        sandbox.advance(-400)
        assert (clock.now() - timezone.now()).total_seconds() == 600
        clock.reset()
        assert not Clock.objects.exists()

    def test_has_a_limit(self, sandbox):
        with pytest.raises(ValueError, match="hundred years"):
            sandbox.advance(4e9)

    def test_login_token_lives_five_minutes(self, sandbox, ada, standing_time):
        early, late = sandbox.create_login_token(ada), sandbox.create_login_token(ada)
        sandbox.advance(299)
        assert sandbox.consume_login_token(early) == ada
        sandbox.advance(2)
        assert sandbox.consume_login_token(late) is None


class TestAdapter:
    def test_thread_is_as_it_was(self, api):
        set_script_prefix("/site/")
        try:
            with translation.override("it"), timezone.override("Asia/Tokyo"):
                api("GET", "paywall/state")
                state = (translation.get_language(), timezone.get_current_timezone_name(), get_script_prefix())
                assert state == ("it", "Asia/Tokyo", "/site/")
                assert get_urlconf() is None
                assert reverse("login") == "/site/login/"
        finally:
            set_script_prefix("/")

    def test_neither_middleware_nor_allowed_hosts_take_part(self, api, settings):
        settings.ALLOWED_HOSTS = []
        settings.MIDDLEWARE = ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
        assert api("GET", "paywall/state").status_code == 200

    @pytest.mark.parametrize("amount", [1, 8, None])
    def test_streamed_answer_is_read_bit_by_bit(self, api, amount):
        answer = api("GET", "paywall/state", stream=True)
        parts = iter(lambda: answer.raw.read1(amount), b"")
        assert b"".join(parts) == b'{"enabled": true}'

    def test_body_may_be_text_bytes_or_a_generator(self, api):
        for body in (
            '{"email":"a@example.com"}',
            b'{"email":"a@example.com"}',
            iter([b'{"email":', b'"a@example.com"}']),
        ):
            assert api(*REGISTER, data=body).status_code == 200

    def test_sites_transaction_takes_the_vendors_work_along(self, api, sandbox):
        with transaction.atomic():
            api(*REGISTER, json=EVE)
            registered = len(sandbox.customers())
            transaction.set_rollback(True)
        assert (registered, sandbox.customers()) == (1, [])

    def test_sandbox_that_fails_is_a_logged_500_without_half_a_row(self, api, sandbox, monkeypatch, caplog):
        def fail(*args, **kwargs):
            Customer.objects.create(company=sandbox.company, email="half@example.com", registered_at=timezone.now())
            raise ZeroDivisionError

        monkeypatch.setattr("django_plenigo.sandbox.customers.register_customer", fail)
        with caplog.at_level(logging.CRITICAL, logger="django_plenigo.sandbox.handler"):
            answer = api(*REGISTER, json=EVE)
        assert (answer.status_code, answer.json()["error"]) == (500, "internal")
        assert sandbox.customers() == []
        with connection.cursor() as cursor:  # the site's own transaction lives on
            cursor.execute("SELECT 1")

    def test_sandbox_that_calls_itself_ends_with_an_error(self, api, monkeypatch):
        calls = []

        def call_again(environ, *, in_transaction):
            calls.append(1)
            api("GET", "paywall/state")
            return handler.answer(environ, in_transaction=in_transaction)

        monkeypatch.setattr(adapter, "answer", call_again)
        with pytest.raises(requests.ConnectionError, match="calls itself"):
            api("GET", "paywall/state")
        assert len(calls) == adapter.DEEPEST

    def test_call_from_async_code_is_the_callers_mistake(self, db):
        async def view():
            VendorClient()("GET", "paywall/state")

        with pytest.raises(SynchronousOnlyOperation):
            async_to_sync(view)()

    def test_request_cycle_of_the_site_is_not_ended(self, api):

        heard = []
        listener = lambda **kwargs: heard.append(kwargs)  # noqa: E731
        for signal in (request_started, request_finished):
            signal.connect(listener)
        try:
            api("GET", "paywall/state")
        finally:
            for signal in (request_started, request_finished):
                signal.disconnect(listener)
        assert heard == []

    def test_fault_dial_is_counted_down_though_the_call_fails(self, api, sandbox):
        sandbox.cut_next()
        with pytest.raises(requests.ConnectionError):
            api("GET", "paywall/state")
        assert Fault.objects.get().remaining == 0

"""Section 7 of docs/protocols/plenigo-v3.md: callbacks tell a site what has happened."""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.urls import reverse

from django_plenigo.sandbox import callbacks, clock, customers, identifiers, purchases
from django_plenigo.sandbox.models import Callback, CallbackAttempt, CallbackDelivery, Company, Purchase, SentMessage
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY
from tests.sandbox.v3.client import ApiV3

HOUR = 60 * 60


class Site:
    """The publisher's site, which answers with a status and remembers what it was told."""

    def __init__(self) -> None:
        self.status: int | None = 204
        self.calls = []

    def __call__(self, url, body, headers):
        self.calls.append((url, body, headers))
        if self.status is None:
            raise requests.ConnectTimeout("https://site.example/?secret")
        return self.status

    def told(self):
        return [json.loads(body) for _url, body, _headers in self.calls]

    def names(self):
        return [f"{body['entityType']}.{body['callbackType']}" for body in self.told()]


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def v3(db):
    return ApiV3()


@pytest.fixture
def callback(sandbox):
    """A callback that is told of everything."""
    return Callback.objects.create(company=sandbox.company, url="https://site.example/", events=callbacks.EVENT_NAMES)


@pytest.fixture
def staff(client, db):
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "x"))
    return client


class TestEvents:
    def test_customer_is_created_and_changed_through_either_version(self, v3, api, callback, sandbox, site):
        number = v3("POST", "customers", {"email": "a@example.com", "language": "de"}).json()["customerId"]
        api("POST", "externalUser/register", json={"email": "b@example.com", "externalUserId": "B-1"})
        v3("PUT", f"customers/{number}", {"lastName": "Moss"})
        v3("PUT", f"customers/{number}/email", {"email": "c@example.com"})
        path = "externalUser/B-1/changeEmail?useExternalCustomerId=true"
        api("PUT", path, json={"email": "d@example.com"})
        sandbox.send_callbacks(site)
        assert site.names() == ["CUSTOMER.CREATION"] * 2 + ["CUSTOMER.CHANGE"] * 3
        first, last = site.told()[0], site.told()[-1]
        assert (first["entityId"], first["entity"]["email"]) == (number, "a@example.com")
        assert last["entity"]["email"] == "d@example.com"

    def test_what_changes_nothing_tells_nothing(self, v3, api, callback, ada, sandbox, site):
        sandbox.send_callbacks(site)
        site.calls.clear()
        api("POST", "externalUser/register", json={"email": ada.email})
        v3("GET", f"customers/{ada.number}")
        v3.refusal("PUT", f"customers/{ada.number}", {"email": "nobody"})
        assert (sandbox.send_callbacks(site), site.calls) == (0, [])

    def test_subscription_is_made_and_cancelled(self, callback, ada, sandbox, site):
        purchase = sandbox.buy(ada, MONTHLY)
        purchases.cancel(purchase)
        sandbox.send_callbacks(site)
        assert site.names()[1:] == ["ORDER.CREATION", "SUBSCRIPTION.CREATION", "SUBSCRIPTION.CANCELLATION"]
        _customer, order, made, cancelled = site.told()
        assert order["entityId"] == str(purchases.order_number(purchase)) == str(order["entity"]["orderId"])
        assert (made["entity"]["cancellationDate"], bool(cancelled["entity"]["cancellationDate"])) == (None, True)

    def test_end_of_a_subscription_is_told_once(self, callback, ada, sandbox, site):
        purchases.cancel(sandbox.buy(ada, MONTHLY))
        sandbox.send_callbacks(site)
        site.calls.clear()
        sandbox.advance(32 * 24 * HOUR)
        assert [sandbox.send_callbacks(site), sandbox.send_callbacks(site)] == [1, 0]
        assert (site.names(), site.told()[0]["entity"]["status"]) == (["SUBSCRIPTION.ENDED"], "INACTIVE")

    def test_what_renews_or_is_no_subscription_does_not_end(self, callback, ada, sandbox, site):
        for product_id in (MONTHLY, DAY_PASS):
            sandbox.buy(ada, product_id)
        sandbox.send_callbacks(site)
        sandbox.advance(62 * 24 * HOUR)
        assert sandbox.send_callbacks(site) == 0

    def test_single_purchase_is_an_order_alone(self, callback, ada, sandbox, site):
        sandbox.buy(ada, DAY_PASS)
        sandbox.send_callbacks(site)
        assert site.names()[1:] == ["ORDER.CREATION"]

    def test_order_of_two_items_is_told_once_with_both(self, v3, callback, ada, sandbox, site):
        offers = [{"plenigoOfferId": identifiers.offer_id_of(name), "quantity": 1} for name in (MONTHLY, DAY_PASS)]
        body = {"customerIpAddress": "198.51.100.42", "customerId": ada.number, "items": offers}
        sandbox.complete_purchase(v3("POST", "checkout/preparePurchase", body).json()["purchaseId"])
        sandbox.send_callbacks(site)
        assert site.names()[1:] == ["SUBSCRIPTION.CREATION", "ORDER.CREATION"]
        assert len(site.told()[2]["entity"]["items"]) == 2

    def test_what_v3_does_not_know_is_not_told(self, api, callback, ada, sandbox, site):
        sandbox.buy(ada, MONTHLY, test_mode=True)
        api("POST", f"access/{ada.customer_id}/add", json={"productIds": [MONTHLY]})
        sandbox.send_callbacks(site)
        assert site.names() == ["CUSTOMER.CREATION"]

    def test_connected_account_is_a_changed_customer(self, v3, callback, sandbox, site):
        erna = sandbox.import_customer().customer
        body = {"email": "e@example.com", "password": "x", "language": "de", "customerId": erna.number}
        start = "processes/registration/loginIdentifier/start"
        step = v3("POST", start, {**body, "postcode": "10115"}).json()
        code = {"token": step["token"], "verificationToken": step["verificationToken"]}
        v3("POST", "processes/registration/loginIdentifier/validate", code)
        sandbox.send_callbacks(site)
        assert site.names()[-1] == "CUSTOMER.CHANGE"
        assert site.told()[-1]["entity"]["email"] == "e@example.com"

    def test_refused_call_tells_nothing(self, v3, callback, ada, sandbox, site):
        sandbox.create_customer(email="bob@example.com")
        sandbox.send_callbacks(site)
        site.calls.clear()
        assert v3.refusal("PUT", f"customers/{ada.number}", {"email": "bob@example.com"}) == (400, 20007)
        assert sandbox.send_callbacks(site) == 0

    def test_only_the_ticked_events_of_the_own_company_are_told(self, callback, ada, other_company, sandbox, site):
        CallbackDelivery.objects.all().delete()
        Callback.objects.update(events=["ORDER.CREATION"])
        customers.register_customer(other_company, "x@example.com")
        sandbox.buy(ada, MONTHLY)
        sandbox.send_callbacks(site)
        assert site.names() == ["ORDER.CREATION"]


class TestBody:
    def test_empty_values_are_sent_as_the_vendor_does(self, callback, ada, sandbox, site):
        sandbox.send_callbacks(site)
        entity = site.told()[0]["entity"]
        assert (entity["salutation"], entity["ssoLoginProviders"], entity["birthday"]) == ("", None, None)

    def test_empty_values_are_left_out_where_the_switch_says_so(self, callback, sandbox, site):
        Callback.objects.update(sends_empty_values=False)
        sandbox.create_customer()
        sandbox.send_callbacks(site)
        assert {"salutation", "ssoLoginProviders"} & set(site.told()[0]["entity"]) == set()

    def test_signature_is_over_the_seconds_and_the_raw_body(self, callback, ada, sandbox, site):
        sandbox.send_callbacks(site)
        url, body, headers = site.calls[0]
        signed_at, told = re.fullmatch(r"t=([0-9]+),s=([0-9a-f]{64})", headers["plenigo-signature"]).groups()
        expected = hmac.new(callback.secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
        assert (url, told) == ("https://site.example/", expected)
        assert abs(int(signed_at) - time.time()) < 60
        assert headers["X-Plenigo-Api-Version"] == "3.0"


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


class TestLog:
    @pytest.fixture
    def log(self, v3):
        return lambda query="": v3("GET", f"callbacks/logs{query}").json()

    def test_every_call_is_an_entry_the_newest_first(self, log, v3, callback, ada, sandbox, site):
        sandbox.buy(ada, MONTHLY)
        site.status = 500
        sandbox.send_callbacks(site)
        site.status = 204
        sandbox.advance(2 * HOUR)
        sandbox.send_callbacks(site)
        items = log("?size=100")["items"]
        assert [item["success"] for item in items] == [True] * 3 + [False] * 3
        names = ["SUBSCRIPTION", "ORDER", "CUSTOMER"]
        assert [item["entityType"] for item in items] == names * 2
        last = items[-1]
        assert (last["callbackType"], last["entityId"], last["entityVersion"]) == ("CREATION", ada.number, "3.0")
        assert (last["errorMsg"], "errorMsg" in items[0]) == ("HTTP status 500", False)
        assert v3("GET", f"callbacks/logs/{last['callbackLogEntryId']}").json() == last

    def test_entries_are_filtered_by_both_types(self, log, callback, ada, sandbox, site):
        purchase = sandbox.buy(ada, MONTHLY)
        purchases.cancel(purchase)
        sandbox.send_callbacks(site)
        assert len(log("?entityType=SUBSCRIPTION")["items"]) == 2
        assert len(log("?callbackType=CREATION")["items"]) == 3
        assert len(log("?entityType=SUBSCRIPTION&callbackType=CANCELLATION")["items"]) == 1
        assert log("?entityType=INVOICE")["items"] == []

    def test_site_that_was_not_reached_is_told_without_its_address(self, log, callback, ada, sandbox, site):
        site.status = None
        sandbox.send_callbacks(site)
        assert [item["errorMsg"] for item in log()["items"]] == ["ConnectTimeout"]

    def test_pages_have_cursors(self, log, callback, ada, sandbox, site):
        for number in range(6):
            sandbox.create_customer(email=f"{number}@example.com")
        sandbox.send_callbacks(site)
        first = log()
        assert len(log(f"?startingAfter={first['startingAfterId']}")["items"]) == 2

    def test_log_of_another_company_is_not_shown(self, log, v3, callback, ada, other_company, sandbox, site):
        sandbox.send_callbacks(site)
        stranger = ApiV3(other_company.api_token)
        number = CallbackAttempt.objects.get().pk
        assert stranger("GET", "callbacks/logs").json() == {"items": []}
        assert stranger.refusal("GET", f"callbacks/logs/{number}") == (404, 99404)

    @pytest.mark.parametrize("query", ["entityType=NEWS", "callbackType=CREATED", "startingAfter=7"])
    def test_filter_that_the_vendor_does_not_have_is_refused(self, v3, sandbox, query):
        assert v3.refusal("GET", f"callbacks/logs?{query}") == (400, 99400)


class TestCommand:
    def test_due_callbacks_are_sent_without_a_server(self, sandbox, ada, capsys):
        with listening() as (url, received, _heads):
            Callback.objects.create(company=sandbox.company, url=url, events=callbacks.EVENT_NAMES)
            sandbox.buy(ada, MONTHLY)
            call_command("plenigo_sandbox_callbacks")
        assert [json.loads(body)["entityType"] for _path, body in received] == ["ORDER", "SUBSCRIPTION"]
        assert capsys.readouterr().out == "2 of 2 due callbacks were told.\n"

    def test_site_that_fails_is_an_error_of_the_command(self, sandbox, ada, capsys):
        Callback.objects.create(company=sandbox.company, url="http://127.0.0.1:9/", events=callbacks.EVENT_NAMES)
        sandbox.buy(ada, DAY_PASS)
        with pytest.raises(CommandError, match="made again later"):
            call_command("plenigo_sandbox_callbacks")
        assert capsys.readouterr().out == "0 of 1 due callbacks were told.\n"

    def test_only_one_companys_are_sent_where_it_is_named(self, sandbox, other_company, capsys):
        with listening() as (url, received, _heads):
            for company in (sandbox.company, other_company):
                Callback.objects.create(company=company, url=url, events=callbacks.EVENT_NAMES)
                customers.register_customer(company, f"{company.pk}@example.com")
            call_command("plenigo_sandbox_callbacks", company=other_company.company_id)
        assert [json.loads(body)["entity"]["email"] for _path, body in received] == [f"{other_company.pk}@example.com"]
        with pytest.raises(CommandError, match="no company 'X'"):
            call_command("plenigo_sandbox_callbacks", company="X")

    def test_nothing_due_is_fine(self, sandbox, capsys):
        call_command("plenigo_sandbox_callbacks")
        assert capsys.readouterr().out == "0 of 0 due callbacks were told.\n"

    def test_one_run_sends_all_that_is_due(self, sandbox, site):
        Callback.objects.create(company=sandbox.company, url="http://a.example/", events=["CUSTOMER.CREATION"])
        for number in range(120):
            sandbox.create_customer(email=f"{number}@example.com")
        assert sandbox.send_callbacks(site) == 120


class TestMerchantBackend:
    def test_callback_is_set_up_and_shows_its_secret(self, staff, sandbox):
        data = {
            "company": sandbox.company.pk,
            "url": "http://site:8000/hook",
            "events": ["ORDER.CREATION"],
            "is_enabled": "on",
        }
        staff.post(reverse("admin:plenigo_sandbox_callback_add"), data)
        row = Callback.objects.get()
        page = staff.get(reverse("admin:plenigo_sandbox_callback_change", args=[row.pk])).content.decode()
        assert (row.events, row.sends_empty_values, row.secret in page) == (["ORDER.CREATION"], False, True)

    @pytest.mark.parametrize("url", ["site.example", "ftp://site.example", "javascript:alert(1)"])
    def test_address_that_is_none_of_the_web_is_refused(self, staff, sandbox, url):
        data = {"company": sandbox.company.pk, "url": url, "events": ["ORDER.CREATION"]}
        staff.post(reverse("admin:plenigo_sandbox_callback_add"), data)
        assert not Callback.objects.exists()

    def test_deleted_customer_is_told_without_an_entity(self, staff, callback, ada, sandbox, site):
        staff.post(reverse("admin:plenigo_sandbox_customer_delete", args=[ada.pk]), {"post": "yes"})
        sandbox.send_callbacks(site)
        told = site.told()[-1]
        assert told == {"entityType": "CUSTOMER", "callbackType": "DELETION", "entityId": ada.number}

    def test_blocked_subscription_is_a_changed_one(self, staff, callback, ada, sandbox, site):
        purchase = sandbox.buy(ada, MONTHLY)
        chosen = {"action": "block", "_selected_action": [purchase.pk]}
        staff.post(reverse("admin:plenigo_sandbox_purchase_changelist"), chosen)
        sandbox.send_callbacks(site)
        assert (site.names()[-1], site.told()[-1]["entity"]["accessBlocked"]) == ("SUBSCRIPTION.CHANGE", True)

    def test_changed_purchase_is_found_by_the_time_of_its_change(self, staff, v3, ada, sandbox):
        purchase = sandbox.buy(ada, MONTHLY)
        sandbox.advance(HOUR)
        since = (clock.now() - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
        path = f"customers/{ada.number}/subscriptions?startTime={since}"
        assert v3("GET", path).json()["items"] == []
        for action in ("block", "cancel", "undo_cancellation"):
            sandbox.advance(HOUR)
            chosen = {"action": action, "_selected_action": [purchase.pk]}
            staff.post(reverse("admin:plenigo_sandbox_purchase_changelist"), chosen)
            (item,) = v3("GET", path).json()["items"]
            assert abs(datetime.fromisoformat(item["changedDate"]) - clock.now()) < timedelta(minutes=5)

    def test_cancellation_is_taken_back(self, staff, v3, callback, ada, sandbox, site):
        purchase = sandbox.buy(ada, MONTHLY)
        purchases.cancel(purchase)
        chosen = {"action": "undo_cancellation", "_selected_action": [purchase.pk]}
        staff.post(reverse("admin:plenigo_sandbox_purchase_changelist"), chosen)
        sandbox.send_callbacks(site)
        assert site.names()[-1] == "SUBSCRIPTION.UNDO_CANCELLATION"
        told = v3("GET", f"subscriptions/{purchases.subscription_number(purchase)}").json()
        assert {"cancellationDate", "endDate"} & set(told) == set()
        assert "nextBookingDate" in told

    @pytest.mark.parametrize("days", [0, 40], ids=["never cancelled", "ended"])
    def test_there_is_nothing_to_take_back(self, staff, ada, sandbox, days):
        purchase = sandbox.buy(ada, MONTHLY)
        if days:
            purchases.cancel(purchase)
            sandbox.advance(days * 24 * HOUR)
        chosen = {"action": "undo_cancellation", "_selected_action": [purchase.pk]}
        page = staff.post(reverse("admin:plenigo_sandbox_purchase_changelist"), chosen, follow=True)
        assert "0 subscriptions go on." in page.content.decode()

    def test_unblocked_customer_and_one_with_another_address_have_changed(self, staff, callback, ada, sandbox, site):
        ada.status = "DISABLED"
        ada.save()
        chosen = {"action": "unlock", "_selected_action": [ada.pk]}
        staff.post(reverse("admin:plenigo_sandbox_customer_changelist"), chosen)
        address = {"customer": ada.pk, "kind": "INVOICE", "city": "Berlin"}
        staff.post(reverse("admin:plenigo_sandbox_address_add"), address)
        sandbox.send_callbacks(site)
        assert site.names() == ["CUSTOMER.CREATION", "CUSTOMER.CHANGE", "CUSTOMER.CHANGE"]
        assert site.told()[1]["entity"]["status"] == "ACTIVATED"

    def test_due_callbacks_are_sent_on_a_click_when_the_transaction_is_over(
        self, staff, sandbox, ada, django_capture_on_commit_callbacks
    ):
        with listening() as (url, received, _heads):
            Callback.objects.create(company=sandbox.company, url=url, events=callbacks.EVENT_NAMES)
            sandbox.buy(ada, DAY_PASS)
            delivery = CallbackDelivery.objects.get()
            chosen = {"action": "send_due", "_selected_action": [delivery.pk]}
            with django_capture_on_commit_callbacks(execute=True):
                page = staff.post(reverse("admin:plenigo_sandbox_callbackdelivery_changelist"), chosen, follow=True)
        assert "1 callback was due." in page.content.decode()
        assert [(path, json.loads(body)["entityType"]) for path, body in received] == [("/hook", "ORDER")]


class listening:  # noqa: N801 - used like a function
    """A site on a socket: its address, what it has received, and with which headers."""

    def __enter__(self):
        received, heads = [], []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                heads.append(self.headers)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/hook", received, heads

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()


def test_callbacks_of_a_shut_down_company_are_kept_until_it_is_due(callback, ada, sandbox, site):
    Callback.objects.update(is_enabled=False)
    assert sandbox.send_callbacks(site) == 0
    Callback.objects.update(is_enabled=True)
    assert sandbox.send_callbacks(site) == 1


def test_company_without_callbacks_writes_nothing(sandbox, ada):
    sandbox.buy(ada, MONTHLY)
    assert (Purchase.objects.count(), CallbackDelivery.objects.count(), Company.objects.count()) == (1, 0, 1)


def test_retries_are_those_of_the_vendor():
    assert tuple(timedelta(hours=hours) for hours in (1, 6, 24)) == callbacks.RETRIES

"""Callbacks in the sandbox's admin."""

import json
from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from django_plenigo.sandbox import callbacks, clock, purchases
from django_plenigo.sandbox.models import Callback, CallbackDelivery
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY
from tests.sandbox.callbacks.receiving import listening

HOUR = 60 * 60


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

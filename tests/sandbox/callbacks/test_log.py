"""What API v3 tells of the callbacks that were made."""

import pytest

from django_plenigo.sandbox import purchases
from django_plenigo.sandbox.models import CallbackAttempt
from django_plenigo.sandbox.seed import MONTHLY
from tests.sandbox.v3.client import ApiV3

HOUR = 60 * 60


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

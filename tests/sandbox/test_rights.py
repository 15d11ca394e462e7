"""Sections 2.2 and 2.3 of docs/protocols/plenigo-v2.md: who may read what."""

from datetime import UTC, datetime, timedelta

import pytest

from django_plenigo.sandbox import purchases
from django_plenigo.sandbox.models import Company
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY, YEARLY


def ask(api, customer_id, products="P", **query):
    return api("GET", "user/product", params={"customerId": customer_id, "productId": products, **query})


def granted(answer):
    return {row["productId"] for row in answer.json()["userProducts"]} if answer.status_code == 200 else None


class TestHasUserBought:
    def test_bought_is_200(self, api, ada, sandbox):
        sandbox.buy(ada, "P")
        body = {"accessGranted": True, "userProducts": [{"productId": "P", "blocked": False}]}
        assert ask(api, ada.customer_id).json() == body

    @pytest.mark.parametrize("products", ["A,P,C", ["A", "P", "C"], ["A,P", "C"]])
    def test_one_of_several_is_enough_and_only_owned_ones_are_listed(self, api, ada, sandbox, products):
        sandbox.buy(ada, "P")
        sandbox.buy(ada, "not asked")
        assert granted(ask(api, ada.customer_id, products)) == {"P"}

    def test_external_id_needs_the_flag(self, api, ada, sandbox):
        sandbox.buy(ada, "P")
        assert ask(api, "A-1").status_code == 403
        assert ask(api, "A-1", useExternalCustomerId="true").status_code == 200
        assert ask(api, ada.customer_id, useExternalCustomerId="true").status_code == 403

    @pytest.mark.parametrize("flag", ["true", "false"])
    @pytest.mark.parametrize("path", ["user/product", "user/product/details"])
    def test_access_id_is_a_customer_id_under_either_flag(self, api, ada, sandbox, path, flag):
        sandbox.buy(ada, "P")
        api("POST", "import/customerAccess", json={"customerId": ada.customer_id, "yourThirdIdentifier": "CRM-9"})
        query = {"customerId": "CRM-9", "productId": "P", "useExternalCustomerId": flag}
        assert granted(api("GET", path, params=query)) == {"P"}

    def test_test_mode_is_another_world(self, api, ada, sandbox):
        sandbox.buy(ada, "LIVE")
        sandbox.buy(ada, "TEST", test_mode=True)
        live = ask(api, ada.customer_id, "LIVE,TEST", testMode="false")
        test = ask(api, ada.customer_id, "LIVE,TEST", testMode="true")
        assert (granted(live), granted(test)) == ({"LIVE"}, {"TEST"})

    def test_paywall_that_is_off_grants_everything(self, api, ada, sandbox):
        Company.objects.filter(pk=sandbox.company.pk).update(paywall_enabled=False)
        for customer_id in (ada.customer_id, "UNKNOWN"):
            assert ask(api, customer_id).json() == {"accessGranted": True, "userProducts": []}

    def test_end_is_told_in_milliseconds_as_text(self, api, ada, sandbox):
        purchase = sandbox.buy(ada, DAY_PASS)
        (row,) = ask(api, ada.customer_id, DAY_PASS).json()["userProducts"]
        assert row["lifeTimeEnd"] == str(round(purchase.end.timestamp() * 1000))

    def test_right_ends_by_the_sandboxs_clock(self, api, ada, sandbox, standing_time):
        sandbox.buy(ada, DAY_PASS)
        sandbox.advance(86390)
        before = ask(api, ada.customer_id, DAY_PASS).status_code
        sandbox.advance(20)
        assert (before, ask(api, ada.customer_id, DAY_PASS).status_code) == (200, 403)

    def test_longest_right_counts(self, api, ada, sandbox):
        sandbox.buy(ada, DAY_PASS)
        purchases.grant(ada, DAY_PASS)
        assert "lifeTimeEnd" not in ask(api, ada.customer_id, DAY_PASS).json()["userProducts"][0]

    def test_renewing_subscription_tells_when_and_has_no_end(self, api, ada, sandbox):
        start = sandbox.buy(ada, MONTHLY).start
        sandbox.advance(timedelta(days=40).total_seconds())
        (row,) = ask(api, ada.customer_id, MONTHLY).json()["userProducts"]
        expected = purchases.add_months(start, 2)
        assert (row["nextRenewalDate"], "lifeTimeEnd" in row) == (str(round(expected.timestamp() * 1000)), False)

    def test_subscription_without_renewal_ends_with_its_term(self, api, ada, sandbox):
        purchase = sandbox.buy(ada, YEARLY)
        assert purchase.end == purchases.add_months(purchase.start, 12)

    def test_cancelled_subscription_ends_with_the_term_that_has_begun(self, api, ada, sandbox):
        purchase = sandbox.buy(ada, MONTHLY)
        purchases.cancel(purchase)
        still = ask(api, ada.customer_id, MONTHLY).status_code
        sandbox.advance(timedelta(days=32).total_seconds())
        assert (still, ask(api, ada.customer_id, MONTHLY).status_code) == (200, 403)


class TestGrants:
    def add(self, api, reference, **body):
        return api("POST", f"access/{reference}/add", json={"productIds": ["P"], **body})

    def remove(self, api, reference, products="P", **query):
        return api("DELETE", f"access/{reference}/remove", params={"productIds": products, **query})

    def test_granted_right_counts_from_now_without_end(self, api, ada):
        assert self.add(api, ada.customer_id, productIds=["P", "Q"]).status_code == 204
        body = ask(api, ada.customer_id, "P,Q").json()
        assert [set(row) for row in body["userProducts"]] == [{"productId", "blocked"}] * 2

    def test_last_day_counts(self, api, ada, sandbox, time_machine):
        time_machine.move_to(datetime(2030, 5, 1, 12, tzinfo=UTC), tick=False)
        self.add(api, ada.customer_id, startTime="2030-05-02", endTime="2030-05-03")
        statuses = [ask(api, ada.customer_id).status_code]
        for hours in (12, 36, 24):
            sandbox.advance(hours * 3600 - 60)
            statuses.append(ask(api, ada.customer_id).status_code)
            sandbox.advance(60)
        assert [*statuses, ask(api, ada.customer_id).status_code] == [403, 403, 200, 403, 403]

    def test_again_replaces_the_dates(self, api, ada):
        self.add(api, ada.customer_id, endTime="2999-01-01")
        self.add(api, ada.customer_id)
        assert ada.purchases.count() == 1
        assert "lifeTimeEnd" not in ask(api, ada.customer_id).json()["userProducts"][0]

    def test_details_carry_a_receipt(self, api, ada):
        details = [{"productId": "P", "receipt": "R-1", "source": "till"}, {"productId": "Q"}]
        answer = api("POST", f"access/{ada.customer_id}/addWithDetails", json={"details": details})
        assert answer.status_code == 204
        assert granted(ask(api, ada.customer_id, "P,Q")) == {"P", "Q"}
        assert ada.purchases.get(product_id="P").receipt == "R-1"

    @pytest.mark.parametrize("sent", ["true", 1, True])
    def test_test_mode_is_apart(self, api, ada, sent):
        self.add(api, ada.customer_id, testMode=sent)
        assert ask(api, ada.customer_id).status_code == 403
        assert ask(api, ada.customer_id, testMode="true").status_code == 200

    @pytest.mark.parametrize("query", [{}, {"testMode": ""}, {"testMode": "0", "customerId": "x"}])
    def test_removed_right_is_gone(self, api, ada, query):
        self.add(api, ada.customer_id, productIds=["P", "Q", "R"])
        assert self.remove(api, ada.customer_id, "P,Q", **query).status_code == 204
        assert granted(ask(api, ada.customer_id, "P,Q,R")) == {"R"}

    def test_removing_what_is_not_there_is_fine(self, api, ada):
        assert self.remove(api, ada.customer_id).status_code == 204

    def test_removing_a_grant_leaves_the_purchase(self, api, ada, sandbox):
        sandbox.buy(ada, "P")
        self.add(api, ada.customer_id)
        self.remove(api, ada.customer_id)
        assert ask(api, ada.customer_id).status_code == 200

    def test_external_id_works_with_the_flag(self, api, ada):
        self.add(api, "A-1", useExternalCustomerId=True)
        assert self.remove(api, "A-1", useExternalCustomerId="1").status_code == 204
        assert ask(api, ada.customer_id).status_code == 403

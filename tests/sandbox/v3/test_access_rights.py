"""Section 4 of docs/protocols/plenigo-v3.md: access rights, of purchases and made by hand."""

from datetime import timedelta

import pytest

from django_plenigo.sandbox import clock
from django_plenigo.sandbox.models import Purchase
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY

DAY = 24 * 60 * 60


@pytest.fixture
def has(v3, ada):
    """Ask what Ada may use."""

    def ask(names="news"):
        answer = v3("GET", f"accessRights/{ada.number}/hasAccess?accessRightUniqueIds={names}")
        assert answer.status_code == 200
        return answer.json()

    return ask


@pytest.fixture
def give(v3, ada):
    """Give Ada a right and return the status."""

    def post(name="news", **item):
        return v3("POST", f"accessRights/{ada.number}", {"accessRightUniqueId": name, **item}).status_code

    return post


def later(**amount):
    return (clock.now() + timedelta(**amount)).isoformat().replace("+00:00", "Z")


class TestPurchases:
    def test_nothing_is_granted_at_first(self, has, ada):
        assert has() == {"customerId": ada.number, "customerBlocked": False, "accessGranted": False, "items": []}

    def test_subscription_of_v2_grants_the_right_of_its_product(self, has, sandbox, ada):
        sandbox.buy(ada, MONTHLY)
        told = has("P-MONTHLY,other")
        item = told["items"][0]
        assert (told["accessGranted"], item["accessGranted"], item["itemType"]) == (True, True, "SUBSCRIPTION_ITEM")
        assert (item["productId"], item["plenigoOfferId"][:2], len(item["plenigoOfferId"])) == (MONTHLY, "O_", 20)

    def test_single_purchase_ends_and_is_told_as_not_granted(self, has, sandbox, ada):
        sandbox.buy(ada, DAY_PASS)
        assert has(DAY_PASS)["accessGranted"] is True
        sandbox.advance(DAY + 1)
        told = has(DAY_PASS)
        assert (told["accessGranted"], told["items"][0]["accessGranted"]) == (False, False)

    def test_right_of_a_product_can_be_named(self, has, sandbox, ada):
        sandbox.company.products.filter(product_id=MONTHLY).update(access_right_id="news")
        sandbox.buy(ada, MONTHLY)
        assert (has("news")["accessGranted"], has("P-MONTHLY")["accessGranted"]) == (True, False)

    def test_product_that_nobody_manages_grants_the_right_of_its_name(self, has, sandbox, ada):
        sandbox.buy(ada, "only_the_shop")
        assert has("only-the-shop")["accessGranted"] is True

    def test_right_granted_through_v2_counts(self, api, has, ada):
        assert api("POST", f"access/{ada.customer_id}/add", json={"productIds": [MONTHLY]}).status_code == 204
        assert has("P-MONTHLY")["items"][0]["itemType"] == "EXTERNAL"

    def test_blocked_purchase_grants_nothing(self, has, sandbox, ada):
        sandbox.buy(ada, MONTHLY)
        Purchase.objects.update(is_blocked=True)
        told = has("P-MONTHLY")
        assert (told["accessGranted"], told["items"][0]["blocked"]) == (False, True)

    def test_purchase_in_test_mode_grants_nothing(self, has, sandbox, ada):
        sandbox.buy(ada, MONTHLY, test_mode=True)
        assert has("P-MONTHLY")["items"] == []

    @pytest.mark.parametrize("status", ["BLOCKED", "DEACTIVATED", "DISABLED"])
    def test_blocked_customer_has_nothing(self, has, sandbox, ada, status):
        sandbox.buy(ada, MONTHLY)
        ada.status = status
        ada.save()
        told = has("P-MONTHLY")
        assert (told["customerBlocked"], told["accessGranted"]) == (True, False)


class TestOwnRights:
    def test_right_is_made_once_and_stays_as_it_is(self, v3, give, has, ada):
        assert [give(data={"a": "1"}), give(data={"a": "2"})] == [201, 208]
        item = has()["items"][0]
        assert (item["accessGranted"], item["data"], item["itemType"]) == (True, {"a": "1"}, "EXTERNAL")
        names = [item["accessRightUniqueId"] for item in v3("GET", f"accessRights/{ada.number}").json()["items"]]
        assert names == ["news"]

    def test_right_that_a_purchase_gives_cannot_be_made(self, v3, sandbox, ada):
        sandbox.buy(ada, MONTHLY)
        path = f"accessRights/{ada.number}"
        assert v3.refusal("POST", path, {"accessRightUniqueId": "P-MONTHLY"}) == (400, 21001)

    def test_item_takes_the_place_of_the_old_one(self, v3, give, ada):
        give(data={"a": "1"}, blocked=True)
        status, told = v3.ask("PUT", f"accessRights/{ada.number}/news", {"lifeTimeEnd": later(days=1)})
        assert (status, told["items"][0]["blocked"], "data" in told["items"][0]) == (200, False, False)

    def test_right_is_taken_away_once(self, v3, give, has, ada):
        give()
        path = f"accessRights/{ada.number}/news"
        assert v3.ask("DELETE", path) == (202, {"success": True})
        assert (has()["items"], v3.refusal("DELETE", path)) == ([], (404, 21404))

    def test_right_of_a_purchase_cannot_be_touched(self, v3, sandbox, ada):
        sandbox.buy(ada, MONTHLY)
        path = f"accessRights/{ada.number}/P-MONTHLY"
        assert [v3.refusal("PUT", path, {}), v3.refusal("DELETE", path)] == [(404, 21404)] * 2

    @pytest.mark.parametrize(
        ("item", "granted"),
        [
            ({"blocked": True}, False),
            ({"start": {"days": 1}}, False),
            ({"end": {"days": -1}, "start": {"days": -2}}, False),
            ({"end": {"days": 1}, "start": {"days": -1}}, True),
            ({"paused": {"days": -1}}, False),
            ({"paused": {"days": 1}}, True),
        ],
        ids=str,
    )
    def test_right_counts_in_its_time(self, give, has, item, granted):
        names = {"start": "lifeTimeStart", "end": "lifeTimeEnd", "paused": "pausedTimeStart"}
        sent = {names.get(name, name): later(**value) if name in names else value for name, value in item.items()}
        assert give(**sent) == 201
        assert has()["accessGranted"] is granted

    @pytest.mark.parametrize(
        ("times", "granted"),
        [(("06:00:00", "18:00:00"), True), (("18:00:00", "06:00:00"), False), (("22:00:00", "13:00:00"), True)],
        ids=str,
    )
    def test_right_counts_at_its_time_of_day(self, give, has, time_machine, times, granted):
        time_machine.move_to("2026-11-27T12:00:00+00:00")
        give(accessTimeStart=times[0], accessTimeEnd=times[1])
        assert has()["accessGranted"] is granted

    def test_rights_of_different_case_are_two(self, give):
        assert [give("news"), give("News")] == [201, 201]

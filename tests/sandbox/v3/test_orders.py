"""Section 5 of docs/protocols/plenigo-v3.md: preparing a purchase, orders and subscriptions."""

import pytest

from django_plenigo.sandbox import identifiers, preparations, purchases
from django_plenigo.sandbox.models import Purchase
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY, YEARLY
from tests.sandbox.v3.client import ApiV3

CUSTOM = {
    "quantity": 2,
    "title": "Box",
    "legalText": "Terms",
    "products": [
        {
            "title": "Book",
            "price": 12.5,
            "currency": "EUR",
            "taxType": "BOOK",
            "accessRightUniqueId": "the-book",
            "productId": "BOOK-1",
        }
    ],
}


def offer(product_id=MONTHLY, **item):
    return {"plenigoOfferId": identifiers.offer_id_of(product_id), "quantity": 1, **item}


@pytest.fixture
def prepare(v3, sandbox):
    """Prepare a purchase and return its id."""
    assert sandbox.company

    def post(*items, **values):
        body = {"customerIpAddress": "198.51.100.42", "items": list(items), **values}
        status, told = v3.ask("POST", "checkout/preparePurchase", body)
        assert status == 201
        return told["purchaseId"]

    return post


class TestPreparation:
    def test_prepared_purchase_becomes_an_order_with_all_its_items(self, v3, prepare, sandbox, ada):
        order = sandbox.complete_purchase(prepare(offer(), CUSTOM, customerId=ada.number))
        told = v3("GET", f"orders/{order}").json()
        assert (told["invoiceCustomerId"], told["accumulatedPrice"]) == (ada.number, 9.9 + 2 * 12.5)
        titles = [(item["position"], item["title"], item["quantity"]) for item in told["items"]]
        assert titles == [(1, "Monthly subscription", 1), (2, "Book", 2)]
        granted = v3("GET", f"accessRights/{ada.number}/hasAccess?accessRightUniqueIds=the-book").json()
        assert granted["accessGranted"] is True

    def test_customer_is_known_by_his_session(self, v3, prepare, sandbox, ada):
        session = v3("POST", f"sessions/{ada.number}", {}).json()["customerSession"]
        sandbox.complete_purchase(prepare(offer(), customerSession=session))
        assert ada.purchases.get().product_id == MONTHLY

    def test_nobody_is_named_for_a_log_in_at_the_checkout(self, prepare, sandbox, ada):
        purchase_id = prepare(offer())
        with pytest.raises(LookupError):
            sandbox.complete_purchase(purchase_id)
        sandbox.complete_purchase(purchase_id, ada.number)
        assert ada.purchases.count() == 1

    def test_what_was_bought_before_is_minus_one(self, prepare, sandbox, ada):
        sandbox.buy(ada, MONTHLY)
        assert sandbox.complete_purchase(prepare(offer(), customerId=ada.number)) == -1

    @pytest.mark.parametrize(
        ("wish", "method"),
        [
            ({}, "BANK_ACCOUNT"),
            ({"allowedPaymentMethods": []}, "BANK_ACCOUNT"),
            ({"allowedPaymentMethods": ["PAYPAL", "BANK_ACCOUNT"]}, "BANK_ACCOUNT"),
            ({"allowedPaymentMethods": ["PAYPAL", "TWINT"]}, "PAYPAL"),
            ({"allowedPaymentMethods": ["PAYPAL", "TWINT"], "forcePaymentMethod": "TWINT"}, "TWINT"),
            ({"forcePaymentMethod": "CREDIT_CARD"}, "CREDIT_CARD"),
        ],
        ids=str,
    )
    def test_order_is_paid_as_the_shop_wants_it(self, v3, prepare, sandbox, ada, wish, method):
        order = sandbox.complete_purchase(prepare(offer(), customerId=ada.number, **wish))
        assert v3("GET", f"orders/{order}").json()["paymentMethod"] == method

    def test_second_purchase_is_made_where_the_shop_allows_it(self, prepare, sandbox, ada):
        sandbox.buy(ada, MONTHLY)
        purchase_id = prepare(offer(), customerId=ada.number, allowMultiplePurchases=True)
        assert sandbox.complete_purchase(purchase_id) > 0

    def test_purchase_id_is_paid_once(self, prepare, sandbox, ada):
        purchase_id = prepare(offer(), customerId=ada.number)
        assert sandbox.complete_purchase(purchase_id) == sandbox.complete_purchase(purchase_id)
        assert ada.purchases.count() == 1

    def test_purchase_id_lives_for_an_hour(self, prepare, sandbox, ada):
        purchase_id = prepare(offer(), customerId=ada.number)
        sandbox.advance(60 * 60 + 1)
        with pytest.raises(preparations.TimedOutError):
            sandbox.complete_purchase(purchase_id)

    def test_session_is_not_kept(self, v3, prepare, ada):
        session = v3("POST", f"sessions/{ada.number}", {}).json()["customerSession"]
        prepare(offer(), customerSession=session)
        assert "customerSession" not in preparations.PreparedPurchase.objects.get().body


class TestOrders:
    def test_purchase_of_v2_is_an_order(self, v3, sandbox, ada):
        purchase = sandbox.buy(ada, DAY_PASS)
        item = v3("GET", f"customers/{ada.number}/orders").json()["items"][0]
        assert item["orderId"] == purchases.order_number(purchase)
        assert (item["items"][0]["productId"], item["items"][0]["price"]) == (DAY_PASS, 1.99)

    def test_orders_of_others_and_what_was_granted_are_not_listed(self, v3, api, sandbox, ada, bob):
        sandbox.buy(bob, DAY_PASS)
        api("POST", f"access/{ada.customer_id}/add", json={"productIds": [MONTHLY]})
        assert v3.ask("GET", f"customers/{ada.number}/orders") == (200, {"items": []})

    def test_numbers_of_orders_and_subscriptions_are_not_mixed_up(self, v3, sandbox, ada):
        purchase = sandbox.buy(ada, MONTHLY)
        order, number = purchases.order_number(purchase), purchases.subscription_number(purchase)
        statuses = [v3("GET", path).status_code for path in (f"orders/{order}", f"subscriptions/{number}")]
        mixed = [v3("GET", path).status_code for path in (f"orders/{number}", f"subscriptions/{order}")]
        assert (statuses, mixed) == ([200, 200], [404, 404])

    def test_other_companies_see_none_of_it(self, sandbox, ada, other_company):
        purchase = sandbox.buy(ada, MONTHLY)
        other = ApiV3(other_company.api_token)
        assert other.refusal("GET", f"orders/{purchases.order_number(purchase)}") == (404, 99404)
        assert other.refusal("GET", f"subscriptions/{purchases.subscription_number(purchase)}") == (404, 40404)
        assert other.ask("GET", "subscriptions") == (200, {"items": []})


class TestSubscriptions:
    def test_renewing_subscription(self, v3, sandbox, ada, time_machine):
        time_machine.move_to("2026-01-15T12:00:00+00:00", tick=False)
        purchase = sandbox.buy(ada, MONTHLY)
        sandbox.advance(40 * 24 * 60 * 60)  # to 24 February
        told = v3("GET", f"subscriptions/{purchases.subscription_number(purchase)}").json()
        dates = (told["firstBookingDate"], told["lastBookingDate"], told["nextBookingDate"])
        assert dates == ("2026-01-15", "2026-02-15", "2026-03-15")
        assert (told["status"], told["term"], told["termTimeSpan"], "endDate" in told) == ("ACTIVE", 1, "MONTH", False)
        assert (told["startDate"], told["items"][0]["accessRightUniqueId"]) == ("2026-01-15T12:00:00Z", "P-MONTHLY")

    def test_cancelled_subscription_ends_with_its_term(self, v3, sandbox, ada):
        purchase = sandbox.buy(ada, MONTHLY)
        purchases.cancel(purchase)
        path = f"subscriptions/{purchases.subscription_number(purchase)}"
        told = v3("GET", path).json()
        assert (told["status"], "cancellationDate" in told, "nextBookingDate" in told) == ("ACTIVE", True, False)
        sandbox.advance(32 * 24 * 60 * 60)
        assert v3("GET", path).json()["status"] == "INACTIVE"

    def test_order_leads_to_its_subscription(self, v3, sandbox, ada):
        sandbox.buy(ada, YEARLY)
        purchase = sandbox.buy(ada, MONTHLY)
        order = v3("GET", f"orders/{purchases.order_number(purchase)}").json()
        item_id = order["items"][0]["subscriptionItemId"]
        items = v3("GET", f"subscriptions?subscriptionItemId={item_id}").json()["items"]
        assert [item["subscriptionId"] for item in items] == [purchases.subscription_number(purchase)]

    @pytest.mark.parametrize(
        ("query", "number"),
        [
            ("subscriptionItemId=1", 0),
            ("externalSystemId=S", 0),
            ("subscriptionType=ISSUE_BASED", 0),
            ("subscriptionType=TIME_BASED", 1),
        ],
    )
    def test_filters_of_the_companys_list(self, v3, sandbox, ada, query, number):
        sandbox.buy(ada, MONTHLY)
        assert len(v3("GET", f"subscriptions?{query}").json()["items"]) == number


class TestPages:
    @pytest.fixture
    def seven(self, sandbox, ada):
        return [purchases.order_number(sandbox.buy(ada, DAY_PASS)) for _ in range(7)]

    def page(self, v3, ada, query=""):
        told = v3("GET", f"customers/{ada.number}/orders?{query}").json()
        return [item["orderId"] for item in told["items"]], told.get("startingAfterId"), told.get("endingBeforeId")

    def test_five_at_first_and_the_newest_before(self, v3, ada, seven):
        newest = seven[::-1]
        assert self.page(v3, ada) == (newest[:5], str(newest[4]), None)

    def test_cursor_leads_on_and_back(self, v3, ada, seven):
        newest = seven[::-1]
        assert self.page(v3, ada, f"startingAfter={newest[4]}") == (newest[5:], None, str(newest[5]))
        assert self.page(v3, ada, f"endingBefore={newest[5]}") == (newest[:5], str(newest[4]), None)

    def test_oldest_first_where_asked(self, v3, ada, seven):
        assert self.page(v3, ada, "sort=ASC&size=100") == (seven, None, None)

    @pytest.mark.parametrize("size", ["4", "101", "-7", "x", ""])
    def test_size_that_is_not_allowed_is_five(self, v3, ada, seven, size):
        assert len(self.page(v3, ada, f"size={size}")[0]) == 5

    def test_end_and_beginning_of_the_time_count(self, v3, ada, seven):
        first = Purchase.objects.order_by("pk").first()
        moment = first.start.isoformat().replace("+00:00", "Z")
        assert self.page(v3, ada, f"startTime={moment}&endTime={moment}")[0] == seven[:1]

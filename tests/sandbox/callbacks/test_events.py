"""Section 7 of docs/protocols/plenigo-v3.md: what a site is told of, and in which words."""

import hashlib
import hmac
import re
import time

from django_plenigo.sandbox import customers, identifiers, purchases
from django_plenigo.sandbox.models import Callback, CallbackDelivery, Company, Purchase
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY

HOUR = 60 * 60


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


def test_company_without_callbacks_writes_nothing(sandbox, ada):
    sandbox.buy(ada, MONTHLY)
    assert (Purchase.objects.count(), CallbackDelivery.objects.count(), Company.objects.count()) == (1, 0, 1)

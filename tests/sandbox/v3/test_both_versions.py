"""API v2 and v3 lie on the same customers, products and purchases: what one writes, the other one reads."""

import pytest

from django_plenigo.sandbox import identifiers, oauth
from django_plenigo.sandbox.seed import MONTHLY

OFFER = {"plenigoOfferId": identifiers.offer_id_of(MONTHLY), "quantity": 1}
HOME = {"street": "Hauptstraße", "streetNumber": "5", "postcode": "10115", "city": "Berlin", "country": "DE"}
V2_HOME = {"street": "Way 1", "postCode": "53111", "city": "Bonn", "country": "de", "state": "Nordrhein-Westfalen"}
NAMES = {"gender": "female", "firstName": "Ada", "name": "Moss"}
SITE = "https://site.example/"
IP = {"customerIpAddress": "198.51.100.42"}


@pytest.fixture
def bought(api, ada):
    """Ask through v2 which products Ada may use."""

    def ask(*product_ids, **query):
        products = ",".join(product_ids)
        answer = api("GET", "user/product", params={"customerId": ada.customer_id, "productId": products, **query})
        return answer.json()["userProducts"] if answer.status_code == 200 else []

    return ask


@pytest.fixture
def give(v3, ada):
    """Give Ada a right through v3."""

    def post(name, **item):
        assert v3("POST", f"accessRights/{ada.number}", {"accessRightUniqueId": name, **item}).status_code == 201

    return post


@pytest.fixture
def profile(api):
    """Ask through v2 what is known of a customer."""

    def ask(customer):
        code = oauth.issue_code(customer, SITE)
        tokens = oauth.exchange_code(customer.company, code, SITE)
        return api("GET", f"user/profile?token={tokens.access_token}").json()

    return ask


class TestRights:
    def test_right_of_v3_lets_in_through_v2(self, bought, give):
        assert bought(MONTHLY) == []
        give("P-MONTHLY")
        assert bought(MONTHLY, "other") == [{"productId": MONTHLY, "blocked": False}]

    def test_right_of_a_product_that_nobody_manages_lets_in_by_its_own_name(self, bought, give):
        give("only-the-shop")
        assert [right["productId"] for right in bought("only_the_shop", "only-the-shop")] == [
            "only_the_shop",
            "only-the-shop",
        ]

    def test_right_that_the_product_names_counts_and_not_another(self, bought, give, sandbox):
        sandbox.company.products.filter(product_id=MONTHLY).update(access_right_id="news")
        give("P-MONTHLY")
        assert bought(MONTHLY) == []
        give("news")
        assert len(bought(MONTHLY)) == 1

    def test_end_of_a_right_is_told_and_kept(self, bought, give, sandbox):
        end = "2090-01-01T00:00:00Z"
        give("P-MONTHLY", lifeTimeEnd=end)
        assert bought(MONTHLY) == [{"productId": MONTHLY, "blocked": False, "lifeTimeEnd": "3786912000000"}]

    def test_longer_of_a_purchase_and_a_right_is_told(self, bought, give, sandbox, ada):
        sandbox.buy(ada, "single")
        give("single-2", lifeTimeEnd="2090-01-01T00:00:00Z")
        assert ["lifeTimeEnd" in right for right in bought("single", "single-2")] == [False, True]

    @pytest.mark.parametrize("item", [{"blocked": True}, {"lifeTimeStart": "2090-01-01T00:00:00Z"}])
    def test_right_that_grants_nothing_lets_nobody_in(self, bought, give, item):
        give("P-MONTHLY", **item)
        assert bought(MONTHLY) == []

    def test_right_that_was_taken_away_lets_nobody_in(self, bought, give, v3, ada):
        give("P-MONTHLY")
        v3("DELETE", f"accessRights/{ada.number}/P-MONTHLY")
        assert bought(MONTHLY) == []

    def test_test_mode_does_not_know_the_rights_of_v3(self, bought, give):
        give("P-MONTHLY")
        assert bought(MONTHLY, testMode="true") == []

    def test_product_of_the_shops_own_that_v3_sold_lets_in_by_the_right_that_was_sold(self, bought, v3, sandbox, ada):
        product = {"title": "T", "price": 1, "currency": "EUR", "taxType": "BOOK", "accessRightUniqueId": "P-MONTHLY"}
        item = {"quantity": 1, "title": "T", "legalText": "L", "products": [{**product, "productId": "BUNDLE"}]}
        body = {**IP, "customerId": ada.number, "items": [item]}
        sandbox.complete_purchase(v3("POST", "checkout/preparePurchase", body).json()["purchaseId"])
        assert [right["productId"] for right in bought("BUNDLE", MONTHLY)] == ["BUNDLE", MONTHLY]

    def test_who_has_the_right_of_v3_owns_the_product_at_the_checkout(self, give, v3, sandbox, ada):
        give("P-MONTHLY")
        body = {**IP, "customerId": ada.number, "items": [OFFER]}
        assert sandbox.complete_purchase(v3("POST", "checkout/preparePurchase", body).json()["purchaseId"]) == -1

    def test_right_of_v2_lets_in_through_v3(self, api, v3, ada):
        api("POST", f"access/{ada.customer_id}/add", json={"productIds": [MONTHLY]})
        told = v3("GET", f"accessRights/{ada.number}/hasAccess?accessRightUniqueIds=P-MONTHLY").json()
        assert (told["accessGranted"], told["items"][0]["itemType"]) == (True, "EXTERNAL")


class TestAddresses:
    def search(self, v3, postcode):
        body = {"postcode": postcode, "country": "DE", "lastName": "Moss"}
        return [
            (found["customerId"], found["addresses"])
            for found in v3("POST", "customers/searchByAddress", body).json()["items"]
        ]

    def test_address_of_v2_is_in_the_list_of_v3(self, api, v3, ada):
        api("PUT", f"user/{ada.customer_id}/address", json={**NAMES, **V2_HOME})
        ((number, addresses),) = self.search(v3, "53111")
        assert (number, [(row["street"], row["city"]) for row in addresses]) == (ada.number, [("Way 1", "Bonn")])

    def test_address_of_v2_can_be_billed_through_v3(self, api, v3, ada):
        api("PUT", f"user/{ada.customer_id}/address", json={**NAMES, **V2_HOME})
        number = self.search(v3, "53111")[0][1][0]["addressId"]
        body = {**IP, "customerId": ada.number, "items": [OFFER], "invoiceAddressId": number}
        assert v3("POST", "checkout/preparePurchase", body).status_code == 201

    def test_v2_changes_the_address_of_v3_and_makes_no_second_one(self, api, v3, ada, profile):
        ada.addresses.create(postcode="10115", city="Berlin", country="DE", street="Hauptstraße", street_number="5")
        api("PUT", f"user/{ada.customer_id}/address", json={**NAMES, "city": "Potsdam", "country": "DE"})
        assert self.search(v3, "10115")[0][1][0]["city"] == "Potsdam"
        assert (profile(ada)["street"], ada.addresses.count()) == ("Hauptstraße 5", 1)

    def test_street_of_v2_takes_the_place_of_street_and_number(self, api, ada, profile):
        ada.addresses.create(street="Hauptstraße", street_number="5", country="DE")
        api("PUT", f"user/{ada.customer_id}/address", json={**NAMES, "street": "Way 1", "country": "DE"})
        assert profile(ada)["street"] == "Way 1"

    def test_preferred_address_for_invoices_of_v3_is_the_one_of_v2(self, v3, sandbox, profile):
        addresses = [
            {**HOME, "type": "DELIVERY", "city": "Ulm", "preferred": True},
            {**HOME, "type": "INVOICE", "city": "Köln"},
            {**HOME, "type": "INVOICE", "preferred": True},
        ]
        body = {"email": "eve@example.com", "language": "de", "customerId": "4711", "addresses": addresses}
        v3("POST", "customers", body)
        told = profile(sandbox.customer("4711"))
        shown = {name: told[name] for name in ("street", "postCode", "city", "country")}
        assert shown == {"street": "Hauptstraße 5", "postCode": "10115", "city": "Berlin", "country": "DE"}

    def test_state_that_v3_has_no_room_for_is_left_out_there(self, api, v3, ada):
        api("PUT", f"user/{ada.customer_id}/address", json={**NAMES, **V2_HOME})
        body = {"email": ada.email, "customerId": ada.number, "language": "de"}
        (address,) = v3("POST", "customers", body).json()["addresses"]
        assert (address["city"], "state" in address) == ("Bonn", False)


class TestPurchases:
    def test_purchase_of_v2_is_an_order_and_a_subscription_of_v3(self, v3, sandbox, ada):
        sandbox.buy(ada, MONTHLY)
        assert len(v3("GET", f"customers/{ada.number}/orders").json()["items"]) == 1
        assert len(v3("GET", f"customers/{ada.number}/subscriptions").json()["items"]) == 1

    def test_purchase_of_v3_is_one_of_v2(self, api, v3, bought, sandbox, ada):
        body = {**IP, "customerId": ada.number, "items": [OFFER]}
        sandbox.complete_purchase(v3("POST", "checkout/preparePurchase", body).json()["purchaseId"])
        assert [right["productId"] for right in bought(MONTHLY)] == [MONTHLY]
        subscriptions = api("GET", f"user/{ada.customer_id}/subscriptions").json()
        assert [row["productId"] for row in subscriptions["elements"]] == [MONTHLY]

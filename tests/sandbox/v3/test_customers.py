"""Section 2 of docs/protocols/plenigo-v3.md: customers."""

from urllib.parse import quote

import pytest

from django_plenigo.sandbox.models import Address, Company, Customer

NEW = {"email": "eve@example.com", "language": "de"}
HOME = {"street": "Hauptstraße", "streetNumber": "5", "postcode": "10115", "city": "Berlin", "country": "DE"}


@pytest.fixture
def merging(sandbox):
    sandbox.company.customer_change = Company.CustomerChange.MERGE
    sandbox.company.save()


class TestBothVersions:
    def test_customer_of_v2_is_reachable_through_v3(self, api, v3):
        body = {"email": "eve@example.com", "externalUserId": "E-1", "firstName": "Eve", "gender": "female"}
        assert api("POST", "externalUser/register", json=body).status_code == 200
        number = v3("GET", "customers/customerIdByExternalSystemId/E-1").json()["customerId"]
        told = v3("GET", f"customers/{number}").json()
        assert (told["email"], told["externalSystemId"], told["salutation"]) == ("eve@example.com", "E-1", "MRS")

    def test_customer_of_v3_is_reachable_through_v2(self, api, v3):
        v3("POST", "customers", {**NEW, "externalSystemId": "E-1"})
        body = {"email": "other@example.com"}
        path = "externalUser/E-1/changeEmail?useExternalCustomerId=true"
        assert api("PUT", path, json=body).status_code == 204
        assert v3("GET", "customers?externalSystemId=E-1").json()["items"][0]["email"] == "other@example.com"

    def test_numbers_have_one_to_eighteen_digits_and_are_not_the_ids_of_v2(self, ada, bob):
        assert ada.number.isdecimal()
        assert len(ada.number) <= 18
        assert len({ada.number, bob.number, ada.customer_id, bob.customer_id}) == 4


class TestCreate:
    def test_answers_201_with_a_number(self, v3):
        status, told = v3.ask("POST", "customers", NEW)
        assert (status, told["email"], told["status"]) == (201, "eve@example.com", "ACTIVATED")
        assert v3("GET", f"customers/{told['customerId']}").json()["language"] == "de"

    def test_keeps_what_was_sent(self, v3, sandbox):
        body = {
            **NEW,
            "customerId": "4711",
            "externalSystemId": "E-1",
            "username": "eve",
            "salutation": "MRS",
            "firstName": "Eve",
            "lastName": "Moss",
            "invoiceEmail": "bills@example.com",
            "mobileNumber": "+491701234567",
            "birthday": "2001-03-21",
            "miscellaneousData": {"leitwegId": "04011000"},
            "registrationSource": "shop",
            "processingBlocked": True,
        }
        v3("POST", "customers", {**body, "password": "correct horse", "data": {"crm": "7"}})
        told = v3("GET", "customers/4711").json()
        assert {name: told[name] for name in body} == body
        assert v3("GET", "customers/4711/additionalData").json()["data"] == {"crm": "7"}

    def test_password_logs_in_through_v2(self, api, v3):
        v3("POST", "customers", {**NEW, "password": "correct horse"})
        body = {"email": "eve@example.com", "password": "correct horse"}
        assert api("POST", "user/verifyLogin", json=body).status_code == 200

    def test_answer_has_the_addresses_and_data_that_the_schema_lacks(self, v3):
        body = {**NEW, "addresses": [{**HOME, "type": "INVOICE", "preferred": True}], "data": {"a": "b"}}
        told = v3("POST", "customers", body).json()
        assert (told["addresses"][0]["city"], told["data"], told["twoFactorEnabled"]) == ("Berlin", {"a": "b"}, False)

    def test_repeat_with_the_same_address_and_id_is_208_and_changes_nothing(self, v3):
        v3("POST", "customers", {**NEW, "customerId": "4711"})
        status, told = v3.ask("POST", "customers", {**NEW, "customerId": "4711", "firstName": "Other"})
        assert (status, told["customerId"], "firstName" in told) == (208, "4711", False)

    def test_import_without_an_address_gets_a_placeholder(self, v3):
        told = v3("POST", "customers", {"language": "de", "customerId": "4711", "pseudoEmail": True}).json()
        assert told["email"] == "imported-4711@pseudo-mail.plenigo.invalid"

    def test_null_counts_as_left_out(self, v3):
        assert v3("POST", "customers", {**NEW, "birthday": None, "username": None}).status_code == 201


class TestChange:
    def test_fields_that_are_left_out_are_emptied(self, v3, ada):
        path = f"customers/{ada.number}"
        v3("PUT", path, {"firstName": "Ada", "username": "ada", "birthday": "2001-03-21", "processingBlocked": True})
        told = v3("PUT", path, {"lastName": "Moss"}).json()
        assert told["lastName"] == "Moss"
        assert {"firstName", "username", "birthday"} & set(told) == set()
        assert told["processingBlocked"] is False

    def test_address_language_password_and_external_id_stay(self, v3, ada):
        Customer.objects.filter(pk=ada.pk).update(password="kept")
        told = v3("PUT", f"customers/{ada.number}", {"lastName": "Moss", "password": "", "externalSystemId": ""}).json()
        assert (told["email"], told["language"], told["externalSystemId"]) == ("Ada@example.com", "en", "A-1")
        assert Customer.objects.get(pk=ada.pk).password == "kept"

    def test_fields_that_are_left_out_stay_where_the_company_says_so(self, v3, merging, ada):
        path = f"customers/{ada.number}"
        v3("PUT", path, {"firstName": "Ada"})
        assert v3("PUT", path, {"lastName": "Moss"}).json()["firstName"] == "Ada"

    def test_external_id_is_set_once(self, v3, sandbox):
        customer = sandbox.create_customer()
        path = f"customers/{customer.number}"
        assert v3("PUT", path, {"externalSystemId": "E-1"}).json()["externalSystemId"] == "E-1"
        assert v3("PUT", path, {"externalSystemId": "E-1"}).status_code == 200
        assert v3.refusal("PUT", path, {"externalSystemId": "E-2"}) == (400, 99400)

    def test_email_is_changed_and_the_answer_is_a_list(self, v3, ada):
        status, told = v3.ask("PUT", f"customers/{ada.number}/email", {"email": "new@example.com"})
        assert (status, [item["email"] for item in told["items"]]) == (200, ["new@example.com"])

    def test_own_address_in_another_spelling_is_fine(self, v3, ada):
        assert v3("PUT", f"customers/{ada.number}/email", {"email": "ADA@example.com"}).status_code == 200

    def test_additional_data_is_replaced_as_a_whole(self, v3, ada):
        path = f"customers/{ada.number}/additionalData"
        v3("PUT", path, {"data": {"a": "1", "b": "2"}})
        v3("PUT", path, {"data": {"b": "3"}})
        told = v3("GET", path).json()
        assert (told["customerId"], told["data"]) == (ada.number, {"b": "3"})


class TestFind:
    @pytest.mark.parametrize("name", ["A-1", "a b/c?d", "Ä%2F"])
    def test_customer_id_by_external_id(self, v3, sandbox, name):
        customer = sandbox.create_customer(external_id=name)
        path = f"customers/customerIdByExternalSystemId/{quote(name, safe='')}"
        assert v3.ask("GET", path) == (200, {"customerId": customer.number})

    @pytest.mark.parametrize("query", ["email=ADA@example.com", "username=ada", "externalSystemId=A-1"])
    def test_customer_by_one_filter(self, v3, ada, bob, query):
        Customer.objects.filter(pk=ada.pk).update(username="ada")
        assert [item["customerId"] for item in v3("GET", f"customers?{query}").json()["items"]] == [ada.number]

    def test_email_goes_before_other_filters(self, v3, ada, bob):
        items = v3("GET", "customers?externalSystemId=B-1&email=ada@example.com").json()["items"]
        assert [item["customerId"] for item in items] == [ada.number]

    def test_nobody_is_an_empty_list(self, v3, sandbox):
        assert v3.ask("GET", "customers?email=nobody@example.com") == (200, {"items": []})

    def test_without_a_filter_all_are_listed(self, v3, ada, bob):
        numbers = [item["customerId"] for item in v3("GET", "customers").json()["items"]]
        assert numbers == [bob.number, ada.number]


class TestSearchByAddress:
    @pytest.fixture
    def moss(self, ada):
        ada.last_name = "Moss"
        ada.save()
        return Address.objects.create(
            customer=ada, street="Hauptstraße", postcode="10115", city="Berlin", country="DE", company_name="Moss Ltd"
        )

    def search(self, v3, query="", **body):
        answer = v3("POST", f"customers/searchByAddress{query}", {"postcode": "10115", "country": "DE", **body})
        return [(item["customerId"], item["addresses"][0]["city"]) for item in answer.json()["items"]]

    @pytest.mark.parametrize(
        "name", [{"lastName": " moss "}, {"companyName": "MOSS  LTD"}, {"lastName": "MOSS", "city": "Bonn"}]
    )
    def test_name_post_code_and_country_are_enough(self, v3, ada, moss, name):
        assert self.search(v3, **name) == [(ada.number, "Berlin")]

    def test_all_parts_must_match_where_asked(self, v3, ada, moss):
        assert self.search(v3, "?useAnd=true", lastName="Moss", city="Bonn") == []
        assert self.search(v3, "?useAnd=true", lastName="Moss", city="berlin") == [(ada.number, "Berlin")]

    def test_other_companies_customers_are_not_found(self, v3, moss, other_company):
        Customer.objects.update(company=other_company)
        assert self.search(v3, lastName="Moss") == []

"""Section 2.1 of docs/protocols/plenigo-v2.md: customers whom the merchant manages himself."""

import pytest

from django_plenigo.sandbox.models import AccessIdentifier

EMAIL = {"email": "eve@example.com"}

#: Every call of the section, on a customer named {id}.


class TestRegister:
    def register(self, api, **body):
        return api("POST", "externalUser/register", json={**EMAIL, **body})

    def test_returns_an_id_of_twelve_capitals_and_digits(self, api):
        customer_id = self.register(api).json()["customerId"]
        assert len(customer_id) == 12
        assert customer_id.isascii()
        assert customer_id == customer_id.upper()
        assert customer_id.isalnum()

    def test_keeps_what_was_sent(self, api, sandbox):
        body = {"language": "DE", "externalUserId": "E-7", "firstName": "Eve", "name": "Moss", "gender": "female"}
        customer = sandbox.customer(self.register(api, **body).json()["customerId"])
        kept = (customer.language, customer.external_id, customer.first_name, customer.last_name, customer.gender)
        assert kept == ("de", "E-7", "Eve", "Moss", "FEMALE")

    def test_language_is_english_unless_told(self, api, sandbox):
        assert sandbox.customer(self.register(api).json()["customerId"]).language == "en"

    def test_surname_is_the_last_name_too(self, api, sandbox):
        assert sandbox.customer(self.register(api, surname="Moss").json()["customerId"]).last_name == "Moss"

    @pytest.mark.parametrize(("sent", "kept"), [(12345, "12345"), (12345.0, "12345"), ("012", "012"), (None, None)])
    def test_external_id_is_kept_as_text(self, api, sandbox, sent, kept):
        assert sandbox.customer(self.register(api, externalUserId=sent).json()["customerId"]).external_id == kept

    def test_same_address_in_any_spelling_is_the_same_customer(self, api, ada):
        assert self.register(api, email="ADA@EXAMPLE.COM").json() == {"customerId": ada.customer_id}

    def test_repeat_changes_nothing(self, api, ada, sandbox):
        self.register(api, email=ada.email, firstName="Other", externalUserId="A-2", language="fr")
        customer = sandbox.customer(ada.customer_id)
        assert (customer.first_name, customer.external_id, customer.language) == ("", "A-1", "en")

    def test_same_address_at_two_companies_is_two_customers(self, api, ada, other_company):
        ada.company = other_company
        ada.save()
        assert self.register(api, email=ada.email).json()["customerId"] != ada.customer_id

    def test_own_external_id_again_is_none(self, api, ada):
        assert self.register(api, email=ada.email, externalUserId="A-1").json() == {"customerId": ada.customer_id}

    def test_throttle_is_off_at_first(self, api):
        assert [self.register(api).status_code for _ in range(2)] == [200, 200]

    def test_content_type_does_not_matter(self, api):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = api("POST", "externalUser/register", data=b'{"email":"eve@example.com"}', headers=headers)
        assert answer.status_code == 200


class TestChangeEmail:
    def change(self, api, reference, email, flag=""):
        return api("PUT", f"externalUser/{reference}/changeEmail?useExternalCustomerId={flag}", json={"email": email})

    def test_changes_the_address_and_answers_nothing(self, api, ada, sandbox):
        answer = self.change(api, ada.customer_id, "new@example.com")
        assert (answer.status_code, answer.content, "Content-Type" in answer.headers) == (204, b"", False)
        assert sandbox.customer(ada.customer_id).email == "new@example.com"

    def test_old_address_is_free_afterwards(self, api, ada, sandbox):
        self.change(api, ada.customer_id, "new@example.com")
        assert sandbox.create_customer(email=ada.email).customer_id != ada.customer_id

    @pytest.mark.parametrize("flag", ["true", "TRUE", "1", "'true'", '"true"'])
    def test_customer_is_found_by_external_id(self, api, ada, flag):
        assert self.change(api, "A-1", "new@example.com", flag).status_code == 204

    @pytest.mark.parametrize("email", ["Ada@example.com", "ada@EXAMPLE.com"])
    def test_own_address_again_is_fine(self, api, ada, sandbox, email):
        assert self.change(api, ada.customer_id, email).status_code == 204
        assert sandbox.customer(ada.customer_id).email == email


class TestAddExternalUserId:
    def add(self, api, reference, value):
        return api("PUT", f"externalUser/{reference}/addExternalUserId", json={"externalUserId": value})

    def test_customer_without_one_gets_it(self, api, sandbox):
        customer = sandbox.create_customer()
        assert self.add(api, customer.customer_id, 4711).status_code == 204
        assert sandbox.customer(customer.customer_id).external_id == "4711"

    def test_same_value_again_is_fine(self, api, ada):
        assert self.add(api, ada.customer_id, "A-1").status_code == 204


class TestLoginTokens:
    def test_token_is_forty_letters_and_digits_and_logs_in_once(self, api, ada, sandbox):
        token = api("POST", f"externalUser/{ada.customer_id}/createLoginToken").json()["loginToken"]
        assert len(token) == 40
        assert token.isalnum()
        assert [sandbox.consume_login_token(token), sandbox.consume_login_token(token)] == [ada, None]

    def test_token_for_an_external_id(self, api, ada, sandbox):
        answer = api("POST", "externalUser/A-1/createLoginToken?useExternalCustomerId=true")
        assert sandbox.consume_login_token(answer.json()["loginToken"]) == ada

    def test_several_tokens_live_at_once(self, api, ada, sandbox):
        path = f"externalUser/{ada.customer_id}/createMultipleLoginTokens?useExternalCustomerId=0&amount=3"
        tokens = api("POST", path, json={}).json()["loginTokens"]
        assert [sandbox.consume_login_token(token) for token in tokens] == [ada, ada, ada]

    def test_one_token_unless_told(self, api, ada):
        answer = api("POST", f"externalUser/{ada.customer_id}/createMultipleLoginTokens")
        assert len(answer.json()["loginTokens"]) == 1


class TestAccessIds:
    def assign(self, api, customer, **body):
        return api("POST", "import/customerAccess", json={"customerId": customer.customer_id, **body})

    def slots(self, customer):
        return dict(AccessIdentifier.objects.filter(customer=customer).values_list("slot", "value"))

    def test_given_ids_overwrite_and_others_stay(self, api, ada):
        self.assign(api, ada, yourFirstIdentifier="one", yourSecondIdentifier="two")
        answer = self.assign(api, ada, yourSecondIdentifier="zwei", yourForthIdentifier=4)
        assert (answer.status_code, self.slots(ada)) == (204, {1: "one", 2: "zwei", 4: "4"})

    def test_fourth_is_known_in_both_spellings(self, api, ada):
        self.assign(api, ada, yourFourthIdentifier="four")
        assert self.slots(ada) == {4: "four"}

    def test_same_again_changes_nothing(self, api, ada):
        for _ in range(2):
            assert self.assign(api, ada, yourFirstIdentifier="one").status_code == 204
        assert self.slots(ada) == {1: "one"}

    def test_ids_may_change_places(self, api, ada):
        self.assign(api, ada, yourFirstIdentifier="one", yourSecondIdentifier="two")
        self.assign(api, ada, yourFirstIdentifier="two", yourSecondIdentifier="one")
        assert self.slots(ada) == {1: "two", 2: "one"}

    def test_value_in_two_places_counts_once(self, api, ada):
        self.assign(api, ada, yourFirstIdentifier="one", yourThirdIdentifier="one")
        assert self.slots(ada) == {1: "one"}

    def test_customer_is_found_by_external_id(self, api, ada):
        body = {"customerId": "A-1", "useExternalCustomerId": "true", "yourThirdIdentifier": "three"}
        assert api("POST", "import/customerAccess", json=body).status_code == 204
        assert self.slots(ada) == {3: "three"}


class TestAddress:
    GOOD = {"gender": "female", "firstName": "Ada", "name": "Moss", "street": "Way 1", "country": "de"}

    def put(self, api, customer, **body):
        return api("PUT", f"user/{customer.customer_id}/address", json={**self.GOOD, **body})

    def test_address_is_kept(self, api, ada, sandbox):
        assert self.put(api, ada, postCode="12345", city="Town").status_code == 204
        customer = sandbox.customer(ada.customer_id)
        address = customer.addresses.get()
        kept = (customer.gender, customer.last_name, address.street, address.city, address.country)
        assert kept == ("FEMALE", "Moss", "Way 1", "Town", "DE")

    def test_field_that_is_not_sent_stays(self, api, ada, sandbox):
        self.put(api, ada, city="Town", company="Moss Ltd")
        names = {"gender": "male", "firstName": "Alan", "name": "Fern"}
        assert api("PUT", f"user/{ada.customer_id}/address", json={**names, "city": None}).status_code == 204
        customer = sandbox.customer(ada.customer_id)
        assert (customer.gender, customer.first_name, customer.last_name) == ("MALE", "Alan", "Fern")
        address = customer.addresses.get()
        kept = (address.street, address.city, address.company_name, address.country)
        assert kept == ("Way 1", "Town", "Moss Ltd", "DE")

    def test_field_that_is_sent_empty_is_emptied(self, api, ada, sandbox):
        self.put(api, ada, city="Town")
        self.put(api, ada, city="")
        address = ada.addresses.get()
        assert (address.street, address.city) == ("Way 1", "")

    def test_name_alone_makes_no_address(self, api, ada):
        names = {"gender": "male", "firstName": "Alan", "name": "Fern"}
        assert api("PUT", f"user/{ada.customer_id}/address", json=names).status_code == 204
        assert not ada.addresses.exists()

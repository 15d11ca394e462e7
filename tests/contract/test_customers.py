"""Customers: what each verb changes at the vendor, and what the vendor's refusals become. Section 2.1 of the page."""

import pytest

from django_plenigo.errors import ConflictError, NotFoundError, RateLimitError, RejectedError
from django_plenigo.protocols.base import CustomerRef

NOBODY = CustomerRef("UNKNOWN00000")


def slots_of(customer):
    return dict(customer.access_identifiers.values_list("slot", "value"))


class TestRegisterUser:
    def test_keeps_what_was_said(self, plenigo, sandbox):
        customer_id = plenigo.register_user(
            "joerg@example.com",
            language="de",
            external_id="E-7 ü",
            first_name="Jörg",
            last_name='O\'Neill "Süß" 😀',
            with_password_reset=True,
        )
        kept = sandbox.customer(customer_id)
        assert (kept.email, kept.language, kept.external_id) == ("joerg@example.com", "de", "E-7 ü")
        assert (kept.first_name, kept.last_name) == ("Jörg", 'O\'Neill "Süß" 😀')

    def test_returns_the_first_registrations_customer_where_it_shall_not_fail(self, plenigo, ada):
        assert plenigo.register_user("ADA@example.com", fail_by_existing_email=False) == ada.customer_id

    def test_conflicts_with_an_address_that_exists(self, plenigo, ada):
        with pytest.raises(ConflictError):
            plenigo.register_user("ada@example.com")

    def test_conflicts_with_an_external_id_of_another_address(self, plenigo, ada, sandbox):
        with pytest.raises(ConflictError):
            plenigo.register_user("eve@example.com", external_id="A-1", fail_by_existing_email=False)
        assert sandbox.customers() == [ada]

    def test_is_throttled_where_the_company_throttles(self, plenigo, sandbox):
        sandbox.company.throttles_registration = True
        sandbox.company.save()
        first = plenigo.register_user("eve@example.com")
        with pytest.raises(RateLimitError) as caught:
            plenigo.register_user("eve@example.com", fail_by_existing_email=False)
        sandbox.advance(6)
        assert caught.value.retry_after_seconds is None
        assert plenigo.register_user("eve@example.com", fail_by_existing_email=False) == first


class TestChangeEmail:
    @pytest.mark.parametrize("external", [False, True])
    def test_changes_the_address(self, plenigo, sandbox, ada, external):
        reference = CustomerRef("A-1", is_external=True) if external else CustomerRef(ada.customer_id)
        for _time in range(2):  # again changes nothing
            plenigo.change_email(reference, "new@example.com")
        assert sandbox.customer(ada.customer_id).email == "new@example.com"

    @pytest.mark.parametrize("value", ["a b", "..", "ä?#&%2F;=+", "😀"])
    def test_reaches_external_ids_that_a_path_must_escape(self, plenigo, sandbox, value):
        customer = sandbox.create_customer(external_id=value)
        plenigo.change_email(CustomerRef(value, is_external=True), "new@example.com")
        assert sandbox.customer(customer.customer_id).email == "new@example.com"

    def test_conflicts_with_the_address_of_another_customer(self, plenigo, sandbox, reference, bob):
        with pytest.raises(ConflictError):
            plenigo.change_email(reference, "BOB@example.com")
        assert sandbox.customer(reference.value).email == "ada@example.com"

    @pytest.mark.parametrize("unknown", [NOBODY, CustomerRef("A-1"), CustomerRef("A-2", is_external=True)])
    def test_finds_no_unknown_customer(self, plenigo, ada, unknown):
        with pytest.raises(NotFoundError):
            plenigo.change_email(unknown, "new@example.com")


class TestChangeProfile:
    NAMES = {"first_name": "Jörg", "last_name": "O'Neill 😀", "gender": "male"}

    @pytest.mark.parametrize("external", [False, True])
    def test_changes_the_names_and_leaves_the_rest(self, plenigo, sandbox, ada, external):
        ada.addresses.create(street="Way 1", city="Town", country="DE", company_name="Moss Ltd")
        reference = CustomerRef("A-1", is_external=True) if external else CustomerRef(ada.customer_id)
        for _time in range(2):  # again changes nothing
            plenigo.change_profile(reference, **self.NAMES)
        customer = sandbox.customer(ada.customer_id)
        assert (customer.first_name, customer.last_name, customer.gender) == ("Jörg", "O'Neill 😀", "MALE")
        address = customer.addresses.get()
        kept = (customer.email, address.street, address.city, address.country, address.company_name)
        assert kept == ("ada@example.com", "Way 1", "Town", "DE", "Moss Ltd")

    @pytest.mark.parametrize("unknown", [NOBODY, CustomerRef("A-1"), CustomerRef("A-2", is_external=True)])
    def test_finds_no_unknown_customer(self, plenigo, ada, unknown):
        with pytest.raises(NotFoundError):
            plenigo.change_profile(unknown, **self.NAMES)


class TestAddExternalId:
    def test_gives_a_customer_who_has_none_an_id(self, plenigo, sandbox):
        customer = sandbox.create_customer()
        for _time in range(2):  # the same again is no conflict
            plenigo.add_external_id(customer.customer_id, "X-1")
        assert sandbox.customer(customer.customer_id).external_id == "X-1"

    def test_conflicts_where_the_customer_has_another_one(self, plenigo, sandbox, ada):
        with pytest.raises(ConflictError):
            plenigo.add_external_id(ada.customer_id, "A-2")
        assert sandbox.customer(ada.customer_id).external_id == "A-1"

    def test_conflicts_where_another_customer_has_it(self, plenigo, sandbox, ada):
        customer = sandbox.create_customer()
        with pytest.raises(ConflictError):
            plenigo.add_external_id(customer.customer_id, "A-1")
        assert sandbox.customer(customer.customer_id).external_id is None

    @pytest.mark.parametrize("unknown", ["UNKNOWN00000", "A-1"])
    def test_finds_a_customer_by_plenigos_id_only(self, plenigo, ada, unknown):
        with pytest.raises(NotFoundError):
            plenigo.add_external_id(unknown, "A-1")


class TestImportAccessIds:
    def test_sets_all_four(self, plenigo, ada, reference):
        plenigo.import_access_ids(reference, ["one", "zwei ü", "3", "four/4"])
        assert slots_of(ada) == {1: "one", 2: "zwei ü", 3: "3", 4: "four/4"}

    def test_sets_the_fourth_alone_and_leaves_the_others(self, plenigo, ada, reference):
        plenigo.import_access_ids(reference, ["one"])
        for value in ("four", "4", "4"):
            plenigo.import_access_ids(reference, [None, None, None, value])
        assert slots_of(ada) == {1: "one", 4: "4"}

    def test_finds_a_customer_by_external_id(self, plenigo, ada):
        plenigo.import_access_ids(CustomerRef("A-1", is_external=True), ["one"])
        assert slots_of(ada) == {1: "one"}

    def test_conflicts_with_an_id_of_another_customer_and_sets_none(self, plenigo, ada, bob, reference):
        plenigo.import_access_ids(CustomerRef(bob.customer_id), [None, "taken"])
        with pytest.raises(ConflictError):
            plenigo.import_access_ids(reference, ["free", None, None, "taken"])
        assert slots_of(ada) == {}

    @pytest.mark.parametrize("unknown", [NOBODY, CustomerRef("A-1"), CustomerRef("A-2", is_external=True)])
    def test_finds_no_unknown_customer(self, plenigo, ada, unknown):
        with pytest.raises(NotFoundError):
            plenigo.import_access_ids(unknown, ["one"])

    def test_names_the_slot_that_the_vendor_refuses(self, plenigo, ada, reference):
        with pytest.raises(RejectedError, match="invalid yourForthIdentifier"):
            plenigo.import_access_ids(reference, ["one", None, None, "x" * 101])
        assert slots_of(ada) == {}


class TestLoginTokens:
    @pytest.mark.parametrize("external", [False, True])
    def test_one_logs_in_once(self, plenigo, sandbox, ada, external):
        reference = CustomerRef("A-1", is_external=True) if external else CustomerRef(ada.customer_id)
        login = plenigo.create_login_token(reference)
        assert (login.lifetime_seconds, login.is_url) == (300, False)
        assert [sandbox.consume_login_token(login.value) for _time in range(2)] == [ada, None]

    @pytest.mark.parametrize("external", [False, True])
    @pytest.mark.parametrize("amount", [1, 10])
    def test_several_come_in_one_call_and_live_at_once(self, plenigo, sandbox, ada, amount, external):
        reference = CustomerRef("A-1", is_external=True) if external else CustomerRef(ada.customer_id)
        logins = plenigo.create_login_tokens(reference, amount)
        assert [call.endpoint for call in sandbox.calls] == ["createMultipleLoginTokens"]
        assert [sandbox.consume_login_token(login.value) for login in logins] == [ada] * amount

    @pytest.mark.parametrize(("age_seconds", "works"), [(290, True), (301, False)])
    def test_lives_as_long_as_the_client_says(self, plenigo, sandbox, ada, reference, age_seconds, works):
        login = plenigo.create_login_token(reference)
        sandbox.advance(age_seconds)
        assert (sandbox.consume_login_token(login.value) == ada) is works

    @pytest.mark.parametrize("unknown", [NOBODY, CustomerRef("A-1"), CustomerRef("A-2", is_external=True)])
    def test_finds_no_unknown_customer(self, plenigo, ada, unknown):
        with pytest.raises(NotFoundError):
            plenigo.create_login_token(unknown)
        with pytest.raises(NotFoundError):
            plenigo.create_login_tokens(unknown, 2)

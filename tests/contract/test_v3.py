"""API v3: what each verb changes at the vendor, and what refusals become (docs/protocols/plenigo-v3.md)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from django_plenigo.errors import AuthenticationError, ConflictError, NotFoundError, RateLimitError, RejectedError
from django_plenigo.protocols.base import (
    NO_MATCH,
    PROCESS_EXPIRED,
    PROCESS_USED,
    TOO_MANY_TRIES,
    WRONG_CODE,
    AlreadyRegistered,
    BrowserTraits,
    ConnectionRequest,
    CustomerRef,
    CustomerSession,
    CustomProduct,
    OfferItem,
    Preparation,
    SessionLimitReached,
    TokenType,
)
from django_plenigo.sandbox.models import SsoSettings
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY

NOBODY = CustomerRef("999999999999999999")
IP_ADDRESS = "192.0.2.7"


@pytest.fixture
def reference(ada):
    """How the site addresses Ada by API v3."""
    return CustomerRef(ada.number)


@pytest.fixture
def product(sandbox):
    return sandbox.company.products.get(product_id=DAY_PASS)


class TestCustomers:
    def test_registration_keeps_what_was_said(self, plenigo_v3, sandbox):
        customer_id = plenigo_v3.register_user(
            "joerg@example.com", language="de", external_id="E-7 ü", first_name="Jörg", last_name="O'Neill 😀"
        )
        kept = sandbox.customer(customer_id)
        assert (kept.email, kept.language, kept.external_id) == ("joerg@example.com", "de", "E-7 ü")
        assert (kept.first_name, kept.last_name) == ("Jörg", "O'Neill 😀")

    def test_registration_again_is_the_same_customer(self, plenigo_v3, sandbox):
        first = plenigo_v3.register_user("eve@example.com", external_id="E-1")
        assert plenigo_v3.register_user("eve@example.com", external_id="E-1") == first
        assert len(sandbox.customers()) == 1

    def test_registration_again_brings_the_present_address(self, plenigo_v3, sandbox):
        first = plenigo_v3.register_user("eve@example.com", external_id="E-1", first_name="Eve")
        plenigo_v3.register_user("new@example.com", external_id="E-1", first_name="Eve")
        assert sandbox.customer(first).email == "new@example.com"

    def test_registration_whose_answer_was_lost_is_found_again(self, plenigo_v3, sandbox):
        sandbox.cut_next(endpoint="createCustomer", after_work=True)
        customer_id = plenigo_v3.register_user("eve@example.com", external_id="E-1")
        assert [each.number for each in sandbox.customers()] == [customer_id]

    def test_customer_of_v2_is_the_same_in_v3(self, plenigo_v3, ada):
        assert plenigo_v3.register_user("ada@example.com", external_id="A-1") == ada.number

    def test_address_of_another_customer_is_a_conflict(self, plenigo_v3, ada):
        with pytest.raises(ConflictError):
            plenigo_v3.register_user("ADA@example.com", external_id="E-1")

    def test_verified_address_links_its_customer(self, plenigo_v3, ada):
        found = plenigo_v3.register_user("ada@example.com", external_id="E-1", fail_by_existing_email=False)
        assert found == ada.number

    def test_own_customer_id_is_kept(self, connect_v3, sandbox):
        client = connect_v3(EXTERNAL_ID_IS_CUSTOMER_ID=True)
        assert client.register_user("eve@example.com", external_id="4711") == "4711"
        assert client.register_user("eve@example.com", external_id="4711") == "4711"
        assert len(sandbox.customers()) == 1

    def test_own_customer_id_that_a_stranger_has_is_a_conflict(self, connect_v3, sandbox):
        client = connect_v3(EXTERNAL_ID_IS_CUSTOMER_ID=True)
        client.register_user("bob@example.com", external_id="4711", first_name="Bob")
        for is_verified in (False, True):
            with pytest.raises(ConflictError):
                client.register_user("ada@example.com", external_id="4711", fail_by_existing_email=not is_verified)
        (kept,) = sandbox.customers()
        assert (kept.email, kept.first_name) == ("bob@example.com", "Bob")

    @pytest.mark.parametrize("is_external", [False, True])
    def test_address_is_changed(self, plenigo_v3, sandbox, ada, is_external):
        customer = CustomerRef("A-1", is_external=True) if is_external else CustomerRef(ada.number)
        for _time in range(2):  # again changes nothing
            plenigo_v3.change_email(customer, "new@example.com")
        assert sandbox.customer(ada.number).email == "new@example.com"

    def test_address_that_is_taken_is_a_conflict(self, plenigo_v3, reference, bob):
        with pytest.raises(ConflictError):
            plenigo_v3.change_email(reference, "bob@example.com")

    @pytest.mark.parametrize("unknown", [NOBODY, CustomerRef("X-1", is_external=True), CustomerRef("no digits")])
    def test_unknown_customer_is_not_found(self, plenigo_v3, ada, unknown):
        with pytest.raises(NotFoundError):
            plenigo_v3.change_email(unknown, "new@example.com")
        with pytest.raises(NotFoundError):
            plenigo_v3.check_customer(unknown)

    def test_change_of_a_name_loses_nothing_else(self, plenigo_v3, sandbox, ada, reference):
        ada.username, ada.mobile_number = "ada", "+4915112345678"
        ada.save()
        plenigo_v3.change_profile(reference, first_name="Augusta", language="fr")
        kept = sandbox.customer(ada.number)
        assert (kept.first_name, kept.language) == ("Augusta", "fr")
        assert (kept.email, kept.external_id) == ("ada@example.com", "A-1")
        assert (kept.username, kept.mobile_number) == ("ada", "+4915112345678")

    @pytest.mark.parametrize("replaces", [False, True])
    def test_imported_customer_is_changed_and_keeps_the_vendors_placeholder(self, plenigo_v3, sandbox, replaces):
        if replaces:
            sandbox.company.customer_change = sandbox.company.CustomerChange.REPLACE
            sandbox.company.save()
        imported = sandbox.import_customer(last_name="Muster").customer
        plenigo_v3.change_profile(CustomerRef(imported.number), first_name="Erna", last_name="Muster", language="fr")
        plenigo_v3.add_external_id(imported.number, "E-1")
        kept = sandbox.customer(imported.number)
        assert (kept.first_name, kept.language, kept.external_id) == ("Erna", "fr", "E-1")
        assert (kept.email, kept.has_pseudo_email) == (imported.email, True)

    def test_registration_gives_an_imported_customer_the_address(self, plenigo_v3, sandbox):
        imported = sandbox.import_customer().customer
        plenigo_v3.add_external_id(imported.number, "E-1")
        plenigo_v3.register_user("erna@example.com", external_id="E-1")
        kept = sandbox.customer(imported.number)
        assert (kept.email, kept.has_pseudo_email) == ("erna@example.com", False)

    def test_external_id_is_given_once(self, plenigo_v3, sandbox, ada):
        eve = sandbox.create_customer("eve@example.com")
        for _time in range(2):
            plenigo_v3.add_external_id(eve.number, "E-1")
        assert sandbox.customer(eve.number).external_id == "E-1"
        with pytest.raises(ConflictError):
            plenigo_v3.add_external_id(eve.number, "E-2")
        with pytest.raises(ConflictError):
            plenigo_v3.add_external_id(sandbox.create_customer("x@example.com").number, "A-1")

    def test_additional_data_are_merged(self, plenigo_v3, reference):
        plenigo_v3.merge_additional_data(reference, {"a": "1", "b": "2"})
        plenigo_v3.merge_additional_data(reference, {"b": None, "c": "3"})
        assert plenigo_v3.read_additional_data(reference) == {"a": "1", "c": "3"}

    def test_access_ids_are_mirrored(self, connect_v3, reference):
        client = connect_v3(MIRROR_ACCESS_IDS=True)
        client.import_access_ids(reference, ["CRM-1", None, "B-2"])
        assert client.read_additional_data(reference) == {"accessId1": "CRM-1", "accessId3": "B-2"}

    def test_imported_customer_is_found_by_her_address(self, plenigo_v3, sandbox):
        erna = sandbox.import_customer(postcode="10115", last_name="Muster", country="DE").customer
        (found,) = plenigo_v3.search_by_address(postcode="10115", country="DE", last_name="Muster")
        assert found.customer_id == erna.number


class TestSessions:
    def test_session_is_its_customers(self, plenigo_v3, reference, ada):
        session = plenigo_v3.start_session(reference, BrowserTraits(os="Linux", browser="Firefox"))
        assert isinstance(session, CustomerSession)
        assert plenigo_v3.owner_of_session(session) == ada.number
        customer = plenigo_v3.read_session_customer(session)
        assert customer is not None
        assert customer.email == "ada@example.com"

    def test_second_session_meets_the_limit_and_ends_the_first(self, plenigo_v3, reference, ada):
        first = plenigo_v3.start_session(reference, BrowserTraits(os="Linux", browser="Firefox"))
        limit = plenigo_v3.start_session(reference)
        assert isinstance(limit, SessionLimitReached)
        (device,) = limit.active_sessions
        assert (device.os, device.browser) == ("Linux", "Firefox")
        assert device.created_at is not None
        second = plenigo_v3.end_sessions(limit.removal_token, session_id=device.session_id)
        assert plenigo_v3.owner_of_session(first) is None
        assert plenigo_v3.owner_of_session(second) == ada.number
        with pytest.raises(RejectedError):
            plenigo_v3.end_sessions(limit.removal_token)  # it was for one time

    def test_transfer_token_works_once_and_for_half_a_minute(self, plenigo_v3, reference, sandbox):
        session = plenigo_v3.start_session(reference)
        first, second = (plenigo_v3.create_transfer_token(session) for _ in range(2))
        assert plenigo_v3.redeem_transfer_token(first.value) is not None
        assert plenigo_v3.redeem_transfer_token(first.value) is None
        sandbox.advance(31)
        assert plenigo_v3.redeem_transfer_token(second.value) is None

    def test_session_that_has_ended_gives_no_transfer_token(self, plenigo_v3, reference, sandbox):
        session = plenigo_v3.start_session(reference)
        sandbox.advance(15 * 24 * 60 * 60)
        assert plenigo_v3.create_transfer_token(session) is None


class TestAccess:
    def test_purchase_grants_its_access_right(self, plenigo_v3, sandbox, ada, reference, product):
        right_id = product.access_right_id
        assert not plenigo_v3.rights_of(reference, [right_id])[right_id].is_granted
        sandbox.buy(ada, DAY_PASS)
        right = plenigo_v3.rights_of(reference, [right_id, "other"])
        assert (right[right_id].is_granted, right["other"].is_granted) == (True, False)
        assert right[right_id].until is not None

    def test_what_has_ended_was_bought_all_the_same(self, plenigo_v3, sandbox, ada, reference, product):
        right_id = product.access_right_id
        sandbox.buy(ada, DAY_PASS)
        sandbox.advance(3 * 24 * 60 * 60)
        assert not plenigo_v3.rights_of(reference, [right_id])[right_id].is_granted
        assert plenigo_v3.has_bought(reference, [right_id, "other"]) == {right_id: True, "other": False}

    def test_right_of_the_sites_own(self, plenigo_v3, reference):
        ends = datetime.now(UTC) + timedelta(days=7)
        assert plenigo_v3.grant_access(reference, "guest", ends=ends) is True
        assert plenigo_v3.grant_access(reference, "guest") is False
        assert plenigo_v3.rights_of(reference, ["guest"])["guest"].is_granted
        plenigo_v3.change_access(reference, "guest", is_blocked=True)
        assert not plenigo_v3.rights_of(reference, ["guest"])["guest"].is_granted
        plenigo_v3.withdraw_access(reference, "guest")
        with pytest.raises(NotFoundError):
            plenigo_v3.withdraw_access(reference, "guest")

    def test_unknown_customer_may_read_nothing(self, plenigo_v3, ada):
        assert not plenigo_v3.rights_of(NOBODY, ["guest"])["guest"].is_granted
        assert plenigo_v3.has_bought(NOBODY, ["guest"]) == {"guest": False}


class TestPurchases:
    def test_prepared_checkout_becomes_an_order_of_the_customer(self, plenigo_v3, sandbox, ada, reference, product):
        preparation = Preparation(IP_ADDRESS, reference, [OfferItem(product.offer_id)], language="de")
        order_id = sandbox.complete_purchase(plenigo_v3.prepare_checkout(preparation))
        order = plenigo_v3.read_order(order_id)
        assert order.customer_id == ada.number
        assert [item.access_right_id for item in order.items] == [product.access_right_id]
        assert [each.order_id for each in plenigo_v3.orders_of(reference)] == [order_id]

    def test_product_at_a_price_of_its_own_becomes_an_order_and_opens(self, plenigo_v3, sandbox, ada, reference):
        article = CustomProduct(
            "moss-clock", "moss-clock", "The moss clock", Decimal("0.59"), "EUR", "DIGITALPRODUCT", "As it is."
        )
        order_id = sandbox.complete_purchase(plenigo_v3.prepare_checkout(Preparation(IP_ADDRESS, reference, [article])))
        (item,) = plenigo_v3.read_order(order_id).items
        assert (item.product_id, item.title, item.price) == ("moss-clock", "The moss clock", Decimal("0.59"))
        assert plenigo_v3.rights_of(reference, ["moss-clock"])["moss-clock"].is_granted
        assert plenigo_v3.has_bought(reference, ["moss-clock"]) == {"moss-clock": True}

    def test_unknown_offer_and_customer_are_not_found(self, plenigo_v3, reference, product):
        with pytest.raises(NotFoundError):
            plenigo_v3.prepare_checkout(Preparation(IP_ADDRESS, reference, [OfferItem("O_000000000000000000")]))
        with pytest.raises(NotFoundError):
            plenigo_v3.prepare_checkout(Preparation(IP_ADDRESS, NOBODY, [OfferItem(product.offer_id)]))

    def test_order_of_nobody_is_not_found(self, plenigo_v3, ada):
        with pytest.raises(NotFoundError):
            plenigo_v3.read_order(4711)

    def test_more_orders_than_a_page_holds_are_all_listed(self, plenigo_v3, sandbox, ada, reference):
        bought = [sandbox.buy(ada, f"ARTICLE-{number}") for number in range(103)]
        orders = list(plenigo_v3.orders_of(reference))
        assert len({order.order_id for order in orders}) == len(bought)

    def test_subscription_is_found_from_its_order(self, plenigo_v3, sandbox, ada, reference):
        sandbox.buy(ada, MONTHLY)
        (order,) = plenigo_v3.orders_of(reference)
        (item,) = order.items
        found = plenigo_v3.subscription_of_item(item.subscription_item_id)
        (listed,) = plenigo_v3.subscriptions_of(reference)
        assert found is not None
        assert found.subscription_id == listed.subscription_id
        assert plenigo_v3.read_subscription(found.subscription_id).payer_id == ada.number
        assert found.is_active(datetime.now(UTC) + timedelta(seconds=1))


class TestSingleSignOn:
    @pytest.fixture
    def subscription(self, sandbox):
        return sandbox.import_customer(postcode="10115")

    @pytest.fixture
    def request_of(self, subscription):
        def build(**values):
            defaults = {"email": "erna@example.com", "password": "correct horse", "language": "de"}
            defaults |= {"customer_id": subscription.customer.number, "postcode": "10115"}
            return ConnectionRequest(**{**defaults, **values})

        return build

    def test_settings_are_those_of_the_merchant_backend(self, plenigo_v3, sandbox):
        values = {"max_sessions": 0, "allowed_domains": "a.example, b.example", "sso_name": "REQUIRED"}
        SsoSettings.objects.filter(company=sandbox.company).update(**values)
        read = plenigo_v3.read_sso_settings("de")
        assert (read.most_sessions, read.allowed_domains) == (1, ("a.example", "b.example"))
        assert read.name_query.value == "required"
        assert read.offers_connection

    def test_code_connects_the_imported_customer(self, plenigo_v3, sandbox, subscription, request_of):
        step = plenigo_v3.start_connection(request_of())
        assert step.token_type is TokenType.EMAIL
        (code,) = sandbox.sent_codes("erna@example.com")
        session = plenigo_v3.confirm_connection(step.token, code)
        assert plenigo_v3.owner_of_session(session) == subscription.customer.number
        assert sandbox.customer(subscription.customer.number).email == "erna@example.com"

    def test_connected_customer_is_registered_already(self, plenigo_v3, sandbox, request_of):
        step = plenigo_v3.start_connection(request_of())
        plenigo_v3.confirm_connection(step.token, sandbox.sent_codes("erna@example.com")[0])
        assert plenigo_v3.start_connection(request_of()) == AlreadyRegistered()

    @pytest.mark.parametrize("change", [{"postcode": "99999"}, {"customer_id": "999999999999999999"}])
    def test_whoever_does_not_match_is_told_one_word(self, plenigo_v3, request_of, change):
        with pytest.raises((NotFoundError, RejectedError)) as caught:
            plenigo_v3.start_connection(request_of(**change))
        assert caught.value.code == NO_MATCH

    def test_wrong_codes_are_counted_until_it_is_enough(self, plenigo_v3, sandbox, request_of):
        step = plenigo_v3.start_connection(request_of())
        (code,) = sandbox.sent_codes("erna@example.com")
        wrong = "000000" if code != "000000" else "111111"
        words = []
        for _try in range(6):
            with pytest.raises(RejectedError) as caught:
                plenigo_v3.confirm_connection(step.token, wrong)
            words.append(caught.value.code)
        assert words[0] == WRONG_CODE
        assert words[-1] == TOO_MANY_TRIES

    def test_resent_code_replaces_the_first(self, plenigo_v3, sandbox, request_of):
        first = plenigo_v3.start_connection(request_of())
        second = plenigo_v3.resend_code(first.token)
        with pytest.raises(RejectedError):
            plenigo_v3.confirm_connection(first.token, sandbox.sent_codes("erna@example.com")[0])
        assert plenigo_v3.confirm_connection(second.token, sandbox.sent_codes("erna@example.com")[1])

    def test_process_ends_after_a_quarter_of_an_hour(self, plenigo_v3, sandbox, request_of):
        step = plenigo_v3.start_connection(request_of())
        sandbox.advance(16 * 60)
        with pytest.raises(RejectedError) as caught:
            plenigo_v3.confirm_connection(step.token, sandbox.sent_codes("erna@example.com")[0])
        assert caught.value.code == PROCESS_EXPIRED

    def test_process_works_once(self, plenigo_v3, sandbox, request_of):
        step = plenigo_v3.start_connection(request_of())
        (code,) = sandbox.sent_codes("erna@example.com")
        plenigo_v3.confirm_connection(step.token, code)
        with pytest.raises(RejectedError) as caught:
            plenigo_v3.confirm_connection(step.token, code)
        assert caught.value.code == PROCESS_USED


@pytest.mark.parametrize("status", ["BLOCKED", "DEACTIVATED", "DISABLED"])
def test_customer_who_is_not_activated_gets_nothing(plenigo_v3, sandbox, ada, reference, product, status):
    sandbox.buy(ada, DAY_PASS)
    ada.status = status
    ada.save()
    with pytest.raises(RejectedError):
        plenigo_v3.start_session(reference)
    with pytest.raises(RejectedError):
        plenigo_v3.prepare_checkout(Preparation(IP_ADDRESS, reference, [OfferItem(product.offer_id)]))
    assert not plenigo_v3.rights_of(reference, [product.access_right_id])[product.access_right_id].is_granted


def test_access_token_that_has_expired_opens_nothing(plenigo_v3, sandbox, reference):
    company = sandbox.company
    company.api_token_expires_at = datetime.now(UTC) + timedelta(hours=1)
    company.save()
    plenigo_v3.check_customer(reference)
    sandbox.advance(3600)
    with pytest.raises(AuthenticationError):
        plenigo_v3.check_customer(reference)


def test_throttled_call_is_a_rate_limit(plenigo_v3, sandbox, reference):
    sandbox.fail_next(429, body='{"errorCode": 99429, "errorMessage": "slow down"}')
    with pytest.raises(RateLimitError):
        plenigo_v3.check_customer(reference)

"""Bought, not bought, or unknown."""

import pytest
from django.contrib.auth.models import AnonymousUser

from django_plenigo.errors import AuthenticationError, InvalidValueError, RemoteError
from django_plenigo.models import CustomerLink
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.sandbox.calls import called
from django_plenigo.services import access, customers
from django_plenigo.services.access import Access
from tests.caches import CacheThatTellsItsKeys
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer_id(reader):
    return CustomerLink.objects.get(user=reader).customer_id


def configure(settings, **entry):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], **entry}}


def test_visitor_and_unlinked_reader_have_bought_nothing_without_a_call(sandbox, user):
    assert access.check_access(AnonymousUser(), ["DAYPASS"]) is Access.NOT_BOUGHT
    assert access.check_access(user, ["DAYPASS"]) is Access.NOT_BOUGHT
    assert sandbox.calls == []


def test_buyer_has_bought_and_others_have_not(sandbox, reader, customer_id):
    assert access.check_access(reader, ["DAYPASS"]) is Access.NOT_BOUGHT
    sandbox.buy(customer_id, "DAYPASS")
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


def test_keys_of_the_cache_tell_nobody_who_reads(sandbox, settings):
    settings.CACHES = {"default": {"BACKEND": "tests.caches.CacheThatTellsItsKeys"}}
    readers = [UserFactory(pk=pk) for pk in (1471147111, 1471147112)]
    CacheThatTellsItsKeys.keys.clear()
    for reader in readers:
        customers.register(reader)
        access.check_access(reader, ["DAYPASS"])
    keys = {key for key in CacheThatTellsItsKeys.keys if "access" in key}
    assert len(keys) == len(readers)
    assert "14711471" not in "".join(keys)


def test_any_of_several_products_opens_in_one_call(sandbox, reader, customer_id):
    sandbox.buy(customer_id, "MONTHLY")
    assert access.check_access(reader, ["DAYPASS", "MONTHLY"]) is Access.BOUGHT
    assert len(sandbox.calls) == 1


def test_yes_is_kept_and_asked_anew_when_it_is_old(sandbox, reader, customer_id, time_machine):
    time_machine.move_to("2026-05-01 12:00:00+00:00", tick=False)
    sandbox.buy(customer_id, "DAYPASS")
    for _ in range(3):
        access.check_access(reader, ["DAYPASS"])
    assert len(sandbox.calls) == 1
    time_machine.shift(61)
    access.check_access(reader, ["DAYPASS"])
    assert len(sandbox.calls) == 2


def test_no_is_not_kept_in_a_cache_of_one_worker(sandbox, reader):
    access.check_access(reader, ["DAYPASS"])
    access.check_access(reader, ["DAYPASS"])
    assert len(sandbox.calls) == 2


@pytest.mark.usefixtures("shared_cache")
def test_no_is_kept_in_a_cache_of_all_workers(sandbox, reader):
    access.check_access(reader, ["DAYPASS"])
    access.check_access(reader, ["DAYPASS"])
    assert len(sandbox.calls) == 1


@pytest.mark.usefixtures("shared_cache")
def test_no_is_dropped_when_the_reader_comes_back_from_a_checkout(sandbox, reader, customer_id):
    access.check_access(reader, ["DAYPASS"])
    sandbox.buy(customer_id, "DAYPASS")
    access.forget_answers(reader)
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


@pytest.mark.usefixtures("shared_cache")
def test_no_is_not_kept_while_a_checkout_is_open(sandbox, reader, customer_id):
    access.expect_purchase(reader)
    access.check_access(reader, ["DAYPASS"])
    sandbox.buy(customer_id, "DAYPASS")
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


def test_outage_is_unknown_and_never_kept(sandbox, reader, customer_id, time_machine):
    time_machine.move_to("2026-05-01 12:00:00+00:00", tick=False)
    sandbox.buy(customer_id, "DAYPASS")
    sandbox.fail_next(status=500)
    assert access.check_access(reader, ["DAYPASS"]) is Access.UNKNOWN
    time_machine.shift(access.FAILURE_SECONDS + 1)
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


def test_reader_is_asked_about_once_in_an_outage_not_at_each_gate(sandbox, reader):
    sandbox.fail_next(status=500, times=10)
    for _ in range(5):
        assert access.check_access(reader, ["DAYPASS"]) is Access.UNKNOWN
    assert len(sandbox.calls) == 1


def test_part_of_plenigo_that_is_not_booked_is_asked_for_as_seldom_as_in_an_outage(sandbox, reader, settings):
    configure(settings, API="v3")
    sandbox.fail_next(400, times=None, body='{"errorCode": 30402, "errorMessage": "No."}')
    for _ in range(5):
        assert access.check_access(reader, ["DAYPASS"]) is Access.UNKNOWN
    assert len(sandbox.calls) == 1


def test_last_yes_lets_a_payer_read_on_in_an_outage(sandbox, reader, customer_id, time_machine):
    time_machine.move_to("2026-05-01 12:00:00+00:00", tick=False)
    sandbox.buy(customer_id, "DAYPASS")
    access.check_access(reader, ["DAYPASS"])
    time_machine.shift(3600)
    sandbox.fail_next(status=500, times=10)
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


def test_last_yes_is_not_believed_for_ever(sandbox, reader, customer_id, settings, time_machine):
    configure(settings, ACCESS_STALE_SECONDS=1800)
    time_machine.move_to("2026-05-01 12:00:00+00:00", tick=False)
    sandbox.buy(customer_id, "DAYPASS")
    access.check_access(reader, ["DAYPASS"])
    time_machine.shift(3600)
    sandbox.fail_next(status=500, times=10)
    assert access.check_access(reader, ["DAYPASS"]) is Access.UNKNOWN


@pytest.mark.usefixtures("shared_cache")
def test_old_no_is_unknown_in_an_outage(sandbox, reader, time_machine):
    """A payer is never told to buy because of an outage: perhaps she has bought in the meantime."""
    time_machine.move_to("2026-05-01 12:00:00+00:00", tick=False)
    access.check_access(reader, ["DAYPASS"])
    time_machine.shift(3600)
    sandbox.fail_next(status=500, times=10)
    assert access.check_access(reader, ["DAYPASS"]) is Access.UNKNOWN


@pytest.mark.parametrize(("policy", "expected"), [("open", Access.BOUGHT), ("unknown", Access.UNKNOWN)])
def test_outage_policy_is_the_sites(sandbox, reader, settings, policy, expected):
    configure(settings, ON_OUTAGE=policy)
    sandbox.fail_next(status=500)
    assert access.check_access(reader, ["DAYPASS"]) is expected


def test_refused_credentials_are_unknown_too(sandbox, reader, settings):
    configure(settings, SECRET="x" * 40)
    assert access.check_access(reader, ["DAYPASS"]) is Access.UNKNOWN


@pytest.mark.usefixtures("shared_cache")
def test_answer_asked_before_a_purchase_does_not_overwrite_what_came_after(sandbox, reader, customer_id):
    """The slow question of one tab ends after the reader has come back from a checkout in another."""

    def come_back_in_another_tab(**kwargs):
        access.forget_answers(reader)

    called.connect(come_back_in_another_tab)
    assert access.check_access(reader, ["DAYPASS"]) is Access.NOT_BOUGHT
    called.disconnect(come_back_in_another_tab)
    sandbox.buy(customer_id, "DAYPASS")
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


@pytest.mark.usefixtures("shared_cache")
def test_kept_no_is_not_believed_once_the_reader_is_in_a_checkout(sandbox, reader, customer_id):
    access.check_access(reader, ["DAYPASS"])
    access.expect_purchase(reader)
    sandbox.buy(customer_id, "DAYPASS")
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


@pytest.mark.usefixtures("shared_cache")
def test_no_of_a_page_that_waits_for_the_purchase_is_not_kept(sandbox, reader, customer_id):
    access.check_access(reader, ["DAYPASS"])
    assert access.confirm_purchase(reader, ["DAYPASS"]) is Access.NOT_BOUGHT
    sandbox.buy(customer_id, "DAYPASS")
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


def test_product_that_the_vendor_refuses_leaves_the_others_alone(sandbox, reader, customer_id):
    sandbox.buy(customer_id, "DAYPASS")
    sandbox.fail_next(status=400)
    assert access.check_access(reader, ["BAD"]) is Access.UNKNOWN
    assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT


def test_waiting_page_does_not_ask_again_right_after_a_failure(sandbox, reader):
    sandbox.fail_next(status=500, times=None)
    for _ in range(5):
        assert access.confirm_purchase(reader, ["DAYPASS"]) is Access.UNKNOWN
    assert len(sandbox.calls) == 1


def test_cache_that_is_down_costs_calls_and_nobody_the_article(sandbox, reader, customer_id, cache_that_is_down):
    sandbox.buy(customer_id, "DAYPASS")
    for _ in range(2):
        assert access.check_access(reader, ["DAYPASS"]) is Access.BOUGHT
    assert len(sandbox.calls) == 2


@pytest.mark.parametrize("product_ids", ["DAYPASS", b"DAYPASS", [], None])
@pytest.mark.parametrize("ask", [access.check_access, access.has_bought])
def test_slip_in_the_products_is_told_for_visitors_too(sandbox, ask, product_ids):
    with pytest.raises(InvalidValueError) as caught:
        ask(AnonymousUser(), product_ids)
    assert caught.value.field == "product_ids"


def test_link_is_asked_about_at_its_own_account(sandbox, reader, customer_id, settings):
    account = settings.PLENIGO["default"]
    brand = {**account, "COMPANY_ID": "BrandWithoutCustomers", "SECRET": "s" * 40}
    settings.PLENIGO = {"default": account, "brand": brand}
    link = CustomerLink(account="brand", user=reader, customer_id=customer_id, customer_id_generation=account["API"])
    with pytest.raises(AuthenticationError):
        access.has_bought(link, ["DAYPASS"])
    with pytest.raises(InvalidValueError) as caught:
        access.has_bought(link, ["DAYPASS"], using="default")
    assert caught.value.field == "using"


def test_customer_that_is_none_is_told(sandbox):
    with pytest.raises(InvalidValueError) as caught:
        access.has_bought(4711, ["DAYPASS"])
    assert caught.value.field == "customer"


def test_has_bought_takes_a_user_a_link_a_customer_id_or_an_external_id(sandbox, reader, customer_id):
    sandbox.buy(customer_id, "DAYPASS")
    link = CustomerLink.objects.get(user=reader)
    by_external_id = CustomerRef(str(reader.pk), is_external=True)
    for customer in (reader, link, customer_id, by_external_id):
        assert access.has_bought(customer, ["DAYPASS", "MONTHLY"]) == {"DAYPASS": True, "MONTHLY": False}


def test_has_bought_raises_when_nobody_knows(sandbox, reader):
    sandbox.fail_next(status=500, times=10)
    with pytest.raises(RemoteError):
        access.has_bought(reader, ["DAYPASS"])


def test_has_bought_of_an_unlinked_reader_needs_no_call(sandbox, user):
    assert access.has_bought(user, ["DAYPASS"]) == {"DAYPASS": False}
    assert sandbox.calls == []


def test_yes_of_the_sandbox_opens_nothing_in_another_mode(sandbox, reader, customer_id, settings):
    sandbox.buy(customer_id, "DAYPASS")
    access.check_access(reader, ["DAYPASS"])
    live = {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": "s" * 40, "ACCESS_TTL_SECONDS": 60}
    configure(settings, **live, HOSTS={"api": "http://127.0.0.1:1"})
    assert access.check_access(reader, ["DAYPASS"]) is Access.UNKNOWN

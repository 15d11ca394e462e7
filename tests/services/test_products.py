"""A product has one name at this site, and at the vendor what its API calls it (the setting PRODUCTS)."""

from datetime import UTC, datetime, timedelta

import pytest

from django_plenigo.errors import InvalidValueError
from django_plenigo.models import CustomerLink
from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services import checkout
from django_plenigo.services.access import Access, ask_now, check_access, has_access, has_bought, kept_answers


@pytest.fixture(params=["v2", "v3"])
def products(request, settings, sandbox):
    """A site that calls the vendor's day pass `today`, whichever API it speaks."""
    product = sandbox.company.products.get(product_id=DAY_PASS)
    names = {"product_id": DAY_PASS, "offer_id": product.offer_id, "access_right_id": product.access_right_id}
    account = {"API": request.param, "MODE": "sandbox", "DELIVERY": "", "PRODUCTS": {"today": names}}
    settings.PLENIGO = {"default": account}
    return account


@pytest.fixture
def link(products, reader):
    return CustomerLink.objects.select_related("user").get(user=reader)


def test_what_was_bought_is_asked_for_by_the_sites_name(link, sandbox):
    assert has_bought(link, ["today", "other"]) == {"today": False, "other": False}
    sandbox.buy(link.customer_id, DAY_PASS)
    assert has_bought(link, ["today", "other"]) == {"today": True, "other": False}
    assert has_access(link, ["today"]) == {"today": True}


def test_gate_and_panel_know_the_product_by_the_sites_name(link, reader, sandbox):
    sandbox.buy(link.customer_id, DAY_PASS)
    assert check_access(reader, ["today"]) is Access.BOUGHT
    (answer,) = ask_now(link, ["today"]).answers
    assert answer.product_id == "today"
    assert answer.access is Access.BOUGHT


def test_answer_that_the_vendor_wants_asked_again_soon_was_asked_just_now(
    link, reader, sandbox, products, time_machine
):
    time_machine.move_to("2026-05-01 12:00:00+00:00", tick=False)
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    purchase = sandbox.buy(link.customer_id, DAY_PASS)
    purchase.end = now + timedelta(seconds=30)  # with API v3 its answer is not to be kept longer
    purchase.save()
    sandbox.calls.clear()
    assert check_access(reader, ["today"]) is Access.BOUGHT
    assert [answer.asked_at for answer in kept_answers(reader)] == [now]
    asked_again = []
    for seconds in (29, 2):
        time_machine.shift(seconds)
        check_access(reader, ["today"])
        asked_again.append(len(sandbox.calls) - 1)
    assert asked_again == [0, 1 if products["API"] == "v3" else 0]


def test_two_names_of_one_product_are_answered_alike(link, sandbox, products):
    products["PRODUCTS"]["this day"] = products["PRODUCTS"]["today"]
    sandbox.buy(link.customer_id, DAY_PASS)
    assert has_access(link, ["today", "this day"]) == {"today": True, "this day": True}


def test_what_has_ended_opens_nothing_and_was_bought_with_api_v3(link, sandbox, products):
    sandbox.buy(link.customer_id, DAY_PASS)
    sandbox.advance(3 * 24 * 60 * 60)
    assert has_access(link, ["today"]) == {"today": False}
    assert has_bought(link, ["today"]) == {"today": products["API"] == "v3"}


def test_name_that_cannot_be_a_right_of_api_v3_says_what_to_write(link, products):
    if products["API"] == "v2":
        assert has_bought(link, ["no_right"]) == {"no_right": False}
    else:
        with pytest.raises(InvalidValueError, match="the setting PRODUCTS"):
            has_bought(link, ["no_right"])


def test_checkout_of_api_v2_sells_what_the_vendor_calls_the_product(settings, products):
    settings.PLENIGO = {"default": {**products, "API": "v2"}}
    offer = checkout.Offer(CheckoutOrder("today"), CheckoutOptions(), "default")
    plain = checkout.Offer(CheckoutOrder(DAY_PASS), CheckoutOptions(), "default")
    assert checkout.sign_checkout(offer) == checkout.sign_checkout(plain)

"""What a builder of checkouts remembers: equal orders, nothing of one reader, and no good order for a wrong one."""

import gc
import inspect
import json
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder, LoginPass
from django_plenigo.protocols.plenigo_v2 import checkout
from django_plenigo.protocols.plenigo_v2.checkout import CheckoutBuilder

SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
PLAIN = CheckoutOptions()

ITEM = CheckoutOrder("item-123")
FOREIGN = CheckoutOrder("item-123", price=15.00, currency="EUR", type="EBOOK", title="The best product")
FLAGS = [each.name for each in fields(CheckoutOrder) if str(each.type) == "bool | None"]


def login(value):
    return LoginPass(value, is_url=False, lifetime_seconds=300)


def test_equal_orders_are_signed_once(monkeypatch):
    signed = []
    monkeypatch.setattr(checkout, "sign_hs256", lambda claims_json, secret: signed.append(claims_json) or "token")
    one = CheckoutBuilder(SECRET)
    for number in range(3):
        order = replace(FOREIGN, title="".join(["The ", "title"]))
        one.sign_checkout(order, PLAIN, login(f"LT-{number}"))
    assert len(signed) == 1


@pytest.mark.parametrize("personal", [{"csrf_token": "c5rf"}, {"birthday": date(1990, 5, 17)}], ids=str)
def test_an_order_with_a_personal_value_is_not_remembered(personal):
    one = CheckoutBuilder(SECRET)
    order = replace(ITEM, **personal)
    calls = [one.sign_checkout(order, PLAIN) for _ in range(2)]
    assert calls[0] == calls[1]
    assert one._remembered.cache_info().currsize == 0


def test_no_more_orders_are_remembered_than_the_bound():
    one = CheckoutBuilder(SECRET)
    for number in range(checkout.MEMO_SIZE + 10):
        one.sign_checkout(CheckoutOrder(f"item-{number}"), PLAIN)
    assert one._remembered.cache_info().currsize == checkout.MEMO_SIZE


def test_a_log_in_is_kept_nowhere():
    one = CheckoutBuilder(SECRET)
    token = "-".join(["LT", "1"])  # made here, so that nothing but a memo can refer to it
    login_pass = login(token)
    for _ in range(2):
        one.sign_checkout(ITEM, PLAIN, login_pass)
    assert [each for each in gc.get_referrers(login_pass) if not inspect.isframe(each)] == []
    del login_pass
    assert [each for each in gc.get_referrers(token) if not inspect.isframe(each)] == []


def test_each_call_carries_its_own_token():
    one = CheckoutBuilder(SECRET)
    tokens = ["LT-1", "LT-2", "LT-1"]
    calls = [one.sign_checkout(ITEM, PLAIN, login(token)) for token in tokens]
    assert [json.loads(call.arguments_json)["loginToken"] for call in calls] == tokens


def test_builders_of_two_companies_share_nothing():
    other = CheckoutBuilder("another-secret-of-the-very-same-size-....")
    ours = CheckoutBuilder(SECRET).sign_checkout(ITEM, PLAIN)
    assert other.sign_checkout(ITEM, PLAIN) != ours


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("price", 1, True),
        ("price", 0, False),
        ("price", 1, 1 + 0j),
        ("shipping_cost", 1, True),
        *[(flag, good, type_(good)) for flag in FLAGS for good in (True, False) for type_ in (int, float, Decimal)],
    ],
)
def test_a_wrong_order_is_refused_after_a_good_one_that_python_takes_for_equal(field, good, bad):
    one = CheckoutBuilder(SECRET)
    order = CheckoutOrder("item-123", **{"price": 2, field: good})
    one.sign_checkout(order, PLAIN)
    with pytest.raises(InvalidValueError) as refusal:
        one.sign_checkout(replace(order, **{field: bad}), PLAIN)
    assert refusal.value.field == field


@pytest.mark.parametrize("given", [0, 0.0])
def test_a_wrong_flag_is_refused_in_test_mode_too(given):
    with pytest.raises(InvalidValueError, match="test_mode"):
        CheckoutBuilder(SECRET, test_mode=True).sign_checkout(replace(ITEM, test_mode=given), PLAIN)


@pytest.mark.parametrize("kind", [CheckoutOrder, CheckoutOptions])
def test_values_that_differ_in_one_field_are_not_equal(kind):
    """The comparison is written by hand: no field may be missing in it."""
    for each in fields(kind):
        given = {"product_id": "a"} if kind is CheckoutOrder else {}
        assert kind(**given) == kind(**given)
        assert kind(**{**given, each.name: "b"}) != kind(**given), each.name


def test_options_are_not_equal_to_those_that_python_takes_for_equal():
    assert CheckoutOptions(start_with_registration=True) != CheckoutOptions(start_with_registration=1)

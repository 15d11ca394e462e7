"""Access rights of API v3."""

from datetime import UTC, datetime

import pytest

from django_plenigo.errors import InvalidValueError, NotFoundError, ProtocolError
from django_plenigo.protocols.base import AccessRight, CustomerRef
from tests.scripted_vendor_v3 import ok, refused

READER = CustomerRef("56202510")
NOT_FOUND = refused(404, 20404)
END = "2026-12-31T23:00:00Z"


def granted(access_right_id="digital", **values):
    return {"accessRightUniqueId": access_right_id, "accessGranted": True, **values}


def answer(*items, **values):
    return ok(customerId="56202510", accessGranted=any(item.get("accessGranted") for item in items), items=[*items])


def rights(made, *ids):
    return made.client.rights_of(READER, list(ids) or ["digital"])


def test_each_right_is_answered_in_one_call(vendor):
    made = vendor(answer(granted("digital"), {"accessRightUniqueId": "print", "accessGranted": False}))
    assert rights(made, "digital", "print", "archive", "digital") == {
        "digital": AccessRight(True),
        "print": AccessRight(False),
        "archive": AccessRight(False),
    }
    assert made.line == "GET /accessRights/56202510/hasAccess"
    assert made.query == {"accessRightUniqueIds": "digital,print,archive"}


def test_one_granted_item_of_a_right_is_enough_and_the_longest_counts(vendor):
    early, late = granted(lifeTimeEnd="2026-01-01T00:00:00Z"), granted(lifeTimeEnd=END)
    blocked = {"accessRightUniqueId": "digital", "accessGranted": False, "lifeTimeEnd": "2030-01-01T00:00:00Z"}
    until = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert rights(vendor(answer(early, blocked, late)))["digital"] == AccessRight(True, until=until)


@pytest.mark.parametrize("no_end", [{}, {"lifeTimeEnd": None}, {"lifeTimeEnd": ""}, {"lifeTimeEnd": "soon"}])
def test_right_without_an_end_has_none(vendor, no_end):
    assert rights(vendor(answer(granted(lifeTimeEnd=END), granted(**no_end))))["digital"] == AccessRight(True)


def test_vendor_says_until_when_an_answer_may_be_kept(vendor):
    items = granted(maxCacheDate="2026-05-01T10:00:00Z"), granted(maxCacheDate="2026-05-01T09:00:00+00:00")
    assert rights(vendor(answer(*items)))["digital"].kept_until == datetime(2026, 5, 1, 9, tzinfo=UTC)


def test_blocked_customer_may_read_nothing(vendor):
    blocked = ok(customerId="56202510", customerBlocked=True, accessGranted=True, items=[granted()])
    assert rights(vendor(blocked)) == {"digital": AccessRight(False)}


def test_no_is_what_the_vendor_omits(vendor):
    assert rights(vendor(ok(customerId="56202510"))) == {"digital": AccessRight(False)}


def test_customer_id_of_an_answer_may_be_a_number(vendor):
    assert rights(vendor(ok(customerId=56202510, items=[granted()]))) == {"digital": AccessRight(True)}


def test_unknown_customer_may_read_nothing(vendor):
    assert rights(vendor(NOT_FOUND)) == {"digital": AccessRight(False)}
    made = vendor()
    assert made.client.rights_of(CustomerRef("CRM-1"), ["digital"]) == {"digital": AccessRight(False)}


@pytest.mark.parametrize("body", [{}, {"customerId": True}, {"customerId": "56202510", "items": "none"}])
def test_garbage_is_no_answer(vendor, body):
    with pytest.raises(ProtocolError):
        rights(vendor(ok(**body)))


@pytest.mark.parametrize("ids", ["digital", [], ["a"], ["with_underscore"], ["a.b"], ["x" * 31], [None]])
def test_right_that_can_be_none_is_not_asked_for(vendor, ids):
    with pytest.raises(InvalidValueError, match="product_ids"):
        vendor().client.rights_of(READER, ids)


# ---- ever bought


def order(order_id, *access_right_ids):
    items = [{"accessRightUniqueId": each, "title": "x"} for each in access_right_ids]
    return {"orderId": order_id, "invoiceCustomerId": "56202510", "items": items}


def test_bought_is_what_any_order_holds(vendor):
    made = vendor(ok(items=[order(1, "print"), order(2, "digital", "archive")]))
    assert made.client.has_bought(READER, ["digital", "other"]) == {"digital": True, "other": False}
    assert made.line == "GET /customers/56202510/orders"
    assert made.query == {"size": "100"}


def test_orders_are_read_page_by_page_until_all_is_found(vendor):
    first = ok(items=[order(number) for number in range(100)], startingAfterId="99")
    made = vendor(first, ok(items=[order(number, "digital") for number in range(100)]))
    assert made.client.has_bought(READER, ["digital"]) == {"digital": True}
    assert made.query == {"size": "100", "startingAfter": "99"}


def test_page_without_a_cursor_goes_on_after_its_last_item(vendor):
    made = vendor(ok(items=[order(number) for number in range(100)]), ok(items=[]))
    assert made.client.has_bought(READER, ["digital"]) == {"digital": False}
    assert made.query["startingAfter"] == "99"


def test_cursor_that_repeats_ends_the_list(vendor):
    page = ok(items=[order(number) for number in range(100)], startingAfterId="7")
    made = vendor(page, page)
    assert made.client.has_bought(READER, ["digital"]) == {"digital": False}
    assert len(made.requests) == 2


def test_unknown_customer_has_bought_nothing(vendor):
    assert vendor(NOT_FOUND).client.has_bought(READER, ["digital"]) == {"digital": False}


# ---- given by the site


def test_right_is_given_until_an_end(vendor):
    made = vendor(ok(201, customerId="56202510"))
    assert made.client.grant_access(READER, "digital", ends=datetime(2026, 12, 31, 23, tzinfo=UTC)) is True
    assert made.line == "POST /accessRights/56202510"
    assert made.body == {"accessRightUniqueId": "digital", "lifeTimeStart": None, "lifeTimeEnd": END}


def test_right_that_is_there_is_told_apart(vendor):
    assert vendor(ok(208, customerId="56202510")).client.grant_access(READER, "digital") is False


def test_right_is_changed_and_taken(vendor):
    made = vendor(ok(customerId="56202510"), ok(202, success=True))
    made.client.change_access(READER, "digital", is_blocked=True)
    assert made.body == {"blocked": True, "lifeTimeStart": None, "lifeTimeEnd": None}
    made.client.withdraw_access(READER, "digital")
    assert made.lines == ["PUT /accessRights/56202510/digital", "DELETE /accessRights/56202510/digital"]


def test_right_that_is_not_there_cannot_be_changed(vendor):
    with pytest.raises(NotFoundError, match="access right"):
        vendor(refused(404, 21404)).client.change_access(READER, "digital")


def test_end_needs_a_time_zone(vendor):
    with pytest.raises(InvalidValueError, match="ends"):
        vendor().client.grant_access(READER, "digital", ends=datetime(2026, 12, 31))

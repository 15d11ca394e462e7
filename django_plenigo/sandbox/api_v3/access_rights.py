"""Access rights. Source: docs/protocols/plenigo-v3.md 4."""

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from .. import clock
from ..customers import lock
from ..entitlements import Entitlement, entitlements_of, find_right
from ..models import AccessRight, Application, Customer, Purchase
from ..purchases import order_number, subscription_item_number
from .answers import RefusalError, answered, flaw, invalid, without_gaps, written
from .endpoints import Call, operation
from .fields import ACCESS_RIGHT_ID, Array, Field, Flag, Moment, Text, TextMap, TimeOrMoment

ITEM_COLUMNS = {
    "lifeTimeStart": "life_time_start",
    "lifeTimeEnd": "life_time_end",
    "accessTimeStart": "access_time_start",
    "accessTimeEnd": "access_time_end",
    "pausedTimeStart": "paused_time_start",
    "pausedTimeEnd": "paused_time_end",
    "maxCacheDate": "max_cache_date",
    "data": "data",
    "blocked": "blocked",
}
MOMENTS = ("lifeTimeStart", "lifeTimeEnd", "pausedTimeStart", "pausedTimeEnd", "maxCacheDate")
ITEM: dict[str, Field] = {
    **{name: Moment() for name in MOMENTS},
    "accessTimeStart": TimeOrMoment(),
    "accessTimeEnd": TimeOrMoment(),
    "data": TextMap(entries=20, longest_key=20, longest_value=2000),
    "blocked": Flag(),
    "activePartners": Array(item=Text()),
}
CREATION: dict[str, Field] = {**ITEM, "accessRightUniqueId": Text(required=True, pattern=ACCESS_RIGHT_ID)}

RIGHT_IS_USED = 21001
RIGHT_NOT_FOUND = 21404


@operation("checkAccessOfCustomer", Application.ACCESS_RIGHTS)
def check_access_of_customer(call: Call, customer_id: str) -> HttpResponse:
    """Say whether at least one of the asked rights is granted, and what there is of each."""
    asked = call.read_query({"accessRightUniqueIds": Text(required=True, shortest=1)})["accessRightUniqueIds"]
    names = [name for name in (part.strip() for part in asked.split(",")) if name]
    bad = [name for name in names if not re.fullmatch(ACCESS_RIGHT_ID, name)]
    if bad or not names:
        raise invalid([flaw("accessRightUniqueIds", "pattern", bad[0] if bad else asked)])
    customer = call.customer(customer_id)
    is_blocked = _is_blocked(customer)
    items = []
    for right in entitlements_of(customer, names):
        items.append({**_item_of(right), "accessGranted": right.grants and not is_blocked})
    return answered(
        {
            "customerId": customer.number,
            "customerBlocked": is_blocked,
            "accessGranted": any(item["accessGranted"] for item in items),
            "items": items,
        }
    )


@operation("getAccessRights", Application.ACCESS_RIGHTS)
def get_access_rights(call: Call, customer_id: str) -> HttpResponse:
    """Return all rights of a customer."""
    return _rights_answer(call.customer(customer_id), 200)


@operation("createAccessRightsForCustomer", Application.ACCESS_RIGHTS)
def create_access_rights_for_customer(call: Call, customer_id: str) -> HttpResponse:
    """Give a customer a right: 201, or 208 where he has it from an earlier call already, and it stays as it is.

    Our choice: a right that a purchase gives at present cannot be made.
    """
    customer = call.customer(customer_id)
    values = call.read(CREATION)
    name = values["accessRightUniqueId"]
    lock(customer)  # of two calls at once, one makes the right
    if find_right(customer, name) is not None:
        return _rights_answer(customer, 208)
    if any(right.grants for right in entitlements_of(customer, [name])):
        raise RefusalError(400, RIGHT_IS_USED, "The access right id is used already.")
    now = clock.now()
    columns = _columns_of(values)
    _check(columns)
    AccessRight.objects.create(customer=customer, access_right_id=name, created_at=now, changed_at=now, **columns)
    return _rights_answer(customer, 201)


@operation("updateAccessRightForCustomer", Application.ACCESS_RIGHTS)
def update_access_right_for_customer(call: Call, customer_id: str, access_right_id: str) -> HttpResponse:
    """Change a right that was made by an earlier call. Our choice: the item takes the place of the old one."""
    customer = call.customer(customer_id)
    columns = _columns_of(call.read(ITEM))
    _check(columns)
    right = _right(customer, access_right_id)
    empty = AccessRight()
    for column in ITEM_COLUMNS.values():
        setattr(right, column, columns.get(column, getattr(empty, column)))
    right.changed_at = clock.now()
    right.save()
    return _rights_answer(customer, 200)


@operation("deleteAccessRightForCustomer", Application.ACCESS_RIGHTS)
def delete_access_right_for_customer(call: Call, customer_id: str, access_right_id: str) -> HttpResponse:
    """Take away a right that was made by an earlier call."""
    _right(call.customer(customer_id), access_right_id).delete()
    return answered({"success": True}, 202)


def _is_blocked(customer: Customer) -> bool:
    """Say whether a customer has no access at all. Our choice: in every status but the usual one."""
    return customer.status != Customer.Status.ACTIVATED


def _right(customer: Customer, access_right_id: str) -> AccessRight:
    """Return a right. Our choice: those of purchases cannot be touched, as if they were not there."""
    right = find_right(customer, access_right_id) if re.fullmatch(ACCESS_RIGHT_ID, access_right_id) else None
    if right is None:
        raise RefusalError(404, RIGHT_NOT_FOUND, "The customer has no such access right.")
    return right


def _columns_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {column: values[name] for name, column in ITEM_COLUMNS.items() if name in values}


def _check(columns: Mapping[str, Any]) -> None:
    flaws = []
    for name in ("lifeTime", "pausedTime"):
        start, end = columns.get(ITEM_COLUMNS[f"{name}Start"]), columns.get(ITEM_COLUMNS[f"{name}End"])
        if start is not None and end is not None and end < start:
            flaws.append(flaw(f"{name}End", f"before {name}Start", written(end)))
    if flaws:
        raise invalid(flaws)


def _rights_answer(customer: Customer, status: int) -> HttpResponse:
    items = [_item_of(right) for right in entitlements_of(customer)]
    body = {"customerId": customer.number, "customerBlocked": _is_blocked(customer), "items": items}
    return answered(body, status)


def _item_of(right: Entitlement) -> dict[str, Any]:
    source = right.source
    if isinstance(source, AccessRight):
        return _own_item_of(source)
    return without_gaps(
        {
            "accessRightUniqueId": right.access_right_id,
            "lifeTimeStart": written(source.start),
            "lifeTimeEnd": written(source.end),
            "maxCacheDate": written(source.end),
            "blocked": source.is_blocked,
            "productId": source.product_id,
            "plenigoOfferId": right.product.offer_id if right.product else None,
            "createdDate": written(source.start),
            "changedDate": written(source.changed_at or source.cancelled_at or source.start),
            **_origin_of(source),
        }
    )


def _origin_of(purchase: Purchase) -> dict[str, str]:
    if purchase.source == Purchase.Source.GRANTED:
        return {"itemType": "EXTERNAL", "itemId": str(purchase.pk)}
    if purchase.is_subscription:
        return {"itemType": "SUBSCRIPTION_ITEM", "itemId": str(subscription_item_number(purchase))}
    return {"itemType": "SINGLE_PRODUCT", "itemId": str(order_number(purchase))}


def _own_item_of(row: AccessRight) -> dict[str, Any]:
    values = {name: getattr(row, column) for name, column in ITEM_COLUMNS.items()}
    times = {name: written(values[name]) for name in MOMENTS}
    dates = {"createdDate": written(row.created_at), "changedDate": written(row.changed_at)}
    audit = {**dates, "createdByType": "API", "changedByType": "API"}
    origin = {"accessRightUniqueId": row.access_right_id, "itemType": "EXTERNAL", "itemId": str(row.pk)}
    return without_gaps({**values, **times, **audit, **origin})

"""Ask for and change rights to products. Source: docs/protocols/plenigo-v2.md 2.2 and 2.3."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from django.http import HttpResponse

from .. import clock, purchases
from ..customers import find_customer_with_access
from ..entitlements import sources_of
from ..models import AccessRight, Customer, Purchase
from .answers import RefusalError, done, found, invalid, milliseconds
from .endpoints import Call, endpoint
from .parameters import Values, read_all

PRODUCT_ID_CHARACTERS = 100
FOR_EVER = datetime.max.replace(tzinfo=UTC)
NOT_ALLOWED = {"error": "User is not allowed to access the product requested."}


@endpoint("hasUserBought", "GET")
def has_user_bought(call: Call) -> HttpResponse:
    """Say which of the asked products the customer owns; 403 when it is none, which is how the vendor says no."""
    return _access(call)


@endpoint("productDetails", "GET")
def product_details(call: Call) -> HttpResponse:
    """Say the same under another address."""
    return _access(call)


def _access(call: Call) -> HttpResponse:
    query = call.query
    asked = read_all(
        reference=lambda: query.text("customerId", required=True),
        product_ids=lambda: query.listed("productId", limit=PRODUCT_ID_CHARACTERS),
        test_mode=lambda: query.flag("testMode"),
        is_external=lambda: query.flag("useExternalCustomerId"),
    )
    product_ids = asked["product_ids"]
    customer = find_customer_with_access(call.company, asked["reference"], is_external=asked["is_external"])
    sources = sources_of(customer, product_ids, test_mode=asked["test_mode"]) if customer else {}
    owned = {product_id: _longest(rows) for product_id, rows in sources.items() if rows}
    if not owned and call.company.paywall_enabled:
        raise RefusalError(403, NOT_ALLOWED)
    now = clock.now()
    rights = [_right(product_id, source, now) for product_id, source in owned.items()]
    return found({"accessGranted": True, "userProducts": rights})


def _longest(rows: list[Purchase | AccessRight]) -> Purchase | AccessRight:
    """Return what lasts longest; of equals, the first."""
    return max(rows, key=lambda row: _end_of(row) or FOR_EVER)


def _end_of(source: Purchase | AccessRight) -> datetime | None:
    return source.life_time_end if isinstance(source, AccessRight) else source.end


def _right(product_id: str, source: Purchase | AccessRight, now: datetime) -> dict[str, Any]:
    right: dict[str, Any] = {"productId": product_id, "blocked": False}
    end = _end_of(source)
    if end is not None:
        right["lifeTimeEnd"] = milliseconds(end)
    if isinstance(source, Purchase) and source.auto_renewal:
        renewal = purchases.next_term(source, now)
        right |= {} if renewal is None else {"nextRenewalDate": milliseconds(renewal)}
    return right


@endpoint("addAccess", "POST")
def add_access(call: Call, reference: str) -> HttpResponse:
    """Grant rights to products, which need not be managed ones."""
    return _grant(call, reference, _product_ids)


@endpoint("addAccessWithDetails", "POST")
def add_access_with_details(call: Call, reference: str) -> HttpResponse:
    """Grant rights to products, each with a receipt."""
    return _grant(call, reference, _details)


@endpoint("removeAccess", "DELETE")
def remove_access(call: Call, reference: str) -> HttpResponse:
    """Take granted rights away; what is not there need not be taken."""
    query = call.query
    values = read_all(
        product_ids=lambda: query.listed("productIds", limit=PRODUCT_ID_CHARACTERS),
        test_mode=lambda: query.flag("testMode"),
        is_external=lambda: query.flag("useExternalCustomerId"),
    )
    customer = call.customer(reference, is_external=values["is_external"])
    purchases.revoke(customer, values["product_ids"], test_mode=values["test_mode"])
    return done()


def _grant(call: Call, reference: str, read_products: Callable[[Values], dict[str, dict[str, str]]]) -> HttpResponse:
    body = call.body
    values = read_all(
        products=lambda: read_products(body),
        test_mode=lambda: body.flag("testMode"),
        first_day=lambda: body.day("startTime"),
        last_day=lambda: body.day("endTime"),
        is_external=lambda: body.flag("useExternalCustomerId"),
    )
    first_day, last_day = values["first_day"], values["last_day"]
    start = _midnight(first_day) if first_day else None
    end = _midnight(last_day) + timedelta(days=1) if last_day else None  # the last day counts
    if end is not None and end <= (start or clock.now()):
        raise invalid("endTime", "must not be before the beginning", last_day.isoformat())
    customer: Customer = call.customer(reference, is_external=values["is_external"])
    for product_id, receipt in values["products"].items():
        purchases.grant(customer, product_id, test_mode=values["test_mode"], start=start, end=end, **receipt)
    return done()


def _product_ids(body: Values) -> dict[str, dict[str, str]]:
    return {product_id: {} for product_id in body.texts("productIds", limit=PRODUCT_ID_CHARACTERS)}


def _details(body: Values) -> dict[str, dict[str, str]]:
    details = {}
    for item in body.items("details"):
        if not isinstance(item, dict):
            raise invalid("details", "must be an array of objects")
        row = Values(item)
        values = read_all(
            product_id=partial(row.text, "productId", required=True, limit=PRODUCT_ID_CHARACTERS, numbers=True),
            receipt=partial(row.text, "receipt"),
            receipt_source=partial(row.text, "source"),
        )
        details[values.pop("product_id")] = values
    return details


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)

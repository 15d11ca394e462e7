"""What access rights of API v3 a customer has, by purchases and by the merchant's own hand.

Source: docs/protocols/plenigo-v3.md 4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time

from . import clock, identifiers
from .models import AccessRight, Company, Customer, Product, Purchase


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One right of one customer. Either a purchase or the merchant's own right stands behind it."""

    access_right_id: str
    source: Purchase | AccessRight
    product: Product | None
    grants: bool


def products_of(company: Company) -> dict[str, Product]:
    """Return the managed products by their ids."""
    return {product.product_id: product for product in company.products.all()}


def access_right_of(purchase: Purchase, product: Product | None) -> str:
    """Return the right that a purchase gives. A product that only the shop knows gives the right of its own name."""
    return purchase.access_right_id or _access_right_of_product(purchase.product_id, product)


def _access_right_of_product(product_id: str, product: Product | None) -> str:
    own = product.access_right_id if product else ""
    return own or identifiers.access_right_id_of(product_id)


def entitlements_of(customer: Customer, asked: Iterable[str] | None = None) -> list[Entitlement]:
    """Return the rights of a customer, or only those with the asked ids; ended and blocked ones, too.

    API v3 knows no test mode: what was bought in it does not count.
    """
    now = clock.now()
    products = products_of(customer.company)
    rights = [
        Entitlement(row.access_right_id, row, None, _right_counts(row, now))
        for row in customer.access_rights.order_by("pk")
    ]
    for purchase in customer.purchases.filter(test_mode=False).order_by("pk"):
        product = products.get(purchase.product_id)
        right_id = access_right_of(purchase, product)
        rights.append(Entitlement(right_id, purchase, product, _purchase_counts(purchase, now)))
    wanted = None if asked is None else set(asked)
    return [right for right in rights if wanted is None or right.access_right_id in wanted]


def sources_of(
    customer: Customer, product_ids: Iterable[str], *, test_mode: bool = False
) -> dict[str, list[Purchase | AccessRight]]:
    """Return what lets a customer use products now, by product id, oldest first: purchases before the merchant's own.

    A product is usable by a purchase of it, and by the right that it gives where that was made or sold by itself
    through API v3, which knows no test mode.
    """
    now = clock.now()
    products = products_of(customer.company)
    rows = [row for row in customer.purchases.filter(test_mode=test_mode).order_by("pk") if _purchase_counts(row, now)]
    rights = [] if test_mode else [row for row in customer.access_rights.order_by("pk") if _right_counts(row, now)]
    found: dict[str, list[Purchase | AccessRight]] = {}
    for product_id in product_ids:
        name = _access_right_of_product(product_id, products.get(product_id))
        bought = [row for row in rows if product_id == row.product_id or name == row.access_right_id]
        found[product_id] = [*bought, *(right for right in rights if right.access_right_id == name)]
    return found


def find_right(customer: Customer, access_right_id: str) -> AccessRight | None:
    """Return the right that the merchant has made himself."""
    rows = customer.access_rights.filter(access_right_id=access_right_id)
    return next((row for row in rows if row.access_right_id == access_right_id), None)


def _purchase_counts(purchase: Purchase, now: datetime) -> bool:
    return not purchase.is_blocked and purchase.start <= now and (purchase.end is None or now < purchase.end)


def _right_counts(right: AccessRight, now: datetime) -> bool:
    """Say whether a right lets somebody in now: not blocked, begun, not ended, not paused, at the time of day."""
    if right.blocked or (right.life_time_start is not None and now < right.life_time_start):
        return False
    if right.life_time_end is not None and now >= right.life_time_end:
        return False
    return not _is_paused(right, now) and _is_at_the_time(right, now)


def _is_paused(right: AccessRight, now: datetime) -> bool:
    start, end = right.paused_time_start, right.paused_time_end
    return start is not None and start <= now and (end is None or now < end)


def _is_at_the_time(right: AccessRight, now: datetime) -> bool:
    start, end = _time_of_day(right.access_time_start), _time_of_day(right.access_time_end)
    present = now.astimezone(UTC).time()
    if start is not None and end is not None and end < start:  # over midnight
        return present >= start or present < end
    return (start is None or present >= start) and (end is None or present < end)


def _time_of_day(text: str) -> time | None:
    """Return the time in a text, which is a time of day or a whole moment."""
    if not text:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).time() if "T" in text else time.fromisoformat(text)

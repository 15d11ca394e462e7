"""Asks the vendor what a customer may read or has bought, whatever is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError
from django_plenigo.models import CustomerLink
from django_plenigo.protocols.base import AccessRight, CustomerRef
from django_plenigo.services import customers
from django_plenigo.tracebacks import without_secrets


@without_secrets
def has_access(customer: Any, product_ids: Sequence[str], *, using: str | None = None) -> Mapping[str, bool]:
    """Ask the vendor, per product, whether a customer may read it now. Takes and raises what `has_bought` does.

    Source: docs/protocols/plenigo-v2.md 2.2, plenigo-v3.md 4.
    """
    return {name: right.is_granted for name, right in rights_of(customer, product_ids, using).items()}


@without_secrets
def has_bought(customer: Any, product_ids: Sequence[str], *, using: str | None = None) -> Mapping[str, bool]:
    """Ask the vendor, per product, whether a customer has bought it: "has my customer bought this?"

    With API v2 that is what `has_access` asks; with API v3 whether an order of the customer ever held it.

    `customer` is a user, a `CustomerLink`, a `CustomerRef`, or as text a customer id, an external id or an access id;
    of an id that this site knows nobody by, the vendor is asked as a customer id or access id. A link is asked about at
    its own account. Raises `InvalidValueError`, and `RemoteError` when nobody knows.
    Source: docs/protocols/plenigo-v2.md 2.2.
    """
    check_product_ids(product_ids)
    account, reference = _account_of(customer, using), _reference_of(customer, using)
    if reference is None:
        return dict.fromkeys(product_ids, False)
    ids = _ids_at_vendor(product_ids, account)
    answers = backends.access_reader(account.alias).has_bought(reference, list(dict.fromkeys(ids.values())))
    return {name: answers[vendors_id] for name, vendors_id in ids.items()}


def rights_of(customer: Any, product_ids: Sequence[str], using: str | None) -> Mapping[str, AccessRight]:
    """Do as `has_access`, and tell until when."""
    check_product_ids(product_ids)
    account, reference = _account_of(customer, using), _reference_of(customer, using)
    if reference is None:
        return dict.fromkeys(product_ids, AccessRight(False))
    return rights_at_vendor(reference, product_ids, account)


def rights_at_vendor(
    customer: CustomerRef, product_ids: Sequence[str], account: conf.Account
) -> Mapping[str, AccessRight]:
    """Ask the vendor by its own names of the products, and answer by the site's."""
    ids = _ids_at_vendor(product_ids, account)
    rights = backends.access_reader(account.alias).rights_of(customer, list(dict.fromkeys(ids.values())))
    return {name: rights[vendors_id] for name, vendors_id in ids.items()}


def _ids_at_vendor(product_ids: Sequence[str], account: conf.Account) -> dict[str, str]:
    """Return what the account's API calls each product when it is asked about access."""
    products = {name: account.product(name) for name in product_ids}
    if account.generation == "v2":
        return {name: product.product_id for name, product in products.items()}
    return {name: product.access_right_id for name, product in products.items()}


def _account_of(customer: Any, using: str | None) -> conf.Account:
    own = customer.account if isinstance(customer, CustomerLink) else conf.DEFAULT_ACCOUNT
    return conf.Account(using or own)


def _reference_of(customer: Any, using: str | None) -> CustomerRef | None:
    """Return how to address a customer, None for a user who is none."""
    link = customers.find_link(customer, using=using)  # of a reference too: API v3 knows no access ids, this site does
    if link is not None:
        return customers.customer_of(link)
    if isinstance(customer, CustomerRef):
        return customer
    return CustomerRef(customer) if isinstance(customer, str) else None


def check_product_ids(product_ids: object) -> None:
    """Raise `InvalidValueError` for a bare text or an empty list: a slip must not show with payers only."""
    if type(product_ids) in (list, tuple) and product_ids:
        return  # first, since a warm check is little more than this
    if isinstance(product_ids, str | bytes) or not isinstance(product_ids, Sequence):
        raise InvalidValueError("product_ids", f"must be a list of product ids, not {type(product_ids).__name__}")
    if not product_ids:
        raise InvalidValueError("product_ids", "must be at least one")

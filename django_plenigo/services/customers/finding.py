"""Finds a customer by whatever a caller has at hand: a user, a link, or any id."""

from typing import Any

from django.db.models import Q

from django_plenigo import conf
from django_plenigo.errors import InvalidValueError
from django_plenigo.models import AccessId, CustomerLink
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.services import outbox
from django_plenigo.services.customers.links import link_of
from django_plenigo.services.rows import rows_of


def find_link(customer: Any, *, using: str | None = None) -> CustomerLink | None:
    """Return the link of a customer, None where this site knows none.

    `customer` is a user, a `CustomerLink`, a `CustomerRef`, or text: a customer id, an external id or an access id.
    `using` is the account, by default a link's own or "default". Two queries at most. Raises `InvalidValueError` for a
    text that is an id of several customers, since a guess might open one reader's articles to another: a `CustomerRef`
    says whose id it is.
    """
    if isinstance(customer, CustomerLink):
        if using not in (None, customer.account):
            raise InvalidValueError("using", "is another account than the link's")
        return customer
    using = using or conf.DEFAULT_ACCOUNT
    if isinstance(customer, CustomerRef):
        return _link_by_id(customer.value, using, is_external=customer.is_external)
    if isinstance(customer, str):
        return _link_by_id(customer, using, is_external=None)
    if customer is not None and not hasattr(customer, "is_authenticated"):
        kind = type(customer).__name__
        raise InvalidValueError("customer", f"must be a user, a link, a CustomerRef or an id as text, not {kind}")
    return link_of(customer, using=using)


def _link_by_id(value: str, using: str, *, is_external: bool | None) -> CustomerLink | None:
    """Return whose id it is; with `is_external` None it may be of any kind, and an access id counts as either."""
    ids = Q()
    if is_external is not True:
        ids |= Q(customer_id=value)
    if is_external is not False:
        ids |= Q(external_id=value)
    links = outbox.links().filter(ids, account=using).select_related("user")
    found = {link.pk: link for link in links}
    access_ids = rows_of(AccessId).filter(account=using, value=value)
    if is_external is not True:
        found |= {access_id.link_id: access_id.link for access_id in access_ids.select_related("link__user")}
    if len(found) > 1:
        raise InvalidValueError("customer", "is an id of several customers; give a user, a link or a CustomerRef")
    return next(iter(found.values()), None)

"""The links of users: look up, make, and write once."""

from typing import Any

from django.db import IntegrityError, connections, router, transaction
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.errors import ConflictError, InvalidValueError
from django_plenigo.models import CustomerLink
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import SERVICE, CustomerRef
from django_plenigo.services import outbox

#: The codes of a `ConflictError`: whose the address, the customer or the external id is.
EMAIL_OF_ANOTHER = "e-mail address is another customer's"
CUSTOMER_OF_ANOTHER = "customer is linked to another user"
EXTERNAL_ID_OF_ANOTHER = "external id is another user's"


def link_of(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink | None:
    """Return the link of a registered reader, None for a visitor and for a reader whom the vendor does not know."""
    if user is None or not user.is_authenticated:
        return None
    link = CustomerLink.objects.filter(account=using, user=user).first()
    return link if link is not None and link.is_registered else None


def link_of_in_response(guard: ResponseGuard, user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink | None:
    """Do as `link_of` for one response, whose tags all ask for the same reader: one query at most."""
    if user is None or not user.is_authenticated:
        return None
    key = (using, user.pk)
    if key not in guard.links:
        guard.links[key] = link_of(user, using=using)
    link: CustomerLink | None = guard.links[key]
    return link


def customer_of(link: CustomerLink) -> CustomerRef:
    """Return how to address a link's customer: by the vendor's id, else by the external id.

    Raises `InvalidValueError` for a link that is not registered.
    """
    if link.customer_id:
        return CustomerRef(link.customer_id)
    if link.external_id:
        return CustomerRef(link.external_id, is_external=True)
    raise InvalidValueError("link", "is not registered with the vendor yet")


def ensure_link(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink:
    """Return the link of a user, made where it is missing. Waits for a transaction that has changed the user."""
    with transaction.atomic(router.db_for_write(CustomerLink)):
        _wait_for_saves(user)
        outbox.insert_if_missing([CustomerLink(account=using, user=user)], unique_fields=["account", "user"])
        # Where it was written: a replica may not have it yet.
        link = outbox.links().get(account=using, user=user)
        outbox.make_rows(link)  # no signal has told of the link, since it was made by an upsert
    return link


def _wait_for_saves(user: Any) -> None:
    """Let no save of a user overlap with the making of the link.

    The save would see no link to note anything of, and the registration would not see what the save has changed. Before
    anything is written: so nothing is locked while it waits.
    """
    database = router.db_for_write(CustomerLink)
    features = connections[database].features
    if not features.has_select_for_update:
        return  # SQLite has one writer at a time, and a look before the write could not be promoted to a write lock
    # Not the type of `user`: a request's is a lazy object.
    rows = user._meta.model._base_manager.using(database).filter(pk=user.pk)
    rows.select_for_update(no_key=features.has_select_for_no_key_update).values_list("pk").first()


def write_ids(link: CustomerLink, *, only_unregistered: bool = False, **values: Any) -> bool:
    """Write fields of a link whose ids are still empty, and say whether they were.

    Raises `ConflictError` where an id is another link's.
    """
    ids = ("customer_id", "external_id")
    empty = dict.fromkeys(ids if only_unregistered else [name for name in ids if name in values])
    try:
        # A savepoint, so that a caller's transaction survives the refusal.
        with transaction.atomic(router.db_for_write(CustomerLink)):
            rows = CustomerLink.objects.filter(pk=link.pk, **empty)
            return bool(rows.update(**values, updated_at=timezone.now()))
    except IntegrityError:
        if values.get("customer_id"):
            raise ConflictError(SERVICE, "register_user", code=CUSTOMER_OF_ANOTHER) from None
        raise ConflictError(SERVICE, "add_external_id", code=EXTERNAL_ID_OF_ANOTHER) from None

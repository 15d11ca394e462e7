"""The links of users: look up, make, and write once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connections, router, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.errors import ConflictError, InvalidValueError, NoAnswerError
from django_plenigo.models import CustomerLink
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import SERVICE, CustomerRef
from django_plenigo.services import outbox
from django_plenigo.services.customers.users import addresses_elsewhere

#: The codes of a `ConflictError`: whose the address, the customer or the external id is.
EMAIL_OF_ANOTHER = "e-mail address is another customer's"
CUSTOMER_OF_ANOTHER = "customer is linked to another user"
EXTERNAL_ID_OF_ANOTHER = "external id is another user's"

#: The code of a `NoAnswerError`: plenigo was not asked, since a transaction of this site has locked the user.
USER_IS_LOCKED = "user is locked"

Found = TypeVar("Found")

#: How long a reader waits for such a transaction, where she has to.
LONGEST_LOCK_SECONDS = 1.0


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

    An id that the other API has given is none, so there the external id finds the customer until the link is moved;
    nothing does where external ids are customer ids. Raises `InvalidValueError` for a link that is not registered.
    """
    if link.customer_id and link.has_customer_id:
        return CustomerRef(link.customer_id)
    if link.external_id and link.is_registered:
        return CustomerRef(link.external_id, is_external=True)
    raise InvalidValueError("link", "is not registered with the vendor yet")


def ensure_link(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink:
    """Return the link of a user, made where it is missing.

    Waits for no transaction that has saved the user: what it has changed is found at the end of the registration, by
    `holding_user`. Where the database lets nothing refer to the user before such a transaction is over (MariaDB, and
    PostgreSQL where it has locked her with `select_for_update()` or is deleting her) it waits for a second, and raises
    `NoAnswerError` then; nothing is written.
    """
    # Where it was written: a replica may not have it yet. A look first, since a transaction may have locked the rows.
    link = outbox.links().filter(account=using, user=user).first()
    if link is None:
        return _unless_locked(lambda: _made_link(user, using))
    outbox.make_missing_rows(user)
    return link


def wait_until_writable(link: CustomerLink) -> None:
    """Wait for whoever has locked a link, for a second, and raise `NoAnswerError` then.

    On MariaDB each transaction that has saved the user has: what is looked at for the note is locked.
    """
    rows = outbox.links().filter(pk=link.pk)
    features = connections[rows.db].features
    if not features.has_select_for_update_skip_locked:
        return  # SQLite has one writer at a time

    def look() -> bool:
        with transaction.atomic(rows.db):
            free = rows.select_for_update(skip_locked=True, no_key=features.has_select_for_no_key_update)
            return bool(free.values_list("pk")) or not rows.exists()

    _unless_locked(look)


def _unless_locked(look: Callable[[], Found | None]) -> Found:
    """Return what is found while nobody has locked a row; raise `NoAnswerError` where somebody has it for a second."""
    ends = time.monotonic() + LONGEST_LOCK_SECONDS
    while not (found := look()):
        if time.monotonic() > ends:
            raise NoAnswerError(SERVICE, "register_user", code=USER_IS_LOCKED)
        time.sleep(0.05)
    return found


def _made_link(user: Any, using: str) -> CustomerLink | None:
    """Make a link, and return it; None where somebody has locked the user against it."""
    with transaction.atomic(router.db_for_write(CustomerLink)):
        if not _may_refer_to(user):
            return None
        outbox.insert_if_missing([CustomerLink(account=using, user=user)], unique_fields=["account", "user"])
        link = outbox.links().get(account=using, user=user)
        outbox.make_rows(link)  # no signal has told of the link, since it was made by an upsert
    return link


def _may_refer_to(user: Any) -> bool:
    """Say whether a row that refers to the user can be made without a wait, until the transaction ends."""
    database = connections[router.db_for_write(CustomerLink)]
    if not database.features.has_select_for_update_skip_locked:
        return True  # SQLite has one writer at a time
    # By hand: the ORM knows no lock as weak as this one.
    lock = "FOR KEY SHARE" if database.features.has_select_for_no_key_update else "LOCK IN SHARE MODE"
    model, name = get_user_model(), database.ops.quote_name
    key = model._meta.pk
    row = f"FROM {name(model._meta.db_table)} WHERE {name(str(key.column))} = %s"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT 1 {row} {lock} SKIP LOCKED", [key.get_db_prep_value(user.pk, database)])
        is_free = cursor.fetchone() is not None
    # That there is no such user is told by the insert.
    return is_free or not model._base_manager.using(database.alias).filter(pk=user.pk).exists()


@contextmanager
def holding_user(link: CustomerLink) -> Iterator[Any]:
    """Let nobody save a link's user or note it meanwhile, and give her as she is now, None where she is deleted.

    Waits for nobody: raises `NoAnswerError` where somebody has locked her, since what a transaction that is still open
    has saved of her cannot be seen yet; so it does for her addresses at allauth and for the link's changes.
    """
    database = router.db_for_write(CustomerLink)
    users = get_user_model()._base_manager.using(database).filter(pk=link.user_id)
    features = connections[database].features
    if not features.has_select_for_update_skip_locked:
        yield users.first()  # SQLite has one writer at a time, and a look could not be promoted to a write lock
        return
    no_key = features.has_select_for_no_key_update
    noted = outbox.changes().filter(link=link, kind__in=outbox.KINDS_OF_EVERY_LINK)
    with transaction.atomic(database):
        for rows in (noted, addresses_elsewhere(link.user_id), users):
            free = list(rows.select_for_update(skip_locked=True, no_key=no_key))
            if len(free) < rows.count():
                raise NoAnswerError(SERVICE, "register_user", code=USER_IS_LOCKED)
        yield free[0] if free else None


def registered_at(account: str) -> Q:
    """Return the condition that links of an account are registered: see `CustomerLink.is_registered`."""
    speaks = conf.Account(account)
    is_of_v2 = Q(customer_id_generation__in=("", "v2"))
    is_of_this_api = is_of_v2 if speaks.generation == "v2" else ~is_of_v2
    has_customer_id = Q(customer_id__isnull=False) & is_of_this_api
    return has_customer_id if speaks.external_id_is_customer_id else has_customer_id | Q(external_id__isnull=False)


def unregistered(link: CustomerLink) -> QuerySet[CustomerLink]:
    """Return the row of a link for as long as the vendor does not know the reader."""
    return outbox.links().filter(pk=link.pk).exclude(registered_at(link.account))


def write_ids(link: CustomerLink, *, only_unregistered: bool = False, **values: Any) -> bool:
    """Write fields of a link whose ids are still empty, and say whether they were.

    With `only_unregistered` where the link is not registered, whatever ids it has. Raises `ConflictError` where an id
    is another link's.
    """
    empty = {name: None for name in ("customer_id", "external_id") if name in values}
    rows = unregistered(link) if only_unregistered else outbox.links().filter(pk=link.pk, **empty)
    if "customer_id" in values:
        values["customer_id_generation"] = conf.Account(link.account).generation
    try:
        # A savepoint, so that a caller's transaction survives the refusal.
        with transaction.atomic(router.db_for_write(CustomerLink)):
            return bool(rows.update(**values, updated_at=timezone.now()))
    except IntegrityError:
        if values.get("customer_id"):
            raise ConflictError(SERVICE, "register_user", code=CUSTOMER_OF_ANOTHER) from None
        raise ConflictError(SERVICE, "add_external_id", code=EXTERNAL_ID_OF_ANOTHER) from None

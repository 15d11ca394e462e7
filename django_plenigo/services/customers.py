"""Links local users to customers: look up, register, and what an agent has to decide."""

import logging
from functools import partial
from typing import Any

from django.apps import apps
from django.db import IntegrityError, connections, router, transaction
from django.db.models import F, Model, PositiveIntegerField
from django.db.models.functions import Greatest
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.errors import ConflictError, InvalidValueError, NotFoundError, RejectedError, RemoteError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import NAME_LENGTH, SERVICE, CustomerDirectory, CustomerRef, checked_external_id
from django_plenigo.signals import customer_registered
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)


def email_of(user: Any) -> str:
    """Return a user's e-mail address by the user model's own EMAIL_FIELD, "" where there is none."""
    name_of_field = getattr(user, "get_email_field_name", None)
    return str(getattr(user, name_of_field(), "") or "").strip() if name_of_field else ""


def external_id_of(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> str | None:
    """Return this site's own id of a user: by the account's EXTERNAL_ID function, else the primary key.

    None where the function says that this user has none. Raises `InvalidValueError` where the API would refuse it.
    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    function = conf.Account(using).external_id
    value = str(user.pk) if function is None else function(user)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidValueError("external_id", f"must be text or a whole number, not {type(value).__name__}")
    return checked_external_id(str(value))


def has_verified_email(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> bool:
    """Say whether this site has verified that the user owns the address.

    By the account's EMAIL_IS_VERIFIED function, else allauth's answer where it is installed, else no.
    """
    function = conf.Account(using).email_is_verified
    if function is not None:
        return function(user) is True
    if apps.is_installed("allauth.account"):
        addresses = apps.get_model("account", "EmailAddress")._default_manager
        return bool(addresses.filter(user=user, email__iexact=email_of(user), verified=True).exists())
    return False


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


@without_secrets
def register(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink:
    """Make a local user a customer at the vendor, unless it is one already, and return the link.

    Idempotent and safe against itself in other tabs and workers. Never links by an e-mail address that this site has
    not verified: such an address that is somebody else's at the vendor raises `ConflictError` and leaves a refused
    `RemoteChange` for the agent; so does a `RejectedError`. Raises `InvalidValueError` before anything is written or
    sent, and `RemoteError`. Source: docs/protocols/plenigo-v2.md 2.1.
    """
    link = link_of(user, using=using)
    if link is not None:
        return link
    registration = _registration_of(user, using)
    backends.customer_directory(using).check_registration(**registration)
    link = _ensure_link(user, using)
    change = _note_registration(link)
    try:
        _refuse_external_id_of_another(link, registration["external_id"])
        is_first = _register_at_vendor(link, user, registration)
    except (ConflictError, RejectedError) as error:
        if _refuse(change, error):
            raise
        is_first = False  # another tab was faster: the address is taken by this very reader
    _acknowledge(change)
    link.refresh_from_db(using=link._state.db)  # where it was written: a replica may not have it yet
    if is_first:
        tell = partial(customer_registered.send_robust, sender=CustomerLink, link=link, user=user)
        transaction.on_commit(tell, robust=True)
    return link


@without_secrets
def check_registration(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> None:
    """Raise `InvalidValueError` where `register` would for a user who is not linked. Nothing is sent or written."""
    backends.customer_directory(using).check_registration(**_registration_of(user, using))


def _registration_of(user: Any, using: str) -> dict[str, Any]:
    """Return what the vendor is told of a user, by the names of `CustomerDirectory`."""
    email = email_of(user)
    if not email:
        raise InvalidValueError("email", "the user has no e-mail address")
    return {
        "email": email,
        "language": conf.Account(using).language,
        "external_id": external_id_of(user, using=using),
        "first_name": _name_of(user, "first_name"),
        "last_name": _name_of(user, "last_name"),
    }


def _refuse_external_id_of_another(link: CustomerLink, external_id: str | None) -> None:
    """Raise `ConflictError` before a call is made in the name of another user's customer."""
    others = CustomerLink.objects.filter(account=link.account, external_id=external_id).exclude(pk=link.pk)
    if external_id is not None and others.exists():
        raise ConflictError(SERVICE, "register_user", code="external id is another user's")


def _register_at_vendor(link: CustomerLink, user: Any, registration: dict[str, Any]) -> bool:
    """Register and store what the vendor acknowledged; say whether this was the first to do so."""
    directory = backends.customer_directory(link.account)
    email, external_id = registration["email"], registration["external_id"]
    is_verified = has_verified_email(user, using=link.account)
    try:
        customer_id = directory.register_user(**registration, fail_by_existing_email=not is_verified)
    except ConflictError:
        if external_id is None:
            raise
        _recognise_earlier_attempt(directory, email, external_id)
        return _store(link, email, external_id=external_id)
    if not is_verified or external_id is None:
        return _store(link, email, customer_id=customer_id, external_id=external_id)
    # The customer may have been there before, so it is unknown whether it took our external id. Claimed here before
    # it is given the id: else the id of a user who is refused would open another user's customer at the next try.
    is_first = _store(link, email, customer_id=customer_id)
    if _attach_external_id(directory, customer_id, external_id):
        _write(link, external_id=external_id)
    return is_first


def _name_of(user: Any, field: str) -> str:
    """Return a name on one line; it is no reason to refuse a customer."""
    return " ".join(str(getattr(user, field, "") or "").split())[:NAME_LENGTH]


def _recognise_earlier_attempt(directory: CustomerDirectory, email: str, external_id: str) -> None:
    """Tell our own attempt whose answer was lost from somebody else's customer; the latter raises `ConflictError`.

    Only a customer that this site registered answers to the site's external id.
    """
    try:
        directory.change_email(CustomerRef(external_id, is_external=True), email)
    except NotFoundError:
        raise ConflictError(SERVICE, "register_user", status=409, code="e-mail address is another customer's") from None


def _attach_external_id(directory: CustomerDirectory, customer_id: str, external_id: str) -> bool:
    """Say whether the external id now is the customer's. The link works without, so a failure is logged only."""
    try:
        directory.add_external_id(customer_id, external_id)
    except ConflictError:
        return False  # it has another one
    except RemoteError as error:
        logger.warning("A customer was linked without an external id: %s", error)
        return False
    return True


def _store(link: CustomerLink, email: str, *, customer_id: str | None = None, external_id: str | None = None) -> bool:
    """Write what the vendor acknowledged; whoever is first wins. Raises `ConflictError`."""
    if _write(link, customer_id=customer_id, external_id=external_id, confirmed_email=email, only_unregistered=True):
        return True
    if customer_id:
        _write(link, customer_id=customer_id)  # the other was recognised by the external id alone
    return False


def _write(link: CustomerLink, *, only_unregistered: bool = False, **values: str | None) -> bool:
    """Write fields of a link that are still empty. Raises `ConflictError` where an id is another link's."""
    empty = {"customer_id": None, "external_id": None} if only_unregistered else dict.fromkeys(values)
    try:
        with transaction.atomic():  # a savepoint, so that a caller's transaction survives the refusal
            rows = CustomerLink.objects.filter(pk=link.pk, **empty)
            return bool(rows.update(**values, updated_at=timezone.now()))
    except IntegrityError:
        raise ConflictError(SERVICE, "register_user", code="customer is linked to another user") from None


def _ensure_link(user: Any, using: str) -> CustomerLink:
    _insert_if_missing(CustomerLink(account=using, user=user), unique_fields=["account", "user"])
    # Where it was written: a replica may not have it yet.
    return CustomerLink.objects.using(router.db_for_write(CustomerLink)).get(account=using, user=user)


def _note_registration(link: CustomerLink) -> RemoteChange:
    kind = RemoteChange.Kind.REGISTER
    row = RemoteChange.objects.using(router.db_for_write(RemoteChange)).filter(link=link, kind=kind)
    if not row.update(noted=F("noted") + 1):
        _insert_if_missing(RemoteChange(link=link, kind=kind), unique_fields=["link", "kind"])
        row.update(noted=F("noted") + 1)
    return row.get()


def _insert_if_missing(instance: Model, *, unique_fields: list[str]) -> None:
    """Insert a row unless it is there.

    An upsert that changes nothing: get_or_create and ignore_conflicts deadlock on MariaDB when two workers meet, and
    a look before the write cannot be promoted to a write lock on SQLite.
    """
    model = type(instance)
    features = connections[router.db_for_write(model)].features
    target = unique_fields if features.supports_update_conflicts_with_target else None
    model._default_manager.bulk_create(
        [instance], update_conflicts=True, unique_fields=target, update_fields=[unique_fields[0]]
    )


def _acknowledge(change: RemoteChange) -> None:
    # The greater: two that were noted one after the other may be acknowledged the other way round.
    delivered = Greatest(F("delivered"), change.noted, output_field=PositiveIntegerField())
    RemoteChange.objects.filter(pk=change.pk).update(delivered=delivered, refused_at=None, last_error="")


def _refuse(change: RemoteChange, error: RemoteError) -> bool:
    """Leave a change to the agent, and say whether there is need: not where the link is registered by now."""
    unregistered = CustomerLink.objects.filter(pk=change.link_id, customer_id=None, external_id=None)
    rows = RemoteChange.objects.filter(pk=change.pk, link__in=unregistered)
    return bool(rows.update(refused_at=timezone.now(), last_error=str(error)[:200]))

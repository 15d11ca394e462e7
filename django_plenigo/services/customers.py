"""Links local users to customers: look up, register, and what an agent has to decide."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.errors import ConflictError, InvalidValueError, NotFoundError, RejectedError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import NAME_LENGTH, SERVICE, CustomerRef, checked_external_id
from django_plenigo.services import outbox
from django_plenigo.signals import customer_registered, email_change_requested
from django_plenigo.tracebacks import without_secrets

Kind = RemoteChange.Kind

#: A registration that was begun on a click and never ended, since its process died, is taken up after so long.
REGISTRATION_GRACE = timedelta(minutes=2)


def email_of(user: Any) -> str:
    """Return a user's e-mail address by the user model's own EMAIL_FIELD, "" where there is none.

    Where the model has no such field and allauth is installed, it is allauth's primary address, once confirmed.
    """
    name_of_field = getattr(user, "get_email_field_name", None)
    if name_of_field is not None and hasattr(user, name_of_field()):
        return str(getattr(user, name_of_field()) or "").strip()
    if apps.is_installed("allauth.account") and user.pk is not None:
        addresses = apps.get_model("account", "EmailAddress")._default_manager
        primary = addresses.filter(user=user, primary=True, verified=True).values_list("email", flat=True).first()
        return str(primary or "").strip()
    return ""


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
    sent, and `RemoteError`: where a later try may succeed, the outbox makes it.
    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    link = link_of(user, using=using)
    if link is not None:
        return link
    check_registration(user, using=using)
    link = ensure_link(user, using=using)
    change = outbox.note(link, Kind.REGISTER, due_at=timezone.now() + REGISTRATION_GRACE)
    try:
        registration = prepare_registration(link, user)
        is_first = store_registration(link, send_registration(registration))
    except (ConflictError, RejectedError) as error:
        if outbox.refuse(change, error, Q(link__in=_unregistered(link))):
            raise
        is_first = False  # another tab was faster: the address is taken by this very reader
    outbox.acknowledge(change)
    link.refresh_from_db(using=link._state.db)  # where it was written: a replica may not have it yet
    if is_first:
        tell_registered(link, user)
    return link


def request_registration(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink:
    """Have a local user registered soon, unless it is a customer already, and return the link. Nothing is sent now.

    Raises `InvalidValueError`.
    """
    link = link_of(user, using=using)
    if link is not None:
        return link
    check_registration(user, using=using)
    link = ensure_link(user, using=using)
    outbox.note(link, Kind.REGISTER)
    return link


@without_secrets
def check_registration(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> None:
    """Raise `InvalidValueError` where `register` would for a user who is not linked. Nothing is sent or written."""
    backends.customer_directory(using).check_registration(**_values_of(user, using))


@dataclass(frozen=True, slots=True)
class Registration:
    """What the vendor is told of a user who becomes a customer."""

    account: str
    values: dict[str, Any] = field(repr=False)
    """By the names of `CustomerDirectory.register_user`."""
    is_verified: bool
    """Whether this site has verified the address, so that the customer who has it may be linked."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What the vendor acknowledged of a registration."""

    registration: Registration
    customer_id: str | None = field(repr=False)
    """None where an earlier attempt was recognised by the external id."""
    external_id: str | None = field(repr=False)
    """None where it is unknown whether the customer took it."""


def prepare_registration(link: CustomerLink, user: Any) -> Registration:
    """Return what is true now of a user who is to be registered. Nothing is sent.

    Raises `InvalidValueError`, and `ConflictError` where the external id is another user's.
    """
    values = _values_of(user, link.account)
    _refuse_external_id_of_another(link, values["external_id"], "register_user")
    return Registration(link.account, values, has_verified_email(user, using=link.account))


def send_registration(registration: Registration) -> Registered:
    """Register with the vendor; nothing is read or written here. Raises `RemoteError`."""
    directory = backends.customer_directory(registration.account)
    values, external_id = registration.values, registration.values["external_id"]
    try:
        customer_id = directory.register_user(**values, fail_by_existing_email=not registration.is_verified)
    except ConflictError:
        if external_id is None:
            raise
        # Only a customer that this site registered answers to the site's external id, so this tells our own attempt,
        # whose answer was lost, from somebody else's customer.
        try:
            directory.change_email(CustomerRef(external_id, is_external=True), values["email"])
        except NotFoundError:
            code = "e-mail address is another customer's"
            raise ConflictError(SERVICE, "register_user", status=409, code=code) from None
        return Registered(registration, None, external_id)
    # A customer of a verified address may have been there before: whether it took our external id is unknown.
    return Registered(registration, customer_id, None if registration.is_verified else external_id)


def store_registration(link: CustomerLink, registered: Registered) -> bool:
    """Write what the vendor acknowledged, whoever is first wins, and say whether this was the first.

    What has changed on this side since is noted. Raises `ConflictError` where the customer is another user's.
    """
    values = registered.registration.values
    confirmed = {
        "confirmed_email": values["email"],
        "confirmed_first_name": values["first_name"],
        "confirmed_last_name": values["last_name"],
        "confirmed_language": values["language"],
        "confirmed_at": timezone.now(),
    }
    ids = {"customer_id": registered.customer_id, "external_id": registered.external_id}
    is_first = write_ids(link, only_unregistered=True, **ids, **confirmed)
    if not is_first and registered.customer_id:
        write_ids(link, customer_id=registered.customer_id)  # the other was recognised by the external id alone
    if is_first and registered.external_id is None and values["external_id"] is not None:
        # Claimed here before the customer is given the id: else the id of a user who is refused would open another
        # user's customer at the next try.
        outbox.note(link, Kind.ATTACH_EXTERNAL_ID)
    user = type(link.user)._default_manager.filter(pk=link.user_id).first()
    if user is not None:
        request_email_sync(user, using=link.account)
    return is_first


def tell_registered(link: CustomerLink, user: Any) -> None:
    """Send the signal `customer_registered` when the transaction is committed."""
    tell = partial(customer_registered.send_robust, sender=CustomerLink, link=link, user=user)
    transaction.on_commit(tell, robust=True)


def external_id_to_attach(link: CustomerLink) -> str | None:
    """Return the external id that a link's customer is to be given, None where there is nothing to do.

    Raises `InvalidValueError`, and `ConflictError` where the id is another user's.
    """
    external_id = external_id_of(link.user, using=link.account)
    if external_id is None or link.external_id == external_id or not link.customer_id:
        return None
    if link.external_id:
        raise ConflictError(SERVICE, "add_external_id", code="customer has another external id")
    _refuse_external_id_of_another(link, external_id, "add_external_id")
    return external_id


def write_ids(link: CustomerLink, *, only_unregistered: bool = False, **values: Any) -> bool:
    """Write fields of a link whose ids are still empty, and say whether they were.

    Raises `ConflictError` where an id is another link's.
    """
    ids = ("customer_id", "external_id")
    empty = dict.fromkeys(ids if only_unregistered else [name for name in ids if name in values])
    try:
        with transaction.atomic():  # a savepoint, so that a caller's transaction survives the refusal
            rows = CustomerLink.objects.filter(pk=link.pk, **empty)
            return bool(rows.update(**values, updated_at=timezone.now()))
    except IntegrityError:
        raise ConflictError(SERVICE, "register_user", code="customer is linked to another user") from None


def ensure_link(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink:
    """Return the link of a user, made where it is missing."""
    outbox.insert_if_missing([CustomerLink(account=using, user=user)], unique_fields=["account", "user"])
    # Where it was written: a replica may not have it yet.
    link = outbox.links().get(account=using, user=user)
    outbox.make_rows(link)
    return link


def _values_of(user: Any, using: str) -> dict[str, Any]:
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


def _refuse_external_id_of_another(link: CustomerLink, external_id: str | None, operation: str) -> None:
    """Raise `ConflictError` before a call is made in the name of another user's customer."""
    others = CustomerLink.objects.filter(account=link.account, external_id=external_id).exclude(pk=link.pk)
    if external_id is not None and others.exists():
        raise ConflictError(SERVICE, operation, code="external id is another user's")


def _name_of(user: Any, name: str) -> str:
    """Return a name on one line; it is no reason to refuse a customer."""
    return " ".join(str(getattr(user, name, "") or "").split())[:NAME_LENGTH]


def _unregistered(link: CustomerLink) -> Any:
    return CustomerLink.objects.filter(pk=link.pk, customer_id=None, external_id=None)


# ---- e-mail changes


def request_email_sync(user: Any, *, using: str | None = None) -> bool:
    """Note that the vendor is to be told of a user's address where it knows another one; say whether it was noted.

    One statement for each account, of all accounts or of the one named. Nothing is sent. A refused change is noted
    anew, whatever the address: it may have been changed back.
    """
    email = email_of(user)
    noted = [
        account
        for account in ([using] if using else conf.accounts())
        if outbox.note_where(account, _is_out_of_step(account, user, email))
    ]
    if noted:
        tell = partial(email_change_requested.send_robust, sender=CustomerLink, user=user, accounts=noted)
        transaction.on_commit(tell, robust=True)
    return bool(noted)


def request_email_sync_of_link(link: CustomerLink, user: Any) -> bool:
    """Do as `request_email_sync` for a link that is at hand: without a statement where the two sides agree."""
    if not link.is_registered or link.confirmed_email == email_of(user):
        return False
    return request_email_sync(user, using=link.account)


def _is_out_of_step(account: str, user: Any, email: str) -> Q:
    """Return which change says that the vendor knows another address than `email`.

    The link by a scalar subquery, not by a join or IN: MariaDB would look at every change that there is.
    """
    link = Subquery(CustomerLink.objects.filter(account=account, user=user.pk).values("pk")[:1])
    of_link = CustomerLink.objects.filter(pk=OuterRef("link_id")).exclude(customer_id=None, external_id=None)
    differs = Exists(of_link.exclude(confirmed_email=email))
    return Q(link=link, kind=Kind.CHANGE_EMAIL) & (Q(differs) | Q(refused_at__isnull=False))

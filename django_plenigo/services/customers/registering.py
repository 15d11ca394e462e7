"""Makes users customers at the vendor, and leaves to an agent what only an agent can decide."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import router, transaction
from django.db.models import Q
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.errors import ConflictError, InvalidValueError, NoAnswerError, NotFoundError, RejectedError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.protocols.base import SERVICE, CustomerRef
from django_plenigo.services import outbox
from django_plenigo.services.customers.following import request_email_sync, request_profile_sync
from django_plenigo.services.customers.links import (
    EMAIL_OF_ANOTHER,
    EXTERNAL_ID_OF_ANOTHER,
    ensure_link,
    holding_user,
    link_of,
    unregistered,
    wait_until_writable,
    write_ids,
)
from django_plenigo.services.customers.undone import check_not_undone
from django_plenigo.services.customers.users import email_of, external_id_of, has_verified_email, name_of
from django_plenigo.signals import customer_registered
from django_plenigo.tracebacks import without_secrets

Kind = RemoteChange.Kind

#: A registration that was begun on a click and never ended, since its process died, is taken up after so long.
REGISTRATION_GRACE = timedelta(minutes=2)


@without_secrets
def register(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink:
    """Make a local user a customer at the vendor, unless it is one already, and return the link.

    Idempotent and safe against itself in other tabs and workers. Never links by an e-mail address that this site has
    not verified: such an address that is somebody else's at the vendor raises `ConflictError` and leaves a refused
    `RemoteChange` for the agent; so does a `RejectedError`. Raises `InvalidValueError` before anything is written or
    sent, so also `NoAnswerError` as `ensure_link` does, and `RemoteError`: where a later try may succeed, the outbox
    makes it. Waits for a second at most for a transaction of this site.
    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    link = link_of(user, using=using)
    if link is not None:
        return link
    check_registration(user, using=using)
    link = ensure_link(user, using=using)
    change = outbox.note(link, Kind.REGISTER, due_at=timezone.now() + REGISTRATION_GRACE)
    # Before the call: what it answers could not be kept.
    wait_until_writable(link)
    try:
        registration = prepare_registration(link, user)
        is_first = store_registration(link, send_registration(registration))
    except (ConflictError, RejectedError) as error:
        if outbox.refuse(change, error, Q(link__in=unregistered(link))):
            raise
        is_first = False  # another tab was faster: the address is taken by this very reader
    outbox.acknowledge(change.noted, [change.pk])
    link.refresh_from_db(using=link._state.db)  # where it was written: a replica may not have it yet
    if is_first:
        tell_registered(link, user)
    return link


def request_registration(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> CustomerLink:
    """Have a local user registered soon, unless it is a customer already, and return the link. Nothing is sent now.

    Raises `InvalidValueError`, and `NoAnswerError` as `ensure_link` does.
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
        if external_id is None or conf.Account(registration.account).external_id_is_customer_id:
            raise  # a customer id of the company's own may be a stranger's, whom no other address must be given
        # Only a customer that this site registered answers to the site's external id, so this tells our own attempt,
        # whose answer was lost, from somebody else's customer.
        try:
            directory.change_email(CustomerRef(external_id, is_external=True), values["email"])
        except NotFoundError:
            raise ConflictError(SERVICE, "register_user", status=409, code=EMAIL_OF_ANOTHER) from None
        return Registered(registration, None, external_id)
    # A customer of a verified address may have been there before: whether it took our external id is unknown.
    return Registered(registration, customer_id, None if registration.is_verified else external_id)


def store_registration(link: CustomerLink, registered: Registered) -> bool:
    """Write what the vendor acknowledged, whoever is first wins, and say whether this was the first.

    What has changed on this side since is noted: see `note_changed_meanwhile`. Raises `ConflictError` where the
    customer is another user's, or an agent has taken it from this one: nothing is written or noted then.
    """
    check_not_undone(link.user_id, registered.customer_id, using=link.account, operation="register_user")
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
    # One that was late may have told what is older than what is confirmed.
    note_changed_meanwhile(link, tells_address=not is_first)
    return is_first


def note_changed_meanwhile(link: CustomerLink, *, tells_address: bool = False) -> None:
    """Note what has changed of a user before her link was registered, which was noted nowhere.

    With `tells_address` the address whatever has been confirmed. Where a transaction has locked the user, her
    registration stays due, and the delivery looks again: see `note_rest_of_registration`.
    """
    try:
        _note_what_could_not_be_told(link, tells_address=tells_address)
    except NoAnswerError:
        outbox.note_where(link.account, Q(link=link, kind=Kind.REGISTER))


def note_rest_of_registration(link: CustomerLink) -> None:
    """Note all that comes after a registration: whoever has written it may have died before.

    The address too: an earlier call, whose answer nobody has, may come after another one. Raises `NoAnswerError` where
    a transaction has locked the user: what it has saved before there was a link was noted nowhere.
    """
    if link.has_customer_id and not link.external_id:
        outbox.note(link, Kind.ATTACH_EXTERNAL_ID)
    _note_what_could_not_be_told(link, tells_address=True)


def _note_what_could_not_be_told(link: CustomerLink, *, tells_address: bool) -> None:
    """Note the access ids, where there are any, and what has changed of the user while she was being registered.

    With `tells_address` the address whatever has been confirmed: a registration that comes late tells the address that
    it was begun with, by the external id. Raises `NoAnswerError` where a transaction has locked the user.
    """
    if conf.Account(link.account).tells_access_ids:
        outbox.note_where(link.account, Q(link=link, kind=Kind.ASSIGN_ACCESS_IDS))
    with holding_user(link) as user:
        if user is None:
            return
        if tells_address:
            outbox.note_where(link.account, Q(link=link, kind=Kind.CHANGE_EMAIL))
        request_email_sync(user, using=link.account)
        request_profile_sync(user, using=link.account)


def tell_registered(link: CustomerLink, user: Any) -> None:
    """Send the signal `customer_registered` when the transaction is committed."""
    tell = partial(customer_registered.send_robust, sender=CustomerLink, link=link, user=user)
    transaction.on_commit(tell, using=router.db_for_write(CustomerLink), robust=True)


def external_id_to_attach(link: CustomerLink) -> str | None:
    """Return the external id that a link's customer is to be given, None where there is nothing to do.

    Raises `InvalidValueError`, and `ConflictError` where the id is another user's.
    """
    external_id = external_id_of(link.user, using=link.account)
    if external_id is None or link.external_id == external_id or not link.has_customer_id:
        return None
    if link.external_id:
        raise ConflictError(SERVICE, "add_external_id", code="customer has another external id")
    _refuse_external_id_of_another(link, external_id, "add_external_id")
    return external_id


def _values_of(user: Any, using: str) -> dict[str, Any]:
    """Return what the vendor is told of a user, by the names of `CustomerDirectory`."""
    email = email_of(user)
    if not email:
        raise InvalidValueError("email", "the user has no e-mail address")
    return {
        "email": email,
        "language": conf.Account(using).language,
        "external_id": external_id_of(user, using=using),
        "first_name": name_of(user, "first_name"),
        "last_name": name_of(user, "last_name"),
    }


def _refuse_external_id_of_another(link: CustomerLink, external_id: str | None, operation: str) -> None:
    """Raise `ConflictError` before a call is made in the name of another user's customer."""
    others = outbox.links().filter(account=link.account, external_id=external_id).exclude(pk=link.pk)
    if external_id is not None and others.exists():
        raise ConflictError(SERVICE, operation, code=EXTERNAL_ID_OF_ANOTHER)

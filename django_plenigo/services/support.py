"""What a support agent is shown of a customer, and what an agent can have done about it."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_plenigo import backends, conf
from django_plenigo.errors import NoAnswerError, NotFoundError
from django_plenigo.models import AccessId, CustomerLink, DeliveryPause, RemoteChange
from django_plenigo.protocols.base import CustomerReader
from django_plenigo.services import customers, outbox
from django_plenigo.services.customers.users import own_email_name
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

Kind = RemoteChange.Kind


class LinkState(models.TextChoices):
    """How a user and an account stand to each other."""

    CONFLICT = "conflict", _("conflict")
    LINKED = "linked", _("linked")
    WAITING = "waiting", _("about to be registered")
    NOT_LINKED = "not_linked", _("not linked")


class ChangeState(models.TextChoices):
    """How far a change has come."""

    REFUSED = "refused", _("refused")
    LEFT = "left", _("left as it is")
    POSTPONED = "postponed", _("failed, will be tried again")
    WAITING = "waiting", _("waiting")
    IN_STEP = "in_step", _("in step")


#: Which rows are in which state, by what the indexes hold.
CONDITIONS: dict[str, Q] = {
    ChangeState.REFUSED: Q(refused_at__isnull=False, left_value_hash=""),
    ChangeState.LEFT: Q(refused_at__isnull=False) & ~Q(left_value_hash=""),
    ChangeState.POSTPONED: Q(due_at__isnull=False, attempts__gt=0),
    ChangeState.WAITING: Q(due_at__isnull=False, attempts=0),
    ChangeState.IN_STEP: Q(due_at__isnull=True, refused_at__isnull=True),
}


@dataclass(frozen=True, slots=True)
class SlotView:
    """One of the four access ids of a customer."""

    label: str
    """What the site calls it."""

    access_id: AccessId | None
    """None where the slot is empty."""


@dataclass(frozen=True, slots=True)
class CustomerView:
    """One user as a customer of one account, as an agent sees it."""

    account: str
    """The alias."""

    is_configured: bool
    """Whether the account is still in the settings."""

    user: Any
    """The user."""

    link: CustomerLink | None
    """None where there is no row."""

    state: LinkState
    """Linked, not linked, about to be, or in conflict."""

    email_here: str
    """The user's address on this site."""

    pause: DeliveryPause | None
    """Why the account is told nothing right now, None where it is told."""

    slots: tuple[SlotView, ...]
    """All four access ids."""

    keeps_access_ids_here: bool
    """Whether this site alone knows the access ids, since the account tells plenigo none."""

    changes: tuple[RemoteChange, ...]
    """What plenigo is still to be told, refused ones first."""

    others: Mapping[int, CustomerLink]
    """By the primary key of a refused change: the link of this site that has what plenigo refused."""

    @property
    def email_there(self) -> str:
        """The last address that plenigo has acknowledged, "" where there is none."""
        return self.link.confirmed_email if self.link else ""

    @property
    def emails_differ(self) -> bool:
        """Whether a customer has another address at plenigo than here; capital letters count."""
        return self.link is not None and self.link.is_registered and self.email_here != self.email_there

    @property
    def out_of_step_since(self) -> datetime | None:
        """When the first of the changes was noted that plenigo does not know yet."""
        return min((change.noted_at for change in self.changes if change.noted_at), default=None)

    @property
    def has_access_ids(self) -> bool:
        """Whether any slot is filled."""
        return any(slot.access_id for slot in self.slots)


# ---- looking


def views_of_user(user: Any) -> list[CustomerView]:
    """Return a user's side of every account: of those in the settings, and of those that a link is left of."""
    links = {link.account: link for link in _with_details(CustomerLink.objects.filter(user=user.pk))}
    accounts = [*conf.accounts(), *(account for account in links if account not in conf.accounts())]
    email = customers.email_of(user)
    return [_view(account, user, email, links.get(account)) for account in accounts]


def view_of_link(link: CustomerLink) -> CustomerView:
    """Return what there is to say of one link."""
    detailed = _with_details(CustomerLink.objects.filter(pk=link.pk).select_related("user")).get()
    return _view(detailed.account, detailed.user, customers.email_of(detailed.user), detailed)


def _with_details(links: QuerySet[CustomerLink]) -> QuerySet[CustomerLink]:
    return links.prefetch_related("remote_changes", "access_ids__imported_by")


def _view(account: str, user: Any, email: str, link: CustomerLink | None) -> CustomerView:
    is_configured = account in conf.accounts()
    by_slot = {access_id.slot: access_id for access_id in link.access_ids.all()} if link else {}
    labels = conf.Account(account).access_id_labels if is_configured else map(str, range(1, conf.ACCESS_ID_SLOTS + 1))
    changes = [change for change in link.remote_changes.all() if is_out_of_step(change)] if link else []
    if link is not None:
        link.user = user  # else each change would look for her
    return CustomerView(
        account=account,
        is_configured=is_configured,
        user=user,
        link=link,
        state=state_of_link(link),
        email_here=email,
        pause=outbox.pause_of(account),
        slots=tuple(SlotView(str(label), by_slot.get(slot)) for slot, label in enumerate(labels, 1)),
        keeps_access_ids_here=is_configured and not conf.Account(account).tells_access_ids,
        changes=tuple(sorted(changes, key=lambda change: (not change.is_refused, change.noted_at or timezone.now()))),
        others={key: sides.other for key, sides in sides_of(changes).items() if sides.other},
    )


def is_out_of_step(change: RemoteChange) -> bool:
    """Say whether plenigo does not know yet what was noted."""
    return change.is_refused or change.is_left or change.is_waiting


def state_of_change(change: RemoteChange) -> ChangeState:
    """Return how far a change has come."""
    if change.is_refused:
        return ChangeState.REFUSED
    if change.is_left:
        return ChangeState.LEFT
    if not change.is_waiting:
        return ChangeState.IN_STEP
    return ChangeState.POSTPONED if change.attempts else ChangeState.WAITING


def state_of_link(link: CustomerLink | None) -> LinkState:
    """Return how a link stands. Its `remote_changes` are looked at: prefetch them for many links."""
    if link is None:
        return LinkState.NOT_LINKED
    changes = list(link.remote_changes.all())
    if any(change.is_refused for change in changes):
        return LinkState.CONFLICT
    if link.is_registered:
        return LinkState.LINKED
    is_waiting = any(change.kind == Kind.REGISTER and change.is_waiting for change in changes)
    return LinkState.WAITING if is_waiting else LinkState.NOT_LINKED


def changes_in(changes: QuerySet[RemoteChange], state: str) -> QuerySet[RemoteChange]:
    """Return those of the changes that are in a state."""
    if state in (ChangeState.POSTPONED, ChangeState.WAITING):
        changes = changes.filter(account__in=conf.accounts())  # the index on what is due begins with the account
    return changes.filter(CONDITIONS[state])


def pauses() -> list[DeliveryPause]:
    """Return why which accounts are told nothing right now."""
    return [pause for account in conf.accounts() if (pause := outbox.pause_of(account))]


# ---- conflicts


@dataclass(frozen=True, slots=True)
class Sides:
    """What a refused change is about: this side, and the other one as far as it is known here."""

    email: str
    """The address of the change's own user."""

    is_conflict: bool
    """Whether plenigo refused what belongs to another customer; else there is no other side."""

    other: CustomerLink | None
    """The link of this site that has the value which plenigo refused; None where that customer is no reader here."""


def sides_of(changes: Sequence[RemoteChange]) -> dict[int, Sides]:
    """Return both sides of changes by primary key, in two queries however many there are; `link.user` must be there."""
    emails = _emails_of([change.link.user for change in changes])
    in_conflict = [change for change in changes if change.last_error_type == "ConflictError"]
    taken = {change.pk: _taken(change, emails[change.link.user_id]) for change in in_conflict}
    wanted = Q()
    for name in TAKEN_COLUMNS:
        wanted |= Q(**{f"{name}__in": {value for column, value in taken.values() if column == name and value}})
    owners: dict[tuple[str, str, str | None], list[CustomerLink]] = defaultdict(list)
    if in_conflict:
        accounts = {change.account for change in in_conflict}
        for link in CustomerLink.objects.filter(wanted, account__in=accounts).select_related("user"):
            for name in TAKEN_COLUMNS:
                owners[link.account, name, getattr(link, name)].append(link)
    sides = {}
    for change in changes:
        column, value = taken.get(change.pk, ("", None))
        candidates = owners[change.account, column, value] if value else []
        other = next((link for link in candidates if link.pk != change.link_id), None)
        sides[change.pk] = Sides(emails[change.link.user_id], is_conflict=change.pk in taken, other=other)
    return sides


#: By which columns of a link it is found whose a value is.
TAKEN_COLUMNS = ("email_key", "external_id")


def _taken(change: RemoteChange, email: str) -> tuple[str, str | None]:
    """Return the column and the value that a conflict is about; no value where it is about access ids or unknown.

    A customer who has the same access id is no reader here: two of one account cannot have one.
    """
    if change.kind == Kind.ATTACH_EXTERNAL_ID or "external id" in change.last_error:
        return "external_id", _external_id_of(change)
    return "email_key", email.lower() if change.kind in (Kind.REGISTER, Kind.CHANGE_EMAIL) else None


def _emails_of(users: Sequence[Any]) -> dict[Any, str]:
    """Return the addresses of users by primary key, in one query at most."""
    if not apps.is_installed("allauth.account") or all(own_email_name(user) is not None for user in users):
        return {user.pk: customers.email_of(user) for user in users}
    addresses = apps.get_model("account", "EmailAddress")._default_manager
    primary = addresses.filter(user__in=users, primary=True, verified=True).values_list("user_id", "email")
    return dict.fromkeys((user.pk for user in users), "") | dict(primary)


def _external_id_of(change: RemoteChange) -> str | None:
    try:
        return customers.external_id_of(change.link.user, using=change.account)
    except Exception:  # noqa: BLE001 - the site's own function may raise anything, and this is only for show
        return None


def may_ask_for_owner(change: RemoteChange) -> bool:
    """Say whether a change is refused for an address that somebody has, and the account's API tells whose it is."""
    is_conflict = change.refused_at is not None and change.last_error_type == "ConflictError"
    if not is_conflict or change.account not in conf.accounts():
        return False
    column, email = _taken(change, customers.email_of(change.link.user))
    return column == "email_key" and bool(email) and backends.serves(CustomerReader, change.account)


@without_secrets
def ask_for_owner(change: RemoteChange) -> str | None:
    """Ask the vendor for the id of the customer who has the address of a change's user; None where none has.

    Raises `InvalidValueError`, `RemoteError`, and `UnsupportedOperationError` with API v2, which does not tell.
    """
    try:
        return backends.customer_reader(change.account).find_owner_of_email(customers.email_of(change.link.user))
    except NotFoundError:
        return None


# ---- doing


def send_again(links: Collection[CustomerLink]) -> int:
    """Have plenigo told everything of these links anew, whatever it has acknowledged; return how many there were.

    The address, the names where the site follows them, the access ids, or the registration where there was none.
    """
    by_account: dict[str, list[CustomerLink]] = defaultdict(list)
    for link in links:
        by_account[link.account].append(link)
    with_ids = set(AccessId.objects.filter(link__in=[link.pk for link in links]).values_list("link_id", flat=True))
    for account, its_links in by_account.items():
        registered = [link.pk for link in its_links if link.is_registered]
        outbox.note_all(account, [link.pk for link in its_links if not link.is_registered], Kind.REGISTER)
        outbox.note_all(account, registered, Kind.CHANGE_EMAIL)
        if conf.Account(account).followed_fields:
            outbox.note_all(account, registered, Kind.CHANGE_PROFILE)
        outbox.note_access_ids(account, [key for key in registered if key in with_ids])
    outbox.try_again(outbox.changes().filter(link__in=[link.pk for link in links]))
    return len(links)


def leave(changes: Iterable[RemoteChange]) -> int:
    """Leave refused changes as they are, and return how many were refused still; `link.user` must be there.

    They are no conflict any more, until there is another value here, or an agent has it sent again.
    """
    return sum(outbox.leave(change, _told_of(change)) for change in changes)


def _told_of(change: RemoteChange) -> dict[str, str]:
    """Return what a save, a log-in and a look for drift compare: the rest is noted only where something has changed."""
    user = change.link.user
    if change.kind == Kind.CHANGE_EMAIL:
        return {"confirmed_email": customers.email_of(user)}
    if change.kind == Kind.CHANGE_PROFILE:
        profile = customers.profile_of(user, conf.Account(change.account).followed_fields)
        return {f"confirmed_{name}": value for name, value in profile.items()}
    return {}


@dataclass(frozen=True, slots=True)
class Plan:
    """What registering a user would come to."""

    user: Any
    """The user."""

    link: CustomerLink | None
    """The link where the user is a customer already."""

    error: Exception | None
    """Why the user cannot be registered, None where nothing stands against it."""

    noted: CustomerLink | None = None
    """The row that the registration was noted with, None where it was not requested."""

    @property
    def is_possible(self) -> bool:
        """Whether there is anything to be done, and nothing against it."""
        return self.link is None and self.error is None


def plan_registrations(users: Iterable[Any], *, using: str) -> list[Plan]:
    """Return what registering users would come to. Nothing is sent or written."""
    chosen = list(users)
    links = {link.user_id: link for link in CustomerLink.objects.filter(account=using, user__in=chosen)}
    return [_plan(user, links.get(user.pk), using) for user in chosen]


def _plan(user: Any, link: CustomerLink | None, using: str) -> Plan:
    if link is not None and link.is_registered:
        return Plan(user, link, None)
    try:
        customers.check_registration(user, using=using)
    except Exception as error:  # noqa: BLE001 - the site's own functions may raise anything
        logger.warning("A user cannot be registered (%s)", type(error).__name__)
        return Plan(user, None, error)
    return Plan(user, None, None)


def request_registration(user: Any, *, using: str) -> Plan:
    """Have a user registered soon, and return what came of it: where there is an error or a link, nothing is done."""
    (plan,) = plan_registrations([user], using=using)
    if plan.is_possible:
        try:
            return replace(plan, noted=customers.request_registration(user, using=using))
        except NoAnswerError as error:  # a transaction of the site is changing the user
            return Plan(user, None, error)
    return plan

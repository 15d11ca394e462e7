"""Finds customers of whom plenigo has acknowledged something else than is true here: what no signal has told.

`QuerySet.update()`, `bulk_update` and SQL change users past the signals, and a crash may fall between a save and its
note. So the two sides are compared, in the database.
"""

import enum
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from django_plenigo import conf
from django_plenigo.models import AccessId, CustomerLink, RemoteChange
from django_plenigo.services import customers, outbox
from django_plenigo.services.customers.users import is_field, own_email_name
from django_plenigo.services.hashes import values_hash
from django_plenigo.signals import email_change_requested

Kind = RemoteChange.Kind

#: How many customers one query brings.
CHUNK = 2000


class DriftState(enum.StrEnum):
    """What is known of it that the two sides of a customer differ."""

    UNNOTICED = "unnoticed"
    """Nothing: this is what has to be noted."""
    WAITING = "waiting"
    """It is noted, and plenigo will be told."""
    REFUSED = "refused"
    """plenigo has refused the change, and an agent has to look, or has left it as it is."""


class Drift(NamedTuple):
    """One customer of whom plenigo knows another address, other names or other access ids."""

    link_key: int
    user_key: Any
    kind: RemoteChange.Kind
    """`CHANGE_EMAIL` for the address, `CHANGE_PROFILE` for what the account's FOLLOWED_FIELDS name, or
    `ASSIGN_ACCESS_IDS`."""
    state: DriftState


class _Comparison(NamedTuple):
    """Links that may differ, and what is true here of a link's user, by the column that the vendor has confirmed.

    It is compared once more: what the database takes for another address can be the same with a blank around it. Where
    there is nothing to be compared, all of the links differ.
    """

    links: QuerySet[Any]
    here: Callable[[Any], Mapping[str, str]] | None


def _differs(link: Any, here: Mapping[str, str]) -> bool:
    return any(value and value != getattr(link, column) for column, value in here.items())


def find_drift(using: str = conf.DEFAULT_ACCOUNT) -> Iterator[Drift]:
    """Yield what of an account's customers differs: the addresses, what else the account follows, the access ids.

    Each in the order of the links. Capital letters count. What is blank here is left out, since blanks overwrite
    nothing; so is a user who is not registered yet, whose address and names are told then. The database compares: what
    it has to hand over grows with what differs, not with what is linked, and comes in chunks.
    """
    for chunk in _chunks(using):
        yield from chunk


def count_drift(using: str = conf.DEFAULT_ACCOUNT) -> dict[DriftState, int]:
    """Return how much of an account's customers differs, by what is known of it."""
    counts = Counter(drift.state for drift in find_drift(using))
    return {state: counts[state] for state in DriftState}


def note_drift(using: str = conf.DEFAULT_ACCOUNT) -> int:
    """Note what nobody has noticed, so that plenigo is told; return how many changes that were.

    Where the account tells no access ids any more, what says that plenigo knows them is dropped.
    The signal `email_change_requested` is sent for each address. What was refused is left to the agent.
    """
    count = 0
    if not conf.Account(using).tells_access_ids:
        outbox.forget_access_ids(using)
    for chunk in _chunks(using):
        unnoticed = [drift for drift in chunk if drift.state == DriftState.UNNOTICED]
        if unnoticed:
            kind = unnoticed[0].kind  # the same in all of a chunk
            outbox.note_all(using, [drift.link_key for drift in unnoticed], kind)
            if kind == Kind.CHANGE_EMAIL:
                _tell_requested(using, [drift.user_key for drift in unnoticed])
        count += len(unnoticed)
    return count


def _chunks(using: str) -> Iterator[list[Drift]]:
    """Yield what differs by pages of the primary key: a cursor would bring all of it at once on MariaDB."""
    for kind, compare in COMPARISONS.items():
        links, here = compare(using, _links(using, kind))
        last = 0
        while page := list(links.filter(pk__gt=last)[:CHUNK]):
            known = [(link, here(link) if here else None) for link in page]
            yield [
                Drift(link.pk, link.user_id, kind, _state_of(link, values or {}))
                for link, values in known
                if values is None or _differs(link, values)
            ]
            if len(page) < CHUNK:
                break
            last = page[-1].pk


def _state_of(link: Any, here: Mapping[str, str]) -> DriftState:
    if link.left_value_hash is not None and link.left_value_hash in ("", values_hash(here)):
        return DriftState.REFUSED
    return DriftState.WAITING if link.is_waiting else DriftState.UNNOTICED


def _links(using: str, kind: RemoteChange.Kind) -> QuerySet[Any]:
    """Return those links of an account of which a save is noted, with what is known of a change of this kind."""
    change = RemoteChange.objects.filter(link=OuterRef("pk"), kind=kind)
    links = outbox.links().filter(account=using).exclude(customer_id=None, external_id=None).order_by("pk")
    if conf.Account(using).external_id_is_customer_id:
        links = links.filter(customers.registered_at(using))
    return links.annotate(
        left_value_hash=Subquery(change.filter(refused_at__isnull=False).values("left_value_hash")[:1]),
        is_waiting=Exists(change.filter(due_at__isnull=False)),
    )


def _compare_addresses(using: str, links: QuerySet[Any]) -> _Comparison:
    model = get_user_model()
    name = own_email_name(model)
    if name is not None:
        links = _narrowed(links, {"confirmed_email": name})
        return _Comparison(links, lambda link: {"confirmed_email": customers.email_of(link.user)})
    if not apps.is_installed("allauth.account"):
        return _nothing(links)
    links = links.annotate(address=_address_at_allauth())
    links = links.exclude(address=None).exclude(address="").exclude(address=F("confirmed_email"))
    links = links.only("pk", "user_id", "confirmed_email")
    return _Comparison(links, lambda link: {"confirmed_email": link.address.strip()})


def _compare_profiles(using: str, links: QuerySet[Any]) -> _Comparison:
    names = conf.Account(using).followed_fields
    if not names:
        return _nothing(links)

    def here(link: Any) -> Mapping[str, str]:
        return {f"confirmed_{name}": value for name, value in customers.profile_of(link.user, names).items()}

    return _Comparison(_narrowed(links, {f"confirmed_{name}": name for name in names}), here)


def _compare_access_ids(using: str, links: QuerySet[Any]) -> _Comparison:
    """Find access ids of which nothing says that plenigo was told: the account may not have told it any until now."""
    if not conf.Account(using).tells_access_ids:
        return _nothing(links)
    noted = RemoteChange.objects.filter(link=OuterRef("pk"), kind=Kind.ASSIGN_ACCESS_IDS, noted__gt=0)
    untold = links.filter(Exists(AccessId.objects.filter(link=OuterRef("pk"))), ~Exists(noted))
    return _Comparison(untold.only("pk", "user_id"), None)


def _nothing(links: QuerySet[Any]) -> _Comparison:
    return _Comparison(links.none(), None)


#: How each kind of change is compared, in the order in which plenigo is told.
COMPARISONS: Mapping[RemoteChange.Kind, Callable[[str, QuerySet[Any]], _Comparison]] = {
    Kind.CHANGE_EMAIL: _compare_addresses,
    Kind.CHANGE_PROFILE: _compare_profiles,
    Kind.ASSIGN_ACCESS_IDS: _compare_access_ids,
}


def _narrowed(links: QuerySet[Any], names: Mapping[str, str]) -> QuerySet[Any]:
    """Return the links whose user's attributes are not blank and others than confirmed, as far as these are columns."""
    links, model = links.select_related("user"), get_user_model()
    if not all(is_field(model, name) for name in names.values()):
        return links  # a property: no database can compare it
    differs = Q()
    for column, name in names.items():
        blank = Q(**{f"user__{name}": ""}) | Q(**{f"user__{name}": None})
        differs |= ~blank & ~Q(**{f"user__{name}": F(column)})
    return links.filter(differs).only("pk", "user_id", *names, *(f"user__{name}" for name in names.values()))


def _address_at_allauth() -> Subquery:
    addresses = apps.get_model("account", "EmailAddress")._base_manager
    return Subquery(addresses.filter(user=OuterRef("user"), primary=True, verified=True).values("email")[:1])


def _tell_requested(using: str, user_keys: Sequence[Any]) -> None:
    if not email_change_requested.has_listeners(CustomerLink):
        return
    users = get_user_model()._base_manager.using(router.db_for_write(CustomerLink))
    for user in users.filter(pk__in=user_keys):
        tell = partial(email_change_requested.send_robust, sender=CustomerLink, user=user, accounts=[using])
        transaction.on_commit(tell, using=router.db_for_write(RemoteChange), robust=True)

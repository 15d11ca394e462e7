"""Finds customers whose address here is another one than plenigo has acknowledged: what no signal has told.

`QuerySet.update()`, `bulk_update` and SQL change users past the signals, and a crash may fall between a save and its
note. So the two sides are compared, in the database.
"""

import enum
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from django_plenigo import conf
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import customers, outbox
from django_plenigo.services.customers.users import is_field, own_email_name
from django_plenigo.signals import email_change_requested

Kind = RemoteChange.Kind

#: How many customers one query brings.
CHUNK = 2000


class DriftState(enum.StrEnum):
    """What is known of it that a customer's two addresses differ."""

    UNNOTICED = "unnoticed"
    """Nothing: this is what has to be noted."""
    WAITING = "waiting"
    """It is noted, and plenigo will be told."""
    REFUSED = "refused"
    """plenigo has refused a change of the address, and an agent has to look."""


class Drift(NamedTuple):
    """One customer with two addresses."""

    link_key: int
    user_key: Any
    state: DriftState


def find_drift(using: str = conf.DEFAULT_ACCOUNT) -> Iterator[Drift]:
    """Yield the customers of an account whose two addresses differ, in the order of their links.

    Capital letters count. A user without an address is left out, since blanks overwrite nothing; so is one who is not
    registered yet, whose address is told then. The database compares: what it has to hand over grows with what
    differs, not with what is linked, and comes in chunks.
    """
    for chunk in _chunks(using):
        yield from chunk


def count_drift(using: str = conf.DEFAULT_ACCOUNT) -> dict[DriftState, int]:
    """Return how many customers of an account have two addresses, by what is known of it."""
    counts = Counter(drift.state for drift in find_drift(using))
    return {state: counts[state] for state in DriftState}


def note_drift(using: str = conf.DEFAULT_ACCOUNT) -> int:
    """Note what nobody has noticed, so that plenigo is told; return how many customers that were.

    The signal `email_change_requested` is sent for each. What was refused is left to the agent.
    """
    count = 0
    for chunk in _chunks(using):
        unnoticed = [drift for drift in chunk if drift.state == DriftState.UNNOTICED]
        if unnoticed:
            outbox.note_all(using, [drift.link_key for drift in unnoticed], Kind.CHANGE_EMAIL)
            _tell_requested(using, [drift.user_key for drift in unnoticed])
        count += len(unnoticed)
    return count


def _chunks(using: str) -> Iterator[list[Drift]]:
    """Yield what differs by pages of the primary key: a cursor would bring all of it at once on MariaDB."""
    links, address_of = _links_that_may_differ(using)
    last = 0
    while page := list(links.filter(pk__gt=last)[:CHUNK]):
        yield [
            Drift(link.pk, link.user_id, _state_of(link))
            for link in page
            if (address := address_of(link)) and address != link.confirmed_email
        ]
        if len(page) < CHUNK:
            return
        last = page[-1].pk


def _state_of(link: Any) -> DriftState:
    if link.is_refused:
        return DriftState.REFUSED
    return DriftState.WAITING if link.is_waiting else DriftState.UNNOTICED


def _links_that_may_differ(using: str) -> tuple[QuerySet[Any], Callable[[Any], str]]:
    """Return links of an account, and what the address of each one's user is.

    May: what the database takes for another address can be the same with a blank around it.
    """
    change = RemoteChange.objects.filter(link=OuterRef("pk"), kind=Kind.CHANGE_EMAIL)
    links = outbox.links().filter(account=using).exclude(customer_id=None, external_id=None).order_by("pk")
    links = links.annotate(
        is_refused=Exists(change.filter(refused_at__isnull=False)),
        is_waiting=Exists(change.filter(due_at__isnull=False)),
    )
    model = get_user_model()
    name = own_email_name(model)
    if name is not None and not is_field(model, name):
        # A property: no database can compare it.
        return links.select_related("user"), lambda link: customers.email_of(link.user)
    if name is None and not apps.is_installed("allauth.account"):
        return links.none(), lambda link: ""
    links = links.annotate(address=F(f"user__{name}") if name is not None else _address_at_allauth())
    links = links.exclude(address=None).exclude(address="").exclude(address=F("confirmed_email"))
    return links.only("pk", "user_id", "confirmed_email"), lambda link: str(link.address).strip()


def _address_at_allauth() -> Subquery:
    addresses = apps.get_model("account", "EmailAddress")._default_manager
    return Subquery(addresses.filter(user=OuterRef("user"), primary=True, verified=True).values("email")[:1])


def _tell_requested(using: str, user_keys: Sequence[Any]) -> None:
    if not email_change_requested.has_listeners(CustomerLink):
        return
    for user in get_user_model()._base_manager.filter(pk__in=user_keys):
        tell = partial(email_change_requested.send_robust, sender=CustomerLink, user=user, accounts=[using])
        transaction.on_commit(tell, using=router.db_for_write(RemoteChange), robust=True)

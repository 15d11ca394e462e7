"""Who may call the vendor about a customer: leases, taken and given back by conditional updates."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    CharField,
    F,
    Prefetch,
    Q,
    prefetch_related_objects,
)
from django.db.models.expressions import RawSQL
from django.utils import timezone

from django_plenigo.models import AccessId, CustomerLink, RemoteChange
from django_plenigo.services import outbox
from django_plenigo.services.rows import rows_of
from django_plenigo.services.sending.patience import unreadable_in_a_row

ORDER = {kind: position for position, kind in enumerate(RemoteChange.Kind.values)}


@dataclass(frozen=True, slots=True)
class Claim:
    """One due change of a customer about whom nobody else calls until the lease ends."""

    lease: uuid.UUID
    link: CustomerLink
    change: RemoteChange
    """As it was before the values that are sent were read: its `noted` is what an acknowledgement counts for."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The vendor was told."""

    claim: Claim
    confirmed: Mapping[str, Any] | None
    """Fields of the link by name: what the vendor knows now. None where there was nothing to tell."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """To be tried again."""

    claim: Claim
    error: Exception
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Refused:
    """No retry can mend it."""

    claim: Claim
    error: Exception


@dataclass(frozen=True, slots=True)
class Released:
    """Nothing was sent; it is due as before."""

    claim: Claim


Outcome = Acknowledged | Postponed | Refused | Released


def claim_due(account: str, most: int, lease_time: timedelta) -> list[Claim]:
    """Lease up to so many customers of an account, and return the first due change of each.

    The kinds of one customer are sent in the order of `RemoteChange.Kind`, one at a time.
    """
    now, lease = timezone.now(), uuid.uuid4()
    using = router.db_for_write(CustomerLink)
    due = _due(now).filter(_unleased(now, lease_time, "link__"), account=account).order_by("due_at", "pk")
    values = {"lease": lease, "leased_until": now + lease_time}
    if _can_skip_locked():
        # A row whose note is in a transaction that is still open is left out, instead of waited for.
        # `durable`, since the claim must be seen by others before the call is made.
        with transaction.atomic(using, durable=True):
            keys = _link_keys(_locked(due), most)
            _unleased_links(keys, now, lease_time).update(**values)
    else:
        # SQLite: a look inside of the transaction could not be promoted to a write lock.
        keys, is_mine = _link_keys(due, most), False
        while keys and not is_mine:
            with transaction.atomic(using, durable=True):
                is_mine = bool(_unleased_links(keys, now, lease_time).update(**values))
            if not is_mine:  # another worker was faster
                keys = _link_keys(due, most)
    try:
        return _claims(keys, lease, now) if keys else []
    except (OperationalError, InterfaceError):
        # A new connection can give back what was claimed, if this one was cut.
        connections[using].close_if_unusable_or_obsolete()
        give_back(lease, keys)
        raise


def _due(now: datetime) -> Any:
    # A kind that is not known here is one of a newer release, which was taken back.
    return outbox.changes().filter(due_at__lte=now, kind__in=list(ORDER))


def _link_keys(due: Any, most: int) -> list[int]:
    return list(dict.fromkeys(due.values_list("link_id", flat=True)[:most]))


def _unleased(now: datetime, lease_time: timedelta, prefix: str = "") -> Q:
    """Return which customers nobody calls about; a lease that ends too late was written by a clock that was wrong."""
    until = f"{prefix}leased_until"
    return Q(**{until: None}) | Q(**{f"{until}__lte": now}) | Q(**{f"{until}__gt": now + 2 * lease_time})


def _unleased_links(keys: Collection[int], now: datetime, lease_time: timedelta) -> Any:
    return outbox.links().filter(_unleased(now, lease_time), pk__in=keys)


def _claims(keys: Sequence[int], lease: uuid.UUID, now: datetime) -> list[Claim]:
    # What was noted and the values, in one statement: of two, the values first, a change between them would be lost for
    # ever.
    first: dict[int, RemoteChange] = {}
    for change in _due(now).filter(link__in=keys, link__lease=lease).select_related("link__user"):
        known = first.get(change.link_id)
        if known is None or ORDER[change.kind] < ORDER[known.kind]:
            first[change.link_id] = change
    of_access_ids = [change.link for change in first.values() if change.kind == RemoteChange.Kind.ASSIGN_ACCESS_IDS]
    access_ids = Prefetch("access_ids", rows_of(AccessId))
    prefetch_related_objects(of_access_ids, access_ids)
    give_back(lease, [key for key in keys if key not in first])  # another worker has just told the vendor
    return [Claim(lease, first[key].link, first[key]) for key in keys if key in first]


def give_back(lease: uuid.UUID, keys: Collection[int]) -> None:
    """End the lease of customers about whom nothing was sent."""
    if keys:
        outbox.links().filter(pk__in=keys, lease=lease).update(lease=None, leased_until=None)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of outcomes that were to be written. What is in neither list was overtaken, and is due again."""

    written: Sequence[Outcome]
    busy: Sequence[Outcome]
    """To be settled later: somebody has locked their rows."""


def settle(outcomes: Sequence[Outcome], *, gives_up: bool = False) -> Settlement:
    """Write what came of claims with one and the same lease, and end the lease.

    A claim whose lease was lost in the meantime is noted again: whatever the vendor was told late is overwritten by
    what is true now. Nothing here waits for a row while it holds another, so that no transaction of the site can
    deadlock with it: what somebody has locked is left for later. With `gives_up` a change that is locked still, since
    a transaction that takes its time has noted it, stays due.
    """
    lease = outcomes[0].claim.lease
    keys = {outcome.claim.link.pk for outcome in outcomes}
    with transaction.atomic(router.db_for_write(CustomerLink)):
        held = _held(keys, lease)
        free = _free({outcome.claim.change.pk for outcome in outcomes})
        ready = [
            outcome
            for outcome in outcomes
            if outcome.claim.link.pk in held and (gives_up or outcome.claim.change.pk in free)
        ]
        _write_links(lease, ready)
        overtaken = _write_changes(ready, free)
        left = keys - {outcome.claim.link.pk for outcome in ready}
        busy = set(outbox.links().filter(pk__in=left, lease=lease).values_list("pk", flat=True)) if left else set()
        lost = [
            outcome.claim.change
            for outcome in outcomes
            if outcome.claim.link.pk in left - busy and not isinstance(outcome, Released)
        ]
        _note_again([change for change in lost if change.pk in free])
    # These are locked by somebody, who is waited for while no row is held here; or they are deleted.
    _note_again([change for change in lost if change.pk not in free])
    return Settlement(
        [outcome for outcome in ready if outcome.claim.link.pk not in overtaken],
        [outcome for outcome in outcomes if outcome.claim.link.pk in busy],
    )


def _note_again(changes: Iterable[RemoteChange]) -> None:
    for change in changes:
        outbox.note_where(change.account, Q(pk=change.pk))


def _held(keys: Collection[int], lease: uuid.UUID) -> set[int]:
    """Lock the links that are still leased, and return their keys."""
    rows = outbox.links().filter(pk__in=keys, lease=lease)
    if _can_skip_locked():
        return set(_locked(rows).values_list("pk", flat=True))
    if rows.update(leased_until=F("leased_until")) == len(keys):  # a write, which a look could not be promoted to
        return set(keys)
    return set(rows.values_list("pk", flat=True))


def _free(keys: Collection[int]) -> set[int]:
    """Lock the changes that nobody has locked, and return their keys. On MariaDB another worker's claim locks some."""
    if not _can_skip_locked():
        return set(keys)
    rows = outbox.changes().filter(pk__in=keys)
    return set(_locked(rows).values_list("pk", flat=True))


def _locked(rows: Any) -> Any:
    """Lock the rows that nobody has locked, so that on PostgreSQL rows that refer to them can be made all the same."""
    return rows.select_for_update(skip_locked=True, no_key=_database().features.has_select_for_no_key_update)


def _can_skip_locked() -> bool:
    return _database().features.has_select_for_update_skip_locked


def _database() -> BaseDatabaseWrapper:
    return connections[router.db_for_write(CustomerLink)]


def _write_links(lease: uuid.UUID, outcomes: Sequence[Outcome]) -> None:
    now = timezone.now()
    confirmed = {
        outcome.claim.link.pk: outcome.confirmed
        for outcome in outcomes
        if isinstance(outcome, Acknowledged) and outcome.confirmed is not None
    }
    values: dict[str, Any] = {"lease": None, "leased_until": None}
    for name in sorted({name for fields in confirmed.values() for name in fields}):
        told = [item for pk, fields in confirmed.items() if name in fields for item in (pk, fields[name])]
        # By hand: the ORM's own Case costs a tenth of a millisecond for each customer.
        whens = "WHEN %s THEN %s " * (len(told) // 2)
        values[name] = RawSQL(f"CASE id {whens} ELSE {name} END", told, CharField())  # noqa: S611 - names of columns
    if confirmed:
        rows = outbox.links().filter(pk__in=list(confirmed), lease=lease)
        rows.update(**values, confirmed_at=now, updated_at=now)
    give_back(lease, [outcome.claim.link.pk for outcome in outcomes if outcome.claim.link.pk not in confirmed])


def _write_changes(outcomes: Sequence[Outcome], free: Collection[int]) -> set[int]:
    """Write the changes that are free, and return the links whose failures were not written."""
    acknowledged: dict[int, list[int]] = {}
    overtaken: set[int] = set()
    for outcome in outcomes:
        change = outcome.claim.change
        match outcome:
            case Acknowledged() if change.pk in free:
                acknowledged.setdefault(change.noted, []).append(change.pk)
            case Postponed() | Refused() if change.pk not in free:
                overtaken.add(change.link_id)
            case Postponed(error=error, wait=wait):
                _fail(change, error, {"due_at": timezone.now() + wait})
            case Refused(error=error):
                # Not where it was noted again: what is true now may be accepted.
                if not _fail(change, error, outbox.refused_now(), noted=change.noted):
                    overtaken.add(change.link_id)
    for noted, keys in acknowledged.items():
        outbox.acknowledge(noted, keys)
    return overtaken


def _fail(change: RemoteChange, error: Exception, values: Mapping[str, Any], **condition: Any) -> int:
    unreadable = unreadable_in_a_row(error, change)
    rows = outbox.changes().filter(pk=change.pk, **condition)
    return rows.update(attempts=F("attempts") + 1, unreadable_answers=unreadable, **outbox.told(error), **values)

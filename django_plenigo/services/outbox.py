"""Notes that something of a link is out of step with the vendor; `sending` tells the vendor later.

A note says which thing, never its value: whoever sends it reads what is true then. So nothing piles up, and a change
that was taken back, or that a crash cut in half, ends in step all the same.
"""

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, router, transaction
from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    F,
    Model,
    OuterRef,
    PositiveIntegerField,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Greatest
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.errors import PlenigoError
from django_plenigo.models import CustomerLink, DeliveryPause, RemoteChange
from django_plenigo.services.hashes import values_hash
from django_plenigo.services.rows import rows_of

logger = logging.getLogger(__name__)

Kind = RemoteChange.Kind

#: Made with the link, so that a save can note them with one statement.
KINDS_OF_EVERY_LINK = (Kind.CHANGE_EMAIL, Kind.CHANGE_PROFILE)

#: No row is postponed longer: the longest wish of a vendor is a day. A later `due_at` was written by a clock that was
#: wrong.
LONGEST_WAIT = timedelta(hours=25)

#: No row that has not failed yet waits longer; as above.
LONGEST_FIRST_WAIT = timedelta(hours=2)

#: How many rows one statement writes.
CHUNK = 1000


def changes() -> QuerySet[RemoteChange]:
    """Return all changes, where they are written: a replica may be late."""
    return rows_of(RemoteChange)


def links() -> QuerySet[CustomerLink]:
    """Return all links, where they are written."""
    return rows_of(CustomerLink)


# ---- noting


def note(link: CustomerLink, kind: str, *, due_at: datetime | None = None) -> RemoteChange:
    """Note that one thing of a link is out of step, and wake the delivery of what is due when it is committed.

    `due_at` is when to send it where it was in step, by default at once.
    """
    rows = changes().filter(link=link, kind=kind)
    again = _noted_again(due_at or timezone.now())
    if not rows.update(**again):
        insert_if_missing([_row(link.pk, link.account, kind)], unique_fields=["link", "kind"])
        rows.update(**again)
    change = rows.get()
    if change.due_at is not None and change.due_at <= timezone.now():
        wake_on_commit(link.account)
    return change


def note_where(account: str, condition: Q) -> int:
    """Note the changes of an account that a condition holds for, in one statement; return how many there were.

    Only rows that are there already: see `KINDS_OF_EVERY_LINK`.
    """
    count = changes().filter(condition, account=account).update(**_noted_again(timezone.now()))
    if count:
        wake_on_commit(account)
    return count


def note_all(account: str, link_keys: Sequence[int], kind: str) -> None:
    """Note one kind of many links of an account, by their primary keys, in few statements."""
    ordered = sorted(set(link_keys))  # two that note the same links in another order would wait for each other for ever
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        rows = changes().filter(link__in=chunk, kind=kind)
        again = _noted_again(timezone.now())
        updated = _update_in_any_order(rows, again)
        if len(updated) < len(chunk):
            # Of those that were updated, not of those that are there now: another may have made a row since, and a
            # worker may have told it already.
            known = set(changes().filter(pk__in=updated).values_list("link_id", flat=True))
            missing = [key for key in chunk if key not in known]
            insert_if_missing([_row(key, account, kind) for key in missing], unique_fields=["link", "kind"])
            _update_in_any_order(changes().filter(link__in=missing, kind=kind), again)
    if link_keys:
        wake_on_commit(account)


def note_access_ids(account: str, link_keys: Sequence[int]) -> None:
    """Note the access ids of many links of an account, where the vendor is told any; else what it knows is of old.

    What it is not told has no row, so that it is found by that as soon as the account tells it (see `drift`).
    """
    if account not in conf.accounts() or conf.Account(account).tells_access_ids:
        note_all(account, link_keys, Kind.ASSIGN_ACCESS_IDS)
        return
    for start in range(0, len(link_keys), CHUNK):
        forget_access_ids(account, Q(link__in=link_keys[start : start + CHUNK]))


def forget_access_ids(account: str, condition: Q | None = None) -> None:
    """Drop what says that the vendor was told access ids, but for what is being told now."""
    changes().filter(condition or Q(), account=account, kind=Kind.ASSIGN_ACCESS_IDS, due_at=None).delete()


def make_rows(link: CustomerLink) -> None:
    """Make the rows that every link has."""
    insert_if_missing(
        [_row(link.pk, link.account, kind) for kind in KINDS_OF_EVERY_LINK], unique_fields=["link", "kind"]
    )


def make_missing_rows(user: Any) -> None:
    """Make the rows that every link has for those links of a user that were made past the signals."""
    rows = [Exists(changes().filter(link=OuterRef("pk"), kind=kind)) for kind in KINDS_OF_EVERY_LINK]
    for link in links().filter(user=user).exclude(*rows):
        make_rows(link)


def _row(link_key: int, account: str, kind: str) -> RemoteChange:
    return RemoteChange(link_id=link_key, account=account, kind=kind)


def _noted_again(due_at: datetime) -> dict[str, Any]:
    """Return what a note writes. In this order: MariaDB assigns from left to right, so `noted` comes last."""
    is_new = Q(refused_at__isnull=False) | Q(noted__lte=F("delivered"))
    return {
        # A change that is waiting already keeps the patience of an outage.
        "due_at": Case(When(is_new, then=Value(due_at)), default=F("due_at")),
        "noted_at": Case(When(is_new, then=Value(timezone.now())), default=F("noted_at")),
        "attempts": Case(When(is_new, then=Value(0)), default=F("attempts"), output_field=PositiveIntegerField()),
        "refused_at": None,
        "noted": F("noted") + 1,
    }


def insert_if_missing(instances: Iterable[Model], *, unique_fields: list[str]) -> None:
    """Insert rows of one model unless they are there.

    An upsert that changes nothing: get_or_create and ignore_conflicts deadlock on MariaDB when two workers meet, and
    a look before the write cannot be promoted to a write lock on SQLite.
    """
    rows = list(instances)
    if not rows:
        return
    model = type(rows[0])
    using = router.db_for_write(model)
    model._default_manager.using(using).bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=_upsert_target(using, unique_fields),
        update_fields=[unique_fields[0]],
    )


def _upsert_target(using: str, unique_fields: list[str]) -> list[str] | None:
    """Return what an upsert names; MariaDB takes any unique constraint and can be told none."""
    return unique_fields if connections[using].features.supports_update_conflicts_with_target else None


def _update_in_any_order(rows: QuerySet[RemoteChange], values: dict[str, Any]) -> Collection[int]:
    """Update up to `CHUNK` rows, and return their keys.

    A transaction of the site may have locked some of them, and ask for others next: nothing here waits for a row while
    it holds another, but for those of a transaction that the caller has begun.
    """
    if not _can_skip_locked():
        # SQLite: the write comes first, since a look could not be promoted to it; there is one writer at a time.
        with transaction.atomic(rows.db):
            return list(rows.values_list("pk", flat=True)) if rows.update(**values) else []
    updated = _update_free(rows, values)
    locked = list(rows.exclude(pk__in=updated).order_by("pk").values_list("pk", flat=True))
    return [*updated, *[key for key in locked if rows.filter(pk=key).update(**values)]]


def _update_free(rows: QuerySet[RemoteChange], values: dict[str, Any]) -> Collection[int]:
    """Update up to `CHUNK` of many rows, none that somebody has locked, and return their keys."""
    no_key = connections[rows.db].features.has_select_for_no_key_update
    with transaction.atomic(rows.db):
        free = rows.order_by("pk").select_for_update(skip_locked=True, no_key=no_key)
        keys = list(free.values_list("pk", flat=True)[:CHUNK])
        if keys:
            changes().filter(pk__in=keys).update(**values)
    return keys


def _can_skip_locked() -> bool:
    return connections[router.db_for_write(RemoteChange)].features.has_select_for_update_skip_locked


# ---- mending what a wrong clock wrote


def hasten_far_off(account: str) -> None:
    """Make due now what a clock that was wrong has put off for longer than anything is put off.

    Not what somebody has locked: it is left to the next run.
    """
    now = timezone.now()
    far_off = Q(due_at__gt=now + LONGEST_WAIT) | Q(due_at__gt=now + LONGEST_FIRST_WAIT, attempts=0)
    rows = changes().filter(far_off, account=account, due_at__gt=now + LONGEST_FIRST_WAIT)
    if not rows.exists():  # almost always, and a write would wait for SQLite's other writers
        return
    if not _can_skip_locked():
        rows.update(due_at=now)
        return
    while _update_free(rows, {"due_at": now}):  # what is due now is far off no longer
        pass


# ---- what came of it


def acknowledge(noted: int, keys: Collection[int]) -> None:
    """Write of changes, by their primary keys, that the vendor was told what was true when so much had been noted.

    Noted again since, a change stays due; refused since, it is due again: what is true now may be accepted.
    """
    is_last = Q(noted__lte=noted)
    changes().filter(pk__in=keys).update(
        # In this order: MariaDB assigns from left to right.
        due_at=Case(
            When(is_last, then=Value(None)),
            When(refused_at__isnull=False, then=Value(timezone.now())),
            default=F("due_at"),
            output_field=DateTimeField(),
        ),
        # The greater: two that were noted one after the other may be acknowledged the other way round.
        delivered=Greatest(F("delivered"), noted, output_field=PositiveIntegerField()),
        attempts=0,
        refused_at=None,
        last_error="",
        last_error_type="",
    )


def refuse(change: RemoteChange, error: PlenigoError, condition: Q | None = None) -> bool:
    """Leave a change to the agent, and say whether there was need: not where `condition` does not hold any more."""
    rows = changes().filter(condition or Q(), pk=change.pk)
    return bool(rows.update(**refused_now(), **told(error)))


def refused_now() -> dict[str, Any]:
    """Return how it is kept that the vendor has refused a change just now."""
    return {"due_at": None, "refused_at": timezone.now(), "left_value_hash": ""}


def leave(change: RemoteChange, values: Mapping[str, str]) -> bool:
    """Leave a refused change as it is, and say whether it was refused still: nobody has to look at it any more.

    `values` is what the vendor would be told now, as `note_difference` takes it: other ones are noted as ever, the same
    are not. Empty where a change is noted by none but those who have changed something.
    """
    rows = changes().filter(pk=change.pk, refused_at__isnull=False)
    return bool(rows.update(left_value_hash=values_hash(values)))


def told(error: Exception) -> dict[str, str]:
    """Return how an error is kept: what it says, which holds no personal data, and its kind."""
    text = str(error) if isinstance(error, PlenigoError) else f"this site raised {type(error).__name__}"
    return {"last_error": text[:200], "last_error_type": type(error).__name__[:64]}


def try_again(rows: QuerySet[RemoteChange]) -> int:
    """Make refused and postponed changes due now, at once even where their account is paused; return how many."""
    keys = list(rows.filter(noted__gt=F("delivered")).values_list("pk", "account"))
    by_account: dict[str, list[int]] = defaultdict(list)
    for key, account in keys:
        by_account[account].append(key)
    for account, account_keys in by_account.items():
        for start in range(0, len(account_keys), CHUNK):
            chunk = changes().filter(pk__in=account_keys[start : start + CHUNK])
            _update_in_any_order(chunk, {"due_at": timezone.now(), "attempts": 0, "refused_at": None})
        resume(account)
        wake_on_commit(account)
    return len(keys)


# ---- pauses of a whole account


def pause_of(account: str) -> DeliveryPause | None:
    """Return why an account is told nothing right now, None where it is told."""
    now = timezone.now()
    # One that ends too late was written by a clock that was wrong.
    return _pauses().filter(account=account, until__gt=now, until__lt=now + LONGEST_WAIT).first()


def pause(account: str, error: PlenigoError, duration: timedelta) -> None:
    """Tell an account nothing for a while."""
    now = timezone.now()
    values = {"paused_at": now, "until": now + duration, **told(error)}
    # Many workers may find it out at once; see `insert_if_missing`.
    _pauses().bulk_create(
        [DeliveryPause(account=account, **values)],
        update_conflicts=True,
        unique_fields=_upsert_target(_pauses().db, ["account"]),
        update_fields=list(values),
    )


def resume(account: str) -> None:
    """End the pause of an account."""
    _pauses().filter(account=account).delete()


def _pauses() -> QuerySet[DeliveryPause]:
    return rows_of(DeliveryPause)


# ---- waking


class _Wakes(threading.local):
    """How much this thread has noted, and how much of it a DELIVERY was told of; by database and account."""

    def __init__(self) -> None:
        self.noted: Counter[tuple[str, str]] = Counter()
        self.told: Counter[tuple[str, str]] = Counter()
        self.unneeded: Counter[str] = Counter()


_wakes = _Wakes()


def wake_on_commit(account: str) -> None:
    """Have an account's DELIVERY look for due changes when the transaction is committed. Never breaks the caller.

    Once for a transaction, however much is noted in it.
    """
    if _wakes.unneeded[account]:
        return
    key = (router.db_for_write(RemoteChange), account)
    _wakes.noted[key] += 1
    number = _wakes.noted[key]

    # No partial: Django 5.2 asks what failed for its __qualname__, and raises where it has none.
    def wake_once() -> None:
        # A thread has one connection to a database: whatever it has noted is committed by now, or rolled back.
        if number > _wakes.told[key]:
            _wakes.told[key] = _wakes.noted[key]
            wake([account])

    transaction.on_commit(wake_once, using=key[0], robust=True)


@contextmanager
def delivering_here(account: str) -> Iterator[None]:
    """Wake nobody for what this thread notes of an account meanwhile: it is about to deliver that by itself."""
    _wakes.unneeded[account] += 1
    try:
        yield
    finally:
        _wakes.unneeded[account] -= 1


def wake(accounts: Iterable[str]) -> None:
    """Have the DELIVERY of accounts look for due changes, each once."""
    by_delivery: dict[Callable[[list[str]], object], list[str]] = defaultdict(list)
    for account in accounts:
        delivery = conf.Account(account).delivery
        if delivery is not None:
            by_delivery[delivery].append(account)
    for delivery, its_accounts in by_delivery.items():
        delivery(its_accounts)

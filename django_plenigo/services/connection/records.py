"""The log of all tries, and how many of them are too many: counted in the database, over the last hour.

A try is written before it is counted, so tries at the same time see each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.models import AccountConnection, ConnectionTry, CustomerLink
from django_plenigo.protocols.base import ConnectionRequest, CustomerSession
from django_plenigo.services import hashes
from django_plenigo.services.connection.events import FAILURES, NOT_ASKED, Event
from django_plenigo.services.rows import rows_of
from django_plenigo.tracebacks import without_secrets

WINDOW = timedelta(hours=1)

#: How long the log of what came to nothing is kept. What is done or undone stays.
KEPT = timedelta(days=90)

#: When a reader who has not entered the code is taken to have given up.
GIVEN_UP = timedelta(days=1)

#: How long a step keeps others of its connection away, where its worker has died: longer than the vendor is waited for.
LEASE = timedelta(minutes=1)

#: The reason of a connection by which a reader has become the customer that she has bought as, inside the checkout.
BOUGHT = "bought"

#: In characters (docs/protocols/plenigo-v3.md 6.1).
LONGEST_TERMS = 2000

#: How many connections are deleted at once.
CHUNK = 500

State, Step = AccountConnection.State, ConnectionTry.Step

#: Tries are counted by each of these by itself.
KEYS = ("email_hash", "customer_hash", "subscription_hash", "mobile_hash", "client_hash", "user_id")

#: A try that plenigo is being asked for, and one whose worker died, counts as a failure: nobody knows.
_FAILURES = ["", *(event.value for event in FAILURES)]


def connections() -> QuerySet[AccountConnection]:
    """Return all connections, where they are written: a replica may be late."""
    return rows_of(AccountConnection)


def tries() -> QuerySet[ConnectionTry]:
    """Return all tries, where they are written."""
    return rows_of(ConnectionTry)


@dataclass(frozen=True, slots=True)
class Try:
    """One step that has begun."""

    connection: AccountConnection
    row: ConnectionTry


def begin(user: Any, request: ConnectionRequest, client_address: str, *, terms_text: str, using: str) -> Try:
    """Write that a reader tries to connect, and which terms she agrees to by it.

    What she has begun before goes on: see `end_older`.
    """
    now = timezone.now()
    _tidy(now)
    connection = connections().create(
        account=using,
        user=user,
        started_at=now,
        terms_text=terms_text[:LONGEST_TERMS],
        email_hash=hashes.email_hash(request.email),
        customer_hash=hashes.number_hash("customer", request.customer_id),
        subscription_hash=hashes.number_hash("subscription", request.subscription_id),
        mobile_hash=hashes.number_hash("mobile", request.mobile_number and request.mobile_number.lstrip("+")),
        client_hash=hashes.client_hash(client_address),
    )
    return begin_step(connection, Step.START)


def begin_sign_in(user: Any, client_address: str, *, using: str) -> Try:
    """Write that a reader has logged in at the vendor as the customer that she is."""
    now = timezone.now()
    _tidy(now)
    client = hashes.client_hash(client_address)
    connection = connections().create(account=using, user=user, started_at=now, client_hash=client)
    return begin_step(connection, Step.SIGN_IN)


def begin_step(connection: AccountConnection, step: str) -> Try:
    """Write that a further step of a connection is tried."""
    return Try(connection, tries().create(connection=connection, step=step, at=timezone.now()))


def end_older(connection: AccountConnection) -> None:
    """End what the reader had begun before, now that she was sent a code for this connection.

    Not one whose code the vendor is just being asked about: what comes of that counts.
    """
    mine = connections().filter(account=connection.account, user=connection.user, state=State.PENDING)
    older = mine.filter(_is_free(timezone.now())).exclude(pk=connection.pk)
    older.update(**_ended(Event.OTHER_TAB))


def pending(user: Any, key: int, *, using: str) -> AccountConnection | None:
    """Return a connection of a reader that waits for the code, None where it does not."""
    return connections().filter(pk=key, account=using, user=user, state=State.PENDING).first()


def lease(connection: AccountConnection) -> bool:
    """Keep other clicks and tabs from a connection until `end_step`, and say whether it was free."""
    now = timezone.now()
    free = connections().filter(_is_free(now), pk=connection.pk, state=State.PENDING)
    return bool(free.update(leased_until=now + LEASE))


def _is_free(now: datetime) -> Q:
    return Q(leased_until=None) | Q(leased_until__lte=now)


def is_done(user: Any, key: int) -> bool:
    """Say whether a connection of a reader is done, perhaps in another tab."""
    return connections().filter(pk=key, user=user, state=State.DONE).exists()


def has_connected(link: CustomerLink) -> bool:
    """Say whether a reader has connected this customer, and has not become it by a registration or a purchase."""
    return connections().filter(link=link, state=State.DONE).exclude(reason=BOUGHT).exists()


@without_secrets
def keep_session(connection: AccountConnection, session: CustomerSession) -> None:
    """Keep the session that the vendor has answered a code with, until the reader is linked: no code works twice.

    Nothing is kept of a connection that has ended.
    """
    rows = connections().filter(pk=connection.pk, state=State.PENDING)
    rows.update(encrypted_session=backends.encrypted(session.value))


def kept_session(connection: AccountConnection) -> CustomerSession | None:
    """Return the session that is kept, None where the code is still to be entered."""
    text = connection.encrypted_session
    value = backends.decrypted(text) if text else None
    return None if value is None else CustomerSession(value)


def end_step(current: Try, event: Event) -> None:
    """Write what came of a step, and let the next one begin."""
    tries().filter(pk=current.row.pk).update(outcome=event.value)
    rows = connections().filter(pk=current.connection.pk)
    if event is Event.WRONG_CODE:
        rows.update(wrong_codes=F("wrong_codes") + 1)
    if current.connection.leased_until is not None:
        rows.filter(leased_until=current.connection.leased_until).update(leased_until=None)


def end_connection(connection: AccountConnection, event: Event, **values: Any) -> bool:
    """Write how a connection has ended, and say whether it had not ended before. `values` are further fields of it.

    A reader who is connected is, whatever another tab has written meanwhile.
    """
    rows = connections().filter(pk=connection.pk)
    is_connected = event is Event.CONNECTED
    rows = rows.exclude(state__in=[State.DONE, State.UNDONE]) if is_connected else rows.filter(state=State.PENDING)
    return bool(rows.update(**{**_ended(event), **values}))


def _ended(event: Event) -> dict[str, Any]:
    state = State.DONE if event is Event.CONNECTED else State.REFUSED
    return {"state": state, "reason": event.value, "ended_at": timezone.now(), "encrypted_session": ""}


def locked_until(current: Try) -> datetime | None:
    """Return until when a step that has begun may not be made, None where it may.

    So many failures of an hour lock, and so many codes that were sent, both counted by each of `KEYS`.
    """
    account = conf.Account(current.connection.account)
    others = _last_hour(current)
    limits = [(others.filter(outcome__in=_FAILURES), account.connection_failures_per_hour)]
    if current.row.step in (Step.START, Step.RESEND):
        asked = others.filter(step__in=[Step.START, Step.RESEND]).exclude(
            outcome__in=[event.value for event in NOT_ASKED]
        )
        limits.append((asked, account.connection_tries_per_hour))
    ends = [_end_of_lock(rows.filter(same), limit) for rows, limit in limits for same in _keys_of(current.connection)]
    return max((end for end in ends if end is not None), default=None)


def _last_hour(current: Try) -> QuerySet[ConnectionTry]:
    since = timezone.now() - WINDOW
    # An account of the same company has the same customers: another alias gives nobody another try.
    accounts = conf.accounts_of_company(current.connection.account)
    rows = tries().filter(at__gt=since, connection__account__in=accounts)
    return rows.exclude(pk=current.row.pk)


def _keys_of(connection: AccountConnection) -> list[Q]:
    values: Mapping[str, Any] = {name: getattr(connection, name) for name in KEYS}
    return [Q(**{f"connection__{name}": value}) for name, value in values.items() if value not in ("", None)]


def _end_of_lock(rows: QuerySet[ConnectionTry], limit: int) -> datetime | None:
    """Return when there will be fewer than `limit` rows, None where there are now."""
    if limit == 0:
        return timezone.now() + WINDOW
    times = list(rows.order_by("-at").values_list("at", flat=True)[limit - 1 : limit])
    return times[0] + WINDOW if times else None


def _tidy(now: datetime) -> None:
    """Forget what is old. Tries are few, so each looks after it."""
    given_up = connections().filter(state=State.PENDING, started_at__lt=now - GIVEN_UP)
    given_up.update(**_ended(Event.EXPIRED))
    _old(now - KEPT).delete()


def count_old(before: datetime) -> int:
    """Return how many connections `prune` would delete."""
    return _old(before).count()


def prune(before: datetime) -> int:
    """Delete the connections that began before a point in time and came to nothing, with their tries.

    Returns how many connections there were. In chunks, so that nobody waits. Who is connected stays, and who was taken
    from whom.
    """
    count = 0
    while keys := list(_old(before).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        count += len(keys)
        connections().filter(pk__in=keys).delete()
    return count


def _old(before: datetime) -> QuerySet[AccountConnection]:
    return connections().filter(state__in=[State.REFUSED, State.PENDING], started_at__lt=before)

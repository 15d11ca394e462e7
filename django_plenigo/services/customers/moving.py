"""Moves links from API v2 to v3: a customer has another id there, and the site's external id finds her."""

import enum
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.errors import NotFoundError, RejectedError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.protocols.base import MODULE_NOT_BOOKED, CustomerReader, CustomerRef
from django_plenigo.services import outbox
from django_plenigo.services.customers.registering import note_changed_meanwhile
from django_plenigo.services.customers.users import email_of, is_same_address
from django_plenigo.services.rows import rows_of

#: So many links are looked at between two writes.
CHUNK = 200


#: Finds a customer by external id, and by her e-mail addresses where one of them must be the customer's.
Finder = Callable[[str, Collection[str]], "str | Moved"]


class Moved(enum.Enum):
    """What came of a link."""

    SAME = "same"
    """It has the id of API v3."""
    MOVED = "moved"
    """It was given the id of API v3, or would be."""
    WITHOUT_EXTERNAL_ID = "without_external_id"
    """It has no external id to be found by."""
    UNKNOWN = "unknown"
    """API v3 knows nobody with its external id."""
    OTHER_ADDRESS = "other_address"
    """Where external ids are customer ids: whoever has this number has another e-mail address, may be a stranger."""
    CONFLICT = "conflict"
    """The customer is linked to another user."""


@dataclass(frozen=True, slots=True)
class Move:
    """A link and what came of it."""

    link: CustomerLink
    outcome: Moved


def links_to_move(account: str, *, after: int | None = None) -> Iterator[list[CustomerLink]]:
    """Yield the registered links of an account in the order of their keys, a chunk at a time: no cursor stays open."""
    rows = rows_of(CustomerLink).filter(account=account).order_by("pk").select_related("user")
    rows = rows.exclude(Q(customer_id=None) & Q(external_id=None))
    last = after or 0
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def move_links(links: Sequence[CustomerLink], *, using: str, workers: int = 1, writes: bool = False) -> list[Move]:
    """Look links up by their external ids at an account of API v3, so many at a time, and say what comes of them.

    With `writes` each is given the customer's id there, unless something has written it meanwhile. `using` may be
    another account than the links', of the same company, so that they can be looked up before the move. Raises
    `RemoteError` where nobody knows; nothing is written then, and the same links may be given again. Raises
    `UnsupportedOperationError` where `using` is no account of API v3.
    """
    reader = backends.customer_reader(using)
    if conf.Account(using).runs_in_process:
        workers = 1  # the sandbox answers with this thread's database connection
    has_own_ids = conf.Account(using).external_id_is_customer_id
    find = partial(_found_id, _finder_by_number(reader) if has_own_ids else _finder(reader))
    sought = [link for link in links if not (has_own_ids and _has_own_id(link))]
    # Read here: the threads have no connection to the database.
    wanted = [(link.external_id, _addresses_of(link) if has_own_ids else ()) for link in sought]
    if workers == 1:
        answers = [find(*each) for each in wanted]
    else:
        with ThreadPoolExecutor(workers) as threads:
            answers = list(threads.map(find, *zip(*wanted, strict=True)))
    found = dict(zip((link.pk for link in sought), answers, strict=True))
    return [Move(link, _outcome(link, found[link.pk], writes) if link.pk in found else Moved.SAME) for link in links]


def _has_own_id(link: CustomerLink) -> bool:
    """Say whether a link's external id is its customer id already: the addresses were compared then."""
    return link.customer_id_generation == "v3" and link.customer_id is not None and link.customer_id == link.external_id


def _addresses_of(link: CustomerLink) -> Collection[str]:
    """Return the address of now, and the last one that the vendor acknowledged: it may not know the other yet."""
    return email_of(link.user), link.confirmed_email


def _finder(reader: CustomerReader) -> Finder:
    return lambda external_id, _emails: reader.find_customer_id(CustomerRef(external_id, is_external=True))


def _finder_by_number(reader: CustomerReader) -> Finder:
    """Find customers by numbers that API v2 may have given to others: the address tells whether it is she."""

    def find(external_id: str, emails: Collection[str]) -> str | Moved:
        customer = reader.read_customer(CustomerRef(external_id, is_external=True))
        is_she = any(is_same_address(customer.email, email) for email in emails)
        return customer.customer_id if is_she else Moved.OTHER_ADDRESS

    return find


def _found_id(find: Finder, external_id: str | None, emails: Collection[str]) -> str | Moved | None:
    """Return the customer id of API v3, None where there is none, or what stands against it."""
    if external_id is None:
        return None
    try:
        return find(external_id, emails)
    except NotFoundError:
        return None
    except RejectedError as error:
        if error.code == MODULE_NOT_BOOKED:
            raise
        return None


def _outcome(link: CustomerLink, customer_id: str | Moved | None, writes: bool) -> Moved:
    is_of_v3 = link.customer_id_generation == "v3"
    if link.external_id is None:
        return Moved.SAME if is_of_v3 else Moved.WITHOUT_EXTERNAL_ID
    if customer_id is None:
        return Moved.UNKNOWN
    if isinstance(customer_id, Moved):
        return customer_id
    if is_of_v3 and customer_id == link.customer_id:
        return Moved.SAME
    rows = rows_of(CustomerLink)
    others = rows.filter(account=link.account, customer_id=customer_id).exclude(pk=link.pk)
    if others.filter(customer_id_generation="v3").exists():
        return Moved.CONFLICT
    if writes:
        try:
            with transaction.atomic(rows.db):
                mine = rows.filter(pk=link.pk, external_id=link.external_id, customer_id=link.customer_id)
                mine.update(customer_id=customer_id, customer_id_generation="v3", updated_at=timezone.now())
        except IntegrityError:  # another link has had it since API v2, or since just now
            return Moved.CONFLICT
        if conf.Account(link.account).external_id_is_customer_id:
            # She was nobody's customer until now: nothing was noted of her, and her clicks may have been refused.
            note_changed_meanwhile(link)
            register = RemoteChange.Kind.REGISTER
            outbox.note_where(link.account, Q(link=link, kind=register, refused_at__isnull=False))
        if link.access_ids.exists():
            outbox.note_access_ids(link.account, [link.pk])  # this API may not have been told them
    return Moved.MOVED

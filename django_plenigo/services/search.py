"""Finds links and portal accounts by what a support agent types: an address, an id, or the beginning of either."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Model, Q, QuerySet

from django_plenigo import conf
from django_plenigo.models import CustomerLink, PortalAccount

Row = TypeVar("Row", bound=Model)

#: How many links one kind of value contributes at most. Whoever finds more has to type more.
MOST_OF_A_KIND = 100

LONGEST_TERM = 254

#: Sorts behind every character: what begins with a term is less than the term with this.
LAST_CHARACTER = "\U0010ffff"

#: What stands in addresses and ids, and in the name of nobody.
NO_NAME = re.compile(r"[@\d]")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has come to."""

    link_keys: frozenset[int]
    """Primary keys of links, or of what else was looked for."""

    is_cut: bool
    """Whether there are more."""

    has_asked_for_users: bool
    """Whether users were looked for too."""


def find_links(
    links: QuerySet[CustomerLink],
    term: str,
    *,
    find_users: Callable[[str, int], Iterable[Any]] | None = None,
    asks_always: bool = False,
) -> Found:
    """Return which of these links an agent may mean: by address, plenigo's id, external id or access id.

    Each by its beginning, an address whatever its case; each kind of value by an index of its own and bounded, since
    one large OR would look at every link. `find_users` returns primary keys of users by a term, up to a number: that
    may be slow, so a term that finds something and is no name is not searched among users, unless `asks_always`.
    """
    term = term.strip()
    if not 0 < len(term) <= LONGEST_TERM:
        return Found(frozenset(), False, False)
    rows = links.order_by()
    exact = Q(customer_id=term) | Q(external_id=term) | Q(email_key=term.lower())
    exact_sets = [_keys(rows.filter(exact)), _keys_by_access_id(rows.filter(access_ids__value=term))]
    sets = [
        *exact_sets,
        _keys(beginning_with(rows, "customer_id", term)),
        _keys(beginning_with(rows, "external_id", term)),
        _keys(beginning_with(rows, "email_key", term.lower())),
        _keys_by_access_id(beginning_with(rows, "access_ids__value", term)),
    ]
    is_no_name = any(exact_sets) or bool(NO_NAME.search(term))
    asks = find_users is not None and (asks_always or not (is_no_name and any(sets)))
    are_users_cut = False
    if asks and find_users is not None:
        users = list(find_users(term, MOST_OF_A_KIND + 1))
        are_users_cut = len(users) > MOST_OF_A_KIND
        sets.append(_keys(rows.filter(user__in=users[:MOST_OF_A_KIND])))
    is_cut = are_users_cut or any(len(keys) > MOST_OF_A_KIND for keys in sets)
    return Found(frozenset().union(*(keys[:MOST_OF_A_KIND] for keys in sets)), is_cut, asks)


def find_portal_accounts(
    accounts: QuerySet[PortalAccount],
    term: str,
    *,
    find_users: Callable[[str, int], Iterable[Any]] | None = None,
    asks_always: bool = False,
) -> Found:
    """Return which of these accounts an agent may mean: by the beginning of either reference, or by their users.

    As `find_links` it goes by one index after the other, and searches users where no reference was found.
    """
    term = term.strip()
    if not 0 < len(term) <= LONGEST_TERM:
        return Found(frozenset(), False, False)
    rows = accounts.order_by()
    sets = [_keys(beginning_with(rows, name, term)) for name in ("reference", "our_reference")]
    are_users_cut, asks = False, find_users is not None and (asks_always or not any(sets))
    if asks and find_users is not None:
        users = list(find_users(term, MOST_OF_A_KIND + 1))
        are_users_cut = len(users) > MOST_OF_A_KIND
        sets.append(_keys(rows.filter(user__in=users[:MOST_OF_A_KIND])))
    is_cut = are_users_cut or any(len(keys) > MOST_OF_A_KIND for keys in sets)
    return Found(frozenset().union(*(keys[:MOST_OF_A_KIND] for keys in sets)), is_cut, asks)


def beginning_with(links: QuerySet[Row], field: str, term: str) -> QuerySet[Row]:
    """Return the rows whose value begins with a term, by the index of the field."""
    if connections[links.db].vendor == "postgresql":
        return links.filter(**{f"{field}__startswith": term})  # its indexes are made for this
    # Django's LIKE uses no index on MariaDB and SQLite, and on SQLite it takes capital letters for small ones.
    return links.filter(**{f"{field}__gte": term, f"{field}__lt": term + LAST_CHARACTER})


def _keys(rows: QuerySet[Row]) -> list[int]:
    return list(rows.values_list("pk", flat=True)[: MOST_OF_A_KIND + 1])


def _keys_by_access_id(rows: QuerySet[CustomerLink]) -> list[int]:
    """Do as `_keys` for rows that name a link once for each of its access ids: as many of them are read as may be."""
    most = MOST_OF_A_KIND * conf.ACCESS_ID_SLOTS + 1
    return list(dict.fromkeys(rows.values_list("pk", flat=True)[:most]))

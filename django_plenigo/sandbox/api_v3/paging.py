"""Lists that are read page by page, with cursors. Source: docs/protocols/plenigo-v3.md 1.6."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse

from .answers import answered, flaw, invalid
from .endpoints import Call
from .fields import Field, Moment, Text

SMALLEST_PAGE = 5
LARGEST_PAGE = 100

QUERY: dict[str, Field] = {
    "startingAfter": Text(longest=100),
    "endingBefore": Text(longest=100),
    "sort": Text(choices=frozenset({"ASC", "DESC"})),
    "startTime": Moment(),
    "endTime": Moment(),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One element of a list."""

    cursor: str
    changed_at: datetime
    element: Callable[[], dict[str, Any]]


def page_of(call: Call, entries: Sequence[Entry]) -> HttpResponse:
    """Return the page that the query asks for; `entries` are sorted upwards, and the newest come first unless told.

    A cursor is answered only where that way there is more. Raises `RefusalError` (400), also for a cursor that is
    none of the list's.
    """
    asked = call.read_query(QUERY)
    start, end = asked.get("startTime"), asked.get("endTime")
    rows = [
        entry
        for entry in entries
        if (start is None or entry.changed_at >= start) and (end is None or entry.changed_at <= end)
    ]
    if asked.get("sort", "DESC") == "DESC":
        rows.reverse()
    size = _size(call.query.get("size", ""))
    if asked.get("startingAfter"):
        first = _place(rows, "startingAfter", asked["startingAfter"]) + 1
        last = first + size
    elif asked.get("endingBefore"):
        last = _place(rows, "endingBefore", asked["endingBefore"])
        first = max(0, last - size)
    else:
        first, last = 0, size
    page = rows[first:last]
    body: dict[str, Any] = {"items": [entry.element() for entry in page]}
    if page and last < len(rows):
        body["startingAfterId"] = page[-1].cursor
    if page and first > 0:
        body["endingBeforeId"] = page[0].cursor
    return answered(body)


def _size(text: str) -> int:
    """Return the size of a page; whatever is not from 5 to 100 is silently 5."""
    size = int(text) if re.fullmatch(r"[0-9]{1,3}", text) else SMALLEST_PAGE
    return size if SMALLEST_PAGE <= size <= LARGEST_PAGE else SMALLEST_PAGE


def _place(rows: Sequence[Entry], name: str, cursor: str) -> int:
    for place, entry in enumerate(rows):
        if entry.cursor == cursor:
            return place
    raise invalid([flaw(name, "cursor", cursor)])

"""Imports a planned file: each chunk one transaction that writes ids, notes, bad lines, counts and its position."""

import uuid
from collections.abc import Callable, Iterator
from itertools import islice

from django.db import IntegrityError, OperationalError, router, transaction
from django.db.models import F
from django.utils import timezone

from django_plenigo.models import AccessId, AccessImport, AccessImportLine
from django_plenigo.services import access_ids, outbox
from django_plenigo.services.access_ids import ATTEMPTS, Reason
from django_plenigo.services.access_imports.judging import Judged, find_customers, judge_changes
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.access_imports.leases import write
from django_plenigo.services.access_imports.lines import (
    CHUNK,
    Row,
    bad_line,
    bad_lines,
    chunks_of,
    column_of,
    read_line,
    write_bad_lines,
)
from django_plenigo.services.access_imports.planning import split

State = AccessImport.State

Observer = Callable[[AccessImport], object]


class MissingLinesError(Exception):
    """A kept file ends before the last line that was planned."""


def apply_rows(
    rows: Iterator[Row],
    access_import: AccessImport,
    lease: uuid.UUID,
    *,
    must_stop: Callable[[], bool],
    observe: Observer,
) -> bool:
    """Import what is left of the lines of a file, at least one chunk, and say whether it came to the end.

    Raises `LeaseLostError`, `AccessImportError`, `MissingLinesError` and errors of the database.
    """
    layout = Layout.from_json(access_import.layout)
    for chunk in chunks_of(rows, layout, after=access_import.position):
        _apply_with_patience(chunk, access_import, layout, lease)
        access_import.refresh_from_db(using=router.db_for_write(AccessImport))
        observe(access_import)
        if must_stop():
            return access_import.position >= access_import.last_line
    if access_import.position < access_import.last_line:
        write(access_import, lease, State.APPLYING)  # else it has ended, and its lines are gone
        raise MissingLinesError
    return True


def _apply_with_patience(chunk: list[Row], access_import: AccessImport, layout: Layout, lease: uuid.UUID) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _apply_chunk(chunk, access_import, layout, lease)
            return
        except (IntegrityError, OperationalError):
            # Another import has just given somebody one of these ids, or the two have met in a deadlock: what is true
            # now is read anew, and makes a bad line of it, say.
            if attempt == ATTEMPTS:
                raise
            access_import.refresh_from_db(using=router.db_for_write(AccessImport))


def _apply_chunk(chunk: list[Row], access_import: AccessImport, layout: Layout, lease: uuid.UUID) -> None:
    account, position = access_import.account, chunk[-1][0]
    # Read before the transaction: a look within it could not be promoted to a write lock on SQLite. What changes in
    # between meets the constraints.
    known_bad = bad_lines().filter(access_import=access_import, number__gte=chunk[0][0], number__lte=position)
    left_out = set(known_bad.values_list("number", flat=True))
    lines, bad = split(read_line(row, layout) for row in chunk if row[0] not in left_out)
    found, nobody = find_customers(account, layout, lines)
    good, taken = judge_changes(account, layout, found)
    good, changed_since, replaced = _with_replaced(good, layout, access_import)
    bad += nobody + taken + changed_since
    to_write = [each for each in good if each.changes]
    with transaction.atomic(router.db_for_write(AccessId)):
        # First, so that whoever else works on this file waits here and then finds that it is not at this place.
        write(
            access_import,
            lease,
            State.APPLYING,
            position=position,
            attempts=0,  # it gets on
            applied_count=F("applied_count") + len(to_write),
            bad_count=F("bad_count") + len(bad),
        )
        _write_ids(to_write, access_import, replaced)
        outbox.note_access_ids(account, [each.customer.link_key for each in to_write])
        write_bad_lines(access_import, bad)


def _with_replaced(
    lines: list[Judged], layout: Layout, access_import: AccessImport
) -> tuple[list[Judged], list[AccessImportLine], list[int]]:
    """Return the lines that may be written, those that would undo what was entered since the plan, and whose rows go.

    One query; none where no line overwrites anything.
    """
    links = [each.customer.link_key for each in lines if each.is_overwriting]
    if not links:
        return lines, [], []
    planned_at = access_import.planned_at or access_import.created_at
    found = access_ids.rows().filter(link__in=links).values_list("link_id", "slot", "pk", "value", "imported_at")
    there = {(link_key, slot): (pk, value, at) for link_key, slot, pk, value, at in found}
    good, bad, replaced = [], [], []
    for each in lines:
        changes = {slot: there[key] for slot in each.changes if (key := (each.customer.link_key, slot)) in there}
        later = [slot for slot, (_pk, value, at) in changes.items() if at > planned_at and value != each.changes[slot]]
        if later:
            line, slot = each.line, min(later)
            column = column_of(layout, slot)
            bad.append(bad_line(line.number, line.cells, Reason.CHANGED_SINCE, column, line.wanted[slot]))
            continue
        good.append(each)
        replaced += [pk for pk, _value, _at in changes.values()]
    return good, bad, replaced


def _write_ids(lines: list[Judged], access_import: AccessImport, replaced: list[int]) -> None:
    if replaced:
        # By their keys, so that what has come into their places since they were read stays, and meets the constraints.
        # Not by an update: two that change places would be one value twice in between.
        access_ids.rows().filter(pk__in=replaced).delete()
    now = timezone.now()
    new = (
        AccessId(
            link_id=each.customer.link_key,
            account=access_import.account,
            slot=slot,
            value=value,
            imported_by_id=access_import.created_by_id,
            imported_at=now,
            imported_from=access_import.file_name,
        )
        for each in lines
        for slot, value in each.changes.items()
    )
    while some := list(islice(new, CHUNK)):  # a line may bring four
        access_ids.rows().bulk_create(some)

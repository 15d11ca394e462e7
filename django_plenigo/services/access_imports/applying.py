"""Imports a planned file: each chunk one transaction that writes values, bad lines, counts and its position."""

import uuid
from collections.abc import Callable, Iterator

from django.db import IntegrityError, OperationalError, router, transaction
from django.db.models import F

from django_plenigo.models import AccessImport
from django_plenigo.services.access_ids import ATTEMPTS
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.access_imports.leases import write
from django_plenigo.services.access_imports.lines import Row, bad_lines, write_bad_lines
from django_plenigo.services.access_imports.reading import chunks_of, read_line, split
from django_plenigo.services.access_imports.subjects import RowsChangedError, subject_of

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
        except (IntegrityError, OperationalError, RowsChangedError):
            # Somebody else has just been given one of these, by another import or a webhook, or the two have met in a
            # deadlock: what is true now is read anew, and makes a bad line of it, say.
            if attempt == ATTEMPTS:
                raise
            access_import.refresh_from_db(using=router.db_for_write(AccessImport))


def _apply_chunk(chunk: list[Row], access_import: AccessImport, layout: Layout, lease: uuid.UUID) -> None:
    subject, position = subject_of(access_import), chunk[-1][0]
    # Read before the transaction: a look within it could not be promoted to a write lock on SQLite. What changes in
    # between meets the constraints.
    known_bad = bad_lines().filter(access_import=access_import, number__gte=chunk[0][0], number__lte=position)
    left_out = set(known_bad.values_list("number", flat=True))
    lines, bad = split(read_line(row, layout, subject) for row in chunk if row[0] not in left_out)
    judged, refused = subject.judge(layout, lines)
    good, changed_since = subject.look_again(layout, judged)
    bad += refused + changed_since
    to_write = [each for each in good if each.changes]
    with transaction.atomic(router.db_for_write(AccessImport)):
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
        subject.write(to_write)
        write_bad_lines(access_import, bad)

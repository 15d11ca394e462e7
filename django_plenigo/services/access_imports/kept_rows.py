"""The lines of a kept file, from any place on.

A sheet can be read from its start alone, which for a large one takes longer than a turn of the background. So it is
read once, and its lines are kept in place of it, in pieces that are found by their numbers.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import router, transaction

from django_plenigo import backends
from django_plenigo.models import AccessImport
from django_plenigo.services.access_imports import storing
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.access_imports.leases import write
from django_plenigo.services.access_imports.lines import CHUNK, Row
from django_plenigo.services.access_imports.patience import patiently
from django_plenigo.services.access_imports.reading import CSV, opened_rows

#: Behind the pieces of the file itself, of which there are no more than 128, the pieces of lines: each is at this
#: number plus that of its last line.
ROWS_FROM = 1_000_000

#: How many characters of cells such a piece has at most, about.
PIECE_LENGTH = 256 * 1024


@contextmanager
def opened_kept_rows(access_import: AccessImport, layout: Layout, *, after: int = 0) -> Iterator[Iterator[Row]]:
    """Give the lines of a kept file, at least those behind the one with the number `after`."""
    if access_import.file_format == CSV:
        with storing.opened(access_import) as file, opened_rows(file, CSV, layout) as rows:
            yield rows
    else:
        yield _rows_of_sheet(access_import, after)


def is_to_be_converted(access_import: AccessImport) -> bool:
    """Say whether a sheet is still kept as the file that was uploaded."""
    return access_import.file_format != CSV and _pieces(access_import).filter(number__lt=ROWS_FROM).exists()


def convert(access_import: AccessImport, layout: Layout, lease: uuid.UUID) -> None:
    """Keep the lines of a sheet in place of it. Raises `AccessImportError` and `LeaseLostError`."""

    def begin() -> None:
        with transaction.atomic(router.db_for_write(AccessImport)):
            write(access_import, lease, access_import.state)  # first: else these may be of who works on it by now
            _pieces(access_import).filter(number__gte=ROWS_FROM).delete()  # of a worker that died

    patiently(begin)
    with storing.opened(access_import) as file, opened_rows(file, access_import.file_format, layout) as rows:
        for piece in _in_pieces(row for row in rows if any(row[1])):
            data = json.dumps([[number, [_as_json(cell) for cell in cells]] for number, cells in piece]).encode()
            with transaction.atomic(router.db_for_write(AccessImport)):
                write(access_import, lease, access_import.state)
                storing.parts().create(access_import=access_import, number=ROWS_FROM + piece[-1][0], data=data)
    with transaction.atomic(router.db_for_write(AccessImport)):
        write(access_import, lease, access_import.state)
        _pieces(access_import).filter(number__lt=ROWS_FROM).delete()


def _pieces(access_import: AccessImport) -> Any:
    return storing.parts().filter(access_import=access_import)


def _in_pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    piece: list[Row] = []
    length = 0
    for row in rows:
        piece.append(row)
        length += sum(map(len, row[1]))
        if len(piece) >= CHUNK or length >= PIECE_LENGTH:
            yield piece
            piece, length = [], 0
    if piece:
        yield piece


def _rows_of_sheet(access_import: AccessImport, after: int) -> Iterator[Row]:
    place = ROWS_FROM + after
    pieces = _pieces(access_import).order_by("number").values_list("number", "data")
    while piece := pieces.filter(number__gt=place).first():
        place, data = piece
        for number, cells in json.loads(bytes(data)):
            yield number, [cell if type(cell) is str else backends.no_text(*cell) for cell in cells]


def _as_json(cell: str) -> str | list[str]:
    return cell if type(cell) is str else [str(cell), cell.kind]  # type: ignore[attr-defined]  # as `flaw_of_cell` has it

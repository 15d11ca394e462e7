"""Reads the lines of a file: what each says, as far as it can be told without the database."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from itertools import islice
from typing import IO, Any

from django.utils.translation import gettext as _

from django_plenigo import backends
from django_plenigo.errors import AccessImportError
from django_plenigo.models import AccessImportLine
from django_plenigo.services.access_ids import Reason
from django_plenigo.services.access_imports import text_files
from django_plenigo.services.access_imports.layout import MOST_COLUMNS, Layout, is_of_failures
from django_plenigo.services.access_imports.lines import CHUNK, Line, Row, bad_line
from django_plenigo.services.access_imports.subjects import Subject

CSV, XLSX = "csv", "xlsx"

#: In how many of its first lines a file must have one that is not empty.
HEADER_WITHIN = 1000

#: What the files begin with that are none of ours but look so.
ZIP_START, OLD_EXCEL_START = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


def format_of(file: IO[bytes]) -> str:
    """Return what kind of file it is by its first bytes; a name may say anything. Raises `AccessImportError`."""
    file.seek(0)
    start = file.read(4)
    if start == OLD_EXCEL_START:
        text = _("The file is of an old Excel, or protected by a password: save it as XLSX without one, or as CSV.")
        raise AccessImportError("file", text, code="old_excel")
    return XLSX if start == ZIP_START else CSV


def layout_of(file: IO[bytes], file_format: str, subject: Subject) -> Layout:
    """Return how a file is read, by its first line that is not empty. Raises `AccessImportError`."""
    if file_format == CSV:
        delimiter = text_files.find_delimiter(file)
        with closing(text_files.read_rows(file, delimiter=delimiter)) as rows:
            return _layout_by(rows, subject, delimiter)
    with _sheet(file, MOST_COLUMNS + 1) as sheet:
        return replace(_layout_by(sheet.rows, subject, ","), sheet=sheet.name, other_sheets=sheet.other_names)


def _layout_by(rows: Iterator[Row], subject: Subject, delimiter: str) -> Layout:
    number = 0
    for number, cells in islice(rows, HEADER_WITHIN):
        if any(cells):
            header = [text_files.unescaped(cell) for cell in cells] if is_of_failures(cells) else cells
            return subject.read_header(header, header_line=number, delimiter=delimiter)
    if number < HEADER_WITHIN:
        raise AccessImportError("file", _("The file is empty."), code="empty")
    text = _("The first %(count)d lines are empty: begin with a line of the columns' names.")
    raise AccessImportError("file", text % {"count": HEADER_WITHIN}, code="no_header")


@contextmanager
def opened_rows(file: IO[bytes], file_format: str, layout: Layout) -> Iterator[Iterator[Row]]:
    """Give all lines of a file, each with its number. Raises `AccessImportError`, also while they are read."""
    if file_format == CSV:
        with closing(text_files.read_rows(file, delimiter=layout.delimiter)) as rows:
            yield rows
    else:
        with _sheet(file, layout.width + 1) as sheet:
            yield sheet.rows


def _sheet(file: IO[bytes], most_columns: int) -> AbstractContextManager[Any]:
    return backends.opened_sheet(file, most_columns=most_columns, longest_row=text_files.LONGEST_LINE)


def chunks_of(rows: Iterator[Row], layout: Layout, *, after: int) -> Iterator[list[Row]]:
    """Yield the lines behind the one with the number `after`, `CHUNK` at a time."""
    after = max(after, layout.header_line)
    wanted: Iterator[Row] = (row for row in rows if row[0] > after)
    if is_of_failures(layout.header):
        wanted = ((number, [_unescaped(cell) for cell in cells]) for number, cells in wanted)
    while chunk := list(islice(wanted, CHUNK)):
        yield chunk


def _unescaped(cell: str) -> str:
    return text_files.unescaped(cell) if type(cell) is str else cell  # the rest is no text, and no id


def read_line(row: Row, layout: Layout, subject: Subject) -> Line | AccessImportLine | None:
    """Return what a line says, what is wrong with it, or None for an empty one. No I/O."""
    number, cells = row
    if not any(cells) or not any(cell.strip() for cell in cells):
        return None
    width = layout.width
    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
        return bad_line(number, cells, Reason.TOO_MANY_CELLS, value=cells[width])
    column = layout.customer_column
    customer = cells[column].strip() if column < len(cells) else ""
    reason = subject.flaw_of_customer(layout, cells[column], customer) if column < len(cells) else Reason.BLANK
    if reason is not None:
        return bad_line(number, cells, reason, layout.header[column], customer)
    wanted: dict[int, str] = {}
    for column, slot in layout.slots.items():
        value = cells[column].strip() if column < len(cells) else ""
        if not value:
            continue
        reason = subject.flaw_of_value(slot, cells[column], value)
        if reason is None and value in wanted.values():
            reason = Reason.REPEATED
        if reason is not None:
            return bad_line(number, cells, reason, layout.header[column], value)
        wanted[slot] = value
    if not wanted:
        return bad_line(number, cells, subject.no_value)
    return Line(number, cells, customer, wanted)


def split(read: Iterable[Line | AccessImportLine | None]) -> tuple[list[Line], list[AccessImportLine]]:
    """Return the lines that can be read, and the bad ones."""
    lines: list[Line] = []
    bad: list[AccessImportLine] = []
    for each in read:
        if type(each) is Line:
            lines.append(each)
        elif isinstance(each, AccessImportLine):
            bad.append(each)
    return lines, bad

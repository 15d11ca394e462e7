"""What one line of a file says, as far as it can be told without the database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import IO, Any

from django.db import router
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_plenigo import backends
from django_plenigo.errors import AccessImportError
from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services.access_ids import Reason, flaw_of
from django_plenigo.services.access_imports import text_files
from django_plenigo.services.access_imports.layout import MOST_COLUMNS, Layout, is_of_failures, read_header

CSV, XLSX = "csv", "xlsx"

#: How many lines are looked at and written at once.
CHUNK = 1000

#: In how many of its first lines a file must have one that is not empty.
HEADER_WITHIN = 1000

LONGEST_TOLD = 200

#: What the files begin with that are none of ours but look so.
ZIP_START, OLD_EXCEL_START = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

Row = tuple[int, list[str]]


@dataclass(slots=True)
class Line:
    """A line that names a customer and ids for her."""

    number: int
    cells: list[str] = field(repr=False)
    customer: str = field(repr=False)
    wanted: dict[int, str] = field(repr=False)
    """By slot."""


def format_of(file: IO[bytes]) -> str:
    """Return what kind of file it is by its first bytes; a name may say anything. Raises `AccessImportError`."""
    file.seek(0)
    start = file.read(4)
    if start == OLD_EXCEL_START:
        text = _("The file is of an old Excel, or protected by a password: save it as XLSX without one, or as CSV.")
        raise AccessImportError("file", text, code="old_excel")
    return XLSX if start == ZIP_START else CSV


def layout_of(file: IO[bytes], file_format: str, account: str) -> Layout:
    """Return how a file is read, by its first line that is not empty. Raises `AccessImportError`."""
    if file_format == CSV:
        delimiter = text_files.find_delimiter(file)
        with closing(text_files.read_rows(file, delimiter=delimiter)) as rows:
            return _layout_by(rows, account, delimiter)
    with _sheet(file, MOST_COLUMNS + 1) as sheet:
        return replace(_layout_by(sheet.rows, account, ","), sheet=sheet.name, other_sheets=sheet.other_names)


def _layout_by(rows: Iterator[Row], account: str, delimiter: str) -> Layout:
    number = 0
    for number, cells in islice(rows, HEADER_WITHIN):
        if any(cells):
            header = [text_files.unescaped(cell) for cell in cells] if is_of_failures(cells) else cells
            return read_header(header, account, header_line=number, delimiter=delimiter)
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


def read_line(row: Row, layout: Layout) -> Line | AccessImportLine | None:
    """Return what a line says, what is wrong with it, or None for an empty one. No I/O."""
    number, cells = row
    if not any(cells) or not any(cell.strip() for cell in cells):
        return None
    width = layout.width
    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
        return bad_line(number, cells, Reason.TOO_MANY_CELLS, value=cells[width])
    column = layout.customer_column
    customer = cells[column].strip() if column < len(cells) else ""
    reason = reason_against(cells[column], customer) if column < len(cells) else Reason.BLANK
    if reason is not None:
        return bad_line(number, cells, reason, layout.header[column], customer)
    wanted: dict[int, str] = {}
    for column, slot in layout.slots.items():
        value = cells[column].strip() if column < len(cells) else ""
        if not value:
            continue
        reason = reason_against(cells[column], value)
        if reason is None and value in wanted.values():
            reason = Reason.REPEATED
        if reason is not None:
            return bad_line(number, cells, reason, layout.header[column], value)
        wanted[slot] = value
    if not wanted:
        return bad_line(number, cells, Reason.NO_ACCESS_ID)
    return Line(number, cells, customer, wanted)


def reason_against(cell: str, value: str) -> Reason | None:
    """Return why a cell with this trimmed value is no id, None where it is one."""
    if type(cell) is not str:  # a cell of a spreadsheet that is no text
        return Reason(cell.kind)  # type: ignore[attr-defined]  # NoText, whose module is not loaded for CSV
    return Reason.NUMBER if text_files.is_shortened_number(value) else flaw_of(value)


def bad_line(
    number: int, cells: Sequence[str], reason: Reason, column: str = "", value: str = "", other_line: int | None = None
) -> AccessImportLine:
    """Return a line that is not imported, and why; it is not written yet."""
    return AccessImportLine(
        number=number,
        column=_storable(column)[:LONGEST_TOLD],
        value=_storable(value)[:LONGEST_TOLD],
        reason=reason.value,
        other_line=other_line,
        cells=[_storable(cell) for cell in cells],
    )


def bad_lines() -> QuerySet[AccessImportLine]:
    """Return the bad lines of all imports, where they are written."""
    return AccessImportLine.objects.using(router.db_for_write(AccessImportLine))


def write_bad_lines(access_import: AccessImport, lines: Iterable[AccessImportLine]) -> None:
    """Write bad lines of an import."""
    rows = list(lines)
    for row in rows:
        row.access_import = access_import
    bad_lines().bulk_create(rows)


def column_of(layout: Layout, slot: int) -> str:
    """Return what a file calls a slot."""
    return next((layout.header[column] for column, its_slot in layout.slots.items() if its_slot == slot), "")


def sentence_of(line: AccessImportLine) -> str:
    """Return why a line was not imported, in the language of now."""
    if line.reason not in Reason.values:
        return line.reason  # of a later release
    return str(Reason(line.reason).label) % {"line": line.other_line or 0}


#: The reasons that name another line, of many lines at once.
OF_MANY_LINES = {
    Reason.SAME_VALUE: gettext_lazy("stands in another line already"),
    Reason.SAME_CUSTOMER: gettext_lazy("the same customer stands in another line already"),
}


def count_reasons(access_import: AccessImport) -> list[tuple[str, int]]:
    """Return why lines of an import are bad, in the language of now, and how many: the most frequent reason first."""
    rows = bad_lines().filter(access_import=access_import).values("reason").annotate(count=Count("pk"))
    return [(_sentence_of_many(row["reason"]), row["count"]) for row in rows.order_by("-count", "reason")]


def _sentence_of_many(reason: str) -> str:
    if reason not in Reason.values:
        return reason  # of a later release
    return str(OF_MANY_LINES.get(Reason(reason), Reason(reason).label))


def _storable(text: str) -> str:
    """Return a text that every database takes, as a plain one."""
    return str(text).replace("\0", "\N{REPLACEMENT CHARACTER}")

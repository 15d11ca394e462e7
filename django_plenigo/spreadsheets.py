"""Reads the rows of XLSX files, a few at a time. Loaded at the first such file: openpyxl is an extra, and large."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any, NoReturn
from xml.parsers import expat

from django.utils.translation import gettext as _
from openpyxl import load_workbook

from django_plenigo.errors import AccessImportError

#: A file of a few kilobytes may unpack to the memory of the machine. These are far from what a sheet of ids needs.
MOST_ENTRIES = 1000
MOST_UNPACKED_BYTES = 96 * 1024 * 1024
MOST_RATIO = 200
#: Below this size the ratio says nothing.
RATIO_COUNTS_FROM_BYTES = 1024 * 1024

#: A sheet is read piece by piece. What goes with it lies in memory as a whole: all its different texts above all.
MOST_PART_BYTES = 24 * 1024 * 1024
CONTENT_TYPES = "[Content_Types].xml"
SHEETS_FOLDER = "xl/worksheets/"
MOST_CONTENT_TYPES_BYTES = 1024 * 1024
WORKSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"

#: As many rows as a sheet of Excel's has, and so many of them empty in a row. A file may number a row as it likes, and
#: each one that is missing before it is read as an empty one.
MOST_ROWS = 1_048_576
MOST_EMPTY_ROWS = 100_000

#: What of a file must be XML. Any other part may be: its name says nothing of what it is read as.
XML_ENDINGS = (".xml", ".rels", ".vml")
PROLOG_PIECE_BYTES = 16 * 1024

#: How openpyxl names the kinds of cells.
TEXTS = ("s", "inlineStr", "str")
KINDS = {"n": "number", "d": "date", "f": "formula", "e": "cell_error"}


class NoText(str):
    """A cell that is no text, as text: a spreadsheet may have made something else of what was typed in."""

    __slots__ = ("kind",)
    kind: str
    """ "number", "date", "formula", "cell_error" or "no_text"."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first sheet of a file."""

    name: str
    other_names: list[str]
    """Those of the sheets that are not read."""

    rows: Iterator[tuple[int, list[str]]]
    """The number, from 1, and the cells of each row; a cell that is no text is a `NoText`."""


def no_text(text: str, kind: str) -> NoText:
    """Return a cell that is no text."""
    cell = NoText(text)
    cell.kind = kind
    return cell


def unpacked_bytes(file: IO[bytes]) -> int:
    """Return how large the parts of a file are together, after a look whether they can be unpacked without danger.

    Raises `AccessImportError`.
    """
    with _told_as_damaged(), zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        size = sum(entry.file_size for entry in entries)
        if len(entries) > MOST_ENTRIES or size > MOST_UNPACKED_BYTES or any(map(_is_packed_too_well, entries)):
            raise AccessImportError(
                "file", _("The file is too large once it is unpacked: save it as CSV."), code="bomb"
            )
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
            raise _damaged()  # no spreadsheet packs otherwise, and some ways take as much memory as they say
        if any(entry.flag_bits & 1 for entry in entries):
            raise AccessImportError(
                "file", _("The file is protected by a password: save it without one."), code="protected"
            )
        _refuse_large_part(archive, entries)
        for entry in entries:
            _refuse_document_type(archive, entry)
        return size


@contextmanager
def opened_sheet(file: IO[bytes], *, most_columns: int, longest_row: int) -> Iterator[Sheet]:
    """Give the first sheet of a file. Raises `AccessImportError`, also while its rows are read.

    `most_columns` is how many cells of a row are looked at, and `longest_row` how many characters they may have
    together.
    """
    with _told_as_damaged():
        book = load_workbook(file, read_only=True, keep_links=False)
    try:
        with _told_as_damaged():
            first, *others = book.worksheets
        yield Sheet(first.title, [each.title for each in others], _rows_of(first, most_columns, longest_row))
    finally:
        book.close()


def _rows_of(sheet: Any, most_columns: int, longest_row: int) -> Iterator[tuple[int, list[str]]]:
    with _told_as_damaged():
        sheet.reset_dimensions()  # what a file says of its own size may be wrong
        empty_rows = 0
        for number, cells in enumerate(sheet.iter_rows(max_col=most_columns), 1):
            texts = [_text_of(cell) for cell in cells]
            empty_rows = 0 if any(texts) else empty_rows + 1
            if number > MOST_ROWS or empty_rows > MOST_EMPTY_ROWS:
                text = _("The sheet has too many empty lines before line %(line)d: copy its lines to a new one.")
                raise AccessImportError("file", text % {"line": number}, code="too_many_rows", line=number)
            if sum(map(len, texts)) > longest_row:
                text = _("Line %(line)d has more than %(most)d characters.") % {"line": number, "most": longest_row}
                raise AccessImportError("file", text, code="long_line", line=number)
            yield number, texts


def _text_of(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type in TEXTS:
        return str(value)
    if isinstance(value, datetime | date):
        value = value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    text = format(value, ".15g") if isinstance(value, float) else str(value)
    return no_text(text, KINDS.get(cell.data_type, "no_text"))


def _is_packed_too_well(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > RATIO_COUNTS_FROM_BYTES and entry.file_size > MOST_RATIO * entry.compress_size


def _refuse_large_part(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    """Raise `AccessImportError` where another part than a sheet is large: it would be read into memory as a whole."""
    streamed = _names_of_sheets(archive)
    for entry in entries:
        if entry.file_size > MOST_PART_BYTES and entry.filename not in streamed:
            text = _("The sheet has more than %(most)d MiB of texts: split it, or save it as CSV.")
            raise AccessImportError("file", text % {"most": MOST_PART_BYTES // 1024**2}, code="bomb")


def _names_of_sheets(archive: zipfile.ZipFile) -> set[str]:
    """Return the names of what is a sheet and nothing else besides, by the file's list of its parts and by its place.

    The list alone may call a sheet what is read by its name, as styles are.
    """
    kinds: dict[str, set[str]] = {}

    def begin(name: str, attributes: dict[str, str]) -> None:
        if "PartName" in attributes:
            kinds.setdefault(attributes["PartName"].lstrip("/"), set()).add(attributes.get("ContentType", ""))

    if archive.getinfo(CONTENT_TYPES).file_size > MOST_CONTENT_TYPES_BYTES:
        raise _damaged()
    _refuse_document_type(archive, archive.getinfo(CONTENT_TYPES))
    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.Parse(archive.read(CONTENT_TYPES), True)
    return {name for name, its_kinds in kinds.items() if name.startswith(SHEETS_FOLDER) and its_kinds == {WORKSHEET}}


def _refuse_document_type(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Raise `AccessImportError` where XML begins with a document type; no program that saves sheets writes one."""
    has_begun = False

    def begin(*arguments: Any) -> None:
        nonlocal has_begun
        has_begun = True

    def refuse(*arguments: Any) -> NoReturn:
        raise AccessImportError(
            "file", _("The file holds a document type, which no spreadsheet needs."), code="document_type"
        )

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler = refuse, begin
    with archive.open(entry) as part:
        try:
            while not has_begun and (piece := part.read(PROLOG_PIECE_BYTES)):
                parser.Parse(piece)
        except expat.ExpatError:
            if entry.filename.lower().endswith(XML_ENDINGS):
                raise  # else it is a picture, say, and whoever takes it for XML fails as here


@contextmanager
def _told_as_damaged() -> Iterator[None]:
    """Tell every way in which a file cannot be read as what it is: damaged."""
    try:
        yield
    except (AccessImportError, GeneratorExit):
        raise
    except Exception:  # noqa: BLE001 - zipfile, zlib, expat and openpyxl each have their own, and mistakes of theirs
        raise _damaged() from None


def _damaged() -> AccessImportError:
    text = _("The file is damaged, or no XLSX file: open it in the program that made it, and save it again.")
    return AccessImportError("file", text, code="damaged")

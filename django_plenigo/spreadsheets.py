"""Reads the rows of XLSX files, a few at a time. Loaded at the first such file: openpyxl is an extra, and large."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
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

#: As many rows as a sheet of Excel's has, and so many of them empty in a row. A file may number a row as it likes, and
#: each one that is missing before it is read as an empty one.
MOST_ROWS = 1_048_576
MOST_EMPTY_ROWS = 100_000

#: What of a file is XML, and so might carry a document type with entities.
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
        if any(entry.flag_bits & 1 for entry in entries):
            raise AccessImportError(
                "file", _("The file is protected by a password: save it without one."), code="protected"
            )
        for entry in entries:
            if entry.filename.lower().endswith(XML_ENDINGS):
                _refuse_document_type(archive, entry)
        return size


def read_rows(file: IO[bytes], *, most_columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the number, from 1, and the cells of each row of the first sheet. Raises `AccessImportError`.

    `most_columns` is how many cells of a row are looked at. A cell that is no text is a `NoText`.
    """
    with _told_as_damaged():
        book = load_workbook(file, read_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what a file says of its own size may be wrong
            empty_rows = 0
            for number, cells in enumerate(sheet.iter_rows(max_col=most_columns), 1):
                texts = [_text_of(cell) for cell in cells]
                empty_rows = 0 if any(texts) else empty_rows + 1
                if number > MOST_ROWS or empty_rows > MOST_EMPTY_ROWS:
                    text = _("The sheet has too many empty lines before line %(line)d: copy its lines to a new one.")
                    raise AccessImportError("file", text % {"line": number}, code="too_many_rows", line=number)
                yield number, texts
        finally:
            book.close()


def _text_of(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type in TEXTS:
        return str(value)
    if isinstance(value, datetime | date):
        value = value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    text = NoText(format(value, ".15g") if isinstance(value, float) else value)
    text.kind = KINDS.get(cell.data_type, "no_text")
    return text


def _is_packed_too_well(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > RATIO_COUNTS_FROM_BYTES and entry.file_size > MOST_RATIO * entry.compress_size


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
        while not has_begun and (piece := part.read(PROLOG_PIECE_BYTES)):
            parser.Parse(piece)


@contextmanager
def _told_as_damaged() -> Iterator[None]:
    """Tell every way in which a file cannot be read as what it is: damaged."""
    try:
        yield
    except (AccessImportError, GeneratorExit):
        raise
    except Exception:  # noqa: BLE001 - zipfile, zlib, expat and openpyxl each have their own, and mistakes of theirs
        text = _("The file is damaged, or no XLSX file: open it in the program that made it, and save it again.")
        raise AccessImportError("file", text, code="damaged") from None

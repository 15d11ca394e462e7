"""Reads CSV files, a line at a time."""

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator
from functools import partial
from typing import IO

from django.utils.translation import gettext as _

from django_plenigo.errors import AccessImportError

ENCODING = "utf-8-sig"
DELIMITERS = (",", ";", "\t")

#: In characters, line breaks within quotes not counted.
LONGEST_LINE = 10_000

PIECE_BYTES = 256 * 1024

#: An escape goes before what a spreadsheet takes for a formula, at the start of a cell and behind whatever may start
#: one for a spreadsheet that divides lines at another sign. Before a formula's sign blanks may stand, and escapes that
#: are there already, which would be taken off with ours. Source: OWASP, "CSV Injection".
ESCAPE = "'"
FORMULA_SIGNS = (
    "=+@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH COMMERCIAL AT}\N{FULLWIDTH HYPHEN-MINUS}-"
)
_FORMULA = rf"'*[^\S\t\r\n]*[{FORMULA_SIGNS}]"
_PLACE = rf"(?:^(?=%s(?:{_FORMULA}|'*[\t\r\n]))|(?<=[,;|\t\r\n\"])(?=%s{_FORMULA}))"
TO_ESCAPE = re.compile(_PLACE % ("", ""))
ESCAPED = re.compile(_PLACE % (ESCAPE, ESCAPE) + ESCAPE)

SHORTENED_NUMBER = re.compile(r"\d([.,]\d+)?E\+\d+")


def check_text(file: IO[bytes]) -> None:
    """Raise `AccessImportError` where a file is no text in UTF-8, and say in which line and what to do."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 1
    piece = file.read(PIECE_BYTES)
    if piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _no_text(_("The file is UTF-16: save it as CSV in UTF-8."), 1)
    while True:
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            text = _("Line %(line)d is not in UTF-8, perhaps the file is in Latin-1: save it as CSV in UTF-8.")
            # What was left over of the piece before is counted too, but holds no line break.
            raise _no_text(text, lines + error.object[: error.start].count(b"\n")) from None
        if b"\0" in piece:
            text = _("Line %(line)d holds a NUL character, so the file is no text, or UTF-16: save it as CSV in UTF-8.")
            raise _no_text(text, lines + piece[: piece.index(b"\0")].count(b"\n"))
        if not piece:
            return
        lines += piece.count(b"\n")
        piece = file.read(PIECE_BYTES)


def read_rows(file: IO[bytes], *, delimiter: str) -> Generator[tuple[int, list[str]]]:
    """Yield the number, from 1, and the cells of each line, as a spreadsheet would count them.

    Raises `AccessImportError`.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=ENCODING, newline="")
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if number == 1 and _names_delimiter(cells):
                yield number, []
                continue
            yield number, cells
    except csv.Error:
        problem = _(
            "The file cannot be read from line %(line)d on: look for a quote that is not closed or stands in a cell."
        )
        error = AccessImportError("file", problem % {"line": number + 1}, code="quotes", line=number + 1)
        raise error from None
    finally:
        text.detach()  # else the file would be closed with it


def find_delimiter(file: IO[bytes]) -> str:
    """Return what stands between the cells of a file: that which makes most cells of its first line."""
    widths = {delimiter: _width(file, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: widths[delimiter])


def _width(file: IO[bytes], delimiter: str) -> int:
    """Return how many cells the first line has, 0 where quotes stand otherwise than this delimiter has them."""
    try:
        return next((len(cells) for _number, cells in read_rows(file, delimiter=delimiter) if any(cells)), 0)
    except AccessImportError:
        return 0


def escaped(cell: str) -> str:
    """Return a cell so that no spreadsheet takes it for a formula."""
    return TO_ESCAPE.sub(ESCAPE, cell)


def unescaped(cell: str) -> str:
    """Return a cell as it was before `escaped`."""
    return ESCAPED.sub("", cell)


def is_shortened_number(value: str) -> bool:
    """Say whether a spreadsheet has written a number in its short form, such as 1.23457E+17: its digits are lost."""
    return SHORTENED_NUMBER.fullmatch(value) is not None


def _names_delimiter(cells: list[str]) -> bool:
    """Say whether a first line is the hint that some spreadsheets write: sep=; and a line break."""
    return len(cells) <= 2 and cells[:1] != [] and cells[0] in ("sep=", *(f"sep={sign}" for sign in DELIMITERS))


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(iter(partial(text.readline, LONGEST_LINE + 1), ""), 1):
        if len(line) > LONGEST_LINE:
            problem = _("Line %(line)d has more than %(most)d characters.")
            problem %= {"line": number, "most": LONGEST_LINE}
            raise AccessImportError("file", problem, code="long_line", line=number)
        yield line


def _no_text(problem: str, line: int) -> AccessImportError:
    return AccessImportError("file", problem % {"line": line}, code="encoding", line=line)

"""The bad lines of an import as a file that can be mended and fed back in."""

import csv
from collections.abc import Iterable, Iterator

from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services.access_imports.layout import REASON_FIELD, Layout
from django_plenigo.services.access_imports.lines import CHUNK, bad_lines
from django_plenigo.services.access_imports.reasons import sentence_of
from django_plenigo.services.access_imports.text_files import escaped

#: Without it some spreadsheets take the file for Latin-1.
BYTE_ORDER_MARK = "\ufeff"


class _Line:
    """A file of one line, for the writer of csv."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        """Take the line."""
        self.text = text


def write_failures(
    access_import: AccessImport, lines: Iterable[AccessImportLine] | None = None, *, with_header: bool = True
) -> Iterator[str]:
    """Yield, line by line, a CSV file of the lines that were not imported: their own cells, and the reason.

    By default the kept ones. Without its first line it goes on with such a file. What a spreadsheet would take for a
    formula is escaped by a quote before it; both are understood when the file comes back.
    """
    layout = Layout.from_json(access_import.layout)
    kept = [column for column, name in enumerate(layout.header) if name.strip().casefold() != REASON_FIELD]
    line = _Line()
    writer = csv.writer(line, delimiter=layout.delimiter)
    if with_header:
        writer.writerow([escaped(layout.header[column]) for column in kept] + [REASON_FIELD])
        yield BYTE_ORDER_MARK + line.text
    for bad in _kept(access_import) if lines is None else lines:
        cells = [bad.cells[column] if column < len(bad.cells) else "" for column in kept]
        beyond = bad.cells[layout.width :] if any(bad.cells[layout.width :]) else []
        reason = f"{bad.column}: {sentence_of(bad)}" if bad.column else sentence_of(bad)
        writer.writerow([escaped(cell) for cell in (*cells, reason, *beyond)])
        yield line.text


def _kept(access_import: AccessImport) -> Iterator[AccessImportLine]:
    """Yield the kept lines in their order, a chunk at a time by number: it holds no cursor open."""
    last = 0
    rows = bad_lines().filter(access_import=access_import).order_by("number")
    while chunk := list(rows.filter(number__gt=last)[:CHUNK]):
        yield from chunk
        last = chunk[-1].number

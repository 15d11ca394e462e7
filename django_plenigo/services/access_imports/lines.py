"""The lines of a file: those that name somebody and something for her, and the bad ones, which are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import models
from django.db.models import QuerySet

from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.rows import rows_of

#: How many lines are looked at and written at once.
CHUNK = 1000

LONGEST_TOLD = 200

Row = tuple[int, list[str]]


@dataclass(slots=True)
class Line:
    """A line that names a customer and values for her."""

    number: int
    cells: list[str] = field(repr=False)
    customer: str = field(repr=False)
    wanted: dict[int, str] = field(repr=False)
    """By slot."""


def bad_line(
    number: int,
    cells: Sequence[str],
    reason: models.TextChoices,
    column: str = "",
    value: str = "",
    other_line: int | None = None,
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
    return rows_of(AccessImportLine)


def write_bad_lines(access_import: AccessImport, lines: Iterable[AccessImportLine]) -> None:
    """Write bad lines of an import."""
    rows = list(lines)
    for row in rows:
        row.access_import = access_import
    bad_lines().bulk_create(rows)


def column_of(layout: Layout, slot: int) -> str:
    """Return what a file calls a slot."""
    return next((layout.header[column] for column, its_slot in layout.slots.items() if its_slot == slot), "")


def _storable(text: str) -> str:
    """Return a text that every database takes, as a plain one."""
    return str(text).replace("\0", "\N{REPLACEMENT CHARACTER}")

"""What comes of the first lines of a planned file, for whoever is to say yes to all of them."""

from dataclasses import dataclass, field
from itertools import islice

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_plenigo.models import AccessImport
from django_plenigo.services.access_imports.kept_rows import opened_kept_rows
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.access_imports.lines import Row, bad_lines
from django_plenigo.services.access_imports.reading import chunks_of, read_line, split
from django_plenigo.services.access_imports.subjects import Judged, subject_of
from django_plenigo.tracebacks import without_secrets

#: Enough to see whether a column has slipped.
FIRST_LINES = 10


class Outcome(models.TextChoices):
    """What comes of a line."""

    NEW = "new", _("new")
    CHANGED = "changed", _("changed")
    SAME = "same", _("the same")
    BAD = "bad", _("bad")


@dataclass(frozen=True, slots=True)
class PreviewCell:
    """An id or a reference of a line."""

    value: str = field(repr=False)
    """It, "" where the line has none for this slot."""
    replaced: str = field(default="", repr=False)
    """What it takes the place of, "" where that is nothing."""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """A line and what comes of it."""

    number: int
    customer: str = field(repr=False)
    ids: list[PreviewCell] = field(repr=False)
    """In the order of the file's columns."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Preview:
    """The first lines of a file."""

    customer_column: str
    id_columns: list[str]
    lines: list[PreviewLine]


@without_secrets
def preview(access_import: AccessImport, *, most: int = FIRST_LINES) -> Preview:
    """Return what would come of the first lines of a planned file, by what is true now; empty lines are left out.

    A handful of queries, and one for each 256 KiB of the file.
    """
    layout = Layout.from_json(access_import.layout)
    rows = _first_rows(access_import, layout, most)
    bad: set[int] = set()
    if rows:
        known = bad_lines().filter(access_import=access_import, number__gte=rows[0][0], number__lte=rows[-1][0])
        bad = set(known.values_list("number", flat=True))
    subject = subject_of(access_import)
    lines, _unreadable = split(read_line(row, layout, subject) for row in rows if row[0] not in bad)
    good, _refused = subject.judge(layout, lines)
    judged = {each.line.number: each for each in good}
    return Preview(
        customer_column=layout.header[layout.customer_column],
        id_columns=[layout.header[column] for column in layout.slots],
        lines=[_told(row, layout, judged.get(row[0])) for row in rows],
    )


def _first_rows(access_import: AccessImport, layout: Layout, most: int) -> list[Row]:
    with opened_kept_rows(access_import, layout) as rows:
        chunks = chunks_of(rows, layout, after=0)
        return list(islice((row for chunk in chunks for row in chunk if any(map(str.strip, row[1]))), most))


def _told(row: Row, layout: Layout, judged: Judged | None) -> PreviewLine:
    number, cells = row
    changes = judged.changes if judged else {}
    slots = judged.customer.slots if judged else {}
    ids = [
        PreviewCell(_cell(cells, column), slots.get(slot, "") if slot in changes else "")
        for column, slot in layout.slots.items()
    ]
    return PreviewLine(number, _cell(cells, layout.customer_column), ids, _outcome(judged))


def _cell(cells: list[str], column: int) -> str:
    return str(cells[column]).strip() if column < len(cells) else ""


def _outcome(judged: Judged | None) -> Outcome:
    if judged is None:
        return Outcome.BAD
    if not judged.changes:
        return Outcome.SAME
    return Outcome.CHANGED if judged.is_overwriting else Outcome.NEW

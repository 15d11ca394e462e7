"""What the engine asks of whatever is imported: its columns, what comes of its lines, and to write them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import models

from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services.access_ids import Reason
from django_plenigo.services.access_imports import text_files
from django_plenigo.services.access_imports.layout import Columns, Layout, read_header
from django_plenigo.services.access_imports.lines import Line


class RowsChangedError(Exception):
    """What a chunk was judged by is not true any more; nothing was written."""


@dataclass(slots=True)
class Customer:
    """Somebody whom a line may name, and what she has by slot."""

    key: Any
    """What tells her from all others: a whole number, or a text."""

    slots: dict[int, str] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Judged:
    """A line whose customer is known, and what it changes."""

    line: Line
    customer: Customer
    changes: dict[int, str] = field(default_factory=dict, repr=False)
    """By slot: what is to be written; empty where all is in place."""

    is_overwriting: bool = False
    """Whether another value gives way."""

    replaced: tuple[int, ...] = ()
    """The primary keys of what gives way, once `look_again` has looked."""


class Subject(ABC):
    """What one file brings, and to whom."""

    #: The type of `Customer.key` in SQLite, where `Seen` keeps it.
    key_type: ClassVar[str]

    #: Why a line is bad that has nothing to import, and one whose customer has had a line already.
    no_value: ClassVar[models.TextChoices]
    same_customer: ClassVar[models.TextChoices]

    def __init__(self, access_import: AccessImport) -> None:
        self.access_import = access_import

    @property
    @abstractmethod
    def columns(self) -> Columns:
        """The columns that a file may have."""

    def read_header(self, header: Sequence[str], *, header_line: int, delimiter: str) -> Layout:
        """Return how a file with this first line is read. Raises `AccessImportError`."""
        return read_header(header, self.columns, header_line=header_line, delimiter=delimiter)

    @abstractmethod
    def flaw_of_customer(self, layout: Layout, cell: str, value: str) -> models.TextChoices | None:
        """Return why a cell with this trimmed value names nobody, None where it may name somebody. No I/O."""

    @abstractmethod
    def flaw_of_value(self, slot: int, cell: str, value: str) -> models.TextChoices | None:
        """Return why a cell with this trimmed value can be nobody's in a slot, None where it can. No I/O."""

    @abstractmethod
    def judge(self, layout: Layout, lines: list[Line]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return lines with their customers and changes, by what is true now, and the bad ones. Writes nothing.

        Its statements do not grow with the lines.
        """

    @abstractmethod
    def look_again(self, layout: Layout, lines: list[Judged]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return the lines that may be written, and those against which something speaks since the plan."""

    @abstractmethod
    def write(self, lines: list[Judged]) -> None:
        """Write the changes of lines within the transaction of the caller, who holds the import's row.

        Raises `IntegrityError` or `RowsChangedError` where others have been faster.
        """


def flaw_of_cell(cell: str, value: str) -> Reason | None:
    """Return what a spreadsheet has made of a cell that was text, None where it has left it alone."""
    if type(cell) is not str:  # a cell of a spreadsheet that is no text
        return Reason(cell.kind)  # type: ignore[attr-defined]  # NoText, whose module is not loaded for CSV
    return Reason.NUMBER if "E+" in value and text_files.is_shortened_number(value) else None

"""Which column of a file is what, by its first line."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as dataclass_field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from django_plenigo.errors import AccessImportError

#: In the file of what was not imported: why. It is passed over when such a file comes back.
REASON_FIELD = "reason"

MOST_COLUMNS = 100

#: One letter more or less in a name of a column, and ids would silently stay out.
SLIP = 0.88


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a file may have."""

    customer_fields: tuple[str, ...]
    """What may name the customer; exactly one of them must be there."""

    slot_fields: Mapping[str, int]
    """What may be imported, and the slot that it is for; at least one must be there."""

    labels: Mapping[str, str]
    """What else a site calls some of these, and which it calls so."""

    no_customer: str | Promise
    """What is said of a file that has none of `customer_fields`, with %(names)s in place of their names."""

    several_customers: str | Promise
    """The same of a file that has several of them."""

    no_slot: str | Promise
    """The same of a file that has none of `slot_fields`."""

    @property
    def by_name(self) -> dict[str, str]:
        """The fields by all names that a column of them may have."""
        own = {plain(label): field for label, field in self.labels.items()}
        names = [*self.customer_fields, *self.slot_fields, REASON_FIELD]
        return {**own, **{plain(name): name for name in names}}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is read. Its names are those of its JSON, which is kept with an import."""

    header: list[str]
    """The cells of the first line."""

    header_line: int
    """Its number."""

    customer_field: str
    """What names the customers, one of the `customer_fields` of its columns."""

    customer_column: int
    """Where that stands, from 0."""

    slots: dict[int, int]
    """By column, from 0: the slot that its values are for."""

    ignored: list[str]
    """The columns that are nothing of this."""

    delimiter: str = ","
    """What stands between the cells of a CSV file."""

    sheet: str = ""
    """The name of the sheet that is read, "" where the file has no sheets."""

    other_sheets: list[str] = dataclass_field(default_factory=list)
    """Those that are not read."""

    @property
    def width(self) -> int:
        """How many cells a line has."""
        return len(self.header)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Layout":
        """Return what `as_json` made of it."""
        slots = {int(column): slot for column, slot in kept["slots"].items()}  # JSON knows only texts as keys
        return cls(**{**kept, "slots": slots})


def read_header(header: Sequence[str], columns: Columns, *, header_line: int, delimiter: str = ",") -> Layout:
    """Return how a file with this first line is read. Raises `AccessImportError`."""
    while header and not header[-1].strip():
        header = header[:-1]
    if len(header) > MOST_COLUMNS:
        raise columns_error(_("The file has more than %(most)d columns."), most=MOST_COLUMNS)
    by_name = columns.by_name
    known = [by_name.get(plain(name), "") for name in header]
    for name, field in zip(header, known, strict=True):
        if not field:
            _refuse_slip(name, by_name)
    for field in set(known) - {""}:
        if known.count(field) > 1:
            raise columns_error(_("The file has two columns for %(name)s."), name=field)
    customer_fields = [field for field in known if field in columns.customer_fields]
    if len(customer_fields) != 1:
        text = columns.several_customers if customer_fields else columns.no_customer
        raise columns_error(text, names=", ".join(customer_fields or columns.customer_fields))
    slots = {column: columns.slot_fields[field] for column, field in enumerate(known) if field in columns.slot_fields}
    if not slots:
        raise columns_error(columns.no_slot, names=", ".join(columns.slot_fields))
    return Layout(
        header=[str(name) for name in header],
        header_line=header_line,
        customer_field=customer_fields[0],
        customer_column=known.index(customer_fields[0]),
        slots=slots,
        ignored=[str(name) for name, field in zip(header, known, strict=True) if not field and name.strip()],
        delimiter=delimiter,
    )


def is_of_failures(header: Sequence[str]) -> bool:
    """Say whether a file with this first line is one of lines that were not imported, whose formulas are escaped."""
    return any(plain(name) == REASON_FIELD for name in header)


def plain(name: str) -> str:
    """Return a name without what people write one way or the other: case, blanks, dashes."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _refuse_slip(name: str, by_name: Mapping[str, str]) -> None:
    """Raise `AccessImportError` where a column is almost a known one."""
    close = difflib.get_close_matches(plain(name), by_name, n=1, cutoff=SLIP)
    if close:
        text = _("The file has a column %(name)s: did you mean %(known)s?")
        raise columns_error(text, name=name, known=by_name[close[0]])


def columns_error(text: str | Promise, **values: object) -> AccessImportError:
    """Return what is wrong with the columns of a file, with values in their places."""
    return AccessImportError("file", str(text) % values, code="columns")

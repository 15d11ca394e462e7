"""Which column of a file is what, by its first line."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as dataclass_field
from typing import Any

from django.utils.translation import gettext as _

from django_plenigo import conf
from django_plenigo.errors import AccessImportError

#: What may name the customer. An address is the one that plenigo has acknowledged; an access id is one of any slot.
CUSTOMER_FIELDS = ("customer_id", "external_id", "email", "access_id")

SLOT_FIELDS = {f"access_id_{slot}": slot for slot in range(1, conf.ACCESS_ID_SLOTS + 1)}

#: In the file of what was not imported: why. It is passed over when such a file comes back.
REASON_FIELD = "reason"

MOST_COLUMNS = 100

#: One letter more or less in a name of a column, and ids would silently stay out.
SLIP = 0.88


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is read."""

    header: list[str]
    """The cells of the first line."""

    header_line: int
    """Its number."""

    customer_field: str
    """What names the customers, one of `CUSTOMER_FIELDS`."""

    customer_column: int
    """Where that stands, from 0."""

    slots: dict[int, int]
    """By column, from 0: the slot that its ids are for."""

    ignored: list[str]
    """The columns that are nobody's id."""

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


def read_header(header: Sequence[str], account: str, *, header_line: int, delimiter: str = ",") -> Layout:
    """Return how a file with this first line is read. Raises `AccessImportError`."""
    while header and not header[-1].strip():
        header = header[:-1]
    if len(header) > MOST_COLUMNS:
        raise _error(_("The file has more than %(most)d columns.") % {"most": MOST_COLUMNS}, "columns")
    labels = _labels(account)
    known = [labels.get(_plain(name), "") for name in header]
    for name, field in zip(header, known, strict=True):
        if not field:
            _refuse_slip(name, labels)
    for field in set(known) - {""}:
        if known.count(field) > 1:
            raise _error(_("The file has two columns for %(name)s.") % {"name": field}, "columns")
    customer_fields = [field for field in known if field in CUSTOMER_FIELDS]
    if len(customer_fields) != 1:
        text = (
            _("The file has several columns that name the customer: leave one of %(names)s.")
            if customer_fields
            else _("The file has no column that names the customer: %(names)s.")
        )
        raise _error(text % {"names": ", ".join(customer_fields or CUSTOMER_FIELDS)}, "columns")
    slots = {column: SLOT_FIELDS[field] for column, field in enumerate(known) if field in SLOT_FIELDS}
    if not slots:
        raise _error(
            _("The file has no column of access IDs: %(names)s.") % {"names": ", ".join(SLOT_FIELDS)}, "columns"
        )
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
    return any(_plain(name) == REASON_FIELD for name in header)


def _labels(account: str) -> dict[str, str]:
    """Return the known fields by all names that a column of them may have."""
    own = {
        _plain(label): field for label, field in zip(conf.Account(account).access_id_labels, SLOT_FIELDS, strict=True)
    }
    names = [*CUSTOMER_FIELDS, *SLOT_FIELDS, REASON_FIELD]
    return {**own, **{_plain(name): name for name in names}}


def _plain(name: str) -> str:
    """Return a name without what people write one way or the other: case, blanks, dashes."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _refuse_slip(name: str, labels: Mapping[str, str]) -> None:
    """Raise `AccessImportError` where a column is almost a known one."""
    if re.fullmatch(r"access id \d+", _plain(name)):
        text = _("The file has a column %(name)s, but plenigo knows four access IDs of a customer.") % {"name": name}
        raise _error(text, "columns")
    close = difflib.get_close_matches(_plain(name), labels, n=1, cutoff=SLIP)
    if close:
        text = _("The file has a column %(name)s: did you mean %(known)s?") % {"name": name, "known": labels[close[0]]}
        raise _error(text, "columns")


def _error(problem: str, code: str) -> AccessImportError:
    return AccessImportError("file", problem, code=code)

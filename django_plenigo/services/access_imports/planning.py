"""What would come of a file, before anything is imported."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services.access_ids import Reason
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.access_imports.lines import Row, bad_line, column_of
from django_plenigo.services.access_imports.reading import chunks_of, opened_rows, read_line, split
from django_plenigo.services.access_imports.seen import Seen
from django_plenigo.services.access_imports.subjects import Judged, Subject, subject_of
from django_plenigo.tracebacks import without_secrets


@dataclass(slots=True)
class Plan:
    """What comes of the lines of a file, empty ones left out."""

    new: int = 0
    """Lines that fill empty places alone."""
    changed: int = 0
    """Lines of which a value takes the place of another."""
    same: int = 0
    """Lines of which all is in place."""
    bad: int = 0
    """Lines that are not imported."""
    last_line: int = 0
    """The number of the last line."""

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return self.new + self.changed + self.same + self.bad

    def as_counts(self) -> dict[str, int]:
        """Return them by the names of an import's fields."""
        return {
            "line_count": self.lines,
            "new_count": self.new,
            "changed_count": self.changed,
            "same_count": self.same,
            "bad_count": self.bad,
            "last_line": self.last_line,
        }

    @property
    def has_work(self) -> bool:
        """Whether there is anything to import."""
        return bool(self.new or self.changed)


@without_secrets
def plan_file(
    file: IO[bytes], access_import: AccessImport, observe: Callable[[Plan, list[AccessImportLine]], object]
) -> Plan:
    """Return what would come of a file that is kept nowhere, see `plan_rows`."""
    with opened_rows(file, access_import.file_format, Layout.from_json(access_import.layout)) as rows:
        return plan_rows(rows, access_import, observe)


def plan_rows(
    rows: Iterator[Row], access_import: AccessImport, observe: Callable[[Plan, list[AccessImportLine]], object]
) -> Plan:
    """Return what would come of the lines of a file.

    `observe` gets it so far after each chunk, and the bad lines of the chunk. Of two lines for one customer, or with
    one new value, the first counts. Raises `AccessImportError`.
    """
    plan, layout, subject = Plan(), Layout.from_json(access_import.layout), subject_of(access_import)
    with Seen(subject.key_type) as seen:
        for chunk in chunks_of(rows, layout, after=0):
            bad = _plan_chunk(chunk, subject, layout, seen, plan)
            plan.bad += len(bad)
            plan.last_line = chunk[-1][0]
            observe(plan, sorted(bad, key=lambda line: line.number))
    return plan


def _plan_chunk(rows: list[Row], subject: Subject, layout: Layout, seen: Seen, plan: Plan) -> list[AccessImportLine]:
    """Count the good lines of a chunk and return the bad ones."""
    lines, bad = split(read_line(row, layout, subject) for row in rows)
    good, refused = subject.judge(layout, lines)
    new_lines, repeated = _without_repeated(good, subject, layout, seen)
    for each in new_lines:
        if not each.changes:
            plan.same += 1
        elif each.is_overwriting:
            plan.changed += 1
        else:
            plan.new += 1
    return bad + refused + repeated


def _without_repeated(
    lines: list[Judged], subject: Subject, layout: Layout, seen: Seen
) -> tuple[list[Judged], list[AccessImportLine]]:
    """Return the lines whose customer and new values stand in no line before, and the others."""
    customers = seen.lines_of_customers([each.customer.key for each in lines])
    values = seen.lines_of_values([value for each in lines for value in each.changes.values()])
    earlier_customers, earlier_values = set(customers), set(values)
    good, bad = [], []
    for each in lines:
        number, key = each.line.number, each.customer.key
        repeated = _repeated(each, subject, layout, customers, values)
        if repeated is not None:
            bad.append(repeated)
            continue
        good.append(each)
        customers[key] = number
        values.update(dict.fromkeys(each.changes.values(), number))
    seen.add(
        [item for item in customers.items() if item[0] not in earlier_customers],
        [item for item in values.items() if item[0] not in earlier_values],
    )
    return good, bad


def _repeated(
    each: Judged, subject: Subject, layout: Layout, customers: dict[int | str, int], values: dict[str, int]
) -> AccessImportLine | None:
    line = each.line
    first = customers.get(each.customer.key)
    if first is not None:
        column = layout.header[layout.customer_column]
        return bad_line(line.number, line.cells, subject.same_customer, column, line.customer, first)
    for slot, value in each.changes.items():
        if value in values:
            column = column_of(layout, slot)
            return bad_line(line.number, line.cells, Reason.SAME_VALUE, column, value, values[value])
    return None

"""Access ids of an account's customers."""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_plenigo import conf
from django_plenigo.models import AccessId, AccessImportLine
from django_plenigo.services import access_ids, outbox
from django_plenigo.services.access_ids import Owner, Reason, flaw_of, judge, owners_of
from django_plenigo.services.access_imports.layout import Columns, Layout, columns_error, plain
from django_plenigo.services.access_imports.lines import CHUNK, Line, bad_line, column_of
from django_plenigo.services.access_imports.subjects.base import Customer, Judged, Subject, flaw_of_cell

#: What may name the customer. An address is the one that plenigo has acknowledged; an access id is one of any slot.
CUSTOMER_FIELDS = ("customer_id", "external_id", "email", "access_id")

SLOT_FIELDS = {f"access_id_{slot}": slot for slot in range(1, conf.ACCESS_ID_SLOTS + 1)}


class AccessIds(Subject):
    """Access ids, by which the customers of an account are known elsewhere. A customer is the key of her link."""

    key_type: ClassVar = "INTEGER"
    no_value: ClassVar = Reason.NO_ACCESS_ID
    same_customer: ClassVar = Reason.SAME_CUSTOMER

    @property
    def columns(self) -> Columns:
        """The columns that a file may have."""
        labels = conf.Account(self.access_import.account).access_id_labels
        return Columns(
            CUSTOMER_FIELDS,
            SLOT_FIELDS,
            labels=dict(zip(labels, SLOT_FIELDS, strict=True)),
            no_customer=gettext_lazy("The file has no column that names the customer: %(names)s."),
            several_customers=gettext_lazy(
                "The file has several columns that name the customer: leave one of %(names)s."
            ),
            no_slot=gettext_lazy("The file has no column of access IDs: %(names)s."),
        )

    def read_header(self, header: Sequence[str], *, header_line: int, delimiter: str) -> Layout:
        """Return how a file with this first line is read. Raises `AccessImportError`."""
        by_name = self.columns.by_name
        for name in header:
            if re.fullmatch(r"access id \d+", plain(name)) and plain(name) not in by_name:
                text = _("The file has a column %(name)s, but plenigo knows four access IDs of a customer.")
                raise columns_error(text, name=name)
        return super().read_header(header, header_line=header_line, delimiter=delimiter)

    def flaw_of_customer(self, layout: Layout, cell: str, value: str) -> Reason | None:
        """Return why a cell with this trimmed value names nobody, None where it may name somebody. No I/O."""
        return flaw_of_cell(cell, value) or flaw_of(value)

    def flaw_of_value(self, slot: int, cell: str, value: str) -> Reason | None:
        """Return why a cell with this trimmed value is no id, None where it is one. No I/O."""
        return flaw_of_cell(cell, value) or flaw_of(value)

    def judge(self, layout: Layout, lines: list[Line]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return lines with their customers and changes, and the bad ones.

        One query for the customers, and one for the ids that are not in place, where there are any.
        """
        found, bad = self._find_customers(layout, lines)
        good, taken = self._judge_changes(layout, found)
        return good, bad + taken

    def look_again(self, layout: Layout, lines: list[Judged]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return the lines that may be written, and those that would undo what was entered since the plan.

        One query; none where no line overwrites anything.
        """
        links = [each.customer.key for each in lines if each.is_overwriting]
        if not links:
            return lines, []
        planned_at = self.access_import.planned_at or self.access_import.created_at
        found = access_ids.rows().filter(link__in=links).values_list("link_id", "slot", "pk", "value", "imported_at")
        there = {(link_key, slot): (pk, value, at) for link_key, slot, pk, value, at in found}
        good, bad = [], []
        for each in lines:
            changes = {slot: there[key] for slot in each.changes if (key := (each.customer.key, slot)) in there}
            later = [s for s, (_pk, value, at) in changes.items() if at > planned_at and value != each.changes[s]]
            if later:
                line, slot = each.line, min(later)
                column = column_of(layout, slot)
                bad.append(bad_line(line.number, line.cells, Reason.CHANGED_SINCE, column, line.wanted[slot]))
                continue
            good.append(each)
            if changes:
                each.replaced = tuple(pk for pk, _value, _at in changes.values())
        return good, bad

    def write(self, lines: list[Judged]) -> None:
        """Write the ids and note whose plenigo is to be told. Raises `IntegrityError` where others were faster."""
        replaced = [pk for each in lines for pk in each.replaced]
        if replaced:
            # By their keys, so that what has come into their places since they were read stays, and meets the
            # constraints. Not by an update: two that change places would be one value twice in between.
            access_ids.rows().filter(pk__in=replaced).delete()
        now, access_import = timezone.now(), self.access_import
        new = (
            AccessId(
                link_id=each.customer.key,
                account=access_import.account,
                slot=slot,
                value=value,
                imported_by_id=access_import.created_by_id,
                imported_at=now,
                imported_from=access_import.file_name,
            )
            for each in lines
            for slot, value in each.changes.items()
        )
        while some := list(islice(new, CHUNK)):  # a line may bring four
            access_ids.rows().bulk_create(some)
        outbox.note_access_ids(access_import.account, [each.customer.key for each in lines])

    def _find_customers(self, layout: Layout, lines: list[Line]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return lines with their customers, and those whose customer is nobody or not only one. One query."""
        known, ambiguous = self._customers(layout.customer_field, {_key(layout, line) for line in lines})
        found, bad = [], []
        for line in lines:
            key = _key(layout, line)
            if key in known and key not in ambiguous:
                found.append(Judged(line, known[key]))
            else:
                reason = Reason.AMBIGUOUS if key in ambiguous else Reason.NO_CUSTOMER
                column = layout.header[layout.customer_column]
                bad.append(bad_line(line.number, line.cells, reason, column, line.customer))
        return found, bad

    def _judge_changes(self, layout: Layout, lines: list[Judged]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return lines with their changes, and those whose ids somebody has already.

        One query; none where all ids are in place already.
        """
        wanted = {
            value
            for each in lines
            for slot, value in each.line.wanted.items()
            if each.customer.slots.get(slot) != value
        }
        owners: dict[str, Owner] = owners_of(self.access_import.account, wanted) if wanted else {}
        good, bad = [], []
        for each in lines:
            line, customer = each.line, each.customer
            verdict = judge(customer.key, line.wanted, customer.slots, owners)
            if verdict.refusal is None:
                each.changes, each.is_overwriting = verdict.changes, verdict.is_overwriting
                good.append(each)
            else:
                slot, reason = verdict.refusal
                bad.append(bad_line(line.number, line.cells, reason, column_of(layout, slot), line.wanted[slot]))
        return good, bad

    def _customers(self, field_name: str, keys: Collection[str]) -> tuple[dict[str, Customer], set[str]]:
        """Return the registered customers by what names them, and what names several of them. One query."""
        known: dict[str, Customer] = {}
        ambiguous: set[str] = set()
        for key, link_key, slot, value in self._found(field_name, keys):
            customer = known.get(key)
            if customer is None:
                customer = known[key] = Customer(link_key)
            elif customer.key != link_key:
                ambiguous.add(key)
                continue
            if slot is not None:
                customer.slots[slot] = value
        return known, ambiguous

    def _found(self, field_name: str, keys: Collection[str]) -> Iterable[tuple[str, int, int | None, str]]:
        """Yield what names a customer, the key of her link, and each of her access ids, or None in their place."""
        account = self.access_import.account
        if field_name == "access_id":
            named = access_ids.rows().filter(account=account, value__in=keys)
            return named.values_list("value", "link_id", "link__access_ids__slot", "link__access_ids__value")
        column = "email_key" if field_name == "email" else field_name
        links = outbox.links().filter(**{f"{column}__in": keys}, account=account)
        if field_name == "email":
            links = links.exclude(customer_id=None, external_id=None)
        return links.values_list(column, "pk", "access_ids__slot", "access_ids__value")


def _key(layout: Layout, line: Line) -> str:
    # An address is the same whatever its case.
    return line.customer.lower() if layout.customer_field == "email" else line.customer

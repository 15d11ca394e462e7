"""What comes of the lines of a chunk, by what this site knows of their customers. Nothing is written."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django_plenigo.models import AccessImportLine
from django_plenigo.services import outbox
from django_plenigo.services.access_ids import Owner, Reason, judge, owners_of, rows
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.access_imports.lines import Line, bad_line, column_of


@dataclass(slots=True)
class Customer:
    """A customer whom a line may name, and her access ids by slot."""

    link_key: int
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


def find_customers(account: str, layout: Layout, lines: Iterable[Line]) -> tuple[list[Judged], list[AccessImportLine]]:
    """Return lines with their customers, and those whose customer is nobody or not only one. One query."""
    lines = list(lines)
    known, ambiguous = _customers(account, layout.customer_field, {_key(layout, line) for line in lines})
    found, bad = [], []
    for line in lines:
        key = _key(layout, line)
        if key in known and key not in ambiguous:
            found.append(Judged(line, known[key]))
        else:
            reason = Reason.AMBIGUOUS if key in ambiguous else Reason.NO_CUSTOMER
            bad.append(bad_line(line.number, line.cells, reason, layout.header[layout.customer_column], line.customer))
    return found, bad


def judge_changes(account: str, layout: Layout, lines: Iterable[Judged]) -> tuple[list[Judged], list[AccessImportLine]]:
    """Return lines with their changes, and those whose ids somebody has already.

    One query; none where all ids are in place already.
    """
    lines = list(lines)
    wanted = {
        value for each in lines for slot, value in each.line.wanted.items() if each.customer.slots.get(slot) != value
    }
    owners: dict[str, Owner] = owners_of(account, wanted) if wanted else {}
    good, bad = [], []
    for each in lines:
        line, customer = each.line, each.customer
        verdict = judge(customer.link_key, line.wanted, customer.slots, owners)
        if verdict.refusal is None:
            each.changes, each.is_overwriting = verdict.changes, verdict.is_overwriting
            good.append(each)
        else:
            slot, reason = verdict.refusal
            bad.append(bad_line(line.number, line.cells, reason, column_of(layout, slot), line.wanted[slot]))
    return good, bad


def _key(layout: Layout, line: Line) -> str:
    # An address is the same whatever its case.
    return line.customer.lower() if layout.customer_field == "email" else line.customer


def _customers(account: str, field_name: str, keys: Collection[str]) -> tuple[dict[str, Customer], set[str]]:
    """Return the registered customers by what names them, and what names several of them. One query."""
    known: dict[str, Customer] = {}
    ambiguous: set[str] = set()
    for key, link_key, slot, value in _found(account, field_name, keys):
        customer = known.get(key)
        if customer is None:
            customer = known[key] = Customer(link_key)
        elif customer.link_key != link_key:
            ambiguous.add(key)
            continue
        if slot is not None:
            customer.slots[slot] = value
    return known, ambiguous


def _found(account: str, field_name: str, keys: Collection[str]) -> Iterable[tuple[str, int, int | None, str]]:
    """Yield what names a customer, the key of her link, and each of her access ids, or None in their place."""
    if field_name == "access_id":
        named = rows().filter(account=account, value__in=keys)
        return named.values_list("value", "link_id", "link__access_ids__slot", "link__access_ids__value")
    column = "email_key" if field_name == "email" else field_name
    links = outbox.links().filter(**{f"{column}__in": keys}, account=account)
    if field_name == "email":
        links = links.exclude(customer_id=None, external_id=None)
    return links.values_list(column, "pk", "access_ids__slot", "access_ids__value")

"""References of a portal, by which its vendor knows the users of this site. One that is there is never moved."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError
from django_plenigo.models import AccessImport, AccessImportLine, PortalAccount
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.services import customers, outbox
from django_plenigo.services.access_ids import Reason
from django_plenigo.services.access_imports.layout import Columns, Layout, columns_error
from django_plenigo.services.access_imports.lines import Line, bad_line, column_of
from django_plenigo.services.access_imports.reasons import ReferenceReason
from django_plenigo.services.access_imports.subjects.base import (
    Customer,
    Judged,
    RowsChangedError,
    Subject,
    flaw_of_cell,
)
from django_plenigo.services.rows import rows_of

Provenance = PortalAccount.Provenance

#: What may name the user: her address on this site, her primary key, what she logs in with, or an id of her links.
USER_FIELDS = ("email", "user_id", "username", "customer_id", "external_id")

#: The vendor's own id of her, or one that the site has given the vendor. A file has references of one kind.
OWN, EXTERNAL = 1, 2
SLOT_FIELDS = {"reference": OWN, "external_reference": EXTERNAL}

LONGEST_REFERENCE: Any = PortalAccount._meta.get_field("reference").max_length

#: A spreadsheet keeps so many digits of a number; a primary key that is one has lost none.
MOST_SAFE_DIGITS = 15


class Known(NamedTuple):
    """A reference, of which kind it is, and whether an agent has seen to it."""

    reference: str | None
    slot: int = OWN
    is_by_hand: bool = False


NOTHING = Known(None)


class References(Subject):
    """References of one portal. A customer is a user, by the text of her primary key."""

    key_type: ClassVar = "TEXT"
    no_value: ClassVar = ReferenceReason.NO_REFERENCE
    same_customer: ClassVar = ReferenceReason.SAME_USER

    def __init__(self, access_import: AccessImport) -> None:
        """Begin with whose references they are. Raises `ConfigurationError`."""
        super().__init__(access_import)
        self._portal = backends.portal_class(access_import.portal)

    @property
    def columns(self) -> Columns:
        """The columns that a file may have."""
        return Columns(
            USER_FIELDS,
            SLOT_FIELDS,
            labels={},
            no_customer=gettext_lazy("The file has no column that names the user: %(names)s."),
            several_customers=gettext_lazy("The file has several columns that name the user: leave one of %(names)s."),
            no_slot=gettext_lazy("The file has no column of references: %(names)s."),
        )

    def read_header(self, header: Sequence[str], *, header_line: int, delimiter: str) -> Layout:
        """Return how a file with this first line is read. Raises `AccessImportError`."""
        layout = super().read_header(header, header_line=header_line, delimiter=delimiter)
        if len(layout.slots) > 1:
            text = _("The file has several columns of references: leave one of %(names)s.")
            raise columns_error(text, names=", ".join(SLOT_FIELDS))
        if layout.customer_field == "email" and not customers.has_addresses():
            raise columns_error(_("The users of this site have no address: name them by another column."))
        if _is_by_address(layout) and not conf.Account(conf.DEFAULT_ACCOUNT).verifies_addresses:
            text = _(
                "The column %(name)s names users by addresses, of which this site does not say that it has verified "
                "them: set EMAIL_IS_VERIFIED of the account default, or name the users by user_id."
            )
            raise columns_error(text, name=layout.header[layout.customer_column])
        return layout

    def flaw_of_customer(self, layout: Layout, cell: str, value: str) -> models.TextChoices | None:
        """Return why a cell with this trimmed value names nobody, None where it may name somebody. No I/O."""
        if layout.customer_field == "user_id" and value.isdecimal() and len(value) <= MOST_SAFE_DIGITS:
            return None  # also as a spreadsheet's number
        return flaw_of_cell(cell, value) or _flaw_of_text(value)

    def flaw_of_value(self, slot: int, cell: str, value: str) -> models.TextChoices | None:
        """Return why a cell with this trimmed value is no reference of a kind, None where it is one. No I/O."""
        too_long = ReferenceReason.TOO_LONG if len(value) > LONGEST_REFERENCE else None
        flaw = flaw_of_cell(cell, value) or too_long or _flaw_of_text(value)
        if flaw is not None:
            return flaw
        try:
            self._portal.check_reference(CustomerRef(value, is_external=slot == EXTERNAL))
        except InvalidValueError:
            return ReferenceReason.NOT_THE_VENDORS
        return None

    def judge(self, layout: Layout, lines: list[Line]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return lines with their users and what is new of them, and the bad ones.

        Three queries, and one more where addresses name them.
        """
        found, bad = self._find_users(layout, lines)
        slot = next(iter(layout.slots.values()))
        accounts = self._accounts_of([each.customer.key for each in found])
        owners = self._owners_of([each.line.wanted[slot] for each in found])
        good = []
        for each in found:
            line, customer, value = each.line, each.customer, each.line.wanted[slot]
            known = accounts.get(customer.key, NOTHING)
            if known.reference:
                customer.slots[known.slot] = known.reference
            reason = _refusal(customer.key, known, Known(value, slot), owners.get(value))
            if reason is not None:
                bad.append(bad_line(line.number, line.cells, reason, column_of(layout, slot), value))
                continue
            if not known.reference:
                each.changes = {slot: value}
            good.append(each)
        return good, bad

    def look_again(self, layout: Layout, lines: list[Judged]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return the lines that may be written, and those that have come to name the same user since the plan.

        None of them overwrites anything. But a user may have been given the address that another line has.
        """
        first_lines: dict[str, int] = {}
        good, bad = [], []
        for each in lines:
            line = each.line
            first = first_lines.setdefault(each.customer.key, line.number)
            if first == line.number:
                good.append(each)
                continue
            column = layout.header[layout.customer_column]
            bad.append(bad_line(line.number, line.cells, self.same_customer, column, line.customer, first))
        return good, bad

    def write(self, lines: list[Judged]) -> None:
        """Write the references of users who have none.

        Raises `RowsChangedError` where one of them has one by now or may have none, and `IntegrityError` where a
        reference is another's by now.
        """
        changes = {each.customer.key: next(iter(each.changes.items())) for each in lines}
        found = (
            rows_of(PortalAccount)
            .select_for_update()
            .filter(portal=self.access_import.portal, user_id__in=list(changes))
        )
        keys = {}
        for key, user_key, reference, provenance in found.values_list("pk", "user_id", "reference", "provenance"):
            if reference or provenance == Provenance.BY_HAND:
                raise RowsChangedError
            keys[str(user_key)] = key  # she has a reference of ours
        bound = {
            "provenance": Provenance.FILE,
            "bound_at": timezone.now(),
            "bound_by_id": self.access_import.created_by_id,
            "bound_from": self.access_import.file_name,
        }
        new: list[PortalAccount] = []
        known: list[PortalAccount] = []
        for user_key, (slot, value) in changes.items():
            account = PortalAccount(pk=keys.get(str(user_key)), portal=self.access_import.portal, user_id=user_key)
            account.reference, account.is_external = value, slot == EXTERNAL
            for name, of_all in bound.items():
                setattr(account, name, of_all)
            (new if account.pk is None else known).append(account)
        rows_of(PortalAccount).bulk_create(new)
        if known:
            rows_of(PortalAccount).bulk_update(known, ["reference"])
            # What is the same for all of them needs no long statement.
            is_external = known[0].is_external
            keys_of_known = [account.pk for account in known]
            rows_of(PortalAccount).filter(pk__in=keys_of_known).update(
                **bound, is_external=is_external, updated_at=bound["bound_at"]
            )

    def _find_users(self, layout: Layout, lines: list[Line]) -> tuple[list[Judged], list[AccessImportLine]]:
        """Return lines with their users, and those whose user is nobody, not only one, or not known to be her.

        Anybody can register with somebody else's address, and would be let in as that customer. So an address counts
        once this site has verified it. One query, and one more where addresses name the users.
        """
        named = [(line, _key(layout.customer_field, line.customer)) for line in lines]
        users: dict[str, set[str]] = defaultdict(set)
        for key, user_key in _found(layout.customer_field, {key for _line, key in named if key}):
            users[key].add(str(user_key))
        certain = set().union(*users.values())
        if _is_by_address(layout):
            certain = {str(user_key) for user_key in customers.with_verified_email(certain)}
        found, bad = [], []
        for line, key in named:
            keys = users.get(key, set())
            reason = _flaw_of_users(keys, certain)
            if reason is None:
                found.append(Judged(line, Customer(next(iter(keys)))))
                continue
            column = layout.header[layout.customer_column]
            bad.append(bad_line(line.number, line.cells, reason, column, line.customer))
        return found, bad

    def _accounts_of(self, keys: Collection[str]) -> dict[str, Known]:
        """Return what users have. One query."""
        found = rows_of(PortalAccount).filter(portal=self.access_import.portal, user_id__in=set(keys))
        return {
            str(user_key): Known(reference, EXTERNAL if is_external else OWN, provenance == Provenance.BY_HAND)
            for user_key, reference, is_external, provenance in found.values_list(
                "user_id", "reference", "is_external", "provenance"
            )
        }

    def _owners_of(self, references: Collection[str]) -> dict[str, str]:
        """Return who has these references, without those that nobody has. One query."""
        found = rows_of(PortalAccount).filter(portal=self.access_import.portal, reference__in=set(references))
        return {str(reference): str(user_key) for reference, user_key in found.values_list("reference", "user_id")}


def _flaw_of_users(keys: set[str], certain: set[str]) -> ReferenceReason | None:
    """Return why whom a line names cannot be told from these users, None where it is the only one. No I/O."""
    if len(keys) != 1:
        return ReferenceReason.AMBIGUOUS if keys else ReferenceReason.NO_USER
    return None if keys <= certain else ReferenceReason.UNVERIFIED


def _refusal(user_key: str, known: Known, wanted: Known, owner: str | None) -> ReferenceReason | None:
    """Return why a reference cannot be a user's, None where it can or is already. No I/O."""
    if owner is not None and owner != user_key:
        return ReferenceReason.OF_ANOTHER_USER
    if not known.reference:
        # An agent may have taken it away, which leaves her hand as the provenance of nothing.
        return ReferenceReason.TAKEN_AWAY if known.is_by_hand else None
    if known.reference != wanted.reference:
        return ReferenceReason.USER_HAS_ANOTHER
    return None if known.slot == wanted.slot else ReferenceReason.OTHER_KIND


def _flaw_of_text(value: str) -> Reason | None:
    if not value:
        return Reason.BLANK
    return None if value.isprintable() else Reason.UNPRINTABLE


def _is_by_address(layout: Layout) -> bool:
    """Say whether a file names users by their addresses."""
    by_log_in = layout.customer_field == "username" and customers.logs_in_by_address()
    return layout.customer_field == "email" or by_log_in


def _key(field_name: str, value: str) -> str:
    """Return what a user is found by, "" where nobody can be."""
    if field_name == "email":
        return value.lower()  # an address is the same whatever its case
    if field_name != "user_id":
        return value
    field: Any = get_user_model()._meta.pk
    while field.remote_field is not None:
        field = field.target_field  # of a model that another one is the parent of
    try:
        key = field.to_python(value)
        field.run_validators(key)  # SQLite cannot even look for a number that is too large
    except ValidationError:
        return ""
    is_other_spelling = isinstance(key, int) and not (value.isascii() and value.isdecimal())  # as 1_000
    return "" if is_other_spelling else str(key)


def _found(field_name: str, keys: Collection[str]) -> Iterable[tuple[str, Any]]:
    """Yield what names a user, and her primary key."""
    if field_name == "email":
        return customers.users_by_address(keys)
    if field_name in ("customer_id", "external_id"):
        # In whichever account: whoever has an id in one and somebody else in another makes it ambiguous.
        links = outbox.links().filter(**{f"{field_name}__in": keys})
        return links.values_list(field_name, "user_id")
    model = get_user_model()
    users = rows_of(model)
    if field_name == "username":
        return users.filter(**{f"{model.USERNAME_FIELD}__in": keys}).values_list(model.USERNAME_FIELD, "pk")
    return ((str(key), key) for key in users.filter(pk__in=keys).values_list("pk", flat=True))

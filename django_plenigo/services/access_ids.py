"""Access ids: up to four further keys of a customer, of the site's other systems."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.errors import AccessImportError, InvalidValueError
from django_plenigo.models import AccessId, CustomerLink
from django_plenigo.services import customers, outbox
from django_plenigo.services.rows import rows_of
from django_plenigo.tracebacks import without_secrets

LONGEST_VALUE = 100

#: How often an import begins anew that met another one on the same rows.
ATTEMPTS = 5


class Reason(models.TextChoices):
    """Why an access id, or the line of a file that it stands in, is not imported."""

    NO_TEXT = "no_text", _("must be text")
    BLANK = "blank", _("is blank")
    TOO_LONG = "too_long", _("is longer than 100 characters")
    UNPRINTABLE = "unprintable", _("holds a control character or another one that nobody sees")
    REPEATED = "repeated", _("stands twice for the same customer")
    OTHER_SLOT = "other_slot", _("is another access ID of the same customer already")
    TAKEN = "taken", _("is an access ID of another customer")
    NOT_REGISTERED = "not_registered", _("is not registered with plenigo yet: register the user first")
    NO_CUSTOMER = "no_customer", _("no customer of this site has this ID: register the user first")
    AMBIGUOUS = "ambiguous", _("several customers have this address")
    NO_ACCESS_ID = "no_access_id", _("the line has no access ID")
    TOO_MANY_CELLS = "too_many_cells", _("the line has more cells than the first one")
    SAME_VALUE = "same_value", _("stands in line %(line)d already")
    SAME_CUSTOMER = "same_customer", _("the same customer stands in line %(line)d already")
    CHANGED_SINCE = (
        "changed_since",
        _("was entered otherwise here after the file was checked: if the file is right, import this line again"),
    )
    NUMBER = "number", _("the spreadsheet has made a number of this ID, which may have lost digits: make it text")
    DATE = "date", _("the spreadsheet has made a date of this ID: make it text")
    FORMULA = "formula", _("is a formula: put in its value as text")
    CELL_ERROR = "cell_error", _("the spreadsheet shows an error here")


@dataclass(frozen=True, slots=True)
class AssignedAccessIds:
    """What an import has come to."""

    link: CustomerLink
    """Whose access ids they are."""

    changed_slots: tuple[int, ...]
    """The slots, 1 to 4, that had another value or none before; empty where nothing was to be done."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has an access id."""

    link_key: int
    slot: int


@dataclass(slots=True)
class Verdict:
    """What comes of values that are to be a customer's access ids."""

    changes: dict[int, str] = field(default_factory=dict, repr=False)
    """By slot: what is to be written."""

    is_overwriting: bool = False
    """Whether one of them takes the place of another value."""

    refusal: tuple[int, Reason] | None = None
    """The slot that cannot be written, and why; nothing is written then."""


def values_of(link: CustomerLink) -> list[str | None]:
    """Return a customer's access ids by slot, None where a slot is empty."""
    values: list[str | None] = [None] * conf.ACCESS_ID_SLOTS
    for access_id in link.access_ids.all():
        values[access_id.slot - 1] = access_id.value
    return values


def rows() -> models.QuerySet[AccessId]:
    """Return all access ids, where they are written: a replica may be late."""
    return rows_of(AccessId)


def flaw_of(value: str) -> Reason | None:
    """Return why a trimmed text can be nobody's access id, None where it can."""
    if not value:
        return Reason.BLANK
    if len(value) > LONGEST_VALUE:
        return Reason.TOO_LONG
    # No-break spaces and zero-width characters come with what is copied from a page, and make it another id.
    return None if value.isprintable() else Reason.UNPRINTABLE


def judge(link_key: int, wanted: Mapping[int, str], current: Mapping[int, str], owners: Mapping[str, Owner]) -> Verdict:
    """Return what comes of values, by slot, for one customer. No I/O.

    `current` are the customer's access ids by slot, `owners` who has the wanted ones that are not in their place.
    """
    changes = {slot: value for slot, value in wanted.items() if current.get(slot) != value}
    for slot, value in changes.items():
        owner = owners.get(value)
        if owner is not None and owner.link_key != link_key:
            return Verdict(refusal=(slot, Reason.TAKEN))
        # Where that slot gets another value too, the two change places.
        if owner is not None and owner.slot not in changes:
            return Verdict(refusal=(slot, Reason.OTHER_SLOT))
    return Verdict(changes, is_overwriting=any(slot in current for slot in changes))


def owners_of(account: str, values: Collection[str]) -> dict[str, Owner]:
    """Return who has these access ids, in one query, without those that nobody has."""
    found = rows().filter(account=account, value__in=values).values_list("value", "link_id", "slot")
    return {value: Owner(link_key, slot) for value, link_key, slot in found}


@without_secrets
def import_access_ids(
    user_or_customer: Any,
    ids: Sequence[str | None],
    *,
    using: str | None = None,
    imported_by: Any = None,
    imported_from: str = "",
) -> AssignedAccessIds:
    """Give a customer one to four access ids by position, None leaving that position as it is.

    `user_or_customer` is a user, a `CustomerLink`, a `CustomerRef`, or as text a customer id, an external id or an
    access id. The ids are trimmed. plenigo is told soon, where the account tells it any. Who, when and from where are
    kept with them. The same again changes nothing. Raises `AccessImportError` and writes nothing where the customer is
    none yet, or where an id is blank, longer than 100 characters, unprintable, twice there, or somebody else's.
    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    wanted = _checked(ids)
    link = _link(user_or_customer, using)
    for _attempt in range(ATTEMPTS):
        current = dict(rows().filter(link=link).values_list("slot", "value"))
        verdict = judge(link.pk, wanted, current, owners_of(link.account, wanted.values()))
        if verdict.refusal:
            raise _error(*verdict.refusal)
        if not verdict.changes:
            break
        try:
            _write(link, verdict.changes, imported_by, imported_from)
            break
        except IntegrityError:
            continue  # another import was faster: what it wrote is looked at anew
    else:
        raise _error(min(wanted), Reason.TAKEN)
    return AssignedAccessIds(link, tuple(verdict.changes))


def _checked(ids: Sequence[str | None]) -> dict[int, str]:
    """Return the ids by slot, trimmed. Raises `AccessImportError`."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Sequence):
        # A bare text would be taken for as many ids as it has characters.
        raise AccessImportError("ids", f"must be a list of one to four ids, not {type(ids).__name__}", code="no_list")
    if not 1 <= len(ids) <= conf.ACCESS_ID_SLOTS:
        raise AccessImportError("ids", f"must be one to {conf.ACCESS_ID_SLOTS}, not {len(ids)}", code="count")
    wanted: dict[int, str] = {}
    for slot, value in enumerate(ids, 1):
        if value is None:
            continue
        text = value.strip() if isinstance(value, str) else None
        flaw = Reason.NO_TEXT if text is None else flaw_of(text)
        if text is None or flaw is not None:
            raise _error(slot, flaw or Reason.NO_TEXT)
        if text in wanted.values():
            raise _error(slot, Reason.REPEATED)
        wanted[slot] = text
    if not wanted:
        raise AccessImportError("ids", "must be at least one", code="count")
    return wanted


def _link(user_or_customer: Any, using: str | None) -> CustomerLink:
    try:
        link = customers.find_link(user_or_customer, using=using)
    except InvalidValueError as error:
        raise AccessImportError(error.field, error.problem, code="customer") from None
    if link is None or not link.is_registered:
        is_id = link is None and not hasattr(user_or_customer, "is_authenticated")
        reason = Reason.NO_CUSTOMER if is_id else Reason.NOT_REGISTERED
        raise AccessImportError("customer", str(reason.label), code=reason.value)
    return link


def _error(slot: int, reason: Reason) -> AccessImportError:
    return AccessImportError(f"access_id_{slot}", str(reason.label), code=reason.value, slot=slot)


def _write(link: CustomerLink, changes: Mapping[int, str], imported_by: Any, imported_from: str) -> None:
    """Write ids and note that plenigo is to be told. Raises `IntegrityError`."""
    now = timezone.now()
    new = [
        AccessId(
            link_id=link.pk,
            account=link.account,
            slot=slot,
            value=value,
            imported_by=imported_by,
            imported_at=now,
            imported_from=imported_from[:200],
        )
        for slot, value in changes.items()
    ]
    with transaction.atomic(router.db_for_write(AccessId)):  # a savepoint within the transaction of a caller
        # Not by an update: two that change places would be one value twice in between.
        rows().filter(link_id=link.pk, slot__in=list(changes)).delete()
        rows().bulk_create(new)
        outbox.note_access_ids(link.account, [link.pk])

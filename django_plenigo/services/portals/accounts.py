"""Who a reader is at the portals: the reference that this site has issued, and the one that the vendor knows her by."""

import secrets
from collections.abc import Mapping
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError, PortalBindingError
from django_plenigo.models import CustomerLink, PortalAccount
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.services import outbox
from django_plenigo.services.rows import rows_of

Provenance = PortalAccount.Provenance

#: 160 bits that nobody guesses, as 40 small letters and digits: no vendor folds, cuts or escapes any of them
#: (docs/protocols/2checkout.md 8 takes 250 characters).
REFERENCE_BYTES = 20

#: What the columns take (docs/protocols/2checkout.md 8).
MOST_CHARACTERS, MOST_OF_SOURCE = 250, 200

#: The codes of a `PortalBindingError`, and what each says.
UNREADABLE = "unreadable"
OF_ANOTHER_USER = "of_another_user"
USER_HAS_ANOTHER = "user_has_another"
TAKEN_AWAY = "taken_away"
CHANGED = "changed"
PROBLEMS: Mapping[str, str | Promise] = {
    UNREADABLE: _("must be 1 to 250 characters, without blanks or line breaks at its ends"),
    OF_ANOTHER_USER: _("is another user's at this portal: take it away from that one first"),
    USER_HAS_ANOTHER: _("is not the one that this user has at this portal: an agent has to decide which is right"),
    TAKEN_AWAY: _("was taken away from this user by an agent: only an agent gives one back"),
    CHANGED: _("has been changed meanwhile: nothing was saved, look at what it is now"),
}


def account_of(user: Any, portal: str) -> PortalAccount | None:
    """Return a user's account at a portal, None for a visitor and where nothing is known.

    Its `is_bound` says whether the portal can be opened.
    """
    if user is None or not user.is_authenticated:
        return None
    return rows_of(PortalAccount).filter(portal=portal, user=user).first()


def accounts_of(user: Any) -> dict[str, PortalAccount]:
    """Return a user's accounts by portal, in the order of PLENIGO_PORTALS, in one query. None for a visitor."""
    if user is None or not user.is_authenticated or not conf.portals():
        return {}
    found = {account.portal: account for account in rows_of(PortalAccount).filter(user=user).select_related("bound_by")}
    return {portal: found[portal] for portal in conf.portals() if portal in found}


def customer_accounts_of(user: Any) -> list[str]:
    """Return the accounts of PLENIGO of which a user is a customer, in their order, in one query."""
    if user is None or not user.is_authenticated:
        return []
    links = CustomerLink.objects.filter(user=user, account__in=conf.accounts())
    registered = {link.account for link in links if link.is_registered}
    return [account for account in conf.accounts() if account in registered]


def customer_at(account: PortalAccount) -> CustomerRef:
    """Return how to address the vendor's customer of a bound account."""
    return CustomerRef(account.reference or "", is_external=account.is_external)


def reference_for(user: Any, portal: str) -> str:
    """Return the reference that this site has issued for a user at a portal, made at the first call.

    A purchase carries it to the vendor, and the vendor's webhook brings it back. Whoever asks at the same time gets the
    same one. Raises `ConfigurationError` for a portal that is not in PLENIGO_PORTALS.
    """
    conf.PortalEntry(portal).raw  # noqa: B018 - raises for a portal that there is not
    rows = rows_of(PortalAccount).filter(portal=portal, user=user)
    known = rows.values_list("our_reference", flat=True).first()
    if known:
        return known
    _make_row(user, portal)
    # Whoever writes first has issued it; the others read what that was.
    issued = secrets.token_hex(REFERENCE_BYTES)
    if rows.filter(our_reference=None).update(our_reference=issued):
        return issued
    # With a lock, which looks at what is there now: a caller's transaction may go on seeing, by the isolation level
    # "repeatable read" of MariaDB and MySQL, what was there at its first look.
    with transaction.atomic(rows.db):
        written = rows.exclude(our_reference=None).select_for_update()
        return cast("str", written.values_list("our_reference", flat=True).get())


def user_of_reference(portal: str, our_reference: str) -> Any:
    """Return for whom this site has issued a reference at a portal, None where it has not."""
    found = rows_of(PortalAccount).filter(portal=portal, our_reference=our_reference).select_related("user").first()
    return found.user if found is not None and our_reference else None


def bind(
    user: Any,
    portal: str,
    reference: str,
    *,
    provenance: str,
    is_external: bool = False,
    bound_by: Any = None,
    bound_from: str = "",
    replaces: PortalAccount | None = None,
) -> PortalAccount:
    """Let a reference be a user's at a portal, and return the account. Repeatable.

    A binding that is there is never moved: neither the reference from another user, nor the user to another reference.
    `replaces` is the account as an agent has seen it who has decided the latter, and is for one's own hand alone: what
    was bound since is not moved. `bound_by` is the agent or who has imported, `bound_from` where it came from, as a
    file's name or a webhook's source; never personal data.
    Raises `PortalBindingError` with one of the codes above, and `ConfigurationError`.
    """
    by_hand = provenance == Provenance.BY_HAND
    refuse_unreadable(portal, reference, is_external=is_external)
    _make_row(user, portal)
    rows = rows_of(PortalAccount).filter(portal=portal, user=user)
    account = rows.get()
    if (account.reference, account.is_external) == (reference, is_external):
        return account
    _refuse_move(account, by_hand=by_hand, replaces=replaces)
    values = {
        "reference": reference,
        "is_external": is_external,
        "provenance": provenance,
        "bound_at": timezone.now(),
        "bound_by": bound_by,
        "bound_from": bound_from[:MOST_OF_SOURCE],
        "updated_at": timezone.now(),
    }
    # Only where it is still what was looked at: another may have bound it meanwhile.
    unchanged = rows.filter(_as_seen(account))
    try:
        with transaction.atomic(rows_of(PortalAccount).db):
            written = unchanged.update(**values)
    except IntegrityError:  # another user has it
        raise _refusal(OF_ANOTHER_USER) from None
    account = rows.get()
    if not written and (account.reference, account.is_external) != (reference, is_external):
        raise _refusal(USER_HAS_ANOTHER if replaces is None else CHANGED)
    return account


def take_away(account: PortalAccount, *, taken_by: Any = None) -> bool:
    """Let a user have no reference at a portal any more, by the hand of an agent who has seen `account`.

    That it was an agent is remembered: neither a webhook nor a file gives one back. Says whether she had one. Raises
    `PortalBindingError` where she has another by now, which the agent has not seen.
    """
    values = {
        "reference": None,
        "is_external": False,
        "provenance": Provenance.BY_HAND,
        "bound_at": timezone.now(),
        "bound_by": taken_by,
        "bound_from": "",
        "updated_at": timezone.now(),
    }
    bound = rows_of(PortalAccount).filter(pk=account.pk).exclude(reference=None)
    if bound.filter(_as_seen(account)).update(**values):
        return True
    if bound.exists():
        raise _refusal(CHANGED)
    return False


def is_taken_away(account: PortalAccount) -> bool:
    """Say whether an agent has taken the reference away."""
    return not account.is_bound and account.provenance == Provenance.BY_HAND


def find_obstacle(
    user: Any, portal: str, reference: str, *, is_external: bool = False, replaces: PortalAccount | None = None
) -> PortalBindingError | None:
    """Return why `bind` by hand would refuse this, None where nothing stands against it. Nothing is written.

    With `replaces` and an empty reference: why `take_away` would. Raises `ConfigurationError`.
    """
    try:
        if reference or replaces is None:
            refuse_unreadable(portal, reference, is_external=is_external)
            if rows_of(PortalAccount).filter(portal=portal, reference=reference).exclude(user=user).exists():
                return _refusal(OF_ANOTHER_USER)
        account = account_of(user, portal)
        if account is not None and (account.reference or "") != reference:
            _refuse_move(account, by_hand=True, replaces=replaces)
    except PortalBindingError as error:
        return error
    return None


def refuse_unreadable(portal: str, reference: str, *, is_external: bool) -> None:
    """Raise `PortalBindingError` for what is no reference, or none of this portal's, and `ConfigurationError`."""
    backend = backends.portal_class(portal)
    is_text = isinstance(reference, str) and reference.isprintable() and reference == reference.strip()
    if not is_text or not 0 < len(reference) <= MOST_CHARACTERS:
        raise _refusal(UNREADABLE)
    try:
        backend.check_reference(CustomerRef(reference, is_external=is_external))
    except InvalidValueError as error:
        raise PortalBindingError(error.problem, code=UNREADABLE) from None


def _as_seen(account: PortalAccount) -> Q:
    """Return what holds of a row whose reference nobody has written since it was seen."""
    return Q(bound_at=account.bound_at)


def _refuse_move(account: PortalAccount, *, by_hand: bool, replaces: PortalAccount | None) -> None:
    if by_hand and replaces is not None:
        if replaces.bound_at != account.bound_at:
            raise _refusal(CHANGED)
        return
    if by_hand and not account.is_bound:
        return
    if is_taken_away(account):
        raise _refusal(TAKEN_AWAY)
    if account.is_bound:
        raise _refusal(USER_HAS_ANOTHER)


def _refusal(code: str) -> PortalBindingError:
    return PortalBindingError(str(PROBLEMS[code]), code=code)


def _make_row(user: Any, portal: str) -> None:
    if not rows_of(PortalAccount).filter(portal=portal, user=user).exists():
        outbox.insert_if_missing([PortalAccount(portal=portal, user=user)], unique_fields=["portal", "user"])

"""Whether a vendor's customer is a reader of this site (docs/protocols/okepay.md 6)."""

from collections.abc import Mapping
from typing import Any

from django_plenigo.errors import PortalBindingError
from django_plenigo.models import PortalAccount
from django_plenigo.protocols.base import PortalCustomerSeen
from django_plenigo.services import customers, portals
from django_plenigo.services.webhooks.reasons import Reason

REFUSALS: Mapping[str, Reason] = {
    portals.OF_ANOTHER_USER: Reason.TAKEN,
    portals.USER_HAS_ANOTHER: Reason.HAS_ANOTHER,
    portals.TAKEN_AWAY: Reason.TAKEN_AWAY,
    portals.UNREADABLE: Reason.UNREADABLE,
}


def bind_customer(portal: str, seen: PortalCustomerSeen) -> Reason:
    """Bind a vendor's customer to the reader who has bought with her own reference, and say what came of it.

    A vendor finds its customers by their addresses: who has paid with somebody else's is that customer there, and would
    be let in as her. So both sides must have the same address, and this site must have verified it. The reference alone
    proves nothing, though nobody can guess it: whose it is can give it to somebody else, in a link to buy by. What is
    bound is never moved.
    """
    if not seen.is_valid:
        return Reason.NOT_VALID
    if not seen.our_reference:
        return Reason.NO_REFERENCE
    # What no reference can be is not looked for: PostgreSQL knows no NUL.
    user = portals.user_of_reference(portal, seen.our_reference) if seen.our_reference.isprintable() else None
    if user is None:
        return Reason.UNKNOWN_REFERENCE
    account = portals.account_of(user, portal)
    if account is not None and account.reference == seen.reference and not account.is_external:
        return Reason.ALREADY_BOUND
    return _problem_with_address(user, seen.email) or _bind(user, portal, seen.reference)


def _problem_with_address(user: Any, email: str) -> Reason | None:
    if not email:
        return Reason.NO_EMAIL
    if not customers.is_same_address(email, customers.email_of(user)):
        return Reason.OTHER_EMAIL
    return None if customers.has_verified_email(user) else Reason.UNVERIFIED_EMAIL


def _bind(user: Any, portal: str, reference: str) -> Reason:
    provenance = PortalAccount.Provenance.WEBHOOK
    try:
        portals.bind(user, portal, reference, provenance=provenance, bound_from=portal)
    except PortalBindingError as error:
        return REFUSALS[error.code]
    return Reason.BOUND

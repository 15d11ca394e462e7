"""Mint and redeem links into the portal, and keep who is logged in there. Source: docs/protocols/okepay.md 4 and 7."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .. import clock
from ..identifiers import digest
from ..models import OkePayContact, OkePayInstance, OkePayLoginLink, OkePayPortalSession
from . import identifiers

#: Our choices: the vendor states neither.
LINK_LIFETIME = timedelta(minutes=10)
SESSION_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class LoginLink:
    """What logs a contact in, once."""

    token: str = field(repr=False)
    expires_at: datetime


def mint(contact: OkePayContact) -> LoginLink:
    """Return a new link; older ones stay valid. It is stored as a digest only."""
    link = LoginLink(identifiers.new_link_token(), clock.now() + LINK_LIFETIME)
    OkePayLoginLink.objects.create(contact=contact, digest=digest(link.token), expires_at=link.expires_at)
    return link


def redeem(instance: OkePayInstance, token: str) -> OkePayContact | None:
    """Return the contact whom the link logs in, once; None when it is unknown, used or expired."""
    found = OkePayLoginLink.objects.filter(contact__instance=instance, digest=digest(token))
    row = found.select_related("contact").first()
    if row is None:
        return None
    now = clock.now()
    # One conditional update: of two browsers that open it at once, one gets in.
    taken = OkePayLoginLink.objects.filter(pk=row.pk, used_at=None, expires_at__gt=now).update(used_at=now)
    return row.contact if taken else None


def begin_session(contact: OkePayContact) -> str:
    """Log a contact in and return what the browser's cookie holds. Sessions that have run out are forgotten."""
    now = clock.now()
    OkePayPortalSession.objects.filter(expires_at__lte=now).delete()
    token = identifiers.new_link_token()
    values = {"contact": contact, "digest": digest(token), "expires_at": now + SESSION_LIFETIME}
    OkePayPortalSession.objects.create(**values)
    return token


def find_session(instance: OkePayInstance, token: str) -> OkePayPortalSession | None:
    """Return the session of a cookie, or None when it is unknown or has run out."""
    rows = OkePayPortalSession.objects.filter(contact__instance=instance, digest=digest(token))
    return rows.filter(expires_at__gt=clock.now()).select_related("contact__instance__company").first()

"""Where a button leads: it travels through the browser signed, so that nothing there decides it."""

from dataclasses import dataclass
from typing import Any

from django.core import signing

from django_plenigo import backends
from django_plenigo.errors import ConfigurationError, InvalidValueError
from django_plenigo.protocols.base import PortalTarget

TARGET_SALT = "django_plenigo.portal"

#: What the record takes of a page, and what the vendors take of a subscription (docs/protocols/2checkout.md 8).
MOST_OF_PAGE, MOST_OF_SUBSCRIPTION = 64, 50


@dataclass(frozen=True, slots=True)
class Target:
    """Where one button of a page leads."""

    portal: str
    """The name in PLENIGO_PORTALS."""

    page: str = ""
    """The vendor's name of a page, "" for the front page."""

    subscription: str = ""
    """The vendor's reference of one subscription, "" for none."""


def check_target(target: Target) -> None:
    """Raise `InvalidValueError` for a target at which no click could open its portal. Nobody is asked."""
    try:
        backend = backends.portal_class(target.portal)
    except ConfigurationError:  # told by the system checks; it breaks no page
        return
    backend.check_target(PortalTarget(page=target.page, subscription=target.subscription))


def sign_target(target: Target, user: Any) -> str:
    """Return a target as a text that only this site can have made.

    One that names a subscription is for that reader alone: it might let another one in. Raises `InvalidValueError`.
    """
    for name, most in (("page", MOST_OF_PAGE), ("subscription", MOST_OF_SUBSCRIPTION)):
        value = getattr(target, name)
        if not isinstance(value, str) or not value.isprintable() or len(value) > most:
            raise InvalidValueError(name, f"must be text of at most {most} characters")
    return signing.dumps([target.portal, target.page, target.subscription, _whose(target, user)], salt=TARGET_SALT)


def read_target(signed: str, portal: str, user: Any) -> Target:
    """Return what `sign_target` has signed for this portal and reader; the front page for "".

    Raises `InvalidValueError` where this site has not signed it so.
    """
    if not signed:
        return Target(portal)
    if not signed.isascii():  # half a character would not even do for a signature
        raise InvalidValueError("target", "was not made by this site")
    try:
        name, page, subscription, whose = signing.loads(signed, salt=TARGET_SALT)
    except (signing.BadSignature, ValueError):
        raise InvalidValueError("target", "was not made by this site") from None
    target = Target(name, page, subscription)
    if name != portal or whose != _whose(target, user):
        raise InvalidValueError("target", "was made for another portal or reader")
    return target


def _whose(target: Target, user: Any) -> str:
    return str(user.pk) if target.subscription else ""

"""Sessions of the API, sign-on links, and the browsers that they open. Source: docs/protocols/2checkout.md 2, 3 and 6.

All of them are kept as digests, and age by the sandbox's clock.
"""

import ipaddress
from datetime import timedelta

from .. import clock, identifiers
from ..models import (
    TwoCheckoutCustomer,
    TwoCheckoutLink,
    TwoCheckoutMerchant,
    TwoCheckoutSession,
    TwoCheckoutVisit,
)

SESSION_LIFETIME = timedelta(minutes=10)
#: Our choice: counted from the click, whatever is done meanwhile.
VISIT_LIFETIME = timedelta(minutes=30)


class LinkError(Exception):
    """A link signs nobody in: it is unknown, was used or has expired."""


class AddressError(Exception):
    """A link was opened from another address than the one it is for."""


def begin_session(merchant: TwoCheckoutMerchant) -> str:
    """Return a new session id. Older ones stay valid until they are over, which are forgotten here."""
    session_id, now = identifiers.new_token(), clock.now()
    TwoCheckoutSession.objects.filter(merchant=merchant, expires_at__lte=now).delete()
    TwoCheckoutSession.objects.create(
        merchant=merchant, digest=identifiers.digest(session_id), expires_at=now + SESSION_LIFETIME
    )
    return session_id


def merchant_of_session(session_id: str) -> TwoCheckoutMerchant | None:
    """Return whose session it is, or None for an unknown one and one that is over."""
    found = TwoCheckoutSession.objects.filter(digest=identifiers.digest(session_id), expires_at__gt=clock.now())
    row = found.select_related("merchant__company").first()
    return None if row is None else row.merchant


def mint_link(
    customer: TwoCheckoutCustomer,
    kind: TwoCheckoutLink.Kind,
    *,
    seconds: int,
    validation_ip: str = "",
    language: str = "",
) -> str:
    """Return the `logintoken` of a new link."""
    token, now = identifiers.new_logintoken(), clock.now()
    TwoCheckoutLink.objects.create(
        customer=customer,
        kind=kind,
        digest=identifiers.digest(token),
        language=language,
        validation_ip=validation_ip or None,
        created_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    return token


def customer_of_cart(merchant: TwoCheckoutMerchant, token: str) -> TwoCheckoutCustomer | None:
    """Return whom an unused link into the cart is for. Our choice: to ask does not use it up."""
    found = TwoCheckoutLink.objects.filter(customer__merchant=merchant, kind=TwoCheckoutLink.Kind.CART, used_at=None)
    row = found.filter(digest=identifiers.digest(token), expires_at__gt=clock.now()).select_related("customer").first()
    return None if row is None else row.customer


def open_link(token: str, kind: TwoCheckoutLink.Kind, address: str) -> str:
    """Use a link up and return the secret of the browser that it signs in.

    Raises `LinkError`, or `AddressError` where another address than `address` is allowed: the link is of no use then.
    """
    now = clock.now()
    found = TwoCheckoutLink.objects.filter(digest=identifiers.digest(token), kind=kind)
    row = found.select_related("customer").first()
    # One conditional update: of two browsers that open at once, one gets in.
    if row is None or not found.filter(used_at=None, expires_at__gt=now).update(used_at=now):
        raise LinkError
    if row.validation_ip and not _is_same(row.validation_ip, address):
        raise AddressError
    secret = identifiers.new_token()
    TwoCheckoutVisit.objects.filter(expires_at__lte=now).delete()
    TwoCheckoutVisit.objects.create(
        customer=row.customer,
        digest=identifiers.digest(secret),
        language=row.language,
        expires_at=now + VISIT_LIFETIME,
    )
    return secret


def visit_of(secret: str) -> TwoCheckoutVisit | None:
    """Return the visit of a browser, or None where it is over."""
    found = TwoCheckoutVisit.objects.filter(digest=identifiers.digest(secret), expires_at__gt=clock.now())
    return found.select_related("customer__merchant__company").first()


def end_visit(visit: TwoCheckoutVisit) -> None:
    """Log out."""
    visit.delete()


def _is_same(wanted: str, address: str) -> bool:
    try:
        return plain_address(wanted) == plain_address(address)
    except ValueError:  # a server behind a socket of the system knows none
        return False


def plain_address(address: str) -> str:
    """Return an IP address in its one form, an IPv4 address within IPv6 as what it is. Raises `ValueError`."""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)

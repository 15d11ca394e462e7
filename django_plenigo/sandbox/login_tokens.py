"""Mint and consume log-in tokens. Source: docs/protocols/plenigo-v2.md 5."""

from datetime import timedelta

from . import clock, identifiers
from .models import Company, Customer, LoginToken

LIFETIME_SECONDS = 300


def mint_login_token(customer: Customer) -> str:
    """Return a new token; older ones stay valid. It is stored as a digest only."""
    token = identifiers.new_token()
    LoginToken.objects.create(
        customer=customer,
        digest=identifiers.digest(token),
        expires_at=clock.now() + timedelta(seconds=LIFETIME_SECONDS),
    )
    return token


def consume_login_token(company: Company, token: str) -> Customer | None:
    """Return the customer whom the token logs in, once; None when it is unknown, used or expired."""
    found = LoginToken.objects.filter(customer__company=company, digest=identifiers.digest(token))
    row = found.select_related("customer__company").first()
    if row is None:
        return None
    now = clock.now()
    # One conditional update: of two pages that open at once, one gets the customer.
    taken = LoginToken.objects.filter(pk=row.pk, used_at=None, expires_at__gt=now).update(used_at=now)
    return row.customer if taken else None

"""OAuth codes and tokens. Source: docs/protocols/plenigo-v2.md 2.6."""

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import unquote_plus

from . import clock, identifiers
from .models import Company, Customer, OAuthGrant

CODE_LIFETIME_SECONDS = 60
ACCESS_LIFETIME_SECONDS = 3600

Kind = OAuthGrant.Kind


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code or a refresh token is exchanged for."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False, default="")
    """Empty when an older one stays valid."""


def allows_redirect(company: Company, redirect_uri: str) -> bool:
    """Say whether a log-in may return to an address: the registered value is what it must begin with."""
    is_web = redirect_uri.startswith(("https://", "http://"))
    return is_web and redirect_uri.startswith(company.redirect_uri_prefix)


def issue_code(customer: Customer, redirect_uri: str) -> str:
    """Return a code that is good for one exchange within 60 seconds."""
    return _issue(customer, Kind.CODE, CODE_LIFETIME_SECONDS, redirect_uri)


def exchange_code(company: Company, code: str, redirect_uri: str) -> Tokens | None:
    """Return tokens for a code, once; older refresh tokens of the customer end. None when the code is not good."""
    grant = _find(company, Kind.CODE, code)
    if grant is None or not _is_same_address(grant.redirect_uri, redirect_uri):
        return None
    now = clock.now()
    if not OAuthGrant.objects.filter(pk=grant.pk, used_at=None, expires_at__gt=now).update(used_at=now):
        return None
    OAuthGrant.objects.filter(customer=grant.customer, kind=Kind.REFRESH).delete()
    return Tokens(
        access_token=_issue(grant.customer, Kind.ACCESS, ACCESS_LIFETIME_SECONDS),
        refresh_token=_issue(grant.customer, Kind.REFRESH, None),
    )


def renew(company: Company, refresh_token: str) -> Tokens | None:
    """Return a new access token, or None when the refresh token is not good."""
    grant = _find(company, Kind.REFRESH, refresh_token)
    return Tokens(_issue(grant.customer, Kind.ACCESS, ACCESS_LIFETIME_SECONDS)) if grant else None


def customer_of(company: Company, access_token: str) -> Customer | None:
    """Return whom an access token stands for, or None when it is unknown or expired."""
    grant = _find(company, Kind.ACCESS, access_token)
    return grant.customer if grant and grant.expires_at and grant.expires_at > clock.now() else None


def _issue(customer: Customer, kind: str, lifetime_seconds: int | None, redirect_uri: str = "") -> str:
    token = identifiers.new_token()
    OAuthGrant.objects.create(
        customer=customer,
        kind=kind,
        digest=identifiers.digest(token),
        redirect_uri=redirect_uri,
        expires_at=clock.now() + timedelta(seconds=lifetime_seconds) if lifetime_seconds else None,
    )
    return token


def _find(company: Company, kind: str, token: str) -> OAuthGrant | None:
    grants = OAuthGrant.objects.filter(customer__company=company, kind=kind, digest=identifiers.digest(token))
    return grants.select_related("customer__company").first()


def _is_same_address(issued: str, received: str) -> bool:
    """Compare as far as the wire allows: PHP sends forms unencoded, so an address is cut at its first `&`."""
    return bool(received) and any(
        known == received or known.startswith(received + "&") for known in (issued, unquote_plus(issued))
    )

"""OAuth codes and tokens. Source: docs/protocols/plenigo-v2.md 2.6."""

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import unquote_plus

from . import clock, identifiers
from .destinations import is_web_address
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
    return is_web_address(redirect_uri) and redirect_uri.startswith(company.redirect_uri_prefix)


def issue_code(customer: Customer, redirect_uri: str) -> str:
    """Return a code that is good for one exchange within 60 seconds."""
    return _issue(customer, Kind.CODE, CODE_LIFETIME_SECONDS, redirect_uri)


def exchange_code(company: Company, code: str, redirect_uri: str) -> Tokens | None:
    """Return tokens for a code, once; older refresh tokens of the customer end. None when the code is not good.

    `redirect_uri` must begin with what the company has registered; where it has registered nothing, it must be the
    address that the log-in returned to.
    """
    grant = _find(company, Kind.CODE, code)
    if grant is None or not _is_allowed_address(grant, redirect_uri):
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


def _is_allowed_address(grant: OAuthGrant, received: str) -> bool:
    """Compare as the wire allows: as received or decoded, since some send forms encoded and PHP does not."""
    registered = grant.customer.company.redirect_uri_prefix
    known = registered or grant.redirect_uri
    # PHP's body ends an address at its first `&`, and what is registered may go on beyond it.
    if known.startswith(received + "&"):
        return True
    forms = (received, unquote_plus(received))
    return any(form.startswith(registered) for form in forms) if registered else grant.redirect_uri in forms

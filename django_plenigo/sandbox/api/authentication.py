"""The header `plenigoToken`, which every call carries. Source: docs/protocols/plenigo-v2.md 1.3."""

import time
from typing import Any

import jwt
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from .. import identifiers
from ..companies import find_company
from ..models import Company, UsedTokenId
from .answers import refusal

LEEWAY_SECONDS = 60
#: A database's largest whole number; "no upper bound" ends there.
LATEST_SECOND = 2**62
PRUNE_SECONDS = 60

_pruned_at = 0.0


class _TokenError(Exception):
    """The token is not good. The text says why and quotes nothing."""


def authenticate(request: HttpRequest) -> Company:
    """Return the company that has signed the request. Raises `RefusalError` (401) for every flaw."""
    token = request.META.get("HTTP_PLENIGOTOKEN", "").strip()
    try:
        if not token:
            raise _TokenError("The header plenigoToken is missing.")
        company = _company_of(_claims(token, None))
        claims = _claims(token, company.secret)
        _check_time(claims)
        _remember(company, claims)
    except _TokenError as error:
        raise refusal(401, "unauthorized", str(error)) from None
    return company


def _claims(token: str, secret: str | None) -> dict[str, Any]:
    """Return the claims, verified with a secret or, to find out whose secret it takes, not at all.

    The signature is compared over the segments as received: one vendor's client keeps the padding on them.
    """
    options: Any = {"verify_signature": False}
    if secret is not None:
        # Whether it is too old is looked at below: the library would take texts for seconds, too.
        options = {"require": ["exp", "jti", "aud"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        options["strict_aud"] = True
    try:
        return dict(jwt.decode(token, secret or "", algorithms=["HS256"], audience="plenigo", options=options))
    except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError):
        raise _TokenError("The token lacks a claim, or is not meant for plenigo.") from None
    except jwt.InvalidSignatureError:
        raise _TokenError("The token was signed with another secret.") from None
    except (jwt.InvalidTokenError, RecursionError, ValueError, TypeError):
        raise _TokenError("The token is not a JSON Web Token signed with HS256.") from None


def _company_of(claims: dict[str, Any]) -> Company:
    company_id = claims.get("companyId")
    company = find_company(company_id) if isinstance(company_id, str) else None
    if company is None:
        raise _TokenError("There is no company with this id.")
    return company


def _check_time(claims: dict[str, Any]) -> None:
    expires = claims["exp"]
    if not isinstance(expires, int) or isinstance(expires, bool):
        raise _TokenError("The claim exp must be whole seconds.")
    if expires + LEEWAY_SECONDS <= time.time():
        raise _TokenError("The token is too old. Is the clock right?")


def _remember(company: Company, claims: dict[str, Any]) -> None:
    """Keep the token's id for as long as the token could be sent again; refuse one that was seen before."""
    token_id = claims["jti"]
    if not isinstance(token_id, str) or not token_id:
        raise _TokenError("The claim jti must be a text.")
    _prune()
    try:
        with transaction.atomic():
            UsedTokenId.objects.create(
                company=company,
                digest=identifiers.digest(token_id),
                forget_at=min(claims["exp"] + LEEWAY_SECONDS, LATEST_SECOND),
            )
    except IntegrityError:
        raise _TokenError("The token was used before: each request needs a new jti.") from None


def _prune() -> None:
    """Forget old ids, once in a while."""
    global _pruned_at
    if time.monotonic() - _pruned_at >= PRUNE_SECONDS:
        _pruned_at = time.monotonic()
        UsedTokenId.objects.filter(forget_at__lt=int(time.time())).delete()

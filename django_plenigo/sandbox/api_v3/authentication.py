"""The header `X-plenigo-token`, which every call carries. Source: docs/protocols/plenigo-v3.md 1.2."""

from django.http import HttpRequest

from .. import clock
from ..companies import find_company_by_token
from ..models import Application, Company
from .answers import RefusalError

TOKEN_MISSING = 99008
TOKEN_NOT_AUTHORIZED = 99009
READING = frozenset({"GET", "HEAD", "OPTIONS"})


def authenticate(request: HttpRequest, application: Application | None) -> Company:
    """Return the company whose token the request carries. Raises `RefusalError` (401), for missing rights too.

    Our choice: a token that has expired is refused as an unknown one is.

    `application` is what the token must be good for, None where there is nothing to be had.
    """
    token = request.META.get("HTTP_X_PLENIGO_TOKEN", "").strip()
    if not token:
        raise RefusalError(401, TOKEN_MISSING, "Api token is missing.")
    company = find_company_by_token(token)
    if company is None or not _may(company, request.method or "", application):
        raise RefusalError(401, TOKEN_NOT_AUTHORIZED, "Api token provided is not authorized.")
    return company


def _may(company: Company, method: str, application: Application | None) -> bool:
    if company.api_token_expires_at is not None and company.api_token_expires_at <= clock.now():
        return False
    allowed = company.api_token_applications
    if allowed and application is not None and application not in allowed:
        return False
    return not company.api_token_is_read_only or method in READING

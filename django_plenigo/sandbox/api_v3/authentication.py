"""The header `X-plenigo-token`, which every call carries. Source: docs/protocols/plenigo-v3.md 1.2."""

from django.http import HttpRequest

from ..companies import find_company_by_token
from ..models import Company
from .answers import RefusalError

TOKEN_MISSING = 99008
TOKEN_NOT_AUTHORIZED = 99009
READING = frozenset({"GET", "HEAD", "OPTIONS"})


def authenticate(request: HttpRequest) -> Company:
    """Return the company whose token the request carries. Raises `RefusalError` (401), for missing rights too."""
    token = request.META.get("HTTP_X_PLENIGO_TOKEN", "").strip()
    if not token:
        raise RefusalError(401, TOKEN_MISSING, "Api token is missing.")
    company = find_company_by_token(token)
    if company is None or (company.api_token_is_read_only and request.method not in READING):
        raise RefusalError(401, TOKEN_NOT_AUTHORIZED, "Api token provided is not authorized.")
    return company

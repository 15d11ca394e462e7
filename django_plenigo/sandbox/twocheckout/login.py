"""Check the hash of a log-in at the API. Source: docs/protocols/2checkout.md 2."""

import re
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from ..models import TwoCheckoutMerchant
from ..models.webhooks import Signature
from .merchants import find_merchant
from .signatures import is_signed

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
SHA256_DIGITS = 64
MD5_DIGITS = 32


def authenticate(code: str, date: str, told: str, algo: str | None) -> TwoCheckoutMerchant | None:
    """Return the merchant who has signed the log-in, or None."""
    merchant = find_merchant(code)
    if merchant is None or not _is_recent(date, merchant):
        return None
    algorithm = _algorithm(merchant, told, algo)
    if algorithm is None or not is_signed(told, merchant.secret_key, algorithm, [code, date]):
        return None
    return merchant


def _is_recent(text: str, merchant: TwoCheckoutMerchant) -> bool:
    """Compare with the real time: authentication knows nothing of the sandbox's clock."""
    if not DATE.fullmatch(text):
        return False
    try:
        date = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(timezone.now() - date) <= timedelta(seconds=merchant.date_tolerance_seconds)


def _algorithm(merchant: TwoCheckoutMerchant, told: str, algo: str | None) -> Signature | None:
    """Return what the log-in names; without a name, the length of the hash tells it."""
    if algo is not None:
        return {name.value: name for name in (Signature.SHA256, Signature.SHA3_256)}.get(algo)
    if len(told) == SHA256_DIGITS:
        return Signature.SHA256
    return Signature.MD5 if len(told) == MD5_DIGITS and merchant.accepts_md5 else None

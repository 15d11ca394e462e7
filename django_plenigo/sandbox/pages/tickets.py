"""What one page hands to the next: a signed value in the form, so that no session is needed."""

import secrets
from typing import Any

from django.core import signing

#: How long a reader may take between two clicks.
LIFETIME_SECONDS = 1800

SALT = "django_plenigo.sandbox.pages"


def new_key() -> str:
    """Return the key of one opened check-out; a purchase is recorded at most once for it."""
    return secrets.token_hex(16)


def seal(page: str, values: dict[str, Any]) -> str:
    """Sign the values for the next step of one kind of page. They are signed, not secret: never put a token in."""
    return signing.dumps(values, salt=f"{SALT}.{page}", compress=True)


def unseal(page: str, ticket: str) -> dict[str, Any] | None:
    """Return the signed values, or None when the ticket is forged, too old or of another kind of page."""
    try:
        values = signing.loads(ticket, salt=f"{SALT}.{page}", max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return None
    return values if isinstance(values, dict) else None

"""Read the vendor's session cookie `plenigo_user`. Source: docs/protocols/plenigo-v2.md 4.3."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from . import clock
from .customers import find_customer
from .models import Company, Customer

LIFETIME = timedelta(hours=24)
#: Clocks differ a little.
LEEWAY = timedelta(minutes=1)
IV_HEX_DIGITS = 32


def customer_of(company: Company, cookie: str) -> Customer | None:
    """Return whom the cookie logs in, or None when it is forged, older than 24 hours or of nobody.

    The cipher protects nothing from being changed, so only a cookie with the sandbox's own check sum counts.
    """
    value, _bar, signature = cookie.partition("|")
    expected = hmac.new(company.secret.encode(), value.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return None
    pairs = _decrypted(company.secret, value)
    issued_at, customer_id = _moment(pairs.get("ts", "")), pairs.get("ci", "")
    now = clock.now()
    if issued_at is None or not customer_id or not now - LIFETIME < issued_at < now + LEEWAY:
        return None
    return find_customer(company, customer_id)


def _decrypted(secret: str, value: str) -> dict[str, str]:
    """Return the pairs of `ts=>...&ci=>...`, none where the value is not of that form."""
    try:
        ciphertext, iv = bytes.fromhex(value[:-IV_HEX_DIGITS]), bytes.fromhex(value[-IV_HEX_DIGITS:])
        decryptor = Cipher(AES(hashlib.md5(secret.encode(), usedforsecurity=False).digest()), CTR(iv)).decryptor()
        text = (decryptor.update(ciphertext) + decryptor.finalize()).decode()
    except ValueError:
        return {}
    pairs = (pair.split("=>", 1) for pair in text.split("&"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _moment(milliseconds: str) -> datetime | None:
    if not milliseconds.isascii() or not milliseconds.isdecimal():
        return None
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None

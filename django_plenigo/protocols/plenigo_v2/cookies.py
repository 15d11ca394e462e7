"""Read and write the vendor's session cookie `plenigo_user`. Source: docs/protocols/plenigo-v2.md 4.3.

**Never trust this cookie for anything that costs money or shows a reader's data.** It is encrypted, but nothing in the
vendor's form of it proves who wrote it: a reader who knows her own customer id can turn it into anybody's by flipping
bits, without knowing the secret. It may choose what a page greets with; anything more is to be confirmed with the
vendor, by the client's `confirm_user_cookie`. `is_authentic` tells the cookies that `write_user_cookie` wrote.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import LONGEST_COOKIE, UserCookie

COOKIE_NAME = "plenigo_user"

#: How long the vendor's Java SDK takes a cookie for a session, counted from `ts`.
MAX_AGE_SECONDS = 24 * 60 * 60

IV_BYTES = 16

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
#: At most the year 2286, to the millisecond.
_TIMESTAMP = re.compile(r"[0-9]{1,13}")


def read_user_cookie(
    value: str | None,
    secrets: str | Sequence[str],
    *,
    now: datetime | None = None,
    max_age_seconds: int = MAX_AGE_SECONDS,
) -> UserCookie | None:
    """Return what a cookie says, None where it says nothing readable or is older than `max_age_seconds`.

    Each of the company's secrets is tried, so that a cookie of yesterday is read after the secret has changed. Raises
    `InvalidValueError` for an empty secret, and nothing whatever a browser sends. A time in the future is let pass, as
    by the vendor's SDKs, whose comments disagree on whether it is that of issue or of expiry.
    """
    tried = _checked_secrets(secrets)
    if not value or len(value) > LONGEST_COOKIE:
        return None
    cookies = (_read(value, secret, now or datetime.now(UTC), max_age_seconds) for secret in tried)
    return next((cookie for cookie in cookies if cookie is not None), None)


def _checked_secrets(secrets: str | Sequence[str]) -> Sequence[str]:
    """Return at least one secret, none of them empty: everybody knows what an empty one encrypts to."""
    given = (secrets,) if isinstance(secrets, str) else tuple(secrets)
    if not given or not all(isinstance(secret, str) and secret for secret in given):
        raise InvalidValueError("secrets", "must be a secret or a list of secrets, none of them empty")
    return given


def _read(value: str, secret: str, now: datetime, max_age_seconds: int) -> UserCookie | None:
    encrypted, _, suffix = value.partition("|")
    fields = _decrypted_fields(encrypted, secret)
    customer_id, timestamp = fields.get("ci", ""), fields.get("ts", "")
    if not customer_id.strip() or not _TIMESTAMP.fullmatch(timestamp):
        return None
    issued_at = _EPOCH + timedelta(milliseconds=int(timestamp))
    if now - issued_at > timedelta(seconds=max_age_seconds):
        return None
    # As bytes: compare_digest refuses text that is not ASCII, and a browser may send such.
    is_authentic = hmac.compare_digest(suffix.encode(errors="replace"), _signature(encrypted, secret).encode())
    return UserCookie(customer_id, issued_at, is_authentic)


def write_user_cookie(
    customer_id: str, secrets: str | Sequence[str], *, issued_at: datetime, iv: bytes | None = None
) -> str:
    """Return the cookie of a customer: the vendor's form, a `|`, and a signature that the vendor's SDKs skip.

    The first of the company's secrets encrypts and signs. `issued_at` must carry its time zone. `iv` is for tests; else
    it is random, as it must be: two cookies under one iv give away both. Raises `InvalidValueError`.
    """
    secret = _checked_secrets(secrets)[0]
    is_readable = isinstance(customer_id, str) and customer_id.strip() and customer_id.isprintable()
    if not is_readable or "&" in customer_id:
        raise InvalidValueError("customer_id", "must be text that is not blank, nor holds & or control characters")
    if not isinstance(issued_at, datetime) or issued_at.tzinfo is None or issued_at < _EPOCH:
        raise InvalidValueError("issued_at", "must carry a time zone and be after 1970")
    if iv is not None and len(iv) != IV_BYTES:
        raise InvalidValueError("iv", f"must be {IV_BYTES} bytes long")
    iv = iv or os.urandom(IV_BYTES)
    milliseconds = (issued_at - _EPOCH) // timedelta(milliseconds=1)
    plain = f"ts=>{milliseconds}&ci=>{customer_id}".encode()
    encrypted = (_apply_key_stream(plain, secret, iv) + iv).hex()
    return f"{encrypted}|{_signature(encrypted, secret)}"


def _decrypted_fields(encrypted: str, secret: str) -> dict[str, str]:
    """Return the pairs of a cookie, none where it cannot be read. Of two pairs with one name the last counts."""
    # bytes.fromhex alone would let blanks pass.
    if not _HEX.fullmatch(encrypted):
        return {}
    data = bytes.fromhex(encrypted)
    if len(data) <= IV_BYTES:
        return {}
    try:
        plain = _apply_key_stream(data[:-IV_BYTES], secret, data[-IV_BYTES:]).decode()
    except UnicodeDecodeError:
        return {}
    return {name: value for name, _, value in (pair.partition("=>") for pair in plain.split("&"))}


def _apply_key_stream(data: bytes, secret: str, iv: bytes) -> bytes:
    """Encrypt or decrypt, which in counter mode is the same."""
    # MD5 is the vendor's way to a key of 16 bytes.
    key = hashlib.md5(secret.encode(), usedforsecurity=False).digest()
    context = Cipher(AES(key), CTR(iv)).encryptor()
    return context.update(data) + context.finalize()


def _signature(encrypted: str, secret: str) -> str:
    return hmac.digest(secret.encode(), encrypted.encode(), "sha256").hex()

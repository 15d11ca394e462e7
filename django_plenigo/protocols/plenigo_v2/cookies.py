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
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from django_plenigo.errors import InvalidValueError

COOKIE_NAME = "plenigo_user"

#: How long the vendor's Java SDK takes a cookie for a session, counted from `ts`.
MAX_AGE_SECONDS = 24 * 60 * 60

IV_BYTES = 16

#: No browser keeps a longer cookie, so none is decrypted.
LONGEST_COOKIE = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
#: At most the year 2286, to the millisecond.
_TIMESTAMP = re.compile(r"[0-9]{1,13}")


@dataclass(frozen=True, slots=True)
class UserCookie:
    """What a `plenigo_user` cookie says. A claim, not a proof: see the module."""

    customer_id: str = field(repr=False)
    """The vendor's customer id."""

    issued_at: datetime
    """When the session began."""

    is_authentic: bool
    """Whether the cookie carries the signature that `write_user_cookie` adds. The vendor's own cookies carry none."""


def read_user_cookie(
    value: str | None, secret: str, *, now: datetime | None = None, max_age_seconds: int = MAX_AGE_SECONDS
) -> UserCookie | None:
    """Return what a cookie says, None where it says nothing readable or is older than `max_age_seconds`.

    Raises nothing, whatever a browser sends. A time in the future is let pass, as by the vendor's SDKs, whose comments
    disagree on whether it is that of issue or of expiry.
    """
    if not value or len(value) > LONGEST_COOKIE:
        return None
    encrypted, _, suffix = value.partition("|")
    fields = _decrypted_fields(encrypted, secret)
    customer_id, timestamp = fields.get("ci", ""), fields.get("ts", "")
    if not customer_id.strip() or not _TIMESTAMP.fullmatch(timestamp):
        return None
    issued_at = _EPOCH + timedelta(milliseconds=int(timestamp))
    if (now or datetime.now(UTC)) - issued_at > timedelta(seconds=max_age_seconds):
        return None
    # As bytes: compare_digest refuses text that is not ASCII, and a browser may send such.
    is_authentic = hmac.compare_digest(suffix.encode(errors="replace"), _signature(encrypted, secret).encode())
    return UserCookie(customer_id, issued_at, is_authentic)


def write_user_cookie(customer_id: str, secret: str, *, issued_at: datetime, iv: bytes | None = None) -> str:
    """Return the cookie of a customer: the vendor's form, a `|`, and a signature that the vendor's SDKs skip.

    `issued_at` must carry its time zone. `iv` is for tests; else it is random, as it must be: two cookies under one iv
    give away both. Raises `InvalidValueError`.
    """
    if not customer_id.strip() or not customer_id.isprintable() or "&" in customer_id:
        raise InvalidValueError("customer_id", "must not be blank, nor hold & or control characters")
    if issued_at.tzinfo is None or issued_at < _EPOCH:
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

"""Sign claims as a compact JWS with HMAC-SHA256. Source: docs/protocols/plenigo-v2.md 1.3 and 3.2."""

import hmac
from binascii import b2a_base64
from functools import lru_cache

#: `{"alg":"HS256"}` and nothing else (the vendor's builders write no `typ`), and the dot behind it.
HEADER_SEGMENT = b"eyJhbGciOiJIUzI1NiJ9."

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def sign_hs256(claims_json: str, secret: str) -> str:
    """Return the signed token of claims that are JSON text already: the very bytes are signed.

    By the standard library alone, which costs a fraction of a JWT library and loads nothing.
    """
    signed = HEADER_SEGMENT + _base64url(claims_json.encode())
    mac = _keyed(secret).copy()  # cheaper than to key anew
    mac.update(signed)
    return (signed + b"." + _base64url(mac.digest())).decode("ascii")


def _base64url(data: bytes) -> bytes:
    """Return base64url without padding."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


@lru_cache(maxsize=16)
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod="sha256")

"""What 2Checkout signs log-ins, webhooks and receipts with (docs/protocols/2checkout.md 2 and 8)."""

import hmac
from collections.abc import Iterable, Mapping

#: The vendor's names in errors, in logs and for its algorithms. MD5 is none of them: it is never made, nor believed.
SERVICE = "2Checkout"
SHA256, SHA3_256 = "sha256", "sha3-256"

ALGORITHMS: Mapping[str, str] = {SHA256: "sha256", SHA3_256: "sha3_256"}


def signed_text(values: Iterable[bytes]) -> bytes:
    """Return what is signed of values: each behind its length in bytes, so that an empty one is a 0."""
    return b"".join(b"%d%b" % (len(value), value) for value in values)


def signature(algorithm: str, key: str, values: Iterable[bytes]) -> str:
    """Return the signature of values in their order, in small hexadecimal digits."""
    return hmac.new(key.encode(), signed_text(values), ALGORITHMS[algorithm]).hexdigest()

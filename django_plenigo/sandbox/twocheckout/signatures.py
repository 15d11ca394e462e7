"""HMACs over values that each stand behind their length in bytes. Source: docs/protocols/2checkout.md 2 and 8."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

from ..models.webhooks import Signature

#: By the vendor's names of the algorithms.
DIGESTS = {Signature.SHA3_256: hashlib.sha3_256, Signature.SHA256: hashlib.sha256, Signature.MD5: hashlib.md5}
#: In which field a webhook carries it.
FIELDS = {
    Signature.SHA3_256: "SIGNATURE_SHA3_256",
    Signature.SHA256: "SIGNATURE_SHA2_256",
    Signature.MD5: "HASH",
}

RECEIPT = re.compile(r'<sig algo="(sha256|sha3-256)" date="([0-9]{14})">([0-9A-Fa-f]{64})</sig>')
RECEIPT_OF_MD5 = re.compile(r"<EPAYMENT>([0-9]{14})\|([0-9A-Fa-f]{32})</EPAYMENT>")


def measured(values: Iterable[str]) -> bytes:
    """Return what is signed: of each value the number of its bytes, then the value; of an empty one `0`."""
    encoded = [value.encode() for value in values]
    return b"".join(b"%d%b" % (len(value), value) for value in encoded)


def sign(key: str, algorithm: Signature, values: Iterable[str]) -> str:
    """Return the HMAC of values in lower-case hexadecimal digits."""
    return hmac.new(key.encode(), measured(values), DIGESTS[algorithm]).hexdigest()


def is_signed(told: str, key: str, algorithm: Signature, values: Iterable[str]) -> bool:
    """Compare in constant time; capital letters do not matter."""
    return hmac.compare_digest(told.lower().encode("utf-8", "replace"), sign(key, algorithm, values).encode())


def check_receipt(body: str, key: str, values: Sequence[str], *, accepts_md5: bool) -> str:
    """Say what is wrong with the read receipt in an answer, by a short name; an empty text where it is right.

    `values` are those that it signs, without its own date.
    """
    found = [(Signature(algorithm), date, told) for algorithm, date, told in RECEIPT.findall(body)]
    if accepts_md5:
        found += [(Signature.MD5, date, told) for date, told in RECEIPT_OF_MD5.findall(body)]
    if not found:
        return "no receipt"
    is_right = any(is_signed(told, key, algorithm, [*values, date]) for algorithm, date, told in found)
    return "" if is_right else "wrong receipt"

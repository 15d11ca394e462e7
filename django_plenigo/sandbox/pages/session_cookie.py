"""The vendor's session cookie `plenigo_user`. Source: docs/protocols/plenigo-v2.md 4.3."""

import hashlib
import hmac
import os
from datetime import datetime

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from .. import clock
from ..models import Customer

IV_BYTES = 16


def new_session_cookie(customer: Customer) -> str:
    """Return a cookie value that logs the customer in, issued now by the sandbox's clock."""
    secret = customer.company.secret
    value = encrypt_session(secret, customer.customer_id, clock.now(), os.urandom(IV_BYTES))
    return f"{value}|{hmac.new(secret.encode(), value.encode(), hashlib.sha256).hexdigest()}"


def encrypt_session(secret: str, customer_id: str, issued_at: datetime, iv: bytes) -> str:
    """Return the vendor's part of the value: AES-128-CTR, hexadecimal, the 16 bytes of the IV at the end.

    It carries no check sum: whoever knows his own id could rewrite it to another's. Hence the part after the bar,
    which readers of the vendor's format cut off.
    """
    key = hashlib.md5(secret.encode(), usedforsecurity=False).digest()
    encryptor = Cipher(AES(key), CTR(iv)).encryptor()
    plaintext = f"ts=>{round(issued_at.timestamp() * 1000)}&ci=>{customer_id}".encode()
    return (encryptor.update(plaintext) + encryptor.finalize()).hex() + iv.hex()

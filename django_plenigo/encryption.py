"""Keeps a secret in the database so that who reads the database alone cannot use it. Brings cryptography."""

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.utils.crypto import salted_hmac

SALT = "django_plenigo.encryption"


def encrypt(secret: str, keys: Sequence[str | bytes]) -> str:
    """Return a secret as a text that only the first of the keys, or its fallbacks later on, can read."""
    return _fernet(keys).encrypt(secret.encode()).decode("ascii")


def decrypt(text: str, keys: Sequence[str | bytes]) -> str | None:
    """Return what was encrypted with any of the keys, None where none of them can read it."""
    try:
        return _fernet(keys).decrypt(text.encode()).decode()
    except InvalidToken:
        return None


def _fernet(keys: Sequence[str | bytes]) -> MultiFernet:
    digests = [salted_hmac(SALT, "", key, algorithm="sha256").digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])

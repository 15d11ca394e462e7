"""What values are recognised by: salted hashes, so that no counter, note or log holds anything of a reader."""

import hmac
import ipaddress
from collections.abc import Mapping
from functools import lru_cache

from django.utils.crypto import salted_hmac

from django_plenigo import conf

SALT = "django_plenigo.connection"

#: One subscriber has at least such a network of addresses, so it counts as one client.
IPV6_PREFIX = 64


def hash_of(kind: str, value: str | None, key: str | bytes | None = None) -> str:
    """Return the hash of a value of a kind, "" where there is none, by SECRET_KEY or another key."""
    return salted_hmac(f"{SALT}.{kind}", value, secret=key, algorithm="sha256").hexdigest() if value else ""


def email_hash(email: str, key: str | bytes | None = None) -> str:
    """Return the hash of an e-mail address, whatever its case."""
    return hash_of("email", email.strip().casefold(), key)


def values_hash(values: Mapping[str, str]) -> str:
    """Return the hash of what the vendor would be told of a customer, by column; never ""."""
    # By hand: it is part of every save of a user, and salted_hmac derives its key anew each time.
    text = ascii(sorted(values.items())).encode("ascii")
    return hmac.digest(_key_of_values(conf.signing_keys()[0]), text, "sha256").hex()


@lru_cache(maxsize=1)
def _key_of_values(secret_key: str | bytes) -> bytes:
    return salted_hmac(f"{SALT}.values", "", secret=secret_key, algorithm="sha256").digest()


def number_hash(kind: str, number: str | None, key: str | bytes | None = None) -> str:
    """Return the hash of a number, by which leading zeros give nobody another try."""
    return hash_of(kind, number and (number.lstrip("0") or "0"), key)


def email_hashes(email: str) -> list[str]:
    """Return each hash that an e-mail address may be kept by: by SECRET_KEY and its fallbacks."""
    return [email_hash(email, key) for key in conf.signing_keys()]


def number_hashes(kind: str, number: str) -> list[str]:
    """Return each hash that a number may be kept by: by SECRET_KEY and its fallbacks."""
    return [number_hash(kind, number, key) for key in conf.signing_keys()]


def client_hash(address: str) -> str:
    """Return the hash of a client's address; of IPv6 the network counts."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return hash_of("client", address)
    if parsed.version == 6:
        return hash_of("client", str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False)))
    return hash_of("client", str(parsed))

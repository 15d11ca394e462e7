"""Make the ids and tokens that OkePay gives out. Shapes: docs/protocols/okepay.md 4 and 6.

The numbers of contacts, subscriptions and transactions begin with different digits, so a client that confuses them
finds nothing. All of them fit into an int32.
"""

import secrets
import string


def _number(first_digit: str) -> int:
    return int(first_digit + "".join(secrets.choice(string.digits) for _ in range(8)))


def new_contact_number() -> int:
    """Return nine digits that begin with 1."""
    return _number("1")


def new_subscription_number() -> int:
    """Return nine digits that begin with 2."""
    return _number("2")


def new_transaction_number() -> int:
    """Return nine digits that begin with 3."""
    return _number("3")


def new_uuid() -> str:
    """Return eight lower-case letters or digits, which the vendor calls a uuid."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))


def new_instance_name() -> str:
    """Return the name of an instance, which is part of a host name."""
    return f"instance-{new_uuid()}"


def new_api_secret() -> str:
    """Return a secret of 30 letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(30))


def new_link_token() -> str:
    """Return 43 characters that may stand in an address."""
    return secrets.token_urlsafe(32)

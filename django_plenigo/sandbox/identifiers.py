"""Make the ids and tokens that the vendor gives out.

Shapes: docs/protocols/plenigo-v2.md 1.2 and 5, docs/protocols/plenigo-v3.md 1.7 and 4,
docs/protocols/2checkout.md 3 and 8.
"""

import hashlib
import re
import secrets
import string

UPPER = string.ascii_uppercase + string.digits
MIXED = string.ascii_letters + string.digits


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_company_id() -> str:
    """Return 20 letters and digits."""
    return _random(MIXED, 20)


def new_secret() -> str:
    """Return 40 letters and digits."""
    return _random(MIXED, 40)


def new_customer_id() -> str:
    """Return 12 upper-case letters and digits."""
    return _random(UPPER, 12)


def new_product_id() -> str:
    """Return 20 characters, letters before digits."""
    return _random(string.ascii_letters, 6) + _random(string.digits, 14)


def new_category_id() -> str:
    """Return 20 characters that begin like a category's."""
    return "CAT_" + _random(MIXED, 16)


def new_transaction_id() -> str:
    """Return 32 characters; also the form of an order's id."""
    return _random(UPPER, 32)


def new_token() -> str:
    """Return a secret of 40 letters and digits: a log-in token, an OAuth code or an OAuth token."""
    return _random(MIXED, 40)


def new_customer_number() -> str:
    """Return 9 digits: a customer's id in API v3."""
    return secrets.choice("123456789") + _random(string.digits, 8)


def new_subscription_reference() -> str:
    """Return 10 hexadecimal digits in capital letters: a subscription at 2Checkout."""
    return _random("0123456789ABCDEF", 10)


def new_logintoken() -> str:
    """Return 40 hexadecimal digits: the secret of a sign-on link of 2Checkout."""
    return secrets.token_hex(20)


def new_code() -> str:
    """Return 6 digits that are sent to a customer."""
    return _random(string.digits, 6)


def offer_id_of(product_id: str) -> str:
    """Return the id of the offer that sells a product: 20 characters, the same for the same product."""
    return "O_" + hashlib.sha256(product_id.encode("utf-8", "surrogatepass")).hexdigest()[:18].upper()


def access_right_id_of(product_id: str) -> str:
    """Return the id of the access right that a product gives: the product's own, with hyphens for other signs."""
    return re.sub(r"[^0-9a-zA-Z-]", "-", product_id)[:30].ljust(2, "-")


def digest(token: str) -> str:
    """Return what is stored of a secret: 64 hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

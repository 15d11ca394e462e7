"""What may be sent to 2Checkout: checked before anything is, and an error names the argument and never the value."""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.utils.translation import gettext

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import CustomerRef, checked_id, checked_text

#: Limits (docs/protocols/2checkout.md 3 and 8): characters, and seconds.
REFERENCE_LENGTH = 250
TOKEN_LENGTH = 255
URL_LENGTH = 2000
LONGEST_VALIDITY_SECONDS = 3600

#: As the vendor writes its own (8); its API takes it as a number too, to which zeros in front would be nothing.
_OWN_REFERENCE = re.compile("[1-9][0-9]{0,9}")

#: Nothing that could end the `request` which it stands in.
_SUBSCRIPTION = re.compile("[0-9A-Za-z._-]{1,50}")
_LANGUAGE = re.compile("[A-Za-z]{2}")
_NAME = re.compile("[0-9A-Za-z_]{1,64}")


def checked_customer(value: object) -> str:
    """Return a customer's reference, at most 250 characters. Raises `InvalidValueError`."""
    return checked_id("customer", value, REFERENCE_LENGTH)


def checked_reference(customer: CustomerRef) -> str:
    """Return what a customer is known by: at most 250 characters of the site's, or the vendor's own number.

    Raises `InvalidValueError`.
    """
    value = checked_customer(customer.value)
    if not customer.is_external and not _OWN_REFERENCE.fullmatch(value):
        text = gettext("must be the vendor's own number of a customer, 1 to 10 digits without zeros in front")
        raise InvalidValueError("customer", text)
    return value


def checked_name(field: str, value: object) -> str:
    """Return the name of a page or of a type, of at most 64 letters, digits and _. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidValueError(field, "must be one of the vendor's words, such as my_products")
    return value


def checked_subscription(value: object) -> str:
    """Return a subscription's reference, at most 50 letters, digits, dots, - and _. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not _SUBSCRIPTION.fullmatch(value):
        raise InvalidValueError("subscription", "must be at most 50 letters and digits, such as 123D40F123")
    return value


def checked_validity(value: object) -> int:
    """Return for how many seconds a link works, 1 to 3600. Raises `InvalidValueError`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST_VALIDITY_SECONDS:
        text = f"must be a whole number of seconds from 1 to {LONGEST_VALIDITY_SECONDS}"
        raise InvalidValueError("validity_seconds", text)
    return value


def optional_address(value: object) -> str | None:
    """Return the IP address of a browser, None for none. Raises `InvalidValueError`."""
    if value in (None, ""):
        return None
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        pass
    # Out of reach of the first error, which repeats the value.
    raise InvalidValueError("client_address", "must be an IP address")


def optional_language(value: object) -> str | None:
    """Return a language of two letters, in small ones, None for none. Raises `InvalidValueError`."""
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise InvalidValueError("language", "must be two letters, such as en")
    return value.lower()


def optional_email(value: object) -> str | None:
    """Return an e-mail address, None for none. Raises `InvalidValueError`."""
    return None if value in (None, "") else checked_id("email", value)


def checked_buy_url(value: object, schemes: Sequence[str]) -> str:
    """Return the address of a buy link. Raises `InvalidValueError`."""
    text = checked_text("buy_url", value, URL_LENGTH)
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in schemes and bool(parts.hostname) and not any(each.isspace() for each in text)
    except ValueError:
        is_address = False
    if not is_address:
        raise InvalidValueError("buy_url", f"must begin with {schemes[0]}:// and a host")
    return text

"""What may be sent: each value is checked before anything is, and an error names the argument and never the value."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import (
    CONTROL_CHARACTER,
    PREPARED_URL_LENGTH,
    CustomerRef,
    checked_id,
    checked_path_id,
    checked_text,
)

#: The vendor's limits, in characters (docs/protocols/plenigo-v3.md 2.1, 3, 4, 5.1, 6.4).
TEXT_LENGTH = 100
SESSION_LENGTH = 10_000
TRANSFER_TOKEN_LENGTH = 50
SESSION_ID_LENGTH = 40
CODE_LENGTH = 6
MOST_DATA, DATA_KEY_LENGTH, DATA_VALUE_LENGTH = 50, 30, 200
MOST_QUANTITY = 10_000
OFFER_ID_LENGTH = PRODUCT_ID_LENGTH = COMPANY_ID_LENGTH = 20
LEGAL_TEXT_LENGTH = 5000
LARGEST_AMOUNT = 100_000
LARGEST_NUMBER = 2**63 - 1

#: Without an allowlist: mail to localhost reaches nobody.
IS_EMAIL = EmailValidator(allowlist=[])

PAYMENT_METHODS = (
    *("AMAZON_PAY", "APPLE_PAY", "BANK_ACCOUNT", "BILLING", "CREDIT_CARD", "GOOGLE_PAY"),
    *("IDEAL", "PAYPAL", "POSTFINANCE", "SOFORT", "TWINT", "ZERO"),
)
TAX_TYPES = (
    *("DIGITALPRODUCT", "DIGITALNEWSPAPER", "EBOOK", "DOWNLOAD", "VIDEO", "MUSIC", "MEMBERSHIP", "BUNDLE"),
    *("ADVERTISEMENT", "BOOK", "MAGAZINE", "NEWSPAPER", "PHYSICALPRODUCT", "FEE", "VOUCHER", "SHIPPINGCOSTS"),
    *("EVENT", "DONATION", "DIGITALOFFER"),
)
SALUTATIONS = ("DIVERSE", "MR", "MRS", "NONE")
ADDRESSES_TAKEN_OVER = ("INVOICE_ADDRESS_DEFAULT", "DELIVERY_ADDRESS_DEFAULT", "NO_ADDRESS_DEFAULT")
UTM_KEYS = ("source", "medium", "campaign", "term", "content")
GIFT_OPTIONS = ("FORCE_GIFT_OPTION", "HIDE_GIFT_OPTION", "SHOW_GIFT_OPTION", "PRESELECT_GIFT_OPTION")

CUSTOMER_ID = re.compile("[0-9]{1,18}")
ACCESS_RIGHT_ID = re.compile("[0-9A-Za-z-]{2,30}")
MOBILE_NUMBER = re.compile(r"\+?[1-9][0-9]{1,14}")
_LANGUAGE = re.compile("[A-Za-z]{2}")
_COUNTRY = re.compile("[A-Z]{2}")
_CURRENCY = re.compile("[A-Z]{3}")
_CARD_TYPE = re.compile("[A-Z]")
_PLAIN_NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_LINE_BREAKS = re.compile(r"[\t\n\r]")
_DIGITS = re.compile("[0-9]{1,19}")


def is_customer_id(value: str) -> bool:
    """Say whether a text can be a customer id of this API: 1 to 18 digits."""
    return bool(CUSTOMER_ID.fullmatch(value))


def checked_customer(value: object) -> CustomerRef:
    """Return a customer with an id and a flag that are what they should be. Raises `InvalidValueError`."""
    if not isinstance(value, CustomerRef):
        raise InvalidValueError("customer", f"must be a CustomerRef, not {type(value).__name__}")
    checked_bool("customer.is_external", value.is_external)
    if value.is_external:
        checked_external_id(value.value, "customer")
    else:
        checked_id("customer", value.value)
    return value


def checked_customer_id(value: object, field: str = "customer_id") -> str:
    """Return a customer id of 1 to 18 digits. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not is_customer_id(value):
        raise InvalidValueError(field, "must be 1 to 18 digits")
    return value


def checked_external_id(value: object, field: str = "external_id") -> str:
    """Return a site's own id that a path can address. Raises `InvalidValueError`."""
    return checked_path_id(field, value, TEXT_LENGTH)


def checked_bool(field: str, value: object) -> bool:
    """Return a boolean; the text 'false' is none. Raises `InvalidValueError`."""
    if not isinstance(value, bool):
        raise InvalidValueError(field, f"must be True or False, not {type(value).__name__}")
    return value


def checked_email(value: object) -> str:
    """Return an e-mail address of at most 100 characters. Raises `InvalidValueError`."""
    text = checked_text("email", value, TEXT_LENGTH)
    try:
        IS_EMAIL(text)
        text.encode("ascii")
    except (ValidationError, UnicodeEncodeError):
        raise InvalidValueError("email", "is no e-mail address that the vendor accepts") from None
    return text


def checked_language(value: object) -> str:
    """Return a language of two letters, in small ones. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise InvalidValueError("language", "must be two letters, such as en")
    return value.lower()


def checked_country(value: object) -> str:
    """Return a country of two capital letters. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
        raise InvalidValueError("country", "must be two capital letters, such as DE")
    return value


def checked_access_right_ids(value: object) -> list[str]:
    """Return the access rights that are asked for, each once. Raises `InvalidValueError`."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidValueError("product_ids", f"must be a list of access right ids, not {type(value).__name__}")
    if not value:
        raise InvalidValueError("product_ids", "must be at least one")
    return list(dict.fromkeys(checked_access_right_id(each, "product_ids") for each in value))


def checked_access_right_id(value: object, field: str = "product_id") -> str:
    """Return an access right id: 2 to 30 letters, digits and hyphens. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not ACCESS_RIGHT_ID.fullmatch(value):
        text = "must be access right ids of 2 to 30 letters, digits and hyphens: see the setting PRODUCTS"
        raise InvalidValueError(field, text)
    return value


def checked_moment(field: str, value: object) -> str | None:
    """Return a moment as RFC 3339 in UTC, None for none. It must carry its time zone. Raises `InvalidValueError`."""
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidValueError(field, "must be a datetime with a time zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def checked_number(field: str, value: object) -> int:
    """Return an id of the vendor's that is a number; its digits as text will do. Raises `InvalidValueError`."""
    if isinstance(value, str) and value.isascii() and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_NUMBER:
        raise InvalidValueError(field, "must be a number")
    return value


def checked_quantity(value: object) -> int:
    """Return how many of an offer are sold, 1 to 10,000. Raises `InvalidValueError`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_QUANTITY:
        raise InvalidValueError("quantity", f"must be a whole number from 1 to {MOST_QUANTITY:,}")
    return value


def checked_amount(field: str, value: object) -> int | float:
    """Return an amount of money from 0 to 100,000; a plain number as text will do. Raises `InvalidValueError`."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value)):
        try:
            amount = Decimal(str(value))
            if 0 <= amount <= LARGEST_AMOUNT:
                return int(amount) if amount == amount.to_integral_value() else float(amount)
        except InvalidOperation:  # NaN has no order
            pass
    raise InvalidValueError(field, f"must be a plain number from 0 to {LARGEST_AMOUNT:,}, such as 12.50")


def checked_currency(value: object) -> str:
    """Return a currency of three capital letters. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise InvalidValueError("currency", "must be three capital letters, such as EUR")
    return value


def checked_paragraphs(field: str, value: object, longest: int) -> str:
    """Return a text that may have several lines, as it is. Raises `InvalidValueError`."""
    checked_text(field, _LINE_BREAKS.sub(" ", value) if isinstance(value, str) else value, longest)
    return str(value)


def checked_day(field: str, value: object) -> str:
    """Return a day as `YYYY-MM-DD`. Raises `InvalidValueError`."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidValueError(field, "must be a date")
    return value.isoformat()


def checked_list(field: str, value: object) -> Sequence[Any]:
    """Return what is a list, and no text. Raises `InvalidValueError`."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidValueError(field, f"must be a list, not {type(value).__name__}")
    return value


def checked_choices(field: str, value: object, choices: Sequence[str]) -> list[str]:
    """Return a list of the vendor's words. Raises `InvalidValueError`."""
    return [checked_choice(field, each, choices) for each in checked_list(field, value)]


def checked_card_types(value: object) -> list[str]:
    """Return PayOne's letters of cards. Raises `InvalidValueError`."""
    field = "supported_card_types"
    found = list(checked_list(field, value))
    if not all(isinstance(each, str) and _CARD_TYPE.fullmatch(each) for each in found):
        raise InvalidValueError(field, "must be one capital letter each, such as V and M")
    return found


def checked_utm(value: object) -> dict[str, str]:
    """Return what a campaign is called, without the blank parts. Raises `InvalidValueError`."""
    if not isinstance(value, Mapping) or not all(key in UTM_KEYS for key in value):
        raise InvalidValueError("utm", f"must be a mapping with some of {', '.join(UTM_KEYS)}")
    named = {key: optional_text(f"utm[{key!r}]", value[key], TEXT_LENGTH) for key in UTM_KEYS if key in value}
    return {key: text for key, text in named.items() if text}


def checked_connected_offers(value: object) -> list[dict[str, str]]:
    """Return offers of connected companies by the vendor's names. Raises `InvalidValueError`."""
    field = "connected_offers"
    if not isinstance(value, Mapping):
        raise InvalidValueError(field, f"must be a mapping, not {type(value).__name__}")
    offers = []
    for offer_id, company_id in value.items():
        offer = {"plenigoConnectedOfferId": checked_id(f"{field}, an offer", offer_id, OFFER_ID_LENGTH)}
        if company_id not in (None, ""):
            offer["connectedCompanyId"] = checked_id(f"{field}[{offer_id!r}]", company_id, COMPANY_ID_LENGTH)
        offers.append(offer)
    return offers


def checked_choice(field: str, value: object, choices: Sequence[str]) -> str:
    """Return one of the vendor's words. Raises `InvalidValueError`."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidValueError(field, f"must be one of {', '.join(choices)}")
    return value


def checked_mobile_number(value: object) -> str:
    """Return a number such as +4915112345678. Raises `InvalidValueError`."""
    if not isinstance(value, str) or not MOBILE_NUMBER.fullmatch(value):
        raise InvalidValueError("mobile_number", "must be a number such as +4915112345678")
    return value


def checked_data(field: str, value: object, *, with_removals: bool = False) -> dict[str, str | None]:
    """Return additional data, texts by key: at most 50 of 200 characters, by keys of 30. Raises `InvalidValueError`."""
    if not isinstance(value, Mapping):
        raise InvalidValueError(field, f"must be a mapping, not {type(value).__name__}")
    if len(value) > MOST_DATA:
        raise InvalidValueError(field, f"must be at most {MOST_DATA}")
    checked: dict[str, str | None] = {}
    for key, text in value.items():
        checked_text(f"{field}, a key", key, DATA_KEY_LENGTH)
        is_removal = with_removals and text is None
        checked[key] = None if is_removal else checked_text(f"{field}[{key!r}]", text, DATA_VALUE_LENGTH)
    return checked


def optional_text(field: str, value: object, longest: int) -> str:
    """Return a text that is not too long, "" for none. Raises `InvalidValueError`."""
    return "" if value in (None, "") else checked_text(field, value, longest)


def optional_title(value: object) -> str:
    """Return a title that may hold anything that a reader can be shown; cut to 100 characters, "" for none.

    Raises `InvalidValueError` for what is no text.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidValueError("title", f"must be text, not {type(value).__name__}")
    return CONTROL_CHARACTER.sub("\ufffd", value)[:TEXT_LENGTH]


def optional_address(field: str, value: object, *, schemes: Sequence[str] = ("http", "https")) -> str:
    """Return an address that a browser may be sent to, "" for none. Raises `InvalidValueError`."""
    text = optional_text(field, value, PREPARED_URL_LENGTH)
    if not text:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in schemes or not parts.hostname or any(each.isspace() for each in text):
        known = " or ".join(f"{scheme}://" for scheme in schemes)
        raise InvalidValueError(field, f"must begin with {known} and a host")
    return text


def without_blanks(**values: Any) -> dict[str, Any]:
    """Return what there is something to send of: neither None nor ""."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def texts(limits: Mapping[str, tuple[str, int]], source: Callable[[str], object]) -> dict[str, str]:
    """Return texts by the vendor's names, of which `limits` tells our name and the longest, without the blank ones.

    Raises `InvalidValueError`.
    """
    given = {name: (ours, longest, source(ours)) for name, (ours, longest) in limits.items()}
    return {
        name: checked_text(ours, value, longest)
        for name, (ours, longest, value) in given.items()
        if value not in (None, "")
    }

"""Build the call of the vendor's script that opens a checkout, byte for byte as the vendor's own builder does.

Source: docs/protocols/plenigo-v2.md 3. Where the vendor's builder has a plain bug this one refuses:
docs/checkout-snippet.md lists each.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from typing import Any

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import (
    CONTROL_CHARACTER,
    PRODUCT_ID_BYTES,
    URL_LENGTH,
    CheckoutCall,
    CheckoutOptions,
    CheckoutOrder,
    LoginPass,
)
from django_plenigo.protocols.plenigo_v2.jws import sign_hs256

#: The product to name with `failed_payment`: a reader pays her open debts (docs/protocols/plenigo-v2.md 3.2).
FAILED_PAYMENT_PRODUCT_ID = "FAKE_PROD_ID"

#: The types of the vendor's builder, and two more of its documentation (docs/protocols/plenigo-v2.md 3.2).
PRODUCT_TYPES = (
    "EBOOK",
    "DIGITALNEWSPAPER",
    "DOWNLOAD",
    "VIDEO",
    "MUSIC",
    "DIGITALPRODUCT",
    "NEWSPAPER",
    "BOOK",
    "SHIPPINGCOSTS",
    "MEMBERSHIP",
)
SHIPPED_TYPES = ("BOOK", "NEWSPAPER")

TITLE_LENGTH = 100
AFFILIATE_ID_LENGTH = 50
ELEMENT_ID_LENGTH = 100
AMOUNT_LIMIT = 10**9
#: A smaller float would be written with an exponent.
SMALLEST_AMOUNT = 0.0001
OLDEST_BIRTHDAY = date(1900, 1, 1)

#: How many signed orders one builder remembers.
MEMO_SIZE = 1024

#: What the vendor's builder strips before it looks whether something is left.
_VENDORS_BLANKS = " \t\n\r\0\x0b"
_PLAIN_NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#\\]", re.IGNORECASE)

#: Takes the name of a field and its value, and returns the claim's JSON text, "" for a blank, since the vendor's
#: builder sends none. Slashes are escaped later, all at once. Raises `InvalidValueError`.
Reader = Callable[[str, Any], str]

#: What is wrong with an amount. The vendor's builder drops such a price silently and sells at another one.
NOT_AN_AMOUNT = f"must be a plain number, not negative and below {AMOUNT_LIMIT}, such as 12.50"


def _text(field: str, value: Any) -> str:
    """Return a text as it is, "" where it is blank."""
    if not isinstance(value, str):
        raise InvalidValueError(field, "must be text")
    if not value.strip():
        return ""
    if not value.isprintable() and CONTROL_CHARACTER.search(value):
        raise InvalidValueError(field, "holds control characters")
    return value


def _string(field: str, value: Any) -> str:
    text = _text(field, value)
    return text and encode_basestring_ascii(text)


def _title(field: str, value: Any) -> str:
    """Write any title as the vendor's builder does, "" where that builder takes it for blank."""
    if not isinstance(value, str):
        raise InvalidValueError(field, "must be text")
    if not value.strip(_VENDORS_BLANKS):
        return ""
    if value.isprintable():
        return encode_basestring_ascii(value[:TITLE_LENGTH])
    # Half a character: two that belong together become the one that they are, and one alone U+FFFD.
    text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:TITLE_LENGTH]
    # The one character of ASCII that the vendor's builder leaves as it is and Python escapes.
    return '"' + "\x7f".join(encode_basestring_ascii(part)[1:-1] for part in text.split("\x7f")) + '"'


def _product_id(field: str, value: Any) -> str:
    text = _text(field, value)
    if len(text.encode()) > PRODUCT_ID_BYTES:
        raise InvalidValueError(field, f"must be at most {PRODUCT_ID_BYTES} bytes long")
    return text and encode_basestring_ascii(text)


def _currency(field: str, value: Any) -> str:
    text = _text(field, value)
    if text and not _CURRENCY.fullmatch(text):
        raise InvalidValueError(field, "must be three capital letters, such as EUR")
    return text and f'"{text}"'


def _type(field: str, value: Any) -> str:
    text = _text(field, value)
    if text and text not in PRODUCT_TYPES:
        raise InvalidValueError(field, f"must be one of {', '.join(PRODUCT_TYPES)}")
    return text and f'"{text}"'


def _flag(field: str, value: Any) -> str:
    if not isinstance(value, bool):
        raise InvalidValueError(field, "must be True, False or None")
    return "true" if value else "false"


def _amount(field: str, value: Any) -> str:
    """Write a number as the vendor does, without `.0`; text stays the very text, in quotes."""
    if isinstance(value, str):
        return _amount_text(field, value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise InvalidValueError(field, NOT_AN_AMOUNT)
    try:
        number = float(value)
    except (OverflowError, ValueError):  # a giant integer, a signalling NaN
        raise InvalidValueError(field, NOT_AN_AMOUNT) from None
    if not (value == 0 or SMALLEST_AMOUNT <= number < AMOUNT_LIMIT):  # so NaN neither
        raise InvalidValueError(field, NOT_AN_AMOUNT)
    return repr(int(number) if number.is_integer() else number)


def _amount_text(field: str, value: str) -> str:
    text = _text(field, value)
    if text and not (_PLAIN_NUMBER.fullmatch(text) and float(text) < AMOUNT_LIMIT):
        raise InvalidValueError(field, NOT_AN_AMOUNT)
    return text and f'"{text}"'


def _birthday_reader(today: Callable[[], date]) -> Reader:
    def read(field: str, value: Any) -> str:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise InvalidValueError(field, "must be a date")
        if not OLDEST_BIRTHDAY < value <= today():
            raise InvalidValueError(field, f"must be after {OLDEST_BIRTHDAY} and not in the future")
        return f'"{value:%m%d%Y}"'

    return read


#: Every claim but the last two, `raa` (the birthday) and `aud`, in the vendor's order: its name on the wire, the
#: field of `CheckoutOrder`, and what reads the field (docs/protocols/plenigo-v2.md 3.2).
CLAIMS: tuple[tuple[str, str, Reader], ...] = (
    ("pr", "price", _amount),
    ("cu", "currency", _currency),
    ("pt", "type", _type),
    ("ti", "title", _title),
    ("pi", "product_id", _product_id),
    ("si", "segment_id", _string),
    ("sab", "show_buying_again_screen", _flag),
    ("spf", "show_checkout_confirmation_screen", _flag),
    ("sso", "oauth2_redirect_url", _string),
    ("csrf", "csrf_token", _string),
    ("ci", "category_id", _string),
    ("sp", "pay_what_you_want", _flag),
    ("ts", "test_mode", _flag),
    ("rs", "subscription_renewal", _flag),
    ("fp", "failed_payment", _flag),
    ("sc", "shipping_cost", _amount),
    ("om", "override_mode", _flag),
    ("pir", "product_id_replacement", _product_id),
)
_FIELDS_OF = attrgetter(*(field for _, field, _ in CLAIMS), "birthday")


def _refuse_contradictions(order: CheckoutOrder) -> None:
    """Raise `InvalidValueError` where the product is missing, or good values do not go together."""
    if _is_blank(order.product_id):
        raise InvalidValueError("product_id", "is missing")
    for field in ("quantity", "legal_text"):
        if getattr(order, field) is not None:
            raise InvalidValueError(field, "is only for checkouts that the vendor prepares")
    if order.shipping_cost is None and order.override_mode is None and order.product_id_replacement is None:
        return
    can_be_shipped = _is_blank(order.type) or order.type in SHIPPED_TYPES
    if not can_be_shipped and not _is_blank(order.shipping_cost) and float(order.shipping_cost or 0) > 0:
        raise InvalidValueError("shipping_cost", f"is only for the types {' and '.join(SHIPPED_TYPES)}")
    if order.override_mode and _is_blank(order.price):
        raise InvalidValueError("override_mode", "needs a price")
    if not order.override_mode and not _is_blank(order.product_id_replacement):
        raise InvalidValueError("product_id_replacement", "needs override_mode")


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _web_address(field: str, value: Any) -> str:
    text = _text(field, value)
    if text and not _WEB_ADDRESS.match(text):
        raise InvalidValueError(field, "must begin with http:// or https:// and a host")
    return text


#: What may follow `startWithRegistration`, in the vendor's order (docs/protocols/plenigo-v2.md 3.1): the key, the
#: field of `CheckoutOptions`, what checks it, and the most characters.
OPTIONS = (
    ("sourceUrl", "source_url", _web_address, URL_LENGTH),
    ("targetUrl", "target_url", _web_address, URL_LENGTH),
    ("affiliateId", "affiliate_id", _text, AFFILIATE_ID_LENGTH),
    ("elementId", "element_id", _text, ELEMENT_ID_LENGTH),
)
_OPTIONS_OF = attrgetter(*(field for _, field, _, _ in OPTIONS))
_NO_OPTIONS = (None,) * len(OPTIONS)


def _members(options: CheckoutOptions, login: LoginPass | None) -> str:
    """Return the members of the script's argument that follow the payment data, each behind a comma."""
    start = options.start_with_registration
    if not isinstance(start, bool):
        raise InvalidValueError("start_with_registration", "must be True or False")
    members = ',"startWithRegistration":true' if start else ',"startWithRegistration":false'
    if login is not None:
        members += f',"loginToken":{_as_json_string(_login_token(login))}'
    given = _OPTIONS_OF(options)
    return members if given == _NO_OPTIONS else members + _option_members(given)


def _option_members(given: tuple[Any, ...]) -> str:
    members = ""
    for (key, field, check, length), value in zip(OPTIONS, given, strict=True):
        text = "" if value is None else check(field, value)
        if len(text) > length:
            raise InvalidValueError(field, f"must be at most {length} characters long")
        if text:
            members += f',"{key}":{_as_json_string(text)}'
    return members


def _login_token(login: LoginPass) -> str:
    if login.is_url:
        raise InvalidValueError("login", "is a URL, where a token is due")
    token = _text("login", login.value)
    if not token:  # the vendor's builder takes it for a log-in, which the buyer then sees fail
        raise InvalidValueError("login", "is empty")
    return token


def _as_json_string(text: str) -> str:
    """Return a JSON string in ASCII, with slashes escaped as by the vendor's builder."""
    return encode_basestring_ascii(text).replace("/", r"\/")


class CheckoutBuilder:
    """Signs the checkouts of one company.

    The payment data holds no time, so equal orders are checked and signed once and remembered; one that carries a
    reader's `csrf_token` or `birthday` is not, and no login pass ever is.
    """

    def __init__(self, secret: str, test_mode: bool = False, *, today: Callable[[], date] = date.today) -> None:
        if not secret:
            raise InvalidValueError("secret", "is empty")
        self._secret = secret
        self._test_mode = test_mode
        claims = (*CLAIMS, ("raa", "birthday", _birthday_reader(today)))
        self._claims = tuple((f'"{claim}":', field, read) for claim, field, read in claims)
        self._remembered = lru_cache(maxsize=MEMO_SIZE)(self._sign)

    def sign_checkout(
        self, order: CheckoutOrder, options: CheckoutOptions, login: LoginPass | None = None
    ) -> CheckoutCall:
        """Return the call that opens the checkout, for the customer of `login` where one is given.

        Raises `InvalidValueError`, which names the field of the order or of the options, or `login`.
        """
        try:
            return CheckoutCall(
                "plenigo.checkout" if login is None else "plenigo.checkoutWithRemoteLogin",
                f'{{"paymentData":"{self._payment_data(order)}"{_members(options, login)}}}',
            )
        except InvalidValueError as error:
            field, problem = error.field, error.problem
        # Raised anew: the frames behind the first one hold tokens and birthdays, which error reports would show.
        raise InvalidValueError(field, problem)

    def _payment_data(self, order: CheckoutOrder) -> str:
        if order.is_personal:
            return self._sign(order)
        try:
            return self._remembered(order)
        except TypeError:  # a value that cannot be part of a key, such as a list: what reads its field says so by name
            return self._sign(order)

    def _sign(self, order: CheckoutOrder) -> str:
        if self._test_mode and (order.test_mode is None or order.test_mode is False):
            order = replace(order, test_mode=True)
        claims = [
            prefix + text
            for (prefix, field, read), value in zip(self._claims, _FIELDS_OF(order), strict=True)
            if value is not None and (text := read(field, value))
        ]
        _refuse_contradictions(order)
        # Joined by hand: a JSON library would cost as much as the signature. Slashes stand in strings only.
        claims_json = f'{{{",".join(claims)},"aud":"plenigo"}}'.replace("/", r"\/")
        return sign_hs256(claims_json, self._secret)

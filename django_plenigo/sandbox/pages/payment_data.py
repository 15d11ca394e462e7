"""Read `paymentData`, the signed check-out string. Source: docs/protocols/plenigo-v2.md 3.2."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import jwt
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ..models.merchant import ProductType

PRODUCT_ID_BYTES = 20
TITLE_CHARACTERS = 100
HIGHEST_AMOUNT = Decimal("99999999.99")
CENT = Decimal("0.01")
#: What a JSON text can carry and neither a database nor a page can.
UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")

PRODUCT_TYPES = frozenset(ProductType.values)
SHIPPED_TYPES = frozenset({"BOOK", "NEWSPAPER"})
#: Flags come as JSON booleans or, from the Perl client, as words. Quotes may surround the words.
FLAG_WORDS = {"true": True, "1": True, "false": False, "0": False, "": False, "null": False}


class PaymentDataError(ValueError):
    """The check-out string is refused. `sentence` is what the page tells the reader; it quotes nothing."""

    def __init__(self, code: str, sentence: str | Promise) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentData:
    """What a shop signed: one product, as the shop describes it, and how to sell it."""

    product_id: str
    """The managed product's id or the shop's own; at most 20 bytes. Empty only when open payments are to be paid."""

    title: str
    """Cut to 100 characters; empty when the shop leaves it to the vendor."""

    price: Decimal | None
    currency: str
    product_type: str
    shipping: Decimal
    category_id: str
    """Shown to the reader, like segment and renewal: what they do to the price is not the sandbox's to know."""

    segment_id: str
    replacement_id: str
    """The id to sell instead; counts only where `overrides`."""

    overrides: bool
    """Price, title and id of a managed product give way to the shop's."""

    test_mode: bool
    chooses_price: bool
    """The customer names the price."""

    offers_again: bool
    """Whoever owns the product already may buy it again after a screen that says so."""

    confirms: bool
    """A screen after the purchase."""

    renews: bool
    pays_failed: bool
    """Open payments are to be paid, not a product."""

    redirect_uri: str
    """Where to return with an OAuth code; empty for none."""

    csrf_token: str
    """The `state` that accompanies the OAuth code."""


def read_payment_data(signed: str, secret: str) -> PaymentData:
    """Verify the check-out string with one company's secret and return what it says.

    Raises `PaymentDataError` for every refusal. By its claims the string never expires.
    """
    if not signed:
        raise PaymentDataError("missing", _("The shop sent no check-out string (paymentData)."))
    claims = _verified(signed, secret)
    data = PaymentData(
        product_id=_product_id(claims, "pi"),
        title=_text(claims, "ti")[:TITLE_CHARACTERS],
        price=_amount(claims, "pr"),
        currency=_currency(claims),
        product_type=_product_type(claims),
        shipping=_amount(claims, "sc") or Decimal(0),
        category_id=_text(claims, "ci"),
        segment_id=_text(claims, "si"),
        replacement_id=_product_id(claims, "pir"),
        overrides=_flag(claims, "om"),
        test_mode=_flag(claims, "ts"),
        chooses_price=_flag(claims, "sp"),
        offers_again=_flag(claims, "sab"),
        confirms=_flag(claims, "spf"),
        renews=_flag(claims, "rs"),
        pays_failed=_flag(claims, "fp"),
        redirect_uri=_text(claims, "sso"),
        csrf_token=_text(claims, "csrf"),
    )
    _check_birthday_rule(_text(claims, "raa"))
    for is_broken, code, sentence in RULES:
        if is_broken(data):
            raise PaymentDataError(code, sentence)
    return data


#: What must hold between the claims: (is it broken?, code, sentence).
RULES: tuple[tuple[Callable[[PaymentData], bool], str, str | Promise], ...] = (
    (
        lambda data: not data.product_id and not data.pays_failed,
        "product_missing",
        _("The check-out string names no product."),
    ),
    (
        lambda data: data.shipping > 0 and data.product_type not in SHIPPED_TYPES | {""},
        "shipping_type",
        _("Shipping costs are possible for the types BOOK and NEWSPAPER only."),
    ),
    (
        lambda data: data.overrides and data.price is None,
        "override_price",
        _("The override mode needs a price."),
    ),
)


def _verified(signed: str, secret: str) -> dict[str, Any]:
    try:
        return dict(jwt.decode(signed, secret, algorithms=["HS256"], audience="plenigo"))
    except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError):
        raise PaymentDataError("audience", _("The check-out string is not meant for plenigo (aud).")) from None
    except jwt.InvalidSignatureError:
        sentence = _("The check-out string was signed with a secret that is not this company's.")
        raise PaymentDataError("signature", sentence) from None
    except jwt.InvalidTokenError:
        sentence = _("The check-out string cannot be read. The sandbox takes JWT signed with HS256 only.")
        raise PaymentDataError("unreadable", sentence) from None


def _text(claims: dict[str, Any], name: str) -> str:
    """Return a claim as text; numbers are taken as written, anything else is refused."""
    value = claims.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _malformed(name)
    text = str(value)
    if UNSTORABLE.search(text):
        raise _malformed(name)
    return text


def _product_id(claims: dict[str, Any], name: str) -> str:
    value = _text(claims, name)
    if len(value.encode()) > PRODUCT_ID_BYTES:
        raise PaymentDataError("product_id_length", _("A product id has at most 20 bytes."))
    return value


def _amount(claims: dict[str, Any], name: str) -> Decimal | None:
    """Return an amount in whole cents. A price may come as a number or as a numeric text."""
    text = _text(claims, name).strip()
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise _malformed(name) from None
    if not amount.is_finite() or amount < 0 or amount > HIGHEST_AMOUNT:
        raise _malformed(name)
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def _currency(claims: dict[str, Any]) -> str:
    value = _text(claims, "cu").upper()
    if value and not re.fullmatch(r"[A-Z]{3}", value):
        raise _malformed("cu")
    return value


def _product_type(claims: dict[str, Any]) -> str:
    value = _text(claims, "pt").upper()
    if value and value not in PRODUCT_TYPES:
        raise _malformed("pt")
    return value


def _flag(claims: dict[str, Any], name: str) -> bool:
    value = claims.get(name)
    if isinstance(value, bool):
        return value
    word = "" if value is None else str(value).strip("'\" ").lower()
    if word not in FLAG_WORDS:
        raise _malformed(name)
    return FLAG_WORDS[word]


def _check_birthday_rule(value: str) -> None:
    """Refuse what is no day in the form MMDDYYYY."""
    if not value:
        return
    try:
        if not re.fullmatch(r"[0-9]{8}", value):
            raise ValueError
        datetime.strptime(value, "%m%d%Y")
    except ValueError:
        raise _malformed("raa") from None


def _malformed(name: str) -> PaymentDataError:
    sentence = format_lazy(_("The claim “{name}” of the check-out string has no usable value."), name=name)
    return PaymentDataError(f"malformed_{name}", sentence)

"""2Checkout's webhooks: IPN tells of orders, LCN of subscriptions, both at one address.

Source: docs/protocols/2checkout.md 8.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from django_plenigo.errors import InvalidValueError, SignatureError
from django_plenigo.protocols.base import (
    NO_SIGNATURE,
    ONLY_MD5,
    WRONG_SIGNATURE,
    PortalCustomerSeen,
    WebhookCall,
    WebhookReader,
    WebhookReceipt,
    bodies,
)
from django_plenigo.protocols.twocheckout.signing import SERVICE, SHA3_256, SHA256, signature, signed_text
from django_plenigo.tracebacks import without_secrets

FORM = "application/x-www-form-urlencoded"

#: The fields that are signatures, the strongest first, and their algorithms. They sign neither themselves nor another.
SIGNATURES = {"SIGNATURE_SHA3_256": SHA3_256, "SIGNATURE_SHA2_256": SHA256}
MD5 = "HASH"
NEEDED = " or ".join(SIGNATURES)

IPN, LCN = "ipn", "lcn"

#: By what the two are told apart.
OF_IPN, OF_LCN = "IPN_DATE", "LICENSE_CODE"

#: What each must have. The names of fields are not signed and the receipt is, by the same key: a body that somebody has
#: given other names is to get none, which would be a signature of what he has chosen.
NEEDED_FIELDS = {
    IPN: ("REFNO", "ORDERSTATUS", "IPN_PID", "IPN_PNAME", OF_IPN),
    LCN: (OF_LCN, "EXPIRATION_DATE", "DISABLED", "TEST"),
}

#: The one status of an order that stands for a purchase. The vendor has more, and most of them come before it.
COMPLETE = "COMPLETE"

#: What says no, of a flag.
NO = ("", "0")

RECEIPT_DATE = "%Y%m%d%H%M%S"

_IPN_DATE = re.compile("[0-9]{14}")
_REFERENCE = re.compile("[0-9]{1,10}")

#: A form's values by name, each as often as it came.
Fields = Mapping[str, Sequence[bytes]]


class Notifications(WebhookReader):
    """The part of the client that reads what the vendor tells by itself."""

    content_types = (FORM,)

    keys: tuple[str, ...]
    """Any of them proves a delivery."""

    accepts_tests: bool
    """Whether what was bought as a test stands for a purchase."""

    @without_secrets
    def authenticate(self, call: WebhookCall, *, now: datetime) -> WebhookReceipt:
        """Return the receipt, once the strongest signature that came is one by one of the keys.

        MD5 alone is refused, whatever it says: the address must be set to SHA at the vendor.
        """
        try:
            pairs = bodies.form_pairs(call.body)
        except InvalidValueError:
            raise SignatureError(SERVICE, NO_SIGNATURE, detail=NEEDED) from None
        fields = _fields_of(pairs)
        name = next((name for name in SIGNATURES if _first(fields, name)), None)
        if name is None:
            raise SignatureError(SERVICE, ONLY_MD5 if _first(fields, MD5) else NO_SIGNATURE, detail=NEEDED)
        # In the order in which they came, arrays and repetitions included: that is what was signed.
        signed = [(each, value) for each, value in pairs if each not in SIGNATURES and each != MD5]
        values = [value for _, value in signed]
        sent = _first(fields, name).lower()
        for key in self.keys:
            if hmac.compare_digest(signature(SIGNATURES[name], key, values).encode(), sent):
                receipt = _receipt_of(fields, SIGNATURES[name], key, now)
                # The values alone are signed. A delivery whose fields have other names, are encoded in another way, or
                # that is signed by another key, is no other delivery.
                return replace(receipt, signed=signed_text(values), kept=urlencode(signed).encode())
        raise SignatureError(SERVICE, WRONG_SIGNATURE)

    @without_secrets
    def read_events(self, body: bytes, content_type: str) -> list[PortalCustomerSeen]:
        """Return the customer whose order or subscription it is; nobody where the vendor names no customer."""
        if content_type.partition(";")[0].strip().lower() not in ("", FORM):
            raise InvalidValueError("content_type", f"must be {FORM}")
        fields = _fields_of(bodies.form_pairs(body))
        kind = _kind_of(fields)
        if kind is None:
            raise InvalidValueError("body", f"is neither an IPN nor an LCN: it has neither {OF_IPN} nor {OF_LCN}")
        _refuse_incomplete(fields, kind)
        reference = _text(fields, "AVANGATE_CUSTOMER_REFERENCE")
        if not reference:
            return []
        if not _REFERENCE.fullmatch(reference):
            raise InvalidValueError("AVANGATE_CUSTOMER_REFERENCE", "must be at most 10 digits")
        seen = PortalCustomerSeen(
            reference=reference,
            our_reference=_text(fields, "EXTERNAL_CUSTOMER_REFERENCE", bodies.foreign_text),
            email=_text(fields, "CUSTOMEREMAIL" if kind == IPN else "EMAIL", bodies.foreign_text),
            is_valid=self._is_order_valid(fields) if kind == IPN else self._is_subscription_valid(fields),
            object_kind=kind,
            object_id=_text(fields, "REFNO" if kind == IPN else "LICENSE_CODE"),
        )
        return [seen]

    def _is_order_valid(self, fields: Fields) -> bool:
        return _text(fields, "ORDERSTATUS") == COMPLETE and self._counts(fields, "TEST_ORDER")

    def _is_subscription_valid(self, fields: Fields) -> bool:
        is_active = _text(fields, "DISABLED") in NO and not _is_over(_text(fields, "EXPIRATION_DATE"))
        return is_active and self._counts(fields, "TEST")

    def _counts(self, fields: Fields, flag: str) -> bool:
        """Say whether a purchase is no test, or tests count. Of an order the flag is missing where it is not ticked."""
        return self.accepts_tests or _text(fields, flag) in NO


def _fields_of(pairs: Sequence[tuple[str, bytes]]) -> Fields:
    fields: dict[str, list[bytes]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _kind_of(fields: Fields) -> str | None:
    if OF_IPN in fields:
        return IPN
    return LCN if OF_LCN in fields else None


def _refuse_incomplete(fields: Fields, kind: str) -> None:
    """Raise `InvalidValueError` for what the vendor would not send so."""
    there = {name.partition("[")[0] for name in fields}
    for name in NEEDED_FIELDS[kind]:
        if name not in there:
            raise InvalidValueError(name, "is missing: have the vendor send it")
    if kind == IPN and not _IPN_DATE.fullmatch(_text(fields, OF_IPN)):
        raise InvalidValueError(OF_IPN, "must be 14 digits")


def _is_over(expires: str) -> bool:
    """Say whether a subscription has ended by a day before today, by UTC. One without an end has not."""
    if not expires:
        return False
    try:
        return date.fromisoformat(expires[:10]) < datetime.now(UTC).date()
    except ValueError:
        raise InvalidValueError("EXPIRATION_DATE", "must begin with a date, as in 2026-01-31") from None


def _first(fields: Fields, name: str) -> bytes:
    return next(iter(fields.get(name, ())), b"")


def _first_member(fields: Fields, name: str) -> bytes:
    """Return the first value under a name, or of the array of that name, however its members are written."""
    return next((_first(fields, each) for each in fields if each.partition("[")[0] == name), b"")


def _text(fields: Fields, name: str, read: Callable[[str, object], str] = bodies.optional_text) -> str:
    """Return the text of a field that must not be there twice, "" for none. Raises `InvalidValueError`."""
    if len(fields.get(name, ())) > 1:
        raise InvalidValueError(name, "is there more than once")
    return read(name, bodies.decoded(name, _first(fields, name)))


def _receipt_of(fields: Fields, algorithm: str, key: str, now: datetime) -> WebhookReceipt:
    """Return the receipt, without which the vendor would deliver again for two days."""
    signed_at = now.astimezone(UTC).strftime(RECEIPT_DATE)
    kind = _kind_of(fields)
    if kind is None:
        return WebhookReceipt()
    names = ("IPN_PID", "IPN_PNAME", OF_IPN) if kind == IPN else (OF_LCN, "EXPIRATION_DATE")
    values = [*(_first_member(fields, name) for name in names), signed_at.encode()]
    return WebhookReceipt(f'<sig algo="{algorithm}" date="{signed_at}">{signature(algorithm, key, values)}</sig>')

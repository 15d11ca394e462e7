"""The callbacks of API v3: who signed them, and whom they are about (docs/protocols/plenigo-v3.md 7)."""

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django_plenigo.errors import ConfigurationError, InvalidValueError, SignatureError
from django_plenigo.protocols.base import (
    FROM_THE_FUTURE,
    NO_SIGNATURE,
    SERVICE,
    TOO_OLD,
    WRONG_SIGNATURE,
    CustomerEvent,
    WebhookCall,
    WebhookReader,
    WebhookReceipt,
    bodies,
)
from django_plenigo.protocols.plenigo_v3.arguments import is_customer_id
from django_plenigo.tracebacks import without_secrets

SIGNATURE = "plenigo-signature"

CUSTOMER, DELETION = "CUSTOMER", "DELETION"

#: Those that change nothing of what a customer may read. All others may, those that the vendor adds among them.
WITHOUT_ACCESS = frozenset({"CUSTOMER_OPT_IN", "INVOICE", "INVOICE_CANCELLATION", "INVOICE_CORRECTION"})

#: Where an entity, or one of its items, names its customers.
CUSTOMER_KEYS = ("customerId", "invoiceCustomerId", "deliveryCustomerId")

_SECONDS = re.compile("[0-9]{1,12}")


class PlenigoCallbacks(WebhookReader):
    """Reads the callbacks of one company. Each is signed with a secret of its own."""

    # JSON it is; as what it is declared the vendor does not say.
    content_types = ("application/json", "text/plain", "application/octet-stream", "")

    @without_secrets
    def __init__(self, *, secrets: Sequence[str], window_seconds: float, setting: str = "WEBHOOK_SECRETS") -> None:
        """Believe what any of the secrets has signed, at most so many seconds ago or ahead of this clock.

        `setting` is where the secrets are from, for the error of a company that has none.
        """
        self._secrets = tuple(secrets)
        self._window_seconds = window_seconds
        self._setting = setting

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    @property
    def can_prove(self) -> bool:
        """Whether there is a secret."""
        return bool(self._secrets)

    @without_secrets
    def authenticate(self, call: WebhookCall, *, now: datetime) -> WebhookReceipt:
        """Return an empty receipt: any 2xx will do. What is too old is told apart only where it is the vendor's."""
        if not self._secrets:
            raise ConfigurationError(f"{self._setting} is missing: nothing can prove a callback.")
        signed_at, signatures = _parts_of(call.headers.get(SIGNATURE, ""))
        signed = signed_at.encode() + b"." + call.body
        expected = [hmac.new(secret.encode(), signed, "sha256").hexdigest().encode() for secret in self._secrets]
        sent = [each.lower().encode("utf-8", "surrogatepass") for each in signatures]
        if not any([hmac.compare_digest(one, other) for one in expected for other in sent]):  # noqa: C419 - all of them
            raise SignatureError(SERVICE, WRONG_SIGNATURE)
        age_seconds = now.timestamp() - int(signed_at)
        if age_seconds > self._window_seconds:
            raise SignatureError(SERVICE, TOO_OLD, detail=self._difference(age_seconds))
        if age_seconds < -self._window_seconds:
            raise SignatureError(SERVICE, FROM_THE_FUTURE, detail=self._difference(age_seconds))
        return WebhookReceipt()

    def _difference(self, age_seconds: float) -> str:
        where = "ago" if age_seconds > 0 else "ahead"
        return f"{SIGNATURE}: {abs(age_seconds):.0f} seconds {where}; {self._window_seconds:.0f} are allowed"

    @without_secrets
    def read_events(self, body: bytes, content_type: str) -> list[CustomerEvent]:
        """Return one event for each customer whom the callback is about. The vendor says nothing of its media type.

        The entity is not believed beyond that: the order of deliveries is not promised, so it may be out of date.
        """
        values = bodies.json_object(body)
        kind = bodies.optional_text("entityType", values.get("entityType"))
        if not kind:
            raise InvalidValueError("entityType", "must not be blank")
        customer_ids = dict.fromkeys(_customer_ids(kind, values))
        return [
            CustomerEvent(
                customer_id,
                is_deleted=kind == CUSTOMER and values.get("callbackType") == DELETION,
                changes_access=kind not in WITHOUT_ACCESS,
            )
            for customer_id in customer_ids
        ]


def _parts_of(header: str) -> tuple[str, list[str]]:
    """Return when a callback was signed, in seconds, and its signatures. Other parts mean nothing.

    Raises `SignatureError` for a header that is none, or has no such parts.
    """
    parts = [(name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in header.split(","))]
    moments = [value for name, value in parts if name == "t"]
    signatures = [value for name, value in parts if name == "s" and value]
    if len(moments) != 1 or not _SECONDS.fullmatch(moments[0]) or not signatures:
        raise SignatureError(SERVICE, NO_SIGNATURE, detail=SIGNATURE)
    return moments[0], signatures


def _customer_ids(kind: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield whom a callback is about, some of them more than once. Raises `InvalidValueError`.

    It says so in a field that callbacks of customers must have. All others are read as far as they can be: the vendor
    switches off an address that refuses its callbacks, of whatever kind they are.
    """
    if kind == CUSTOMER:  # a deletion has no entity
        customer_id = bodies.optional_text("entityId", values.get("entityId"))
        if not is_customer_id(customer_id):
            raise InvalidValueError("entityId", "must be 1 to 18 digits")
        yield customer_id
    entity = values.get("entity")
    if isinstance(entity, dict):
        items = entity.get("items")
        for each in (entity, *(items if isinstance(items, list) else ())):
            yield from _named_in(each)


def _named_in(values: object) -> Iterator[str]:
    """Yield the customers whom an object names. The vendor's document allows other texts there, which are nobody."""
    named = [values.get(key) for key in CUSTOMER_KEYS] if isinstance(values, dict) else []
    for value in named:
        if isinstance(value, str | int) and is_customer_id(str(value)):
            yield str(value)

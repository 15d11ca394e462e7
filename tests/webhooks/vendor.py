"""A vendor who delivers by the interface alone: JSON, signed by HMAC, or by the token in the address."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django_plenigo.errors import InvalidValueError, SignatureError
from django_plenigo.protocols.base import (
    NO_SIGNATURE,
    WRONG_SIGNATURE,
    CustomerEvent,
    PortalCustomerSeen,
    WebhookReader,
    WebhookReceipt,
)
from tests.site.portals import Harbour

SECRET = "a secret that the vendor and the site share"
TOKEN = "an-unguessable-token"
HEADER = "X-Shop-Signature"


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def purchase(**changes: Any) -> dict[str, Any]:
    return {
        "reference": "4711",
        "our_reference": "ours-1",
        "email": "reader@example.com",
        "is_valid": True,
        **changes,
    }


@dataclass
class Vendor(WebhookReader):
    """What reads the deliveries, and what tests look at and turn."""

    content_types = ("application/json",)
    takes_token: bool = False
    known: dict[str, PortalCustomerSeen | None] = field(default_factory=dict)
    """What the vendor says itself of a customer, by its id."""
    errors: list[Exception] = field(default_factory=list)
    """Raised one by one, instead of the next answers."""
    confirmed: int = 0
    read: int = 0

    def authenticate(self, call, *, now):
        signed = call.headers.get(HEADER, "")
        if self.takes_token and hmac.compare_digest(call.url_token, TOKEN):
            return WebhookReceipt("thanks", needs_confirmation=True)
        if not signed:
            raise SignatureError("shop", NO_SIGNATURE, detail=HEADER)
        if not hmac.compare_digest(signed.encode(), signature(call.body).encode()):
            raise SignatureError("shop", WRONG_SIGNATURE)
        return WebhookReceipt(f"thanks for {len(call.body)}")

    def read_events(self, body, content_type):
        self.read += 1
        try:
            told = json.loads(body)
            if "customer_id" in told:
                return [CustomerEvent(**told)]
            return [PortalCustomerSeen(**each) for each in told["purchases"]]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise InvalidValueError("body", "is no delivery of this vendor") from None

    def confirm(self, event):
        self.confirmed += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.known.get(event.reference)


class Shop(Harbour, WebhookReader):
    """The vendor's portal, as the settings name it. Each asks the one `Vendor` that a test turns."""

    vendor: ClassVar[Vendor] = Vendor()

    @property
    def content_types(self):
        return self.vendor.content_types

    def authenticate(self, call, *, now):
        return self.vendor.authenticate(call, now=now)

    def read_events(self, body, content_type):
        return self.vendor.read_events(body, content_type)

    def confirm(self, event):
        return self.vendor.confirm(event)

"""What vendors tell a site by themselves: who reads it, how its origin is proved, and what may follow from it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from django_plenigo.errors import UnsupportedOperationError

#: Every word that `SignatureError.code` may be.
NO_SIGNATURE = "no signature"
WRONG_SIGNATURE = "wrong signature"
ONLY_MD5 = "md5 only"
TOO_OLD = "too old"
FROM_THE_FUTURE = "from the future"
NO_TOKEN = "no token"  # noqa: S105 - a word for a failure
WRONG_TOKEN = "wrong token"  # noqa: S105 - a word for a failure
SIGNATURE_CODES = (NO_SIGNATURE, WRONG_SIGNATURE, ONLY_MD5, TOO_OLD, FROM_THE_FUTURE, NO_TOKEN, WRONG_TOKEN)


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One delivery, as it came in."""

    headers: Mapping[str, str] = field(repr=False)
    """The headers; their names are compared without regard to case."""

    body: bytes = field(repr=False)
    """The raw body."""

    url_token: str = field(default="", repr=False)
    """What stood in the address as `token`, "" for nothing."""

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case, "" where none was sent."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class WebhookReceipt:
    """What the vendor is answered whose delivery is accepted."""

    body: str = field(default="", repr=False)
    """What the vendor wants to read."""

    content_type: str = "text/plain; charset=utf-8"
    """Its media type."""

    needs_confirmation: bool = False
    """Whether nothing signed the body: what it says is a hint, and the vendor is asked before it is believed."""

    kept: bytes | None = field(default=None, repr=False)
    """What of the body is to be read later, where a signature stands in it: that is kept nowhere. None: all of it."""

    signed: bytes | None = field(default=None, repr=False)
    """What the proof covers, where that is not the whole body: what is the same of it is the same delivery."""


@dataclass(frozen=True, slots=True)
class PortalCustomerSeen:
    """A vendor's customer has bought with a reference in hand that this site may have issued."""

    reference: str = field(repr=False)
    """The vendor's own id of the customer."""

    our_reference: str = field(repr=False)
    """The reference that came back, "" for none."""

    email: str = field(repr=False)
    """The customer's address as the vendor has it, "" where it tells none."""

    is_valid: bool
    """Whether the purchase stands: confirmed, active. What waits, failed or was taken back binds nobody."""

    object_kind: str = ""
    """What it was read from, by the vendor's word: "subscription", "transaction", "ipn", "lcn"."""

    object_id: str = field(default="", repr=False)
    """The vendor's id of that."""


@dataclass(frozen=True, slots=True)
class CustomerEvent:
    """Something of a plenigo customer has changed: what is known of her is out of date, and no more is believed."""

    customer_id: str = field(repr=False)
    """plenigo's id."""

    is_deleted: bool = False
    """Whether the customer is said to be no more."""

    changes_access: bool = True
    """Whether what she may read may have changed."""


WebhookEvent = PortalCustomerSeen | CustomerEvent


class WebhookReader(ABC):
    """Reads what one vendor delivers."""

    content_types: ClassVar[tuple[str, ...]] = ("application/json", "application/x-www-form-urlencoded")
    """The media types in which this vendor delivers."""

    @property
    def can_prove(self) -> bool:
        """Whether the settings hold anything by which a delivery could be proved.

        Where they do not every delivery is refused, and a look at the address is answered so, too.
        """
        return True

    @abstractmethod
    def authenticate(self, call: WebhookCall, *, now: datetime) -> WebhookReceipt:
        """Return what to answer, once the origin of a delivery is proved: in constant time, over the raw body.

        Raises `SignatureError`, whose `code` is one of `SIGNATURE_CODES`, and `ConfigurationError` where the settings
        hold nothing to prove it by. Whatever a stranger sends raises nothing else.
        """

    @abstractmethod
    def read_events(self, body: bytes, content_type: str) -> Sequence[WebhookEvent]:
        """Return what a delivery says that matters here, often nothing. Raises `InvalidValueError` for no such body."""

    def confirm(self, event: WebhookEvent) -> WebhookEvent | None:
        """Return what the vendor says itself of an event that nothing signed, None where it knows nothing of it.

        Only a reader whose receipts need it has one. Raises `RemoteError`.
        """
        raise UnsupportedOperationError("The vendor signs all that it delivers: there is nothing to ask it about.")

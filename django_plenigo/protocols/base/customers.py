"""The needs around a customer: who she is, what she may read, how she gets in."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CustomerRef:
    """How to address one customer at the vendor."""

    value: str = field(repr=False)
    """The vendor's customer id, the site's external id, or an access id."""

    is_external: bool = False
    """Whether `value` is the site's own external id."""


@dataclass(frozen=True, slots=True)
class LoginPass:
    """Something that logs one customer in, once. Never stored, cached or logged."""

    value: str = field(repr=False)
    """A token for the vendor's script, or the URL to send the browser to."""

    is_url: bool
    """Whether `value` is a URL."""

    lifetime_seconds: int | None
    """How long it works, counted from now; None where the vendor does not say."""


@dataclass(frozen=True, slots=True)
class UserCookie:
    """What the vendor's session cookie says. A claim, not a proof: docs/protocols/plenigo-v2.md 4.3."""

    customer_id: str = field(repr=False)
    """The vendor's customer id."""

    issued_at: datetime
    """When the session began."""

    is_authentic: bool
    """Whether the cookie carries the signature that this package adds. The vendor's own cookies carry none."""


@dataclass(frozen=True, slots=True)
class Customer:
    """What the vendor tells of one customer."""

    customer_id: str = field(repr=False)
    """The vendor's customer id."""

    email: str = field(repr=False)
    """"" where the vendor names none."""

    external_id: str | None = field(repr=False)
    """The site's own id; None where the customer has none."""

    status: str
    """ACTIVATED, BLOCKED, DEACTIVATED, DISABLED, or a word that is new; "" where the vendor names none."""

    values: Mapping[str, Any] = field(repr=False)
    """All that the vendor told, by its own names, those that this package does not know too."""


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """One customer whose address is like the one that was searched for."""

    customer_id: str = field(repr=False)
    """The vendor's customer id."""

    values: Mapping[str, Any] = field(repr=False)
    """All that the vendor told, by its own names."""


class CustomerDirectory(ABC):
    """Keeps the customers of one company."""

    @abstractmethod
    def register_user(
        self,
        email: str,
        *,
        language: str,
        external_id: str | None = None,
        first_name: str = "",
        last_name: str = "",
        fail_by_existing_email: bool = True,
    ) -> str:
        """Register a customer and return the vendor's customer id.

        An address that is registered already raises `ConflictError`, or answers with the id of the customer who
        owns it where `fail_by_existing_email` is False.
        """

    @abstractmethod
    def check_registration(
        self, email: str, *, language: str, external_id: str | None = None, first_name: str = "", last_name: str = ""
    ) -> None:
        """Raise `InvalidValueError` where `register_user` would refuse to send one of the values. No I/O."""

    @abstractmethod
    def change_email(self, customer: CustomerRef, email: str) -> None:
        """Change a customer's e-mail address. Idempotent."""

    @abstractmethod
    def add_external_id(self, customer_id: str, external_id: str) -> None:
        """Give a customer, addressed by the vendor's id, the site's external id. Idempotent."""


class CustomerFinder(ABC):
    """Tells whether there is a customer."""

    @abstractmethod
    def check_customer(self, customer: CustomerRef) -> None:
        """Raise `NotFoundError` where the vendor knows no customer by this id. Nothing is changed."""


class CustomerReader(ABC):
    """Tells what the vendor knows of customers."""

    @abstractmethod
    def find_customer_id(self, customer: CustomerRef) -> str:
        """Return the vendor's id of a customer who is addressed by the site's. Raises `NotFoundError`."""

    @abstractmethod
    def find_owner_of_email(self, email: str) -> str:
        """Return the vendor's id of the customer who has an address, whatever its case. Raises `NotFoundError`."""

    @abstractmethod
    def read_customer(self, customer: CustomerRef) -> Customer:
        """Return one customer. Raises `NotFoundError`."""

    @abstractmethod
    def search_by_address(
        self,
        *,
        postcode: str,
        country: str,
        last_name: str = "",
        company_name: str = "",
        first_name: str = "",
        street: str = "",
        city: str = "",
        must_match_all: bool = True,
    ) -> Sequence[FoundCustomer]:
        """Return customers with an address like this, of which a last name or a company's is needed.

        `country` is ISO 3166, two letters. Where not all must match, what is like it is the vendor's own secret.
        """


class AdditionalDataKeeper(ABC):
    """Keeps data of the site's own with customers: at most 50 texts of 200 characters, by keys of 30."""

    @abstractmethod
    def read_additional_data(self, customer: CustomerRef) -> Mapping[str, str]:
        """Return all of them by key."""

    @abstractmethod
    def merge_additional_data(self, customer: CustomerRef, values: Mapping[str, str | None]) -> None:
        """Set what is given, remove what is None, and leave the rest as it is. Idempotent."""


class ProfileKeeper(ABC):
    """Keeps names and language of customers."""

    @abstractmethod
    def change_profile(
        self,
        customer: CustomerRef,
        *,
        first_name: str = "",
        last_name: str = "",
        gender: str | None = None,
        language: str = "",
    ) -> None:
        """Change what is given of a customer; what is not given stays. `gender` is the vendor's word. Idempotent.

        Raises `UnsupportedOperationError` where the API cannot change one of them, or not without another.
        """


class AccessRegistry(ABC):
    """Keeps the access ids of customers: further keys, one to four, by which a customer's access can be asked for."""

    @abstractmethod
    def import_access_ids(self, customer: CustomerRef, access_ids: Sequence[str | None]) -> None:
        """Set the access ids of one customer by position; None leaves that position as it is. Idempotent."""


@dataclass(frozen=True, slots=True)
class AccessRight:
    """Whether a customer may read one product, and for how long."""

    is_granted: bool
    """Yes or no."""

    until: datetime | None = None
    """When a yes ends, in UTC; None where the vendor names no end, or it renews itself."""

    kept_until: datetime | None = None
    """Until when this answer may be used again, in UTC; None where the vendor does not say."""


class AccessReader(ABC):
    """Answers whether a customer may read a product."""

    @abstractmethod
    def rights_of(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, AccessRight]:
        """Return per product whether the customer may read it now. Raises `RemoteError` when nobody knows."""

    @abstractmethod
    def has_bought(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, bool]:
        """Return per product whether the customer has ever bought it, as far as the API tells. Raises as above."""


class AccessRightKeeper(ABC):
    """Gives and takes access beside what is sold. Only for rights that the site has given itself."""

    @abstractmethod
    def grant_access(
        self, customer: CustomerRef, product_id: str, *, starts: datetime | None = None, ends: datetime | None = None
    ) -> bool:
        """Let a customer read a product, and say whether that is new. Idempotent."""

    @abstractmethod
    def change_access(
        self,
        customer: CustomerRef,
        product_id: str,
        *,
        starts: datetime | None = None,
        ends: datetime | None = None,
        is_blocked: bool = False,
    ) -> None:
        """Change a right that was given. Raises `NotFoundError` where there is none. Idempotent."""

    @abstractmethod
    def withdraw_access(self, customer: CustomerRef, product_id: str) -> None:
        """Take a right that was given. Raises `NotFoundError` where there is none."""


class LoginMinter(ABC):
    """Lets a customer in at the vendor's without a password."""

    @abstractmethod
    def mint_login(self, customer: CustomerRef) -> LoginPass:
        """Return a new pass for one customer. As late as possible: it lives for minutes. Not idempotent."""


class MultipleLoginMinter(ABC):
    """Mints several log-ins at once: each snippet of a page that needs one needs its own."""

    @abstractmethod
    def create_login_tokens(self, customer: CustomerRef, amount: int) -> list[LoginPass]:
        """Return so many new passes of one customer, in one call. Not idempotent."""


@dataclass(frozen=True, slots=True)
class BrowserTraits:
    """What the vendor is told of a browser, so that the reader recognises the session later. All of it may be ""."""

    os: str = ""
    """At most 100 characters."""

    browser: str = ""
    """At most 200 characters."""

    source: str = ""
    """The domain or app that the reader came by; at most 200 characters."""

    ip_address: str = field(default="", repr=False)
    """At most 45 characters."""


UNKNOWN_BROWSER = BrowserTraits()


@dataclass(frozen=True, slots=True)
class ActiveSession:
    """One device that a customer is logged in on."""

    session_id: str
    """What it is ended by, at most 40 characters."""

    os: str
    """"" where unknown."""

    browser: str
    """"" where unknown."""

    created_at: datetime | None
    """In UTC."""


@dataclass(frozen=True, slots=True)
class SessionLimitReached:
    """No session was made: the customer has as many as the settings allow."""

    active_sessions: tuple[ActiveSession, ...]
    """Those that are there."""

    removal_token: str = field(repr=False)
    """What one or all of them are ended by. It is good for one time."""


@dataclass(frozen=True, slots=True)
class CustomerSession:
    """A session of one customer at the vendor. Kept encrypted, never in a page, a log or a cache."""

    value: str = field(repr=False)
    """Up to 10,000 characters."""


class SessionKeeper(ABC):
    """Keeps the sessions of customers at the vendor, and lets one be handed to a page by a transfer token."""

    @abstractmethod
    def start_session(
        self, customer: CustomerRef, traits: BrowserTraits = UNKNOWN_BROWSER
    ) -> CustomerSession | SessionLimitReached:
        """Return a new session, or what stands in its way. Not idempotent."""

    @abstractmethod
    def end_sessions(self, removal_token: str, *, session_id: str | None = None) -> CustomerSession:
        """End one session, or all where none is named, and return the new one. Not idempotent."""

    @abstractmethod
    def owner_of_session(self, session: CustomerSession) -> str | None:
        """Return the id of the customer whose session it is, None where it is over."""

    @abstractmethod
    def read_session_customer(self, session: CustomerSession) -> Customer | None:
        """Return the customer whose session it is, None where it is over."""

    @abstractmethod
    def create_transfer_token(self, session: CustomerSession) -> LoginPass | None:
        """Return a token that hands the session to a page, once and within 30 seconds; None where it is over."""

    @abstractmethod
    def redeem_transfer_token(self, token: str) -> CustomerSession | None:
        """Return the session that another site handed over; None where the token is spent. Not idempotent."""


class PaywallReader(ABC):
    """Tells whether anything is behind a paywall at all."""

    @abstractmethod
    def is_paywall_enabled(self) -> bool:
        """Say whether the company's paywall is on; while it is off everybody may read everything."""


class SessionConfirmer(ABC):
    """Tells whose session a cookie of the vendor's is."""

    @abstractmethod
    def confirm_user_cookie(self, value: str) -> str | None:
        """Return the customer id that a whole cookie stands for, None where the vendor knows no such session."""

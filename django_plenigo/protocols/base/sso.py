"""The needs around the vendor's single sign-on: its settings, and connecting an imported subscription."""

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django_plenigo.protocols.base.customers import UNKNOWN_BROWSER, BrowserTraits, CustomerSession

#: The words in `RemoteError.code` by which the steps of a connection fail (docs/protocols/plenigo-v3.md 6.5).
NO_MATCH = "no customer matches"
WRONG_CODE = "wrong code"
TOO_MANY_TRIES = "too many tries"
PROCESS_EXPIRED = "process has expired"
PROCESS_USED = "process was used already"
PROCESS_OUT_OF_ORDER = "process is out of order"
REGISTRATION_UNDER_WAY = "registration is under way"
EMAIL_TAKEN = "e-mail address is taken"
USERNAME_TAKEN = "username is taken"
CUSTOMER_ID_TAKEN = "customer id is taken"
TWO_CUSTOMERS = "e-mail address and customer id are of two customers"
OTHER_COMPANY = "customer of another company"


class TokenType(enum.Enum):
    """How a code is sent to a customer."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class NameQuery(enum.Enum):
    """What becomes of the names in a registration."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class RequestedIdentifiers:
    """What a connection asks for: shown and required, or neither shown nor sent."""

    customer_id: bool = False
    subscription_id: bool = False
    postcode: bool = False
    street: bool = False
    street_number: bool = False
    city: bool = False

    @property
    def has_mandatory_query(self) -> bool:
        """Whether the customer id or the subscription identifier is asked for: without, nobody can be found."""
        return self.customer_id or self.subscription_id

    @property
    def has_address(self) -> bool:
        """Whether any part of an address is asked for: without, a number can be guessed."""
        return self.postcode or self.street or self.street_number or self.city


@dataclass(frozen=True, slots=True)
class SsoSettings:
    """The settings of the vendor's single sign-on, as its merchant backend has them. Read only."""

    token_type: TokenType
    """How a code is sent."""

    sms_countries: tuple[str, ...] = ()
    """The countries that a code is sent to by SMS, two letters each; none where it is all of them."""

    allowed_domains: tuple[str, ...] = ()
    """Where the vendor's pages may be shown; none where it is anywhere."""

    most_sessions: int = 1
    """How many devices a customer may be logged in on."""

    name_query: NameQuery = NameQuery.NOT_SHOWN
    """What becomes of the names at a registration."""

    name_setting: str = ""
    """The vendor's own word for that, which says more about log-ins."""

    forces_username: bool = False
    """Whether a username is required."""

    overrides_forced_username: bool = False
    """Whether a sub company decides about the username itself."""

    asks_terms_again: bool = False
    """Whether changed terms are shown at the next log-in."""

    asks_opt_in: bool = False
    """Whether an opt-in is asked for at a registration."""

    opt_in_text: str = ""
    """Plain text."""

    terms_text: str = ""
    """Plain text."""

    allows_connection: bool = False
    """Whether an imported subscription may be connected."""

    requested: RequestedIdentifiers = RequestedIdentifiers()
    """What a connection asks for."""

    is_disabled: bool = False
    """Whether the single sign-on is switched off."""

    is_in_emergency: bool = False
    """Whether the vendor or the company is in its emergency mode."""

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All that the vendor told, by its own names, those that this package does not know too."""

    @property
    def offers_connection(self) -> bool:
        """Whether a reader can connect a subscription now."""
        return (
            self.allows_connection
            and self.requested.has_mandatory_query
            and not self.is_disabled
            and not self.is_in_emergency
        )


class SsoSettingsReader(ABC):
    """Tells the settings of the vendor's single sign-on."""

    @abstractmethod
    def read_sso_settings(self, language: str) -> SsoSettings:
        """Return them, with their texts in a language of two letters."""


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """What a reader enters to connect an imported subscription. What the settings do not ask for is None."""

    email: str = field(repr=False)
    """The address that the customer is to have, at most 100 characters."""

    password: str = field(repr=False)
    """What the customer is to log in with at the vendor, at most 100 characters."""

    language: str
    """Two letters."""

    customer_id: str | None = field(default=None, repr=False)
    """1 to 18 digits."""

    subscription_id: str | None = field(default=None, repr=False)
    """Digits."""

    postcode: str | None = field(default=None, repr=False)
    street: str | None = field(default=None, repr=False)
    street_number: str | None = field(default=None, repr=False)
    city: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    mobile_number: str | None = field(default=None, repr=False)
    """E.164, such as +4915112345678."""

    ip_address: str | None = field(default=None, repr=False)
    """The address of the reader's browser."""


@dataclass(frozen=True, slots=True)
class ConnectionStep:
    """A connection whose code is on its way to the reader."""

    token: str = field(repr=False)
    """What the next step is made with. It stays on the server."""

    token_type: TokenType | None
    """How the code was sent; None where the vendor does not say."""

    failed_tries: int = 0
    """How many wrong codes were entered."""


@dataclass(frozen=True, slots=True)
class AlreadyRegistered:
    """The customer has an e-mail address already: there is nothing to connect."""


class AccountConnector(ABC):
    """Connects a customer who was imported without an e-mail address. No step is idempotent.

    Failures carry one of this module's words in `RemoteError.code`.
    """

    @abstractmethod
    def start_connection(self, request: ConnectionRequest) -> ConnectionStep | AlreadyRegistered:
        """Have a code sent to the reader. The code itself, which the vendor returns too, is dropped on receipt.

        Raises `InvalidValueError`, and `RejectedError` whose `fields` are the names of what the vendor refuses.
        """

    @abstractmethod
    def confirm_connection(
        self, token: str, code: str, traits: BrowserTraits = UNKNOWN_BROWSER
    ) -> CustomerSession | AlreadyRegistered:
        """Connect the customer, by the code that the reader was sent, and return her session."""

    @abstractmethod
    def resend_code(self, token: str) -> ConnectionStep:
        """Have another code sent. Only the returned token works from then on."""

"""The needs that vendors serve, one narrow interface each, the values that cross this floor, and their limits."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django_plenigo.errors import InvalidValueError

#: The vendor's name in errors and logs.
SERVICE = "plenigo"

#: The vendor's limits, in characters where the name does not say bytes (docs/protocols/plenigo-v2.md 2.1, 3.1, 3.2).
PRODUCT_ID_BYTES = 20
EXTERNAL_ID_LENGTH = 100
ID_LENGTH = 255
NAME_LENGTH = 255
URL_LENGTH = 255

#: No browser keeps a longer cookie, so none is read or sent on.
LONGEST_COOKIE = 4096

#: What no text may hold. Surrogates are halves of characters: no encoding can carry them.
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def checked_text(field: str, value: object, longest: int) -> str:
    """Return a text that is neither blank nor too long, as it is. Raises `InvalidValueError`."""
    if not isinstance(value, str):
        raise InvalidValueError(field, f"must be text, not {type(value).__name__}")
    if not value or value.isspace():
        raise InvalidValueError(field, "must not be blank")
    if len(value) > longest:
        raise InvalidValueError(field, f"must have at most {longest} characters")
    if CONTROL_CHARACTER.search(value):
        raise InvalidValueError(field, "must not hold control characters")
    return value


def checked_id(field: str, value: object, longest: int = ID_LENGTH) -> str:
    """Return an id, unless it is padded with blanks: a slip that makes it another id. Raises `InvalidValueError`."""
    text = checked_text(field, value, longest)
    if text != text.strip():
        raise InvalidValueError(field, "must not begin or end with a blank")
    return text


def checked_path_id(field: str, value: object, longest: int = ID_LENGTH) -> str:
    """Return an id that a path can address. Raises `InvalidValueError`.

    The vendor's SDK puts ids raw into a path, and servers read %2F as a slash before they look where a path leads.
    """
    text = checked_id(field, value, longest)
    if "/" in text:
        raise InvalidValueError(field, "must not hold a slash: no path can address such an id")
    return text


def checked_external_id(value: object) -> str:
    """Return an external id that the vendor's API takes and can address. Raises `InvalidValueError`.

    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    return checked_path_id("external_id", value, EXTERNAL_ID_LENGTH)


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
class CheckoutOrder:
    """What is sold, and the settings of its checkout. None means: not sent, the vendor's default holds."""

    product_id: str
    """The vendor's product id, at most 20 bytes."""

    price: Decimal | int | float | str | None = None
    """Price in units of `currency`; a string is sent as the very text. Only for single purchases."""

    currency: str | None = None
    """ISO 4217, three letters."""

    type: str | None = None
    """The vendor's product type: EBOOK, BOOK, NEWSPAPER, ..."""

    title: str | None = None
    """Shown in the checkout, whatever it holds; cut to 100 characters."""

    segment_id: str | None = None
    """Price segment; overrides the vendor's country logic."""

    show_buying_again_screen: bool | None = None
    """Whether a reader who owns the product is shown a screen before buying again."""

    show_checkout_confirmation_screen: bool | None = None
    """Whether a confirmation is shown after the purchase."""

    oauth2_redirect_url: str | None = field(default=None, repr=False)
    """Where the vendor's OAuth2 log-in returns to."""

    csrf_token: str | None = field(default=None, repr=False)
    """State of the vendor's OAuth2 log-in."""

    category_id: str | None = None
    """The vendor's category id."""

    pay_what_you_want: bool | None = None
    """Whether the reader names the price."""

    test_mode: bool | None = None
    """Whether the purchase is a test."""

    subscription_renewal: bool | None = None
    """Whether a subscription is renewed."""

    failed_payment: bool | None = None
    """Whether open debts are paid."""

    shipping_cost: Decimal | int | float | str | None = None
    """Shipping in units of `currency`; only for the types BOOK and NEWSPAPER."""

    override_mode: bool | None = None
    """Whether price, title and id given here override those of a managed product."""

    product_id_replacement: str | None = None
    """Replaces the product id, with `override_mode` only; at most 20 bytes."""

    birthday: date | None = field(default=None, repr=False)
    """The reader's birthday, for products with an age rule."""

    def __eq__(self, other: object) -> bool:
        """Compare what Python alone would mix up: True equals 1 there, but only one of them is a price.

        So what was made of an order may be kept, and used again for an equal one.
        """
        if not isinstance(other, CheckoutOrder):
            return NotImplemented
        return (
            self.product_id == other.product_id
            and self.price == other.price
            and type(self.price) is type(other.price)
            and self.title == other.title
            and self.currency == other.currency
            and self.type == other.type
            and self.segment_id == other.segment_id
            and self.show_buying_again_screen is other.show_buying_again_screen
            and self.show_checkout_confirmation_screen is other.show_checkout_confirmation_screen
            and self.oauth2_redirect_url == other.oauth2_redirect_url
            and self.csrf_token == other.csrf_token
            and self.category_id == other.category_id
            and self.pay_what_you_want is other.pay_what_you_want
            and self.test_mode is other.test_mode
            and self.subscription_renewal is other.subscription_renewal
            and self.failed_payment is other.failed_payment
            and self.shipping_cost == other.shipping_cost
            and type(self.shipping_cost) is type(other.shipping_cost)
            and self.override_mode is other.override_mode
            and self.product_id_replacement == other.product_id_replacement
            and self.birthday == other.birthday
        )

    @property
    def is_personal(self) -> bool:
        """Whether the order holds something of one reader: it is not kept, and the page that shows it is private."""
        return self.csrf_token is not None or self.birthday is not None


@dataclass(frozen=True, slots=True)
class CheckoutOptions:
    """How a checkout opens and where it returns to."""

    start_with_registration: bool = False
    """Whether a visitor is shown the registration before the log-in."""

    source_url: str | None = field(default=None, repr=False)
    """For the vendor's statistics; at most 255 characters."""

    target_url: str | None = field(default=None, repr=False)
    """Where a purchase returns to, else the current page; at most 255 characters."""

    affiliate_id: str | None = None
    """For the vendor's paid module; at most 50 characters."""

    element_id: str | None = None
    """Id of the element that the checkout is embedded in; at most 100 characters."""

    def __eq__(self, other: object) -> bool:
        """Compare what Python alone would mix up, as for an order."""
        if not isinstance(other, CheckoutOptions):
            return NotImplemented
        return (
            self.start_with_registration is other.start_with_registration
            and self.source_url == other.source_url
            and self.target_url == other.target_url
            and self.affiliate_id == other.affiliate_id
            and self.element_id == other.element_id
        )


@dataclass(frozen=True, slots=True)
class CheckoutCall:
    """One call of the vendor's script that opens a checkout. It may carry a login token: never cached or logged."""

    function: str
    """`plenigo.checkout` or `plenigo.checkoutWithRemoteLogin`."""

    arguments_json: str = field(repr=False)
    """The one argument, a JSON object in ASCII."""

    @property
    def javascript(self) -> str:
        """The statement as the vendor's builder prints it; escape it where it stands in HTML."""
        return f"{self.function}({self.arguments_json});"


@dataclass(frozen=True, slots=True)
class UserCookie:
    """What the vendor's session cookie says. A claim, not a proof: docs/protocols/plenigo-v2.md 4.3."""

    customer_id: str = field(repr=False)
    """The vendor's customer id."""

    issued_at: datetime
    """When the session began."""

    is_authentic: bool
    """Whether the cookie carries the signature that this package adds. The vendor's own cookies carry none."""


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


class AccessReader(ABC):
    """Answers whether a customer may read a product."""

    @abstractmethod
    def has_bought(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, bool]:
        """Return yes or no per product. Raises `RemoteError` when nobody knows."""

    @abstractmethod
    def rights_of(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, AccessRight]:
        """Do as `has_bought`, with the end of each yes where the vendor names one."""


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


class CheckoutSigner(ABC):
    """Signs checkouts on this side, without asking the vendor."""

    @abstractmethod
    def sign_checkout(
        self, order: CheckoutOrder, options: CheckoutOptions, login: LoginPass | None = None
    ) -> CheckoutCall:
        """Return the call that opens the checkout, for the customer of `login` where one is given. No I/O.

        Raises `InvalidValueError` where a value breaks one of the vendor's limits.
        """

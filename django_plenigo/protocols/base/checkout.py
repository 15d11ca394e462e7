"""The needs around a sale: what is sold, and how its checkout opens."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django_plenigo.protocols.base.customers import CustomerRef, LoginPass

#: The codes of errors of a checkout that is prepared: what stands in the reader's way
#: (docs/protocols/plenigo-v3.md 1.3).
ALREADY_BOUGHT = "bought already"
ALREADY_BOUGHT_BUT_BLOCKED = "bought already, and blocked"
CHECKOUT_EXPIRED = "checkout has expired"
UNKNOWN_OFFER = "offer"


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

    quantity: int | None = None
    """How many are sold, 1 to 10,000."""

    legal_text: str | None = None
    """The conditions of a prepared sale at a price of its own; at most 5,000 characters."""

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
            and self.quantity == other.quantity
            and type(self.quantity) is type(other.quantity)
            and self.legal_text == other.legal_text
        )

    @property
    def is_personal(self) -> bool:
        """Whether the order holds something of one reader: it is not kept, and the page that shows it is private."""
        return self.csrf_token is not None or self.birthday is not None


@dataclass(frozen=True, slots=True)
class CheckoutOptions:
    """How a checkout opens, what it asks for, and where it returns to.

    None means: not sent, the vendor's default holds.
    """

    start_with_registration: bool = False
    """Whether a visitor is shown the registration before the log-in."""

    source_url: str | None = field(default=None, repr=False)
    """For the vendor's statistics; at most 255 characters. Only of a checkout that is signed here."""

    target_url: str | None = field(default=None, repr=False)
    """Where a purchase returns to, else the current page; at most 255 characters, of a prepared checkout 220."""

    affiliate_id: str | None = None
    """For the vendor's paid module; at most 50 characters, of a prepared checkout 100."""

    element_id: str | None = None
    """Id of the element that the checkout is embedded in; at most 100 characters."""

    voucher_code: str | None = field(default=None, repr=False)
    """What is redeemed: it says what is sold, in place of the product. This and all that follow: prepared checkouts."""

    basket_id: str | None = None
    """The vendor's shopping cart, which says what is sold in place of the product; at most 40 characters."""

    connected_offers: Mapping[str, str] | None = None
    """Offers of connected companies that are sold besides, by their ids: the company's id, "" to name none."""

    allow_multiple_purchases: bool | None = None
    """Whether what the reader owns may be bought once more."""

    show_net_prices: bool | None = None
    """Whether prices are shown without tax."""

    payment_only: bool | None = None
    """Whether only the payment is asked for."""

    start_with_voucher_input: bool | None = None
    """Whether a voucher is asked for first."""

    hide_voucher_input: bool | None = None
    """Whether no voucher is asked for."""

    debug_mode: bool | None = None
    """Whether the vendor's pages tell what goes wrong. Never in production."""

    allowed_payment_methods: Sequence[str] | None = None
    """The vendor's words, such as PAYPAL."""

    force_payment_method: str | None = None
    """One of those words."""

    supported_card_types: Sequence[str] | None = None
    """PayOne's letters of the cards that are taken, such as V and M, where PayOne is the payment provider."""

    gift_option: str | None = None
    """The vendor's word, such as SHOW_GIFT_OPTION."""

    subscription_start_date: date | None = None
    """The day on which a subscription begins."""

    invoice_address_id: int | None = field(default=None, repr=False)
    """The vendor's number of the reader's address for the invoice."""

    delivery_address_id: int | None = field(default=None, repr=False)
    """The vendor's number of the reader's address for the delivery."""

    address_take_over: str | None = None
    """The vendor's word for which address stands for the other one, such as INVOICE_ADDRESS_DEFAULT."""

    invoice_address_required: bool | None = None
    """Whether an address for the invoice must be given."""

    delivery_address_required: bool | None = None
    """Whether an address for the delivery must be given."""

    show_postbox_input: bool | None = None
    """Whether addresses are asked for a postbox."""

    show_phone_number_input: bool | None = None
    """Whether addresses are asked for a phone number."""

    filter_salutations: Sequence[str] | None = None
    """The vendor's words of the salutations that are filtered, such as DIVERSE."""

    variant_id: str | None = None
    """The vendor's variant of the checkout, 2 to 30 letters, digits and hyphens."""

    checkout_design_id: str | None = None
    """The vendor's design of its checkout of before May 2025; at most 100 characters."""

    custom_css: str | None = None
    """The address of a style sheet for the checkout, which must begin with https://."""

    restart_url: str | None = field(default=None, repr=False)
    """Where a reader begins anew whose checkout cannot go on."""

    partner_id: str | None = None
    """At most 100 characters."""

    source_id: str | None = None
    """At most 500 characters."""

    utm: Mapping[str, str] | None = None
    """What the campaign that has led here is called, by `source`, `medium`, `campaign`, `term`, `content`."""

    data: Mapping[str, str] | None = field(default=None, repr=False)
    """Texts of the site's own that come back with the order: at most 50 of 200 characters, by keys of 30."""

    def __eq__(self, other: object) -> bool:
        """Compare what Python alone would mix up, as for an order."""
        if self is other:  # the options of all buttons that have none are one object
            return True
        if not isinstance(other, CheckoutOptions):
            return NotImplemented
        return (
            self.start_with_registration is other.start_with_registration
            and self.source_url == other.source_url
            and self.target_url == other.target_url
            and self.affiliate_id == other.affiliate_id
            and self.element_id == other.element_id
            and _prepared_options_of(self) == _prepared_options_of(other)
        )

    @property
    def has_prepared(self) -> bool:
        """Whether something is said that only a prepared checkout knows: what was made of it is not kept."""
        return self is not NO_OPTIONS and _prepared_options_of(self) != _NO_PREPARED_OPTIONS

    @property
    def is_personal(self) -> bool:
        """Whether the options hold something of one reader, as for an order."""
        return self.invoice_address_id is not None or self.delivery_address_id is not None


#: What only a checkout can be told that the vendor prepares.
PREPARED_OPTIONS = tuple(each.name for each in fields(CheckoutOptions))[5:]
_prepared_options_of = attrgetter(*PREPARED_OPTIONS)
_NO_PREPARED_OPTIONS = (None,) * len(PREPARED_OPTIONS)

#: Of a checkout about which nothing is said.
NO_OPTIONS = CheckoutOptions()


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


class CheckoutSigner(ABC):
    """Signs checkouts on this side, without asking the vendor."""

    @abstractmethod
    def sign_checkout(
        self, order: CheckoutOrder, options: CheckoutOptions, login: LoginPass | None = None
    ) -> CheckoutCall:
        """Return the call that opens the checkout, for the customer of `login` where one is given. No I/O.

        Raises `InvalidValueError` where a value breaks one of the vendor's limits.
        """


@dataclass(frozen=True, slots=True)
class OfferItem:
    """One thing that is sold in a prepared checkout."""

    offer_id: str
    """The vendor's offer id, at most 20 characters."""

    quantity: int = 1
    """1 to 10,000."""


@dataclass(frozen=True, slots=True)
class CustomProduct:
    """One thing that is sold in a prepared checkout at a price of its own, and that the vendor does not keep."""

    product_id: str
    """The site's own id, at most 20 characters; it comes back with the order."""

    access_right_id: str
    """The access right that it gives: 2 to 30 letters, digits and hyphens."""

    title: str | None
    """Shown in the checkout; cut to 100 characters."""

    price: Decimal | int | float | str
    """Price of one in units of `currency`, at most 100,000."""

    currency: str | None
    """ISO 4217, three letters."""

    tax_type: str | None
    """The vendor's word for what it is, which decides the tax: EBOOK, BOOK, NEWSPAPER, ..."""

    legal_text: str | None
    """The conditions of the sale, shown in the checkout; at most 5,000 characters."""

    shipping_cost: Decimal | int | float | str | None = None
    """Shipping in units of `currency`, at most 100,000."""

    quantity: int = 1
    """1 to 10,000."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a checkout is prepared with, by whom and from where."""

    ip_address: str = field(repr=False)
    """The address of the reader's browser, by which the vendor finds the country."""

    customer: CustomerRef | None = field(default=None, repr=False)
    """Who buys; None lets the reader log in or register inside the checkout."""

    items: Sequence[OfferItem | CustomProduct] = ()
    """What is sold; none where a voucher or a basket says it."""

    language: str | None = None
    """Two letters."""

    options: CheckoutOptions = NO_OPTIONS
    """What the checkout asks for; those about the page are not sent."""


class CheckoutPreparer(ABC):
    """Prepares checkouts at the vendor."""

    @abstractmethod
    def check_preparation(self, preparation: Preparation) -> None:
        """Raise `InvalidValueError` where `prepare_checkout` would refuse to send one of the values. No I/O."""

    @abstractmethod
    def prepare_checkout(self, preparation: Preparation) -> str:
        """Return the purchase id that the vendor's script opens the checkout with. It works for a limited time.

        Raises `NotFoundError` for a customer or an offer that is unknown.
        """

    @abstractmethod
    def script_options(self, options: CheckoutOptions, *, title: str | None = None) -> Mapping[str, Any]:
        """Return what the vendor's script opens a prepared checkout with, by the vendor's own names. No I/O.

        Raises `InvalidValueError` where a value breaks one of the vendor's limits.
        """

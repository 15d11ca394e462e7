"""2Checkout's myAccount: links that log a shopper in (docs/protocols/2checkout.md 3, 4 and 6)."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import (
    CredentialProbe,
    CustomerRef,
    Portal,
    PortalLink,
    PortalOption,
    PortalSettings,
    PortalTarget,
    checked_id,
    reading,
)
from django_plenigo.protocols.twocheckout import arguments
from django_plenigo.protocols.twocheckout.notifications import Notifications
from django_plenigo.protocols.twocheckout.rpc import Rpc, judge
from django_plenigo.protocols.twocheckout.signing import ALGORITHMS, SERVICE, SHA256
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Transport

logger = logging.getLogger(__name__)

API_URL = "https://api.2checkout.com"

#: The kinds of references (3).
EXTERNAL, VENDORS_OWN = "ExternalCustomerReference", "2CheckoutCustomerReference"
CUSTOMER_TYPES: Mapping[str, Any] = {
    EXTERNAL: _("A reference that the site has given"),
    VENDORS_OWN: _("The vendor's own reference"),
}

MY_SUBSCRIPTION = "my_subscription"

#: The vendor's sample calls the page of a subscription so, and its list of pages does not (3).
ALIASES = {"my_license": MY_SUBSCRIPTION}

#: The pages of `getSingleSignOn` (4).
SUBSCRIPTION_PAGES: Mapping[str, Any] = {
    "view_order": _("Order"),
    "my_license": _("Subscription"),
    "change_card": _("Change the card"),
    "my_products": _("Products"),
    "payment_methods": _("Payment methods"),
    "user_data": _("Personal information"),
    "order_lookup": _("Find an order"),
    "faq": _("Help"),
}


@dataclass(frozen=True, slots=True)
class TokenCustomer:
    """The customer whom a link into the cart has logged in."""

    reference: str = field(repr=False)
    """The vendor's own reference, "" where it does not tell it."""

    external_reference: str = field(repr=False)
    """The site's, "" for none."""

    values: Mapping[str, Any] = field(repr=False)
    """All that the vendor tells, by its own names. Personal data and data of cards: never logged, never cached."""


class TwoCheckout(Notifications, Portal, CredentialProbe):
    """One merchant's customers at 2Checkout.

    Every verb raises `InvalidValueError` before anything is sent, and `RemoteError`; refusals are `RejectedError` for
    whatever reason, since the vendor documents none: a customer whom it does not know is among them.
    """

    label: ClassVar[Any] = "2Checkout"

    options: ClassVar[Mapping[str, PortalOption]] = {
        "MERCHANT": PortalOption((str,), sandbox="django_plenigo.sandbox.credentials.TWOCHECKOUT_MERCHANT"),
        # A list while the key is changed: the first signs, and any proves a webhook.
        "SECRET_KEY": PortalOption(
            (str, list, tuple), sandbox="django_plenigo.sandbox.credentials.TWOCHECKOUT_KEY", is_secret=True
        ),
        "ALGORITHM": PortalOption((str,), SHA256, tuple(ALGORITHMS)),
        # The vendor's 10 seconds are over before a telephone in a train has found a new host and shaken hands with it;
        # yet whoever finds the link logs in with it.
        "VALIDITY_SECONDS": PortalOption((int,), 30),
        # A browser that comes here by IPv6 and to the vendor by IPv4 has two addresses.
        "BINDS_LINK_TO_ADDRESS": PortalOption((bool,), True),
        "CUSTOM_DOMAIN": PortalOption((str,), ""),
    }

    pages: ClassVar[Mapping[str, Any]] = {
        MY_SUBSCRIPTION: _("Subscription"),
        "my_products": _("Products"),
        "user_data": _("Personal information"),
        "order_lookup": _("Find an order"),
        "faq": _("Help"),
        "payment_methods": _("Payment methods"),
    }

    pages_of_one_subscription: ClassVar[frozenset[str]] = frozenset({MY_SUBSCRIPTION, *ALIASES})

    @without_secrets
    def __init__(
        self,
        settings: PortalSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Call with the first of the keys; `clock` is monotonic. Raises `ConfigurationError`."""
        super().__init__(settings)
        self.keys = settings.texts("SECRET_KEY")
        if not self.keys:
            raise settings.wrong("SECRET_KEY", "must hold at least one key")
        self.accepts_tests = settings.mode == "sandbox"
        try:
            self._validity_seconds = arguments.checked_validity(settings.options["VALIDITY_SECONDS"])
        except InvalidValueError as error:
            raise settings.wrong("VALIDITY_SECONDS", error.problem) from None
        self._custom_domain = settings.host("CUSTOM_DOMAIN")
        if settings.mode == "live" and not self.link_hosts:
            raise settings.wrong("CUSTOM_DOMAIN", "is missing: the host that the vendor's links lead to")
        transport = Transport(
            SERVICE,
            settings.api_url or API_URL,
            judge=judge,
            timeout_seconds=settings.timeout_seconds,
            cache_alias=settings.cache_alias,
            adapter=settings.adapter,
        )
        self._rpc = Rpc(
            transport,
            merchant=settings.text("MERCHANT"),
            key=self.keys[0],
            algorithm=settings.options["ALGORITHM"],
            clock=clock,
            wall_clock=wall_clock,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.settings.alias!r}>"

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """The custom domain, and what LINK_HOSTS says."""
        own = (self._custom_domain,) if self._custom_domain else ()
        return (*own, *super().link_hosts)

    @classmethod
    @without_secrets
    def check_reference(cls, customer: CustomerRef) -> None:
        """Refuse what is neither a number of the vendor's own as it writes it, nor a reference of the site's (8)."""
        arguments.checked_reference(customer)

    @classmethod
    @without_secrets
    def check_target(cls, target: PortalTarget) -> None:
        """Refuse what is no name of a page or no subscription, and the one where it goes not with the other (3).

        A page that is not documented may be new, and is none of these.
        """
        page, subscription = ALIASES.get(target.page, target.page), target.subscription
        if page:
            arguments.checked_name("page", page)
        if subscription:
            arguments.checked_subscription(subscription)
        if subscription and page not in ("", MY_SUBSCRIPTION):
            raise InvalidValueError("subscription", f"goes with the page {MY_SUBSCRIPTION} alone")
        if page == MY_SUBSCRIPTION and not subscription:
            raise InvalidValueError("subscription", f"must be named: the page {MY_SUBSCRIPTION} shows one")

    @without_secrets
    def mint_link(self, customer: CustomerRef, target: PortalTarget) -> PortalLink:
        """Return a new link for one customer, for as long as VALIDITY_SECONDS says (3).

        A target's subscription leads to the page my_subscription, which needs one.
        """
        self.check_target(target)
        page, subscription = ALIASES.get(target.page, target.page), target.subscription
        return self.sign_on_by_customer(
            arguments.checked_reference(customer),
            EXTERNAL if customer.is_external else VENDORS_OWN,
            page=MY_SUBSCRIPTION if subscription else page,
            subscription=subscription,
            client_address=target.client_address if self.settings.options["BINDS_LINK_TO_ADDRESS"] else "",
            language=target.language,
        )

    @without_secrets
    def sign_on_by_customer(
        self,
        customer_id: str,
        customer_type: str,
        *,
        page: str = "",
        subscription: str = "",
        validity_seconds: int | None = None,
        client_address: str = "",
        language: str = "",
    ) -> PortalLink:
        """Return a new link by a customer's reference of one of `CUSTOMER_TYPES`, with all that the vendor takes (3).

        "" leaves a thing to the vendor. A type or a page that is not known is sent all the same, with a warning.
        """
        seconds = self._checked_validity(validity_seconds)
        params = [
            arguments.checked_customer(customer_id),
            _checked_word("customer_type", customer_type, CUSTOMER_TYPES),
            _checked_word("page", page, self.pages) if page else None,
            f"Request[]=code={arguments.checked_subscription(subscription)}" if subscription else None,
            seconds,
            arguments.optional_address(client_address),
            arguments.optional_language(language),
        ]
        return self._minted("mint_link", "getSingleSignOnByCustomer", params, seconds)

    @without_secrets
    def sign_on_by_subscription(
        self,
        subscription: str,
        *,
        email: str = "",
        page: str = "",
        validity_seconds: int | None = None,
        client_address: str = "",
        language: str = "",
    ) -> PortalLink:
        """Return a new link by the reference of a subscription, whose letters' case counts (4).

        Whose subscription it is must be known for certain: the vendor asks for no customer.
        """
        seconds = self._checked_validity(validity_seconds)
        params = [
            arguments.checked_subscription(subscription),
            arguments.optional_email(email),
            seconds,
            _checked_word("page", page, SUBSCRIPTION_PAGES) if page else None,
            arguments.optional_address(client_address),
            arguments.optional_language(language),
        ]
        return self._minted("mint_subscription_link", "getSingleSignOn", params, seconds)

    @without_secrets
    def sign_on_in_cart(
        self, customer: CustomerRef, buy_url: str, *, validity_seconds: int | None = None, client_address: str = ""
    ) -> PortalLink:
        """Return a buy link that logs the customer in at the cart (4)."""
        seconds = self._checked_validity(validity_seconds)
        schemes = ("https", "http") if self.settings.mode == "sandbox" else ("https",)
        params = [
            arguments.checked_reference(customer),
            EXTERNAL if customer.is_external else VENDORS_OWN,
            arguments.checked_buy_url(buy_url, schemes),
            seconds,
            arguments.optional_address(client_address),
        ]
        return self._minted("mint_cart_link", "getSingleSignOnInCart", params, seconds)

    @without_secrets
    def read_token_customer(self, token: str) -> TokenCustomer:
        """Return the customer whom the `logintoken` of a link into the cart belongs to (4)."""
        params = [checked_id("token", token, arguments.TOKEN_LENGTH)]
        values = self._rpc.call("read_token_customer", "getCustomerInformationBySSOToken", params, dict)
        return TokenCustomer(
            reading.id_text(values, "CustomerReference"), reading.id_text(values, "ExternalCustomerReference"), values
        )

    @without_secrets
    def check_credentials(self) -> None:
        """Log in anew, which is all that the vendor offers for it (2)."""
        self._rpc.log_in()

    def _checked_validity(self, value: int | None) -> int:
        return self._validity_seconds if value is None else arguments.checked_validity(value)

    def _minted(self, operation: str, method: str, params: list[Any], seconds: int) -> PortalLink:
        return PortalLink(self._rpc.call(operation, method, params, str), lifetime_seconds=seconds)


def _checked_word(name: str, value: str, known: Collection[str]) -> str:
    """Return one of the vendor's words; one that it does not document is sent with a warning, since it may be new."""
    word = arguments.checked_name(name, value)
    if word not in known:
        logger.warning("2Checkout documents no such %s as %s; it is sent all the same", name, word)
    return word

"""Opens checkouts on a click, and mints the login tokens of those that are signed here."""

import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django_plenigo import backends, conf
from django_plenigo.errors import ConfigurationError, InvalidValueError, RemoteError
from django_plenigo.privacy import ResponseGuard
from django_plenigo.protocols.base import CheckoutCall, LoginPass, SessionKeeper
from django_plenigo.services import customers, sessions
from django_plenigo.services.checkout.offers import (
    Offer,
    check_prepared,
    is_prepared,
    preparation_of,
    script_options,
    sign_checkout,
)
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedCheckout:
    """A checkout that the vendor has prepared for one click. Never cached or logged."""

    purchase_id: str = field(repr=False)
    """What the vendor's script opens it with, for a limited time."""

    start: str
    """The method of the script's checkout: "start" for a customer, "login" or "register" for a visitor."""

    options: Mapping[str, Any] = field(repr=False)
    """The options of the script's checkout, by the vendor's own names."""


@without_secrets
def open_checkout(
    user: Any, offer: Offer, *, target_url: str | None = None, client_address: str = ""
) -> CheckoutCall | PreparedCheckout:
    """Open a checkout for a reader, or with `user` None for a visitor who logs in inside it: a click came.

    Registers the reader where need be. With API v2 a login token is minted and the call signed; with API v3 the vendor
    prepares the checkout, for a browser at `client_address`, by which it finds the country. `target_url` is the way
    back where the offer names none.

    Raises as `customers.register` does, and as `sign_offer`; with API v3 `ConfigurationError` where the address is
    none, and `RemoteError` with the codes of `protocols.base`, such as `ALREADY_BOUGHT`.
    """
    options = offer.options if offer.options.target_url else replace(offer.options, target_url=target_url)
    offer = replace(offer, options=options)
    if is_prepared(offer.using):
        return _prepare_checkout(user, offer, client_address)
    if user is None:
        return sign_checkout(offer)
    link = customers.register(user, using=offer.using)
    return sign_checkout(offer, login=mint_login(link, user=user))


def _prepare_checkout(user: Any, offer: Offer, client_address: str) -> PreparedCheckout:
    ip_address = _checked_address(client_address, conf.Account(offer.using))
    check_prepared(offer)  # it may have been signed before the account moved to this API
    customer, start = None, "register" if offer.options.start_with_registration else "login"
    if user is not None:
        link = customers.register(user, using=offer.using)
        customers.follow_link(link, user)
        customer, start = customers.customer_of(link), "start"
    preparation = preparation_of(offer, ip_address=ip_address, customer=customer)
    purchase_id = backends.checkout_preparer(offer.using).prepare_checkout(preparation)
    return PreparedCheckout(purchase_id, start, script_options(offer))


def _checked_address(client_address: str, account: conf.Account) -> str:
    """Return the address of the reader's browser. Raises `ConfigurationError`, which does not repeat it.

    On a public site one of a private network is a proxy's: the vendor would take all readers to be in one place.
    """
    try:
        address = ipaddress.ip_address(client_address)
    except ValueError:
        seen = "none"
    else:
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_global or account.mode != "live":
            return str(address)
        seen = "one of a private network only"
    raise ConfigurationError(
        f"PLENIGO[{account.alias!r}]['TRUSTED_PROXIES'] must name the networks of this site's own proxies, which must "
        f"send X-Forwarded-For: a checkout needs the address of the reader's browser, and this site sees {seen}."
    )


@without_secrets
def mint_login(customer: Any, *, using: str | None = None, user: Any = None) -> LoginPass:
    """Return a new login pass of a registered reader: a login token, or with API v3 a transfer token.

    Raises `InvalidValueError` and `RemoteError`; with API v3 `SessionLimitError` besides.

    `customer` is a link, a user or any id: see `customers.find_link`. Notes an address that was changed past the
    signals, without a statement where both sides agree. `user` is the link's, where it is at hand.
    """
    link = customers.find_link(customer, using=using)
    if link is None:
        raise InvalidValueError("customer", "is nobody whom this site has registered")
    customers.follow_link(link, link.user if user is None else user)
    if backends.serves(SessionKeeper, link.account):
        return sessions.mint_transfer(link)
    return backends.login_minter(link.account).mint_login(customers.customer_of(link))


def login_pass_for_response(guard: ResponseGuard, user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> LoginPass | None:
    """Return the one login pass that all snippets of a response share, minted at the first.

    None for a reader who is not registered, since a page view registers nobody, and where the vendor does not answer;
    the response then asks no more.
    """
    key = (using, user.pk)
    if key in guard.login_passes:
        return guard.login_passes[key]
    link = customers.link_of_in_response(guard, user, using=using)
    if link is None:
        return None
    with guard.waiting(using, conf.Account(using).timeout_seconds) as may_ask:
        if not may_ask:
            return None
        try:
            guard.login_passes[key] = mint_login(link, user=user)
        except RemoteError as error:
            logger.warning("No login token for this page, it is minted on the click: %s", error)
            guard.add_failure(using)
            return None
    return guard.login_passes[key]

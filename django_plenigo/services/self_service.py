"""The vendor's self service in pages of the site: what can be shown of it, and how a reader is let in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError, UnsupportedOperationError
from django_plenigo.protocols.base import LoginPass, SessionKeeper
from django_plenigo.services import customers
from django_plenigo.tracebacks import without_secrets

#: What can be shown with API v2 (docs/protocols/plenigo-v2.md 4.1).
PAGES_OF_V2 = (
    *("PERSONAL_DATA", "PERSONAL_DATA_ADDRESS", "PERSONAL_DATA_SETTINGS", "PERSONAL_DATA_PASSWORD"),
    *("PERSONAL_DATA_PROTECTION", "PERSONAL_DATA_SOCIAL_MEDIA", "ADDRESS_DATA", "BILLING_ADDRESS_DATA"),
    *("DELIVERY_ADDRESS_DATA", "ORDER", "SUBSCRIPTION", "PAYMENT_METHODS", "CREDIT_CARD", "BANK_ACCOUNT"),
)

#: What can be opened with API v3 (docs/protocols/plenigo-v3.md 8).
PAGES_OF_V3 = (
    *("PERSONAL_DATA", "PERSONAL_DATA_ADDRESS", "PERSONAL_DATA_SETTINGS", "PERSONAL_DATA_PASSWORD"),
    *("PERSONAL_DATA_PROTECTION", "ADDRESS_DATA", "BILLING_ADDRESS_DATA", "DELIVERY_ADDRESS_DATA", "ORDER", "INVOICE"),
    *("DASHBOARD", "SUBSCRIPTION", "PAYMENT_METHODS", "CREDIT_CARD", "BANK_ACCOUNT", "TERMS_AND_CONDITIONS"),
    *("NEWSLETTER", "MULTI_USER_ACCOUNTS", "OPT_IN"),
)
NAVIGATIONS = ("OFF", "HORIZONTAL", "VERTICAL")

#: The only page of API v2 that `edit` means something to.
EDITABLE_PAGE = "PERSONAL_DATA_ADDRESS"

#: How many login tokens one call mints at most (docs/protocols/plenigo-v2.md 2.1).
MOST_LOGINS = 10

#: The options that one API alone knows.
OPTIONS_OF_V2 = ("edit", "logged_out_url")
OPTIONS_OF_V3 = ("navigation", "subscription_id")

#: What a page is called where the site names it otherwise; "" is where all of self service begins.
LABELS: Mapping[str, str | Promise] = {
    "": _("My account"),
    "DASHBOARD": _("My account"),
    "PERSONAL_DATA": _("My personal data"),
    "PERSONAL_DATA_ADDRESS": _("My address"),
    "PERSONAL_DATA_SETTINGS": _("My settings"),
    "PERSONAL_DATA_PASSWORD": _("My password"),
    "PERSONAL_DATA_PROTECTION": _("Data protection"),
    "PERSONAL_DATA_SOCIAL_MEDIA": _("My social media accounts"),
    "ADDRESS_DATA": _("My addresses"),
    "BILLING_ADDRESS_DATA": _("My billing addresses"),
    "DELIVERY_ADDRESS_DATA": _("My delivery addresses"),
    "ORDER": _("My orders"),
    "INVOICE": _("My invoices"),
    "SUBSCRIPTION": _("My subscriptions"),
    "PAYMENT_METHODS": _("My payment methods"),
    "CREDIT_CARD": _("My credit cards"),
    "BANK_ACCOUNT": _("My bank accounts"),
    "TERMS_AND_CONDITIONS": _("Terms and conditions"),
    "NEWSLETTER": _("My newsletters"),
    "MULTI_USER_ACCOUNTS": _("Accounts for several users"),
    "OPT_IN": _("My consents"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """What a place in a page shows of self service. It is the same for all readers: no token, nobody's data."""

    page: str = ""
    """By the vendor's own name; "" is where all of self service begins, with API v3."""

    edit: bool | None = None
    """Whether the page begins with its form; None leaves it to the vendor. API v2."""

    logged_out_url: str = ""
    """Where the vendor sends a reader whom it does not know; "" is the site's log-in. API v2."""

    navigation: str = ""
    """One of `NAVIGATIONS`, "" for the vendor's own. API v3."""

    subscription_id: str = ""
    """The vendor's number of the only subscription that is shown. API v3."""

    @property
    def label(self) -> str:
        """What the page is called."""
        return str(LABELS[self.page])


def opens_on_click(using: str = conf.DEFAULT_ACCOUNT) -> bool:
    """Say whether self service opens on a click (API v3) instead of standing in the page (API v2)."""
    return backends.serves(SessionKeeper, using)


def check_snippet(snippet: Snippet, *, using: str = conf.DEFAULT_ACCOUNT) -> None:
    """Refuse what the API of an account does not know of a snippet.

    Raises `InvalidValueError` for a value that no vendor knows, `UnsupportedOperationError` for what the other API has.
    """
    on_click = opens_on_click(using)
    for name in OPTIONS_OF_V2 if on_click else OPTIONS_OF_V3:
        if getattr(snippet, name) not in ("", None):
            raise UnsupportedOperationError(f"{name}: {_known_to(using)} no such option of a snippet.")
    if snippet.page or not on_click:
        _check_page(snippet.page, PAGES_OF_V3 if on_click else PAGES_OF_V2, using)
    if snippet.navigation and snippet.navigation not in NAVIGATIONS:
        raise InvalidValueError("navigation", f"must be one of {', '.join(NAVIGATIONS)}")
    number = snippet.subscription_id
    if number and not (number.isascii() and number.isdigit()):
        raise InvalidValueError("subscription_id", "must be plenigo's number of a subscription")
    _check_edit(snippet)
    _check_address(snippet.logged_out_url)


def _known_to(using: str) -> str:
    return f"API {conf.Account(using).generation} of the account {using!r} knows"


def _check_page(page: str, pages: Iterable[str], using: str) -> None:
    known = ", ".join(pages)
    if page in pages:
        return
    if page and page in LABELS:
        raise UnsupportedOperationError(f"{page}: {_known_to(using)} no such page, but these: {known}.")
    raise InvalidValueError("page", f"must be one of {known}")


def _check_edit(snippet: Snippet) -> None:
    if snippet.edit is None:
        return
    if not isinstance(snippet.edit, bool):
        raise InvalidValueError("edit", "must be True or False")
    if snippet.page != EDITABLE_PAGE:
        raise InvalidValueError("edit", f"is for the page {EDITABLE_PAGE} alone")


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    is_web = parts.scheme in ("http", "https") and parts.netloc
    is_path = address.startswith("/") and not parts.scheme and not parts.netloc
    if address and not is_web and not is_path:
        raise InvalidValueError("logged_out_url", "must be a path of this site, or begin with http:// or https://")


@without_secrets
def mint_logins(user: Any, amount: int, *, using: str = conf.DEFAULT_ACCOUNT) -> list[LoginPass]:
    """Return 1 to 10 new login passes of a reader, one for each snippet of a page, in one call. API v2.

    None for a reader who is no customer: to look at what there is registers nobody, and the vendor is not asked. Notes
    an address that was changed past the signals, as `checkout.mint_login` does. Raises `InvalidValueError`,
    `UnsupportedOperationError` and `RemoteError`. Source: docs/protocols/plenigo-v2.md 2.1, 5.
    """
    minter = backends.multiple_login_minter(using)
    link = customers.link_of(user, using=using)
    if link is None:
        return []
    customers.follow_link(link, user)
    return minter.create_login_tokens(customers.customer_of(link), amount)

"""Which portals a reader has, as her page shows them, and how she stands there, as an agent sees it."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from django_plenigo import backends, conf
from django_plenigo.errors import ConfigurationError
from django_plenigo.models import PortalAccount, PortalHandover
from django_plenigo.protocols.base import AccountConnector
from django_plenigo.services.portals.accounts import accounts_of
from django_plenigo.services.portals.outcomes import latest_of


@dataclass(frozen=True, slots=True)
class PortalView:
    """How one user stands at one portal."""

    portal: str
    """The name in PLENIGO_PORTALS."""

    label: str
    """What readers know it by."""

    account: PortalAccount | None
    """None where nothing is known of her there."""

    last_handover: PortalHandover | None
    """The last click, None where there was none that is still kept."""


def label_of(portal: str) -> str:
    """Return what readers know a portal by: LABEL, else the backend's own, else its name."""
    try:
        return str(conf.PortalEntry(portal).label or backends.portal_class(portal).label or portal)
    except ConfigurationError:  # told by the system checks; it breaks no page
        return portal


def label_of_page(portal: str, page: str) -> str:
    """Return what readers know a page of a portal by; the portal's own label for its front page."""
    try:
        label = backends.portal_class(portal).pages.get(page)
    except ConfigurationError:
        label = None
    return str(label) if page and label else label_of(portal)


def shows_one_subscription(portal: str, page: str) -> bool:
    """Say whether a page of a portal can be opened only where a subscription is named."""
    try:
        return page in backends.portal_class(portal).pages_of_one_subscription
    except ConfigurationError:
        return False


def log_out_url_of(portal: str) -> str:
    """Return the vendor's page that ends a browser's session there, "" where there is none."""
    try:
        return conf.PortalEntry(portal).log_out_url or backends.portal(portal).log_out_url
    except ConfigurationError:
        return ""


def views_of_user(user: Any) -> list[PortalView]:
    """Return how a user stands at every portal of the settings, in two queries."""
    if not conf.portals():
        return []
    accounts, handovers = accounts_of(user), latest_of(user)
    return [
        PortalView(portal, label_of(portal), accounts.get(portal), handovers.get(portal)) for portal in conf.portals()
    ]


def connection_path() -> str:
    """Return the page by which a reader connects a subscription that she has, "" where no account's API has one."""
    for account in conf.accounts():
        try:
            is_served = backends.serves(AccountConnector, account)
        except ConfigurationError:
            continue
        if is_served:
            return reverse("plenigo:connect", query={} if account == conf.DEFAULT_ACCOUNT else {"account": account})
    return ""


def shown_log_outs() -> list[tuple[str, str]]:
    """Return the label and the address of each page that ends a browser's session at a portal."""
    return [(label_of(portal), url) for portal in conf.portals() if (url := log_out_url_of(portal))]

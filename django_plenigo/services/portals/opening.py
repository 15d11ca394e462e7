"""Leads a reader into a portal: a click came, a link is minted, looked at, and used at once."""

import logging
from dataclasses import dataclass, field
from typing import Any

from django_plenigo import backends, conf
from django_plenigo.budget import within
from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PlenigoError,
    RemoteError,
)
from django_plenigo.protocols.base import PortalTarget
from django_plenigo.services.portals.accounts import account_of, customer_at
from django_plenigo.services.portals.links import UnsafeLinkError, browser_address
from django_plenigo.services.portals.outcomes import Outcome, record
from django_plenigo.services.portals.targets import Target
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

OWN_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Opening:
    """What has come of a click. Never stored, cached or logged."""

    outcome: Outcome
    """In a word."""

    url: str = field(default="", repr=False)
    """Where to send the browser at once, "" where there is no link."""


@without_secrets
def open_portal(user: Any, target: Target, *, client_address: str = "", language: str = "") -> Opening:
    """Have a link into a portal minted for a signed-in reader, and write down what came of it, without the link.

    Whose account it is stands in our own table alone. `client_address` is the browser's, "" where it is not known for
    certain; `language` as Django names it. Everything that may go wrong at the vendor is an outcome. Raises
    `ConfigurationError` only for a portal that is not in PLENIGO_PORTALS, and errors of the database.
    """
    entry = conf.PortalEntry(target.portal)
    entry.raw  # noqa: B018 - raises for a portal that there is not
    account = account_of(user, target.portal)
    if account is None or not account.is_bound:
        record(user, target.portal, target.page, Outcome.NO_REFERENCE)
        return Opening(Outcome.NO_REFERENCE)
    wanted = PortalTarget(
        page=target.page,
        subscription=target.subscription,
        client_address=client_address,
        language=_two_letters(language),
    )
    url, error = "", ""
    try:
        portal = backends.portal(target.portal)
        with within(entry.timeout_seconds):
            link = portal.mint_link(customer_at(account), wanted)
        url, outcome = browser_address(link.url, portal), Outcome.OPENED
    except Exception as caught:  # noqa: BLE001 - a backend of the site's own may fail in its own way
        outcome, error = outcome_of(caught), told(caught, entry)
        is_vendors = outcome not in (Outcome.MISCONFIGURED, Outcome.UNSAFE_LINK) and isinstance(caught, PlenigoError)
        level = logging.WARNING if is_vendors else logging.ERROR
        logger.log(level, "The portal %r was not opened (%s): %s", target.portal, outcome.value, error)
    record(user, target.portal, target.page, outcome, error)
    return Opening(outcome, url)


def outcome_of(error: Exception) -> Outcome:
    """Return what an error of a backend means for the click."""
    if isinstance(error, UnsafeLinkError):
        return Outcome.UNSAFE_LINK
    if isinstance(error, NotFoundError):
        return Outcome.UNKNOWN_THERE
    if isinstance(error, AuthenticationError):
        return Outcome.MISCONFIGURED
    if isinstance(error, RemoteError) and error.retryable:
        return Outcome.UNAVAILABLE
    if isinstance(error, PlenigoError) and not isinstance(error, RemoteError):
        return Outcome.MISCONFIGURED  # nothing was sent, so another click would change nothing
    return Outcome.REFUSED


def told(error: Exception, entry: conf.PortalEntry) -> str:
    """Return what may be kept and logged of an error: its text where it is ours, else its kind and its HTTP status.

    Whatever a backend of the site's own raises may repeat the link, or what the link is made of.
    """
    if isinstance(error, UnsafeLinkError) or (isinstance(error, PlenigoError) and _is_backend_ours(entry)):
        return str(error)
    status = getattr(error, "status", None)
    return f"{type(error).__name__}, HTTP {status}" if type(status) is int else type(error).__name__


def _is_backend_ours(entry: conf.PortalEntry) -> bool:
    """Say whether no code of the site's has to do with a portal: then all texts are this package's."""
    try:
        return entry.backend_path.startswith(f"{OWN_PACKAGE}.")
    except ConfigurationError:  # there is no backend at all
        return True


def _two_letters(language: str) -> str:
    """Return the first part of a language as two letters, "" where it has no such code."""
    first = language.partition("-")[0]
    return first.lower() if conf.TWO_LETTERS.fullmatch(first) else ""

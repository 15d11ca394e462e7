"""Who may deliver: the portals of PLENIGO_PORTALS by their names, and the accounts of PLENIGO."""

from collections.abc import Iterable

from django_plenigo import backends
from django_plenigo.errors import ConfigurationError, UnsupportedOperationError
from django_plenigo.protocols.base import WebhookReader

#: As long as the column is.
LONGEST_SOURCE = 80


class UnknownSourceError(Exception):
    """Nothing of this name delivers here."""


def account_of(source: str) -> str | None:
    """Return the account whose DELIVERY works on what a source delivers, None where the settings know no such source.

    What a portal delivers is worked on by the account "default".
    """
    return backends.webhook_sources().get(source) if len(source) <= LONGEST_SOURCE else None


def sources_of(accounts: Iterable[str]) -> list[str]:
    """Return all sources that accounts work on."""
    wanted = set(accounts)
    return [source for source, account in backends.webhook_sources().items() if account in wanted]


def can_prove(source: str) -> bool:
    """Say whether the settings are right and hold what proves a source's deliveries: without it none is accepted.

    Raises `UnknownSourceError`.
    """
    try:
        return reader_of(source).can_prove
    except ConfigurationError:
        return False


def reader_of(source: str) -> WebhookReader:
    """Return what reads a source. Raises `ConfigurationError`, and `UnknownSourceError` where nothing delivers so."""
    if account_of(source) is None:
        raise UnknownSourceError
    try:
        return backends.webhook_reader(source)
    except UnsupportedOperationError:
        raise UnknownSourceError from None

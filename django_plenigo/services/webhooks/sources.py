"""Who may deliver: the portals of PLENIGO_PORTALS by their names, and the accounts of PLENIGO."""

from collections.abc import Iterable

from django_plenigo import backends, conf
from django_plenigo.errors import UnsupportedOperationError
from django_plenigo.protocols.base import WebhookReader

#: As long as the column is.
LONGEST_SOURCE = 80


class UnknownSourceError(Exception):
    """Nothing of this name delivers here."""


def account_of(source: str) -> str | None:
    """Return the account whose DELIVERY works on what a source delivers, None where the settings know no such source.

    What a portal delivers is worked on by the account "default".
    """
    if len(source) > LONGEST_SOURCE:
        return None
    if source in conf.portals():
        return conf.DEFAULT_ACCOUNT
    return next((alias for alias in conf.accounts() if backends.webhook_source_of(alias) == source), None)


def sources_of(accounts: Iterable[str]) -> list[str]:
    """Return all sources that accounts work on."""
    sources = []
    for account in accounts:
        sources += [backends.webhook_source_of(account)]
        sources += conf.portals() if account == conf.DEFAULT_ACCOUNT else []
    return sources


def reader_of(source: str) -> WebhookReader:
    """Return what reads a source. Raises `ConfigurationError`, and `UnknownSourceError` where nothing delivers so."""
    if account_of(source) is None:
        raise UnknownSourceError
    try:
        return backends.webhook_reader(source)
    except UnsupportedOperationError:
        raise UnknownSourceError from None

"""Who may deliver: the portals of PLENIGO_PORTALS by their names, and the accounts of PLENIGO."""

from collections.abc import Iterable

from django_plenigo import backends, conf
from django_plenigo.errors import UnsupportedOperationError
from django_plenigo.protocols.base import WebhookReader

#: How an account other than "default" is named: this, and its alias.
ACCOUNT_PREFIX = f"{conf.PLENIGO_SOURCE}-"

#: As long as the column is.
LONGEST_SOURCE = 80


class UnknownSourceError(Exception):
    """Nothing of this name delivers here."""


def account_of(source: str) -> str | None:
    """Return the account whose DELIVERY works on what a source delivers, None where the settings know no such source.

    What a portal delivers is worked on by the account "default".
    """
    if source == conf.PLENIGO_SOURCE or (source in conf.portals() and len(source) <= LONGEST_SOURCE):
        return conf.DEFAULT_ACCOUNT
    alias = source.removeprefix(ACCOUNT_PREFIX)
    is_account = alias != source and alias != conf.DEFAULT_ACCOUNT and alias in conf.accounts()
    return alias if is_account and len(source) <= LONGEST_SOURCE else None


def source_of_account(account: str) -> str:
    """Return the name by which an account of plenigo delivers."""
    return conf.PLENIGO_SOURCE if account == conf.DEFAULT_ACCOUNT else f"{ACCOUNT_PREFIX}{account}"


def sources_of(accounts: Iterable[str]) -> list[str]:
    """Return all sources that accounts work on."""
    sources = []
    for account in accounts:
        sources += [source_of_account(account)]
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

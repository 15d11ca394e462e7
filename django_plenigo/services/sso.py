"""The settings of the vendor's single sign-on: asked once in minutes, and held against this site.

They are read only: they are changed in the vendor's merchant backend (docs/protocols/plenigo-v3.md 6.1).
"""

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.core.cache import caches
from django.http.request import split_domain_port
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_plenigo import backends, conf
from django_plenigo.errors import RemoteError
from django_plenigo.protocols.base import SsoSettings, TokenType

logger = logging.getLogger(__name__)

#: How long the last answer is kept for an outage.
KEPT_SECONDS = 7 * 24 * 60 * 60

#: Part of the key in the cache: an entry of another release may have other fields.
_FIELDS = "-".join(sorted(SsoSettings.__slots__))


@dataclass(frozen=True, slots=True)
class KeptSettings:
    """The settings, and how fresh they are."""

    settings: SsoSettings
    """Without `values`: what this package does not know is not kept."""

    asked_at: datetime
    """When the vendor told them, in UTC."""

    error: RemoteError | None = None
    """Why they are old, where the vendor has just failed to tell them anew."""


def read_settings(language: str = "", *, using: str = conf.DEFAULT_ACCOUNT, asks_anew: bool = False) -> KeptSettings:
    """Return the settings with their texts in a language, by default the account's; of the cache for some minutes.

    With `asks_anew` the vendor is asked whatever the cache holds. During an outage the last answer serves. Raises
    `RemoteError` where there is none, and `UnsupportedOperationError` with API v2.
    """
    reader = backends.sso_settings_reader(using)
    account = conf.Account(using)
    language = language or account.language
    kept = _kept(account, language)
    if kept is not None and not asks_anew and 0 <= _age_seconds(kept) < account.sso_ttl_seconds:
        return kept
    asked_at = time.time()
    try:
        settings = reader.read_sso_settings(language)
    except RemoteError as error:
        if kept is None:
            raise
        logger.warning("The settings of the single sign-on are not up to date: %s", error)
        return replace(kept, error=error)
    new = KeptSettings(replace(settings, values={}), datetime.fromtimestamp(asked_at, UTC))
    _keep(account, language, new)
    return new


def _age_seconds(kept: KeptSettings) -> float:
    return time.time() - kept.asked_at.timestamp()


def _key(account: conf.Account, language: str) -> str:
    return f"plenigo:sso:{account.alias}:{account.mode}:{account.company_id}:{language}"


def _kept(account: conf.Account, language: str) -> KeptSettings | None:
    try:
        kept: Any = caches[account.cache_alias].get(_key(account, language))
    except Exception as error:  # noqa: BLE001 - each kind of cache fails with exceptions of its own
        _tell_that_the_cache_is_down(account, error)
        return None
    is_ours = isinstance(kept, tuple) and len(kept) == 2 and kept[0] == _FIELDS
    return kept[1] if is_ours else None


def _keep(account: conf.Account, language: str, kept: KeptSettings) -> None:
    try:
        caches[account.cache_alias].set(_key(account, language), (_FIELDS, kept), KEPT_SECONDS)
    except Exception as error:  # noqa: BLE001 - as above
        _tell_that_the_cache_is_down(account, error)


def _tell_that_the_cache_is_down(account: conf.Account, error: Exception) -> None:
    # The kind alone: the text may hold the address of the cache, with its password.
    text = "The cache %r is down (%s): plenigo is asked for its settings each time"
    logger.warning(text, account.cache_alias, type(error).__name__)


# ---- what does not fit


def warnings_of(settings: SsoSettings, *, host: str, verifies_addresses: bool) -> list[str | Promise]:
    """Return in words what of the settings contradicts itself or this site, whose host is as a request names it.

    `verifies_addresses` is whether the site says of any address that it has verified it: see EMAIL_IS_VERIFIED.
    """
    requested = settings.requested
    found: list[tuple[bool, str | Promise]] = [
        (
            settings.is_disabled,
            _("The single sign-on is switched off at plenigo: nobody can log in there or connect a subscription."),
        ),
        (
            settings.is_in_emergency,
            _("plenigo or the company is in emergency mode: subscriptions cannot be connected meanwhile."),
        ),
        (
            settings.allows_connection and not requested.has_mandatory_query,
            _(
                "Account connection is enabled, but neither the customer ID nor the subscription identifier is asked "
                "for. Nobody can be found that way, so this site does not offer it."
            ),
        ),
        (
            settings.allows_connection and requested.has_mandatory_query and not requested.has_address,
            _(
                "Account connection asks for no part of the address: whoever guesses a number gets somebody else's "
                "subscription. Have plenigo ask for the ZIP code at least."
            ),
        ),
        (
            settings.allows_connection and settings.token_type is TokenType.SMS and not verifies_addresses,
            _(
                "Codes are sent by SMS, which proves no e-mail address, and this site does not say which addresses it "
                "has verified (EMAIL_IS_VERIFIED): nobody can connect a subscription."
            ),
        ),
        (
            not allows_host(settings, host),
            _("The domain of this site is not among the allowed domains: plenigo's pages do not open here."),
        ),
        (
            settings.token_type is TokenType.SMS and not settings.sms_countries,
            _("Codes are sent by SMS, and no countries are named: they are sent to numbers of all countries."),
        ),
    ]
    return [text for is_so, text in found if is_so]


def allows_host(settings: SsoSettings, host: str) -> bool:
    """Say whether the vendor's pages may open on a host, with or without a port: on a domain named, or below one.

    What the vendor makes of subdomains is not documented (docs/protocols/plenigo-v3.md 6.1).
    """
    name = split_domain_port(host)[0].removesuffix(".")
    domains = [_bare_domain(domain) for domain in settings.allowed_domains]
    return not domains or any(name == domain or name.endswith(f".{domain}") for domain in domains)


def _bare_domain(domain: str) -> str:
    """Return a domain without what people write around it: a scheme, a path, an asterisk."""
    bare = domain.lower().partition("://")[2] or domain.lower()
    return split_domain_port(bare.partition("/")[0].removeprefix("*.").removeprefix("."))[0]

"""System checks: no network, no database; each names its cause and what to write."""

import difflib
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage

from django_plenigo import conf
from django_plenigo.errors import ConfigurationError

MIDDLEWARE = "django_plenigo.middleware.PrivateResponseMiddleware"
SANDBOX_APP = "django_plenigo.sandbox"

MINIMAL = 'PLENIGO = {"default": {"API": "v2", "MODE": "sandbox"}}'


@checks.register("plenigo")
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check every account of the setting PLENIGO."""
    if conf.DEFAULT_ACCOUNT not in conf.accounts():
        hint = f"Put this into the settings to start on the sandbox: {MINIMAL}"
        return [checks.Error('PLENIGO has no "default" account.', hint=hint, id="plenigo.E001")]
    return [message for alias in conf.accounts() for message in _check_account(conf.Account(alias))]


def _check_account(account: conf.Account) -> list[CheckMessage]:
    try:
        keys = list(account.raw)
    except ConfigurationError:
        hint = f"It must be a dictionary, as in {MINIMAL}"
        return [checks.Error(f"PLENIGO[{account.alias!r}] is no dictionary.", hint=hint, id="plenigo.E001")]
    messages: list[CheckMessage] = []
    for key in keys:
        if key not in conf.OPTIONS:
            close = difflib.get_close_matches(str(key).upper(), conf.OPTIONS, n=1)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known are: {', '.join(sorted(conf.OPTIONS))}."
            text = f"PLENIGO[{account.alias!r}] has an unknown key {key!r}."
            messages.append(checks.Error(text, hint=hint, id="plenigo.E002"))
    messages += _check_values(account)
    return messages or _check_mode(account)


def _check_values(account: conf.Account) -> list[CheckMessage]:
    problems: dict[str, CheckMessage] = {}  # each once, though several readers may meet it
    for read in conf.READERS:
        try:
            read(account)
        except ConfigurationError as error:
            hint = "See the chapter on settings in the documentation."
            problems[str(error)] = checks.Error(str(error), hint=hint, id="plenigo.E003")
    return list(problems.values())


def _check_mode(account: conf.Account) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for name, host in account.own_hosts.items():
        belongs_to = next((mode for mode, hosts in conf.HOSTS.items() if host in hosts.values()), account.mode)
        if belongs_to != account.mode:
            text = f"PLENIGO[{account.alias!r}] is in MODE {account.mode!r} with the {name} host of {belongs_to!r}."
            messages.append(checks.Error(text, hint="Remove the host: MODE decides it.", id="plenigo.E004"))
    if account.mode == "sandbox":
        if account.runs_in_process and not conf.is_installed(SANDBOX_APP):
            text = f"PLENIGO[{account.alias!r}] is in MODE 'sandbox', but the sandbox is not installed."
            hint = f'Add "{SANDBOX_APP}" to INSTALLED_APPS.'
            messages.append(checks.Error(text, hint=hint, id="plenigo.E005"))
    elif account.company_id == conf.sandbox_company_id():
        text = f"PLENIGO[{account.alias!r}] is in MODE {account.mode!r} with the company of the sandbox."
        messages.append(checks.Error(text, hint="Give your own COMPANY_ID and SECRET.", id="plenigo.E006"))
    return messages


@checks.register("plenigo")
def check_middleware(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that responses with a login token can be kept private."""
    middleware = conf.middleware()
    if MIDDLEWARE not in middleware:
        hint = f'Add "{MIDDLEWARE}" to MIDDLEWARE, after AuthenticationMiddleware.'
        return [checks.Error("The middleware that keeps gated pages private is missing.", hint=hint, id="plenigo.E007")]
    return []


@checks.register("plenigo", deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check what only matters on a public site."""
    messages: list[CheckMessage] = []
    for alias in conf.accounts():
        account = conf.Account(alias)
        try:
            mode, is_shared, proxies = account.mode, account.has_shared_cache, account.trusted_proxies
        except ConfigurationError:
            continue  # told by check_settings
        if mode == "sandbox":
            text = f"PLENIGO[{alias!r}] is on the sandbox: nothing is charged, everybody can buy."
            messages.append(checks.Warning(text, hint='Set "MODE" to "live".', id="plenigo.W001"))
        if not is_shared:
            text = f"PLENIGO[{alias!r}] keeps its answers in a cache that the workers do not share."
            hint = "No 'not bought' is kept then, and each worker has its own circuit breaker. Use Redis or Memcached."
            messages.append(checks.Warning(text, hint=hint, id="plenigo.W002"))
        # The limits count by the account "default".
        if alias == conf.DEFAULT_ACCOUNT and conf.is_behind_proxy() and not proxies:
            text = f"This site is behind a proxy that PLENIGO[{alias!r}] does not name: all visitors count as one."
            hint = 'Name its network, as in "TRUSTED_PROXIES": ["10.0.0.0/8"].'
            messages.append(checks.Warning(text, hint=hint, id="plenigo.W003"))
    if conf.has_content_security_policy():
        text = "This site has a Content-Security-Policy; under it {% plenigo_checkout %} in an onclick does not run."
        hint = "Use {% plenigo_checkout_button %}. A nonce does not help inline handlers."
        messages.append(checks.Info(text, hint=hint, id="plenigo.I001"))
    return messages

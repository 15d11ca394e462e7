"""System checks: no network, no database; each names its cause and what to write."""

import difflib
import re
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage

from django_plenigo import backends, conf
from django_plenigo.errors import ConfigurationError
from django_plenigo.protocols.base import WebhookReader

MIDDLEWARE = "django_plenigo.middleware.PrivateResponseMiddleware"
SANDBOX_APP = "django_plenigo.sandbox"

MINIMAL = 'PLENIGO = {"default": {"API": "v2", "MODE": "sandbox"}}'

#: What to write for a key whose default is no example.
HINTS = {
    "MODE": 'Write "MODE": "sandbox" to try things out, "stage" or "live" for plenigo itself.',
    "COMPANY_ID": 'Copy the company id from plenigo\'s merchant backend. "MODE": "sandbox" does without.',
    "SECRET": "Copy the secret from plenigo's merchant backend into the environment, and read it from there.",
    "HOSTS": 'Leave it out: MODE decides the hosts. Another one is as in {"api": "https://api.example.com"}.',
    "LANGUAGE": 'Write two letters, as in "LANGUAGE": "de", or leave it out for the language of the request.',
    "EXTERNAL_ID": 'Write a function of yours, as in "mysite.customers.external_id", or leave it out.',
    "EMAIL_IS_VERIFIED": 'Write a function of yours, as in "mysite.customers.email_is_verified", or leave it out.',
    "GENDER": 'Write a function of yours, as in "mysite.customers.gender", or leave it out.',
    "FOLLOWED_FIELDS": 'Write a list, as in "FOLLOWED_FIELDS": ["first_name", "last_name"], or leave it out.',
    "CACHE": 'Leave it out for the cache "default", or put that alias into CACHES.',
    "TRUSTED_PROXIES": 'Write networks, as in "TRUSTED_PROXIES": ["10.0.0.0/8"], or leave it out.',
    "DELIVERY": 'Leave it out for a thread of the process, or write "DELIVERY": "" to deliver by plenigo_sync alone.',
    "DELIVERY_WORKERS": f'Write "DELIVERY_WORKERS": 4, say, or any number up to {conf.MOST_WORKERS}; or leave it out.',
    "ACCESS_ID_LABELS": 'Write at most four names, as in "ACCESS_ID_LABELS": ["CRM", "Billing"], or leave it out.',
}
_KEY_OF_ERROR = re.compile(r"PLENIGO\[[^\]]*\]\['(?P<key>\w+)'\]")


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
    return messages or [*_check_mode(account), *_check_followed_fields(account), *_check_generation(account)]


def _check_values(account: conf.Account) -> list[CheckMessage]:
    problems: dict[str, CheckMessage] = {}  # each once, though several readers may meet it
    for read in conf.READERS:
        try:
            read(account)
        except ConfigurationError as error:
            problems[str(error)] = checks.Error(str(error), hint=_hint_for(error), id="plenigo.E003")
    return list(problems.values())


def _hint_for(error: ConfigurationError) -> str:
    """Say what to write for the key that an error names first."""
    found = _KEY_OF_ERROR.match(str(error))
    key = found["key"] if found else ""
    if key in HINTS:
        return HINTS[key]
    if key in conf.OPTIONS:
        default = conf.OPTIONS[key].default
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        return f'Leave it out for the default, which is as if you wrote "{key}": {shown}.'
    return "See the chapter on settings in the documentation."


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


def _check_followed_fields(account: conf.Account) -> list[CheckMessage]:
    """Check that the API can change what is to be followed."""
    followed, where = account.followed_fields, f"PLENIGO[{account.alias!r}]['FOLLOWED_FIELDS']"
    names = [name for name in followed if name != "language"]
    problems: list[tuple[str, str]] = []
    if len(names) < len(followed) and "language" not in conf.CHANGEABLE[account.generation]:
        text = f"{where} names language, but API {account.generation} has no call that changes it."
        problems.append((text, "Leave language out: plenigo is told a customer's language as she is registered."))
    if account.generation == "v2" and names and account.gender is None:
        text = f"{where} names {' and '.join(names)}, but API v2 changes names only together with a gender."
        problems.append((text, f"Name a function from a user to plenigo's word. {HINTS['GENDER']}"))
    if account.generation == "v2" and len(set(names)) == 1:
        text = f"{where} names {names[0]} alone, but API v2 changes both names in one call."
        problems.append((text, 'Write "FOLLOWED_FIELDS": ["first_name", "last_name"].'))
    return [checks.Error(text, hint=hint, id="plenigo.E008") for text, hint in problems]


def _check_generation(account: conf.Account) -> list[CheckMessage]:
    """Check that API v3 can do what the settings want of it."""
    if account.generation == "v2":
        return []
    where = f"PLENIGO[{account.alias!r}]"
    messages: list[CheckMessage] = []
    if account.test_mode:
        text = f"{where}['TEST_MODE'] is on, but API v3 has no test purchases: readers would be charged."
        hint = 'Leave it out; to try things out use "MODE": "stage" or "sandbox".'
        messages.append(checks.Error(text, hint=hint, id="plenigo.E009"))
    if account.mode != "sandbox" and conf.is_behind_proxy() and not account.trusted_proxies:
        text = f"{where} names no TRUSTED_PROXIES, but this site is behind a proxy: no checkout would know its reader."
        hint = 'Name the proxy\'s network, as in "TRUSTED_PROXIES": ["10.0.0.0/8"].'
        messages.append(checks.Error(text, hint=hint, id="plenigo.E011"))
    unused = [key for key in conf.ONLY_V2 if account.raw.get(key)]
    if unused:
        text = f"{where} has {' and '.join(unused)}, which API v3 does not use."
        messages.append(checks.Warning(text, hint="Leave it out.", id="plenigo.W007"))
    return [*messages, *_check_products(account)]


def _check_products(account: conf.Account) -> list[CheckMessage]:
    """Check that API v3 knows each product by names that it can have."""
    messages: list[CheckMessage] = []
    for name, product in account.products.items():
        where = f"PLENIGO[{account.alias!r}]['PRODUCTS'][{name!r}]"
        if not conf.PRODUCT_KEYS["access_right_id"].fullmatch(product.access_right_id):
            text = f"{where} has no access_right_id, and its name is none of API v3: no gate can ask for it."
            hint = "Copy it from plenigo's merchant backend: 2 to 30 letters, digits and hyphens."
            messages.append(checks.Error(text, hint=hint, id="plenigo.E012"))
        if not conf.PRODUCT_KEYS["offer_id"].fullmatch(product.offer_id):
            text = f"{where} has no offer_id: API v3 sells offers, so this product cannot be sold."
            hint = 'Copy it from plenigo\'s merchant backend: it begins with "O_". Silence this for what is never sold.'
            messages.append(checks.Warning(text, hint=hint, id="plenigo.W008"))
    return messages


#: What only API v3 has: the beginnings of keys, which mean pages that answer 404 with API v2, and whole keys.
PAGES_OF_V3_ONLY = ("SSO_", "CONNECTION_")
OF_V3_ONLY = frozenset({"LEGACY_SDK", "MIRROR_ACCESS_IDS", "EXTERNAL_ID_IS_CUSTOMER_ID"})


@checks.register("plenigo")
def check_account_pages(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that what API v3 alone has is not meant for API v2, and that sessions can hold the steps of it."""
    messages: list[CheckMessage] = []
    for alias in conf.accounts():
        account = conf.Account(alias)
        try:
            generation, keys = account.generation, list(account.raw)
        except ConfigurationError:
            continue  # told by check_settings
        of_pages = [str(key) for key in keys if str(key).startswith(PAGES_OF_V3_ONLY)]
        meant = of_pages + [str(key) for key in keys if key in OF_V3_ONLY]
        if generation == "v2" and meant:
            text = f"PLENIGO[{alias!r}] has {' and '.join(meant)}, which API v3 alone has, but its API is v2."
            hint = 'Write "API": "v3", or leave them out.'
            hint += " The pages that need API v3 answer 404 meanwhile." if of_pages else ""
            messages.append(checks.Warning(text, hint=hint, id="plenigo.W010"))
        if generation == "v3" and not conf.keeps_sessions_on_server():
            text = f"PLENIGO[{alias!r}] has API v3, but SESSION_ENGINE keeps sessions in a cookie, open to the browser."
            hint = 'Leave SESSION_ENGINE out, or name "django.contrib.sessions.backends.cached_db".'
            messages.append(checks.Error(text, hint=hint, id="plenigo.E010"))
    return messages


#: What to write for a key of a portal whose default is no example.
PORTAL_HINTS = {
    "BACKEND": 'Name a class, as in "BACKEND": "mysite.portals.Harbour".',
    "MODE": 'Write "MODE": "sandbox" to try things out, "live" for the vendor itself.',
    "API_URL": "Leave it out for the backend's own. It is https:// and a host, without a query.",
    "LINK_HOSTS": 'Write hosts, as in "LINK_HOSTS": ["store.example.com"].',
    "CACHE": HINTS["CACHE"],
    "LOG_OUT_URL": "Leave it out, or write the https:// address of the vendor's page that logs a browser out.",
    "WEBHOOK_TOKENS": (
        'Write what `python -c "import secrets; print(secrets.token_urlsafe(32))"` prints, here and behind `?token=` '
        "in the address at the vendor."
    ),
}
_KEY_OF_PORTAL = re.compile(r"PLENIGO_PORTALS\[[^\]]*\]\['(?P<key>\w+)'\]")


@checks.register("plenigo")
def check_portals(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check every entry of the setting PLENIGO_PORTALS."""
    if not conf.has_readable_portals():
        hint = 'It maps names to entries, as in {"okepay": {"BACKEND": "...", "MODE": "sandbox"}}.'
        return [checks.Error("PLENIGO_PORTALS is no dictionary.", hint=hint, id="plenigo.E013")]
    return [message for alias in conf.portals() for message in _check_portal(conf.PortalEntry(alias))]


def _check_portal(entry: conf.PortalEntry) -> list[CheckMessage]:
    try:
        keys = list(entry.raw)
        backend = backends.portal_class(entry.alias)
    except ConfigurationError as error:
        return [_portal_error(error)]
    messages: list[CheckMessage] = []
    known = [*conf.PORTAL_OPTIONS, *backend.options]
    for key in keys:
        if key not in known:
            close = difflib.get_close_matches(str(key).upper(), known, n=1)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known are: {', '.join(sorted(known))}."
            text = f"PLENIGO_PORTALS[{entry.alias!r}] has an unknown key {key!r}."
            messages.append(checks.Error(text, hint=hint, id="plenigo.E014"))
    return messages or _check_portal_values(entry)


def _check_portal_values(entry: conf.PortalEntry) -> list[CheckMessage]:
    problems: dict[str, CheckMessage] = {}
    for read in conf.PORTAL_READERS:
        try:
            read(entry)
        except ConfigurationError as error:
            problems[str(error)] = _portal_error(error)
    if not problems and entry.runs_in_process and not conf.is_installed(SANDBOX_APP):
        text = f"PLENIGO_PORTALS[{entry.alias!r}] is in MODE 'sandbox', but the sandbox is not installed."
        return [checks.Error(text, hint=f'Add "{SANDBOX_APP}" to INSTALLED_APPS.', id="plenigo.E016")]
    return list(problems.values()) or _check_built_portal(entry)


def _check_built_portal(entry: conf.PortalEntry) -> list[CheckMessage]:
    """Check what the backend itself wants of its entry, and that a link could lead anywhere."""
    where = f"PLENIGO_PORTALS[{entry.alias!r}]"
    try:
        portal = backends.portal(entry.alias)
        hosts = portal.link_hosts
    except ConfigurationError as error:
        return [_portal_error(error)]
    if not hosts:
        text = f"{where} has no LINK_HOSTS, and its backend knows none: no link would be opened."
        return [checks.Error(text, hint=PORTAL_HINTS["LINK_HOSTS"], id="plenigo.E017")]
    if not conf.are_hosts(hosts):
        text = f"{where} has a backend whose link_hosts are no hosts: no link would be opened."
        hint = 'Return hosts without https:// and a path, as in ("store.example.com", *super().link_hosts).'
        return [checks.Error(text, hint=hint, id="plenigo.E017")]
    if published := backends.published_secret_of(entry.alias):
        text = f"{where}[{published!r}] is the sandbox's, which everybody knows, in MODE {entry.mode!r}."
        return [checks.Error(text, hint="Give your own, from the vendor's merchant backend.", id="plenigo.E018")]
    # A portal that can prove no delivery is one whose readers are bound by hand or by files.
    if isinstance(portal, WebhookReader) and portal.can_prove and not _site_verifies_addresses():
        text = f"{where} reads webhooks, but this site verifies no e-mail addresses: no delivery binds a reader."
        hint = (
            'Write a function of yours, as in "EMAIL_IS_VERIFIED": "mysite.customers.email_is_verified", into the '
            'account "default" of PLENIGO, or silence this where readers are bound by hand alone.'
        )
        return [checks.Warning(text, hint=hint, id="plenigo.W012")]
    return []


def _site_verifies_addresses() -> bool:
    try:
        return conf.Account(conf.DEFAULT_ACCOUNT).verifies_addresses
    except ConfigurationError:
        return True  # told by check_settings


def _portal_error(error: ConfigurationError) -> CheckMessage:
    found = _KEY_OF_PORTAL.match(str(error))
    key = found["key"] if found else ""
    hint = PORTAL_HINTS.get(key, "See the chapter on portals in the documentation.")
    return checks.Error(str(error), hint=hint, id="plenigo.E015")


@checks.register("plenigo")
def check_middleware(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that responses with a login token can be kept private."""
    middleware = conf.middleware()
    if MIDDLEWARE not in middleware:
        hint = f'Add "{MIDDLEWARE}" to MIDDLEWARE, after AuthenticationMiddleware.'
        return [checks.Error("The middleware that keeps gated pages private is missing.", hint=hint, id="plenigo.E007")]
    return []


#: What has waiting changes looked for, by the way of delivery that does not do so by itself.
REMINDERS = {
    conf.IN_THREAD: "is delivered by a thread that saves and visitors wake: without either, what waits goes on waiting",
    conf.BY_TASK: "is delivered by tasks that a save enqueues: nothing looks for what waits for its next attempt",
    conf.BY_CELERY: "is delivered by messages that a save sends: nothing but beat looks for what waits",
    "": "has no DELIVERY: nothing is delivered by itself",
}


@checks.register("plenigo", deploy=True)
def check_delivery(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that what plenigo is to be told will be told, and that no save waits for it."""
    messages: list[CheckMessage] = []
    for alias in conf.accounts():
        try:
            path = conf.Account(alias).delivery_path
        except ConfigurationError:
            continue  # told by check_settings
        where = f"PLENIGO[{alias!r}]"
        if path in REMINDERS:
            hint = "Have cron run `manage.py plenigo_sync` every few minutes, then silence this reminder."
            if path == conf.BY_CELERY:
                hint = "Give beat an entry for django_plenigo.tasks.deliver, or have cron run `manage.py plenigo_sync`."
            messages.append(checks.Info(f"{where} {REMINDERS[path]}.", hint=hint, id="plenigo.I002"))
        backend = conf.task_backend() if path == conf.BY_TASK else ""
        if path == conf.AT_ONCE or backend == conf.TASKS_RUN_AT_ONCE:
            text = f"{where} is delivered before a save returns: each one waits for plenigo."
            hint = "Leave DELIVERY out for a thread of the process, or set TASKS to a backend that has workers."
            messages.append(checks.Warning(text, hint=hint, id="plenigo.W004"))
        if backend == conf.TASKS_NEVER_RUN:
            text = f"{where} is delivered by tasks, and the backend in TASKS never runs one."
            messages.append(checks.Warning(text, hint="Set TASKS to a backend that has workers.", id="plenigo.W005"))
    return messages


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
    for alias in conf.portals():
        entry = conf.PortalEntry(alias)
        try:
            is_on_sandbox = entry.mode == "sandbox"
        except ConfigurationError:
            continue  # told by check_portals
        if is_on_sandbox:
            text = f"PLENIGO_PORTALS[{alias!r}] is on the sandbox: nobody's real subscription is there."
            messages.append(checks.Warning(text, hint='Set "MODE" to "live".', id="plenigo.W011"))
    if conf.has_content_security_policy():
        text = "This site has a Content-Security-Policy; under it {% plenigo_checkout %} in an onclick does not run."
        hint = "Use {% plenigo_checkout_button %}. A nonce does not help inline handlers."
        messages.append(checks.Info(text, hint=hint, id="plenigo.I001"))
    return messages

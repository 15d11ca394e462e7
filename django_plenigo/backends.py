"""Builds the configured clients: where settings and protocols meet."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from datetime import datetime
from typing import IO, Any, TypeVar

from django.utils.module_loading import import_string

from django_plenigo import conf
from django_plenigo.errors import ConfigurationError, UnsupportedOperationError
from django_plenigo.protocols.base import (
    AccessReader,
    AccessRegistry,
    AccessRightKeeper,
    AccountConnector,
    AdditionalDataKeeper,
    CheckoutPreparer,
    CheckoutSigner,
    CustomerDirectory,
    CustomerFinder,
    CustomerReader,
    LoginMinter,
    MultipleLoginMinter,
    PaywallReader,
    Portal,
    PortalOption,
    PortalSettings,
    ProfileKeeper,
    PurchaseReader,
    SessionConfirmer,
    SessionKeeper,
    SsoSettingsReader,
    UserCookie,
    WebhookReader,
)
from django_plenigo.tracebacks import without_secrets

# By dotted path, so that start-up loads neither requests nor cryptography.
FACTORIES = {
    "v2": "django_plenigo.protocols.plenigo_v2.connect",
    "v3": "django_plenigo.protocols.plenigo_v3.connect",
}
CALLBACKS = {"v3": "django_plenigo.protocols.plenigo_v3.callbacks.PlenigoCallbacks"}
COOKIES = {"v2": "django_plenigo.protocols.plenigo_v2.cookies"}
SPREADSHEETS = "django_plenigo.spreadsheets"
ENCRYPTION = "django_plenigo.encryption"
SANDBOX_ADAPTER = "django_plenigo.sandbox.adapter.SandboxAdapter"

#: Why an API does not serve a need, where that is not just because it is older.
MISSING: Mapping[tuple[str, str], str] = {
    (
        "v3",
        "CheckoutSigner",
    ): "signs no checkouts here: they are prepared at plenigo on the click.",
    ("v3", "LoginMinter"): "has no login tokens: a session is handed to a page by a transfer token.",
    ("v3", "MultipleLoginMinter"): "has no login tokens: a session is handed to a page by a transfer token.",
    ("v3", "PaywallReader"): "does not tell whether the company's paywall is on.",
    ("v3", "SessionConfirmer"): "sets no session cookie that could be confirmed.",
    ("v2", "SsoSettingsReader"): "does not tell the settings of the single sign-on: that takes API v3.",
    ("v2", "AccountConnector"): "cannot connect imported subscriptions: that takes API v3.",
    ("v2", "CheckoutPreparer"): "prepares no checkouts: they are signed here.",
    ("v2", "SessionKeeper"): "keeps no sessions: a customer is let in by a login token.",
    ("v2", "PurchaseReader"): "is not asked for orders: that takes API v3.",
}

Need = TypeVar("Need")

#: By alias: a copy of the account's entry that the client was built from, and the client.
_clients: dict[str, tuple[Mapping[str, Any], object]] = {}
#: The same of the portals.
_portals: dict[str, tuple[Mapping[str, Any], Portal]] = {}


@without_secrets
def get_client(using: str = conf.DEFAULT_ACCOUNT) -> object:
    """Return the client of one account; the same one for as long as the account's settings are the same.

    Raises `ConfigurationError`.
    """
    account = conf.Account(using)
    built = _clients.get(using)
    if built is None or built[0] != account.raw:
        built = _clients[using] = (deepcopy(account.raw), _connect(account))
    return built[1]


def _connect(account: conf.Account) -> object:
    connect: Callable[..., object] = import_string(FACTORIES[account.generation])
    options: dict[str, object]
    if account.generation == "v2":
        options = {"company_id": account.company_id, "test_mode": account.test_mode}
    else:
        options = {
            "uses_own_customer_ids": account.external_id_is_customer_id,
            "mirrors_access_ids": account.mirrors_access_ids,
        }
    options |= {
        "base_url": account.host("api"),
        "secrets": account.secrets,
        "timeout_seconds": account.timeout_seconds,
        "cache_alias": account.cache_alias,
        "adapter": import_string(SANDBOX_ADAPTER)() if account.runs_in_process else None,
    }
    return connect(**options)


def serves(need: type, using: str = conf.DEFAULT_ACCOUNT) -> bool:
    """Say whether an account's API serves a need, one of the interfaces of `protocols.base`."""
    return isinstance(get_client(using), need)


@without_secrets
def portal(alias: str) -> Portal:
    """Return the configured portal of that name; the same one for as long as its entry is the same.

    Raises `ConfigurationError`: for an entry that is missing or wrong, and where the backend cannot be built of it.
    """
    entry = conf.PortalEntry(alias)
    built = _portals.get(alias)
    if built is None or built[0] != entry.raw:
        built = _portals[alias] = (deepcopy(entry.raw), _build_portal(entry))
    return built[1]


def portal_class(alias: str) -> type[Portal]:
    """Return the class of a portal. Raises `ConfigurationError`."""
    path, where = conf.PortalEntry(alias).backend_path, f"PLENIGO_PORTALS[{alias!r}]['BACKEND']"
    try:
        found = import_string(path)
    except Exception as error:  # a module that is found may fail in its own way
        raise ConfigurationError(f"{where} cannot be imported: {error}") from error
    if not isinstance(found, type) or not issubclass(found, Portal):
        raise ConfigurationError(f"{where} must be a subclass of django_plenigo.protocols.base.Portal.")
    return found


def _build_portal(entry: conf.PortalEntry) -> Portal:
    backend = portal_class(entry.alias)
    unknown = [key for key in entry.own_options if key not in backend.options]
    if unknown:
        known = ", ".join(sorted([*conf.PORTAL_OPTIONS, *backend.options]))
        raise ConfigurationError(
            f"PLENIGO_PORTALS[{entry.alias!r}] has an unknown key {unknown[0]!r}; known are: {known}."
        )
    options = {}
    for name, option in backend.options.items():
        is_sandboxs = entry.mode == "sandbox" and option.sandbox and not entry.raw.get(name)
        options[name] = _sandboxs(entry, name, option) if is_sandboxs else entry.checked(name, option)
    settings = PortalSettings(
        alias=entry.alias,
        mode=entry.mode,
        options=options,
        api_url=entry.api_url,
        link_hosts=entry.link_hosts,
        timeout_seconds=entry.timeout_seconds,
        cache_alias=entry.cache_alias,
        adapter=import_string(SANDBOX_ADAPTER)() if entry.runs_in_process else None,
    )
    return backend(settings)


def published_secret_of(alias: str) -> str:
    """Return which key of a portal that is not on the sandbox is the sandbox's own, which everybody knows, "" for none.

    Raises `ConfigurationError`.
    """
    entry = conf.PortalEntry(alias)
    for name, option in portal_class(alias).options.items():
        value = entry.raw.get(name)
        given = value if isinstance(value, list | tuple) else [value]
        if entry.mode != "sandbox" and option.is_secret and option.sandbox and import_string(option.sandbox) in given:
            return name
    return ""


def webhook_sources() -> dict[str, str]:
    """Return every source that webhooks may come from, by the name that `webhook_reader` takes, with its account.

    These are the portals that read webhooks, which are the account "default"'s, and the accounts whose generation of
    the API has callbacks. What the settings have wrong counts as one that has, so that its deliveries are refused with
    a reason. Raises `ConfigurationError` where PLENIGO or PLENIGO_PORTALS is no dictionary.
    """
    portals = {alias: conf.DEFAULT_ACCOUNT for alias in conf.portals() if _may_deliver(portal_reads_webhooks, alias)}
    accounts = {webhook_source_of(alias): alias for alias in conf.accounts() if _may_deliver(_has_callbacks, alias)}
    return portals | accounts


def portal_reads_webhooks(alias: str) -> bool:
    """Say whether a portal's class is a `WebhookReader`. Raises `ConfigurationError`."""
    return issubclass(portal_class(alias), WebhookReader)


def _has_callbacks(account: str) -> bool:
    return conf.Account(account).generation in CALLBACKS


def _may_deliver(asked: Callable[[str], bool], alias: str) -> bool:
    try:
        return asked(alias)
    except ConfigurationError:
        return True


def webhook_source_of(account: str) -> str:
    """Return the name of an account as a source of webhooks: `plenigo` for the account "default"."""
    return conf.PLENIGO_SOURCE if account == conf.DEFAULT_ACCOUNT else f"{conf.PLENIGO_SOURCE}-{account}"


@without_secrets
def webhook_reader(source: str) -> WebhookReader:
    """Return what reads the webhooks of a source: a portal's name, `plenigo`, or `plenigo-` and an account's alias.

    Raises `ConfigurationError` for a source that is not configured, or wrongly, and `UnsupportedOperationError` for one
    that delivers none.
    """
    if not source.startswith(conf.PLENIGO_SOURCE):
        reader = portal(source)
        if not isinstance(reader, WebhookReader):
            raise UnsupportedOperationError(
                f"The portal {source!r} reads no webhooks: its backend is no WebhookReader."
            )
        if conf.PortalEntry(source).mode == "sandbox" and not conf.is_sandbox_open():
            # Everybody knows the sandbox's keys: what they sign would bind readers to customers of the real vendor.
            text = "is on the sandbox, which this site does not serve: set its MODE to 'live', or ALLOW_WITHOUT_DEBUG"
            raise ConfigurationError(f"PLENIGO_PORTALS[{source!r}] {text}.")
        return reader
    account = conf.Account(_account_of(source))
    if not _has_callbacks(account.alias):
        text = f"API {account.generation} of the account {account.alias!r} has no callbacks: that takes API v3."
        raise UnsupportedOperationError(text)
    build: Callable[..., WebhookReader] = import_string(CALLBACKS[account.generation])
    return build(
        secrets=account.webhook_secrets,
        window_seconds=account.webhook_window_seconds,
        setting=f"PLENIGO[{account.alias!r}]['WEBHOOK_SECRETS']",
    )


def _account_of(source: str) -> str:
    """Return the alias of the account that a source of webhooks is. Raises `ConfigurationError`."""
    for alias in conf.accounts():
        if webhook_source_of(alias) == source:
            return alias
    raise ConfigurationError(f"PLENIGO has no account whose webhooks come from {source!r}.")


def _sandboxs(entry: conf.PortalEntry, name: str, option: PortalOption) -> Any:
    """Return what holds on the sandbox for a key that is not given. Raises `ConfigurationError`."""
    try:
        return import_string(option.sandbox)
    except ImportError:
        text = f"PLENIGO_PORTALS[{entry.alias!r}][{name!r}] is missing: the sandbox has none of its own."
        raise ConfigurationError(text) from None


def _serving(need: type[Need], using: str) -> Need:
    client = get_client(using)
    if not isinstance(client, need):
        generation = conf.Account(using).generation
        reason = MISSING.get((generation, need.__name__), f"serves no {need.__name__}.")
        raise UnsupportedOperationError(f"API {generation} of the account {using!r} {reason}")
    return client


def customer_directory(using: str = conf.DEFAULT_ACCOUNT) -> CustomerDirectory:
    """Return what keeps the customers of an account."""
    return _serving(CustomerDirectory, using)  # type: ignore[type-abstract]  # asked for by isinstance only


def customer_finder(using: str = conf.DEFAULT_ACCOUNT) -> CustomerFinder:
    """Return what tells whether an account has a customer."""
    return _serving(CustomerFinder, using)  # type: ignore[type-abstract]  # as above


def profile_keeper(using: str = conf.DEFAULT_ACCOUNT) -> ProfileKeeper:
    """Return what keeps names and language of an account's customers."""
    return _serving(ProfileKeeper, using)  # type: ignore[type-abstract]  # as above


def access_registry(using: str = conf.DEFAULT_ACCOUNT) -> AccessRegistry:
    """Return what keeps the access ids of an account's customers."""
    return _serving(AccessRegistry, using)  # type: ignore[type-abstract]  # as above


def access_reader(using: str = conf.DEFAULT_ACCOUNT) -> AccessReader:
    """Return what answers whether a customer of an account may read a product."""
    return _serving(AccessReader, using)  # type: ignore[type-abstract]  # as above


def login_minter(using: str = conf.DEFAULT_ACCOUNT) -> LoginMinter:
    """Return what lets a customer of an account in without a password."""
    return _serving(LoginMinter, using)  # type: ignore[type-abstract]  # as above


def multiple_login_minter(using: str = conf.DEFAULT_ACCOUNT) -> MultipleLoginMinter:
    """Return what mints several log-ins of a customer of an account at once."""
    return _serving(MultipleLoginMinter, using)  # type: ignore[type-abstract]  # as above


def paywall_reader(using: str = conf.DEFAULT_ACCOUNT) -> PaywallReader:
    """Return what tells whether an account's paywall is on."""
    return _serving(PaywallReader, using)  # type: ignore[type-abstract]  # as above


def session_confirmer(using: str = conf.DEFAULT_ACCOUNT) -> SessionConfirmer:
    """Return what tells whose session a cookie of an account's vendor is."""
    return _serving(SessionConfirmer, using)  # type: ignore[type-abstract]  # as above


def customer_reader(using: str = conf.DEFAULT_ACCOUNT) -> CustomerReader:
    """Return what tells what the vendor knows of an account's customers."""
    return _serving(CustomerReader, using)  # type: ignore[type-abstract]  # as above


def additional_data_keeper(using: str = conf.DEFAULT_ACCOUNT) -> AdditionalDataKeeper:
    """Return what keeps data of the site's own with an account's customers."""
    return _serving(AdditionalDataKeeper, using)  # type: ignore[type-abstract]  # as above


def access_right_keeper(using: str = conf.DEFAULT_ACCOUNT) -> AccessRightKeeper:
    """Return what gives and takes access of an account's customers beside what is sold."""
    return _serving(AccessRightKeeper, using)  # type: ignore[type-abstract]  # as above


def session_keeper(using: str = conf.DEFAULT_ACCOUNT) -> SessionKeeper:
    """Return what keeps the sessions of an account's customers."""
    return _serving(SessionKeeper, using)  # type: ignore[type-abstract]  # as above


def checkout_preparer(using: str = conf.DEFAULT_ACCOUNT) -> CheckoutPreparer:
    """Return what prepares the checkouts of an account."""
    return _serving(CheckoutPreparer, using)  # type: ignore[type-abstract]  # as above


def purchase_reader(using: str = conf.DEFAULT_ACCOUNT) -> PurchaseReader:
    """Return what tells what an account's customers have bought."""
    return _serving(PurchaseReader, using)  # type: ignore[type-abstract]  # as above


def sso_settings_reader(using: str = conf.DEFAULT_ACCOUNT) -> SsoSettingsReader:
    """Return what tells the settings of an account's single sign-on."""
    return _serving(SsoSettingsReader, using)  # type: ignore[type-abstract]  # as above


def account_connector(using: str = conf.DEFAULT_ACCOUNT) -> AccountConnector:
    """Return what connects imported customers of an account."""
    return _serving(AccountConnector, using)  # type: ignore[type-abstract]  # as above


def checkout_signer(using: str = conf.DEFAULT_ACCOUNT) -> CheckoutSigner:
    """Return what signs the checkouts of an account."""
    return _serving(CheckoutSigner, using)  # type: ignore[type-abstract]  # as above


@without_secrets
def read_user_cookie(value: str | None, *, using: str = conf.DEFAULT_ACCOUNT) -> UserCookie | None:
    """Return what the vendor's session cookie of an account says, None where it says nothing readable or is too old.

    A claim, not a proof: `session_confirmer` asks the vendor. Raises `ConfigurationError` and
    `UnsupportedOperationError`, and nothing whatever a browser sends. Source: docs/protocols/plenigo-v2.md 4.3.
    """
    account = conf.Account(using)
    read: Callable[..., UserCookie | None] = import_string(f"{_cookies_of(account)}.read_user_cookie")
    return read(value, account.secrets)


@without_secrets
def write_user_cookie(customer_id: str, *, issued_at: datetime, using: str = conf.DEFAULT_ACCOUNT) -> str:
    """Return the session cookie of an account's customer, signed by this site. `issued_at` must carry its time zone.

    Raises `ConfigurationError` and `InvalidValueError`. Source: docs/protocols/plenigo-v2.md 4.3.
    """
    account = conf.Account(using)
    write: Callable[..., str] = import_string(f"{_cookies_of(account)}.write_user_cookie")
    return write(customer_id, account.secrets, issued_at=issued_at)


def _cookies_of(account: conf.Account) -> str:
    if account.generation not in COOKIES:
        text = f"API {account.generation} of the account {account.alias!r} sets no session cookie that could be read."
        raise UnsupportedOperationError(text)
    return COOKIES[account.generation]


@without_secrets
def encrypted(secret: str) -> str:
    """Return a secret as the database may keep it, by the site's SECRET_KEY."""
    encrypt: Callable[..., str] = import_string(f"{ENCRYPTION}.encrypt")
    return encrypt(secret, conf.signing_keys())


@without_secrets
def decrypted(text: str) -> str | None:
    """Return a secret that `encrypted` made of it, by SECRET_KEY or its fallbacks; None where none can read it."""
    decrypt: Callable[..., str | None] = import_string(f"{ENCRYPTION}.decrypt")
    return decrypt(text, conf.signing_keys())


def opened_sheet(file: IO[bytes], *, most_columns: int, longest_row: int) -> AbstractContextManager[Any]:
    """Give the first sheet of an XLSX file, see `spreadsheets.opened_sheet`. Raises as it does, and as below."""
    sheet: AbstractContextManager[Any] = _of_spreadsheets("opened_sheet")(
        file, most_columns=most_columns, longest_row=longest_row
    )
    return sheet


def no_text(text: str, kind: str) -> str:
    """Return a cell of a sheet that is no text, see `spreadsheets.NoText`. Raises as below."""
    cell: str = _of_spreadsheets("no_text")(text, kind)
    return cell


def spreadsheet_bytes(file: IO[bytes]) -> int:
    """Return the unpacked size of an XLSX file, see `spreadsheets.unpacked_bytes`.

    Raises as it does, and `UnsupportedOperationError` where openpyxl is not installed.
    """
    size: int = _of_spreadsheets("unpacked_bytes")(file)
    return size


def _of_spreadsheets(name: str) -> Callable[..., Any]:
    try:
        function: Callable[..., Any] = import_string(f"{SPREADSHEETS}.{name}")
    except ModuleNotFoundError as error:
        if error.name != "openpyxl":
            raise
        raise UnsupportedOperationError("XLSX needs openpyxl: pip install 'django-plenigo[xlsx]'.") from None
    return function

"""One entry of `settings.PLENIGO`, read at each access."""

import ipaddress
import math
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches
from django.urls import get_script_prefix
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from django_plenigo.conf.options import (
    ACCESS_ID_SLOTS,
    DEFAULT_ACCOUNT,
    FOLLOWABLE,
    HOSTS,
    MOST_WORKERS,
    NEEDED_PACKAGES,
    OPTIONS,
    PRODUCT_KEYS,
    SANDBOX_SECRETS,
    SCRIPT_HOSTS,
    TWO_LETTERS,
    Option,
    Product,
)
from django_plenigo.conf.site import is_installed, sandbox_company_id
from django_plenigo.errors import ConfigurationError
from django_plenigo.tracebacks import without_secrets


class Account:
    """One entry of `settings.PLENIGO`, with defaults and types.

    The entry is looked up once for each object, so make one where it is needed, and keep none.
    """

    __slots__ = ("_entry", "alias")

    def __init__(self, alias: str = DEFAULT_ACCOUNT) -> None:
        self.alias = alias
        self._entry: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Account({self.alias!r})"

    @property
    def raw(self) -> Mapping[str, Any]:
        """The entry as the site wrote it."""
        if self._entry is None:
            try:
                entry = settings.PLENIGO[self.alias]
            except (AttributeError, KeyError, TypeError):
                entry = None
            if not isinstance(entry, Mapping):
                raise ConfigurationError(f'PLENIGO has no "{self.alias}" account.')
            self._entry = entry
        return self._entry

    def _get(self, name: str) -> Any:
        option = OPTIONS[name]
        # This runs several times for every gate of a page, so what is right comes first.
        value = (self._entry or self.raw).get(name, option.default)
        if type(value) in option.kind and (not option.choices or value in option.choices):
            return value
        return self._checked(name, option, value)

    def _checked(self, name: str, option: Option, value: Any) -> Any:
        where = f"PLENIGO[{self.alias!r}][{name!r}]"
        if value is None:
            raise ConfigurationError(f"{where} is missing.")
        if (isinstance(value, bool) and bool not in option.kind) or not isinstance(value, option.kind):
            wanted = " or ".join(kind.__name__ for kind in option.kind)
            raise ConfigurationError(f"{where} must be {wanted}, not {type(value).__name__}.")
        if option.choices and value not in option.choices:
            raise ConfigurationError(f"{where} must be one of {', '.join(option.choices)}.")
        return value

    def _text(self, name: str) -> str:
        value: str = self._get(name)
        self._check_text(name, value)
        return value

    def _check_text(self, name: str, value: str) -> None:
        if not value or value != value.strip() or not value.isprintable():
            text = (
                f"PLENIGO[{self.alias!r}][{name!r}] must not be empty, nor begin or end with a blank or a line break."
            )
            raise ConfigurationError(text)

    def _seconds(self, name: str) -> float:
        value: float = self._get(name)
        if 0 <= value < math.inf:  # so NaN neither
            return value
        raise ConfigurationError(f"PLENIGO[{self.alias!r}][{name!r}] must be a number of seconds, 0 or more.")

    def _count(self, name: str) -> int:
        value: int = self._get(name)
        if value < 0:
            raise ConfigurationError(f"PLENIGO[{self.alias!r}][{name!r}] must be 0 or more.")
        return value

    @property
    def generation(self) -> str:
        """The generation of the vendor's API, "v2" or "v3"."""
        value: str = self._get("API")
        return value

    @property
    def mode(self) -> str:
        """ "sandbox", "stage" or "live"; it decides hosts and credentials."""
        value: str = self._get("MODE")
        return value

    @property
    def company_id(self) -> str:
        """The vendor's id of the publisher's company; the sandbox's demo company where none is given."""
        if self.mode == "sandbox" and not self.raw.get("COMPANY_ID"):
            return sandbox_company_id()
        return self._text("COMPANY_ID")

    @property
    @without_secrets
    def secrets(self) -> tuple[str, ...]:
        """The company's secrets, of which the first signs; with API v3 its access tokens, the first is sent."""
        if self.mode == "sandbox" and not self.raw.get("SECRET"):
            return (str(import_string(SANDBOX_SECRETS[self.generation])),)
        value = self._get("SECRET")
        secrets = (value,) if isinstance(value, str) else tuple(value)
        if not secrets or not all(isinstance(secret, str) for secret in secrets):
            raise ConfigurationError(f"PLENIGO[{self.alias!r}]['SECRET'] must be a text or a list of texts.")
        for secret in secrets:
            self._check_text("SECRET", secret)
        return secrets

    def host(self, name: str) -> str:
        """Return the host that serves `name` ("api", "static" or "sdk"), without a trailing slash."""
        own = self.own_hosts.get(name)
        return str(own or HOSTS[self.mode][name]).rstrip("/")

    @property
    def own_hosts(self) -> Mapping[str, str]:
        """The hosts that the site named itself, by what they serve."""
        hosts: Mapping[str, str] = self._get("HOSTS")
        for name, address in hosts.items():
            where = f"PLENIGO[{self.alias!r}]['HOSTS']"
            if name not in HOSTS["live"]:
                known = ", ".join(HOSTS["live"])
                raise ConfigurationError(f"{where} has an unknown key {name!r}; known are: {known}.")
            is_path = name in SCRIPT_HOSTS and isinstance(address, str) and address.startswith("/")
            if not is_path:
                checked_address(f"{where}[{name!r}]", address)
        return hosts

    @property
    def runs_in_process(self) -> bool:
        """Whether requests go to the sandbox app of this very process instead of a socket."""
        return self.mode == "sandbox" and "api" not in self.own_hosts

    @property
    def sdk_url(self) -> str:
        """The address of the vendor's script (docs/protocols/plenigo-v2.md 1.1, plenigo-v3.md 1.1)."""
        is_legacy = self.generation == "v2" or self.has_legacy_sdk
        host = self.host("static" if is_legacy else "sdk")
        if host.startswith("/"):
            host = get_script_prefix().rstrip("/") + host
        if is_legacy:
            return f"{host}/static_resources/javascript/{self.company_id}/plenigo_sdk.min.js"
        return f"{host}/web/v1/frisbii_media.min.js"

    @property
    def has_legacy_sdk(self) -> bool:
        """Whether pages of API v3 use the vendor's script of before May 2025."""
        return bool(self._get("LEGACY_SDK"))

    @property
    def products(self) -> Mapping[str, Product]:
        """The products whose names at the vendor differ from the site's own, by the site's own."""
        entries: Mapping[Any, Any] = self._get("PRODUCTS")
        return {name: self._product(name, entry) for name, entry in entries.items()}

    def product(self, name: str) -> Product:
        """Return what a product is called at the vendor: its own name where PRODUCTS says nothing else."""
        entries: Mapping[Any, Any] = self._get("PRODUCTS")
        entry = entries.get(name) if isinstance(name, str) else None  # what else it may be, the client refuses
        return Product(name, name, name) if entry is None else self._product(name, entry)

    def _product(self, name: object, entry: object) -> Product:
        where = f"PLENIGO[{self.alias!r}]['PRODUCTS']"
        if not isinstance(name, str) or not isinstance(entry, dict):
            raise ConfigurationError(f"{where} must hold a dictionary for the name of each product.")
        for key, value in entry.items():
            if key not in PRODUCT_KEYS:
                known = ", ".join(PRODUCT_KEYS)
                raise ConfigurationError(f"{where}[{name!r}] has an unknown key {key!r}; known are: {known}.")
            if not isinstance(value, str) or not PRODUCT_KEYS[key].fullmatch(value):
                raise ConfigurationError(f"{where}[{name!r}][{key!r}] is not what plenigo calls a product.")
        return Product(*(entry.get(key, name) for key in PRODUCT_KEYS))

    @property
    def legal_text(self) -> str:
        """The conditions of what API v3 sells at a price of its own, in the current language; "" where none are set."""
        return str(self._get("LEGAL_TEXT"))

    @property
    def external_id_is_customer_id(self) -> bool:
        """Whether the site's external ids, which must be numbers then, become the vendor's customer ids (API v3)."""
        return self.generation == "v3" and bool(self._get("EXTERNAL_ID_IS_CUSTOMER_ID"))

    @property
    def mirrors_access_ids(self) -> bool:
        """Whether access ids are copied to additional data of the customer, for API v3 does not know them itself."""
        return bool(self._get("MIRROR_ACCESS_IDS"))

    @property
    def tells_access_ids(self) -> bool:
        """Whether the vendor is told access ids at all."""
        return self.generation == "v2" or self.mirrors_access_ids

    @property
    def timeout_seconds(self) -> float:
        """How long one call may take in all, quick retries included."""
        value = float(self._get("TIMEOUT_SECONDS"))
        if not 0 < value < math.inf:
            raise ConfigurationError(
                f"PLENIGO[{self.alias!r}]['TIMEOUT_SECONDS'] must be a number of seconds, more than 0."
            )
        return value

    @property
    def test_mode(self) -> bool:
        """Whether purchases and access checks are the vendor's tests (`testMode`)."""
        return bool(self._get("TEST_MODE"))

    @property
    def language(self) -> str:
        """Two letters: the setting, else the language of the current request, else English."""
        own = str(self._get("LANGUAGE"))
        if own and not TWO_LETTERS.fullmatch(own):
            raise ConfigurationError(f"PLENIGO[{self.alias!r}]['LANGUAGE'] must be two letters, such as de.")
        # Of de-at the first part; some languages, such as Upper Sorbian, have a code of three letters only.
        current = (get_language() or "").partition("-")[0]
        return (own or (current if TWO_LETTERS.fullmatch(current) else "en")).lower()

    @property
    def external_id(self) -> Callable[[Any], str | int | None] | None:
        """The site's function from a user to its external id, None where the site names none."""
        return self._function("EXTERNAL_ID")

    @property
    def email_is_verified(self) -> Callable[[Any], bool] | None:
        """The site's function that says whether a user's address is verified, None where the site names none."""
        return self._function("EMAIL_IS_VERIFIED")

    @property
    def verifies_addresses(self) -> bool:
        """Whether the site says of any address that it has verified it."""
        return self.email_is_verified is not None or is_installed("allauth.account")

    @property
    def followed_fields(self) -> tuple[str, ...]:
        """What of a user is kept in step besides the address, of `FOLLOWABLE`."""
        names = tuple(self._get("FOLLOWED_FIELDS"))
        unknown = [name for name in names if name not in FOLLOWABLE]
        if unknown:
            where, known = f"PLENIGO[{self.alias!r}]['FOLLOWED_FIELDS']", ", ".join(FOLLOWABLE)
            raise ConfigurationError(f"{where} must be some of {known}, not {unknown[0]!r}.")
        return names

    @property
    def gender(self) -> Callable[[Any], str] | None:
        """The site's function from a user to the vendor's word for the gender, None where the site names none."""
        return self._function("GENDER")

    def _function(self, name: str) -> Callable[[Any], Any] | None:
        path = self._get(name)
        if not path:
            return None
        try:
            function: Callable[[Any], Any] = import_string(path)
        except Exception as error:  # a module that is found may fail in its own way
            raise ConfigurationError(f"PLENIGO[{self.alias!r}][{name!r}] cannot be imported: {error}") from error
        if not callable(function):
            raise ConfigurationError(f"PLENIGO[{self.alias!r}][{name!r}] must be the dotted path of a function.")
        return function

    @property
    def access_ttl_seconds(self) -> float:
        """How long an answer about access is used without asking again."""
        return self._seconds("ACCESS_TTL_SECONDS")

    @property
    def access_stale_seconds(self) -> float:
        """How old a yes may be that still lets a reader in during an outage."""
        return self._seconds("ACCESS_STALE_SECONDS")

    @property
    def on_outage(self) -> str:
        """ "last_known", "unknown" or "open": what a gate does while nobody knows the answer."""
        value: str = self._get("ON_OUTAGE")
        return value

    @property
    def offer_seconds(self) -> float:
        """How long a signed offer in a page can be clicked."""
        return self._seconds("OFFER_SECONDS")

    @property
    def cache_alias(self) -> str:
        """The alias in `CACHES` that answers about access and the circuit breaker are kept in."""
        value: str = self._get("CACHE")
        if value not in caches.settings:  # what Django has read of CACHES, which costs less than to read it anew
            where, known = f"PLENIGO[{self.alias!r}]['CACHE']", ", ".join(settings.CACHES)
            raise ConfigurationError(f"{where} must be an alias of CACHES; known are: {known}.")
        return value

    @property
    def has_shared_cache(self) -> bool:
        """Whether all workers see the same cache."""
        backend = str(settings.CACHES[self.cache_alias].get("BACKEND", ""))
        return not backend.endswith((".LocMemCache", ".DummyCache"))

    @property
    def clicks_per_minute(self) -> int:
        """How many checkouts one reader may open in a minute."""
        return self._count("CLICKS_PER_MINUTE")

    @property
    def checks_per_minute(self) -> int:
        """How often one reader's page may ask whether a purchase has arrived, in a minute."""
        return self._count("CHECKS_PER_MINUTE")

    @property
    def sso_ttl_seconds(self) -> float:
        """How long the settings of the single sign-on are used without asking again."""
        return self._seconds("SSO_TTL_SECONDS")

    @property
    def connection_tries_per_hour(self) -> int:
        """How many codes one reader, address, number or client may have sent in an hour."""
        return self._count("CONNECTION_TRIES_PER_HOUR")

    @property
    def connection_failures_per_hour(self) -> int:
        """How many wrong details and codes one reader, address, number or client has in an hour."""
        return self._count("CONNECTION_FAILURES_PER_HOUR")

    @property
    def connection_answer_seconds(self) -> float:
        """How long it takes at least to say that details of a connection do not match."""
        return self._seconds("CONNECTION_ANSWER_SECONDS")

    @property
    @without_secrets
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets of the account's callbacks (API v3): each callback has its own, and any of them proves one."""
        secrets = tuple(self._get("WEBHOOK_SECRETS"))
        if not all(isinstance(secret, str) for secret in secrets):
            raise ConfigurationError(f"PLENIGO[{self.alias!r}]['WEBHOOK_SECRETS'] must be a list of texts.")
        for secret in secrets:
            self._check_text("WEBHOOK_SECRETS", secret)
        return secrets

    @property
    def webhook_window_seconds(self) -> float:
        """How long ago, or ahead of this clock, a callback may have been signed (docs/protocols/plenigo-v3.md 7)."""
        return self._seconds("WEBHOOK_WINDOW_SECONDS")

    @property
    def delivery(self) -> Callable[[list[str]], object] | None:
        """What has due changes sent after a commit, given the aliases of accounts; None where nothing does."""
        name, extra, modules = NEEDED_PACKAGES.get(self.delivery_path, ("", "", ()))
        if modules and not any(find_spec(module) for module in modules):
            where = f"PLENIGO[{self.alias!r}]['DELIVERY']"
            raise ConfigurationError(f"{where} needs {name}, which is not installed: pip install '{extra}'.")
        return self._function("DELIVERY")

    @property
    def delivery_path(self) -> str:
        """The dotted path of `delivery`, "" where there is none."""
        value: str = self._get("DELIVERY")
        return value

    @property
    def delivery_workers(self) -> int:
        """How many changes one process sends at the same time."""
        value = self._count("DELIVERY_WORKERS")
        if not 1 <= value <= MOST_WORKERS:
            raise ConfigurationError(
                f"PLENIGO[{self.alias!r}]['DELIVERY_WORKERS'] must be a whole number from 1 to {MOST_WORKERS}."
            )
        return value

    @property
    def calls_per_second(self) -> float:
        """How many changes one process begins to send in a second, 0 where there is no limit."""
        return self._seconds("CALLS_PER_SECOND")

    @property
    def access_id_labels(self) -> tuple[str, ...]:
        """What the site calls the four access ids, by slot; a slot without a name of its own has its number."""
        labels = tuple(self._get("ACCESS_ID_LABELS"))
        if len(labels) > ACCESS_ID_SLOTS or not all(isinstance(label, str | Promise) for label in labels):
            raise ConfigurationError(f"PLENIGO[{self.alias!r}]['ACCESS_ID_LABELS'] must be at most four texts.")
        numbers = range(len(labels) + 1, ACCESS_ID_SLOTS + 1)
        return (*map(str, labels), *(_("Access ID %(number)d") % {"number": number} for number in numbers))

    @property
    def trusted_proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The networks of the site's own proxies, whose X-Forwarded-For is believed."""
        try:
            return tuple(ipaddress.ip_network(str(network)) for network in self._get("TRUSTED_PROXIES"))
        except ValueError as error:
            raise ConfigurationError(f"PLENIGO[{self.alias!r}]['TRUSTED_PROXIES']: {error}") from error


#: What reads every setting of an account once, so that a check finds each that is wrong.
READERS: tuple[Callable[[Account], object], ...] = tuple(
    attribute.fget
    for attribute in vars(Account).values()
    if isinstance(attribute, property) and attribute.fget is not None
)


def accounts() -> list[str]:
    """Return the aliases of all accounts."""
    entries = getattr(settings, "PLENIGO", None)
    return list(entries) if isinstance(entries, Mapping) else []


def accounts_of_company(alias: str) -> list[str]:
    """Return the aliases of all accounts of an account's company in its mode: readers and customers are the same."""
    account = Account(alias)
    others = [Account(other) for other in accounts()]
    return [other.alias for other in others if (other.mode, other.company_id) == (account.mode, account.company_id)]


def checked_address(where: str, address: object) -> str:
    """Return the address of a vendor, without a trailing slash: by TLS, unless it is this machine's own.

    Raises `ConfigurationError`, which begins with `where` and does not repeat the address.
    """
    try:
        if not isinstance(address, str) or not address.isprintable() or address != address.strip():
            raise ValueError
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port  # a port that is none raises as it is read
        if not host.encode("idna") or parts.query or parts.fragment or parts.username is not None:
            raise ValueError
    except ValueError:
        raise ConfigurationError(f"{where} must be https:// and a host, without a query or a user.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ConfigurationError(f"{where} must begin with https://; http:// is for this machine alone.")
    return address.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

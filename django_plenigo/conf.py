"""The only room that reads `settings.PLENIGO`: typed, read at each access, never frozen at import."""

import ipaddress
import logging
import math
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from django.urls import get_script_prefix
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from django_plenigo.errors import ConfigurationError
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

DEFAULT_ACCOUNT = "default"

TWO_LETTERS = re.compile("[A-Za-z]{2}")

#: A vendor's host by what it serves. They are settings, since the vendor is moving brands.
HOSTS: Mapping[str, Mapping[str, str]] = {
    "live": {"api": "https://api.plenigo.com", "static": "https://static.plenigo.com"},
    "stage": {"api": "https://api.plenigo-stage.com", "static": "https://static.plenigo-stage.com"},
    # The sandbox answers in process, so its API host is only a name; its pages live where the site mounts them.
    "sandbox": {"api": "https://plenigo-sandbox.invalid", "static": "/plenigo-sandbox"},
}
MODES = tuple(HOSTS)
GENERATIONS = ("v2",)

#: How many access ids a customer may have.
ACCESS_ID_SLOTS = 4

#: More calls at the same time make a process slower, not faster.
MOST_WORKERS = 64

#: The ways of delivery that are at hand.
IN_THREAD = "django_plenigo.delivery.in_thread"
AT_ONCE = "django_plenigo.delivery.now"
BY_TASK = "django_plenigo.background.enqueue"
BY_CELERY = "django_plenigo.tasks.enqueue"

#: What a way needs that this package does not bring: its name, how to get it, and the modules of which one will do.
NEEDED_PACKAGES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    BY_TASK: ("Django 6.0 or the package django-tasks", "django-plenigo[tasks]", ("django.tasks", "django_tasks")),
    BY_CELERY: ("Celery", "django-plenigo[celery]", ("celery",)),
}

#: Backends of django.tasks that run a task before they return, or never: by the name of their class.
TASKS_RUN_AT_ONCE, TASKS_NEVER_RUN = "ImmediateBackend", "DummyBackend"

#: What a gate does while nobody knows the answer.
ON_OUTAGE = ("last_known", "unknown", "open")

#: What of a user may be followed besides the address, and what of it each generation of the API can change.
FOLLOWABLE = ("first_name", "last_name", "language")
CHANGEABLE: Mapping[str, tuple[str, ...]] = {"v2": ("first_name", "last_name")}


class Option(NamedTuple):
    """One key of an account: what it may hold, and its default."""

    kind: tuple[type, ...]
    default: Any = None
    choices: tuple[str, ...] = ()


OPTIONS: Mapping[str, Option] = {
    "API": Option((str,), "v2", GENERATIONS),
    "MODE": Option((str,), None, MODES),
    "COMPANY_ID": Option((str,)),
    "SECRET": Option((str, list, tuple)),
    "HOSTS": Option((dict,), {}),
    "TIMEOUT_SECONDS": Option((int, float), 5.0),
    "TEST_MODE": Option((bool,), False),
    "LANGUAGE": Option((str,), ""),
    "EXTERNAL_ID": Option((str,), ""),
    "EMAIL_IS_VERIFIED": Option((str,), ""),
    "FOLLOWED_FIELDS": Option((list, tuple), ()),
    "GENDER": Option((str,), ""),
    "ACCESS_TTL_SECONDS": Option((int, float), 60),
    "ACCESS_STALE_SECONDS": Option((int, float), 24 * 60 * 60),
    "ON_OUTAGE": Option((str,), "last_known", ON_OUTAGE),
    "OFFER_SECONDS": Option((int, float), 24 * 60 * 60),
    "CACHE": Option((str,), "default"),
    "TRUSTED_PROXIES": Option((list, tuple), ()),
    "CLICKS_PER_MINUTE": Option((int,), 30),
    "CHECKS_PER_MINUTE": Option((int,), 60),
    "DELIVERY": Option((str,), IN_THREAD),
    "DELIVERY_WORKERS": Option((int,), 4),
    "CALLS_PER_SECOND": Option((int, float), 0),
    "ACCESS_ID_LABELS": Option((list, tuple), ()),
}


class Account:
    """One entry of `settings.PLENIGO`, with defaults and types. Read at each access and never cached."""

    __slots__ = ("alias",)

    def __init__(self, alias: str = DEFAULT_ACCOUNT) -> None:
        self.alias = alias

    def __repr__(self) -> str:
        return f"Account({self.alias!r})"

    @property
    def raw(self) -> Mapping[str, Any]:
        """The entry as the site wrote it."""
        try:
            entry: Mapping[str, Any] = settings.PLENIGO[self.alias]
        except (AttributeError, KeyError, TypeError):
            entry = None  # type: ignore[assignment]  # told below
        if not isinstance(entry, Mapping):
            raise ConfigurationError(f'PLENIGO has no "{self.alias}" account.')
        return entry

    def _get(self, name: str) -> Any:
        option = OPTIONS[name]
        # This runs several times for every gate of a page, so what is right comes first.
        try:
            value = settings.PLENIGO[self.alias].get(name, option.default)
        except (AttributeError, KeyError, TypeError):
            value = self.raw.get(name, option.default)  # raises, and says what is wrong
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
        """The generation of the vendor's API, "v2"."""
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
        """The company's secrets; the first signs."""
        if self.mode == "sandbox" and not self.raw.get("SECRET"):
            return (str(import_string("django_plenigo.sandbox.credentials.SECRET")),)
        value = self._get("SECRET")
        secrets = (value,) if isinstance(value, str) else tuple(value)
        if not secrets or not all(isinstance(secret, str) for secret in secrets):
            raise ConfigurationError(f"PLENIGO[{self.alias!r}]['SECRET'] must be a text or a list of texts.")
        for secret in secrets:
            self._check_text("SECRET", secret)
        return secrets

    def host(self, name: str) -> str:
        """Return the host that serves `name` ("api" or "static"), without a trailing slash."""
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
            is_path = name == "static" and isinstance(address, str) and address.startswith("/")
            if not is_path:
                checked_address(f"{where}[{name!r}]", address)
        return hosts

    @property
    def runs_in_process(self) -> bool:
        """Whether requests go to the sandbox app of this very process instead of a socket."""
        return self.mode == "sandbox" and "api" not in self.own_hosts

    @property
    def sdk_url(self) -> str:
        """The address of the vendor's script (docs/protocols/plenigo-v2.md 1.1)."""
        host = self.host("static")
        if host.startswith("/"):
            host = get_script_prefix().rstrip("/") + host
        return f"{host}/static_resources/javascript/{self.company_id}/plenigo_sdk.min.js"

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


def client_address(request: HttpRequest, account: Account) -> str:
    """Return the address of the browser: the last one in X-Forwarded-For that is not one of the site's own proxies.

    Without configured proxies the header is not looked at: anybody can send it. With them a peer without an address
    is one too, since only a proxy of this machine can connect to a Unix socket. A hop that is no address ends the
    search, and the proxy that told it counts.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    proxies = account.trusted_proxies
    if not proxies:
        return peer
    address = _parsed_address(peer)
    if (address and not _is_in(address, proxies)) or (peer and not address):
        return str(address or peer)
    for hop in reversed([hop for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]):
        told = _parsed_address(hop.strip())
        if told is None:
            logger.warning("A trusted proxy sends an X-Forwarded-For that is no address: its readers count as one")
            break
        address = told
        if not _is_in(address, proxies):
            break
    return str(address or peer)


def _parsed_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address, None where there is none. Some proxies write a port behind it, which is left out."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A server that listens on both kinds of addresses sees an IPv4 peer as ::ffff:10.0.0.1.
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...],
) -> bool:
    return any(address in network for network in networks)


def is_behind_proxy() -> bool:
    """Say whether the settings tell that a proxy of the site's own stands before it."""
    return bool(settings.SECURE_PROXY_SSL_HEADER or settings.USE_X_FORWARDED_HOST)


def is_installed(app: str) -> bool:
    """Say whether an app is among INSTALLED_APPS."""
    return apps.is_installed(app)


def task_backend() -> str:
    """Return the name of the class that has the site's tasks run, by the setting TASKS or Django's own default."""
    tasks = getattr(settings, "TASKS", None) or {}
    entry = tasks.get("default") if isinstance(tasks, dict) else None
    path = entry.get("BACKEND", "") if isinstance(entry, dict) else ""
    return str(path).rpartition(".")[2] or TASKS_RUN_AT_ONCE


def secret_key() -> str | bytes:
    """Return the site's own secret."""
    key: str | bytes = settings.SECRET_KEY
    return key


def signing_keys() -> tuple[str | bytes, ...]:
    """Return the keys that this site's signatures may be made with; the first signs."""
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def csrf_header() -> str:
    """Return the name of the header that Django looks for the CSRF token in, as a browser sends it."""
    return str(settings.CSRF_HEADER_NAME).removeprefix("HTTP_").replace("_", "-").title()


def middleware() -> list[str]:
    """Return the site's MIDDLEWARE."""
    return list(settings.MIDDLEWARE)


def has_content_security_policy() -> bool:
    """Say whether the site sends a Content-Security-Policy, by Django's own middleware or django-csp."""
    known = (".ContentSecurityPolicyMiddleware", "csp.middleware.CSPMiddleware")
    return any(path.endswith(known) for path in middleware())


def sandbox_company_id() -> str:
    """Return the id of the sandbox's demo company."""
    return str(import_string("django_plenigo.sandbox.credentials.COMPANY_ID"))

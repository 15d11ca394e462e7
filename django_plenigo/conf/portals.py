"""One entry of `settings.PLENIGO_PORTALS`, read at each access. The shape is that of CACHES: a name, a BACKEND."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches
from django.utils.functional import Promise

from django_plenigo.conf.account import checked_address
from django_plenigo.conf.options import HOSTS, Option
from django_plenigo.errors import ConfigurationError

#: The keys that every entry may have; a backend names its own.
PORTAL_OPTIONS: Mapping[str, Option] = {
    "BACKEND": Option((str,)),
    "MODE": Option((str,), None, ("sandbox", "live")),
    "LABEL": Option((str, Promise), ""),
    "API_URL": Option((str,), ""),
    "LINK_HOSTS": Option((list, tuple), ()),
    "TIMEOUT_SECONDS": Option((int, float), 10.0),
    "CACHE": Option((str,), "default"),
    "LOG_OUT_URL": Option((str,), ""),
    "HANDOVER_DAYS": Option((int, float), 365),
}

#: More is no time that a calendar knows.
MOST_DAYS = 100_000

#: A name is part of addresses.
PORTAL_NAME = re.compile(r"[0-9a-z][0-9a-z_-]{0,31}")

#: A host that links may lead to: a name or an address of IPv6, without a scheme and a path; a port is part of it.
LINK_HOST = re.compile(r"([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")

#: The sources of webhooks that are plenigo's accounts begin so; no portal may.
PLENIGO_SOURCE = "plenigo"

#: The sandbox answers in process under this address, and its pages lie where the site mounts them.
SANDBOX_API_URL, SANDBOX_MOUNT = HOSTS["sandbox"]["api"], HOSTS["sandbox"]["static"]


class PortalEntry:
    """One entry of `settings.PLENIGO_PORTALS`, with defaults and types. Read at each access and never cached."""

    __slots__ = ("alias",)

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def __repr__(self) -> str:
        return f"PortalEntry({self.alias!r})"

    @property
    def raw(self) -> Mapping[str, Any]:
        """The entry as the site wrote it. Raises `ConfigurationError`."""
        try:
            entry = settings.PLENIGO_PORTALS[self.alias]  # type: ignore[misc]  # a site may have none
        except (AttributeError, KeyError, TypeError):
            entry = None
        if not isinstance(entry, Mapping):
            raise ConfigurationError(f"PLENIGO_PORTALS has no {self.alias!r}.")
        if not PORTAL_NAME.fullmatch(str(self.alias)) or str(self.alias).startswith(PLENIGO_SOURCE):
            text = f"PLENIGO_PORTALS[{self.alias!r}]: a name has small letters, digits, - and _, and is no plenigo."
            raise ConfigurationError(text)
        return entry

    @property
    def own_options(self) -> Mapping[str, Any]:
        """What of the entry is the backend's own."""
        return {key: value for key, value in self.raw.items() if key not in PORTAL_OPTIONS}

    @property
    def backend_path(self) -> str:
        """The dotted path of the class."""
        return str(self._get("BACKEND"))

    @property
    def mode(self) -> str:
        """ "sandbox" or "live"."""
        return str(self._get("MODE"))

    @property
    def label(self) -> Any:
        """What readers know the portal by, "" where the backend's own label does."""
        return self._get("LABEL")

    @property
    def api_url(self) -> str:
        """The address of the vendor's API, "" for the backend's own."""
        own = self._get("API_URL")
        if own:
            return checked_address(f"PLENIGO_PORTALS[{self.alias!r}]['API_URL']", own)
        return SANDBOX_API_URL if self.mode == "sandbox" else ""

    @property
    def runs_in_process(self) -> bool:
        """Whether the vendor is the sandbox app of this very process."""
        return self.mode == "sandbox" and not self._get("API_URL")

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """The hosts that the site lets links lead to; the sandbox's own is among them with MODE "sandbox"."""
        hosts = tuple(self._get("LINK_HOSTS"))
        if not are_hosts(hosts):
            text = f"PLENIGO_PORTALS[{self.alias!r}]['LINK_HOSTS'] must hold hosts, as in store.example.com."
            raise ConfigurationError(text)
        return (*hosts, urlsplit(self.api_url).netloc) if self.mode == "sandbox" else hosts

    @property
    def timeout_seconds(self) -> float:
        """How long one call may take in all, quick retries included."""
        value = float(self._get("TIMEOUT_SECONDS"))
        if not 0 < value < math.inf:
            text = f"PLENIGO_PORTALS[{self.alias!r}]['TIMEOUT_SECONDS'] must be a number of seconds, more than 0."
            raise ConfigurationError(text)
        return value

    @property
    def cache_alias(self) -> str:
        """The alias in `CACHES` that the circuit breaker is kept in."""
        value = str(self._get("CACHE"))
        if value not in caches.settings:
            raise ConfigurationError(f"PLENIGO_PORTALS[{self.alias!r}]['CACHE'] must be an alias of CACHES.")
        return value

    @property
    def log_out_url(self) -> str:
        """The vendor's page that ends a browser's session there, "" where the site names none."""
        own = self._get("LOG_OUT_URL")
        return checked_address(f"PLENIGO_PORTALS[{self.alias!r}]['LOG_OUT_URL']", own) if own else ""

    @property
    def handover_days(self) -> float:
        """How many days it is kept who was led there, and when."""
        value = float(self._get("HANDOVER_DAYS"))
        if not 0 <= value < MOST_DAYS:
            text = f"PLENIGO_PORTALS[{self.alias!r}]['HANDOVER_DAYS'] must be a number of days, 0 or more."
            raise ConfigurationError(text)
        return value

    def checked(self, name: str, option: Any) -> Any:
        """Return the value of a key, by whoever knows it: of the right type, and one of its choices.

        `option` has `kind`, `default` and `choices`. Raises `ConfigurationError`.
        """
        value, where = self.raw.get(name, option.default), f"PLENIGO_PORTALS[{self.alias!r}][{name!r}]"
        if value is None:
            raise ConfigurationError(f"{where} is missing.")
        if (isinstance(value, bool) and bool not in option.kind) or not isinstance(value, option.kind):
            wanted = " or ".join(kind.__name__ for kind in option.kind)
            raise ConfigurationError(f"{where} must be {wanted}, not {type(value).__name__}.")
        if option.choices and value not in option.choices:
            raise ConfigurationError(f"{where} must be one of {', '.join(map(str, option.choices))}.")
        if str in option.kind and isinstance(value, str) and (value != value.strip() or not value.isprintable()):
            raise ConfigurationError(f"{where} must not begin or end with a blank or a line break.")
        return value

    def _get(self, name: str) -> Any:
        return self.checked(name, PORTAL_OPTIONS[name])


#: What of an entry the system checks read, one after the other: each raises `ConfigurationError` for its own keys.
PORTAL_READERS: tuple[Callable[[PortalEntry], object], ...] = (
    lambda entry: entry.backend_path,
    lambda entry: entry.mode,
    lambda entry: entry.label,
    lambda entry: entry.api_url,
    lambda entry: entry.link_hosts,
    lambda entry: entry.timeout_seconds,
    lambda entry: entry.cache_alias,
    lambda entry: entry.log_out_url,
    lambda entry: entry.handover_days,
)


def portals() -> list[str]:
    """Return the names of all entries of PLENIGO_PORTALS, in their order."""
    entries = getattr(settings, "PLENIGO_PORTALS", None)
    return list(entries) if isinstance(entries, Mapping) else []


def are_hosts(values: object) -> bool:
    """Say whether a collection holds hosts that links may lead to, and nothing else.

    One text is none: its comma was forgotten, and each of its letters would be a host.
    """
    return isinstance(values, Collection) and not isinstance(values, str) and all(map(_is_host, values))


def _is_host(value: object) -> bool:
    try:
        # A port that is none raises as it is read.
        return isinstance(value, str) and bool(LINK_HOST.fullmatch(value)) and urlsplit(f"//{value}").port != 0
    except ValueError:
        return False


def has_readable_portals() -> bool:
    """Say whether PLENIGO_PORTALS is what it must be, or not there at all."""
    return isinstance(getattr(settings, "PLENIGO_PORTALS", {}), Mapping)

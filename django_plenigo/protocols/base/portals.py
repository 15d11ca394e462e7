"""The vendors' own pages where readers manage subscriptions: what a backend of PLENIGO_PORTALS is, and is given.

A site brings its own portal by a subclass of `Portal`, named in PLENIGO_PORTALS as BACKEND.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django_plenigo.errors import ConfigurationError
from django_plenigo.protocols.base.customers import CustomerRef
from django_plenigo.tracebacks import without_secrets

#: A host as settings name it: without a scheme and a path; a port is part of it.
HOST = re.compile(r"[0-9A-Za-z.-]+(:\d+)?")


@dataclass(frozen=True, slots=True)
class PortalOption:
    """One key of an entry of PLENIGO_PORTALS that a backend knows, besides those that every entry may have."""

    kind: tuple[type, ...]
    """Of which type its value must be."""

    default: Any = None
    """What holds where the key is missing; None where it must be there."""

    choices: tuple[Any, ...] = ()
    """What it must be one of; empty where anything goes."""

    sandbox: str = ""
    """The dotted path of what holds with MODE "sandbox" where the key is missing; "" where the default does."""

    is_secret: bool = False
    """Whether its value is shown nowhere."""


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """An entry of PLENIGO_PORTALS, as a backend is given it: checked, with defaults filled in."""

    alias: str
    """Its name in PLENIGO_PORTALS."""

    mode: str
    """ "sandbox" or "live"."""

    options: Mapping[str, Any] = field(repr=False)
    """The values of the backend's own options."""

    api_url: str = ""
    """The address of the vendor's API, without a trailing slash; "" for the backend's own."""

    link_hosts: tuple[str, ...] = ()
    """The hosts that links may lead to, besides the backend's own."""

    timeout_seconds: float = 10.0
    """How long one call may take in all, quick retries included."""

    cache_alias: str = "default"
    """The cache that keeps the circuit breaker."""

    adapter: Any = field(default=None, repr=False)
    """What takes the place of connections, where the vendor is played by this very process."""

    @without_secrets
    def texts(self, name: str) -> tuple[str, ...]:
        """Return what one of the options holds, a text or a list of texts, none of them blank.

        Raises `ConfigurationError`.
        """
        value = self.options[name]
        texts = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(text, str) and text and text == text.strip() and text.isprintable() for text in texts):
            raise self.wrong(name, "must hold texts, none of which is blank or begins or ends with a blank")
        return texts

    @without_secrets
    def text(self, name: str) -> str:
        """Return the text that one of the options holds. Raises `ConfigurationError` where it is blank."""
        (text,) = self.texts(name)
        return text

    def host(self, name: str) -> str:
        """Return the host that one of the options holds, in small letters, "" for none. Raises `ConfigurationError`."""
        value = str(self.options[name])
        if value and not HOST.fullmatch(value):
            raise self.wrong(name, "must be a host, as in store.example.com")
        return value.lower()

    def wrong(self, name: str, problem: str) -> ConfigurationError:
        """Return the error of an option that does not hold what it must. The text never repeats the value."""
        return ConfigurationError(f"PLENIGO_PORTALS[{self.alias!r}][{name!r}] {problem}.")


@dataclass(frozen=True, slots=True)
class PortalTarget:
    """Where in a portal a reader wants to go, and what the vendor is told of her browser."""

    page: str = ""
    """One of the backend's pages by the vendor's name, "" for the portal's front page."""

    subscription: str = ""
    """The vendor's reference of one subscription, "" for none."""

    client_address: str = field(default="", repr=False)
    """The IP address of the browser, "" where it is not known for certain: a link may work from there alone."""

    language: str = ""
    """Two letters, "" for the vendor's choice."""


@dataclass(frozen=True, slots=True)
class PortalLink:
    """An address that logs one customer in, once. Never stored, cached, logged or shown: a browser is sent there."""

    url: str = field(repr=False)
    """The whole address."""

    lifetime_seconds: int | None
    """How long it works, counted from now; None where the vendor does not say."""


class Portal(ABC):
    """A vendor's pages where readers manage their subscriptions, and how to let a reader in there.

    One object serves all threads of a process for as long as its settings are the same.
    """

    label: ClassVar[Any] = ""
    """What readers know the portal by, where the entry has no LABEL; may be lazily translated."""

    options: ClassVar[Mapping[str, PortalOption]] = {}
    """The keys that an entry of PLENIGO_PORTALS may have for this backend. Any other is refused."""

    pages: ClassVar[Mapping[str, Any]] = {}
    """The pages that can be opened, by the vendor's name: what readers call them. Others are sent with a warning."""

    pages_of_one_subscription: ClassVar[frozenset[str]] = frozenset()
    """Those pages, by the vendor's name, that show one subscription and cannot be opened without naming it."""

    def __init__(self, settings: PortalSettings) -> None:
        self.settings = settings

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """The hosts that links may lead to; a link to any other is refused. A port is part of a host."""
        return self.settings.link_hosts

    @property
    def log_out_url(self) -> str:
        """The vendor's page that ends a browser's session there, "" where there is none; an entry may name another.

        Nothing is sent there by itself: a reader who has logged out here is offered it, see `{% plenigo_portals %}`.
        """
        return ""

    @classmethod  # noqa: B027 - many a vendor has no rule
    def check_reference(cls, customer: CustomerRef) -> None:
        """Raise `InvalidValueError` for a reference by which the vendor can know nobody; by default for none.

        Asked of the class, without settings and without a call, before a reference is kept: by a webhook, from a file,
        or by an agent, who is shown the `problem`, which never repeats the reference. Where a vendor reads several
        spellings alike, as 1 and 01, let its own alone pass: else two readers are bound to one customer.
        """

    @classmethod  # noqa: B027 - many a vendor lets no target be named
    def check_target(cls, target: PortalTarget) -> None:
        """Raise `InvalidValueError` for a page or a subscription that `mint_link` would refuse; by default for none.

        Asked of the class, without settings and without a call, as a button is rendered: a template's mistake is found
        there, and not by a reader's click. No browser is known then.
        """

    @abstractmethod
    def mint_link(self, customer: CustomerRef, target: PortalTarget) -> PortalLink:
        """Return a new link for one customer. Called on a click; not idempotent.

        `customer` is the reference of `PortalAccount`: external where the site has given it. Raises `RemoteError`:
        `NotFoundError` where the vendor has no such customer; and `InvalidValueError` where nothing was sent.
        """


class CredentialProbe(ABC):
    """Tells whether the vendor accepts the configured credentials."""

    @abstractmethod
    def check_credentials(self) -> None:
        """Return where they are accepted, changing nothing. Raises `AuthenticationError` and other `RemoteError`."""


class SubscriptionCanceller(ABC):
    """Ends subscriptions."""

    @abstractmethod
    def cancel_subscription(self, subscription: str) -> None:
        """Cancel a subscription by the vendor's id of it. Raises `NotFoundError` and other `RemoteError`."""

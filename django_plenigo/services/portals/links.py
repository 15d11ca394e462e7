"""Links of vendors, before a browser is sent there: https, and a host that the site expects."""

from urllib.parse import SplitResult, urlsplit

from django.urls import get_script_prefix

from django_plenigo import conf
from django_plenigo.protocols.base import Portal

HTTPS_PORT, HTTP_PORT = 443, 80

#: Browsers and proxies take more, but no vendor's link comes near it.
MOST_CHARACTERS = 2000


class UnsafeLinkError(ValueError):
    """A link must not be opened. The text says why, and never repeats any of it."""


def browser_address(url: object, portal: Portal) -> str:
    """Return where a browser is to be sent for a vendor's link. Raises `UnsafeLinkError`."""
    entry = conf.PortalEntry(portal.settings.alias)
    address, parts = str(url), _parts(url)
    own = urlsplit(entry.api_url) if entry.mode == "sandbox" else None
    # A sandbox that is a server of its own is on this machine, where there is no TLS.
    is_sandboxs = own is not None and (parts.scheme, _host(parts)) == (own.scheme, _host(own))
    if parts.scheme != "https" and not is_sandboxs:
        raise UnsafeLinkError("it is no https:// address")
    if not is_sandboxs and _host(parts) not in _hosts(portal.link_hosts):
        raise UnsafeLinkError("its host is not among LINK_HOSTS and the backend's own")
    if is_sandboxs and entry.runs_in_process:
        return sandbox_address(parts)
    return address


def sandbox_address(parts: SplitResult) -> str:
    """Return where this site serves a page of the sandbox that runs in process: its host is but a name.

    Here, and for the sandbox alone.
    """
    path = get_script_prefix().rstrip("/") + conf.SANDBOX_MOUNT + (parts.path or "/")
    return SplitResult("", "", path, parts.query, parts.fragment).geturl()


def _parts(url: object) -> SplitResult:
    """Return the parts of an address that all programs read alike: others disagree about where it leads."""
    if not isinstance(url, str) or not 0 < len(url) <= MOST_CHARACTERS:
        raise UnsafeLinkError(f"it is no text of at most {MOST_CHARACTERS} characters")
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        raise UnsafeLinkError("it holds characters that no address has")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - one that is none raises as it is read
    except ValueError:
        raise UnsafeLinkError("it is no address") from None
    if not parts.hostname or "@" in parts.netloc:
        raise UnsafeLinkError("it names no host, or a user")
    return parts


def _host(parts: SplitResult) -> tuple[str, int]:
    default = HTTP_PORT if parts.scheme == "http" else HTTPS_PORT
    return (parts.hostname or "", default if parts.port is None else parts.port)


def _hosts(allowed: tuple[str, ...]) -> set[tuple[str, int]]:
    if not conf.are_hosts(allowed):  # a backend of the site's own may name anything
        raise UnsafeLinkError("the link_hosts of its backend are no hosts: see manage.py check")
    return {_host(urlsplit(f"//{host}")) for host in allowed}

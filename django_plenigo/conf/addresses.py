"""Addresses: of vendors, which must be safe to call, and of browsers, which proxies tell."""

import ipaddress
import logging

from django.http import HttpRequest

from django_plenigo.conf.account import Account

logger = logging.getLogger(__name__)


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


def certain_client_address(request: HttpRequest, account: Account) -> str:
    """Return the public address of the browser where it is known for certain, else "".

    That is where TRUSTED_PROXIES names the site's own proxies: without them a proxy's address would be taken for that
    of all readers. An address of a private network is not the one by which anybody else sees the browser.
    """
    if not account.trusted_proxies:
        return ""
    address = _parsed_address(client_address(request, account))
    return str(address) if address is not None and address.is_global else ""


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

"""Addresses that a page may return to, and what is added to them."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

#: scheme, host and port as a browser writes an origin: nothing that could end a header's directive.
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
CONTROL = re.compile(r"[\x00-\x20\x7f\\]")


def is_origin(value: str) -> bool:
    """Say whether a text is the origin of a page that can be spoken to, such as `https://shop.example`."""
    return ORIGIN.fullmatch(value) is not None


def is_web_address(value: str) -> bool:
    """Say whether a text is an absolute http or https address; `javascript:` and the like are not."""
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not CONTROL.search(value)
    except ValueError:
        return False


def with_query(address: str, **values: str) -> str:
    """Return an address with query values added; a value of the same name gives way, the rest stays byte for byte."""
    parts = urlsplit(address)
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] not in values]
    added = [f"{name}={quote(value, safe='')}" for name, value in values.items()]
    return urlunsplit(parts._replace(query="&".join(kept + added)))

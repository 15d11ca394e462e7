"""Write values as PHP does: the vendor's signatures are over PHP's form of them.

Source: docs/protocols/okepay.md 2 and 6.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

#: A parameter as it is signed: `a[b][0]` and its text.
Pair = tuple[str, str]


def flattened(values: Mapping[str, Any]) -> list[Pair]:
    """Return nested values as pairs in their order: null vanishes, true is `1` and false `0`, empty texts stay."""
    return [pair for name, value in values.items() for pair in _pairs(name, value)]


def build_query(pairs: Iterable[Pair]) -> str:
    """Return pairs as PHP's `http_build_query` writes them: RFC 1738, so a space is `+` and `~` is `%7E`."""
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in pairs)


def _escaped(text: str) -> str:
    return quote_plus(text, safe="").replace("~", "%7E")


def _pairs(name: str, value: Any) -> Iterator[Pair]:
    if value is None:
        return
    if isinstance(value, Mapping | list):
        members = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, member in members:
            yield from _pairs(f"{name}[{key}]", member)
        return
    yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)

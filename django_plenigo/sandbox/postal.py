"""Compare addresses. Our choice, docs/protocols/plenigo-v3.md 6.3: whatever the case and the number of spaces."""

from collections.abc import Mapping

from .models import Customer


def folded(text: str) -> str:
    """Return the form in which two spellings are equal."""
    return " ".join(text.split()).casefold()


def has_address(customer: Customer, parts: Mapping[str, str]) -> bool:
    """Say whether one address of a customer has all the parts, by columns of `Address`."""
    return any(
        all(folded(getattr(address, column)) == folded(value) for column, value in parts.items())
        for address in customer.addresses.all()
    )

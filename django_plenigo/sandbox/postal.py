"""Postal addresses: compare them, and find the one that API v2 has.

Our choice, docs/protocols/plenigo-v3.md 6.3: compared whatever the case and the number of spaces.
"""

from collections.abc import Mapping

from .models import Address, Customer


def folded(text: str) -> str:
    """Return the form in which two spellings are equal."""
    return " ".join(text.split()).casefold()


def has_address(customer: Customer, parts: Mapping[str, str]) -> bool:
    """Say whether one address of a customer has all the parts, by columns of `Address`."""
    return any(
        all(folded(getattr(address, column)) == folded(value) for column, value in parts.items())
        for address in customer.addresses.all()
    )


def main_address(customer: Customer) -> Address | None:
    """Return the one that API v2 has. Our choice: of invoices before deliveries, the preferred one, the oldest."""
    addresses = sorted(
        customer.addresses.all(),
        key=lambda row: (row.kind != Address.Kind.INVOICE, not row.preferred, row.pk),
    )
    return addresses[0] if addresses else None


def write_main_address(customer: Customer, columns: Mapping[str, str]) -> None:
    """Write columns of the address that API v2 has. A customer without one gets one, unless it would be empty."""
    address = main_address(customer)
    if address is None and any(columns.values()):
        address = Address(customer=customer, kind=Address.Kind.INVOICE, preferred=True)
    if address is not None:
        for name, value in columns.items():
            setattr(address, name, value)
        address.save()

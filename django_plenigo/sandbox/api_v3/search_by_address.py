"""Find customers by their addresses. Source: docs/protocols/plenigo-v3.md 2."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse

from ..models import Address, Application
from ..postal import folded
from .answers import answered, flaw, invalid, without_gaps
from .endpoints import Call, operation
from .fields import Field, Flag, Text

SEARCH: dict[str, Field] = {
    "postcode": Text(required=True, longest=100),
    "country": Text(required=True, pattern="[A-Z]{2}"),
    "firstName": Text(longest=100),
    "lastName": Text(longest=100),
    "companyName": Text(longest=100),
    "street": Text(longest=100),
    "city": Text(longest=100),
}
MOST_RESULTS = 100

#: What an address is compared by; a name that it lacks is the customer's.
PARTS: dict[str, Callable[[Address], str]] = {
    "postcode": lambda row: row.postcode,
    "country": lambda row: row.country,
    "firstName": lambda row: row.first_name or row.customer.first_name,
    "lastName": lambda row: row.last_name or row.customer.last_name,
    "companyName": lambda row: row.company_name,
    "street": lambda row: row.street,
    "city": lambda row: row.city,
}
#: Our choice: without `useAnd`, one of these must match besides post code and country.
NAMES = ("lastName", "companyName")


@operation("searchCustomerByAddress", Application.CUSTOMERS)
def search_customer_by_address(call: Call) -> HttpResponse:
    """Return the customers who have an address like that, the newest first; at most a hundred."""
    use_and = call.read_query({"useAnd": Flag(in_query=True)}).get("useAnd", False)
    asked = call.read(SEARCH)
    if not any(name in asked for name in NAMES):
        raise invalid([flaw(name, "required") for name in NAMES])
    rows = Address.objects.filter(customer__company=call.company, country=asked["country"])
    found: dict[str, list[Address]] = {}
    for row in rows.select_related("customer").order_by("-customer", "pk"):
        if _matches(row, asked, use_and):
            found.setdefault(row.customer.number, []).append(row)
    return answered({"items": [_result_of(addresses) for addresses in found.values()][:MOST_RESULTS]})


def _matches(row: Address, asked: Mapping[str, str], use_and: bool) -> bool:
    equal = {name for name, value in asked.items() if folded(PARTS[name](row)) == folded(value)}
    if use_and:
        return equal == set(asked)
    return {"postcode", "country"} <= equal and any(name in equal for name in NAMES)


def _result_of(addresses: list[Address]) -> dict[str, Any]:
    customer = addresses[0].customer
    return without_gaps(
        {
            "customerId": customer.number,
            "username": customer.username,
            "email": customer.email,
            "invoiceEmail": customer.invoice_email,
            "firstName": customer.first_name,
            "lastName": customer.last_name,
            "addresses": [_address_of(row) for row in addresses],
        }
    )


def _address_of(row: Address) -> dict[str, Any]:
    return without_gaps(
        {
            "addressId": row.pk,
            "businessAddress": row.business_address,
            "street": row.street,
            "streetNumber": row.street_number,
            "postcode": row.postcode,
            "city": row.city,
            "country": row.country,
        }
    )

"""Customers. Source: docs/protocols/plenigo-v3.md 2."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from .. import profiles
from ..customers import ThrottleError, find_customer, find_customer_by_email
from ..models import Application, Customer
from .answers import CUSTOMER_NOT_FOUND, THROTTLED, RefusalError, answered, flaw, invalid, without_gaps, written
from .customer_fields import (
    CHANGE,
    CREATION,
    DATA,
    PSEUDO_CREATION,
    addresses_of,
    columns_of,
    created_customer_of,
    customer_of,
    refuse_empty_external_id,
)
from .endpoints import Call, operation
from .fields import Email, Flag, Text
from .paging import Entry, page_of

CODES_OF_TAKEN = {"email": 20007, "username": 20008, "external_id": 20023, "number": 20068}
MISMATCH = 20027
PSEUDO_EMAIL_REFUSED = 20062


@operation("createCustomer", Application.CUSTOMERS)
def create_customer(call: Call) -> HttpResponse:
    """Create a customer: 201, or 208 where one with the same e-mail address and the same id exists."""
    is_pseudo = call.read({"pseudoEmail": Flag()}).get("pseudoEmail", False)
    values = call.read(PSEUDO_CREATION if is_pseudo else CREATION)
    _check(values)
    try:
        customer, is_new = profiles.create(call.company, columns_of(values), addresses_of(values.get("addresses", [])))
    except ThrottleError:
        raise RefusalError(429, THROTTLED, "The e-mail address was registered a moment ago.") from None
    except profiles.MismatchError:
        raise RefusalError(400, MISMATCH, "The e-mail address and the customer id belong to two customers.") from None
    except profiles.TakenError as error:
        raise taken(error) from None
    return answered(created_customer_of(customer), 201 if is_new else 208)


@operation("getCustomer", Application.CUSTOMERS)
def get_customer(call: Call, customer_id: str) -> HttpResponse:
    """Return a customer."""
    return answered(customer_of(call.customer(customer_id, malformed=404)))


@operation("updateCustomer", Application.CUSTOMERS)
def update_customer(call: Call, customer_id: str) -> HttpResponse:
    """Change a customer. What becomes of the fields that are left out is a switch of the company."""
    customer = call.customer(customer_id)
    values = call.read(CHANGE)
    _check(values)
    try:
        profiles.change(customer, columns_of(values))
    except profiles.FixedError:
        raise invalid([flaw("externalSystemId", "immutable", values["externalSystemId"])]) from None
    except profiles.TakenError as error:
        raise taken(error) from None
    return answered(customer_of(customer))


@operation("changeCustomerEmail", Application.CUSTOMERS)
def change_customer_email(call: Call, customer_id: str) -> HttpResponse:
    """Give a customer another e-mail address. The answer is a list, as the vendor has it."""
    customer = call.customer(customer_id)
    values = call.read({"email": Email(required=True)})
    _check(values)
    try:
        profiles.change_email(customer, values["email"])
    except profiles.TakenError as error:
        raise taken(error) from None
    return answered({"items": [customer_of(customer)]})


@operation("customerIdByExternalSystemId", Application.CUSTOMERS)
def customer_id_by_external_system_id(call: Call, external_system_id: str) -> HttpResponse:
    """Return the id of the customer with the merchant's own id."""
    if len(external_system_id) > 100:
        raise invalid([flaw("externalSystemId", "size", external_system_id)])
    customer = find_customer(call.company, external_system_id, is_external=True)
    if customer is None:
        raise RefusalError(404, CUSTOMER_NOT_FOUND, "There is no customer with this external system id.")
    return answered({"customerId": customer.number})


@operation("getCustomerAdditionalData", Application.CUSTOMERS)
def get_customer_additional_data(call: Call, customer_id: str) -> HttpResponse:
    """Return a customer's additional data."""
    return answered(_additional_data_of(call.customer(customer_id, malformed=404)))


@operation("replaceAdditionalData", Application.CUSTOMERS)
def replace_additional_data(call: Call, customer_id: str) -> HttpResponse:
    """Put another map in the place of a customer's additional data."""
    customer = call.customer(customer_id)
    profiles.replace_data(customer, call.read({"data": DATA}).get("data", {}))
    return answered(_additional_data_of(customer))


@operation("searchCustomers", Application.CUSTOMERS)
def search_customers(call: Call) -> HttpResponse:
    """Return the customer with an e-mail address, a user name or an external id, or all of them page by page.

    One filter counts, in this order.
    """
    finders: dict[str, Callable[[str], Customer | None]] = {
        "email": lambda value: find_customer_by_email(call.company, value),
        "username": lambda value: profiles.find_customer_by_username(call.company, value),
        "externalSystemId": lambda value: find_customer(call.company, value, is_external=True),
    }
    asked = call.read_query({name: Text(longest=100) for name in finders})
    for name, find in finders.items():
        if asked.get(name):
            found = find(asked[name])
            return answered({"items": [customer_of(found)] if found else []})
    return page_of(call, [_entry(row) for row in call.company.customers.order_by("pk")])


def taken(error: profiles.TakenError) -> RefusalError:
    """Return the refusal of what another customer has."""
    return RefusalError(400, CODES_OF_TAKEN[error.field], "Another customer has this already.")


def _entry(row: Customer) -> Entry:
    return Entry(row.number, row.changed_at or row.registered_at, lambda: customer_of(row))


def _check(values: dict[str, Any]) -> None:
    refuse_empty_external_id(values)
    if profiles.is_pseudo_email(values.get("email", "")):
        raise RefusalError(400, PSEUDO_EMAIL_REFUSED, "A placeholder for an e-mail address cannot be set.")


def _additional_data_of(customer: Customer) -> dict[str, Any]:
    audit = {"changedDate": written(customer.changed_at or customer.registered_at)}
    return {"customerId": customer.number, "data": customer.data, **without_gaps(audit)}

"""The fields of customers and addresses, in and out. Source: docs/protocols/plenigo-v3.md 2.1."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..models import Address, Customer
from .answers import RefusalError, flaw, invalid, without_gaps, written
from .fields import CUSTOMER_ID, LANGUAGE, PHONE_NUMBER, Array, Day, Email, Field, Flag, Object, Text, TextMap

LONG = Text(longest=100)
SALUTATION = Text(choices=frozenset({"DIVERSE", "MR", "MRS", "NONE"}))
DATA = TextMap(entries=50, longest_key=30, longest_value=200)

#: Name of the API -> column of `Address`.
ADDRESS_COLUMNS = {
    "businessAddress": "business_address",
    "salutation": "salutation",
    "title": "title",
    "firstName": "first_name",
    "lastName": "last_name",
    "companyName": "company_name",
    "additionalCompanyInfo": "additional_company_info",
    "street": "street",
    "streetNumber": "street_number",
    "additionalStreetInfo": "additional_street_info",
    "postbox": "postbox",
    "postcode": "postcode",
    "city": "city",
    "state": "state",
    "country": "country",
    "vatNumber": "vat_number",
    "phoneNumber": "phone_number",
    "deliveryInformation": "delivery_information",
    "academicTitle": "academic_title",
    "jobPosition": "job_position",
    "validationStatus": "validation_status",
    "validationHash": "validation_hash",
    "preferred": "preferred",
}
STATE_CHARACTERS = 2
ADDRESS: dict[str, Field] = {
    **dict.fromkeys(ADDRESS_COLUMNS, LONG),
    "businessAddress": Flag(),
    "salutation": SALUTATION,
    "state": Text(longest=STATE_CHARACTERS),
    "country": Text(shortest=2, longest=2),
    "vatNumber": Text(longest=20),
    "phoneNumber": Text(longest=100, pattern=PHONE_NUMBER),
    "validationStatus": Text(choices=frozenset(Address.Validation.values)),
    "validationHash": Text(longest=255),
    "preferred": Flag(),
}
ADDRESS_CREATION: dict[str, Field] = {
    **ADDRESS,
    "type": Text(required=True, choices=frozenset(Address.Kind.values)),
}

#: Name of the API -> column of `Customer`.
CUSTOMER_COLUMNS = {
    "customerId": "number",
    "externalSystemId": "external_id",
    "username": "username",
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "invoiceEmail": "invoice_email",
    "language": "language",
    "mobileNumber": "mobile_number",
    "birthday": "birthday",
    "processingBlocked": "processing_blocked",
    "pseudoEmail": "has_pseudo_email",
    "password": "password",
    "registrationSource": "registration_source",
    "data": "data",
}
CHANGE: dict[str, Field] = {
    "username": LONG,
    "email": Email(),
    "externalSystemId": LONG,
    "salutation": SALUTATION,
    "firstName": LONG,
    "lastName": LONG,
    "invoiceEmail": Email(may_be_empty=True),
    "language": Text(shortest=2, longest=2, pattern=LANGUAGE),
    "mobileNumber": Text(longest=100, pattern=f"({PHONE_NUMBER})?"),
    "birthday": Day(),
    "miscellaneousData": Object(fields={"leitwegId": Text(longest=50)}),
    "pseudoEmail": Flag(),
    "password": Text(longest=100, secret=True),
    "processingBlocked": Flag(),
}
CREATION: dict[str, Field] = {
    **CHANGE,
    "email": Email(required=True),
    "language": Text(required=True, shortest=2, longest=2, pattern=LANGUAGE),
    "customerId": Text(pattern=CUSTOMER_ID),
    "registrationSource": LONG,
    "sendWelcomeMail": Flag(),
    "addresses": Array(item=Object(fields=ADDRESS_CREATION)),
    "data": DATA,
}
#: Of an import without an address, which gets a placeholder.
PSEUDO_CREATION: dict[str, Field] = {**CREATION, "email": Email(may_be_empty=True)}

#: API v2 and v3 share the column.
GENDERS = {"MR": "MALE", "MRS": "FEMALE", "DIVERSE": "DIVERSE", "NONE": "NONE"}
SALUTATIONS = {gender: salutation for salutation, gender in GENDERS.items()}

SECOND_PREFERRED = {Address.Kind.INVOICE: 20047, Address.Kind.DELIVERY: 20048}


def columns_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was sent as columns of `Customer`. An empty external id counts as left out."""
    columns = {column: values[name] for name, column in CUSTOMER_COLUMNS.items() if name in values}
    if not columns.get("external_id"):
        columns.pop("external_id", None)
    if "salutation" in values:
        columns["gender"] = GENDERS[values["salutation"]]
    if "miscellaneousData" in values:
        columns["leitweg_id"] = values["miscellaneousData"].get("leitwegId", "")
    return columns


def address_columns_of(values: Mapping[str, Any], kind: str = "") -> dict[str, Any]:
    """Return what was sent as columns of `Address`; `kind` for an address that names none."""
    columns = {column: values[name] for name, column in ADDRESS_COLUMNS.items() if name in values}
    return {**columns, "kind": values.get("type", kind)}


def addresses_of(values: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return addresses as columns. Raises `RefusalError` (400) where two of a kind are preferred."""
    found = [address_columns_of(address) for address in values]
    preferred = Counter(address["kind"] for address in found if address.get("preferred"))
    for kind, code in SECOND_PREFERRED.items():
        if preferred[kind] > 1:
            raise RefusalError(400, code, "There can be one preferred address of a type only.")
    return found


def customer_of(row: Customer) -> dict[str, Any]:
    """Return a customer as the API answers it."""
    return without_gaps(
        {
            "customerId": row.number,
            "externalSystemId": row.external_id,
            "username": row.username,
            "email": row.email,
            "salutation": SALUTATIONS.get(row.gender),
            "firstName": row.first_name,
            "lastName": row.last_name,
            "invoiceEmail": row.invoice_email,
            "language": row.language,
            "mobileNumber": row.mobile_number,
            "birthday": row.birthday.isoformat() if row.birthday else None,
            "miscellaneousData": {"leitwegId": row.leitweg_id} if row.leitweg_id else None,
            "registrationSource": row.registration_source,
            "registrationDate": written(row.registered_at),
            "createdDate": written(row.registered_at),
            "changedDate": written(row.changed_at or row.registered_at),
            "ageVerificationPinEnabled": False,
            "status": row.status,
            "processingBlocked": row.processing_blocked,
        }
    )


def created_customer_of(row: Customer) -> dict[str, Any]:
    """Return a customer as the answer to a creation, which has more in it than the schema says."""
    addresses = [address_of(address) for address in row.addresses.order_by("pk")]
    return {**customer_of(row), "addresses": addresses, "data": row.data, "twoFactorEnabled": False}


def address_of(row: Address) -> dict[str, Any]:
    """Return an address as the API answers it."""
    values = {name: getattr(row, column) for name, column in ADDRESS_COLUMNS.items()}
    if len(row.state) > STATE_CHARACTERS:
        del values["state"]  # API v2 takes any text
    return without_gaps({"addressId": row.pk, "type": row.kind, "customerId": row.customer.number, **values})


def refuse_empty_external_id(values: Mapping[str, Any]) -> None:
    """Refuse blanks for an external id: nobody could be found by it."""
    if "externalSystemId" in values and values["externalSystemId"] and not values["externalSystemId"].strip():
        raise invalid([flaw("externalSystemId", "blank", values["externalSystemId"])])

"""One refusal of the API as one line of a table, and what becomes of it."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django_plenigo.sandbox import customers
from django_plenigo.sandbox.models import AccessIdentifier, Company, Customer, LoginToken, OAuthGrant, Purchase
from django_plenigo.sandbox.testing import Sandbox
from tests.sandbox.vendor_client import VendorClient

#: The plenigo ids of people whom every line of a table may name. Ada's external id is A-1, Bob's B-1; Eve has none.
ADA, BOB, EVE = "ADA0CUSTOMER", "BOB0CUSTOMER", "EVE0CUSTOMER"
#: An access id of Bob's.
BOBS_CARD = "CARD-B"
#: Another company's customer.
STRANGER = "STRANGER0000"
NOBODY = "UNKNOWN00000"

#: A refused password is counted.
NOT_COMPARED = {"failed_logins", "locked_until"}


class AnyText:
    """Equal to every text with words in it: what a sentence says is no rule of the wire."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and bool(other.strip())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "<a text>"


TEXT: Any = AnyText()

Body = dict[str, Any]


# The shapes of section 1.5.


def rejected(parameter: str, value: Any = TEXT) -> Body:
    """The body of a 400: the one parameter that is bad, and of its value the first hundred characters."""
    return {parameter: {"Error": TEXT, "Rejected Value": value[:100] if isinstance(value, str) else value}}


def told(code: str) -> Body:
    """The body of most errors."""
    return {"error": code, "description": TEXT}


#: Of a 409, and of a log-in with a password.
ERROR_ONLY: Body = {"error": TEXT}
UNAUTHORIZED = told("unauthorized")
UNKNOWN_CUSTOMER = told("customer_not_found")
NO_ACCESS: Body = {"error": "User is not allowed to access the product requested."}


def oauth_error(code: str) -> Body:
    """The body of an OAuth failure."""
    return {"error": code, "error_description": TEXT}


Setup = Callable[[Sandbox], object]


def nothing(sandbox: Sandbox) -> None:
    """Leave everything as it is."""


class Refusal(NamedTuple):
    """One line of a table."""

    section: str
    """Of docs/protocols/plenigo-v2.md."""

    what: str
    setup: Setup
    method: str
    path: str
    """Below `/api/v2/`, with its query."""

    payload: Any
    """An object to send as JSON, bytes to send as they are, or None."""

    status: int
    body: Body

    def __str__(self) -> str:
        return f"{self.section} {self.what}"


def refusals_of(
    section: str, name: str, method: str, path: str, lines: Iterable[tuple[str, Setup, Any, int, Body]]
) -> list[Refusal]:
    """Return the lines of one call: what, setup, payload, status and body each."""
    return [
        Refusal(section, f"{name}: {what}", setup, method, path, payload, status, body)
        for what, setup, payload, status, body in lines
    ]


def populate(sandbox: Sandbox) -> None:
    """Let the people of the tables be customers."""
    other = Company.objects.create(name="The Other Gazette")
    for company, customer_id, email, external_id in (
        (sandbox.company, ADA, "ada@example.com", "A-1"),
        (sandbox.company, BOB, "bob@example.com", "B-1"),
        (sandbox.company, EVE, "eve@example.com", None),
        (other, STRANGER, "stranger@example.com", "S-1"),
    ):
        customer = customers.register_customer(company, email, external_id=external_id)
        customer.customer_id = customer_id
        customer.save()
    customers.assign_access_identifiers(sandbox.customer(BOB), {1: BOBS_CARD})


def all_rows() -> dict[str, list[dict[str, Any]]]:
    """Return everything that a call may change."""
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name not in NOT_COMPARED}
            for row in model.objects.order_by("pk").values()
        ]
        for model in (Customer, AccessIdentifier, Purchase, LoginToken, OAuthGrant)
    }


def ask(api: VendorClient, method: str, path: str, payload: Any, **options: Any) -> tuple[int, Any]:
    """Send one call and return status and body. Raises `ValueError` where the body is no JSON."""
    is_raw = payload is None or isinstance(payload, bytes)
    answer = api(method, path, **({"data": payload} if is_raw else {"json": payload}), **options)
    if not answer.headers["Content-Type"].startswith("application/json"):
        raise ValueError(answer.headers["Content-Type"])
    return answer.status_code, answer.json()


def outcome_of(api: VendorClient, sandbox: Sandbox, refusal: Refusal) -> tuple[int, Any, bool]:
    """Return status and body of what a line says, and whether everything is as it was before."""
    populate(sandbox)
    refusal.setup(sandbox)
    before = all_rows()
    status, body = ask(api, refusal.method, refusal.path, refusal.payload)
    return status, body, all_rows() == before

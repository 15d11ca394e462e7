"""Sessions and transfer tokens. Source: docs/protocols/plenigo-v3.md 3."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from .. import customer_sessions
from ..models import Application, CustomerSession
from .answers import RefusalError, answered, without_gaps, written
from .customer_fields import customer_of
from .endpoints import Call, operation, refuse_blocked
from .fields import Field, Text

LOGGING_DATA: dict[str, Field] = {
    "os": Text(longest=100),
    "browser": Text(longest=200),
    "source": Text(longest=200),
    "sourceUrl": Text(longest=2000),
    "ipAddress": Text(longest=45),
    "country": Text(longest=2),
}
LOGGING_COLUMNS = {
    "os": "os",
    "browser": "browser",
    "source": "source",
    "sourceUrl": "source_url",
    "ipAddress": "ip_address",
    "country": "country",
}
SESSION_TOKEN: dict[str, Field] = {"sessionToken": Text(required=True, shortest=1, longest=10_000, secret=True)}

SESSION_INVALID = 20028
SESSION_NOT_REMOVED = 20030
REMOVAL_TOKEN_INVALID = 20031
TRANSFER_TOKEN_INVALID = 20032
SESSION_REPLACED = 99011


@operation("createCustomerSession", Application.CUSTOMERS)
def create_customer_session(call: Call, customer_id: str) -> HttpResponse:
    """Make a session: 202. Where the customer has as many as he may, 200 with the list of them, and none is made."""
    logging_data = logging_columns_of(call.read(LOGGING_DATA))
    customer = call.customer(customer_id, unknown=400)
    refuse_blocked(customer)
    if not customer_sessions.has_reached_limit(customer):
        return session_answer(customer_sessions.create(customer, logging_data), 202)
    items = [_session_information_of(session) for session in customer_sessions.active(customer)]
    token = customer_sessions.mint_removal_token(customer, logging_data)
    return answered({"activeSessions": {"items": items}, "removalToken": token})


@operation("removeActiveSessionsLogin", Application.PROCESSES)
def remove_active_sessions_login(call: Call, removal_token: str) -> HttpResponse:
    """End one session or all of them, and make a new one."""
    session_id = call.read_query({"sessionId": Text(longest=40)}).get("sessionId") or None
    try:
        session = customer_sessions.replace(call.company, removal_token, session_id)
    except customer_sessions.RemovalError:
        raise RefusalError(401, REMOVAL_TOKEN_INVALID, "The removal token is invalid.") from None
    except customer_sessions.UnknownSessionError:
        raise RefusalError(400, SESSION_NOT_REMOVED, "There is no such session.") from None
    refuse_blocked(session.customer)
    return session_answer(session, 202)


@operation("validateCustomerSession", Application.CUSTOMERS)
def validate_customer_session(call: Call) -> HttpResponse:
    """Return what a session is."""
    session = _session_of(call, call.read_query(SESSION_TOKEN)["sessionToken"])
    return answered(
        {
            "id": session.session_id,
            "customerId": session.customer.number,
            "contractCompanyId": call.company.company_id,
            "companyId": call.company.company_id,
            "created": written(session.created_at),
            "type": "CUSTOMER_SESSION",
        }
    )


@operation("getCustomerDataBySession", Application.CUSTOMERS)
def get_customer_data_by_session(call: Call) -> HttpResponse:
    """Return whose session it is."""
    return answered(customer_of(_session_of(call, call.read_query(SESSION_TOKEN)["sessionToken"]).customer))


@operation("createTransferToken", Application.CUSTOMERS)
def create_transfer_token(call: Call) -> HttpResponse:
    """Mint a token that carries a session to another site."""
    values = call.read({"customerSession": Text(required=True, shortest=1, longest=10_000, secret=True)})
    session = _session_of(call, values["customerSession"])
    return answered({"transferToken": customer_sessions.mint_transfer_token(session)})


@operation("validateTransferToken", Application.CUSTOMERS)
def validate_transfer_token(call: Call) -> HttpResponse:
    """Use a token up and return its session. Our choice: expired, used and unknown tokens are all 412."""
    values = call.read_query({"transferToken": Text(required=True, shortest=1, longest=50, secret=True)})
    session = customer_sessions.redeem_transfer_token(call.company, values["transferToken"])
    if session is None:
        raise RefusalError(412, TRANSFER_TOKEN_INVALID, "The transfer token is invalid.")
    return session_answer(session, 200)


def logging_columns_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what was sent about a log-in as columns of a session."""
    return {column: values[name] for name, column in LOGGING_COLUMNS.items() if name in values}


def session_answer(session: CustomerSession, status: int) -> HttpResponse:
    """Return a session as the client keeps it."""
    return answered({"customerSession": customer_sessions.text_of(session)}, status)


def _session_of(call: Call, text: str) -> CustomerSession:
    try:
        return customer_sessions.validate(call.company, text)
    except customer_sessions.InvalidError:
        raise RefusalError(401, SESSION_INVALID, "The session is invalid.") from None
    except customer_sessions.ReplacedError:
        raise RefusalError(401, SESSION_REPLACED, "The session was ended by a log-in elsewhere.") from None


def _session_information_of(session: CustomerSession) -> dict[str, Any]:
    return without_gaps(
        {
            "sessionId": session.session_id,
            "os": session.os,
            "browser": session.browser,
            "createdAt": written(session.created_at),
        }
    )

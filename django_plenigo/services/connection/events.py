"""What can come of a step of a connection, and where it leads: docs/protocols/plenigo-v3.md 6.5."""

import enum
import re
from collections.abc import Mapping

from django_plenigo.errors import (
    ConflictError,
    InvalidValueError,
    NotFoundError,
    PlenigoError,
    RateLimitError,
    RejectedError,
    RemoteError,
)
from django_plenigo.protocols import base


class State(enum.Enum):
    """Where a reader stands."""

    START = "start"
    CODE_SENT = "code_sent"
    ALREADY_REGISTERED = "already_registered"
    CONNECTED = "connected"


class Event(enum.Enum):
    """What came of a step. The values are kept in the database."""

    CODE_SENT = "code_sent"
    CONNECTED = "connected"
    ALREADY_REGISTERED = "already_registered"
    NO_MATCH = "no_match"
    INVALID = "invalid"
    EMAIL_TAKEN = "email_taken"
    WRONG_CODE = "wrong_code"
    TOO_MANY_TRIES = "too_many_tries"
    EXPIRED = "expired"
    USED = "used"
    OUT_OF_ORDER = "out_of_order"
    OTHER_PROCESS = "other_process"
    OTHER_TAB = "other_tab"
    NOT_RESENT = "not_resent"
    WAIT = "wait"
    LOCKED = "locked"
    NO_EMAIL = "no_email"
    EMAIL_UNVERIFIED = "email_unverified"
    NOT_OFFERED = "not_offered"
    LINKED_ALREADY = "linked_already"
    CUSTOMER_OF_ANOTHER = "customer_of_another"
    UNDONE = "undone"
    OWNER_UNKNOWN = "owner_unknown"
    NOT_SIGNED_IN = "not_signed_in"
    CUSTOMER_BLOCKED = "customer_blocked"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


#: Where a reader stands after what came of her step; what is not listed leaves her where she is.
STATE_AFTER: Mapping[Event, State] = {
    Event.CODE_SENT: State.CODE_SENT,
    Event.CONNECTED: State.CONNECTED,
    Event.ALREADY_REGISTERED: State.ALREADY_REGISTERED,
    **dict.fromkeys(
        (
            *(Event.NO_MATCH, Event.INVALID, Event.EMAIL_TAKEN, Event.TOO_MANY_TRIES, Event.EXPIRED, Event.USED),
            *(Event.OUT_OF_ORDER, Event.OTHER_PROCESS, Event.NO_EMAIL, Event.NOT_OFFERED, Event.LINKED_ALREADY),
            *(Event.CUSTOMER_OF_ANOTHER, Event.UNDONE, Event.OWNER_UNKNOWN, Event.NOT_SIGNED_IN),
            Event.CUSTOMER_BLOCKED,
        ),
        State.START,
    ),
}

#: What tells a guesser something, so that it is counted: a few of them lock for an hour. A number whose customer is
#: registered tells as much as one that does not match; so does an address, which nobody may have verified. That the
#: customer is blocked is told after a code was sent alone: whoever was sent one knows the details.
FAILURES = frozenset(
    {
        *(Event.NO_MATCH, Event.ALREADY_REGISTERED, Event.EMAIL_TAKEN, Event.WRONG_CODE, Event.TOO_MANY_TRIES),
        Event.NOT_SIGNED_IN,
    }
)

#: What plenigo was not asked for.
NOT_ASKED = frozenset({Event.LOCKED})

#: A start that ends so is no match, as is one that says how it stands with the customer: more would tell who is one.
_NO_MATCHES = frozenset({base.NO_MATCH, base.OTHER_COMPANY, base.TWO_CUSTOMERS})

#: How the vendor names the code, where it says that it is none.
_CODE = "verificationToken"

_BY_CODE: Mapping[str, Event] = {
    base.NO_MATCH: Event.OTHER_PROCESS,  # of a later step
    base.WRONG_CODE: Event.WRONG_CODE,
    base.TOO_MANY_TRIES: Event.TOO_MANY_TRIES,
    base.PROCESS_EXPIRED: Event.EXPIRED,
    base.PROCESS_USED: Event.USED,
    base.PROCESS_OUT_OF_ORDER: Event.OUT_OF_ORDER,
}


def event_of_start(error: PlenigoError) -> Event:
    """Return what a failed start means."""
    common = _event_of_any(error)
    if common is not None:
        return common
    if isinstance(error, NotFoundError) or _tells_of_customer(error):
        return Event.NO_MATCH
    if isinstance(error, ConflictError):
        return _event_of_conflict(error)
    return Event.INVALID if isinstance(error, RejectedError | InvalidValueError) else Event.FAILED


def _event_of_conflict(error: ConflictError) -> Event:
    return Event.EMAIL_TAKEN if error.code == base.EMAIL_TAKEN else Event.INVALID


def _tells_of_customer(error: PlenigoError) -> bool:
    return isinstance(error, RemoteError) and (error.code in _NO_MATCHES or error.code.startswith("customer "))


def _is_of_blocked_customer(error: PlenigoError) -> bool:
    """Say whether the vendor lets a customer do nothing, whatever is entered: deactivated, disabled, and the like."""
    if not isinstance(error, RejectedError) or error.code == base.OTHER_COMPANY:
        return False
    return error.code.startswith("customer ")


def event_of_code(error: PlenigoError) -> Event:
    """Return what a code means that was not accepted."""
    common = _event_of_any(error) or _event_of_later_step(error)
    if common is not None:
        return common
    if isinstance(error, InvalidValueError):
        return Event.WRONG_CODE  # no code looks like that
    if isinstance(error, RejectedError) and error.fields:
        return Event.WRONG_CODE if _CODE in error.fields else Event.INVALID
    if isinstance(error, ConflictError):  # somebody else was faster with the address or the username
        return _event_of_conflict(error)
    return Event.OTHER_PROCESS if isinstance(error, RejectedError | NotFoundError) else Event.FAILED


def event_of_resend(error: PlenigoError) -> Event:
    """Return what it means that no other code was sent."""
    common = _event_of_any(error)
    if common is not None:
        return common
    if isinstance(error, RejectedError) and error.status == 403 and not _is_of_blocked_customer(error):
        return Event.NOT_RESENT
    known = _event_of_later_step(error)
    if known is not None:
        return known
    return Event.OTHER_PROCESS if isinstance(error, RejectedError | NotFoundError | InvalidValueError) else Event.FAILED


def event_of_sign_in(error: PlenigoError) -> Event:
    """Return what it means that the vendor does not say whose session it is."""
    common = _event_of_any(error)
    if common is not None:
        return common
    is_refused = isinstance(error, RejectedError | NotFoundError | InvalidValueError)
    return Event.NOT_SIGNED_IN if is_refused else Event.FAILED


def _event_of_any(error: PlenigoError) -> Event | None:
    if isinstance(error, RateLimitError):
        return Event.WAIT
    if isinstance(error, RejectedError) and error.code == base.MODULE_NOT_BOOKED:
        return Event.FAILED  # nothing is wrong with what was entered
    return Event.UNAVAILABLE if isinstance(error, RemoteError) and error.retryable else None


def _event_of_later_step(error: PlenigoError) -> Event | None:
    if _is_of_blocked_customer(error):
        return Event.CUSTOMER_BLOCKED
    return _BY_CODE.get(error.code) if isinstance(error, RejectedError | NotFoundError) else None


def refused_fields(error: PlenigoError) -> tuple[str, ...]:
    """Return what was refused, by the names of `ConnectionRequest`; none where nobody says."""
    if isinstance(error, InvalidValueError):
        return (error.field,)
    if isinstance(error, ConflictError) and error.code == base.USERNAME_TAKEN:
        return ("username",)
    names = error.fields if isinstance(error, RejectedError) else ()
    return tuple(re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name) for name in names)

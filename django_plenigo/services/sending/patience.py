"""What a failure makes of a change: to be tried again, and when, or left to an agent."""

import random
from typing import TypeGuard

from django_plenigo.errors import (
    AuthenticationError,
    PlenigoError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteError,
    RemoteUnavailableError,
)
from django_plenigo.models import RemoteChange
from django_plenigo.protocols.base import MODULE_NOT_BOOKED, REGISTRATION_UNDER_WAY

#: The first wait after a failure; each further one is twice as long, up to an hour, give or take a half.
FIRST_WAIT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 60 * 60.0

#: An answer that nobody can read may be a firewall's for once; so often in a row it is none.
MOST_UNREADABLE_ANSWERS = 20

#: For these a module that is not booked, or whose contract has lapsed, is an error of the account: it is the module for
#: customers, without which nobody's change is taken, so that each would have to be tried again by an agent. Access ids
#: need one more, for additional data: they alone are refused, and a company without it is told all the rest.
KINDS_OF_CUSTOMERS_MODULE = frozenset(
    {
        RemoteChange.Kind.REGISTER,
        RemoteChange.Kind.ATTACH_EXTERNAL_ID,
        RemoteChange.Kind.CHANGE_EMAIL,
        RemoteChange.Kind.CHANGE_PROFILE,
    }
)


def unreadable_in_a_row(error: Exception, change: RemoteChange) -> int:
    """Return how many answers about a change nobody could read, one after another, up to this failure."""
    if not isinstance(error, ProtocolError):
        return 0
    # Whatever begins anew, as an agent's "try again" does, sets the attempts alone to 0.
    return min(change.unreadable_answers, change.attempts) + 1


def may_be_mended(error: Exception, change: RemoteChange) -> bool:
    """Say whether a change that has failed may be accepted later."""
    if isinstance(error, ProtocolError):
        return unreadable_in_a_row(error, change) < MOST_UNREADABLE_ANSWERS
    if isinstance(error, RemoteError):
        return error.retryable
    return not isinstance(error, PlenigoError)  # a site's own function that failed may be mended by its developers


def is_circuit_open(error: BaseException) -> TypeGuard[RemoteUnavailableError]:
    """Say whether the vendor was not even asked, since it has failed too often just now."""
    return isinstance(error, RemoteUnavailableError) and error.code == "circuit open"


def is_called_too_often(error: BaseException) -> TypeGuard[RateLimitError]:
    """Say whether the vendor asks the account for patience, and not for one address that is being registered."""
    return isinstance(error, RateLimitError) and error.code != REGISTRATION_UNDER_WAY


def is_error_of_account(error: BaseException, change: RemoteChange) -> TypeGuard[RemoteError]:
    """Say whether nothing is wrong with a change: the vendor takes no such calls of the account."""
    if isinstance(error, RejectedError) and error.code == MODULE_NOT_BOOKED:
        return change.kind in KINDS_OF_CUSTOMERS_MODULE
    return isinstance(error, AuthenticationError)


def stops_account(error: BaseException, change: RemoteChange) -> bool:
    """Say whether nothing more of the same account is to be sent for now."""
    return is_error_of_account(error, change) or is_called_too_often(error) or is_circuit_open(error)


def wait_seconds(attempts: int, wished: float | None) -> float:
    """Return how long to wait after a failure that came after so many others; at least what the vendor wished for."""
    growing: float = min(FIRST_WAIT_SECONDS * 2 ** min(attempts, 20), LONGEST_WAIT_SECONDS)
    return max(growing * (0.5 + random.random()), wished or 0.0)  # noqa: S311 - no secret

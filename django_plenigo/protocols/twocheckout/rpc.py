"""How a call of 2Checkout's JSON-RPC is made, and what its answers mean (docs/protocols/2checkout.md 1, 2 and 5)."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django_plenigo.budget import within
from django_plenigo.errors import (
    AuthenticationError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteError,
    RemoteUnavailableError,
)
from django_plenigo.protocols.base import reading
from django_plenigo.protocols.twocheckout.sessions import HeldSession
from django_plenigo.protocols.twocheckout.signing import SERVICE, signature
from django_plenigo.transport import Answer, Transport

PATH = "/rpc/6.0/"

DATE_FORMAT = "%Y-%m-%d %H:%M:%S"

Value = TypeVar("Value")


def judge(answer: Answer) -> tuple[type[RemoteError], str] | None:
    """Return the failure that an answer means, None for what may be an answer of JSON-RPC, whose status is 200."""
    if answer.status == 200:
        return reading.A_PAGE if answer.is_page else None
    if answer.status >= 500:
        return RemoteUnavailableError, ""
    if answer.status == 429:
        return RateLimitError, ""
    return ProtocolError, "redirect" if 300 <= answer.status < 400 else "unexpected status"


class Rpc:
    """One merchant's door to the API. Logs in when it must, and holds the session."""

    def __init__(
        self,
        transport: Transport,
        *,
        merchant: str,
        key: str,
        algorithm: str,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """Log in as `merchant`, signing with `key`; `clock` is monotonic and says how old a session is."""
        self._transport = transport
        self._merchant, self._key, self._algorithm = merchant, key, algorithm
        self._clock, self._wall_clock = clock, wall_clock
        self._held = HeldSession()
        # Each number is given once, whichever thread takes it.
        self._ids = itertools.count(1)

    def __repr__(self) -> str:
        return f"<Rpc over {self._transport!r}>"

    def call(self, operation: str, method: str, params: list[Any], kind: type[Value]) -> Value:
        """Return the result of a method, which must be of this kind; the session is put before the parameters.

        The session that is held may have ended, which no code tells for certain: whatever was refused with it is tried
        once more with a new one. Raises `RemoteError`.
        """
        with within(self._transport.timeout_seconds):
            held = self._held.read(self._clock())
            if held is not None:
                try:
                    return self._exchange(operation, method, [held, *params], kind)
                except RejectedError:
                    self._held.drop(held)
            return self._exchange(operation, method, [self.log_in(), *params], kind)

    def log_in(self) -> str:
        """Return a new session, which is held from now on. Raises `AuthenticationError` and other `RemoteError`."""
        began = self._clock()
        # Computed once: what is sent must be what is signed.
        date = datetime.fromtimestamp(self._wall_clock(), UTC).strftime(DATE_FORMAT)
        signed = signature(self._algorithm, self._key, [self._merchant.encode(), date.encode()])
        params = [self._merchant, date, signed, self._algorithm]
        session = self._exchange("log_in", "login", params, str, refusal=AuthenticationError)
        self._held.keep(session, began)
        return session

    def _exchange(
        self,
        operation: str,
        method: str,
        params: list[Any],
        kind: type[Value],
        *,
        refusal: type[RemoteError] = RejectedError,
    ) -> Value:
        number = next(self._ids)
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answer = self._transport.call(operation, "POST", PATH, json=body)
        values = _object_of(answer, operation)
        told = values.get("id")
        if told != number or isinstance(told, bool):
            raise _unexpected(answer, operation, "answer to another call")
        if values.get("error") is not None:
            raise refusal(SERVICE, operation, status=answer.status, code=_code_of(values["error"]))
        if values.get("result") is None:
            raise _unexpected(answer, operation, "neither result nor error")
        result = values["result"]
        if not isinstance(result, kind) or not result:
            raise _unexpected(answer, operation, "unexpected result")
        return result


def _object_of(answer: Answer, operation: str) -> dict[str, Any]:
    try:
        values = answer.json()
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise _unexpected(answer, operation, "no JSON object")
    return values


def _code_of(error: object) -> str:
    """Return the vendor's number of an error, for people alone: its numbers are not documented, so none is believed."""
    number = error.get("code") if isinstance(error, dict) else None
    is_number = isinstance(number, int) and not isinstance(number, bool) and abs(number) < 1_000_000
    return f"error {number}" if is_number else "error"


def _unexpected(answer: Answer, operation: str, code: str) -> ProtocolError:
    return ProtocolError(SERVICE, operation, status=answer.status, code=code)

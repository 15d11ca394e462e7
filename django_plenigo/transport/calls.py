"""Calls of one vendor's API: a budget of time, quick retries, the breaker, and errors that tell no secrets."""

import http.client
import json as json_library
import logging
import math
import os
import random
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from django_plenigo.budget import seconds_left
from django_plenigo.conf import checked_address
from django_plenigo.errors import (
    ConfigurationError,
    NoAnswerError,
    ProtocolError,
    RateLimitError,
    RemoteError,
    RemoteUnavailableError,
)
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport.answer import Answer, Judge
from django_plenigo.transport.breaker import CircuitBreaker
from django_plenigo.transport.connections import CONNECT_SECONDS, calling, pool

logger = logging.getLogger("django_plenigo.transport")

#: Quick retries mend hiccups and end within so many seconds from the start of a call; patience belongs to others.
QUICK_SECONDS = 2.0
ATTEMPTS = 3

#: Nothing that the vendors answer comes near it; more is a fault, not an answer.
BODY_BYTES = 1024 * 1024

#: Statuses of a hiccup: a gateway that restarts, a server that is overloaded for a moment.
HICCUPS = frozenset({502, 503, 504})

#: The codes of an attempt that ran out of time.
TIMEOUTS = frozenset({"ConnectTimeout", "ReadTimeout", "ReadTimeoutError", "Timeout", "TimeoutError"})

#: The longest wait that a vendor's Retry-After can ask for.
LONGEST_RETRY_AFTER_SECONDS = 24 * 60 * 60.0

Headers = Callable[[], Mapping[str, str]]

#: Made once: `json.dumps` makes an encoder anew for each text.
_encoded = json_library.JSONEncoder(separators=(",", ":")).encode


JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def _body(json: Mapping[str, Any] | None, form: Sequence[tuple[str, str]] | None) -> bytes | None:
    if form is not None:
        return urlencode(form, safe="", quote_via=quote).encode("ascii")
    return None if json is None else _encoded(json).encode("ascii")


def no_headers() -> Mapping[str, str]:
    """Return no headers of a protocol's own."""
    return {}


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, whatever number of attempts it takes."""

    operation: str
    method: str
    url: str = field(repr=False)
    body: bytes | None = field(repr=False)
    content_type: str
    headers: Headers = field(repr=False)
    accepted: Collection[int]

    def prepared(self) -> requests.PreparedRequest:
        """Return the request of one attempt. Put together by hand: a session's own way costs as much as the sending."""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = self.method, self.url, self.body
        headers = {"Accept": "application/json", "User-Agent": "django-plenigo", **self.headers()}
        if self.body is not None:
            headers["Content-Type"] = self.content_type
            headers["Content-Length"] = str(len(self.body))
        elif self.method in ("POST", "PUT"):
            headers["Content-Length"] = "0"
        request.headers = CaseInsensitiveDict(headers)
        return request


class Transport:
    """Calls one vendor. Errors carry service, operation, status and a short code, never a body, an address or a URL.

    TLS is always verified, by the CA bundle of REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE where the environment names one.
    Proxies are the environment's too; .netrc is not read, and redirects are not followed.
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        judge: Judge,
        timeout_seconds: float,
        cache_alias: str = "default",
        adapter: BaseAdapter | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare calls of paths below `base_url`; `timeout_seconds` is the budget of one whole call, retries included.

        Only resolving a name is not bounded by it, since no system offers to stop that.

        `cache_alias` names the cache that keeps the circuit breaker. An `adapter` takes the place of the connections.
        Raises `ConfigurationError` for an address without TLS, unless it is this machine's own.
        """
        if not 0 < timeout_seconds < math.inf:
            raise ConfigurationError(f"The timeout of {service} must be a number of seconds, more than 0.")
        self.service = service
        self._judge = judge
        self._timeout_seconds = timeout_seconds
        self._base_url = checked_address(f"The address of {service}", base_url)
        self._adapter = adapter
        self._clock, self._wall_clock, self._sleep, self._jitter = clock, wall_clock, sleep, jitter
        # Resolved once: reading the environment costs as much as a call.
        environment = requests.Session().merge_environment_settings(self._base_url, {}, None, None, None)
        self._proxies = environment["proxies"]
        self._verify = _checked_bundle(environment["verify"]) if adapter is None else True
        address = urlsplit(self._base_url)
        key = f"{address.hostname}:{address.port or ''}"
        self._breaker = CircuitBreaker(service, key, cache_alias, wall_clock)

    @property
    def timeout_seconds(self) -> float:
        """How long one call may take in all."""
        return self._timeout_seconds

    def __repr__(self) -> str:
        return f"<Transport of {self.service}>"

    @without_secrets
    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        form: Sequence[tuple[str, str]] | None = None,
        headers: Headers = no_headers,
        idempotent: bool = False,
        accepted: Collection[int] = (),
    ) -> Answer:
        """Make one call and return the answer, where its status is accepted or the judge has nothing against it.

        The body is `json`, or the pairs of `form` in their order, escaped by RFC 3986; not both. `headers` is called
        anew for each attempt. Only an idempotent call is tried again, at most twice and within two seconds. Where the
        caller has less time than the timeout, see `django_plenigo.budget`, that holds; with none left nothing is sent.
        Raises `RemoteError`.
        """
        budget_seconds = seconds_left(self._timeout_seconds)
        if budget_seconds <= 0:
            raise NoAnswerError(self.service, operation, code="no time left")
        began = self._clock()
        state = self._breaker.read()
        if not self._breaker.admits(state):
            raise RemoteUnavailableError(self.service, operation, code="circuit open")
        url = self._base_url + path + (f"?{urlencode(params, quote_via=quote)}" if params else "")
        call = _Call(operation, method, url, _body(json, form), JSON if form is None else FORM, headers, accepted)
        outcome, attempts = self._attempts(call, began, began + budget_seconds, ATTEMPTS if idempotent else 1)
        if not isinstance(outcome, NoAnswerError | RemoteUnavailableError):
            self._breaker.add_success(state)
        elif outcome.code in TIMEOUTS and budget_seconds < self._timeout_seconds / 2:
            self._breaker.add_nothing(state)  # the caller was in a hurry, which says little about the vendor
        else:
            self._breaker.add_failure(state)
        call_id = uuid.uuid4().hex
        self._log(operation, outcome, began, attempts, call_id)
        if isinstance(outcome, RemoteError):
            outcome.call_id = call_id
            raise outcome
        return outcome

    def _attempts(self, call: _Call, began: float, ends: float, most: int) -> tuple[Answer | RemoteError, int]:
        """Return the last outcome, and how many attempts it took."""
        outcome = self._attempt(call, ends)
        ends = min(ends, began + QUICK_SECONDS)
        for attempt in range(1, most):
            wait = self._wait_before_retry(outcome, attempt, ends)
            if wait is None:
                return outcome, attempt
            self._sleep(wait)
            outcome = self._attempt(call, ends)
        return outcome, most

    def _wait_before_retry(self, outcome: Answer | RemoteError, attempt: int, ends: float) -> float | None:
        """Return how long to wait before the next attempt, in seconds, None where there is to be none."""
        is_hiccup = isinstance(outcome, NoAnswerError) or (
            isinstance(outcome, RemoteUnavailableError) and outcome.status in HICCUPS
        )
        if not is_hiccup:
            return None
        wished = getattr(outcome, "retry_after_seconds", None)
        wait = float(wished) if wished is not None else 0.1 * 2 ** (attempt - 1) * (0.5 + self._jitter())
        return wait if self._clock() + wait < ends else None

    def _attempt(self, call: _Call, ends: float) -> Answer | RemoteError:
        request = call.prepared()
        try:
            answer = self._send(request, ends)
        except (requests.RequestException, HTTPError, http.client.HTTPException, OSError) as cause:
            return NoAnswerError(self.service, call.operation, code=type(cause).__name__)
        if answer is None:
            return ProtocolError(self.service, call.operation, code="answer too large")
        verdict = None if answer.status in call.accepted else self._judge(answer)
        if verdict is None:
            return answer
        error = verdict[0](self.service, call.operation, status=answer.status, code=verdict[1])
        if isinstance(error, RateLimitError | RemoteUnavailableError):
            error.retry_after_seconds = self._retry_after_seconds(answer)
        return error

    def _send(self, request: requests.PreparedRequest, ends: float) -> Answer | None:
        """Return the answer, None where it is too large. Raises what requests, urllib3 and the socket raise."""
        remaining = ends - self._clock()
        if remaining <= 0:
            raise requests.Timeout
        with calling(remaining):
            response = (self._adapter or pool.adapter).send(
                request,
                stream=True,
                timeout=Timeout(total=remaining, connect=min(CONNECT_SECONDS, remaining), read=remaining),  # type: ignore[arg-type]  # requests passes urllib3's own through
                verify=self._verify,
                proxies=self._proxies,
            )
            body = self._read(response)
        return None if body is None else Answer(response.status_code, response.headers, body)

    def _read(self, response: requests.Response) -> bytes | None:
        """Return the body, None where it is too large. Nothing is unpacked: we ask for plain bodies."""
        pieces, size = [], 0
        try:
            while piece := response.raw.read(BODY_BYTES + 1 - size, decode_content=False):
                pieces.append(piece)
                size += len(piece)
                if size > BODY_BYTES:
                    return None
        finally:
            # A connection whose answer was read to its end is in the pool again; any other is closed.
            response.raw.close()
        return b"".join(pieces)

    def _retry_after_seconds(self, answer: Answer) -> float | None:
        text = answer.headers.get("Retry-After", "").strip()
        if text.isdecimal():
            return min(float(text), LONGEST_RETRY_AFTER_SECONDS)
        try:
            seconds = parsedate_to_datetime(text).timestamp() - self._wall_clock()
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)

    def _log(self, operation: str, outcome: Answer | RemoteError, began: float, attempts: int, call_id: str) -> None:
        extra = {
            "call_id": call_id,
            "service": self.service,
            "operation": operation,
            "status": outcome.status,
            "duration_ms": round((self._clock() - began) * 1000, 1),
            "attempt": attempts,
        }
        if isinstance(outcome, RemoteError):
            logger.info("%s", outcome, extra=extra)
        else:
            logger.debug("%s.%s", self.service, operation, extra=extra)


def _checked_bundle(verify: bool | str | None) -> bool | str:
    """Return the CA bundle, True for the one that requests brings. Nothing in the environment turns the check off."""
    if isinstance(verify, str) and not os.path.exists(verify):
        raise ConfigurationError("REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a CA bundle that does not exist.")
    return verify or True

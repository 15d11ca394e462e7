"""Every exception that this package raises on purpose."""

from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation


class PlenigoError(Exception):
    """The root of everything that this package raises on purpose."""


class ConfigurationError(PlenigoError, ImproperlyConfigured):
    """A setting is missing or wrong. The text names the setting and what to write there."""


class UnsupportedOperationError(PlenigoError, NotImplementedError):
    """The configured generation of the vendor's API cannot do this. The text says why."""


class InvalidValueError(PlenigoError, ValueError):
    """A value breaks a rule of the vendor's API, so nothing was sent.

    `field` is the name of the argument; the text never repeats the value, which may be personal data.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class AccessImportError(InvalidValueError):
    """Access ids, or a file, cannot be imported, so nothing was written. The text is for a person.

    `code` is a word for the reason; `slot` is 1 to 4 where one id is at fault, `line` the line of a file where one is.
    """

    def __init__(
        self, field: str, problem: str, *, code: str, slot: int | None = None, line: int | None = None
    ) -> None:
        super().__init__(field, problem)
        self.code = code
        self.slot = slot
        self.line = line


class PortalBindingError(InvalidValueError):
    """A reader cannot be bound to a reference at a portal, so nothing was written. The text is for a person.

    `code` is a word for the reason, one of those in `services.portals`. The text never repeats the reference.
    """

    def __init__(self, problem: str, *, code: str) -> None:
        super().__init__("reference", problem)
        self.code = code


class SignatureError(PlenigoError, SuspiciousOperation):
    """A webhook's origin is not proved: no signature, a wrong one, one too old. Django answers 400.

    `code` is a word of this package's own choosing for the reason; `detail` says more for whoever mends it, such as the
    name of a header or by how many seconds a clock differs. Neither repeats what was sent.
    """

    def __init__(self, service: str, code: str, *, detail: str = "") -> None:
        super().__init__(f"{service}: {code}")
        self.service = service
        self.code = code
        self.detail = detail


class SessionLimitError(PlenigoError):
    """The customer is logged in on as many devices as plenigo's settings allow, so no session was made.

    `limit` is the `SessionLimitReached` of `protocols.base`: which devices, and what they are ended by.
    """

    def __init__(self, limit: object) -> None:
        super().__init__("The customer is logged in on as many devices as the settings allow.")
        self.limit = limit


class RemoteError(PlenigoError):
    """A vendor did not do what was asked. `str()` never carries a body: bodies hold addresses.

    `status` is the HTTP status, None where no answer came; `code` is a short word of this package's own choosing,
    "" where the status says it all.
    """

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without anybody changing anything."""

    call_id: str = ""
    """By which the call is found in the log of `django_plenigo.transport`; "" where none was made."""

    def __init__(self, service: str, operation: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(service, operation, status, code)
        self.service = service
        self.operation = operation
        self.status = status
        self.code = code

    def __str__(self) -> str:
        parts = [f"{self.service}.{self.operation}"]
        if self.status is not None:
            parts.append(f"HTTP {self.status}")
        if self.code:
            parts.append(f"code {self.code}")
        return ", ".join(parts)


class NoAnswerError(RemoteError):
    """The vendor could not be reached, or did not answer in time. It may or may not have done what was asked."""

    retryable = True


class RemoteUnavailableError(RemoteError):
    """The vendor answered that it is out of order (HTTP 5xx), or the circuit breaker is open.

    `retry_after_seconds` is the vendor's wish, None when it named none.
    """

    retryable = True
    retry_after_seconds: float | None = None


class RateLimitError(RemoteError):
    """HTTP 429. `retry_after_seconds` is the vendor's wish, None when it named none."""

    retryable = True
    retry_after_seconds: float | None = None


class AuthenticationError(RemoteError):
    """The vendor does not accept this account's credentials, or the account may not do this at all."""


class NotFoundError(RemoteError):
    """The vendor knows no such customer or product."""


class ConflictError(RemoteError):
    """What was sent belongs to somebody else already: an e-mail address, an external id, an access id."""


class RejectedError(RemoteError):
    """The vendor understood the call and refused it."""

    @property
    def fields(self) -> tuple[str, ...]:
        """What it was refused for, by the vendor's own names; none where the vendor named none that was sent."""
        kind, _, names = self.code.partition(" ")
        return tuple(names.split(", ")) if kind == "invalid" and names != "parameters" else ()


class ProtocolError(RemoteError):
    """The answer is not what the vendor documents: a redirect, no JSON where JSON is due, a missing key."""

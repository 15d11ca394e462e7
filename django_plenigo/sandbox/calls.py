"""Tell who listens which calls have come in. Without a listener it costs nothing."""

from dataclasses import dataclass

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """One call of the API, without what it carried."""

    endpoint: str
    """The endpoint's name; empty for an address that does not exist."""

    method: str

    status: int | None
    """What was answered; None when a fault left the caller without an answer."""


#: A call has been answered. sender: None. Arguments: call (ReceivedCall).
called = Signal()

"""The session at 2Checkout: a bearer token for the merchant's whole API. It is in the memory of this process alone."""

import threading

#: How long the vendor lets one be used, counted from the log-in (docs/protocols/2checkout.md 6).
LIFETIME_SECONDS = 600.0


class HeldSession:
    """The session that all threads of a process use until it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session = ""
        self._ends = 0.0

    def __repr__(self) -> str:
        return "<HeldSession>"

    def read(self, now: float) -> str | None:
        """Return the session, None where there is none or its time is over. `now` is of a monotonic clock."""
        with self._lock:
            return self._session if self._session and now < self._ends else None

    def keep(self, session: str, began: float) -> None:
        """Keep a session whose log-in began at this moment of the same clock."""
        with self._lock:
            self._session, self._ends = session, began + LIFETIME_SECONDS

    def drop(self, session: str) -> None:
        """Forget a session, unless another thread has brought a new one meanwhile."""
        with self._lock:
            if self._session == session:
                self._session = ""

"""A connection on its way, in the reader's session on the server: the only place of the vendor's process token."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from django_plenigo import conf

KEY = "plenigo_connection"


@dataclass(frozen=True, slots=True)
class Process:
    """A connection whose code is on its way."""

    account: str
    connection: int
    """The primary key of the `AccountConnection`: pages and JSON may show it."""

    token: str = field(repr=False)
    """What the next step is made with. In no page, no JSON and no log."""

    channel: str
    """ "EMAIL" or "SMS"."""

    next_path: str = ""
    """The page of this site that the reader came from."""

    def with_token(self, token: str, channel: str) -> "Process":
        """Return the process after another code was sent."""
        return replace(self, token=token, channel=channel)


def keep_process(session: MutableMapping[str, Any], user: Any, process: Process | None) -> None:
    """Keep a process in a reader's session, in place of the one that is there; None forgets it.

    Raises `ConfigurationError` where sessions are kept in a cookie, which the browser can read.
    """
    conf.check_session_store()
    if process is None:
        session.pop(KEY, None)
        return
    values = {name: getattr(process, name) for name in Process.__slots__}
    session[KEY] = {"user": str(user.pk), **values}


def kept_process(session: MutableMapping[str, Any], user: Any, *, using: str) -> Process | None:
    """Return the process that a session keeps of this reader and account, None where there is none."""
    values = dict(session.get(KEY) or {})
    if values.pop("user", None) != str(user.pk) or values.get("account") != using:
        return None
    return Process(**values) if values.keys() == set(Process.__slots__) else None

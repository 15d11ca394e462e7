"""A customer who is logged in on too many devices: which they are, and ending one or all (plenigo-v3.md 3).

What they are ended by stays in the reader's session on the server.
"""

import re
import secrets
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django_plenigo import conf
from django_plenigo.errors import PlenigoError, SessionLimitError
from django_plenigo.models import CustomerLink
from django_plenigo.protocols import base
from django_plenigo.services import sessions
from django_plenigo.tracebacks import without_secrets

KEY = "plenigo_session_limit"

#: A list that is older is asked for anew: how long a removal token works is not documented.
KEPT_SECONDS = 15 * 60

MARK_BYTES = 12


@dataclass(frozen=True, slots=True)
class Device:
    """One device that the customer is logged in on. What its session is ended by is not part of it."""

    number: int
    """Counted from 1."""

    os: str
    browser: str
    """Both "" where unknown."""

    since: datetime | None
    """In UTC."""


@dataclass(frozen=True, slots=True)
class DeviceLimit:
    """The devices, and where the reader wanted to go."""

    account: str
    devices: tuple[Device, ...]
    next_path: str

    mark: str
    """What tells this list from another. Pages and JSON send it along with a choice."""


def keep_limit(
    session: MutableMapping[str, Any], link: CustomerLink, error: SessionLimitError, *, next_path: str
) -> None:
    """Keep in the reader's session what stands in her way. Raises `ConfigurationError` where a browser can read it."""
    conf.check_session_store()
    limit = cast(base.SessionLimitReached, error.limit)
    session[KEY] = {
        "link": link.pk,
        "account": link.account,
        "removal_token": limit.removal_token,
        "mark": secrets.token_urlsafe(MARK_BYTES),
        "next_path": next_path,
        "kept_at": time.time(),
        "sessions": [
            [each.session_id, each.os, each.browser, each.created_at and each.created_at.isoformat()]
            for each in limit.active_sessions
        ],
    }


def kept_limit(session: MutableMapping[str, Any], link: CustomerLink) -> DeviceLimit | None:
    """Return what is kept of a customer, None where nothing is, or it is too old."""
    kept = _kept(session, link)
    if kept is None:
        return None
    devices = [
        Device(number, os, browser, since and datetime.fromisoformat(since))
        for number, (_session_id, os, browser, since) in enumerate(kept["sessions"], start=1)
    ]
    return DeviceLimit(kept["account"], tuple(devices), kept["next_path"], kept["mark"])


@without_secrets
def end_devices(session: MutableMapping[str, Any], link: CustomerLink, *, number: int | None, mark: object) -> bool:
    """End the session of one device, or of all where `number` is None, and keep the new session of the customer.

    `mark` is that of the list that the reader has chosen from. False where another list is kept by now, which stays;
    where there is no such device in it; or where the vendor does not take the removal token any more: the list is
    forgotten then, and the reader has to ask anew. It works once. Raises `RemoteError` where it may be tried again.
    """
    kept = _kept(session, link)
    if kept is None or kept["mark"] != mark:
        return False
    if number is not None and not 1 <= number <= len(kept["sessions"]):
        return False
    session_id = None if number is None else kept["sessions"][number - 1][0]
    del session[KEY]  # the token may be spent even where the call fails
    try:
        sessions.end_sessions(link, kept["removal_token"], session_id=session_id)
    except PlenigoError as error:
        if getattr(error, "retryable", False):
            raise
        return False
    return True


def _kept(session: MutableMapping[str, Any], link: CustomerLink) -> dict[str, Any] | None:
    kept: dict[str, Any] | None = session.get(KEY)
    if (
        kept is None
        or kept.get("link") != link.pk
        or "mark" not in kept
        or not 0 <= time.time() - kept["kept_at"] < KEPT_SECONDS
    ):
        return None
    return kept


# ---- what the vendor is told of this device

#: The first that fits: browsers name each other in what they send.
_BROWSERS = (
    ("Edge", "Edg"),
    ("Opera", "OPR"),
    ("Firefox", "Firefox|FxiOS"),
    ("Chrome", "Chrome|CriOS"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("macOS", "Macintosh"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)


def traits_of(user_agent: str, *, source: str, ip_address: str) -> base.BrowserTraits:
    """Return what the vendor is told of a browser, so that the reader recognises it in the list of her devices."""
    return base.BrowserTraits(
        os=_first_in(_SYSTEMS, user_agent),
        browser=_first_in(_BROWSERS, user_agent),
        source=source,
        ip_address=ip_address,
    )


def _first_in(table: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((word for word, pattern in table if re.search(pattern, user_agent)), "")

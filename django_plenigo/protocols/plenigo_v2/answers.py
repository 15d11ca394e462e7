"""What answers mean: a closed table for failures, and readers that name what is missing."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django_plenigo.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteError,
    RemoteUnavailableError,
)
from django_plenigo.protocols.base import AccessRight, LoginPass, reading
from django_plenigo.protocols.plenigo_v2.arguments import SLOTS
from django_plenigo.transport import Answer

#: By how much the vendor's clock and ours may differ, in seconds (docs/protocols/plenigo-v2.md 1.3).
LEEWAY_SECONDS = 60

#: How long a login token works, in seconds (docs/protocols/plenigo-v2.md 5).
LOGIN_SECONDS = 300

#: In milliseconds since the epoch, the year 9999: what ends later has no end, and no `datetime` either.
END_OF_TIME = 253_370_764_800_000

DENIED = AccessRight(False)

#: What each status means, in the vendor's own words where it has some (docs/protocols/plenigo-v2.md 1.6).
BY_STATUS: Mapping[int, tuple[type[RemoteError], str]] = {
    400: (RejectedError, "invalid parameters"),
    401: (AuthenticationError, "wrong company id or secret"),
    403: (AuthenticationError, "no closed user group"),
    404: (NotFoundError, ""),
    409: (ConflictError, ""),
    429: (RateLimitError, ""),
}

#: Statuses after which nobody asks again.
REFUSALS = frozenset({400, 404, 409})

#: Every name that we send a value under: the only ones of a 400 that an error may repeat.
SENT_NAMES = frozenset(
    {
        "email",
        "language",
        "withPasswordReset",
        "failByExistingEmail",
        "externalUserId",
        "gender",
        "firstName",
        "name",
        "customerId",
        "useExternalCustomerId",
        *SLOTS,
        "amount",
        "productId",
        "testMode",
        "sessionCookie",
    }
)

_EPOCH_MILLISECONDS = re.compile("-?[0-9]{1,20}")


def judge(answer: Answer) -> tuple[type[RemoteError], str] | None:
    """Return the failure that a status means, None for success.

    A page is neither a success nor a refusal: something in front of the vendor has sent it, and nothing was done. It
    matters where the body is not read.
    """
    if answer.is_page and (200 <= answer.status < 300 or answer.status in REFUSALS):
        return reading.A_PAGE
    if 200 <= answer.status < 300:
        return None
    if answer.status == 400:
        return RejectedError, _refused_names(answer) or BY_STATUS[400][1]
    if answer.status in BY_STATUS:
        return BY_STATUS[answer.status]
    if answer.status >= 500:
        return RemoteUnavailableError, ""
    return ProtocolError, "redirect" if 300 <= answer.status < 400 else "unexpected status"


def _refused_names(answer: Answer) -> str:
    """Return which parameters a 400 names: its keys (docs/protocols/plenigo-v2.md 1.5)."""
    names = [name for name in reading.body_of(answer) if name in SENT_NAMES]
    return f"invalid {', '.join(names)}" if names else ""


def bool_of(answer: Answer, operation: str, key: str) -> bool:
    """Return a boolean of an answer's object. Raises `ProtocolError`."""
    value = reading.object_of(answer, operation).get(key)
    if not isinstance(value, bool):
        raise reading.unexpected(answer, operation, f"no {key}")
    return value


def id_of(answer: Answer, operation: str, *keys: str) -> str:
    """Return the id under the first key that is there; a number is taken for its digits. Raises `ProtocolError`."""
    body = reading.object_of(answer, operation)
    key = next((key for key in keys if body.get(key) is not None), keys[0])
    value = reading.id_text(body, key)
    if not value:
        raise reading.unexpected(answer, operation, f"no {keys[0]}")
    return value


def login_pass_of(answer: Answer, operation: str) -> LoginPass:
    """Return the login token of an answer. Raises `ProtocolError`."""
    return _login_pass(answer, operation, reading.object_of(answer, operation).get("loginToken"))


def login_passes_of(answer: Answer, operation: str, amount: int) -> list[LoginPass]:
    """Return the login tokens of an answer, which must be so many. Raises `ProtocolError`."""
    tokens = reading.object_of(answer, operation).get("loginTokens")
    if not isinstance(tokens, list) or len(tokens) != amount:
        raise reading.unexpected(answer, operation, f"not {amount} loginTokens")
    return [_login_pass(answer, operation, token) for token in tokens]


def _login_pass(answer: Answer, operation: str, token: object) -> LoginPass:
    if not isinstance(token, str) or not token:
        raise reading.unexpected(answer, operation, "no loginToken")
    return LoginPass(token, is_url=False, lifetime_seconds=LOGIN_SECONDS)


def rights_of(answer: Answer, operation: str, products: Sequence[str], now: float) -> dict[str, AccessRight]:
    """Return yes or no per product, and until when; `now` is in seconds since the epoch. Raises `ProtocolError`.

    A 403 is the vendor's no, but only with the vendor's own body: that of a firewall says nothing about purchases.
    Access that is granted while no purchase is listed is granted to everybody, because the paywall is off: else the
    vendor lists what is owned among what was asked, at least one (docs/protocols/plenigo-v2.md 2.2). A list without any
    of them is no answer, lest a payer is told to buy; only a product that is blocked makes it a no.
    """
    body = reading.object_of(answer, operation)
    if answer.status == 403:
        if "error" not in body:
            raise reading.unexpected(answer, operation, "not the vendor's body")
        return dict.fromkeys(products, DENIED)
    if not bool_of(answer, operation, "accessGranted"):
        return dict.fromkeys(products, DENIED)
    items = body.get("userProducts")
    if not items and items in (None, []):
        return dict.fromkeys(products, AccessRight(True))
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise reading.unexpected(answer, operation, "no userProducts")
    listed = [item for item in items if str(item.get("productId")) in products]
    blocked = [item for item in listed if _is_blocked(answer, operation, item)]
    ends: dict[str, list[int]] = {}
    for item in listed:
        end = _end_of(answer, operation, item)
        # Over by more than two clocks may differ; zero and below: it renews itself.
        has_ended = 0 < end <= (now - LEEWAY_SECONDS) * 1000
        if not has_ended and item not in blocked:
            ends.setdefault(str(item["productId"]), []).append(end)
    if not ends and not blocked:
        raise reading.unexpected(answer, operation, "access to no product that was asked for")
    return {product_id: _right_until(ends[product_id]) if product_id in ends else DENIED for product_id in products}


def _is_blocked(answer: Answer, operation: str, item: Mapping[str, Any]) -> bool:
    is_blocked = item.get("blocked")
    if is_blocked is not None and not isinstance(is_blocked, bool):
        raise reading.unexpected(answer, operation, "no blocked")
    return bool(is_blocked)


def _end_of(answer: Answer, operation: str, item: Mapping[str, Any]) -> int:
    """Return when a listed purchase is over, in milliseconds since the epoch; zero or below where it is not."""
    ends = item.get("lifeTimeEnd")
    if ends is None:
        return 0
    if isinstance(ends, bool) or not _EPOCH_MILLISECONDS.fullmatch(str(ends)):
        raise reading.unexpected(answer, operation, "no lifeTimeEnd")
    return int(ends)


def _right_until(ends: Sequence[int]) -> AccessRight:
    """Return the yes of one or more purchases of a product: the one that lasts longest counts."""
    if min(ends) <= 0 or max(ends) >= END_OF_TIME:
        return AccessRight(True)
    return AccessRight(True, until=datetime.fromtimestamp(max(ends) // 1000, UTC))

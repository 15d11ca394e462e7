"""What answers mean: closed tables for failures, and readers that name what is missing.

Read leniently (docs/protocols/plenigo-v3.md 1.7): absent, null and "" are equal, and a word that is new is kept.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

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
from django_plenigo.protocols.base import (
    ALREADY_BOUGHT,
    ALREADY_BOUGHT_BUT_BLOCKED,
    CHECKOUT_EXPIRED,
    CUSTOMER_ID_TAKEN,
    EMAIL_TAKEN,
    MODULE_NOT_BOOKED,
    NO_MATCH,
    OTHER_COMPANY,
    PROCESS_EXPIRED,
    PROCESS_OUT_OF_ORDER,
    PROCESS_USED,
    REGISTRATION_UNDER_WAY,
    TOO_MANY_TRIES,
    TWO_CUSTOMERS,
    UNKNOWN_OFFER,
    USERNAME_TAKEN,
    WRONG_CODE,
    reading,
)
from django_plenigo.transport import Answer

Meaning = tuple[type[RemoteError], str]
Value = TypeVar("Value")

INVALID = "invalid parameters"
SESSION_OVER = "session is over"
WRONG_ACCESS_TOKEN = "wrong access token, or one without the right"  # noqa: S105 - a word for a failure
NOT_AUTHORISED = "not authorised: a wrong access token, or one without the right"
TRANSFER_TOKEN_SPENT = "transfer token is spent"  # noqa: S105 - a word for a failure
EXTERNAL_ID_TAKEN = "external id is taken"

#: What each code means that is worth a branch (docs/protocols/plenigo-v3.md 1.3). The code decides before the status:
#: the vendor's documents disagree about the statuses.
BY_CODE: Mapping[int, Meaning] = {
    **dict.fromkeys((99001, 99002, 99003, 99014, 99400), (RejectedError, INVALID)),
    **dict.fromkeys((99008, 99009), (AuthenticationError, WRONG_ACCESS_TOKEN)),
    99018: (RemoteUnavailableError, "emergency mode"),
    99429: (RateLimitError, ""),
    **dict.fromkeys((99500, 99502, 99503, 99504), (RemoteUnavailableError, "")),
    20001: (RejectedError, "customer is inactive"),
    20011: (RejectedError, "customer is deactivated"),
    20022: (RejectedError, "customer must reset the password"),
    20024: (RejectedError, "customer is disabled"),
    20073: (RejectedError, "customer is blocked for processing"),
    20007: (ConflictError, EMAIL_TAKEN),
    20008: (ConflictError, USERNAME_TAKEN),
    20023: (ConflictError, EXTERNAL_ID_TAKEN),
    20027: (ConflictError, TWO_CUSTOMERS),
    20068: (ConflictError, CUSTOMER_ID_TAKEN),
    **dict.fromkeys((20012, 20013, 20014), (RejectedError, NO_MATCH)),
    20015: (NotFoundError, NO_MATCH),
    20016: (RejectedError, OTHER_COMPANY),
    **dict.fromkeys((20026, 11006, 11007), (RateLimitError, REGISTRATION_UNDER_WAY)),
    **dict.fromkeys((20028, 99010, 99011), (RejectedError, SESSION_OVER)),
    **dict.fromkeys((20030, 20031), (RejectedError, "session could not be ended")),
    20032: (RejectedError, TRANSFER_TOKEN_SPENT),
    **dict.fromkeys((20040, 20010), (RejectedError, PROCESS_EXPIRED)),
    20041: (RejectedError, PROCESS_USED),
    20042: (RejectedError, PROCESS_OUT_OF_ORDER),
    20043: (RejectedError, TOO_MANY_TRIES),
    20044: (RejectedError, WRONG_CODE),
    20046: (RejectedError, "additional data is missing"),
    20059: (RejectedError, "invalid email"),
    20060: (RejectedError, "invalid firstName, lastName"),
    20061: (RejectedError, "invalid username"),
    20062: (RejectedError, "e-mail address of plenigo's own"),
    20404: (NotFoundError, "customer"),
    21404: (NotFoundError, "access right"),
    40404: (NotFoundError, "subscription"),
    90404: (NotFoundError, "checkout"),
    21001: (ConflictError, "access right is there already"),
    40009: (RejectedError, "subscription is managed elsewhere"),
    40012: (RejectedError, "subscription is cancelled already"),
    40018: (RejectedError, "customer may not cancel"),
    **dict.fromkeys((90003, 90032), (RejectedError, CHECKOUT_EXPIRED)),
    90010: (RejectedError, "neither customer nor session"),
    90037: (NotFoundError, UNKNOWN_OFFER),
    90038: (RejectedError, "voucher and items"),
    90039: (RejectedError, ALREADY_BOUGHT),
    90040: (RejectedError, ALREADY_BOUGHT_BUT_BLOCKED),
}

#: Codes that end so, whatever stands before: a module of the vendor's that the company has not booked.
NOT_BOOKED = 402

#: What each status means where no code says it.
BY_STATUS: Mapping[int, Meaning] = {
    400: (RejectedError, INVALID),
    401: (AuthenticationError, NOT_AUTHORISED),
    403: (RejectedError, "refused"),
    404: (NotFoundError, ""),
    408: (RejectedError, PROCESS_EXPIRED),
    409: (ConflictError, ""),
    412: (RejectedError, PROCESS_USED),
    423: (RateLimitError, REGISTRATION_UNDER_WAY),
    428: (RejectedError, PROCESS_OUT_OF_ORDER),
    429: (RateLimitError, ""),
}

#: Every name that we send a value under: the only ones of a refusal that an error may repeat.
SENT_NAMES = frozenset(
    {
        *("email", "password", "language", "customerId", "externalSystemId", "username", "firstName", "lastName"),
        *("mobileNumber", "subscriptionId", "postcode", "street", "streetNumber", "city", "country", "companyName"),
        *("data", "accessRightUniqueId", "accessRightUniqueIds", "lifeTimeStart", "lifeTimeEnd", "blocked"),
        *("os", "browser", "source", "ipAddress", "customerSession", "verificationToken", "customerNotification"),
        *("customerIpAddress", "items", "plenigoOfferId", "quantity", "voucherCode", "basketId", "variantUniqueId"),
        *("allowedPaymentMethods", "forcePaymentMethod", "giftOption", "additionalData", "debugMode"),
        *("allowMultiplePurchases", "showNetPrices", "paymentOnly", "startWithVoucherInput", "hideVoucherInput"),
        *("invoiceEmail", "salutation", "birthday", "miscellaneousData", "processingBlocked", "size", "startingAfter"),
    }
)


def judge(answer: Answer) -> Meaning | None:
    """Return the failure that an answer means, None for success: by its code first, by its status second.

    A page is neither a success nor a refusal: something in front of the vendor has sent it, and nothing was done.
    """
    if 200 <= answer.status < 300:
        return reading.A_PAGE if answer.is_page else None
    if answer.is_page and answer.status < 500:
        return reading.A_PAGE
    if 300 <= answer.status < 400:
        return ProtocolError, "redirect"
    body = reading.body_of(answer)
    meaning = _meaning_of_code(body.get("errorCode")) or _meaning_of_status(answer.status)
    return (RejectedError, _refused_names(body) or INVALID) if meaning[1] == INVALID else meaning


def _meaning_of_code(code: object) -> Meaning | None:
    if isinstance(code, bool) or not isinstance(code, int):
        return None
    if code % 1000 == NOT_BOOKED:
        return RejectedError, MODULE_NOT_BOOKED  # the token is right, and other modules may be booked
    return BY_CODE.get(code)


def _meaning_of_status(status: int) -> Meaning:
    other = (RemoteUnavailableError, "") if status >= 500 else (ProtocolError, "unexpected status")
    return BY_STATUS.get(status, other)


def _refused_names(body: Mapping[str, Any]) -> str:
    """Return which values a refusal names in its `validationErrors`: of a path, such as items[0].quantity, the end."""
    errors = body.get("validationErrors")
    fields = [error.get("field") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    names = dict.fromkeys(str(field).rpartition(".")[2].partition("[")[0] for field in fields)
    known = [name for name in names if name in SENT_NAMES]
    return f"invalid {', '.join(known)}" if known else ""


def objects_of(answer: Answer, operation: str, key: str) -> list[dict[str, Any]]:
    """Return the list of objects under a key, empty where there is none. Raises `ProtocolError`."""
    items = reading.object_of(answer, operation).get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise reading.unexpected(answer, operation, f"no {key}")
    return items


def optional_text(values: Mapping[str, Any], key: str) -> str:
    """Return the text under a key of an object, "" where there is none."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def flag(values: Mapping[str, Any], key: str) -> bool:
    """Return whether a flag is set; absent is not."""
    return values.get(key) is True


def number(values: Mapping[str, Any], key: str) -> int | None:
    """Return the whole number under a key of an object, None where there is none."""
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def amount(values: Mapping[str, Any], key: str) -> Decimal | None:
    """Return the amount of money under a key of an object, None where there is none."""
    value = values.get(key)
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment(values: Mapping[str, Any], key: str) -> datetime | None:
    """Return the moment under a key of an object in UTC, None where there is none that can be read."""
    value = values.get(key)
    if not isinstance(value, str) or not value:
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def required(answer: Answer, operation: str, key: str, read: Callable[[Mapping[str, Any], str], Value | None]) -> Value:
    """Return what `read` makes of a key of an answer's object. Raises `ProtocolError` where that is nothing."""
    value = read(reading.object_of(answer, operation), key)
    if not value:
        raise reading.unexpected(answer, operation, f"no {key}")
    return value

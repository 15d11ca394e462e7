"""The log of callbacks. Source: docs/protocols/plenigo-v3.md 7."""

import re
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from ..callbacks import API_VERSION
from ..models import Application, CallbackAttempt
from .answers import NO_SUCH_ADDRESS, RefusalError, answered, without_gaps, written
from .endpoints import Call, operation
from .fields import Text
from .paging import Entry, page_of

ENTITY_TYPES = frozenset(
    [
        "APP_STORE_ORDER",
        "APP_STORE_SUBSCRIPTION",
        "CALLBACK_RENEWAL",
        "CROSS_CLIENT_ORDER",
        "CUSTOMER",
        "CUSTOMER_GDPR",
        "CUSTOMER_OPT_IN",
        "DOO_EVENT_ACCESS",
        "FAILED_PAYMENT",
        "INVOICE",
        "INVOICE_CANCELLATION",
        "INVOICE_CORRECTION",
        "ORDER",
        "PURCHASED_ADDON",
        "SUBSCRIPTION",
        "TRANSACTION",
        "VOUCHER_CAMPAIGN",
        "VOUCHER_CHANNEL",
    ]
)
CALLBACK_TYPES = frozenset(
    [
        "CANCELLATION",
        "CHANGE",
        "CONDITIONS_FULFILLED",
        "CREATION",
        "DELETION",
        "ENDED",
        "FINISHED",
        "PAYMENT_FAILED",
        "PAYMENT_REVOKED",
        "UNDO_CANCELLATION",
    ]
)


@operation("searchCallbackLogs", Application.CALLBACKS)
def search_callback_logs(call: Call) -> HttpResponse:
    """Return the calls that were made, page by page: all, or those of an entity type and a callback type."""
    asked = call.read_query({"entityType": Text(choices=ENTITY_TYPES), "callbackType": Text(choices=CALLBACK_TYPES)})
    rows = _log(call)
    if "entityType" in asked:
        rows = rows.filter(delivery__event__startswith=f"{asked['entityType']}.")
    if "callbackType" in asked:
        rows = rows.filter(delivery__event__endswith=f".{asked['callbackType']}")
    return page_of(call, [_entry(row) for row in rows])


@operation("getCallbackLog", Application.CALLBACKS)
def get_callback_log(call: Call, entry_id: str) -> HttpResponse:
    """Return one call that was made."""
    row = _log(call).filter(pk=int(entry_id)).first() if re.fullmatch(r"[0-9]{1,18}", entry_id) else None
    if row is None:
        raise RefusalError(404, NO_SUCH_ADDRESS, "There is no callback log entry with this id.")
    return answered(_element(row))


def _log(call: Call) -> QuerySet[CallbackAttempt]:
    rows = CallbackAttempt.objects.filter(delivery__callback__company=call.company)
    return rows.select_related("delivery").order_by("pk")


def _entry(row: CallbackAttempt) -> Entry:
    return Entry(str(row.pk), row.sent_at, lambda: _element(row))


def _element(row: CallbackAttempt) -> dict[str, Any]:
    entity_type, callback_type = row.delivery.event.split(".")
    status = "" if row.status is None else f"HTTP status {row.status}"
    return without_gaps(
        {
            "callbackLogEntryId": row.pk,
            "entityType": entity_type,
            "callbackType": callback_type,
            "entityVersion": API_VERSION,
            "entityId": row.delivery.entity_id,
            "success": row.is_success,
            "msg": status if row.is_success else None,
            "errorMsg": None if row.is_success else status or row.error,
            "createdDate": written(row.sent_at),
            "changedDate": written(row.sent_at),
            "createdByType": "SYSTEM",
            "changedByType": "SYSTEM",
        }
    )

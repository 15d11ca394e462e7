"""Takes a delivery: its origin is proved, it is stored once, and the vendor is answered. The work comes afterwards."""

import hashlib
import logging

from django.db import IntegrityError, router, transaction
from django.db.models import F
from django.utils import timezone

from django_plenigo.errors import ConfigurationError, InvalidValueError, SignatureError
from django_plenigo.models import WebhookDelivery
from django_plenigo.protocols.base import WebhookCall, WebhookReader, WebhookReceipt
from django_plenigo.services import outbox
from django_plenigo.services.rows import rows_of
from django_plenigo.services.webhooks.reasons import Reason
from django_plenigo.services.webhooks.records import State, take_up_again
from django_plenigo.services.webhooks.refusing import RefusedError, keep_refusal
from django_plenigo.services.webhooks.sources import account_of, reader_of
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)


def check_content_type(source: str, content_type: str) -> None:
    """Raise `RefusedError` where a source does not deliver in this media type, and keep that.

    Raises `UnknownSourceError`, too.
    """
    try:
        known = _reader(source).content_types
        if content_type not in known:
            raise RefusedError(Reason.CONTENT_TYPE, ", ".join(known))
    except RefusedError as error:
        raise _kept(source, error, content_type) from None


@without_secrets
def receive(source: str, call: WebhookCall) -> WebhookReceipt:
    """Store a delivery, have it worked on once that is committed, and return what the vendor is to be answered.

    What was delivered before is counted and answered the same; it is worked on again only where that has not come right
    yet. Raises `RefusedError`, and keeps why; `UnknownSourceError`, and errors of the database, where nothing is stored
    and the vendor has to deliver again.
    """
    try:
        receipt = _proved(source, call)
        has_work = _store(source, call, receipt)
    except RefusedError as error:
        raise _kept(source, error, call.content_type) from None
    if has_work:
        outbox.wake_on_commit(account_of(source) or "")
    return receipt


def refuse(source: str, reason: str, detail: str = "", *, content_type: str = "") -> RefusedError:
    """Keep that a delivery could not even be read, and return the error to raise."""
    return _kept(source, RefusedError(reason, detail), content_type)


def _kept(source: str, error: RefusedError, content_type: str) -> RefusedError:
    keep_refusal(source, error, content_type)
    return error


def _proved(source: str, call: WebhookCall) -> WebhookReceipt:
    """Return what to answer to a delivery whose origin is proved, and which can be read."""
    reader = _reader(source)
    try:
        receipt = reader.authenticate(call, now=timezone.now())
        reader.read_events(call.body, call.content_type)
    except SignatureError as error:
        raise RefusedError(error.code, error.detail) from None
    except InvalidValueError as error:
        raise RefusedError(Reason.MALFORMED, f"{error.field}: {error.problem}") from None
    except ConfigurationError as error:
        raise RefusedError(Reason.NOT_CONFIGURED, str(error)) from None
    except Exception as error:  # noqa: BLE001 - whatever a reader has not thought of: the vendor is to deliver again
        logger.error("A webhook could not be read, since this site raised %s", type(error).__name__)
        raise RefusedError(Reason.OWN_MISTAKE, type(error).__name__) from None
    return receipt


def _reader(source: str) -> WebhookReader:
    try:
        return reader_of(source)
    except ConfigurationError as error:
        raise RefusedError(Reason.NOT_CONFIGURED, str(error)) from None


def _store(source: str, call: WebhookCall, receipt: WebhookReceipt) -> bool:
    """Write a delivery and say whether there is work to do for it; one that was there before is counted.

    Raises `RefusedError` for one that repeats another in what is proved, and in nothing else.
    """
    body = call.body if receipt.kept is None else receipt.kept
    now, digest, body_digest = timezone.now(), _digest_of(call, receipt), hashlib.sha256(body).hexdigest()
    same = rows_of(WebhookDelivery).filter(source=source, digest=digest, body_digest=body_digest)
    again = {"repeated": F("repeated") + 1, "last_repeated_at": now}
    if same.update(**again):
        return bool(take_up_again(same, body))
    try:
        # A transaction of its own: what it holds is free again before the count, for which MariaDB would else let two
        # of several that come at once wait for each other.
        with transaction.atomic(router.db_for_write(WebhookDelivery)):
            rows_of(WebhookDelivery).create(
                source=source,
                digest=digest,
                body_digest=body_digest,
                state=State.WAITING,
                received_at=now,
                due_at=now,
                body=body,
                content_type=call.content_type[:100],
                needs_confirmation=receipt.needs_confirmation,
            )
    except IntegrityError:  # another one was faster, or there is one that is another
        if not same.update(**again):
            raise RefusedError(Reason.ALTERED) from None
        return False
    return True


def _digest_of(call: WebhookCall, receipt: WebhookReceipt) -> str:
    """Return what is the same of the same delivery: of what is proved, and of how it is read.

    Nothing signs the media type. Somebody who sends a delivery again as one of another type is not to have the real one
    taken for a repetition.
    """
    proved = call.body if receipt.signed is None else receipt.signed
    return hashlib.sha256(b"%b\0%b" % (call.content_type.encode(), proved)).hexdigest()

"""Who calls: by `ApiSignature`, by `X-API-KEY`, or by both. Source: docs/protocols/okepay.md 2."""

import base64
import hashlib
import hmac
from datetime import timedelta

from django.db.models import F
from django.http import HttpRequest

from .. import clock
from ..models import OkePayInstance
from .answers import SECRET_WRONG, RefusalError
from .instances import find_instance
from .parameters import Parameters

#: Payrexx is said to count calls over so long.
COUNTED = timedelta(minutes=5)


def signature(secret: str, signed: str) -> str:
    """Return `ApiSignature` of a text: HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()


def authenticate(request: HttpRequest, parameters: Parameters, query: Parameters) -> OkePayInstance:
    """Return the instance that a request names and is authenticated for.

    Raises `RefusalError`: 422 where the address names none; 403 where the body names another one, where neither
    signature nor key is there or one of them is wrong, and where the instance does not exist.
    """
    name = query.get("instance")
    if not name:
        raise RefusalError(422, "Unprocessable Content")
    if parameters.get("instance") not in {None, name}:
        raise RefusalError(403, "The instance in the body is another one than in the address.")
    instance = find_instance(name)
    secret = instance.secret if instance is not None else ""
    proofs = [
        (request.META.get("HTTP_X_API_KEY"), secret),
        (parameters.get("ApiSignature"), signature(secret, parameters.signed)),
    ]
    sent = [(told, right) for told, right in proofs if told is not None]
    are_right = [hmac.compare_digest(told.encode(), right.encode()) for told, right in sent]
    if instance is None or not secret or not are_right or not all(are_right):
        raise RefusalError(403, SECRET_WRONG)
    return instance


def count(instance: OkePayInstance) -> None:
    """Count a call where the instance has a limit. Raises `RefusalError` beyond it: 405 once, then 403."""
    if instance.calls_allowed is None:
        return
    now = clock.now()
    rows = OkePayInstance.objects.filter(pk=instance.pk)
    if not rows.filter(calls_counted_from__gt=now - COUNTED).update(calls_counted=F("calls_counted") + 1):
        rows.update(calls_counted_from=now, calls_counted=1)
    beyond = rows.values_list("calls_counted", flat=True)[0] - instance.calls_allowed
    if beyond > 0:
        raise RefusalError(405 if beyond == 1 else 403, "Too many requests.")

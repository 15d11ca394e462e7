"""OkePay's webhooks (docs/protocols/okepay.md 6)."""

import hmac
from collections.abc import Sequence
from datetime import datetime

from django_plenigo.errors import InvalidValueError, SignatureError
from django_plenigo.protocols.base import (
    NO_SIGNATURE,
    NO_TOKEN,
    WRONG_SIGNATURE,
    WRONG_TOKEN,
    PortalCustomerSeen,
    PortalSettings,
    WebhookCall,
    WebhookReader,
    WebhookReceipt,
    bodies,
)
from django_plenigo.protocols.okepay.objects import PURCHASED, nested_of, seen_in
from django_plenigo.protocols.okepay.signing import SERVICE
from django_plenigo.tracebacks import without_secrets

JSON, FORM = "application/json", "application/x-www-form-urlencoded"

SIGNATURE = "X-Webhook-Signature"


class Webhooks(WebhookReader):
    """The part of the client that reads what the vendor tells by itself."""

    content_types = (JSON, FORM)

    settings: PortalSettings

    webhook_keys: tuple[str, ...]
    """Any of them proves a delivery."""

    webhook_tokens: tuple[str, ...]
    """Any of them, in the address, lets a delivery in where there is no key; what it says is still to be confirmed."""

    accepts_tests: bool
    """Whether what was bought as a test stands for a purchase."""

    @property
    def can_prove(self) -> bool:
        """Whether there is a key or a token."""
        return bool(self.webhook_keys or self.webhook_tokens)

    @without_secrets
    def authenticate(self, call: WebhookCall, *, now: datetime) -> WebhookReceipt:
        """Return an empty receipt, once a key has signed the body or, without keys, a token is in the address."""
        if self.webhook_keys:
            self._check_signature(call)
            return WebhookReceipt()
        if not self.webhook_tokens:
            text = "or WEBHOOK_TOKENS is missing: nothing can prove a webhook"
            raise self.settings.wrong("WEBHOOK_KEYS", text)
        if not call.url_token:
            raise SignatureError(SERVICE, NO_TOKEN)
        if not _is_one_of(call.url_token, self.webhook_tokens):
            raise SignatureError(SERVICE, WRONG_TOKEN)
        return WebhookReceipt(needs_confirmation=True)

    def _check_signature(self, call: WebhookCall) -> None:
        sent = call.headers.get(SIGNATURE, "").strip()
        if not sent:
            raise SignatureError(SERVICE, NO_SIGNATURE, detail=SIGNATURE)
        signatures = [hmac.new(key.encode(), call.body, "sha256").hexdigest() for key in self.webhook_keys]
        if not _is_one_of(sent.lower(), signatures):
            raise SignatureError(SERVICE, WRONG_SIGNATURE)

    @without_secrets
    def read_events(self, body: bytes, content_type: str) -> list[PortalCustomerSeen]:
        """Return the customers of the transaction or of the subscription; of anything else nothing matters here."""
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type == JSON:
            values = bodies.json_object(body)
        elif media_type == FORM:
            values = nested_of(_pairs_of(body))
        else:
            raise InvalidValueError("content_type", f"must be {JSON} or {FORM}")
        found = [seen_in(kind, values.get(kind), accepts_tests=self.accepts_tests) for kind in PURCHASED]
        return [each for each in found if each is not None]


def _pairs_of(body: bytes) -> list[tuple[str, bytes]]:
    """Return the names and values of a form. Raises `InvalidValueError`.

    The media type is not signed, and JSON escapes none of the signs that part the fields of a form: somebody whose name
    looks like fields would otherwise have a delivery of hers read as he likes, by sending its JSON again as a form.
    """
    if body.lstrip().startswith((b"{", b"[")):
        raise InvalidValueError("body", f"is JSON, sent as {FORM}")
    return bodies.form_pairs(body)


def _is_one_of(sent: str, known: Sequence[str]) -> bool:
    """Say whether a text is one of those that are known, and let nobody measure how much of it is right."""
    encoded = sent.encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(encoded, each.encode()) for each in known])  # noqa: C419 - all are compared

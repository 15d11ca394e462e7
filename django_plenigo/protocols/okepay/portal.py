"""OkePay's pages for subscribers: log-in links, and what else is asked of its API (docs/protocols/okepay.md 1 to 5)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext

from django_plenigo.errors import InvalidValueError, NotFoundError
from django_plenigo.protocols.base import (
    CredentialProbe,
    CustomerRef,
    Portal,
    PortalCustomerSeen,
    PortalLink,
    PortalOption,
    PortalSettings,
    PortalTarget,
    SubscriptionCanceller,
    WebhookEvent,
    checked_id,
)
from django_plenigo.protocols.okepay import answers
from django_plenigo.protocols.okepay.objects import LARGEST_CONTACT, PURCHASED, seen_in
from django_plenigo.protocols.okepay.signing import SERVICE, api_signature
from django_plenigo.protocols.okepay.webhooks import Webhooks
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Answer, Transport

#: The vendor's own domain; those who sell its service under a name of theirs have another.
DOMAIN = "okepay.info"

BY_SIGNATURE, BY_API_KEY = "signature", "api_key"

#: In characters. What is shorter somebody may guess; what the error tells to write prints 43.
SHORTEST_TOKEN = 32

_INSTANCE = re.compile("[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?")
_VERSION = re.compile(r"v[0-9]{1,3}(?:\.[0-9]{1,3})?")
_NUMBER = re.compile("[0-9]{1,18}")
_CONTACT = re.compile("[1-9][0-9]{0,9}")

Parameters = Sequence[tuple[str, str]]


class OkePay(Webhooks, Portal, CredentialProbe, SubscriptionCanceller):
    """One instance at OkePay, at Payrexx, or at another that sells the same under its own domain.

    Every verb raises `InvalidValueError` before anything is sent, and `RemoteError`: `AuthenticationError` for a wrong
    instance or secret, `NotFoundError` for an unknown contact or object.
    """

    label: ClassVar[Any] = "OkePay"

    options: ClassVar[Mapping[str, PortalOption]] = {
        "INSTANCE": PortalOption((str,), sandbox="django_plenigo.sandbox.credentials.OKEPAY_INSTANCE"),
        "SECRET": PortalOption((str,), sandbox="django_plenigo.sandbox.credentials.OKEPAY_SECRET", is_secret=True),
        # A signature keeps the secret off the wire; Payrexx takes the secret itself as well.
        "AUTHENTICATION": PortalOption((str,), BY_SIGNATURE, (BY_SIGNATURE, BY_API_KEY)),
        "VERSION": PortalOption((str,), "v1.0"),
        "BASE_DOMAIN": PortalOption((str,), DOMAIN),
        "WEBHOOK_KEYS": PortalOption((list, tuple), (), is_secret=True),
        "WEBHOOK_TOKENS": PortalOption((list, tuple), (), is_secret=True),
    }

    @without_secrets
    def __init__(self, settings: PortalSettings) -> None:
        """Prepare calls. Raises `ConfigurationError`."""
        super().__init__(settings)
        self._instance, self._secret = settings.text("INSTANCE"), settings.text("SECRET")
        self._base_domain = settings.host("BASE_DOMAIN") or DOMAIN
        self.webhook_keys, self.webhook_tokens = settings.texts("WEBHOOK_KEYS"), settings.texts("WEBHOOK_TOKENS")
        if any(len(token) < SHORTEST_TOKEN for token in self.webhook_tokens):
            example = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
            problem = f"must hold texts of at least {SHORTEST_TOKEN} characters, as are printed by {example}"
            raise settings.wrong("WEBHOOK_TOKENS", problem)
        self.accepts_tests = settings.mode == "sandbox"
        if not _INSTANCE.fullmatch(self._instance):
            raise settings.wrong("INSTANCE", f"must be the first part of your page's host, before .{self._base_domain}")
        version = settings.text("VERSION")
        if not _VERSION.fullmatch(version):
            raise settings.wrong("VERSION", "must be a version, as in v1.0")
        self._root = f"/{version}"
        self._signs = settings.options["AUTHENTICATION"] == BY_SIGNATURE
        if not self._signs and not self._secret.isascii():  # it is sent as a header
            raise settings.wrong("SECRET", "must have no character outside of ASCII with AUTHENTICATION 'api_key'")
        self._transport = Transport(
            SERVICE,
            settings.api_url or f"https://api.{self._base_domain}",
            judge=answers.judge,
            timeout_seconds=settings.timeout_seconds,
            cache_alias=settings.cache_alias,
            adapter=settings.adapter,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.settings.alias!r}>"

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """The instance's own host, and what LINK_HOSTS says."""
        return (f"{self._instance}.{self._base_domain}".lower(), *super().link_hosts)

    @classmethod
    @without_secrets
    def check_reference(cls, customer: CustomerRef) -> None:
        """Refuse what is no contact's id as the vendor writes it: a number without zeros in front, an int32 (4)."""
        if customer.is_external:
            text = gettext("must be the vendor's own id of a contact: it knows nobody by a reference of yours")
            raise InvalidValueError("customer", text)
        number = checked_id("customer", customer.value)
        if not _CONTACT.fullmatch(number) or int(number) > LARGEST_CONTACT:
            text = gettext("must be the id of a contact: a number from 1 to %(largest)d, without zeros in front")
            raise InvalidValueError("customer", text % {"largest": LARGEST_CONTACT})

    @without_secrets
    def mint_link(self, customer: CustomerRef, target: PortalTarget) -> PortalLink:
        """Return a new link for a contact, by the id that a webhook has told (4). The target is the vendor's choice.

        How long it works the vendor does not say in a way that could be relied on.
        """
        self.check_reference(customer)
        answer = self._call("mint_link", "POST", "/AuthToken/", [("userId", customer.value)])
        link = answers.first_of(answer).get("link")
        if not isinstance(link, str) or not link:
            raise answers.unexpected(answer, "mint_link", "no link")
        return PortalLink(link, lifetime_seconds=None)

    @without_secrets
    def check_credentials(self) -> None:
        """Ask the vendor whether a signature is right (4)."""
        self._call("check_credentials", "GET", "/SignatureCheck/0/", [("model", "SignatureCheck")])

    @without_secrets
    def cancel_subscription(self, subscription: str) -> None:
        """Cancel a subscription by its number (4). Not idempotent: of one that is cancelled the vendor may complain."""
        number = _checked_number("subscription", subscription)
        # Signed with its number, so that the signature of one cancellation is none of another.
        parameters = [("id", number), ("model", "Subscription")]
        self._call("cancel_subscription", "DELETE", f"/Subscription/{number}/", parameters)

    @without_secrets
    def confirm(self, event: WebhookEvent) -> PortalCustomerSeen | None:
        """Return what the vendor says itself of the transaction or subscription of an event, None where it has none."""
        if not isinstance(event, PortalCustomerSeen) or event.object_kind not in PURCHASED:
            return None
        if event.object_id in ("", "0"):  # the vendor's clients send 0 where there is none
            return None
        number = _checked_number("object_id", event.object_id)
        model = event.object_kind.capitalize()
        try:
            answer = self._call("confirm", "GET", f"/{model}/{number}/", [("id", number), ("model", model)])
        except NotFoundError:
            return None
        try:
            seen = seen_in(event.object_kind, answers.first_of(answer), accepts_tests=self.accepts_tests)
        except InvalidValueError as error:
            raise answers.unexpected(answer, "confirm", f"unreadable {error.field}") from None
        if seen is not None and seen.object_id != number:
            raise answers.unexpected(answer, "confirm", "another object")
        return seen

    def _call(self, operation: str, method: str, path: str, parameters: Parameters) -> Answer:
        """Make a call with exactly these parameters, signed in this order. The instance is no part of them."""
        sent, instance = list(parameters), {"instance": self._instance}
        if self._signs:
            sent.append(("ApiSignature", api_signature(self._secret, parameters)))
        if method == "GET":
            # Only reading may be repeated: nothing else of this API is idempotent.
            params = {**dict(sent), **instance}
            return self._transport.call(
                operation, method, self._root + path, params=params, headers=self._headers, idempotent=True
            )
        return self._transport.call(
            operation, method, self._root + path, params=instance, form=sent, headers=self._headers
        )

    def _headers(self) -> Mapping[str, str]:
        return {} if self._signs else {"X-API-KEY": self._secret}


def _checked_number(field: str, value: object) -> str:
    text = checked_id(field, value)
    if not _NUMBER.fullmatch(text):
        raise InvalidValueError(field, "must be a number")
    return str(int(text))

"""Callbacks, which tell a publisher's site what has happened. Source: docs/protocols/plenigo-v3.md 7."""

import base64
import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import identifiers
from .merchant import Company
from .posting import WEB_ADDRESS, Attempt, Delivery

USER_NAME = RegexValidator(r"\A[^:\x00-\x1f]*\Z", _("A user name without a colon."))
HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)[ \t]*")
#: What the sandbox or the connection itself sends.
TAKEN_HEADERS = frozenset(
    [
        "connection",
        "content-length",
        "content-type",
        "host",
        "plenigo-signature",
        "transfer-encoding",
        "x-plenigo-api-version",
    ]
)


def read_headers(text: str) -> dict[str, str]:
    """Return headers that are written one a line, as `Name: value`. Raises `ValidationError` that names the line."""
    headers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = HEADER.fullmatch(line.strip())
        if found is None:
            raise ValidationError(
                _("Line %(number)d is no header. Write it as Name: value."), params={"number": number}
            )
        name, value = found.groups()
        if name.lower() in TAKEN_HEADERS or name.lower() in {other.lower() for other in headers}:
            raise ValidationError(
                _("Line %(number)d: this header is sent already. Leave the line out."), params={"number": number}
            )
        headers[name] = value
    return headers


def validate_headers(text: str) -> None:
    """Raise `ValidationError` for what are no headers."""
    read_headers(text)


class Callback(models.Model):
    """One address, and what it is told of."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="callbacks", verbose_name=_("company"))
    url = models.CharField(_("address"), max_length=500, validators=[WEB_ADDRESS])
    events = models.JSONField(_("events"), default=list)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    secret = models.CharField(_("secret"), max_length=64, default=identifiers.new_secret, editable=False)
    sends_empty_values = models.BooleanField(
        _("sends empty values"),
        default=True,
        help_text=_(
            "As plenigo does: whole objects, with empty texts and null, also where its own schema forbids them."
        ),
    )
    username = models.CharField(
        _("user name"),
        max_length=100,
        blank=True,
        default="",
        validators=[USER_NAME],
        help_text=_("For Basic authentication at the address; empty for none."),
    )
    password = models.CharField(_("password"), max_length=200, blank=True, default="")
    headers = models.TextField(
        _("headers"),
        blank=True,
        default="",
        validators=[validate_headers],
        help_text=_("Sent with every call. One a line, as Name: value."),
    )
    failures_count_from = models.DateTimeField(null=True, blank=True, editable=False)
    warned_at = models.DateTimeField(
        _("company told of failures at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("After ten failures a day a mail to the company lies in the outbox."),
    )
    switched_off_at = models.DateTimeField(
        _("switched off at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("After ten failures a day on seven days running."),
    )

    class Meta:
        verbose_name = _("callback")
        verbose_name_plural = _("callbacks")

    def __str__(self) -> str:
        return self.url

    def clean(self) -> None:
        """Refuse two ways at once to fill the header `Authorization`. Raises `ValidationError`."""
        try:
            names = {name.lower() for name in read_headers(self.headers)}
        except ValidationError:
            return  # told at the field
        if self.username and "authorization" in names:
            text = _("The user name fills the header Authorization: leave one of the two out.")
            raise ValidationError({"headers": text})
        if self.password and not self.username:
            raise ValidationError({"username": _("A password needs a user name.")})

    def authentication(self) -> dict[str, str]:
        """Return the headers by which the address knows the sender, besides the signature."""
        headers = read_headers(self.headers)
        if self.username:
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return headers


class CallbackDelivery(Delivery):
    """Something that a callback tells, until it was told or given up."""

    callback = models.ForeignKey(
        Callback, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("callback")
    )
    entity_id = models.CharField(_("id"), max_length=40)
    #: Unix seconds of the real time, which receivers compare with theirs.
    signed_at = models.BigIntegerField(_("signed at"))

    class Meta:
        verbose_name = _("callback delivery")
        verbose_name_plural = _("callback deliveries")


class CallbackAttempt(Attempt):
    """One call of a callback: a line of the callback log."""

    delivery = models.ForeignKey(
        CallbackDelivery, on_delete=models.CASCADE, related_name="log", verbose_name=_("callback delivery")
    )

    class Meta:
        verbose_name = _("callback log entry")
        verbose_name_plural = _("callback log")

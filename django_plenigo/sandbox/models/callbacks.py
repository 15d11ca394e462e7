"""Callbacks, which tell a publisher's site what has happened. Source: docs/protocols/plenigo-v3.md 7."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import identifiers
from .merchant import Company

WEB_ADDRESS = RegexValidator(r"\Ahttps?://[^\s]+\Z", _("An address that begins with http:// or https://."))


class Callback(models.Model):
    """One address, and what it is told of."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="callbacks", verbose_name=_("company"))
    #: Not a URLField: the site may be called by a name without a dot.
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


class CallbackDelivery(models.Model):
    """Something that a callback tells, until it was told or given up."""

    callback = models.ForeignKey(
        Callback, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("callback")
    )
    event = models.CharField(_("event"), max_length=60)
    entity_id = models.CharField(_("id"), max_length=40)
    body = models.TextField(_("body"))
    #: Unix seconds of the real time, which receivers compare with theirs.
    signed_at = models.BigIntegerField(_("signed at"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True, db_index=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("callback delivery")
        verbose_name_plural = _("callback deliveries")

    def __str__(self) -> str:
        return f"{self.event} {self.entity_id}"


class CallbackAttempt(models.Model):
    """One call of a callback: a line of the callback log."""

    delivery = models.ForeignKey(
        CallbackDelivery, on_delete=models.CASCADE, related_name="log", verbose_name=_("callback delivery")
    )
    sent_at = models.DateTimeField(_("sent at"))
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=100, blank=True, default="")
    is_success = models.BooleanField(_("success"))

    class Meta:
        verbose_name = _("callback log entry")
        verbose_name_plural = _("callback log")

    def __str__(self) -> str:
        return str(self.pk)

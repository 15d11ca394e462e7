"""What vendors have delivered by themselves: stored once, worked on afterwards, its body dropped then."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class WebhookDelivery(models.Model):
    """One delivery. A refused one has neither body nor digest: the vendor's retry, once all is mended, must count."""

    class State(models.TextChoices):
        """What has become of it."""

        WAITING = "waiting", _("waits")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("refused")

    source = models.CharField(_("source"), max_length=80, help_text=_("The part of the address behind webhooks/."))
    # SHA-256 of its media type and what is proved of it. NULL, not "", where it was refused: unique, and of those there
    # are many.
    digest = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001
    # SHA-256 of the body without its signatures: a repetition that differs in what is not proved is no repetition, but
    # somebody's work.
    body_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    # One word; `services.webhooks` has the sentences and what to do. No choices, so that another is no migration.
    reason = models.CharField(_("reason"), max_length=64, blank=True, default="")
    received_at = models.DateTimeField(_("received at"))
    repeated = models.PositiveIntegerField(
        _("repeated"), default=0, help_text=_("How often the same was delivered again.")
    )
    last_repeated_at = models.DateTimeField(_("last repeated at"), null=True, blank=True)
    content_type = models.CharField(max_length=100, blank=True, default="", editable=False)
    # Personal data: gone as soon as the work is done.
    body = models.BinaryField(null=True, blank=True, editable=False)
    needs_confirmation = models.BooleanField(default=False, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # NULL where nothing is left to do.
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True, editable=False)
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    last_error_type = models.CharField(_("kind of the last error"), max_length=64, blank=True, default="")

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        default_permissions = ("view", "delete")
        permissions = [("retry_webhookdelivery", "Can work on webhook deliveries again")]
        constraints = [models.UniqueConstraint(fields=["source", "digest"], name="plenigo_webhook_digest")]
        indexes = [
            models.Index(fields=["due_at", "id"], name="plenigo_webhook_due"),
            models.Index(fields=["source", "state", "id"], name="plenigo_webhook_state"),
            models.Index(fields=["received_at"], name="plenigo_webhook_received"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.pk}"

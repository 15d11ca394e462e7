"""What callbacks and webhooks share: an address, a queue of what is sent there, and the log of the calls."""

from datetime import datetime

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

#: Not a URLField's: the site may be called by a name without a dot.
WEB_ADDRESS = RegexValidator(r"\Ahttps?://[^\s]+\Z", _("An address that begins with http:// or https://."))


class Delivery(models.Model):
    """Something that is sent, until the site has taken it or it is given up. What it is about is `entity_id`."""

    event = models.CharField(_("event"), max_length=60)
    entity_id: "models.CharField[str, str]"
    #: Exactly as it is sent, each time anew: it is signed.
    body = models.TextField(_("body"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), null=True, blank=True, db_index=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.event} {self.entity_id}"

    def claim(self, now: datetime, until: datetime) -> bool:
        """Count an attempt and keep others off until a moment; say whether it was due, and no other one was faster."""
        if self.due_at is None or self.due_at > now:
            return False
        as_read = type(self)._default_manager.filter(pk=self.pk, due_at=self.due_at, attempts=self.attempts)
        return bool(as_read.update(due_at=until, attempts=self.attempts + 1))


class Attempt(models.Model):
    """One call: a line of the log."""

    sent_at = models.DateTimeField(_("sent at"))
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    #: The name of what went wrong, and never what a site has answered.
    error = models.CharField(_("error"), max_length=100, blank=True, default="")
    is_success = models.BooleanField(_("success"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)

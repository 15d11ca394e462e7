"""Rights that a merchant gives through API v3."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .customers import Customer
from .merchant import ACCESS_RIGHT_ID


class AccessRight(models.Model):
    """One right of one customer that no purchase has given. Source: docs/protocols/plenigo-v3.md 4."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="access_rights", verbose_name=_("customer")
    )
    access_right_id = models.CharField(_("access right"), max_length=30, validators=[ACCESS_RIGHT_ID])
    life_time_start = models.DateTimeField(_("valid from"), null=True, blank=True)
    life_time_end = models.DateTimeField(_("valid until"), null=True, blank=True)
    access_time_start = models.CharField(
        _("daily from"), max_length=30, blank=True, default="", help_text=_("UTC, as HH:MM:SS.")
    )
    access_time_end = models.CharField(
        _("daily until"), max_length=30, blank=True, default="", help_text=_("UTC, as HH:MM:SS.")
    )
    paused_time_start = models.DateTimeField(_("paused from"), null=True, blank=True)
    paused_time_end = models.DateTimeField(_("paused until"), null=True, blank=True)
    max_cache_date = models.DateTimeField(_("may be cached until"), null=True, blank=True)
    data = models.JSONField(_("additional data"), blank=True, default=dict)
    blocked = models.BooleanField(_("blocked"), default=False)
    created_at = models.DateTimeField(_("created at"))
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("access right")
        verbose_name_plural = _("access rights")
        constraints = [
            models.UniqueConstraint(fields=["customer", "access_right_id"], name="plenigo_sandbox_access_right"),
        ]

    def __str__(self) -> str:
        return self.access_right_id

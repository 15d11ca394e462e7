"""Purchases that a shop has prepared and nobody has paid yet."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .customers import Customer
from .merchant import Company


class PreparedPurchase(models.Model):
    """One purchase id and what it stands for. Source: docs/protocols/plenigo-v3.md 5.1."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", verbose_name=_("company"))
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="+", null=True, blank=True, verbose_name=_("customer")
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    body = models.JSONField(_("what the shop sent"))
    expires_at = models.DateTimeField(_("expires at"))
    order_id = models.CharField(_("order id"), max_length=64, blank=True, default="")

    class Meta:
        verbose_name = _("prepared purchase")
        verbose_name_plural = _("prepared purchases")

    def __str__(self) -> str:
        return str(self.pk)

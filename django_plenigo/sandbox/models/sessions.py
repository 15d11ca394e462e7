"""Log-ins of customers in API v3. Source: docs/protocols/plenigo-v3.md 3."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .customers import Customer


class CustomerSession(models.Model):
    """One log-in. The session's text is derived from its id, and stored nowhere."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="customer_sessions", verbose_name=_("customer")
    )
    session_id = models.CharField(_("session id"), max_length=40, unique=True)
    os = models.CharField(_("operating system"), max_length=100, blank=True, default="")
    browser = models.CharField(_("browser"), max_length=200, blank=True, default="")
    source = models.CharField(_("source"), max_length=200, blank=True, default="")
    source_url = models.CharField(_("address of the source"), max_length=2000, blank=True, default="")
    ip_address = models.CharField(_("IP address"), max_length=45, blank=True, default="")
    country = models.CharField(_("country"), max_length=2, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(
        _("ended at"), null=True, blank=True, help_text=_("When another log-in has taken its place.")
    )

    class Meta:
        verbose_name = _("customer session")
        verbose_name_plural = _("customer sessions")

    def __str__(self) -> str:
        return self.session_id


class SessionRemoval(models.Model):
    """The pass to end sessions when there are too many. Only its digest is kept."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", verbose_name=_("customer"))
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    logging_data = models.JSONField(_("new log-in"), default=dict)
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("session removal")
        verbose_name_plural = _("session removals")

    def __str__(self) -> str:
        return str(self.pk)


class TransferToken(models.Model):
    """The pass that carries a session to another site, once. Only its digest is kept."""

    session = models.ForeignKey(
        CustomerSession, on_delete=models.CASCADE, related_name="transfer_tokens", verbose_name=_("customer session")
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("transfer token")
        verbose_name_plural = _("transfer tokens")

    def __str__(self) -> str:
        return str(self.pk)

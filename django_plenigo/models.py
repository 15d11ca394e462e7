"""What this site knows of its readers at the vendor. No model holds a secret, a token or a copy of vendor data."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class CustomerLink(models.Model):
    """One local user as a customer of one account. A row alone says nothing: `is_registered` does."""

    account = models.CharField(
        _("account"), max_length=64, default="default", help_text=_("The alias in the setting PLENIGO.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="plenigo_links", verbose_name=_("user")
    )
    # NULL, not "", in the two ids: each is unique, and many links have none yet.
    customer_id = models.CharField(  # noqa: DJ001
        _("customer id"), max_length=100, null=True, blank=True, help_text=_("Given by plenigo; empty until known.")
    )
    external_id = models.CharField(  # noqa: DJ001
        _("external id"), max_length=100, null=True, blank=True, help_text=_("This site's own id of the customer.")
    )
    confirmed_email = models.EmailField(
        _("confirmed e-mail address"),
        blank=True,
        default="",
        help_text=_("The last address that plenigo has acknowledged."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("customer link")
        verbose_name_plural = _("customer links")
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="plenigo_link_user"),
            models.UniqueConstraint(fields=["account", "customer_id"], name="plenigo_link_customer_id"),
            models.UniqueConstraint(fields=["account", "external_id"], name="plenigo_link_external_id"),
        ]

    def __str__(self) -> str:
        # Neither an address nor an id: this text stands in logs and on error pages.
        return f"{self.account} {self.pk}"

    @property
    def is_registered(self) -> bool:
        """Whether the vendor knows this reader, by either id."""
        return bool(self.customer_id or self.external_id)


class RemoteChange(models.Model):
    """One thing of a link that the vendor must be told: which thing, never its value.

    A row is a state, not an event: out of step while `noted > delivered`.
    """

    class Kind(models.TextChoices):
        """What of the link is out of step."""

        REGISTER = "register", _("register")

    link = models.ForeignKey(
        CustomerLink, on_delete=models.CASCADE, related_name="remote_changes", verbose_name=_("customer link")
    )
    kind = models.CharField(_("kind"), max_length=32, choices=Kind.choices)
    noted = models.PositiveIntegerField(_("noted"), default=0)
    delivered = models.PositiveIntegerField(_("delivered"), default=0)
    refused_at = models.DateTimeField(_("refused at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("remote change")
        verbose_name_plural = _("remote changes")
        constraints = [models.UniqueConstraint(fields=["link", "kind"], name="plenigo_change_link_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.link_id}"

    @property
    def is_refused(self) -> bool:
        """Whether no retry can mend this; an agent has to look."""
        return self.refused_at is not None

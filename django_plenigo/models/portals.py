"""Who a reader is in the portals of PLENIGO_PORTALS, and when she was led there. No link, token or session is kept."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class PortalAccount(models.Model):
    """One local user at one portal: the reference that this site has issued, and the vendor's, once it is known."""

    class Provenance(models.TextChoices):
        """Where the vendor's reference is from."""

        WEBHOOK = "webhook", _("webhook")
        FILE = "file", _("file")
        BY_HAND = "by_hand", _("by hand")

    portal = models.CharField(_("portal"), max_length=32, help_text=_("The name in the setting PLENIGO_PORTALS."))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="portal_accounts", verbose_name=_("user")
    )
    # NULL, not "", in both references: each is unique, and many accounts have none yet.
    our_reference = models.CharField(  # noqa: DJ001
        _("our reference"),
        max_length=64,
        null=True,
        blank=True,
        editable=False,
        help_text=_("Issued by this site; a purchase brings it back."),
    )
    reference = models.CharField(  # noqa: DJ001
        _("reference"),
        max_length=250,
        null=True,
        blank=True,
        help_text=_("By which the vendor knows the customer; empty until known."),
    )
    is_external = models.BooleanField(
        _("external"),
        default=False,
        help_text=_("Whether the reference is one that you have given the vendor, and not the vendor's own id."),
    )
    provenance = models.CharField(
        _("provenance"), max_length=16, choices=Provenance.choices, blank=True, default="", editable=False
    )
    bound_at = models.DateTimeField(_("bound at"), null=True, blank=True, editable=False)
    bound_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("bound by"),
    )
    bound_from = models.CharField(_("bound from"), max_length=200, blank=True, default="", editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("portal account")
        verbose_name_plural = _("portal accounts")
        constraints = [
            models.UniqueConstraint(fields=["portal", "user"], name="plenigo_portal_user"),
            models.UniqueConstraint(fields=["portal", "our_reference"], name="plenigo_portal_our_reference"),
            models.UniqueConstraint(fields=["portal", "reference"], name="plenigo_portal_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.portal} {self.pk}"

    @property
    def is_bound(self) -> bool:
        """Whether the vendor's pages can be opened for this user."""
        return bool(self.reference)


class PortalHandover(models.Model):
    """One click on a portal's button: who, where, when and what came of it. Never the link."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user"),
    )
    portal = models.CharField(_("portal"), max_length=32)
    page = models.CharField(_("page"), max_length=64, blank=True, default="")
    at = models.DateTimeField(_("at"))
    # No choices, so that a further outcome is no migration; `services.portals.Outcome` has the words.
    outcome = models.CharField(_("outcome"), max_length=32)
    last_error = models.CharField(_("error"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("portal hand-over")
        verbose_name_plural = _("portal hand-overs")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["user", "id"], name="plenigo_handover_user"),
            models.Index(fields=["at"], name="plenigo_handover_at"),
        ]

    def __str__(self) -> str:
        return f"{self.portal} {self.pk}"

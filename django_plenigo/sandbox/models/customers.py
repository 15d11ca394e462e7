"""A company's customers and what lets them in."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import identifiers
from .merchant import Company


class Customer(models.Model):
    """One person at one company."""

    class Status(models.TextChoices):
        """Whether he may log in and buy. Source: docs/protocols/plenigo-v3.md 2.1."""

        ACTIVATED = "ACTIVATED", _("activated")
        BLOCKED = "BLOCKED", _("blocked until the password is reset")
        DEACTIVATED = "DEACTIVATED", _("deactivated")
        DISABLED = "DISABLED", _("disabled by the vendor")

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="customers", verbose_name=_("company"))
    customer_id = models.CharField(_("customer id"), max_length=20, default=identifiers.new_customer_id)
    email = models.EmailField(_("e-mail address"))
    #: The address as it is matched. Not an expression index: MariaDB enforces none.
    email_key = models.CharField(_("e-mail address as compared"), max_length=508, editable=False)
    external_id = models.CharField(  # noqa: DJ001 - unique, and many have none
        _("external id"), max_length=100, null=True, blank=True, help_text=_("The merchant's own id of the customer.")
    )
    language = models.CharField(_("language"), max_length=2, default="en")
    first_name = models.CharField(_("first name"), max_length=255, blank=True, default="")
    last_name = models.CharField(_("last name"), max_length=255, blank=True, default="")
    username = models.CharField(_("user name"), max_length=255, blank=True, default="")
    gender = models.CharField(_("gender"), max_length=20, blank=True, default="")
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    phone_number = models.CharField(_("phone number"), max_length=50, blank=True, default="")
    mobile_number = models.CharField(_("mobile number"), max_length=50, blank=True, default="")
    password = models.CharField(_("password, hashed"), max_length=128, blank=True, default="")
    failed_logins = models.PositiveSmallIntegerField(_("failed log-ins"), default=0)
    locked_until = models.DateTimeField(_("locked until"), null=True, blank=True)
    status = models.CharField(
        _("status"),
        max_length=11,
        choices=Status.choices,
        default=Status.ACTIVATED,
        help_text=_("Only an activated customer can log in and buy, and has access in API v3."),
    )
    registered_at = models.DateTimeField(_("last registered at"), help_text=_("By the sandbox's clock."))
    number = models.CharField(
        _("customer number"),
        max_length=18,
        default=identifiers.new_customer_number,
        help_text=_("The customer's id in API v3."),
    )
    invoice_email = models.EmailField(_("e-mail address for invoices"), blank=True, default="")
    has_pseudo_email = models.BooleanField(
        _("placeholder for an e-mail address"),
        default=False,
        help_text=_("The customer was imported without an address and cannot log in until he connects his account."),
    )
    processing_blocked = models.BooleanField(_("processing blocked"), default=False)
    leitweg_id = models.CharField(_("Leitweg-ID"), max_length=50, blank=True, default="")
    registration_source = models.CharField(_("source of the registration"), max_length=100, blank=True, default="")
    data = models.JSONField(_("additional data"), blank=True, default=dict)
    changed_at = models.DateTimeField(_("changed at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(fields=["company", "customer_id"], name="plenigo_sandbox_customer_id"),
            models.UniqueConstraint(fields=["company", "email_key"], name="plenigo_sandbox_customer_email"),
            models.UniqueConstraint(fields=["company", "external_id"], name="plenigo_sandbox_customer_external"),
            models.UniqueConstraint(fields=["company", "number"], name="plenigo_sandbox_customer_number"),
        ]

    def __str__(self) -> str:
        return self.customer_id

    def save(self, **kwargs: Any) -> None:
        """Keep the compared form of the address in step."""
        self.email_key = email_key(self.email)
        fields = kwargs.get("update_fields")
        if fields is not None and "email" in fields:
            kwargs["update_fields"] = {*fields, "email_key"}
        super().save(**kwargs)

    @property
    def is_let_in(self) -> bool:
        """Whether he may log in and buy."""
        return self.status == self.Status.ACTIVATED and not self.processing_blocked


def email_key(email: str) -> str:
    """Return the form in which two spellings of one address are equal."""
    return email.lower()


class AccessIdentifier(models.Model):
    """Another id under which a customer's rights may be asked for. Source: docs/protocols/plenigo-v2.md 2.1."""

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="access_identifiers", verbose_name=_("company")
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="access_identifiers", verbose_name=_("customer")
    )
    slot = models.PositiveSmallIntegerField(_("slot"), choices=[(number, str(number)) for number in range(1, 5)])
    value = models.CharField(_("value"), max_length=100)

    class Meta:
        verbose_name = _("access id")
        verbose_name_plural = _("access ids")
        constraints = [
            models.UniqueConstraint(fields=["customer", "slot"], name="plenigo_sandbox_access_slot"),
            models.UniqueConstraint(fields=["company", "value"], name="plenigo_sandbox_access_value"),
            models.CheckConstraint(condition=models.Q(slot__range=(1, 4)), name="plenigo_sandbox_access_slot_range"),
        ]

    def __str__(self) -> str:
        return self.value


class LoginToken(models.Model):
    """A pass that logs one customer in, once. Only its digest is kept. Source: docs/protocols/plenigo-v2.md 5."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="login_tokens", verbose_name=_("customer")
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("log-in token")
        verbose_name_plural = _("log-in tokens")

    def __str__(self) -> str:
        return str(self.pk)


class OAuthGrant(models.Model):
    """An OAuth code or token. Only its digest is kept. Source: docs/protocols/plenigo-v2.md 2.6."""

    class Kind(models.TextChoices):
        """What it can be exchanged for."""

        CODE = "code", _("code")
        ACCESS = "access", _("access token")
        REFRESH = "refresh", _("refresh token")

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="oauth_grants", verbose_name=_("customer")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    redirect_uri = models.TextField(_("redirect address"), blank=True, default="")
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("OAuth grant")
        verbose_name_plural = _("OAuth grants")

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

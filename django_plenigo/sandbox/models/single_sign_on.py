"""Single sign-on: its settings, the connection of accounts, and what was sent to customers."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .customers import Customer
from .merchant import Company


class Channel(models.TextChoices):
    """How a code reaches the customer."""

    EMAIL = "EMAIL", _("e-mail")
    SMS = "SMS", _("SMS")


class SsoSettings(models.Model):
    """The settings form of the merchant backend. Source: docs/protocols/plenigo-v3.md 6.1."""

    class Name(models.TextChoices):
        """Whether customers are asked for their names, and when."""

        NONE = "NONE", _("never")
        OPTIONAL = "OPTIONAL", _("optional")
        REQUIRED = "REQUIRED", _("required")
        REGISTRATION_OPTIONAL = "REGISTRATION_OPTIONAL", _("optional at the registration")
        REGISTRATION_REQUIRED = "REGISTRATION_REQUIRED", _("required at the registration")
        REGISTRATION_OPTIONAL_LOGIN_REQUIRED = (
            "REGISTRATION_OPTIONAL_LOGIN_REQUIRED",
            _("optional at the registration, required at the log-in"),
        )
        REGISTRATION_REQUIRED_LOGIN_OPTIONAL = (
            "REGISTRATION_REQUIRED_LOGIN_OPTIONAL",
            _("required at the registration, optional at the log-in"),
        )
        LOGIN_OPTIONAL = "LOGIN_OPTIONAL", _("optional at the log-in")
        LOGIN_REQUIRED = "LOGIN_REQUIRED", _("required at the log-in")

    class EmergencyMode(models.TextChoices):
        """Whether the vendor or the merchant has shut the log-in."""

        NONE = "NONE", _("off")
        CONTRACT_COMPANY_MODE = "CONTRACT_COMPANY_MODE", _("of the company")
        PLENIGO_MODE = "PLENIGO_MODE", _("of plenigo")

    company = models.OneToOneField(
        Company, on_delete=models.CASCADE, related_name="sso_settings", verbose_name=_("company")
    )
    token_type = models.CharField(_("token type"), max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    token_sms_countries = models.CharField(
        _("countries of SMS"), max_length=255, blank=True, default="", help_text=_("Joined with commas.")
    )
    allowed_domains = models.CharField(
        _("allowed domain"), max_length=1000, blank=True, default="", help_text=_("Joined with commas.")
    )
    max_sessions = models.PositiveSmallIntegerField(
        _("number of parallel log-ins per customer"),
        default=1,
        blank=True,
        validators=[MaxValueValidator(100)],
        help_text=_("If the field is left empty, the value 1 is set. 0 counts as 1."),
    )
    sso_name = models.CharField(
        _("get first name, last name during registration"), max_length=40, choices=Name.choices, default=Name.NONE
    )
    force_username = models.BooleanField(_("force a username after login or registration"), default=False)
    override_force_username = models.BooleanField(_("sub companies decide about the username"), default=False)
    recheck_terms = models.BooleanField(_("query terms and conditions again"), default=False)
    opt_in = models.BooleanField(_("request opt-in during registration"), default=False)
    opt_in_text = models.TextField(_("text of the opt-in"), max_length=2000, blank=True, default="")
    term_text = models.TextField(_("text of the terms"), max_length=2000, blank=True, default="")
    hide_salutation = models.BooleanField(_("hide the salutation"), default=False)
    allow_registration_identifier = models.BooleanField(_("enable account connect"), default=False)
    request_customer_id = models.BooleanField(_("customer ID"), default=False)
    request_subscription_id = models.BooleanField(_("subscription identifier"), default=False)
    request_postcode = models.BooleanField(_("ZIP code"), default=False)
    request_street = models.BooleanField(_("street"), default=False)
    request_street_number = models.BooleanField(_("house number"), default=False)
    request_city = models.BooleanField(_("city"), default=False)
    disable_sso = models.BooleanField(_("single sign-on is off"), default=False)
    emergency_mode = models.CharField(
        _("emergency mode"), max_length=30, choices=EmergencyMode.choices, default=EmergencyMode.NONE
    )

    class Meta:
        verbose_name = _("SSO settings")
        verbose_name_plural = _("SSO settings")

    def __str__(self) -> str:
        return str(self.company)


class ConnectionProcess(models.Model):
    """One step of connecting an imported customer with an address. Source: docs/protocols/plenigo-v3.md 6.5."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="connection_processes", verbose_name=_("customer")
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    code_digest = models.CharField(_("digest of the code"), max_length=64)
    email = models.EmailField(_("e-mail address"))
    #: What becomes of the customer when the code was right; the password is hashed.
    values = models.JSONField(_("values"), default=dict)
    fail_runs = models.PositiveSmallIntegerField(_("wrong codes"), default=0)
    started_at = models.DateTimeField(_("started at"))
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("connection process")
        verbose_name_plural = _("connection processes")

    def __str__(self) -> str:
        return str(self.pk)


class SentMessage(models.Model):
    """What the sandbox would have sent: a code to a customer, or a text to the company."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", verbose_name=_("company"))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    recipient = models.CharField(_("recipient"), max_length=254)
    code = models.CharField(_("code"), max_length=10, blank=True, default="")
    text = models.TextField(_("text"), blank=True, default="")
    sent_at = models.DateTimeField(_("sent at"))

    class Meta:
        verbose_name = _("sent message")
        verbose_name_plural = _("outbox")

    def __str__(self) -> str:
        return str(self.pk)

"""What OkePay keeps of a merchant, of his customers and of what they pay. Source: docs/protocols/okepay.md."""

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..okepay import identifiers
from .customers import email_key
from .merchant import CURRENCY, Company

#: The largest int32, which is what the vendor's ids are.
LARGEST_NUMBER = 2**31 - 1
NUMBER_RANGE = [MinValueValidator(1), MaxValueValidator(LARGEST_NUMBER)]
INSTANCE_NAME = RegexValidator(r"\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z", _("Lower-case letters, digits, hyphens."))
#: An interval as PHP writes it.
INTERVAL_PATTERN = r"P(?=[0-9])(?=.*[1-9])(?:([0-9]{1,3})Y)?(?:([0-9]{1,3})M)?(?:([0-9]{1,3})W)?(?:([0-9]{1,3})D)?"
INTERVAL = RegexValidator(rf"\A{INTERVAL_PATTERN}\Z", _("An interval as PHP writes it, such as P1M or P1Y."))


def cents_as_price(amount: int) -> Decimal:
    """Return an amount in cents in the currency's unit."""
    return Decimal(amount) / 100


class OkePayInstance(models.Model):
    """A merchant's account at OkePay. A client names it in the address and signs with its secret."""

    company = models.OneToOneField(Company, on_delete=models.CASCADE, related_name="okepay", verbose_name=_("company"))
    name = models.CharField(
        _("instance"), max_length=63, unique=True, default=identifiers.new_instance_name, validators=[INSTANCE_NAME]
    )
    secret = models.CharField(_("API secret"), max_length=100, default=identifiers.new_api_secret)
    calls_allowed = models.PositiveIntegerField(
        _("calls in five minutes"),
        null=True,
        blank=True,
        help_text=_(
            "More are refused, the first one with 405 and the others with 403, until five minutes of the sandbox's "
            "clock have passed. Empty means no limit; Payrexx has about 600."
        ),
    )
    calls_counted_from = models.DateTimeField(null=True, blank=True, editable=False)
    calls_counted = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("OkePay instance")
        verbose_name_plural = _("OkePay instances")

    def __str__(self) -> str:
        return self.name


class OkePayContact(models.Model):
    """Somebody who has paid. The e-mail address says who it is: whoever pays with it is this contact."""

    instance = models.ForeignKey(
        OkePayInstance, on_delete=models.CASCADE, related_name="contacts", verbose_name=_("OkePay instance")
    )
    number = models.PositiveIntegerField(
        _("contact id"),
        default=identifiers.new_contact_number,
        validators=NUMBER_RANGE,
        help_text=_("What clients send as userId."),
    )
    uuid = models.CharField(_("external id"), max_length=40, default=identifiers.new_uuid)
    email = models.EmailField(_("e-mail address"))
    email_key = models.CharField(max_length=254, editable=False)
    title = models.CharField(_("title"), max_length=50, blank=True, default="")
    first_name = models.CharField(_("first name"), max_length=255, blank=True, default="")
    last_name = models.CharField(_("last name"), max_length=255, blank=True, default="")
    company_name = models.CharField(_("company name"), max_length=255, blank=True, default="")
    street = models.CharField(_("street"), max_length=255, blank=True, default="")
    postcode = models.CharField(_("post code"), max_length=20, blank=True, default="")
    place = models.CharField(_("city"), max_length=255, blank=True, default="")
    country = models.CharField(_("country"), max_length=2, blank=True, default="", help_text=_("Two letters."))
    phone = models.CharField(_("phone"), max_length=50, blank=True, default="")
    card_brand = models.CharField(_("card"), max_length=20, blank=True, default="visa")
    #: All that is kept of a card's number.
    card_digits = models.CharField(_("last four digits"), max_length=4, blank=True, default="4242")
    card_expires = models.CharField(_("card expires"), max_length=5, blank=True, default="12/40")

    class Meta:
        verbose_name = _("OkePay contact")
        verbose_name_plural = _("OkePay contacts")
        constraints = [
            models.UniqueConstraint(fields=["instance", "number"], name="plenigo_sandbox_okepay_contact"),
            models.UniqueConstraint(fields=["instance", "email_key"], name="plenigo_sandbox_okepay_email"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.email}"

    def save(self, **kwargs: Any) -> None:
        """Keep the compared form of the address in step."""
        self.email_key = email_key(self.email)
        super().save(**kwargs)


class OkePaySubscription(models.Model):
    """What a contact pays again and again."""

    class Status(models.TextChoices):
        """The vendor's words."""

        ACTIVE = "active", _("active")
        OVERDUE = "overdue", _("overdue")
        FAILED = "failed", _("failed")
        IN_NOTICE = "in_notice", _("cancelled by the customer, runs on")
        CANCELLED = "cancelled", _("cancelled")

    contact = models.ForeignKey(
        OkePayContact, on_delete=models.CASCADE, related_name="subscriptions", verbose_name=_("OkePay contact")
    )
    number = models.PositiveIntegerField(
        _("id"), default=identifiers.new_subscription_number, unique=True, validators=NUMBER_RANGE
    )
    uuid = models.CharField(_("external id"), max_length=40, default=identifiers.new_uuid)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.ACTIVE)
    start = models.DateField(_("start"))
    end = models.DateField(_("end"), null=True, blank=True)
    valid_until = models.DateField(_("paid until"), null=True, blank=True)
    payment_interval = models.CharField(_("payment interval"), max_length=20, default="P1M", validators=[INTERVAL])
    period = models.CharField(_("period"), max_length=20, blank=True, default="", validators=[INTERVAL])
    cancellation_interval = models.CharField(
        _("cancellation interval"), max_length=20, blank=True, default="", validators=[INTERVAL]
    )
    amount = models.PositiveIntegerField(_("amount in cents"), validators=NUMBER_RANGE)
    currency = models.CharField(_("currency"), max_length=3, default="CHF", validators=[CURRENCY])
    purpose = models.CharField(_("purpose"), max_length=255, blank=True, default="")
    reference_id = models.CharField(_("the merchant's reference"), max_length=255, blank=True, default="")
    psp = models.PositiveIntegerField(_("payment provider"), default=0, validators=[MaxValueValidator(LARGEST_NUMBER)])

    class Meta:
        verbose_name = _("OkePay subscription")
        verbose_name_plural = _("OkePay subscriptions")

    def __str__(self) -> str:
        return str(self.number)

    @property
    def price(self) -> Decimal:
        """The amount in the currency's unit."""
        return cents_as_price(self.amount)

    @property
    def is_cancellable(self) -> bool:
        """Whether there is something left to cancel."""
        return self.status not in {self.Status.IN_NOTICE, self.Status.CANCELLED}


class OkePayTransaction(models.Model):
    """One payment, or the attempt."""

    class Status(models.TextChoices):
        """The vendor's words, of its pages and of its PHP client."""

        WAITING = "waiting", _("waiting")
        CONFIRMED = "confirmed", _("confirmed")
        CANCELLED = "cancelled", _("cancelled")
        DECLINED = "declined", _("declined")
        AUTHORIZED = "authorized", _("authorized")
        RESERVED = "reserved", _("reserved")
        REFUNDED = "refunded", _("refunded")
        PARTIALLY_REFUNDED = "partially-refunded", _("partially refunded")
        REFUND_PENDING = "refund_pending", _("refund pending")
        CHARGEBACK = "chargeback", _("charged back")
        DISPUTED = "disputed", _("disputed")
        ERROR = "error", _("error")
        EXPIRED = "expired", _("expired")
        INITIATED = "initiated", _("initiated")
        INSECURE = "insecure", _("insecure")
        UNCAPTURED = "uncaptured", _("uncaptured")

    contact = models.ForeignKey(
        OkePayContact, on_delete=models.CASCADE, related_name="transactions", verbose_name=_("OkePay contact")
    )
    subscription = models.ForeignKey(
        OkePaySubscription,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="transactions",
        verbose_name=_("OkePay subscription"),
    )
    number = models.PositiveIntegerField(
        _("id"), default=identifiers.new_transaction_number, unique=True, validators=NUMBER_RANGE
    )
    uuid = models.CharField(_("external id"), max_length=40, default=identifiers.new_uuid)
    time = models.DateTimeField(_("time"))
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.CONFIRMED)
    amount = models.PositiveIntegerField(_("amount in cents"), validators=NUMBER_RANGE)
    currency = models.CharField(_("currency"), max_length=3, default="CHF", validators=[CURRENCY])
    purpose = models.CharField(_("purpose"), max_length=255, blank=True, default="")
    reference_id = models.CharField(_("the merchant's reference"), max_length=255, blank=True, default="")
    psp = models.PositiveIntegerField(_("payment provider"), default=0, validators=[MaxValueValidator(LARGEST_NUMBER)])
    card_brand = models.CharField(_("card"), max_length=20, blank=True, default="visa")
    #: Of the payment page that it comes from: sent twice, a page pays once.
    page_key = models.CharField(max_length=40, null=True, blank=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("OkePay transaction")
        verbose_name_plural = _("OkePay transactions")

    def __str__(self) -> str:
        return str(self.number)

    @property
    def price(self) -> Decimal:
        """The amount in the currency's unit."""
        return cents_as_price(self.amount)


class OkePayLoginLink(models.Model):
    """A link that logs a contact in, once. Only its digest is kept."""

    contact = models.ForeignKey(
        OkePayContact, on_delete=models.CASCADE, related_name="login_links", verbose_name=_("OkePay contact")
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("OkePay login link")
        verbose_name_plural = _("OkePay login links")

    def __str__(self) -> str:
        return str(self.pk)


class OkePayPortalSession(models.Model):
    """A browser in which a contact is logged in at the portal. Only the digest of its cookie is kept."""

    contact = models.ForeignKey(
        OkePayContact, on_delete=models.CASCADE, related_name="portal_sessions", verbose_name=_("OkePay contact")
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("OkePay portal session")
        verbose_name_plural = _("OkePay portal sessions")

    def __str__(self) -> str:
        return str(self.pk)

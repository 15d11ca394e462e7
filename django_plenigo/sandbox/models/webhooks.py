"""Webhooks of the vendors that post them. Sources: docs/protocols/2checkout.md 8, docs/protocols/okepay.md 6."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from .merchant import Company
from .posting import WEB_ADDRESS, Attempt, Delivery


class Signature(models.TextChoices):
    """What a webhook of 2Checkout's can be signed with."""

    SHA3_256 = "sha3-256", "SHA3-256"
    SHA256 = "sha256", "SHA2-256"
    MD5 = "md5", "MD5"


def default_signatures() -> list[str]:
    """Return what the vendor recommends."""
    return [Signature.SHA3_256.value, Signature.SHA256.value]


def validate_signatures(value: Any) -> None:
    """Raise `ValidationError` for what is no list of the names there are."""
    if not isinstance(value, list) or not all(name in Signature.values for name in value):
        raise ValidationError(_("A list of these: %(names)s."), params={"names": ", ".join(Signature.values)})


class Webhook(models.Model):
    """One address of a site, and what is posted there."""

    class Kind(models.TextChoices):
        """What is told: of one vendor, in its own form, with its own retries."""

        IPN = "ipn", _("2Checkout: IPN, of orders")
        LCN = "lcn", _("2Checkout: LCN, of subscriptions")
        OKEPAY = "okepay", _("OkePay: transactions and subscriptions")

    class ContentType(models.TextChoices):
        """The two forms of a body that OkePay lets choose from."""

        JSON = "json", "JSON"
        FORM = "form", _("form, as PHP reads it")

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="webhooks", verbose_name=_("company"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    url = models.CharField(_("address"), max_length=500, validators=[WEB_ADDRESS])
    is_enabled = models.BooleanField(_("enabled"), default=True)
    signatures = models.JSONField(
        _("signatures"),
        default=default_signatures,
        blank=True,
        validators=[validate_signatures],
        help_text=_("2Checkout only: which of its signatures a body carries. None is a body that nobody has signed."),
    )
    content_type = models.CharField(
        _("content type"),
        max_length=10,
        choices=ContentType.choices,
        default=ContentType.JSON,
        help_text=_("OkePay only: 2Checkout sends forms."),
    )
    signing_key = models.CharField(
        _("signing key"),
        max_length=100,
        blank=True,
        default="",
        help_text=_("OkePay only: empty sends no signature. 2Checkout signs with the company's secret key."),
    )

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return f"{self.kind} {self.url}"


class WebhookDelivery(Delivery):
    """Something that is posted, until the site has taken it or it is given up."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("webhook"))
    entity_id = models.CharField(_("id"), max_length=60)
    content_type = models.CharField(_("content type"), max_length=100)
    headers = models.JSONField(_("headers"), default=dict, blank=True, help_text=_("Besides the content type."))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")


class WebhookAttempt(Attempt):
    """One call of a webhook: a line of the log."""

    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.CASCADE, related_name="log", verbose_name=_("webhook delivery")
    )

    class Meta:
        verbose_name = _("webhook log entry")
        verbose_name_plural = _("webhook log")

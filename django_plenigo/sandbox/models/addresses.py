"""The addresses of a customer. API v3 has them all, v2 has one of them."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .customers import Customer

COUNTRY = RegexValidator(r"\A[A-Z]{2}\Z", _("Two capital letters, such as DE."))


class Address(models.Model):
    """One postal address. Source: docs/protocols/plenigo-v3.md 2.1."""

    class Kind(models.TextChoices):
        """What it is used for."""

        INVOICE = "INVOICE", _("invoice")
        DELIVERY = "DELIVERY", _("delivery")

    class Validation(models.TextChoices):
        """What a check of the address has found."""

        NONE = "NONE", _("not checked")
        VALID = "VALID", _("valid")
        INVALID = "INVALID", _("invalid")
        SUSPECT = "SUSPECT", _("suspect")
        OVERRIDDEN = "OVERRIDDEN", _("overridden")

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="addresses", verbose_name=_("customer")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.INVOICE)
    preferred = models.BooleanField(_("preferred"), default=False)
    business_address = models.BooleanField(_("business address"), default=False)
    salutation = models.CharField(_("salutation"), max_length=10, blank=True, default="")
    title = models.CharField(_("title"), max_length=100, blank=True, default="")
    academic_title = models.CharField(_("academic title"), max_length=100, blank=True, default="")
    job_position = models.CharField(_("job position"), max_length=100, blank=True, default="")
    first_name = models.CharField(_("first name"), max_length=100, blank=True, default="")
    last_name = models.CharField(_("last name"), max_length=100, blank=True, default="")
    company_name = models.CharField(_("company name"), max_length=100, blank=True, default="")
    additional_company_info = models.CharField(_("additional company line"), max_length=100, blank=True, default="")
    street = models.CharField(_("street"), max_length=100, blank=True, default="")
    street_number = models.CharField(_("house number"), max_length=100, blank=True, default="")
    additional_street_info = models.CharField(_("additional address line"), max_length=100, blank=True, default="")
    postbox = models.CharField(_("post-office box"), max_length=100, blank=True, default="")
    postcode = models.CharField(_("post code"), max_length=100, blank=True, default="")
    city = models.CharField(_("city"), max_length=100, blank=True, default="")
    #: API v3 has two characters, v2 any text.
    state = models.CharField(pgettext_lazy("address", "state"), max_length=100, blank=True, default="")
    country = models.CharField(_("country"), max_length=2, blank=True, default="", validators=[COUNTRY])
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True, default="")
    phone_number = models.CharField(_("phone number"), max_length=100, blank=True, default="")
    delivery_information = models.CharField(_("note for the delivery"), max_length=100, blank=True, default="")
    validation_status = models.CharField(
        _("validation"), max_length=10, choices=Validation.choices, blank=True, default=""
    )
    validation_hash = models.CharField(_("validation hash"), max_length=255, blank=True, default="")

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")

    def __str__(self) -> str:
        return str(self.pk)

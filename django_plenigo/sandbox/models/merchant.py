"""A publisher's company and what it sells."""

from decimal import Decimal
from typing import Any

from django.core.validators import MinLengthValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import identifiers

CURRENCY = RegexValidator(r"\A[A-Z]{3}\Z", _("Three capital letters, such as EUR."))
ACCESS_RIGHT_ID = RegexValidator(r"\A[0-9a-zA-Z-]{2,30}\Z", _("2 to 30 letters, digits and hyphens."))
OFFER_ID = RegexValidator(r"\AO_[0-9a-zA-Z]{18}\Z", _("O_ and 18 letters or digits."))


class ProductType(models.TextChoices):
    """What kind of thing is sold; books and newspapers can be shipped. Source: docs/protocols/plenigo-v2.md 3.2."""

    EBOOK = "EBOOK", _("e-book")
    DIGITALNEWSPAPER = "DIGITALNEWSPAPER", _("digital newspaper")
    DOWNLOAD = "DOWNLOAD", _("download")
    VIDEO = "VIDEO", _("video")
    MUSIC = "MUSIC", _("music")
    DIGITALPRODUCT = "DIGITALPRODUCT", _("digital product")
    NEWSPAPER = "NEWSPAPER", _("newspaper")
    BOOK = "BOOK", _("book")
    SHIPPINGCOSTS = "SHIPPINGCOSTS", _("shipping costs")
    MEMBERSHIP = "MEMBERSHIP", _("membership")


class Application(models.TextChoices):
    """What an API access token can be limited to. Source: docs/protocols/plenigo-v3.md 1.2."""

    CUSTOMERS = "CUSTOMERS", _("customers and sessions")
    ACCESS_RIGHTS = "ACCESS_RIGHTS", _("access rights")
    CHECKOUT = "CHECKOUT", _("checkout")
    #: Printed so by the vendor, surely by a slip.
    APPSTORES = "APPSTORES", _("orders and subscriptions")
    PROCESSES = "PROCESSES", _("settings, registration and log-in")
    CALLBACKS = "CALLBACKS", _("log of callbacks")


class Company(models.Model):
    """One publisher. A client of API v2 signs with its id and secret; a client of API v3 sends its token."""

    class CustomerChange(models.TextChoices):
        """What becomes of the fields that a change of a customer leaves out, which no document says."""

        REPLACE = "replace", _("they are emptied")
        MERGE = "merge", _("they stay")

    company_id = models.CharField(_("company id"), max_length=20, unique=True, default=identifiers.new_company_id)
    name = models.CharField(_("name"), max_length=100)
    secret = models.CharField(
        _("secret"), max_length=64, default=identifiers.new_secret, validators=[MinLengthValidator(32)]
    )
    contact_email = models.EmailField(
        _("e-mail address of the contact"),
        blank=True,
        default="",
        help_text=_("Told of callbacks that fail; the mails lie in the outbox."),
    )
    closed_user_group = models.BooleanField(
        _("closed user group"),
        default=True,
        help_text=_("Only such a company may register customers and mint log-in tokens; others are refused with 403."),
    )
    paywall_enabled = models.BooleanField(
        _("paywall enabled"), default=True, help_text=_("While it is off, everybody has access to everything.")
    )
    throttles_registration = models.BooleanField(
        _("throttles registration"),
        default=False,
        help_text=_("Refuse with 429 to register the same e-mail address twice within five seconds."),
    )
    redirect_uri_prefix = models.CharField(
        _("OAuth redirect address"),
        max_length=500,
        blank=True,
        default="",
        help_text=_("What the address that a log-in returns to must begin with; empty allows every address."),
    )
    api_token = models.CharField(
        _("API access token"),
        max_length=64,
        unique=True,
        default=identifiers.new_token,
        validators=[MinLengthValidator(32)],
    )
    api_token_is_read_only = models.BooleanField(
        _("API access token may only read"), default=False, help_text=_("API v3 refuses every change with 401.")
    )
    api_token_applications = models.JSONField(
        _("applications of the API access token"),
        default=list,
        blank=True,
        help_text=_("What API v3 may be used for; everything where none is ticked. The rest is refused with 401."),
    )
    api_token_expires_at = models.DateTimeField(
        _("API access token expires at"),
        null=True,
        blank=True,
        help_text=_("By the sandbox's clock; from then on API v3 refuses every call with 401. Empty means never."),
    )
    has_sms_provider = models.BooleanField(
        _("SMS provider"), default=False, help_text=_("Without one, the single sign-on cannot send codes by SMS.")
    )
    customer_change = models.CharField(
        _("fields left out when a customer is changed"),
        max_length=10,
        choices=CustomerChange.choices,
        default=CustomerChange.REPLACE,
        help_text=_("API v3 does not say what happens to them. A client must do right in both cases."),
    )

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    """Products that are priced alike."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="categories", verbose_name=_("company"))
    category_id = models.CharField(_("category id"), max_length=20, default=identifiers.new_category_id)
    title = models.CharField(_("title"), max_length=255)
    price = models.DecimalField(
        _("price"), max_digits=10, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CURRENCY])
    product_type = models.CharField(
        _("type"), max_length=20, choices=ProductType.choices, default=ProductType.DIGITALPRODUCT
    )
    validity_days = models.PositiveIntegerField(_("validity in days"), null=True, blank=True)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        constraints = [
            models.UniqueConstraint(fields=["company", "category_id"], name="plenigo_sandbox_category_id"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.category_id})"


class Product(models.Model):
    """A managed product: the vendor knows its title and price. Source: docs/protocols/plenigo-v2.md 2.4."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="products", verbose_name=_("company"))
    product_id = models.CharField(_("product id"), max_length=20, default=identifiers.new_product_id)
    title = models.CharField(_("title"), max_length=255)
    description = models.TextField(_("description"), blank=True, default="")
    url = models.URLField(_("address"), blank=True, default="")
    price = models.DecimalField(_("price"), max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CURRENCY])
    product_type = models.CharField(
        _("type"), max_length=20, choices=ProductType.choices, default=ProductType.DIGITALPRODUCT
    )
    choose_price = models.BooleanField(_("customer chooses the price"), default=False)
    validity_days = models.PositiveIntegerField(
        _("validity in days"), null=True, blank=True, help_text=_("Of a single purchase; empty means for ever.")
    )
    is_subscription = models.BooleanField(_("subscription"), default=False)
    term_months = models.PositiveSmallIntegerField(
        _("term in months"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    cancellation_period_months = models.PositiveSmallIntegerField(
        _("cancellation period in months"), null=True, blank=True
    )
    auto_renewal = models.BooleanField(_("renews itself"), default=False)
    action_period_name = models.CharField(_("name of the trial"), max_length=255, blank=True, default="")
    action_period_months = models.PositiveSmallIntegerField(_("term of the trial in months"), null=True, blank=True)
    action_period_price = models.DecimalField(
        _("price of the trial"), max_digits=10, decimal_places=2, null=True, blank=True
    )
    video_prequel_seconds = models.PositiveIntegerField(_("video prequel in seconds"), null=True, blank=True)
    max_parallel_app_access = models.PositiveIntegerField(_("parallel apps at most"), null=True, blank=True)
    custom_info = models.CharField(_("custom information"), max_length=255, blank=True, default="")
    category = models.ForeignKey(
        Category,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="products",
        verbose_name=_("category"),
    )
    collectible = models.BooleanField(_("collectible"), default=False)
    image_url = models.URLField(_("address of the image"), blank=True, default="")
    image_text = models.CharField(_("description of the image"), max_length=255, blank=True, default="")
    offer_id = models.CharField(
        _("offer id"),
        max_length=20,
        blank=True,
        validators=[OFFER_ID],
        help_text=_("Under this id API v3 sells the product. Left empty, it is made from the product id."),
    )
    access_right_id = models.CharField(
        _("access right"),
        max_length=30,
        blank=True,
        validators=[ACCESS_RIGHT_ID],
        help_text=_(
            "The right that it gives in API v3. Left empty, it is the product id, with hyphens for other signs."
        ),
    )

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.UniqueConstraint(fields=["company", "product_id"], name="plenigo_sandbox_product_id"),
            models.UniqueConstraint(fields=["company", "offer_id"], name="plenigo_sandbox_offer_id"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.product_id})"

    def save(self, **kwargs: Any) -> None:
        """Give the product its ids of API v3 where nobody has."""
        self.offer_id = self.offer_id or identifiers.offer_id_of(self.product_id)
        self.access_right_id = self.access_right_id or identifiers.access_right_id_of(self.product_id)
        super().save(**kwargs)

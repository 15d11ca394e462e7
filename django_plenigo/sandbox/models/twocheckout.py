"""A merchant at 2Checkout, his customers, and what they have. Source: docs/protocols/2checkout.md."""

from typing import Any

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import identifiers
from .customers import email_key
from .merchant import CURRENCY, Company

#: Source: docs/protocols/2checkout.md 8. The vendor's SDK strips them before it signs, and its documents do not.
NO_BACKSLASH = RegexValidator(r"\A[^\\\x00-\x1f]*\Z", _("Neither backslashes nor control characters."))
REFERENCE = RegexValidator(r"\A[1-9][0-9]{0,9}\Z", _("1 to 10 digits."))


class TwoCheckoutMerchant(models.Model):
    """A company's account at 2Checkout. A client signs its log-ins with the key, and the vendor its webhooks."""

    company = models.OneToOneField(
        Company, on_delete=models.CASCADE, related_name="twocheckout", verbose_name=_("company")
    )
    merchant_code = models.CharField(_("merchant code"), max_length=40, unique=True)
    secret_key = models.CharField(_("secret key"), max_length=100, default=identifiers.new_secret)
    has_custom_domain = models.BooleanField(
        _("has a custom domain"),
        default=True,
        help_text=_("Sign-on links lead there. Without one, all sign-on methods are refused."),
    )
    accepts_md5 = models.BooleanField(
        _("accepts MD5"), default=False, help_text=_("At the log-in, as before August 2024.")
    )
    date_tolerance_seconds = models.PositiveIntegerField(
        _("tolerance of a log-in's date in seconds"), default=300, help_text=_("Before and after the real time.")
    )

    class Meta:
        verbose_name = _("2Checkout merchant")
        verbose_name_plural = _("2Checkout merchants")

    def __str__(self) -> str:
        return self.merchant_code


class TwoCheckoutSession(models.Model):
    """What a log-in at the API has opened."""

    merchant = models.ForeignKey(TwoCheckoutMerchant, on_delete=models.CASCADE, related_name="sessions")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.pk)


class TwoCheckoutCustomer(models.Model):
    """Somebody who has bought something there."""

    merchant = models.ForeignKey(
        TwoCheckoutMerchant, on_delete=models.CASCADE, related_name="customers", verbose_name=_("2Checkout merchant")
    )
    reference = models.CharField(
        _("2Checkout's reference"), max_length=10, default=identifiers.new_customer_number, validators=[REFERENCE]
    )
    external_reference = models.CharField(  # noqa: DJ001 - unique, and many have none
        _("external reference"),
        max_length=250,
        null=True,
        blank=True,
        validators=[NO_BACKSLASH],
        help_text=_("The merchant's own id of the customer. Set here, it triggers no webhook."),
    )
    email = models.EmailField(_("e-mail address"))
    #: The address as it is matched. Not an expression index: MariaDB enforces none.
    email_key = models.CharField(_("e-mail address as compared"), max_length=508, editable=False)
    first_name = models.CharField(_("first name"), max_length=40, blank=True, default="", validators=[NO_BACKSLASH])
    last_name = models.CharField(_("last name"), max_length=40, blank=True, default="", validators=[NO_BACKSLASH])
    city = models.CharField(_("city"), max_length=30, blank=True, default="", validators=[NO_BACKSLASH])
    language = models.CharField(_("language"), max_length=2, default="en")
    card_brand = models.CharField(
        _("brand of the card"), max_length=20, blank=True, default="VISA", validators=[NO_BACKSLASH]
    )
    card_digits = models.CharField(
        _("last digits of the card"),
        max_length=4,
        blank=True,
        default="1111",
        validators=[RegexValidator(r"\A[0-9]{4}\Z", _("Four digits."))],
    )
    card_expires_on = models.DateField(_("card expires on"), null=True, blank=True)

    class Meta:
        verbose_name = _("2Checkout customer")
        verbose_name_plural = _("2Checkout customers")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "reference"], name="plenigo_sandbox_2co_customer"),
            models.UniqueConstraint(fields=["merchant", "external_reference"], name="plenigo_sandbox_2co_external"),
            models.UniqueConstraint(fields=["merchant", "email_key"], name="plenigo_sandbox_2co_email"),
        ]

    def __str__(self) -> str:
        return self.reference

    def save(self, **kwargs: Any) -> None:
        """Keep the compared form of the address in step; an empty external reference is none."""
        self.email_key = email_key(self.email)
        self.external_reference = self.external_reference or None
        fields = kwargs.get("update_fields")
        if fields is not None and "email" in fields:
            kwargs["update_fields"] = {*fields, "email_key"}
        super().save(**kwargs)


class TwoCheckoutOrder(models.Model):
    """Something that was bought."""

    class Status(models.TextChoices):
        """Where an order stands, in the vendor's words."""

        COMPLETE = "COMPLETE", _("complete")
        REFUND = "REFUND", _("refunded")

    customer = models.ForeignKey(
        TwoCheckoutCustomer, on_delete=models.CASCADE, related_name="orders", verbose_name=_("2Checkout customer")
    )
    reference = models.CharField(
        _("order number"), max_length=10, unique=True, default=identifiers.new_customer_number, validators=[REFERENCE]
    )
    external_reference = models.CharField(
        _("merchant's order number"), max_length=100, blank=True, default="", validators=[NO_BACKSLASH]
    )
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.COMPLETE)
    product_id = models.CharField(_("product id"), max_length=20)
    product_name = models.CharField(_("product"), max_length=255, validators=[NO_BACKSLASH])
    quantity = models.PositiveSmallIntegerField(_("quantity"), default=1, validators=[MinValueValidator(1)])
    price = models.DecimalField(_("price"), max_digits=10, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CURRENCY])
    placed_at = models.DateTimeField(_("placed at"))
    #: A page of the check-out that was sent twice places one order.
    checkout_key = models.CharField(max_length=32, unique=True, null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("2Checkout order")
        verbose_name_plural = _("2Checkout orders")

    def __str__(self) -> str:
        return self.reference


class TwoCheckoutSubscription(models.Model):
    """What an order has begun, and what renews itself until that is switched off."""

    customer = models.ForeignKey(
        TwoCheckoutCustomer,
        on_delete=models.CASCADE,
        related_name="subscriptions",
        verbose_name=_("2Checkout customer"),
    )
    order = models.ForeignKey(
        TwoCheckoutOrder,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="subscriptions",
        verbose_name=_("2Checkout order"),
    )
    reference = models.CharField(
        _("subscription reference"), max_length=50, unique=True, default=identifiers.new_subscription_reference
    )
    product_name = models.CharField(_("product"), max_length=255, validators=[NO_BACKSLASH])
    term_months = models.PositiveSmallIntegerField(_("term in months"), default=1, validators=[MinValueValidator(1)])
    started_at = models.DateTimeField(_("started at"))
    expires_at = models.DateTimeField(_("expires at"))
    auto_renewal = models.BooleanField(_("renews itself"), default=True)
    is_disabled = models.BooleanField(_("disabled"), default=False)
    is_test = models.BooleanField(_("test"), default=False)
    changed_at = models.DateTimeField(_("changed at"), editable=False)

    class Meta:
        verbose_name = _("2Checkout subscription")
        verbose_name_plural = _("2Checkout subscriptions")

    def __str__(self) -> str:
        return self.reference


class TwoCheckoutLink(models.Model):
    """A link that signs a customer in, once. Its token is kept as a digest only."""

    class Kind(models.TextChoices):
        """Where it leads."""

        ACCOUNT = "account", _("account")
        CART = "cart", _("cart")

    customer = models.ForeignKey(
        TwoCheckoutCustomer, on_delete=models.CASCADE, related_name="links", verbose_name=_("2Checkout customer")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.ACCOUNT)
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    language = models.CharField(_("language"), max_length=2, blank=True, default="")
    validation_ip = models.GenericIPAddressField(_("only from this address"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), db_index=True)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("2Checkout sign-on link")
        verbose_name_plural = _("2Checkout sign-on links")

    def __str__(self) -> str:
        return str(self.pk)


class TwoCheckoutVisit(models.Model):
    """A browser in which a link has signed a customer in."""

    customer = models.ForeignKey(TwoCheckoutCustomer, on_delete=models.CASCADE, related_name="visits")
    digest = models.CharField(max_length=64, unique=True)
    language = models.CharField(max_length=2, blank=True, default="")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.pk)

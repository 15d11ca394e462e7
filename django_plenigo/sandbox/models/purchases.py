"""What a customer has bought or was given."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import identifiers
from .customers import Customer


class Purchase(models.Model):
    """One right to one product. The product need not be a managed one."""

    class Source(models.TextChoices):
        """How the customer came by it."""

        BOUGHT = "bought", _("bought")
        GRANTED = "granted", _("granted by the merchant")

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="purchases", verbose_name=_("customer")
    )
    product_id = models.CharField(_("product id"), max_length=100)
    title = models.CharField(_("title"), max_length=255, blank=True, default="")
    source = models.CharField(_("source"), max_length=10, choices=Source.choices, default=Source.BOUGHT)
    test_mode = models.BooleanField(_("test mode"), default=False)
    is_blocked = models.BooleanField(
        _("blocked"), default=False, help_text=_("A blocked right gives no access, as if it were not there.")
    )
    start = models.DateTimeField(_("start"))
    end = models.DateTimeField(_("end"), null=True, blank=True, help_text=_("Empty means without end."))
    is_subscription = models.BooleanField(_("subscription"), default=False)
    term_months = models.PositiveSmallIntegerField(_("term in months"), null=True, blank=True)
    auto_renewal = models.BooleanField(_("renews itself"), default=False)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Whether callbacks were told that the subscription has ended.
    end_is_told = models.BooleanField(default=False, editable=False)
    price = models.DecimalField(_("price"), max_digits=10, decimal_places=2, default=Decimal(0))
    shipping_costs = models.DecimalField(_("shipping costs"), max_digits=10, decimal_places=2, default=Decimal(0))
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    access_right_id = models.CharField(
        _("access right"), max_length=30, blank=True, default="", help_text=_("Empty means the product's.")
    )
    payment_method = models.CharField(_("payment method"), max_length=30, blank=True, default="")
    transaction_id = models.CharField(
        _("transaction id"), max_length=64, unique=True, default=identifiers.new_transaction_id
    )
    order_id = models.CharField(_("order id"), max_length=64, default=identifiers.new_transaction_id)
    receipt = models.CharField(_("receipt"), max_length=255, blank=True, default="")
    receipt_source = models.CharField(_("source of the receipt"), max_length=255, blank=True, default="")

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end__isnull=True) | models.Q(end__gte=models.F("start")),
                name="plenigo_sandbox_purchase_period",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "product_id", "test_mode"], name="plenigo_sandbox_purchase_of"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} ({self.transaction_id})"

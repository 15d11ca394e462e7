"""What a purchase may be prepared with instead of offers: a voucher, or a basket."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .merchant import Company, Product


class Voucher(models.Model):
    """A code that gives one product for nothing, once. Source: docs/protocols/plenigo-v3.md 5.1."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="vouchers", verbose_name=_("company"))
    code = models.CharField(_("code"), max_length=100)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+", verbose_name=_("product"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True, help_text=_("Empty means never."))
    redeemed_at = models.DateTimeField(_("redeemed at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("voucher")
        verbose_name_plural = _("vouchers")
        constraints = [models.UniqueConstraint(fields=["company", "code"], name="plenigo_sandbox_voucher_code")]

    def __str__(self) -> str:
        return self.code


class Basket(models.Model):
    """A shopping cart. Source: docs/protocols/plenigo-v3.md 5.1."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="baskets", verbose_name=_("company"))
    basket_id = models.CharField(_("basket id"), max_length=40)

    class Meta:
        verbose_name = _("basket")
        verbose_name_plural = _("baskets")
        constraints = [models.UniqueConstraint(fields=["company", "basket_id"], name="plenigo_sandbox_basket_id")]

    def __str__(self) -> str:
        return self.basket_id


class BasketItem(models.Model):
    """So many of one product in a basket."""

    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="items", verbose_name=_("basket"))
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+", verbose_name=_("product"))
    quantity = models.PositiveSmallIntegerField(
        _("quantity"), default=1, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )

    class Meta:
        verbose_name = _("item of a basket")
        verbose_name_plural = _("items of a basket")

    def __str__(self) -> str:
        return str(self.pk)

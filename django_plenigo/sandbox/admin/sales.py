"""Vouchers and baskets."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import Basket, BasketItem, Voucher
from .base import ModelAdmin, ModelForm


class VoucherForm(ModelForm[Voucher]):
    """A voucher for one of the company's own products."""

    class Meta:
        model = Voucher
        fields: ClassVar[str] = "__all__"

    def clean(self) -> dict[str, Any] | None:
        """Refuse the product of another company."""
        values = super().clean() or self.cleaned_data
        product = values.get("product")
        if product is not None and product.company != values.get("company"):
            self.add_error("product", _("Another company sells this."))
        return values


@admin.register(Voucher)
class VoucherAdmin(ModelAdmin[Voucher]):
    """Codes that are redeemed at the check-out of API v3."""

    form = VoucherForm
    list_display = ("code", "product", "company", "expires_at", "redeemed_at")
    list_filter = ("company",)
    list_select_related = ("company", "product")
    readonly_fields = ("redeemed_at",)
    search_fields = ("code",)


class BasketItems(admin.TabularInline):  # type: ignore[type-arg]  # Django's class takes no model in brackets
    """What lies in a basket."""

    model = BasketItem
    extra = 1


@admin.register(Basket)
class BasketAdmin(ModelAdmin[Basket]):
    """Shopping carts. What another company sells cannot be bought with them."""

    inlines = (BasketItems,)
    list_display = ("basket_id", "company")
    list_filter = ("company",)
    list_select_related = ("company",)
    search_fields = ("basket_id",)

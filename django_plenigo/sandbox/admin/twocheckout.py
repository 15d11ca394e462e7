"""2Checkout: merchants, customers, orders, subscriptions and links."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import clock
from ..models import (
    Product,
    TwoCheckoutCustomer,
    TwoCheckoutLink,
    TwoCheckoutMerchant,
    TwoCheckoutOrder,
    TwoCheckoutSubscription,
)
from ..twocheckout import orders
from ..twocheckout.merchants import find_customer_by_email
from ..twocheckout.webhooks import ChangedBy, tell_of_order, tell_of_subscription
from .base import ModelAdmin, ModelForm, ReadOnlyAdmin

SHOWN_CHARACTERS = 4


@admin.register(TwoCheckoutMerchant)
class TwoCheckoutMerchantAdmin(ModelAdmin[TwoCheckoutMerchant]):
    """Accounts at 2Checkout, their credentials and switches."""

    list_display = ("merchant_code", "company", "masked_key", "has_custom_domain", "accepts_md5")
    list_select_related = ("company",)
    search_fields = ("merchant_code", "company__name")

    @admin.display(description=_("secret key"))
    def masked_key(self, merchant: TwoCheckoutMerchant) -> str:
        """Return enough of the key to recognize it."""
        return merchant.secret_key[:SHOWN_CHARACTERS] + "…"


class CustomerForm(ModelForm[TwoCheckoutCustomer]):
    """A customer, who can be let have bought something."""

    ordered_product = forms.ModelChoiceField(
        label=_("Order"),
        queryset=Product.objects.select_related("company"),
        required=False,
        help_text=_("Let the customer have bought this now. Its webhooks are due at once."),
    )

    class Meta:
        model = TwoCheckoutCustomer
        exclude = ()

    def clean(self) -> dict[str, Any] | None:
        """Refuse an e-mail address that another customer has, and products that another company sells."""
        values = super().clean() or self.cleaned_data
        merchant, product = values.get("merchant"), values.get("ordered_product")
        if product is not None and merchant is not None and product.company_id != merchant.company_id:
            self.add_error("ordered_product", _("Another company sells this."))
        email = values.get("email")
        owner = find_customer_by_email(merchant, email) if merchant and email else None
        if owner is not None and owner.pk != self.instance.pk:
            self.add_error("email", _("Another customer has this e-mail address."))
        return values


@admin.register(TwoCheckoutCustomer)
class TwoCheckoutCustomerAdmin(ModelAdmin[TwoCheckoutCustomer]):
    """Customers of all merchants."""

    form = CustomerForm
    list_display = ("reference", "external_reference", "email", "first_name", "last_name", "merchant")
    list_filter = ("merchant",)
    list_select_related = ("merchant",)
    search_fields = ("reference", "external_reference", "email", "first_name", "last_name")
    ordering = ("-pk",)

    def save_model(self, request: HttpRequest, obj: TwoCheckoutCustomer, form: Any, change: bool) -> None:
        """Store the customer, and the order where a product was chosen."""
        super().save_model(request, obj, form, change)
        product = form.cleaned_data["ordered_product"]
        if product is not None:
            orders.place_order(obj.merchant, product, obj.email)


@admin.register(TwoCheckoutOrder)
class TwoCheckoutOrderAdmin(ModelAdmin[TwoCheckoutOrder]):
    """Orders. A customer's page places one."""

    fields = ("customer", "reference", "external_reference", "product_name", "status", "placed_at")
    readonly_fields = ("customer", "reference", "external_reference", "product_name", "placed_at")
    list_display = ("reference", "external_reference", "customer", "product_name", "status", "placed_at")
    list_filter = ("status", "customer__merchant")
    list_select_related = ("customer",)
    search_fields = ("reference", "external_reference", "customer__reference", "customer__email")
    ordering = ("-pk",)
    actions = ("tell_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow none without a customer."""
        return False

    def save_model(self, request: HttpRequest, obj: TwoCheckoutOrder, form: Any, change: bool) -> None:
        """Store the status and tell of it."""
        super().save_model(request, obj, form, change)
        if form.changed_data:
            tell_of_order(obj)

    @admin.action(description=_("Queue an IPN for the selected orders"), permissions=["change"])
    def tell_again(self, request: HttpRequest, queryset: QuerySet[TwoCheckoutOrder]) -> None:
        """Tell the webhooks of orders as they are now."""
        rows = list(queryset.select_related("customer__merchant"))
        for row in rows:
            tell_of_order(row)
        text = ngettext("%d order is told of.", "%d orders are told of.", len(rows)) % len(rows)
        self.message_user(request, text, messages.SUCCESS)


@admin.register(TwoCheckoutSubscription)
class TwoCheckoutSubscriptionAdmin(ModelAdmin[TwoCheckoutSubscription]):
    """Subscriptions. What is changed here is told of by an LCN."""

    list_display = (
        "reference",
        "customer",
        "product_name",
        "expires_at",
        "auto_renewal",
        "is_disabled",
    )
    list_filter = ("auto_renewal", "is_disabled", "customer__merchant")
    list_select_related = ("customer",)
    search_fields = ("reference", "customer__reference", "customer__external_reference", "customer__email")
    ordering = ("-pk",)
    actions = ("cancel", "resume", "disable", "enable")

    def save_model(self, request: HttpRequest, obj: TwoCheckoutSubscription, form: Any, change: bool) -> None:
        """Store the subscription and tell of it."""
        obj.changed_at = clock.now()
        super().save_model(request, obj, form, change)
        if form.changed_data:
            tell_of_subscription(obj, ChangedBy.VENDOR)

    @admin.action(description=_("Switch the renewal off"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[TwoCheckoutSubscription]) -> None:
        """Let subscriptions end with their terms."""
        self._change(request, queryset, auto_renewal=False)

    @admin.action(description=_("Switch the renewal on"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[TwoCheckoutSubscription]) -> None:
        """Let subscriptions renew themselves again."""
        self._change(request, queryset, auto_renewal=True)

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[TwoCheckoutSubscription]) -> None:
        """End subscriptions at once."""
        self._change(request, queryset, is_disabled=True)

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[TwoCheckoutSubscription]) -> None:
        """Let disabled subscriptions go on."""
        self._change(request, queryset, is_disabled=False)

    def _change(self, request: HttpRequest, queryset: QuerySet[TwoCheckoutSubscription], **values: bool) -> None:
        rows = list(queryset.select_related("customer__merchant"))
        count = sum(orders.change_subscription(row, ChangedBy.VENDOR, **values) for row in rows)
        text = ngettext("%d subscription was changed.", "%d subscriptions were changed.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


@admin.register(TwoCheckoutLink)
class TwoCheckoutLinkAdmin(ReadOnlyAdmin, ModelAdmin[TwoCheckoutLink]):
    """Sign-on links, without what signs in."""

    fields = ("customer", "kind", "language", "validation_ip", "created_at", "expires_at", "used_at")
    list_display = ("customer", "kind", "validation_ip", "created_at", "expires_at", "used_at")
    list_filter = ("kind", "customer__merchant")
    list_select_related = ("customer",)
    search_fields = ("customer__reference", "customer__external_reference")
    ordering = ("-pk",)

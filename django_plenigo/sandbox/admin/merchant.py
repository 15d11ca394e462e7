"""A company, its customers, what it sells and what they have bought."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import clock, customers, profiles, purchases
from ..events import CallbackType, tell_of_customer, tell_of_order, tell_of_subscription
from ..models import AccessIdentifier, AccessRight, Address, Application, Category, Company, Customer, Product, Purchase
from .base import ModelAdmin, ModelForm

SHOWN_CHARACTERS = 4


class CompanyForm(ModelForm[Company]):
    """A company, with the applications of its token to tick."""

    api_token_applications = forms.MultipleChoiceField(
        label=Company._meta.get_field("api_token_applications").verbose_name,
        choices=Application.choices,
        widget=forms.CheckboxSelectMultiple(),
        required=False,
        help_text=Company._meta.get_field("api_token_applications").help_text,
    )

    class Meta:
        model = Company
        exclude = ()


@admin.register(Company)
class CompanyAdmin(ModelAdmin[Company]):
    """Companies, their credentials and switches."""

    form = CompanyForm
    list_display = ("name", "company_id", "masked_secret", "closed_user_group", "paywall_enabled")
    list_filter = ("closed_user_group", "paywall_enabled")
    search_fields = ("name", "company_id")

    @admin.display(description=_("secret"))
    def masked_secret(self, company: Company) -> str:
        """Return enough of the secret to recognize it."""
        return company.secret[:SHOWN_CHARACTERS] + "…"


class CustomerForm(ModelForm[Customer]):
    """A customer, with a password that can be set and not be seen."""

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        widget=forms.PasswordInput(),
        help_text=_("To log in at the vendor's. Leave it empty to keep the present one."),
    )
    imported_product = forms.ModelChoiceField(
        label=_("Subscription"),
        queryset=Product.objects.filter(is_subscription=True).select_related("company"),
        required=False,
        help_text=_("Let the customer have this subscription from now on, as with an import."),
    )

    class Meta:
        model = Customer
        exclude = ("password", "registered_at", "failed_logins", "number")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].required = False

    def clean(self) -> dict[str, Any] | None:
        """Refuse an e-mail address that another customer has in whatever spelling; a placeholder makes itself."""
        values = super().clean() or self.cleaned_data
        if values.get("has_pseudo_email"):
            values["email"] = profiles.pseudo_email(self.instance.number)
        elif "email" in values and not values["email"]:
            self.add_error("email", _("Enter an address, or choose the placeholder for one."))
        company, product = values.get("company"), values.get("imported_product")
        if product is not None and product.company != company:
            self.add_error("imported_product", _("Another company sells this."))
        company, email = values.get("company"), values.get("email")
        owner = customers.find_customer_by_email(company, email) if company and email else None
        if owner is not None and owner.pk != self.instance.pk:
            self.add_error("email", _("Another customer has this e-mail address."))
        return values


@admin.register(Customer)
class CustomerAdmin(ModelAdmin[Customer]):
    """Customers of all companies."""

    form = CustomerForm
    readonly_fields = ("number",)
    list_display = ("customer_id", "number", "email", "external_id", "first_name", "last_name", "status", "company")
    list_filter = ("company", "language", "status")
    list_select_related = ("company",)
    search_fields = ("customer_id", "number", "email", "external_id", "first_name", "last_name")
    ordering = ("-pk",)
    actions = ("unlock",)

    def save_model(self, request: HttpRequest, obj: Customer, form: Any, change: bool) -> None:
        """Store the customer, and the password where one was typed."""
        obj.changed_at = clock.now()
        if not change:
            obj.registered_at = obj.changed_at
        super().save_model(request, obj, form, change)
        tell_of_customer(obj, CallbackType.CHANGE if change else CallbackType.CREATION)
        if form.cleaned_data["new_password"]:
            customers.set_password(obj, form.cleaned_data["new_password"])
        if form.cleaned_data["imported_product"]:
            purchases.buy(obj, form.cleaned_data["imported_product"].product_id)

    def delete_model(self, request: HttpRequest, obj: Customer) -> None:
        """Delete a customer and tell of it."""
        tell_of_customer(obj, CallbackType.DELETION)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        """Delete customers and tell of each."""
        for customer in queryset.select_related("company"):
            tell_of_customer(customer, CallbackType.DELETION)
        super().delete_queryset(request, queryset)

    @admin.action(description=_("Unlock the selected customers"), permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        """Let customers log in again who have typed too many wrong passwords or are not activated."""
        activated = Customer.Status.ACTIVATED
        blocked = list(queryset.exclude(status=activated).select_related("company"))
        queryset.update(locked_until=None, failed_logins=0, status=activated)
        for customer in blocked:
            customer.status = activated
            customers.note_change(customer)
        count = queryset.filter(processing_blocked=False).count()  # who is blocked for processing is not let in
        text = ngettext("%d customer can log in again.", "%d customers can log in again.", count) % count
        self.message_user(request, text, messages.SUCCESS)


class AccessIdentifierForm(ModelForm[AccessIdentifier]):
    """An access id; the company is the customer's."""

    class Meta:
        model = AccessIdentifier
        fields = ("customer", "slot", "value")

    def clean(self) -> dict[str, Any] | None:
        """Refuse a value that is taken."""
        values = super().clean() or self.cleaned_data
        customer, value = values.get("customer"), values.get("value")
        if customer and value:
            self.instance.company = customer.company
            taken = customer.company.access_identifiers.filter(value=value).exclude(pk=self.instance.pk)
            if taken.exists():
                self.add_error("value", _("This access id belongs to somebody already."))
        return values


@admin.register(AccessIdentifier)
class AccessIdentifierAdmin(ModelAdmin[AccessIdentifier]):
    """Access ids of all customers."""

    form = AccessIdentifierForm
    list_display = ("value", "slot", "customer", "company")
    list_filter = ("slot", "company")
    list_select_related = ("customer", "company")
    search_fields = ("value", "customer__customer_id", "customer__email")
    autocomplete_fields = ("customer",)


@admin.register(Address)
class AddressAdmin(ModelAdmin[Address]):
    """Addresses of all customers. API v2 has one of each: of invoices before deliveries, the preferred one first."""

    list_display = ("customer", "kind", "preferred", "street", "street_number", "postcode", "city", "country")
    list_filter = ("kind", "customer__company")
    list_select_related = ("customer",)
    search_fields = ("customer__number", "customer__email", "street", "postcode", "city")
    autocomplete_fields = ("customer",)

    def save_model(self, request: HttpRequest, obj: Address, form: Any, change: bool) -> None:
        """Store the address: its customer is a changed one."""
        super().save_model(request, obj, form, change)
        customers.note_change(obj.customer)


@admin.register(AccessRight)
class AccessRightAdmin(ModelAdmin[AccessRight]):
    """Rights that were given through API v3."""

    list_display = ("access_right_id", "customer", "life_time_start", "life_time_end", "blocked")
    list_filter = ("blocked", "customer__company")
    list_select_related = ("customer",)
    search_fields = ("access_right_id", "customer__number", "customer__email")
    autocomplete_fields = ("customer",)
    exclude = ("created_at", "changed_at")

    def save_model(self, request: HttpRequest, obj: AccessRight, form: Any, change: bool) -> None:
        """Store the right, and when it was changed."""
        obj.changed_at = clock.now()
        if not change:
            obj.created_at = obj.changed_at
        super().save_model(request, obj, form, change)


@admin.register(Category)
class CategoryAdmin(ModelAdmin[Category]):
    """Categories of products."""

    list_display = ("category_id", "title", "price", "currency", "product_type", "company")
    list_filter = ("company", "product_type")
    list_select_related = ("company",)
    search_fields = ("category_id", "title")


@admin.register(Product)
class ProductAdmin(ModelAdmin[Product]):
    """Managed products."""

    list_display = (
        "product_id",
        "title",
        "price",
        "currency",
        "product_type",
        "is_subscription",
        "offer_id",
        "access_right_id",
        "category",
        "company",
    )
    list_filter = ("company", "is_subscription", "product_type", "category")
    list_select_related = ("company", "category")
    search_fields = ("product_id", "title", "offer_id", "access_right_id")
    # Django 5.2 warns of its default, which 6.0 has changed to this.
    formfield_overrides: ClassVar[dict[Any, Any]] = {models.URLField: {"assume_scheme": "https"}}


@admin.register(Purchase)
class PurchaseAdmin(ModelAdmin[Purchase]):
    """What customers have bought or were given."""

    list_display = ("product_id", "customer", "source", "start", "end", "test_mode", "is_blocked", "price", "currency")
    list_filter = ("source", "test_mode", "is_blocked", "is_subscription", "customer__company")
    list_select_related = ("customer",)
    search_fields = ("product_id", "title", "transaction_id", "customer__customer_id", "customer__email")
    autocomplete_fields = ("customer",)
    ordering = ("-pk",)
    actions = ("block", "unblock", "cancel", "undo_cancellation")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Let a new purchase begin now, by the sandbox's clock."""
        return {"start": clock.now(), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Purchase, form: Any, change: bool) -> None:
        """Store the purchase and tell of it; of another end it is told anew."""
        obj.end_is_told = obj.end_is_told and "end" not in form.changed_data
        obj.changed_at = clock.now()
        super().save_model(request, obj, form, change)
        if not change:
            tell_of_order([obj])
        tell_of_subscription(obj, CallbackType.CHANGE if change else CallbackType.CREATION)

    @admin.action(description=_("Block the selected purchases"), permissions=["change"])
    def block(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        """Let purchases give no access."""
        count = self._write(queryset, is_blocked=True)
        text = ngettext("%d purchase is blocked.", "%d purchases are blocked.", count) % count
        self.message_user(request, text, messages.SUCCESS)

    @admin.action(description=_("Unblock the selected purchases"), permissions=["change"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        """Let purchases give access again."""
        count = self._write(queryset, is_blocked=False)
        text = ngettext("%d purchase gives access again.", "%d purchases give access again.", count) % count
        self.message_user(request, text, messages.SUCCESS)

    def _write(self, queryset: QuerySet[Purchase], *, is_blocked: bool) -> int:
        """Block or unblock purchases, tell of each subscription, and return how many there are."""
        rows = list(queryset.select_related("customer__company"))
        for purchase in rows:
            purchases.block(purchase, is_blocked=is_blocked)
        return len(rows)

    @admin.action(description=_("Cancel the selected subscriptions"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        """Let subscriptions end with the term that has begun; single purchases are left alone."""
        running = list(queryset.filter(is_subscription=True, cancelled_at=None))
        for purchase in running:
            purchases.cancel(purchase)
        count = len(running)
        text = ngettext("%d subscription is cancelled.", "%d subscriptions are cancelled.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)

    @admin.action(description=_("Take back the cancellation of the selected subscriptions"), permissions=["change"])
    def undo_cancellation(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        """Let cancelled subscriptions that still run go on; others are left alone."""
        rows = queryset.filter(is_subscription=True).select_related("customer__company")
        count = sum(purchases.undo_cancellation(purchase) for purchase in rows)
        text = ngettext("%d subscription goes on.", "%d subscriptions go on.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)

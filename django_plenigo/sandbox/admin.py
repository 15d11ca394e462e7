"""The merchant backend: what a publisher's staff does at the vendor's, and the dials of the sandbox."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import clock, customers, purchases
from .models import AccessIdentifier, Category, Clock, Company, Customer, Fault, Product, Purchase

SHOWN_CHARACTERS = 4

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.forms import ModelForm
else:
    # Django's own classes take no model in brackets, which type checkers ask for.
    class ModelAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, model):
            return cls

    class ModelForm(forms.ModelForm):
        def __class_getitem__(cls, model):
            return cls


@admin.register(Company)
class CompanyAdmin(ModelAdmin[Company]):
    """Companies, their credentials and switches."""

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

    class Meta:
        model = Customer
        exclude = ("password", "registered_at", "failed_logins", "number")  # noqa: DJ006 - the many fields of an address

    def clean(self) -> dict[str, Any] | None:
        """Refuse an e-mail address that another customer has in whatever spelling."""
        values = super().clean() or self.cleaned_data
        company, email = values.get("company"), values.get("email")
        owner = customers.find_customer_by_email(company, email) if company and email else None
        if owner is not None and owner.pk != self.instance.pk:
            self.add_error("email", _("Another customer has this e-mail address."))
        return values


@admin.register(Customer)
class CustomerAdmin(ModelAdmin[Customer]):
    """Customers of all companies."""

    form = CustomerForm
    list_display = ("customer_id", "email", "external_id", "first_name", "last_name", "language", "company")
    list_filter = ("company", "language", "blocked_by_support")
    list_select_related = ("company",)
    search_fields = ("customer_id", "email", "external_id", "first_name", "last_name")
    ordering = ("-pk",)
    actions = ("unlock",)

    def save_model(self, request: HttpRequest, obj: Customer, form: Any, change: bool) -> None:
        """Store the customer, and the password where one was typed."""
        if not change:
            obj.registered_at = clock.now()
        super().save_model(request, obj, form, change)
        if form.cleaned_data["new_password"]:
            customers.set_password(obj, form.cleaned_data["new_password"])

    @admin.action(description=_("Unlock the selected customers"), permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        """Let customers log in again who have typed too many wrong passwords or were blocked."""
        count = queryset.update(locked_until=None, failed_logins=0, blocked_by_support=False)
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
        "category",
        "company",
    )
    list_filter = ("company", "is_subscription", "product_type", "category")
    list_select_related = ("company", "category")
    search_fields = ("product_id", "title")
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
    actions = ("block", "unblock", "cancel")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Let a new purchase begin now, by the sandbox's clock."""
        return {"start": clock.now(), **super().get_changeform_initial_data(request)}

    @admin.action(description=_("Block the selected purchases"), permissions=["change"])
    def block(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        """Let purchases give no access."""
        count = queryset.update(is_blocked=True)
        text = ngettext("%d purchase is blocked.", "%d purchases are blocked.", count) % count
        self.message_user(request, text, messages.SUCCESS)

    @admin.action(description=_("Unblock the selected purchases"), permissions=["change"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        """Let purchases give access again."""
        count = queryset.update(is_blocked=False)
        text = ngettext("%d purchase gives access again.", "%d purchases give access again.", count) % count
        self.message_user(request, text, messages.SUCCESS)

    @admin.action(description=_("Cancel the selected subscriptions"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        """Let subscriptions end with the term that has begun; single purchases are left alone."""
        running = list(queryset.filter(is_subscription=True, cancelled_at=None))
        for purchase in running:
            purchases.cancel(purchase)
        count = len(running)
        text = ngettext("%d subscription is cancelled.", "%d subscriptions are cancelled.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


class FaultForm(ModelForm[Fault]):
    """A fault, for one of the endpoints that there are."""

    class Meta:
        model = Fault
        fields = (
            "endpoint",
            "kind",
            "remaining",
            "after_work",
            "status",
            "retry_after_seconds",
            "body",
            "delay_seconds",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By dotted path, at first use: the API is not light, and Django imports this module at its start.
        names: list[str] = [
            *import_string("django_plenigo.sandbox.api.urls.ENDPOINT_NAMES"),
            *import_string("django_plenigo.sandbox.api_v3.urls.ENDPOINT_NAMES"),
        ]
        choices = [("", _("every endpoint")), *((name, name) for name in sorted(names))]
        label = capfirst(Fault._meta.get_field("endpoint").verbose_name)
        self.fields["endpoint"] = forms.ChoiceField(label=label, choices=choices, required=False)
        self.fields["kind"].initial = Fault.Kind.STATUS


@admin.register(Fault)
class FaultAdmin(ModelAdmin[Fault]):
    """The fault dial."""

    form = FaultForm
    list_display = ("kind", "shown_endpoint", "remaining", "after_work", "status", "delay_seconds")
    list_filter = ("kind", "after_work")
    search_fields = ("endpoint",)

    @admin.display(description=_("endpoint"), ordering="endpoint")
    def shown_endpoint(self, fault: Fault) -> str:
        """Return the endpoint's name, or a word for all of them."""
        return fault.endpoint or str(_("every endpoint"))


class ClockForm(ModelForm[Clock]):
    """How far to move the clock."""

    #: A hundred years, which is as far as it goes.
    DAYS: ClassVar[int] = clock.FURTHEST.days

    days = forms.IntegerField(label=_("Days"), initial=0, min_value=-DAYS, max_value=DAYS)
    hours = forms.IntegerField(label=_("Hours"), initial=0, min_value=-24, max_value=24)
    minutes = forms.IntegerField(label=_("Minutes"), initial=0, min_value=-60, max_value=60)

    class Meta:
        model = Clock
        fields: ClassVar[list[str]] = []

    def clean(self) -> dict[str, Any] | None:
        """Refuse to leave the hundred years."""
        values = super().clean() or self.cleaned_data
        parts = {name: values[name] for name in ("days", "hours", "minutes") if name in values}
        values["amount"] = timedelta(**parts)
        if abs(self.instance.offset + values["amount"]) > clock.FURTHEST:
            raise forms.ValidationError(_("The sandbox's clock goes a hundred years forward or back at most."))
        return values


@admin.register(Clock)
class ClockAdmin(ModelAdmin[Clock]):
    """The one clock: its list leads to it."""

    form = ClockForm
    fieldsets = (
        (None, {"fields": ("sandbox_time", "ahead_by")}),
        (
            _("Move the clock"),
            {
                "fields": ("days", "hours", "minutes"),
                "description": _("Days, hours and minutes add up. Numbers below zero move the clock back."),
            },
        ),
    )
    readonly_fields = ("sandbox_time", "ahead_by")

    @admin.display(description=_("The sandbox's time"))
    def sandbox_time(self, row: Clock) -> Any:
        """Return what the clock shows."""
        return clock.now()

    @admin.display(description=_("Ahead of the real time by"))
    def ahead_by(self, row: Clock) -> str:
        """Return in words how far the clock is ahead; behind a minus where it is back."""
        total = int(abs(row.offset).total_seconds()) // 60
        days, hours, minutes = total // (24 * 60), total // 60 % 24, total % 60
        parts = [
            ngettext("%d day", "%d days", days) % days if days else "",
            ngettext("%d hour", "%d hours", hours) % hours if hours else "",
            ngettext("%d minute", "%d minutes", minutes) % minutes if minutes else "",
        ]
        text = ", ".join(part for part in parts if part) or gettext("nothing")
        return f"− {text}" if row.offset < timedelta() else text

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow no second clock."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Clock | None = None) -> bool:
        """Keep the clock: moved back it shows the real time."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead to the clock."""
        if not self.has_view_or_change_permission(request):
            return super().changelist_view(request, extra_context)
        row = Clock.objects.get_or_create(pk=1)[0]
        info = (self.opts.app_label, self.opts.model_name)
        return redirect(reverse("{}:{}_{}_change".format(self.admin_site.name, *info), args=[row.pk]))

    def save_model(self, request: HttpRequest, obj: Clock, form: Any, change: bool) -> None:
        """Move the clock."""
        clock.advance(form.cleaned_data["amount"])

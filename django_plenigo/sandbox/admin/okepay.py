"""OkePay: the instance with its secret, contacts, subscriptions and payments."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import clock
from ..models import OkePayContact, OkePayInstance, OkePaySubscription, OkePayTransaction
from ..okepay import payments, webhooks
from .base import ModelAdmin

SHOWN_CHARACTERS = 4


@admin.register(OkePayInstance)
class OkePayInstanceAdmin(ModelAdmin[OkePayInstance]):
    """Instances, their secrets and limits."""

    list_display = ("name", "masked_secret", "calls_allowed", "company")
    list_select_related = ("company",)
    search_fields = ("name",)

    @admin.display(description=_("API secret"))
    def masked_secret(self, instance: OkePayInstance) -> str:
        """Return enough of the secret to recognize it."""
        return instance.secret[:SHOWN_CHARACTERS] + "…"


@admin.register(OkePayContact)
class OkePayContactAdmin(ModelAdmin[OkePayContact]):
    """Contacts of all instances."""

    list_display = ("number", "email", "first_name", "last_name", "instance")
    list_filter = ("instance",)
    list_select_related = ("instance",)
    search_fields = ("number", "email", "first_name", "last_name")
    ordering = ("-pk",)


@admin.register(OkePaySubscription)
class OkePaySubscriptionAdmin(ModelAdmin[OkePaySubscription]):
    """Subscriptions of all instances. Another status is told by a webhook."""

    list_display = ("number", "contact", "status", "purpose", "valid_until", "end", "reference_id")
    list_filter = ("status", "contact__instance")
    list_select_related = ("contact",)
    raw_id_fields = ("contact",)
    search_fields = ("number", "reference_id", "contact__email", "contact__number")
    ordering = ("-pk",)
    actions = ("let_payment_succeed", "let_payment_fail", "give_notice", "cancel")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with today, by the sandbox's clock."""
        return {"start": clock.now().date(), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: OkePaySubscription, form: Any, change: bool) -> None:
        """Store the subscription, and tell of a new one and of another status."""
        super().save_model(request, obj, form, change)
        if not change or "status" in form.changed_data:
            webhooks.tell_of_subscription(obj)

    @admin.action(description=_("Let the next payment succeed"), permissions=["change"])
    def let_payment_succeed(self, request: HttpRequest, queryset: QuerySet[OkePaySubscription]) -> None:
        """Pay for the next interval."""
        self._do(request, queryset, payments.renew)

    @admin.action(description=_("Let the next payment fail"), permissions=["change"])
    def let_payment_fail(self, request: HttpRequest, queryset: QuerySet[OkePaySubscription]) -> None:
        """Decline a payment."""
        self._do(request, queryset, payments.fail)

    @admin.action(description=_("Cancel as the customer does"), permissions=["change"])
    def give_notice(self, request: HttpRequest, queryset: QuerySet[OkePaySubscription]) -> None:
        """Let subscriptions run on to the end of what is paid."""
        self._do(request, queryset, payments.give_notice)

    @admin.action(description=_("Cancel at once"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[OkePaySubscription]) -> None:
        """End subscriptions."""
        self._do(request, queryset, payments.cancel)

    def _do(
        self,
        request: HttpRequest,
        queryset: QuerySet[OkePaySubscription],
        change: Callable[[OkePaySubscription], Any],
    ) -> None:
        """Change each subscription, and say how many have changed."""
        count = sum(bool(change(row)) for row in queryset.select_related("contact__instance__company"))
        text = ngettext("%d subscription has changed.", "%d subscriptions have changed.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


@admin.register(OkePayTransaction)
class OkePayTransactionAdmin(ModelAdmin[OkePayTransaction]):
    """Payments of all instances. Another status is told by a webhook."""

    list_display = ("number", "contact", "status", "time", "amount", "currency", "reference_id")
    list_filter = ("status", "contact__instance")
    list_select_related = ("contact",)
    raw_id_fields = ("contact", "subscription")
    search_fields = ("number", "reference_id", "contact__email", "contact__number")
    ordering = ("-pk",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with now, by the sandbox's clock."""
        return {"time": clock.now(), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: OkePayTransaction, form: Any, change: bool) -> None:
        """Store the payment, and tell of a new one and of another status."""
        super().save_model(request, obj, form, change)
        if not change or "status" in form.changed_data:
            webhooks.tell_of_transaction(obj)

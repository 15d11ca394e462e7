"""Callbacks, what they tell, and the log of their calls."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import callbacks, clock
from ..models import Callback, CallbackAttempt, CallbackDelivery
from .base import ModelAdmin, ModelForm, ReadOnlyAdmin


class CallbackForm(ModelForm[Callback]):
    """A callback, with its events to tick."""

    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(name, name) for name in callbacks.EVENT_NAMES],
        widget=forms.CheckboxSelectMultiple(),
    )

    class Meta:
        model = Callback
        fields: ClassVar[list[str]] = [
            "company",
            "url",
            "events",
            "is_enabled",
            "sends_empty_values",
            "username",
            "password",
            "headers",
        ]


@admin.register(Callback)
class CallbackAdmin(ModelAdmin[Callback]):
    """Callbacks of all companies. The detail view shows the secret."""

    form = CallbackForm
    readonly_fields = ("secret", "warned_at", "switched_off_at")
    fieldsets = (
        (None, {"fields": ("company", "url", "events", "is_enabled", "sends_empty_values", "secret")}),
        (_("Authentication"), {"fields": ("username", "password", "headers")}),
        (_("Failures"), {"fields": ("warned_at", "switched_off_at")}),
    )
    list_display = ("url", "shown_events", "is_enabled", "switched_off_at", "company")
    list_filter = ("is_enabled", "company")
    list_select_related = ("company",)
    search_fields = ("url",)

    @admin.display(description=_("events"))
    def shown_events(self, callback: Callback) -> str:
        """Return the events in one line."""
        return ", ".join(callback.events)

    def save_model(self, request: HttpRequest, obj: Callback, form: Any, change: bool) -> None:
        """Store the callback; switched on again, it begins without failures."""
        if obj.is_enabled and "is_enabled" in form.changed_data:
            obj.switched_off_at = obj.warned_at = None
            obj.failures_count_from = clock.now()
        super().save_model(request, obj, form, change)


@admin.register(CallbackDelivery)
class CallbackDeliveryAdmin(ReadOnlyAdmin, ModelAdmin[CallbackDelivery]):
    """What was told and what will be."""

    list_display = ("event", "entity_id", "callback", "attempts", "due_at", "delivered_at")
    list_filter = ("event", "callback__company")
    list_select_related = ("callback",)
    search_fields = ("event", "entity_id", "callback__url")
    ordering = ("-pk",)
    actions = ("send_due",)

    @admin.action(description=_("Send due callbacks now"), permissions=["view"])
    def send_due(self, request: HttpRequest, queryset: QuerySet[CallbackDelivery]) -> None:
        """Send those of the selected that are due; another party is called when no transaction is open any more."""
        chosen = list(queryset.filter(due_at__lte=clock.now()).values_list("pk", flat=True))
        alias = router.db_for_write(CallbackDelivery)
        transaction.on_commit(lambda: callbacks.send_due(only=chosen), using=alias)
        text = ngettext("%d callback was due.", "%d callbacks were due.", len(chosen)) % len(chosen)
        self.message_user(request, text, messages.SUCCESS if chosen else messages.WARNING)


@admin.register(CallbackAttempt)
class CallbackAttemptAdmin(ReadOnlyAdmin, ModelAdmin[CallbackAttempt]):
    """The callback log."""

    list_display = ("delivery", "sent_at", "status", "error", "is_success")
    list_filter = ("is_success", "delivery__event")
    list_select_related = ("delivery",)
    search_fields = ("delivery__entity_id", "delivery__callback__url")
    ordering = ("-pk",)

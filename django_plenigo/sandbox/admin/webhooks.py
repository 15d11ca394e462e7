"""Webhooks of the vendors that post them, what is posted, and the log of the calls."""

from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import webhooks
from ..models import Webhook, WebhookAttempt, WebhookDelivery
from ..models.webhooks import Signature, default_signatures
from ..posting import answers_a_look
from .base import ModelAdmin, ModelForm, ReadOnlyAdmin


class WebhookForm(ModelForm[Webhook]):
    """A webhook, with its signatures to tick."""

    signatures = forms.MultipleChoiceField(
        label=capfirst(Webhook._meta.get_field("signatures").verbose_name),
        choices=Signature.choices,
        initial=default_signatures,
        required=False,
        widget=forms.CheckboxSelectMultiple(),
        help_text=Webhook._meta.get_field("signatures").help_text,
    )

    class Meta:
        model = Webhook
        fields: ClassVar[list[str]] = [
            "company",
            "kind",
            "url",
            "is_enabled",
            "signatures",
            "content_type",
            "signing_key",
        ]


@admin.register(Webhook)
class WebhookAdmin(ModelAdmin[Webhook]):
    """Addresses that are told of orders and subscriptions, of all companies."""

    form = WebhookForm
    fieldsets = (
        (None, {"fields": ("company", "kind", "url", "is_enabled")}),
        ("2Checkout", {"fields": ("signatures",)}),
        ("OkePay", {"fields": ("content_type", "signing_key")}),
    )
    list_display = ("url", "kind", "is_enabled", "company")
    list_filter = ("kind", "is_enabled", "company")
    list_select_related = ("company",)
    search_fields = ("url",)
    actions = ("look",)

    @admin.action(description=_("Look whether the addresses answer a GET"), permissions=["view"])
    def look(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Do what 2Checkout does when an address is set up: it must answer a GET with 200."""
        for webhook in queryset:
            if answers_a_look(webhook.url):
                text = _("A GET of %(url)s is answered with 200.") % {"url": webhook.url}
                self.message_user(request, text, messages.SUCCESS)
            else:
                text = _("A GET of %(url)s is not answered with 200, which 2Checkout asks for.") % {"url": webhook.url}
                self.message_user(request, text, messages.WARNING)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin, ModelAdmin[WebhookDelivery]):
    """What was posted and what will be."""

    list_display = ("event", "entity_id", "webhook", "attempts", "due_at", "delivered_at")
    list_filter = ("webhook__kind", "event", "webhook__company")
    list_select_related = ("webhook",)
    search_fields = ("event", "entity_id", "webhook__url")
    ordering = ("-pk",)
    actions = ("send_now",)

    @admin.action(description=_("Send now, also again"), permissions=["view"])
    def send_now(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Send the selected, due or not; another party is called when no transaction is open any more."""
        chosen = list(queryset.filter(webhook__is_enabled=True).values_list("pk", flat=True))
        webhooks.send_again(chosen)
        alias = router.db_for_write(WebhookDelivery)
        transaction.on_commit(lambda: webhooks.send_due(only=chosen), using=alias)
        text = ngettext("%d webhook was sent.", "%d webhooks were sent.", len(chosen)) % len(chosen)
        self.message_user(request, text, messages.SUCCESS if chosen else messages.WARNING)


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(ReadOnlyAdmin, ModelAdmin[WebhookAttempt]):
    """The log of webhooks."""

    list_display = ("delivery", "sent_at", "status", "error", "is_success")
    list_filter = ("is_success", "delivery__webhook__kind")
    list_select_related = ("delivery",)
    search_fields = ("delivery__entity_id", "delivery__webhook__url")
    ordering = ("-pk",)

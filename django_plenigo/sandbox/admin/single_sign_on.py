"""The settings of the single sign-on, the log-ins of customers, and the codes that were sent to them."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import Channel, CustomerSession, SentMessage, SsoSettings
from .base import ModelAdmin, ModelForm, ReadOnlyAdmin


class SsoSettingsForm(ModelForm[SsoSettings]):
    """The form of the merchant backend, with its rules."""

    class Meta:
        model = SsoSettings
        fields: ClassVar[str] = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["max_sessions"].required = False

    def clean_max_sessions(self) -> int:
        """Return the number; an empty field is 1."""
        number: int | None = self.cleaned_data["max_sessions"]
        return 1 if number is None else number

    def clean(self) -> dict[str, Any] | None:
        """Refuse SMS without a provider, and an account connection that asks for no identifier."""
        values = super().clean() or self.cleaned_data
        company = values.get("company")
        if company is not None and values.get("token_type") == Channel.SMS and not company.has_sms_provider:
            self.add_error("token_type", _("To use SMS, set an SMS provider in the company first."))
        has_identifier = values.get("request_customer_id") or values.get("request_subscription_id")
        if values.get("allow_registration_identifier") and not has_identifier:
            text = _("Account connect needs the customer ID or the subscription identifier.")
            self.add_error("allow_registration_identifier", text)
        return values


@admin.register(SsoSettings)
class SsoSettingsAdmin(ModelAdmin[SsoSettings]):
    """Settings and account connection. Source: docs/protocols/plenigo-v3.md 6.1."""

    form = SsoSettingsForm
    list_display = ("company", "token_type", "max_sessions", "sso_name", "allow_registration_identifier")
    list_select_related = ("company",)
    search_fields = ("company__name", "company__company_id")
    fieldsets = (
        (
            _("Settings"),
            {
                "fields": (
                    "company",
                    "token_type",
                    "token_sms_countries",
                    "allowed_domains",
                    "max_sessions",
                    "sso_name",
                    "force_username",
                    "override_force_username",
                    "recheck_terms",
                    "term_text",
                    "opt_in",
                    "opt_in_text",
                    "hide_salutation",
                    "disable_sso",
                    "emergency_mode",
                )
            },
        ),
        (
            _("Account connection"),
            {
                "fields": (
                    "allow_registration_identifier",
                    "request_customer_id",
                    "request_subscription_id",
                    "request_postcode",
                    "request_street",
                    "request_street_number",
                    "request_city",
                ),
                "description": _(
                    "Customers who were imported without an e-mail address connect their accounts with one. "
                    "Ask for the customer ID or the subscription identifier, and for more to make it secure."
                ),
            },
        ),
    )


@admin.register(CustomerSession)
class CustomerSessionAdmin(ReadOnlyAdmin, ModelAdmin[CustomerSession]):
    """Log-ins through API v3. Deleted, they are unknown."""

    list_display = ("session_id", "customer", "browser", "os", "created_at", "expires_at", "ended_at")
    list_filter = ("customer__company",)
    list_select_related = ("customer",)
    search_fields = ("session_id", "customer__number", "customer__email")
    ordering = ("-pk",)


@admin.register(SentMessage)
class SentMessageAdmin(ReadOnlyAdmin, ModelAdmin[SentMessage]):
    """The outbox: the sandbox sends nothing, and shows what the vendor would have sent."""

    list_display = ("recipient", "channel", "code", "text", "sent_at", "company")
    list_filter = ("channel", "company")
    list_select_related = ("company",)
    search_fields = ("recipient",)
    ordering = ("-pk",)

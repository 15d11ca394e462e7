"""The dials of the sandbox: its faults and its clock."""

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import clock
from ..models import Clock, Fault
from .base import ModelAdmin, ModelForm


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
            *import_string("django_plenigo.sandbox.okepay.api.ENDPOINT_NAMES"),
            *import_string("django_plenigo.sandbox.twocheckout.rpc.ENDPOINT_NAMES"),
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

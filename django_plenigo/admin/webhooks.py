"""What vendors have delivered by themselves: what was refused and why, what came of the rest."""

from typing import Any

from django.contrib import admin, messages
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_plenigo import conf
from django_plenigo.admin.lists import SupportAdmin, SupportChangeList
from django_plenigo.admin.pages import ActionPage, in_one_transaction
from django_plenigo.admin.words import log, point_in_time
from django_plenigo.models import WebhookDelivery
from django_plenigo.services import webhooks

State = WebhookDelivery.State

PERMISSION = "plenigo.retry_webhookdelivery"


def name_of(row: WebhookDelivery) -> str:
    """Name the source and the time."""
    return f"{row.source} ({point_in_time(row.received_at)})"


class WorkAgain(ActionPage):
    """Have deliveries worked on again that have failed, or wait for their next try."""

    name = "work_again"
    permission = PERMISSION
    title = gettext_lazy("Work on it again")
    question = gettext_lazy(
        "These deliveries are worked on again in a moment. What has failed fails again unless its cause has been "
        "mended. What is done, and what was refused, is left alone: it has no body any more."
    )
    button = gettext_lazy("Work on it again")
    most = 1000

    def describe(self, row: WebhookDelivery) -> str:
        """Name the source and the time."""
        return name_of(row)

    def act(self, rows: list[WebhookDelivery]) -> HttpResponse:
        """Make them due."""
        with transaction.atomic(router.db_for_write(WebhookDelivery)), in_one_transaction():
            chosen = [row for row in rows if webhooks.may_try_again(row)]
            count = webhooks.try_again(WebhookDelivery.objects.filter(pk__in=[row.pk for row in chosen]))
            log(self.request, chosen, _("Had it worked on again."))
        if not count:
            return self.leave(_("None of these can be worked on again; nothing was done."), messages.WARNING, rows)
        text = ngettext(
            "%(count)d delivery will be worked on again.", "%(count)d deliveries will be worked on again.", count
        )
        return self.leave(text % {"count": count}, messages.SUCCESS, rows)


class SourceFilter(admin.SimpleListFilter):
    """By source: those in the settings, since looking for others would look at every row."""

    title = gettext_lazy("source")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the sources."""
        return [(source, source) for source in webhooks.sources_of(conf.accounts())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return what the source has delivered."""
        return queryset.filter(source=self.value()) if self.value() else queryset


class DeliveryStateFilter(admin.SimpleListFilter):
    """By state, of the sources in the settings: so the index finds the few that have failed among millions."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Return the states."""
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the deliveries that are in the state."""
        state = self.value()
        if state not in State.values:
            return queryset
        return queryset.filter(state=state, source__in=webhooks.sources_of(conf.accounts()))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(SupportAdmin):
    """The log of all deliveries. No page shows a body."""

    actions = ["work_again"]
    list_display = ["received", "source", "state", "why", "repeated", "attempts", "due"]
    list_filter = [SourceFilter, DeliveryStateFilter]
    ordering = ["-pk"]
    readonly_fields = ["why", "remedy", "progress", "technical"]
    fieldsets = [
        (None, {"fields": ["source", "state", "why", "remedy", "progress", "technical"]}),
        (
            gettext_lazy("When"),
            {"fields": ["received_at", "repeated", "last_repeated_at", "attempts", "due_at", "processed_at"]},
        ),
    ]
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the deliveries without their bodies."""
        return super().get_queryset(request).defer("body")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SupportChangeList]:
        """Return a list that says where it is cut."""
        return SupportChangeList

    def describe(self, row: WebhookDelivery) -> str:
        """Name the source and the time."""
        return name_of(row)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a delivery, with the button that has it worked on again."""
        row = kwargs.get("obj")
        context["may_work_again"] = (
            row is not None and webhooks.may_try_again(row) and WorkAgain.is_allowed(request, self, row)
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[Any]:
        """Add the page that asks."""
        return [WorkAgain.url_of(self), *super().get_urls()]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may have deliveries worked on again."""
        return WorkAgain.is_allowed(request, self)

    @admin.action(description=WorkAgain.title, permissions=["retry"])
    def work_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse:
        """Ask before they are worked on."""
        return WorkAgain.open_for(self, request, queryset)

    # ---- columns

    @admin.display(description=gettext_lazy("received at"))
    def received(self, row: WebhookDelivery) -> str:
        """Say when it came."""
        return point_in_time(row.received_at)

    @admin.display(description=gettext_lazy("reason"), empty_value="–")
    def why(self, row: WebhookDelivery) -> str | None:
        """Say what came of it, or why it was refused."""
        return str(webhooks.words_of(row.reason).meaning) if row.reason else None

    @admin.display(description=gettext_lazy("what to do"), empty_value="–")
    def remedy(self, row: WebhookDelivery) -> str | None:
        """Say what helps."""
        return str(webhooks.words_of(row.reason).remedy) if row.reason else None

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, row: WebhookDelivery) -> str:
        """Say what becomes of it next."""
        if row.state != State.WAITING:
            return _("is not tried again by itself") if row.state == State.FAILED else _("nothing is left to do")
        if row.due_at is not None and row.due_at > timezone.now():
            return _("is tried on %(when)s") % {"when": point_in_time(row.due_at)}
        return _("is about to be worked on")

    @admin.display(description=gettext_lazy("technical text"), empty_value="–")
    def technical(self, row: WebhookDelivery) -> str | None:
        """Return what says more to those who mend it: a header, a setting, the vendor's answer."""
        return row.last_error or None

    @admin.display(description=gettext_lazy("due at"), empty_value="–")
    def due(self, row: WebhookDelivery) -> str | None:
        """Say when it is tried next."""
        return point_in_time(row.due_at) if row.due_at else None

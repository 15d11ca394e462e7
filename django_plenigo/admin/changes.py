"""What plenigo is still to be told, and what it has refused: the outbox, and the work list of conflicts."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.admin.actions import AskForOwner, LeaveAsItIs, TryAgain
from django_plenigo.admin.lists import AccountFilter, StateFilter, SupportAdmin, SupportChangeList
from django_plenigo.admin.sites import address_of_link, may_see_link
from django_plenigo.admin.words import name_of_change, point_in_time, progress_of
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import explanations, support

REFUSED = support.ChangeState.REFUSED


def is_work_list(request: HttpRequest) -> bool:
    """Say whether a list is that of the conflicts."""
    return request.GET.get(StateFilter.parameter_name) == REFUSED


class ChangeChangeList(SupportChangeList):
    """Changes; in the work list with both sides of each."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Read the rows of the outbox, or of the work list."""
        self.request, self.is_work_list = request, is_work_list(request)
        super().__init__(request, *args, **kwargs)
        if self.is_work_list:
            self.title = str(_("Conflicts to decide, oldest first"))
        self.pauses = [
            (pause, explanations.explain(pause.last_error_type, pause.last_error)) for pause in support.pauses()
        ]

    def with_details(self, rows: list[RemoteChange]) -> list[RemoteChange]:
        """Return the changes with both sides, in the work list."""
        return _with_sides(rows, self.request, self.model_admin.admin_site) if self.is_work_list else rows


def _with_sides(changes: list[Any], request: HttpRequest, admin_site: admin.AdminSite) -> list[Any]:
    """Return changes with what their columns say of both sides, as far as this agent may see them."""
    sides = support.sides_of(changes)
    for change in changes:
        change.sides, other = sides[change.pk], sides[change.pk].other
        change.address = address_of_link(request, admin_site, change.link)
        change.may_see_other = other is not None and may_see_link(request, admin_site, other)
        change.other_address = address_of_link(request, admin_site, other)
    return changes


@admin.register(RemoteChange)
class RemoteChangeAdmin(SupportAdmin):
    """What plenigo is still to be told, and what it has refused: the conflicts that an agent has to decide."""

    actions = ["try_again", "leave_as_it_is"]
    list_filter = [StateFilter, AccountFilter, "kind"]
    list_select_related = ["link__user"]
    search_fields = ["link__customer_id__startswith", "link__external_id__startswith", "link__email_key__startswith"]
    sortable_by = ()

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns of the outbox or of the work list."""
        account = ["account"] if len(conf.accounts()) > 1 else []
        if is_work_list(request):
            return ["kind", *account, "this_side", "other_side", "error", "refused"]
        return ["reader", *account, "kind", "state", "attempts", "due", "error"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the newest first; of the conflicts the oldest."""
        return ["refused_at", "pk"] if is_work_list(request) else ["-pk"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SupportChangeList]:
        """Return our own list."""
        return ChangeChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as the list of links does."""
        if not search_term.strip():
            return queryset, False
        links = self.find_links(request, CustomerLink.objects.all(), search_term)
        return queryset.filter(link__in=links), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what there is to say of a change."""
        what = {"fields": ["reader_link", "account", "kind", "progress", "error", "remedy", "technical"]}
        when = {"fields": ["noted_at", "attempts", "due_at", "refused_at"]}
        if obj is None or obj.refused_at is None or not obj.sides.is_conflict:
            return [(None, what), (_("When"), when)]
        sides = {"fields": ["this_side", "other_side"]}
        return [(None, what), (_("Both sides"), sides), (_("When"), when)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return what is no field of the model."""
        return ["reader_link", "progress", "error", "remedy", "technical", "this_side", "other_side"]

    def describe(self, row: RemoteChange) -> str:
        """Name the reader and the kind."""
        return name_of_change(row)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Return a change with both sides."""
        change = super().get_object(request, object_id, from_field)
        return change and _with_sides([change], request, self.admin_site)[0]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a change, with the buttons that have it sent again, or left as it is."""
        change = kwargs.get("obj")
        may_leave = change is not None and change.is_refused and LeaveAsItIs.is_allowed(request, self, change)
        context |= {"may_try_again": TryAgain.is_allowed(request, self, change), "may_leave": may_leave}
        may_ask = change is not None and support.may_ask_for_owner(change)
        context |= {"may_ask": may_ask and AskForOwner.is_allowed(request, self, change), "show_delete": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[Any]:
        """Add the pages that ask."""
        pages = (TryAgain, LeaveAsItIs, AskForOwner)
        return [*(page.url_of(self) for page in pages), *super().get_urls()]

    # A row goes with its link, and what is to be told must have a row. The permission itself stays, since a link is
    # deleted with its rows.

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Leave out deleting."""
        location = {} if action_location is None else {"action_location": action_location}  # since Django 6.1
        actions = super().get_actions(request, **location)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse."""
        raise PermissionDenied

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may have something sent again."""
        return TryAgain.is_allowed(request, self)

    @admin.action(description=TryAgain.title, permissions=["send"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[RemoteChange]) -> HttpResponse:
        """Ask before they are sent."""
        return TryAgain.open_for(self, request, queryset)

    def has_leave_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may leave something as it is."""
        return LeaveAsItIs.is_allowed(request, self)

    @admin.action(description=LeaveAsItIs.title, permissions=["leave"])
    def leave_as_it_is(self, request: HttpRequest, queryset: QuerySet[RemoteChange]) -> HttpResponse:
        """Ask before they are left."""
        return LeaveAsItIs.open_for(self, request, queryset)

    # ---- columns

    @admin.display(description=_("reader"))
    def reader(self, change: RemoteChange) -> str:
        """Name the reader as the site names its users."""
        return str(change.link.user)

    @admin.display(description=_("reader"))
    def reader_link(self, change: Any) -> SafeString:
        """Lead to the reader's link."""
        return _linked(change.link, change.address)

    @admin.display(description=_("state"))
    def state(self, change: RemoteChange) -> str:
        """Say in a word how far the change has come."""
        return str(support.state_of_change(change).label)

    @admin.display(description=_("due at"), empty_value="–")
    def due(self, change: RemoteChange) -> str | None:
        """Say when it is sent next."""
        return point_in_time(change.due_at) if change.due_at else None

    @admin.display(description=_("state"))
    def progress(self, change: RemoteChange) -> str:
        """Say in words how far the change has come."""
        return progress_of(change)

    @admin.display(description=_("last error"), empty_value="–")
    def error(self, change: RemoteChange) -> str | None:
        """Say in plain words what went wrong last."""
        return (
            str(explanations.explain(change.last_error_type, change.last_error).meaning) if change.last_error else None
        )

    @admin.display(description=_("what to do"), empty_value="–")
    def remedy(self, change: RemoteChange) -> str | None:
        """Say what helps."""
        return (
            str(explanations.explain(change.last_error_type, change.last_error).remedy) if change.last_error else None
        )

    @admin.display(description=_("technical text"), empty_value="–")
    def technical(self, change: RemoteChange) -> str | None:
        """Return what developers want to know."""
        return change.last_error or None

    @admin.display(description=_("refused"), empty_value="–")
    def refused(self, change: RemoteChange) -> str | None:
        """Say since when it waits for an agent."""
        return point_in_time(change.refused_at) if change.refused_at else None

    @admin.display(description=_("here"))
    def this_side(self, change: Any) -> SafeString:
        """Return the address of the change's own user, and her link."""
        return _side(change.link, change.address, change.sides.email)

    @admin.display(description=_("at plenigo"), empty_value="–")
    def other_side(self, change: Any) -> str | None:
        """Return which reader of this site has what plenigo refused; None where nobody else is concerned."""
        other = change.sides.other
        if not change.sides.is_conflict:
            return None
        if other is None:
            return str(_("a customer who is no reader here, as far as is known"))
        if not change.may_see_other:
            return str(_("a reader of this site whom you may not see"))
        return _side(other, change.other_address, other.confirmed_email)


def _side(link: CustomerLink, address: str, email: str) -> SafeString:
    return format_html("{}<br>{}", _linked(link, address), email or "–")


def _linked(link: CustomerLink, address: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', address, link.user) if address else format_html("{}", link.user)

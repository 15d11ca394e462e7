"""Which readers have connected an imported subscription, who is about to, and who was refused and why."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_plenigo import conf
from django_plenigo.admin.lists import AccountFilter, SupportAdmin
from django_plenigo.admin.pages import ActionPage, in_one_transaction
from django_plenigo.admin.sites import address_of_link
from django_plenigo.admin.words import log, point_in_time
from django_plenigo.models import AccountConnection
from django_plenigo.services import connection

PERMISSION = "plenigo.undo_accountconnection"

#: How many steps a page shows.
MOST_STEPS = 100


def name_of(row: AccountConnection) -> str:
    """Name the reader and the time."""
    return f"{row.user or '–'} ({point_in_time(row.started_at)})"


class ConnectionAction(ActionPage):
    """What an agent does with selected connections."""

    permission = PERMISSION
    most = 25

    def rows(self, request: HttpRequest) -> QuerySet[AccountConnection]:
        """Return the connections with their users."""
        return super().rows(request).select_related("user")

    def describe(self, row: AccountConnection) -> str:
        """Name the reader and the time."""
        return name_of(row)


class UndoConnection(ConnectionAction):
    """Unlink readers who have connected a subscription."""

    name = "undo"
    title = _("Undo the connection")
    question = _(
        "These readers are no customers on this site any more: their link, the access IDs that came with it and the "
        "kept session are deleted here. At plenigo the customer stays as the connection has made it, with the reader’s "
        "e-mail address and password: whoever knows them can still log in there. Have plenigo’s support change that "
        "where somebody else is the owner. The reader does not become this customer again, by a purchase or a log-in, "
        "until you allow it."
    )
    button = _("Undo the connection")

    def act(self, rows: list[AccountConnection]) -> HttpResponse:
        """Undo those that are done."""
        with transaction.atomic(router.db_for_write(AccountConnection)), in_one_transaction():
            undone = [row for row in rows if connection.undo(row)]
            log(self.request, undone, str(_("Undid the connection.")))
        if not undone:
            return self.leave(_("None of these is done; nothing was undone."), messages.WARNING, rows)
        text = ngettext("%(count)d connection was undone.", "%(count)d connections were undone.", len(undone))
        return self.leave(text % {"count": len(undone)}, messages.SUCCESS, rows)


class AllowConnection(ConnectionAction):
    """Let readers whose connection was undone become that customer again."""

    name = "allow"
    title = _("Allow the connection again")
    question = _(
        "These readers become the same customer again as soon as they log in at plenigo on the page that connects a "
        "subscription; with their next purchase too, where this site has verified their e-mail address."
    )
    button = _("Allow the connection again")

    def act(self, rows: list[AccountConnection]) -> HttpResponse:
        """Allow those that were undone."""
        with transaction.atomic(router.db_for_write(AccountConnection)), in_one_transaction():
            allowed = [row for row in rows if connection.allow_again(row)]
            log(self.request, allowed, str(_("Allowed the connection again.")))
        if not allowed:
            return self.leave(_("None of these was undone; nothing was changed."), messages.WARNING, rows)
        text = ngettext(
            "%(count)d connection was allowed again.", "%(count)d connections were allowed again.", len(allowed)
        )
        return self.leave(text % {"count": len(allowed)}, messages.SUCCESS, rows)


@admin.register(AccountConnection)
class AccountConnectionAdmin(SupportAdmin):
    """The log of all connections. What readers have entered is in none of it."""

    actions = ["undo", "allow"]
    list_filter = ["state", AccountFilter]
    list_select_related = ["user", "link__user"]
    ordering = ["-pk"]
    search_fields = ["customer_hash"]  # see `get_search_results`
    search_help_text = _("An e-mail address, a customer number or a subscription number, as a whole.")
    sortable_by = ()

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; the account only where there are several."""
        account = ["account"] if len(conf.accounts()) > 1 else []
        return ["reader", *account, "state", "why", "wrong_codes", "started", "ended"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by the hash of what a reader says that she has entered."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(email_hash__in=connection.email_hashes(term))
        for kind in ("customer", "subscription"):
            found |= Q(**{f"{kind}_hash__in": connection.number_hashes(kind, term)})
        return queryset.filter(found), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what there is to say of a connection."""
        what = {"fields": ["reader", "account", "state", "why", "customer", "wrong_codes"]}
        if obj is not None and obj.terms_text:
            what["fields"].append("terms_text")
        when = {"fields": ["started_at", "ended_at"]}
        return [(None, what), (_("When"), when), (_("Steps"), {"fields": ["steps"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return what is no field of the model."""
        return ["reader", "why", "customer", "steps"]

    def describe(self, row: AccountConnection) -> str:
        """Name the reader and the time."""
        return name_of(row)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Return a connection with the address of its link, as far as this agent may see it."""
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            row.link_address = address_of_link(request, self.admin_site, row.link)
        return row

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a connection, with the button that undoes it or allows it again."""
        row = kwargs.get("obj")
        is_done = row is not None and row.state == AccountConnection.State.DONE
        is_undone = row is not None and row.state == AccountConnection.State.UNDONE
        context |= {
            "may_undo": is_done and UndoConnection.is_allowed(request, self, row),
            "may_allow": is_undone and AllowConnection.is_allowed(request, self, row),
            "show_delete": False,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[Any]:
        """Add the pages that ask."""
        return [UndoConnection.url_of(self), AllowConnection.url_of(self), *super().get_urls()]

    # Who connected what is kept; what came to nothing is forgotten after a while by itself.

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse, but let it go with a link or a user."""
        return False

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse."""
        raise PermissionDenied

    def has_undo_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may undo connections."""
        return UndoConnection.is_allowed(request, self)

    @admin.action(description=UndoConnection.title, permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: QuerySet[AccountConnection]) -> HttpResponse:
        """Ask before they are undone."""
        return UndoConnection.open_for(self, request, queryset)

    @admin.action(description=AllowConnection.title, permissions=["undo"])
    def allow(self, request: HttpRequest, queryset: QuerySet[AccountConnection]) -> HttpResponse:
        """Ask before they are allowed again."""
        return AllowConnection.open_for(self, request, queryset)

    # ---- columns

    @admin.display(description=_("reader"), empty_value="–")
    def reader(self, row: AccountConnection) -> str | None:
        """Name the reader as the site names its users."""
        return str(row.user) if row.user else None

    @admin.display(description=_("reason"), empty_value="–")
    def why(self, row: AccountConnection) -> str | None:
        """Say in words how it has ended."""
        return connection.words_of(row.reason) if row.reason else None

    @admin.display(description=_("customer link"), empty_value="–")
    def customer(self, row: Any) -> SafeString | str | None:
        """Lead to the link."""
        if row.link is None or not row.link_address:
            return None
        return format_html('<a href="{}">{}</a>', row.link_address, row.link.customer_id)

    @admin.display(description=_("started at"))
    def started(self, row: AccountConnection) -> str:
        """Say when it began."""
        return point_in_time(row.started_at)

    @admin.display(description=_("ended at"), empty_value="–")
    def ended(self, row: AccountConnection) -> str | None:
        """Say when it ended."""
        return point_in_time(row.ended_at) if row.ended_at else None

    @admin.display(description=_("Steps"))
    def steps(self, row: AccountConnection) -> SafeString:
        """List what was tried, and what came of it."""
        steps = [
            (point_in_time(step.at), step.get_step_display(), connection.words_of(step.outcome))
            for step in row.tries.order_by("pk")[:MOST_STEPS]
        ]
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}, {}: {}</li>", steps))

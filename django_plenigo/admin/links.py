"""Which user is which customer."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.admin.accounts import AccountStatesPage
from django_plenigo.admin.actions import CheckAtPlenigo, ImportAccessIds, SendAgain
from django_plenigo.admin.lists import AccountFilter, SupportAdmin, SupportChangeList
from django_plenigo.admin.panel import PANEL_MEDIA, panel_fieldset
from django_plenigo.admin.sso import SsoSettingsPage
from django_plenigo.admin.words import name_of_link
from django_plenigo.models import CustomerLink
from django_plenigo.services import support

DELETING = _(
    "Deleting concerns this site alone: the customer stays at plenigo, with all purchases, subscriptions and invoices, "
    "and what was still to be told is not told any more. Cancel subscriptions at plenigo first where they shall end."
)

PAGES = (CheckAtPlenigo, ImportAccessIds, SendAgain)

MARKS = {
    support.LinkState.CONFLICT: "⚠",
    support.LinkState.LINKED: "✓",
    support.LinkState.WAITING: "…",
    support.LinkState.NOT_LINKED: "–",
}


def warn_of_deleting(request: HttpRequest, exists: bool) -> None:
    """Say on the page that asks before something is deleted what that does not do at plenigo."""
    if exists and "post" not in request.POST:
        messages.warning(request, DELETING)


class LinkChangeList(SupportChangeList):
    """Links with the state of each."""

    prefetched = ("remote_changes",)


@admin.register(CustomerLink)
class CustomerLinkAdmin(SupportAdmin):
    """Who is which customer. Deleting a link makes the reader unlinked here; plenigo's customer stays."""

    actions = ["check_at_plenigo", "import_access_ids", "send_again"]
    list_filter = [AccountFilter]
    list_select_related = ["user"]
    ordering = ["-pk"]
    # What the search goes by, see `get_search_results`; a site's own forms may choose a link by it (autocomplete).
    search_fields = ["customer_id__startswith", "external_id__startswith", "email_key__startswith"]
    sortable_by = ["created"]

    @property
    def media(self) -> forms.Media:
        """The files of every list, and those of the panel."""
        return super().media + PANEL_MEDIA

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; the account only where there are several."""
        account = ["account"] if len(conf.accounts()) > 1 else []
        return ["user", *account, "state", "customer_id", "external_id", "confirmed_email", "created"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SupportChangeList]:
        """Return our own list."""
        return LinkChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by the beginnings of addresses and ids, and by the site's own user search."""
        if not search_term.strip():
            return queryset, False
        return self.find_links(request, queryset, search_term), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the panel, and what it leaves out."""
        rest = (_("This link"), {"fields": ["user", "account", "created_at", "updated_at"]})
        if obj is None:
            return [rest]
        return [panel_fieldset(request, self.admin_site, lambda: [support.view_of_link(obj)]), rest]

    def get_urls(self) -> list[Any]:
        """Add the pages that ask, that of the single sign-on and that of the accounts."""
        own = [SsoSettingsPage.url_of(self), AccountStatesPage.url_of(self)]
        return [*own, *(page.url_of(self) for page in PAGES), *super().get_urls()]

    def describe(self, row: CustomerLink) -> str:
        """Name the reader and the customer."""
        return name_of_link(row)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return whose links would be deleted, and say what would not; what goes with them is counted."""
        warn_of_deleting(request, exists=True)
        _nested, *rest = super().get_deleted_objects(objs, request)
        return [self.describe(link) for link in objs], *rest

    @admin.display(description=_("state"))
    def state(self, link: CustomerLink) -> str:
        """Say in a word, and with a mark, how the link stands."""
        state = support.state_of_link(link)
        return format_html('<span class="plenigo-state">{} {}</span>', MARKS[state], state.label)

    @admin.display(description=_("created at"), ordering="pk")
    def created(self, link: CustomerLink) -> Any:
        """Return when the link was made. Sorted by the primary key, which has an index and goes the same way."""
        return link.created_at

    # ---- actions

    def has_check_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may ask plenigo."""
        return CheckAtPlenigo.is_allowed(request, self)

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may import access ids."""
        return ImportAccessIds.is_allowed(request, self)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may have something sent again."""
        return SendAgain.is_allowed(request, self)

    @admin.action(description=CheckAtPlenigo.title, permissions=["check"])
    def check_at_plenigo(self, request: HttpRequest, queryset: QuerySet[CustomerLink]) -> HttpResponse:
        """Ask for which products."""
        return CheckAtPlenigo.open_for(self, request, queryset)

    @admin.action(description=ImportAccessIds.title, permissions=["import"])
    def import_access_ids(self, request: HttpRequest, queryset: QuerySet[CustomerLink]) -> HttpResponse:
        """Ask for the ids."""
        return ImportAccessIds.open_for(self, request, queryset)

    @admin.action(description=SendAgain.title, permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[CustomerLink]) -> HttpResponse:
        """Ask before it is sent."""
        return SendAgain.open_for(self, request, queryset)

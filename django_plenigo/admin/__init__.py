"""The support agent's pages in Django's admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_plenigo.models import CustomerLink, RemoteChange

if TYPE_CHECKING:
    LinkAdmin = admin.ModelAdmin[CustomerLink]
    ChangeAdmin = admin.ModelAdmin[RemoteChange]
else:
    LinkAdmin = ChangeAdmin = admin.ModelAdmin


class ReadOnlyAdmin:
    """Show rows that only the services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows come from registering."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the vendor would not know."""
        return False


@admin.register(CustomerLink)
class CustomerLinkAdmin(ReadOnlyAdmin, LinkAdmin):
    """Who is which customer. Deleting a link makes the reader unlinked here; the vendor's customer stays."""

    list_display = ["user", "account", "customer_id", "external_id", "confirmed_email", "created_at"]
    list_filter = ["account"]
    list_select_related = ["user"]
    search_fields = ["customer_id__startswith", "external_id__startswith", "confirmed_email__startswith"]
    show_full_result_count = False
    ordering = ["-pk"]


@admin.register(RemoteChange)
class RemoteChangeAdmin(ReadOnlyAdmin, ChangeAdmin):
    """What the vendor was told, and what it refused and why: the conflicts that an agent has to decide."""

    # None to delete: a row goes with its link. The permission itself stays, since a link is deleted with its rows.
    actions = None
    list_display = ["link_user", "kind", "state", "refused_at", "last_error"]
    list_filter = [("refused_at", admin.EmptyFieldListFilter), "kind"]
    list_select_related = ["link__user"]
    search_fields = ["link__customer_id__startswith", "link__external_id__startswith"]
    show_full_result_count = False
    ordering = ["-refused_at", "-pk"]

    @admin.display(description=_("user"))
    def link_user(self, change: RemoteChange) -> str:
        """Name the reader as the site names its users."""
        return str(change.link.user)

    @admin.display(description=_("state"))
    def state(self, change: RemoteChange) -> str:
        """Say in words how far the change has come."""
        if change.is_refused:
            return str(_("refused"))
        return str(_("done") if change.delivered >= change.noted else _("waiting"))

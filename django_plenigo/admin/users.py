"""What the site's own user admin gains by one mixin."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core import checks
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from django_plenigo.admin.actions import RegisterUsers
from django_plenigo.admin.links import warn_of_deleting
from django_plenigo.admin.panel import PANEL_MEDIA, panel_fieldset
from django_plenigo.admin.sites import admin_of, may_see_link
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import outbox, support

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class CustomerPanelMixin(Base):
    """Show on a user's page how she stands with plenigo, and let users be registered from their list.

    It comes first among the bases: `class MyUserAdmin(CustomerPanelMixin, UserAdmin)`. It adds a fieldset and an action
    to what the site has, and replaces none of its templates.
    """

    def __init__(self, model: Any, admin_site: admin.AdminSite) -> None:
        """Add the action to those of the site, unless the site wants none at all."""
        super().__init__(model, admin_site)
        if self.actions is not None:
            self.actions = [*self.actions, "register_with_plenigo"]

    @property
    def media(self) -> forms.Media:
        """The site's own files, and those of the panel."""
        return super().media + PANEL_MEDIA

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the panel behind the site's first fieldset, for agents who may see links."""
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is None or not may_see_link(request, self.admin_site):
            return fieldsets
        panel = panel_fieldset(request, self.admin_site, lambda: support.views_of_user(obj), self)
        return [*fieldsets[:1], panel, *fieldsets[1:]]

    def get_urls(self) -> list[Any]:
        """Add the page that asks before users are registered."""
        return [RegisterUsers.url_of(self), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save as the site does, and say that plenigo will be told of another address."""
        super().save_model(request, obj, form, change)
        email_field = getattr(obj, "get_email_field_name", str)()
        if change and email_field in form.changed_data:
            # It was written by this very save.
            waiting = outbox.changes().filter(link__user=obj, kind=RemoteChange.Kind.CHANGE_EMAIL, due_at__isnull=False)
            if waiting.exists():
                text = _("In a moment plenigo will be told of the new address; the user's page shows what comes of it.")
                self.message_user(request, text, messages.INFO)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what would be deleted, and say what happens at plenigo."""
        keys = [obj.pk for obj in objs]
        warn_of_deleting(request, exists=CustomerLink.objects.filter(user__in=keys).exists())
        return super().get_deleted_objects(objs, request)

    def has_register_with_plenigo_permission(self, request: HttpRequest) -> bool:
        """Say whether this agent may register users."""
        return RegisterUsers.is_allowed(request, self)

    @admin.action(description=RegisterUsers.title, permissions=["register_with_plenigo"])
    def register_with_plenigo(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Ask before they are registered."""
        return RegisterUsers.open_for(self, request, queryset)


@checks.register("plenigo")
def check_order_of_bases(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that the mixin comes before Django's own classes, which ask nothing that stands behind them."""
    found: list[checks.CheckMessage] = []
    for site in admin.sites.all_sites:
        user_admin = type(admin_of(site, get_user_model()))
        order = user_admin.__mro__
        if CustomerPanelMixin in order and order.index(CustomerPanelMixin) > order.index(admin.ModelAdmin):
            text = f"{user_admin.__name__} has CustomerPanelMixin behind Django's admin class, so it shows nothing."
            hint = f"Write it first, as in class {user_admin.__name__}(CustomerPanelMixin, UserAdmin)."
            found.append(checks.Warning(text, hint=hint, obj=user_admin, id="plenigo.W006"))
    return found

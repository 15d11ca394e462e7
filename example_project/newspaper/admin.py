"""The editors' desk."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.utils.translation import gettext_lazy as _

from django_plenigo.admin import CustomerPanelMixin
from newspaper.context_processors import NAME
from newspaper.models import Article, Offer, Reader

admin.site.site_header = admin.site.site_title = NAME
admin.site.index_title = _("Editors’ desk")


class ReaderCreationForm(AdminUserCreationForm):
    """Create a reader by the e-mail address."""

    class Meta:
        model = Reader
        fields = ["email"]


@admin.register(Reader)
class ReaderAdmin(CustomerPanelMixin, UserAdmin):
    """Readers and editors."""

    add_form = ReaderCreationForm
    ordering = ["email"]
    list_display = ["email", "first_name", "last_name", "is_active", "is_staff"]
    search_fields = ["email", "first_name", "last_name"]
    readonly_fields = ["date_joined", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "verified_email", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name"]}),
        (_("Permissions"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": ["date_joined", "last_login"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "usable_password", "password1", "password2"]})]


@admin.register(Offer)
class OfferAdmin(admin.ModelAdmin):
    """What the newspaper sells."""

    list_display = ["title", "product_id", "price", "currency", "period", "position"]
    search_fields = ["title", "product_id"]


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):
    """What the newspaper prints."""

    list_display = ["title", "section", "author", "published_at", "product_id"]
    list_filter = ["section", "offers"]
    search_fields = ["title", "teaser", "author"]
    date_hierarchy = "published_at"
    prepopulated_fields = {"slug": ["title"]}
    filter_horizontal = ["offers"]

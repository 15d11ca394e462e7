"""The members as support agents see them."""

from django.contrib import admin

from django_plenigo.admin import CustomerPanelMixin
from tests.user_models.models import Member


@admin.register(Member)
class MemberAdmin(CustomerPanelMixin, admin.ModelAdmin):
    """An admin that is not made of Django's own for users."""

    search_fields = ["card_number"]

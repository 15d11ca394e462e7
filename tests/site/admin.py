"""The users of the site as its support agents see them."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from django_plenigo.admin import CustomerPanelMixin


class SupportedUserAdmin(CustomerPanelMixin, UserAdmin):
    """Django's own, with the panel."""


if get_user_model() is User:  # other test sites have users of another kind
    admin.site.unregister(User)
    admin.site.register(User, SupportedUserAdmin)

"""Django's own classes for pages of one model, which type checkers ask to name the model."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.forms import ModelForm
else:
    # Django's own classes take no model in brackets, which type checkers ask for.
    class ModelAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, model):
            return cls

    class ModelForm(forms.ModelForm):
        def __class_getitem__(cls, model):
            return cls


class ReadOnlyAdmin:
    """Rows that the sandbox writes and nobody changes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow none by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep them as they are."""
        return False


__all__ = ["ModelAdmin", "ModelForm", "ReadOnlyAdmin"]

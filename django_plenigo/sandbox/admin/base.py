"""Django's own classes for pages of one model, which type checkers ask to name the model."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin

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


__all__ = ["ModelAdmin", "ModelForm"]

"""The addresses of the merchant backend in the sandbox's own server; the vendor's do not go through here."""

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext_lazy as _

HAS_BACKEND = apps.is_installed("django.contrib.admin")


def show_front(request: HttpRequest) -> HttpResponse:
    """Lead a person who opens the server's address to the merchant backend."""
    if HAS_BACKEND:
        return redirect("admin:app_list", app_label="plenigo_sandbox")
    return HttpResponse(
        "plenigo sandbox. The API is at /api/v2/ and /api/v3.0/, 2Checkout's at /rpc/6.0/, OkePay's at /v1.0/.",
        content_type="text/plain; charset=utf-8",
    )


# On every page of the admin, its log-in too; only the process of the sandbox's own server imports this module.
admin.site.site_header = _("Sandbox: nothing is charged.")

urlpatterns = [
    path("", show_front),
    *([path("admin/", admin.site.urls)] if HAS_BACKEND else []),
]

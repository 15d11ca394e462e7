"""The addresses of the example newspaper."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("plenigo/", include("django_plenigo.urls")),
    path("", include("newspaper.urls")),
]

# Never on stage or live, where the settings do not install it.
if apps.is_installed("django_plenigo.sandbox"):
    urlpatterns.append(path("plenigo-sandbox/", include("django_plenigo.sandbox.urls")))

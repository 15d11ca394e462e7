"""The sandbox's addresses, to be included anywhere; a server of its own serves them at the root."""

from django.urls import include, path

urlpatterns = [
    path("", include("django_plenigo.sandbox.pages.urls")),
    path("", include("django_plenigo.sandbox.twocheckout.urls")),
    path("api/v2/", include("django_plenigo.sandbox.api.urls")),
    path("api/v3.0/", include("django_plenigo.sandbox.api_v3.urls")),
    path("", include("django_plenigo.sandbox.okepay.urls")),
]

"""The addresses of the site that the tests run in."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="site/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("plenigo/", include("django_plenigo.urls")),
    path("plenigo-sandbox/", include("django_plenigo.sandbox.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("", include("tests.site.urls")),
]

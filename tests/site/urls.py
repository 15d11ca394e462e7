"""The test site's own pages."""

from django.urls import path

from tests.site import views

urlpatterns = [
    path("article/", views.article, name="article"),
    path("gated/", views.gated, name="gated"),
    path("mixed/", views.GatedView.as_view(), name="mixed"),
    path("template/<slug:name>/", views.from_template, name="template"),
]

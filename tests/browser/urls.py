"""The test site with the pages that only a browser visits."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from django_plenigo.sandbox.seed import BOOK, DAY_PASS
from tests.urls import urlpatterns as urlpatterns_of_the_site


def news(request: HttpRequest, name: str) -> HttpResponse:
    """Show one of the newspaper's pages."""
    return render(
        request, f"browser/{name}.html", {"day_pass": DAY_PASS, "book": BOOK, "title": request.GET.get("title")}
    )


urlpatterns = [*urlpatterns_of_the_site, path("news/<slug:name>/", news, name="news")]

"""Views that tests visit."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from django_plenigo.paywall import PaywallMixin, paywall_required


def article(request: HttpRequest) -> HttpResponse:
    """Show an article of which the template gates a part."""
    return render(request, "site/article.html", {"title": request.GET.get("title", "A title")})


def from_template(request: HttpRequest, name: str) -> HttpResponse:
    """Show one of the small templates of the tests."""
    return render(request, f"site/{name}.html", {"title": request.GET.get("title", "A title")})


@paywall_required("DAYPASS")
def gated(request: HttpRequest) -> HttpResponse:
    """Show an article behind a gate."""
    return HttpResponse("the whole article")


class GatedView(PaywallMixin, View):
    """Show an article behind the mixin's gate."""

    paywall_products = ["DAYPASS"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer with the article."""
        return HttpResponse("the whole article")

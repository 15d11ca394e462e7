"""The pages of the newspaper."""

from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import CreateView, DetailView, ListView, RedirectView, TemplateView, UpdateView

from django_plenigo.errors import RemoteError
from django_plenigo.paywall import PaywallMixin
from django_plenigo.services.access import has_bought
from django_plenigo.services.portals import label_of
from newspaper.forms import EmailForm, LogInForm, RegistrationForm
from newspaper.models import Article, Offer, Reader

# ---- articles --------------------------------------------------------------------------------------------------


class FrontPageView(ListView):
    """The newest article, and the newest of each section."""

    queryset = Article.objects.prefetch_related("offers")
    template_name = "newspaper/front_page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the lead story and the sections."""
        context = super().get_context_data(**kwargs)
        lead, *others = list(self.object_list) or [None]
        sections = {section: [other for other in others if other.section == section] for section in Article.Section}
        return context | {"lead": lead, "by_section": [(name, found) for name, found in sections.items() if found]}


class SectionView(ListView):
    """All articles of one section."""

    template_name = "newspaper/section.html"
    paginate_by = 20

    def get_queryset(self) -> QuerySet[Article]:
        """Return the section's articles."""
        if self.kwargs["section"] not in Article.Section.values:
            raise Http404
        return Article.objects.filter(section=self.kwargs["section"]).prefetch_related("offers")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the section."""
        return super().get_context_data(**kwargs) | {"section": Article.Section(self.kwargs["section"])}


class ArticleView(DetailView):
    """One article. The gate stands in the template: `{% plenigo_paywall %}`."""

    queryset = Article.objects.prefetch_related("offers")
    template_name = "newspaper/article.html"


class EditionView(PaywallMixin, ListView):
    """All of today's articles on one page, for whoever has bought any of the offers. The gate stands here."""

    queryset = Article.objects.all()[:20]
    template_name = "newspaper/edition.html"
    paywall_template_name = "newspaper/edition_offer.html"

    def get_paywall_products(self) -> list[str]:
        """Return the ids of all offers."""
        return list(Offer.objects.values_list("product_id", flat=True))

    def get_paywall_context(self) -> dict[str, Any]:
        """Show the offers to whoever has none."""
        return {"offers": Offer.objects.all()}


# ---- offers ----------------------------------------------------------------------------------------------------


@method_decorator(never_cache, name="dispatch")
class OffersView(ListView):
    """What can be bought, and what this reader has already."""

    model = Offer
    template_name = "newspaper/offers.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the reader has bought, and where else she can pay."""
        added = {"purchases": purchases_of(self.request.user), "vendors": vendors_of(self.request)}
        return super().get_context_data(**kwargs) | added


def purchases_of(user: Any) -> dict[str, Any]:
    """Return which offers a reader has bought, asked in one call; unknown where plenigo does not answer."""
    offers = list(Offer.objects.all())
    try:
        answers = has_bought(user, [offer.product_id for offer in offers]) if user.is_authenticated and offers else {}
    except RemoteError:
        return {"is_unknown": True, "bought": []}
    return {"is_unknown": False, "bought": [offer for offer in offers if answers.get(offer.product_id)]}


#: By what name each vendor takes this site's reference of a reader, which its webhook brings back.
REFERENCE_NAMES = {"okepay": "referenceId", "2checkout": "CUSTOMERID"}


def vendors_of(request: HttpRequest) -> list[dict[str, str]]:
    """Return where else a reader can pay: links to which the template adds the reference that is hers alone."""
    if not request.user.is_authenticated:
        return []
    way_back = request.build_absolute_uri(reverse("plenigo:portals"))
    found = []
    for portal, link in settings.BUY_LINKS.items():
        begun = link.replace("{email}", quote(request.user.email, "")).replace("{way_back}", quote(way_back, ""))
        name = f"{'&' if '?' in link else '?'}{REFERENCE_NAMES[portal]}="
        found += [{"portal": portal, "label": label_of(portal), "link": begun + name}] if link else []
    return found


# ---- readers ---------------------------------------------------------------------------------------------------


class WayBackMixin(RedirectURLMixin):
    """Go back to the page of this site that `next` names, but not to another log-in: that would go round in circles."""

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        """Return where `next` leads, "" where that is nowhere."""
        url: str = super().get_redirect_url(*args, **kwargs)
        return "" if urlsplit(url).path in {reverse("log-in"), reverse("register")} else url


class LogInView(WayBackMixin, LoginView):
    """Log in and go back to the page that the reader came from."""

    form_class = LogInForm
    redirect_authenticated_user = True


class RegistrationView(WayBackMixin, CreateView):
    """Register, be logged in, and go back to the page that the reader came from."""

    form_class = RegistrationForm
    template_name = "registration/register.html"
    next_page = "front-page"

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send away whoever is logged in already."""
        if request.user.is_authenticated:
            return HttpResponseRedirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: ModelForm) -> HttpResponse:
        """Save the reader and log her in."""
        try:
            with transaction.atomic():
                reader = form.save()
        except IntegrityError:  # a double click: the other request was faster
            form.add_error("email", _("This e-mail address is already registered."))
            return self.form_invalid(form)
        login(self.request, reader)
        messages.success(self.request, _("Welcome! You are registered and logged in."))
        return HttpResponseRedirect(self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where to go afterwards, "" where that is not this site."""
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}


@method_decorator(never_cache, name="dispatch")
class AccountView(LoginRequiredMixin, TemplateView):
    """The reader's own page."""

    template_name = "newspaper/account.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the reader has bought, and whether she can connect what she has had by post: that takes API v3."""
        added = {"purchases": purchases_of(self.request.user), "can_connect": settings.PLENIGO_API == "v3"}
        return super().get_context_data(**kwargs) | added


class EmailView(LoginRequiredMixin, UpdateView):
    """Change the e-mail address that the reader logs in with; the package tells plenigo, after the save."""

    form_class = EmailForm
    template_name = "newspaper/change_email.html"
    success_url = reverse_lazy("account")

    def get_object(self, queryset: QuerySet[Reader] | None = None) -> Reader:
        """Return the reader, read anew: a refused address must not show up in the page's header."""
        return get_object_or_404(Reader, pk=self.request.user.pk)

    def form_valid(self, form: ModelForm) -> HttpResponse:
        """Save and say so."""
        response = super().form_valid(form)
        text = _("Your e-mail address has been changed. Our payment partner plenigo learns of it in a moment.")
        messages.success(self.request, text)
        return response


# ---- files -----------------------------------------------------------------------------------------------------


class IconView(RedirectView):
    """Lead browsers to the icon that ask for it at the root: the admin's pages name none."""

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        """Return the icon's address, which the storage of static files knows."""
        return static("newspaper/icon.svg")

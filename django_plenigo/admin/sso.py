"""The settings of the vendor's single sign-on, read only: what each is, and what it means for this site."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views import View

from django_plenigo import backends, conf
from django_plenigo.admin.pages import context_of
from django_plenigo.admin.words import age_of
from django_plenigo.errors import PlenigoError
from django_plenigo.protocols.base import NameQuery, SsoSettings, SsoSettingsReader, TokenType
from django_plenigo.services import explanations, sso

PERMISSION = "plenigo.view_ssosettings"

Text = str | Promise

YES, NO = pgettext_lazy("setting", "yes"), pgettext_lazy("setting", "no")

CHANNELS = {TokenType.EMAIL: gettext_lazy("E-Mail"), TokenType.SMS: gettext_lazy("SMS")}

NAMES = {
    NameQuery.REQUIRED: gettext_lazy("Who connects a subscription here must enter both names."),
    NameQuery.OPTIONAL: gettext_lazy("Who connects a subscription here may enter the names."),
    NameQuery.NOT_SHOWN: gettext_lazy("Who connects a subscription here is not asked for names."),
}


class Row(NamedTuple):
    """One setting, by the label that it has in plenigo's merchant backend."""

    label: Text
    value: Text
    meaning: Text


class Section(NamedTuple):
    """Settings that stand together there."""

    title: Text
    rows: list[Row]


# Not atomic: the vendor is asked.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class SsoSettingsPage(View):
    """Show the settings of one account, and ask for them anew on a click."""

    model_admin: Any = None

    @classmethod
    def url_of(cls, model_admin: Any) -> Any:
        """Return the address for the `urls` of a model admin."""
        view = model_admin.admin_site.admin_view(cls.as_view(model_admin=model_admin))
        return path("sso-settings/", view, name="plenigo_customerlink_sso_settings")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse whoever lacks the permission."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @property
    def using(self) -> str:
        """The account that was chosen."""
        chosen = self.request.GET.get("account") or self.request.POST.get("account") or ""
        return chosen if chosen in conf.accounts() else conf.DEFAULT_ACCOUNT

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what is known."""
        context = {
            **context_of(self.model_admin, request),
            "title": _("Single sign-on at plenigo"),
            "account": self.using,
            "accounts": conf.accounts(),
            "is_supported": backends.serves(SsoSettingsReader, self.using),
        }
        if context["is_supported"]:
            context |= self._known(request)
        return TemplateResponse(request, "admin/plenigo/sso_settings.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask anew, and say whether plenigo has answered."""
        if backends.serves(SsoSettingsReader, self.using):
            try:
                kept = sso.read_settings(using=self.using, asks_anew=True)
            except PlenigoError:
                kept = None  # the page says why
            if kept is not None and kept.error is None:
                self.model_admin.message_user(request, _("plenigo has told its settings."), messages.SUCCESS)
        site = self.model_admin.admin_site.name
        name, query = f"{site}:plenigo_customerlink_sso_settings", {"account": self.using}
        return HttpResponseRedirect(reverse(name, current_app=site, query=query))

    def _known(self, request: HttpRequest) -> dict[str, Any]:
        try:
            kept = sso.read_settings(using=self.using)
        except PlenigoError as error:
            return {"explanation": explanations.explain_now(error), "technical": str(error)}
        return {
            "explanation": kept.error and explanations.explain_now(kept.error),
            "technical": str(kept.error or ""),
            "age": age_of(kept.asked_at),
            "warnings": sso.warnings_of(
                kept.settings,
                host=request.get_host(),
                verifies_addresses=conf.Account(self.using).verifies_addresses,
            ),
            "sections": sections_of(kept.settings),
        }


def sections_of(settings: SsoSettings) -> list[Section]:
    """Return the settings in the order of plenigo's own page, each with what it means for this site."""
    return [
        Section(gettext_lazy("Settings"), _settings_rows(settings)),
        Section(gettext_lazy("Account connection"), _connection_rows(settings)),
    ]


def _settings_rows(settings: SsoSettings) -> list[Row]:
    is_sms = settings.token_type is TokenType.SMS
    everywhere = gettext_lazy("all countries") if is_sms else "–"
    return [
        Row(
            gettext_lazy("Token type"),
            CHANNELS[settings.token_type],
            gettext_lazy("How readers get the code that they enter to confirm themselves."),
        ),
        Row(
            gettext_lazy("Countries of SMS"),
            ", ".join(settings.sms_countries) or everywhere,
            gettext_lazy("Only numbers of these countries get a code by SMS."),
        ),
        Row(
            gettext_lazy("Allowed domain"),
            ", ".join(settings.allowed_domains) or gettext_lazy("any"),
            gettext_lazy("plenigo's log-in and checkout open on these domains alone."),
        ),
        Row(
            gettext_lazy("Number of parallel log ins per customer"),
            str(settings.most_sessions),
            gettext_lazy("On more devices a reader is shown the list, and has to end one. Empty or 0 at plenigo is 1."),
        ),
        Row(
            gettext_lazy("Get first name, last name during registration"),
            settings.name_setting or "–",
            NAMES[settings.name_query],
        ),
        Row(
            gettext_lazy("Force a username after login or registration"),
            _yes_or_no(settings.forces_username),
            gettext_lazy("Whether readers who connect a subscription here must choose a username."),
        ),
        Row(
            gettext_lazy("Sub companies decide about the username"),
            _yes_or_no(settings.overrides_forced_username),
            gettext_lazy(
                "Whether a sub company forces a username by a setting of its own at plenigo. This site goes by the row "
                "above alone."
            ),
        ),
        Row(
            gettext_lazy("Query terms and conditions again"),
            _yes_or_no(settings.asks_terms_again),
            gettext_lazy("plenigo itself asks at the next log-in there. This site has nothing to do."),
        ),
        Row(
            gettext_lazy("Request Opt-In during registration"),
            _yes_or_no(settings.asks_opt_in),
            gettext_lazy(
                "plenigo's own pages ask. The pages of this site do not: no step of the API takes the answer."
            ),
        ),
    ]


def _connection_rows(settings: SsoSettings) -> list[Row]:
    requested = settings.requested
    mandatory = gettext_lazy("Readers find themselves by it; one of the two must be asked for.")
    address = gettext_lazy("Keeps numbers from being guessed. All parts that are asked for must be of one address.")
    offered = gettext_lazy("Readers can connect an imported subscription on this site.")
    not_offered = gettext_lazy("Readers cannot connect an imported subscription on this site.")
    return [
        Row(
            gettext_lazy("Enable account connect"),
            _yes_or_no(settings.allows_connection),
            offered if settings.offers_connection else not_offered,
        ),
        Row(gettext_lazy("Customer ID"), _yes_or_no(requested.customer_id), mandatory),
        Row(gettext_lazy("Subscription identifier"), _yes_or_no(requested.subscription_id), mandatory),
        Row(gettext_lazy("ZIP code"), _yes_or_no(requested.postcode), address),
        Row(gettext_lazy("Street"), _yes_or_no(requested.street), address),
        Row(gettext_lazy("House number"), _yes_or_no(requested.street_number), address),
        Row(gettext_lazy("City"), _yes_or_no(requested.city), address),
    ]


def _yes_or_no(value: bool) -> Promise:
    return YES if value else NO

"""How the accounts stand, read only: what the settings say of each, and how far plenigo is behind."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from django_plenigo import conf
from django_plenigo.admin.pages import context_of
from django_plenigo.admin.words import age_of
from django_plenigo.errors import ConfigurationError
from django_plenigo.services import explanations
from django_plenigo.services.backlog import Backlog, backlog_of

PERMISSION = "plenigo.view_accountstates"

Text = str | Promise


class Row(NamedTuple):
    """One thing that there is to say of an account."""

    label: Text
    value: Text
    is_wrong: bool = False


class AccountStatesPage(View):
    """Show how each account stands. Nobody is called, and nothing shows a secret."""

    model_admin: Any = None

    @classmethod
    def url_of(cls, model_admin: Any) -> Any:
        """Return the address for the `urls` of a model admin."""
        view = model_admin.admin_site.admin_view(cls.as_view(model_admin=model_admin))
        return path("accounts/", view, name="plenigo_customerlink_accounts")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse whoever lacks the permission."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show all of them."""
        context = {
            **context_of(self.model_admin, request),
            "title": _("State of the accounts"),
            "accounts": [_state_of(account) for account in conf.accounts()],
        }
        return TemplateResponse(request, "admin/plenigo/accounts.html", context)


def _state_of(account: str) -> dict[str, Any]:
    backlog = backlog_of(account)
    return {
        "name": account,
        "pause": backlog.pause,
        "explanation": backlog.pause and explanations.explain(backlog.pause.last_error_type, backlog.pause.last_error),
        "rows": [*(_setting(account, *setting) for setting in SETTINGS), *_rows_of(backlog)],
    }


def _setting(account: str, label: Text, read: Callable[[conf.Account], Text]) -> Row:
    try:
        return Row(label, read(conf.Account(account)))
    except ConfigurationError as error:
        return Row(label, str(error), is_wrong=True)  # it names the setting, never its value


def _company_id(account: conf.Account) -> Text:
    return _whether_set(account, "COMPANY_ID", account.company_id)


def _secret(account: conf.Account) -> Text:
    return _whether_set(account, "SECRET", account.secrets)


def _whether_set(account: conf.Account, name: str, value: object) -> Text:
    """Say that a value is there, without saying which: reading it has raised where there is none."""
    is_own = bool(value) and bool(account.raw.get(name))
    return gettext_lazy("set") if is_own else gettext_lazy("not set, the sandbox has its own")


def _limit(account: conf.Account) -> Text:
    return f"{account.calls_per_second:g}" if account.calls_per_second else gettext_lazy("no limit")


#: What the settings say, by the names that the documentation has for them.
SETTINGS: tuple[tuple[Text, Callable[[conf.Account], Text]], ...] = (
    ("API", lambda account: account.generation),
    ("MODE", lambda account: account.mode),
    ("COMPANY_ID", _company_id),
    ("SECRET", _secret),
    ("DELIVERY", lambda account: account.delivery_path or gettext_lazy("none: plenigo_sync has to be run")),
    ("DELIVERY_WORKERS", lambda account: str(account.delivery_workers)),
    ("CALLS_PER_SECOND", _limit),
)


def _rows_of(backlog: Backlog) -> list[Row]:
    oldest = backlog.oldest_noted_at
    return [
        Row(gettext_lazy("Changes that wait"), str(backlog.waiting)),
        Row(gettext_lazy("of them due now"), str(backlog.due)),
        Row(gettext_lazy("of them failed before"), str(backlog.failed)),
        Row(gettext_lazy("The oldest was noted"), age_of(oldest) if oldest else "–"),
        Row(gettext_lazy("Conflicts to decide"), str(backlog.refused)),
    ]

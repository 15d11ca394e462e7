"""Lists that are as fast with a million rows as with a thousand."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.admin.sites import admin_of
from django_plenigo.models import CustomerLink
from django_plenigo.services import search, support

if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    # Django's own classes take no model in brackets, which type checkers ask for.
    AnyModelAdmin, AnyPaginator = admin.ModelAdmin, Paginator

#: How many rows are counted, and can be leafed through.
MOST_COUNTED = 10_000

#: In the address of a list: that users are to be searched even where an id was found.
ASK_USERS = "users"


@dataclass(frozen=True, slots=True)
class NamedRow:
    """What Django's own pages of a row say and need of it."""

    pk: Any
    name: str

    def __str__(self) -> str:
        return self.name


class BoundedPaginator(AnyPaginator):
    """Count up to a bound: a count of everything looks at every row."""

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: MOST_COUNTED + 1].count())

    @property
    def count(self) -> int:
        """How many rows can be leafed through."""
        return min(self._counted, MOST_COUNTED)

    @property
    def is_cut(self) -> bool:
        """Whether there are more."""
        return self._counted > MOST_COUNTED


class SupportChangeList(ChangeList):
    """A list that tells what its search has come to."""

    prefetched: tuple[str, ...] = ()
    #: Set by the search, which Django asks for while the list is made.
    found: search.Found | None = None

    def get_filters_params(self, params: Any = None) -> Any:
        """Return what filters the rows, without our own word."""
        filters = super().get_filters_params(params)
        filters.pop(ASK_USERS, None)
        return filters

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of one page and what is shown with them."""
        super().get_results(request)
        self.found = getattr(request, "_plenigo_found", None)
        self.is_cut = self.paginator.is_cut
        self.most_counted = MOST_COUNTED
        self.asking_users = self.get_query_string({ASK_USERS: "1"})
        self.result_list = self.with_details(list(self.result_list.prefetch_related(*self.prefetched)))

    def with_details(self, rows: list[Any]) -> list[Any]:
        """Return the rows of one page with what their columns need."""
        return rows


class SupportAdmin(AnyModelAdmin):
    """Rows that only the services write, found by one search box."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # counts of every value look at every row
    list_per_page = 100
    list_max_show_all = 200
    search_help_text = _(
        "An e-mail address, plenigo's customer ID, an external ID or an access ID, or the beginning of one; or a name."
    )

    class Media:
        css = {"all": ["plenigo/admin.css"]}

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Refuse: rows come from registering."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: plenigo would not know."""
        return False

    # ---- pages of one row: its own text names nobody, since it is kept in logs, so an agent would not know whose it is

    def describe(self, row: Any) -> str:
        """Name a row for the agent."""
        return str(row)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Name the row under the title and in the way there."""
        row = kwargs.get("obj")
        if row is not None:
            named = NamedRow(row.pk, self.describe(row))
            context |= {"subtitle": named.name, "original": named}
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Name the row that would be deleted."""
        return super().delete_view(request, object_id, self._named(request, object_id) | (extra_context or {}))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Name the row that it is the history of."""
        named = {"title": _("History")} | self._named(request, object_id) | (extra_context or {})
        return super().history_view(request, object_id, named)

    def _named(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_view_permission(request, row):
            return {}
        named = NamedRow(row.pk, self.describe(row))
        return {"subtitle": named.name, "object": named, "escaped_object": named}

    def find_links(
        self, request: HttpRequest, links: QuerySet[CustomerLink], search_term: str
    ) -> QuerySet[CustomerLink]:
        """Return which of these links a search means, and leave with the request what there is to say of it."""
        found = search.find_links(
            links,
            search_term,
            find_users=user_finder(self.admin_site, request),
            asks_always=ASK_USERS in request.GET,
        )
        request._plenigo_found = found  # type: ignore[attr-defined]  # for the list that is being made
        return links.filter(pk__in=found.link_keys)


def user_finder(admin_site: admin.AdminSite, request: HttpRequest, having: Any = CustomerLink) -> Any:
    """Return a search for users who have a link, or a row of another model, by the site's own user admin.

    None where there is none for this agent.

    What that searches, and how fast, is the site's affair; how much of it is taken is bounded.
    """
    user_admin = admin_of(admin_site, get_user_model())
    if (
        user_admin is None
        or not user_admin.has_view_or_change_permission(request)
        or not user_admin.get_search_fields(request)
    ):
        return None

    def find(term: str, most: int) -> list[Any]:
        users, may_repeat = user_admin.get_search_results(request, user_admin.get_queryset(request), term)
        linked = users.filter(Exists(having.objects.filter(user=OuterRef("pk")))).order_by()
        keys = linked.values_list("pk", flat=True)
        return list((keys.distinct() if may_repeat else keys)[:most])

    return find


class AccountFilter(admin.SimpleListFilter):
    """By account: those in the settings, since looking for others would look at every row."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the accounts, none where there is only one."""
        accounts = conf.accounts()
        return [(account, account) for account in accounts] if len(accounts) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the account."""
        return queryset.filter(account=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """By state: see `support.ChangeState`."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Return the states."""
        return list(support.ChangeState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the changes that are in the state."""
        state = self.value()
        return support.changes_in(queryset, state) if state in support.ChangeState.values else queryset

"""Who a reader is at the portals, as agents see and mend it, and the record of the clicks. No link into a portal."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.admin.lists import ASK_USERS, AnyModelAdmin, SupportAdmin, user_finder
from django_plenigo.admin.sites import admin_of
from django_plenigo.admin.words import binding_in_words, point_in_time
from django_plenigo.errors import ConfigurationError, PortalBindingError
from django_plenigo.models import PortalAccount, PortalHandover
from django_plenigo.services import portals, search
from django_plenigo.services.rows import rows_of

DELETING = _(
    "Deleting concerns this site alone: the customer and the subscriptions stay at the vendor. Our reference is "
    "forgotten too, so that a purchase that brings it back finds nobody. To take away a wrong reference, empty its "
    "field instead."
)


class PortalFilter(admin.SimpleListFilter):
    """By portal: those in the settings, since looking for others would look at every row."""

    title = _("portal")
    parameter_name = "portal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the portals, none where there is only one."""
        names = conf.portals()
        return [(name, portals.label_of(name)) for name in names] if len(names) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the portal."""
        return queryset.filter(portal=self.value()) if self.value() else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """By what has come of a click."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Return the outcomes."""
        return list(portals.Outcome.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the clicks that have come to it."""
        return queryset.filter(outcome=self.value()) if self.value() in portals.Outcome.values else queryset


class PortalAccountForm(forms.ModelForm):  # type: ignore[type-arg]  # takes no model in brackets at run time
    """What an agent may say of a reader at a portal: her reference, and for a new row whose and where."""

    #: When the reference was bound that the agent has before her: another may be bound by the time she saves.
    seen_bound_at = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = PortalAccount
        fields = ("portal", "user", "reference", "is_external")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bound_at = self.instance.bound_at
        self.initial["seen_bound_at"] = bound_at and bound_at.isoformat()
        if "portal" in self.fields:
            choices = [(name, portals.label_of(name)) for name in conf.portals()]
            self.fields["portal"] = forms.ChoiceField(label=self.fields["portal"].label, choices=choices)
        if "reference" in self.fields:
            self.fields["reference"].required = not self.instance.pk
            if self.instance.pk:
                self.fields["reference"].help_text = _(
                    "Empty it to take the reference away: neither a webhook nor a file gives it back then."
                )

    def clean(self) -> dict[str, Any]:
        """Say at the field what `portals.bind` would refuse.

        A row that is there for our own reference alone is filled, which Django's own look at the constraints would
        refuse as a second one.
        """
        values: dict[str, Any] = self.cleaned_data
        is_new = not self.instance.pk
        user = values.get("user") if is_new else self.instance.user
        portal = values.get("portal") if is_new else self.instance.portal
        reference = values.get("reference") or ""
        if not is_new:
            self.instance.bound_at = values.get("seen_bound_at")
        if user is not None and portal and (reference or not is_new):
            seen = None if is_new else self.instance
            problem = _problem_with(user, portal, reference, is_external=bool(values.get("is_external")), seen=seen)
            if problem:
                self.add_error("reference", problem)
            if is_new:
                self.instance = portals.account_of(user, portal) or self.instance
        return values


def _problem_with(user: Any, portal: str, reference: str, *, is_external: bool, seen: PortalAccount | None) -> str:
    """Return why an agent cannot enter a reference, "" where she can."""
    try:
        obstacle = portals.find_obstacle(user, portal, reference, is_external=is_external, replaces=seen)
    except ConfigurationError as error:  # it names the setting, never its value
        return str(error)
    return obstacle.problem if obstacle else ""


@admin.register(PortalAccount)
class PortalAccountAdmin(SupportAdmin):
    """The references of readers at the portals: added and changed by hand here, by all else in the services."""

    form = PortalAccountForm
    list_filter = [PortalFilter, "provenance"]
    list_select_related = ["user", "bound_by"]
    ordering = ["-pk"]
    raw_id_fields = ["user"]  # where the site's admin has no users that could be searched
    search_fields = ["reference__startswith", "our_reference__startswith"]  # see `get_search_results`
    search_help_text = _("A reference at the vendor or one of ours, or the beginning of one; or an address or a name.")
    sortable_by = ()
    list_display = ["user", "portal_label", "reference", "binding", "our_reference"]

    # Unlike the other rows these may be written by hand, with Django's own permissions.

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Say whether this agent may add references, `plenigo.add_portalaccount`."""
        return bool(conf.portals()) and AnyModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say whether this agent may change references, `plenigo.change_portalaccount`."""
        is_known = obj is None or obj.portal in conf.portals()
        return is_known and AnyModelAdmin.has_change_permission(self, request, obj)

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Let users be searched where the site's own admin searches them."""
        user_admin = admin_of(self.admin_site, get_user_model())
        return ["user"] if user_admin is not None and user_admin.get_search_fields(request) else []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by the beginnings of references, and by the site's own user search."""
        if not search_term.strip():
            return queryset, False
        found = search.find_portal_accounts(
            PortalAccount.objects.all(),
            search_term,
            find_users=user_finder(self.admin_site, request, PortalAccount),
            asks_always=ASK_USERS in request.GET,
        )
        request._plenigo_found = found  # type: ignore[attr-defined]  # for the list that is being made
        return queryset.filter(pk__in=found.link_keys), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what may be said, and of a row that is there what is known."""
        fields = ["portal", "user", "reference", "is_external"]
        # Where it is only looked at, Django would show the hidden field as one of the row.
        if obj is not None and self.has_change_permission(request, obj):
            fields.append("seen_bound_at")
        fieldsets: list[Any] = [(None, {"fields": fields})]
        if obj is not None:
            fieldsets.append((_("Where it is from"), {"fields": ["our_reference", "binding", "created_at"]}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return what nobody may change: a reference moves to no other reader and to no other portal."""
        fixed = [] if obj is None else ["portal", "user"]
        return [*fixed, "our_reference", "binding", "created_at"]

    def describe(self, row: PortalAccount) -> str:
        """Name the reader and the portal."""
        return f"{row.user}: {portals.label_of(row.portal)}"

    # ---- writing

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Say what was refused where another was faster than the form."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PortalBindingError as error:
            self.message_user(request, f"{_('reference')}: {error.problem}", messages.ERROR)
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Have the service write what the agent has said, and who has."""
        if change and not obj.reference:
            portals.take_away(obj, taken_by=request.user)
        elif not change or form.has_changed():
            portals.bind(
                obj.user,
                obj.portal,
                obj.reference,
                provenance=PortalAccount.Provenance.BY_HAND,
                is_external=obj.is_external,
                bound_by=request.user,
                replaces=obj if change else None,
            )
        written = rows_of(PortalAccount).get(portal=obj.portal, user=obj.user)
        obj.__dict__.update(written.__dict__)  # with the key, for the history and the way back

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return whose accounts would be deleted, and say what would not."""
        if "post" not in request.POST:
            messages.warning(request, DELETING)
        _nested, *rest = super().get_deleted_objects(objs, request)
        return [self.describe(account) for account in objs], *rest

    # ---- columns

    @admin.display(description=_("portal"))
    def portal_label(self, row: PortalAccount) -> str:
        """Name the portal as readers know it."""
        return portals.label_of(row.portal)

    @admin.display(description=_("known"))
    def binding(self, row: PortalAccount) -> str:
        """Say who has said so, and when."""
        return binding_in_words(row)


@admin.register(PortalHandover)
class PortalHandoverAdmin(SupportAdmin):
    """The record of the clicks on a portal's button. Nothing in it can be edited, and no link is kept."""

    list_display = ["when", "reader", "portal_label", "page", "outcome_words", "last_error"]
    list_filter = [PortalFilter, OutcomeFilter]
    list_select_related = ["user"]
    ordering = ["-pk"]
    search_fields = ["user__pk"]  # see `get_search_results`
    search_help_text = _("What your list of users searches: an address or a name.")
    sortable_by = ()
    fields = ("when", "reader", "portal_label", "page", "outcome_words", "last_error")
    readonly_fields = ("when", "reader", "portal_label", "page", "outcome_words", "last_error")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a record is forgotten by its age alone."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by the site's own user search."""
        if not search_term.strip():
            return queryset, False
        find_users = user_finder(self.admin_site, request, PortalHandover)
        users = find_users(search_term, MOST_USERS) if find_users is not None else []
        return queryset.filter(user__in=users), False

    def describe(self, row: PortalHandover) -> str:
        """Name the reader and the time."""
        return f"{self.reader(row)} ({point_in_time(row.at)})"

    @admin.display(description=_("at"))
    def when(self, row: PortalHandover) -> str:
        """Say when it was."""
        return point_in_time(row.at)

    @admin.display(description=_("reader"))
    def reader(self, row: PortalHandover) -> str:
        """Name the reader as the site names its users; a dash for one who is gone."""
        return str(row.user) if row.user else "–"

    @admin.display(description=_("portal"))
    def portal_label(self, row: PortalHandover) -> str:
        """Name the portal as readers know it."""
        return portals.label_of(row.portal)

    @admin.display(description=_("outcome"))
    def outcome_words(self, row: PortalHandover) -> str:
        """Say in words what has come of it."""
        return portals.words_of(row.outcome)


#: How many users a search among the clicks looks at.
MOST_USERS = search.MOST_OF_A_KIND

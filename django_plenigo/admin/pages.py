"""Pages that ask before something is done to chosen rows."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import django
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, connections, router, transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from django_plenigo.models import RemoteChange
from django_plenigo.services import outbox

logger = logging.getLogger(__name__)

#: How many rows a page names before it only counts.
MOST_NAMED = 20

#: What an agent is told where the database cannot do now what she asked for.
BUSY = _("The database is busy; nothing was done. Please try again in a moment.")


class DatabaseBusyError(OperationalError):
    """Others hold what a deed needs."""


@contextmanager
def in_one_transaction() -> Iterator[None]:
    """Keep a deed and its entry in the history together: both are written, or neither.

    Raises `OperationalError` where the database cannot do it now.
    """
    with (
        transaction.atomic(router.db_for_write(LogEntry)),
        transaction.atomic(router.db_for_write(RemoteChange)),
    ):
        rows = outbox.changes()
        if not connections[rows.db].features.has_select_for_update:
            # A write of nothing, before anything is looked at: SQLite cannot promote a look to a write lock.
            rows.filter(pk=0).update(noted=F("noted"))
        yield


def locked(rows: QuerySet[RemoteChange]) -> list[RemoteChange]:
    """Return these changes, locked, and wait for none of them.

    A transaction of the site may hold one and ask for another that is held here: if both waited, the database would
    end one of them, and it could be the site's. Raises `DatabaseBusyError` where somebody has locked any of them.
    """
    features = connections[rows.db].features
    can_skip = features.has_select_for_update_skip_locked
    no_key = features.has_select_for_no_key_update
    found = list(rows.order_by("pk").select_for_update(skip_locked=can_skip, no_key=no_key))
    if can_skip and len(found) < rows.count():
        raise DatabaseBusyError
    return found


def context_of(model_admin: Any, request: HttpRequest) -> dict[str, Any]:
    """Return what the template of every page of ours needs."""
    request.current_app = model_admin.admin_site.name  # for {% url %}
    return {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "media": model_admin.media,
        # Django 6.1 lists them, and styles nothing else.
        "breadcrumbs_are_list": django.VERSION >= (6, 1),
    }


# What is typed into these pages is a key to a customer: no report of an error may hold it.
@method_decorator(sensitive_post_parameters(), name="dispatch")
class ActionPage(View):
    """Show what is about to be done to which rows, and do it once the agent has said yes.

    It opens as an action of a list, which sends a form, or by a link with `ids`. Its permission is its own; nobody may
    use it who may not see the rows.
    """

    model_admin: Any = None
    #: The last part of the address, and of its name.
    name: ClassVar[str]
    permission: ClassVar[str]
    title: ClassVar[str | Promise]
    question: ClassVar[str | Promise]
    button: ClassVar[str | Promise]
    template_name: ClassVar[str] = "admin/plenigo/action.html"
    #: How many rows may be chosen at once.
    most: ClassVar[int] = 100

    # ---- where it is

    @classmethod
    def url_of(cls, model_admin: Any) -> Any:
        """Return the address for the `urls` of a model admin."""
        view = cls.as_view(model_admin=model_admin)
        return path(
            f"{cls.name.replace('_', '-')}/", model_admin.admin_site.admin_view(view), name=cls.url_name(model_admin)
        )

    @classmethod
    def url_name(cls, model_admin: Any) -> str:
        """Return the name of the address, without that of the admin site."""
        options = model_admin.model._meta
        return f"{options.app_label}_{options.model_name}_{cls.name}"

    @classmethod
    def address(cls, model_admin: Any, row: Any, next_address: str = "") -> str:
        """Return a link to the page for one row, which leads to `next_address` when it is done."""
        site = model_admin.admin_site.name
        query = {"ids": str(row.pk)} | ({"next": next_address} if next_address else {})
        address: str = reverse(f"{site}:{cls.url_name(model_admin)}", current_app=site, query=query)
        return address

    @classmethod
    def is_allowed(cls, request: HttpRequest, model_admin: Any, row: Any = None) -> bool:
        """Say whether an agent may use it, on this row where one is given: the model admin decides who may see it."""
        may_see = model_admin.has_view_or_change_permission(request, row)
        return bool(may_see and request.user.has_perm(cls.permission))

    @classmethod
    def open_for(cls, model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
        """Show the page for what was chosen in a list."""
        keys = list(rows.order_by().values_list("pk", flat=True)[: cls.most + 1])
        view: Any = cls.as_view(model_admin=model_admin)
        response: HttpResponse = view(request, keys=keys)
        return response

    # ---- what happens

    def dispatch(self, request: HttpRequest, *args: Any, keys: Sequence[Any] | None = None) -> HttpResponse:
        """Ask, or do what was asked."""
        if not self.is_allowed(request, self.model_admin):
            raise PermissionDenied
        chosen = self._keys_of(request) if keys is None else list(keys)
        if len(chosen) > self.most:
            text = ngettext(
                "Choose only one; nothing was done.", "Choose at most %(most)d; nothing was done.", self.most
            )
            return self.leave(text % {"most": self.most}, messages.ERROR)
        rows = list(self.rows(request).filter(pk__in=chosen).order_by("pk"))
        if not rows:
            return self.leave(_("What was chosen is not there any more; nothing was done."), messages.WARNING)
        if not all(self.is_allowed(request, self.model_admin, row) for row in rows):
            raise PermissionDenied
        if request.method != "POST" or "confirmed" not in request.POST:
            return self.page(rows)
        try:
            return self.act(rows)
        except OperationalError as error:
            logger.warning("An agent's action was not carried out (%s)", type(error).__name__)
            return self.leave(BUSY, messages.ERROR, rows)

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Return all rows that this agent may choose from."""
        rows: QuerySet[Any] = self.model_admin.get_queryset(request)
        return rows

    def act(self, rows: list[Any]) -> HttpResponse:
        """Do it."""
        raise NotImplementedError

    def describe(self, row: Any) -> str:
        """Name a row for the agent."""
        return str(row)

    def details(self, rows: list[Any]) -> dict[str, Any]:
        """Return what the template needs besides."""
        return {}

    def page(self, rows: list[Any], **details: Any) -> HttpResponse:
        """Show the page."""
        context = {
            **context_of(self.model_admin, self.request),
            "title": self.title,
            "question": self.question,
            "button": self.button,
            "address": self.own_address,
            "ids": ",".join(str(row.pk) for row in rows),
            "names": [self.describe(row) for row in rows[:MOST_NAMED]],
            "unnamed_count": max(len(rows) - MOST_NAMED, 0),
            "back": self.back(rows),
            "next": self.next_address,
            **self.details(rows),
            **details,
        }
        return TemplateResponse(self.request, self.template_name, context)

    # ---- where it leads

    @property
    def own_address(self) -> str:
        """Where the form goes: not to the list that the page may have been opened from."""
        site = self.model_admin.admin_site.name
        return reverse(f"{site}:{self.url_name(self.model_admin)}", current_app=site)

    @property
    def next_address(self) -> str:
        """Where the agent came from, "" where that is unknown or not on this site."""
        address = self.request.POST.get("next") or self.request.GET.get("next") or ""
        is_own = url_has_allowed_host_and_scheme(
            address, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )
        return address if is_own else ""

    def back(self, rows: Sequence[Any] = ()) -> str:
        """Return where the agent goes from here: where she came from, the one row, or the list."""
        if self.next_address:
            return self.next_address
        options, site = self.model_admin.model._meta, self.model_admin.admin_site.name
        name = f"{site}:{options.app_label}_{options.model_name}"
        if len(rows) == 1:
            return reverse(f"{name}_change", args=[quote(rows[0].pk)], current_app=site)
        return reverse(f"{name}_changelist", current_app=site)

    def leave(self, text: str | Promise, level: int, rows: Sequence[Any] = ()) -> HttpResponse:
        """Say something, and go back."""
        self.model_admin.message_user(self.request, text, level)
        return self.go_back(rows)

    def go_back(self, rows: Sequence[Any]) -> HttpResponse:
        """Go back, where everything has been said already."""
        return HttpResponseRedirect(self.back(rows))

    def _keys_of(self, request: HttpRequest) -> list[Any]:
        """Return the primary keys of a form or a link; what is none is left out."""
        keys, field = [], self.model_admin.model._meta.pk
        for text in (request.POST.get("ids") or request.GET.get("ids") or "").split(","):
            try:
                key = field.to_python(text)
                field.run_validators(key)  # SQLite cannot even look for a number that is too large
            except ValidationError:
                continue
            keys.append(key)
        return list(dict.fromkeys(keys))

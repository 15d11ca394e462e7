"""Files of access ids and of portals' references: upload, plan, yes, progress, result."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import content_disposition_header
from django.utils.text import get_valid_filename
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.admin.forms import OF_PORTAL, ImportFileForm
from django_plenigo.admin.lists import AccountFilter, BoundedPaginator, SupportAdmin
from django_plenigo.admin.pages import ActionPage, context_of
from django_plenigo.admin.words import log, part_of_import, point_in_time, progress_of_import
from django_plenigo.errors import AccessImportError, ConfigurationError, UnsupportedOperationError
from django_plenigo.models import AccessImport
from django_plenigo.services import access_imports

#: What an agent needs for a file of access ids, and for one of references.
PERMISSION, PORTAL_PERMISSION = "plenigo.import_accessid", "plenigo.add_portalaccount"

#: Lines hold what customers are known by, so looking at imports does not show them.
LINES_PERMISSION = "plenigo.view_accessimportline"

_UPLOADED = _("Uploaded the file %(name)s.")

#: How many bad lines a page shows.
LINES_PER_PAGE = 100

State = AccessImport.State

#: The columns of the files that agents are given to begin with.
EXAMPLE = "customer_id,access_id_1,access_id_2,access_id_3,access_id_4\r\n"
EXAMPLE_OF_REFERENCES = "user_id,reference\r\n"


def may_import(request: HttpRequest, access_import: AccessImport | None = None) -> bool:
    """Say whether an agent may import a file, or one of any kind."""
    if access_import is None:
        return any(request.user.has_perm(permission) for permission in (PERMISSION, PORTAL_PERMISSION))
    return request.user.has_perm(PORTAL_PERMISSION if access_import.portal else PERMISSION)


def places_for(request: HttpRequest) -> dict[str, list[str]]:
    """Return the accounts and the portals that an agent may import files for."""
    return {
        "accounts": conf.accounts() if request.user.has_perm(PERMISSION) else [],
        "portals": conf.portals() if request.user.has_perm(PORTAL_PERMISSION) else [],
    }


class ImportPage(ActionPage):
    """A page that asks something of one file."""

    most = 1

    @classmethod
    def is_allowed(cls, request: HttpRequest, model_admin: Any, row: AccessImport | None = None) -> bool:
        """Say whether an agent may use it: it depends on what the file brings."""
        return bool(model_admin.has_view_or_change_permission(request, row) and may_import(request, row))

    def describe(self, row: AccessImport) -> str:
        """Name the file."""
        return name_of(row)


# Not atomic: each chunk is a transaction of its own, and none may wait for the end of the request.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class ConfirmImport(ImportPage):
    """Import what was planned. The page of the plan asks already, and sends its yes here."""

    name = "confirm"
    title = _("Import the file")
    question = _("The lines that are new or changed are imported, and plenigo is told in a moment.")
    button = _("Import")

    def details(self, rows: list[AccessImport]) -> dict[str, Any]:
        """Ask otherwise where the file is a portal's."""
        question = _("The lines that are new are imported. A reference that is there already is not moved.")
        return {"question": question} if rows[0].portal else {}

    def act(self, rows: list[AccessImport]) -> HttpResponse:
        """Import it, or have it imported."""
        text = _("Said yes to importing the file %(name)s.") % {"name": name_of(rows[0])}
        if access_imports.confirm(rows[0], record=lambda row: log(self.request, [row], text)):
            return self.go_back(rows)
        return self.leave(_("This file is not waiting for a yes any more."), messages.WARNING, rows)


class CancelImport(ImportPage):
    """Stop an import."""

    name = "cancel"
    title = _("Cancel the import")
    question = _("The file is deleted, and no more of it is imported. What is imported already stays.")
    button = _("Cancel the import")

    def act(self, rows: list[AccessImport]) -> HttpResponse:
        """Stop it."""
        text = _("Cancelled the import of the file %(name)s.") % {"name": name_of(rows[0])}
        if access_imports.cancel(rows[0], record=lambda row: log(self.request, [row], text)):
            return self.go_back(rows)
        return self.leave(_("This import has ended already."), messages.WARNING, rows)


PAGES = (ConfirmImport, CancelImport)


@admin.register(AccessImport)
class AccessImportAdmin(SupportAdmin):
    """What was imported from files, by whom, and what of it was not."""

    list_filter = ["state", AccountFilter]
    list_select_related = ["created_by"]
    ordering = ["-pk"]
    sortable_by = ()
    actions = None

    # ---- who may what: whoever imports has to see what comes of it

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say whether an agent may see the imports."""
        return bool(super().has_view_permission(request, obj) or may_import(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Say whether the imports are among what an agent can open."""
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: who imported what is kept. A file that was not imported is cancelled."""
        return False

    def may_see_lines(self, request: HttpRequest, access_import: AccessImport) -> bool:
        """Say whether an agent may see what stands in a file."""
        may_read = request.user.has_perm(LINES_PERMISSION) or may_import(request, access_import)
        return self.has_view_permission(request, access_import) and may_read

    def describe(self, row: AccessImport) -> str:
        """Name the file."""
        return name_of(row)

    # ---- columns

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; the account only where there are several, the portal where there are any."""
        account = ["account"] if len(conf.accounts()) > 1 else []
        portal = ["portal"] if conf.portals() else []
        return [
            "file",
            *account,
            *portal,
            "progress",
            "line_count",
            "applied_count",
            "bad_count",
            "created_by",
            "created",
        ]

    @admin.display(description=_("file name"))
    def file(self, access_import: AccessImport) -> str:
        """Name the file."""
        return name_of(access_import)

    @admin.display(description=_("created at"))
    def created(self, access_import: AccessImport) -> str:
        """Say when it was uploaded."""
        return point_in_time(access_import.created_at)

    @admin.display(description=_("state"))
    def progress(self, access_import: AccessImport) -> str:
        """Say in words how far it has come."""
        return progress_of_import(access_import)

    # ---- pages

    def get_urls(self) -> list[Any]:
        """Add the pages of a file."""
        # Not atomic, as above.
        upload = transaction.non_atomic_requests(self.admin_site.admin_view(self.upload_view))
        example = self.admin_site.admin_view(self.example_view)
        failures = self.admin_site.admin_view(self.failures_view)
        return [
            *(page.url_of(self) for page in PAGES),
            path("upload/", upload, name="plenigo_accessimport_upload"),
            path("example/", example, name="plenigo_accessimport_example"),
            path("<path:object_id>/failures/", failures, name="plenigo_accessimport_failures"),
            *super().get_urls(),
        ]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file and plan it; nothing is imported yet."""
        places = places_for(request)
        self._check(any(places.values()))
        files: dict[str, Any] = {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}
        chosen = {"account": OF_PORTAL + request.GET["portal"]} if "portal" in request.GET else {}
        form = ImportFileForm(**files, **places, initial=chosen)
        if form.is_valid():
            access_import = self._start(request, form)
            if access_import is not None:
                return HttpResponseRedirect(self._address("change", access_import))
        title = _("Import a file") if places["portals"] else _("Import access IDs from a file")
        return self._page(request, "upload", {"title": title, "form": form, **places})

    def _start(self, request: HttpRequest, form: ImportFileForm) -> AccessImport | None:
        """Plan an uploaded file; None where it cannot be read, which is told at the field."""
        upload = form.cleaned_data["file"]
        try:
            access_import = access_imports.start(
                upload,
                name=upload.name,
                created_by=request.user,
                record=lambda row: self.log_addition(request, row, _UPLOADED % {"name": name_of(row)}),
                **form.destination,
            )
        except AccessImportError as error:
            form.add_error("file", error.problem)
            return None
        except ConfigurationError as error:  # it names the portal's setting, never its value
            form.add_error("file", str(error))
            return None
        except UnsupportedOperationError:
            form.add_error("file", _("This site cannot read XLSX files: save the file as CSV."))
            return None
        if access_import.state == State.FAILED:
            form.add_error("file", access_imports.failure_of(access_import))
            return None
        return access_import

    def example_view(self, request: HttpRequest) -> HttpResponse:
        """Give a file with the right columns, to begin with."""
        is_of_references = "references" in request.GET
        self._check(request.user.has_perm(PORTAL_PERMISSION if is_of_references else PERMISSION))
        columns = EXAMPLE_OF_REFERENCES if is_of_references else EXAMPLE
        name = "references.csv" if is_of_references else "access-ids.csv"
        return HttpResponse(columns, content_type="text/csv; charset=utf-8", headers=_as_file(name))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the imports, and the way to a new one where the agent may import anything."""
        context = {"may_upload": any(places_for(request).values()), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the plan, how far the import has come, or its result."""
        access_import = self._import_of(request, object_id)
        self._check(self.has_view_permission(request, access_import))
        is_mine = may_import(request, access_import)
        context = {
            "title": name_of(access_import),
            "access_import": access_import,
            "is_running": access_import.state in access_imports.RUNNING,
            "is_planned": access_import.state == State.PLANNED,
            "has_counts": access_import.state != State.PLANNING and _has_counts(access_import),
            "progress": progress_of_import(access_import),
            "part": part_of_import(access_import),
            "works_by_itself": _works_by_itself(access_import.account),
            "is_told": not access_import.portal and _is_told(access_import.account),
            "has_several_accounts": len(conf.accounts()) > 1,
            "may_upload": any(places_for(request).values()),
            "may_cancel": is_mine and access_import.state in access_imports.UNFINISHED,
            "failure": access_imports.failure_of(access_import),
            "confirm_address": self._address("confirm"),
            "cancel_address": CancelImport.address(self, access_import),
            "failures_address": self._address("failures", access_import),
            "history_address": self._address("history", access_import),
            "may_see_lines": self.may_see_lines(request, access_import),
        }
        if context["may_see_lines"]:
            context |= _lines_of(access_import, request.GET.get("page"))
        return self._page(request, "import", context)

    def failures_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Give the lines that were not imported as a file that can be mended and fed back in."""
        access_import = self._import_of(request, object_id)
        self._check(self.may_see_lines(request, access_import))
        name = f"{access_import.pk}-{get_valid_filename(access_import.file_name or 'file')}".rsplit(".", 1)[0]
        return StreamingHttpResponse(
            (line.encode() for line in access_imports.write_failures(access_import)),
            content_type="text/csv; charset=utf-8",
            headers=_as_file(f"failures-{name}.csv"),
        )

    # ---- what they share

    def _check(self, is_allowed: bool) -> None:
        if not is_allowed:
            raise PermissionDenied

    def _import_of(self, request: HttpRequest, object_id: str) -> AccessImport:
        field = AccessImport._meta.pk
        try:
            key = field.to_python(unquote(object_id))
            field.run_validators(key)  # SQLite cannot even look for a number that is too large
            access_import: AccessImport = self.get_queryset(request).select_related("created_by").get(pk=key)
        except (AccessImport.DoesNotExist, ValidationError):
            raise Http404 from None
        return access_import

    def _address(self, name: str, *rows: AccessImport) -> str:
        site = self.admin_site.name
        return reverse(f"{site}:plenigo_accessimport_{name}", args=[quote(row.pk) for row in rows], current_app=site)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        context = {**context_of(self, request), **context}
        return TemplateResponse(request, f"admin/plenigo/accessimport/{name}.html", context)


def name_of(access_import: AccessImport) -> str:
    """Return the name of a file, and the number of its import where it has none."""
    return access_import.file_name or str(access_import.pk)


def _as_file(name: str) -> dict[str, str]:
    """Return the headers of what a browser is to save."""
    return {"Content-Disposition": content_disposition_header(True, name) or "", "Cache-Control": "no-store"}


def _has_counts(access_import: AccessImport) -> bool:
    """Say whether any line was counted: not where the work failed before there was a plan."""
    counts = (access_import.new_count, access_import.changed_count, access_import.same_count, access_import.bad_count)
    return any(counts)


def _works_by_itself(account: str) -> bool:
    """Say whether this site has due work of an account done without a command."""
    return account in conf.accounts() and bool(conf.Account(account).delivery_path)


def _is_told(account: str) -> bool:
    """Say whether plenigo is told the access ids of an account."""
    return account in conf.accounts() and conf.Account(account).tells_access_ids


def _lines_of(access_import: AccessImport, number: str | None) -> dict[str, Any]:
    """Return a page of the bad lines, and of a plan the first lines."""
    paginator = BoundedPaginator(access_import.bad_lines.order_by("number"), LINES_PER_PAGE)
    page = paginator.get_page(number)
    bad_lines = [(line, access_imports.sentence_of(line)) for line in page]
    context = {"page": page, "pages": list(paginator.get_elided_page_range(page.number)), "bad_lines": bad_lines}
    if access_import.bad_count and page.number == 1 and access_import.state not in access_imports.RUNNING:
        context["reasons"] = access_imports.count_reasons(access_import)
    if access_import.state != State.PLANNED or page.number > 1:
        return context
    try:
        return context | {"preview": access_imports.preview(access_import)}
    except (AccessImportError, ConfigurationError):
        return context  # somebody has just cancelled it, and the file is gone; or the portal is set up no more

"""Files of access ids: upload, plan, yes, progress, result."""

from typing import Any

import django
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.text import get_valid_filename
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from django_plenigo.admin.forms import ImportFileForm
from django_plenigo.admin.lists import AccountFilter, SupportAdmin
from django_plenigo.errors import AccessImportError, UnsupportedOperationError
from django_plenigo.models import AccessImport
from django_plenigo.services import access_imports

PERMISSION = "plenigo.import_accessid"

#: How many bad lines a page shows.
LINES_PER_PAGE = 100

State = AccessImport.State

RUNNING = (State.PLANNING, State.APPLYING)
UNFINISHED = (*RUNNING, State.PLANNED)


@admin.register(AccessImport)
class AccessImportAdmin(SupportAdmin):
    """What was imported from files, by whom, and what of it was not."""

    list_display = ["file", "account", "created_by", "created", "state", "line_count", "applied_count", "bad_count"]
    list_filter = ["state", AccountFilter]
    list_select_related = ["created_by"]
    ordering = ["-pk"]
    sortable_by = ()
    actions = None

    # ---- who may what: one permission for all, since whoever imports has to see what comes of it

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say whether an agent may see the imports."""
        return bool(super().has_view_permission(request, obj) or request.user.has_perm(PERMISSION))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Say whether the imports are among what an agent can open."""
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: who imported what is kept. A file that was not imported is cancelled."""
        return False

    # ---- columns

    @admin.display(description=_("file name"))
    def file(self, access_import: AccessImport) -> str:
        """Name the file."""
        return access_import.file_name or str(access_import.pk)

    @admin.display(description=_("created at"))
    def created(self, access_import: AccessImport) -> str:
        """Say when it was uploaded."""
        return date_format(localtime(access_import.created_at), "SHORT_DATETIME_FORMAT")

    # ---- pages

    def get_urls(self) -> list[Any]:
        """Add the pages of a file."""
        pages: dict[str, tuple[Any, str]] = {
            "upload/": (self.upload_view, "upload"),
            "example/": (self.example_view, "example"),
            "<path:object_id>/confirm/": (self.confirm_view, "confirm"),
            "<path:object_id>/cancel/": (self.cancel_view, "cancel"),
            "<path:object_id>/failures/": (self.failures_view, "failures"),
        }
        own = [
            # Each chunk is a transaction of its own, and none may wait for the end of the request.
            path(address, transaction.non_atomic_requests(self.admin_site.admin_view(view)), name=self._url_name(name))
            for address, (view, name) in pages.items()
        ]
        return [*own, *super().get_urls()]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file and plan it; nothing is imported yet."""
        self._check_may_import(request)
        form = ImportFileForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                access_import = access_imports.start(
                    upload, name=upload.name, using=form.cleaned_data["account"], created_by=request.user
                )
            except AccessImportError as error:
                form.add_error("file", error.problem)
            except UnsupportedOperationError:
                form.add_error("file", _("This site cannot read XLSX files: save the file as CSV."))
            else:
                self.log_addition(request, access_import, str(_("Uploaded a file of access IDs.")))
                return HttpResponseRedirect(self._address("change", access_import))
        title = _("Import access IDs from a file")
        return self._page(request, "upload", {"title": title, "form": form, "has_errors": bool(form.errors)})

    def example_view(self, request: HttpRequest) -> HttpResponse:
        """Give a file with the right columns, to begin with."""
        self._check_may_import(request)
        columns = "customer_id,access_id_1,access_id_2,access_id_3,access_id_4\r\n"
        return HttpResponse(
            columns,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="access-ids.csv"'},
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the plan, how far the import has come, or its result."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        access_import = self._import_of(object_id)
        lines = Paginator(access_import.bad_lines.order_by("number"), LINES_PER_PAGE)
        page = lines.get_page(request.GET.get("page"))
        context = {
            "title": access_import.file_name or str(access_import),
            "access_import": access_import,
            "is_running": access_import.state in RUNNING,
            "is_planned": access_import.state == State.PLANNED,
            "may_import": request.user.has_perm(PERMISSION),
            "may_cancel": access_import.state in UNFINISHED and request.user.has_perm(PERMISSION),
            "page": page,
            "bad_lines": [(line, access_imports.sentence_of(line)) for line in page],
            "addresses": {name: self._address(name, access_import) for name in ("confirm", "cancel", "failures")},
            "history_address": self._address("history", access_import),
        }
        return self._page(request, "import", context)

    def confirm_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Import what was planned."""
        access_import = self._posted(request, object_id)
        if access_imports.confirm(access_import):
            self.log_change(request, access_import, str(_("Had the file imported.")))
        else:
            self.message_user(request, _("This file is not waiting for a yes any more."), messages.WARNING)
        return HttpResponseRedirect(self._address("change", access_import))

    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stop an import; what is imported already stays."""
        access_import = self._posted(request, object_id)
        if access_imports.cancel(access_import):
            self.log_change(request, access_import, str(_("Cancelled the import of the file.")))
        else:
            self.message_user(request, _("This import has ended already."), messages.WARNING)
        return HttpResponseRedirect(self._address("change", access_import))

    def failures_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Give the lines that were not imported as a file that can be mended and fed back in."""
        self._check_may_import(request)
        access_import = self._import_of(object_id)
        name = get_valid_filename(f"failures-{access_import.pk}.csv")
        return StreamingHttpResponse(
            (line.encode() for line in access_imports.write_failures(access_import)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    # ---- what they share

    def _check_may_import(self, request: HttpRequest) -> None:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied

    def _posted(self, request: HttpRequest, object_id: str) -> AccessImport:
        """Return the import that a form is about. A link does nothing: it may be followed by whatever follows links."""
        self._check_may_import(request)
        access_import = self._import_of(object_id)
        if request.method != "POST":
            raise Http404
        return access_import

    def _import_of(self, object_id: str) -> AccessImport:
        field = AccessImport._meta.pk
        try:
            key = field.to_python(unquote(object_id))
            field.run_validators(key)  # SQLite cannot even look for a number that is too large
            return AccessImport.objects.select_related("created_by").get(pk=key)
        except (AccessImport.DoesNotExist, ValidationError):
            raise Http404 from None

    def _url_name(self, name: str) -> str:
        return f"plenigo_accessimport_{name}"

    def _address(self, name: str, access_import: AccessImport) -> str:
        site = self.admin_site.name
        return reverse(f"{site}:{self._url_name(name)}", args=[quote(access_import.pk)], current_app=site)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "media": self.media,
            # Django 6.1 lists them, and styles nothing else.
            "breadcrumbs_are_list": django.VERSION >= (6, 1),
            **context,
        }
        return TemplateResponse(request, f"admin/plenigo/accessimport/{name}.html", context)

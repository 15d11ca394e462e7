"""Admins of the site's own that show an agent some rows only: our pages ask them about each row."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.urls import path

from django_plenigo.admin import CustomerLinkAdmin, CustomerPanelMixin, RemoteChangeAdmin
from django_plenigo.admin.access_imports import AccessImportAdmin
from django_plenigo.errors import ConflictError
from django_plenigo.models import AccessImport, CustomerLink, RemoteChange
from django_plenigo.services import access_imports
from tests.access_imports.files import csv_file
from tests.admin.conftest import confirm, text_of
from tests.factories import LinkFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

SECRET_READER = "somebody-famous"
SECRET_FILE = "famous.csv"


class Discreet:
    """Show nothing of one reader."""

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        user = getattr(getattr(obj, "link", obj), "user", obj)
        return super().has_view_permission(request, obj) and getattr(user, "username", "") != SECRET_READER


class DiscreetLinkAdmin(Discreet, CustomerLinkAdmin):
    """The links of the others."""


class DiscreetChangeAdmin(Discreet, RemoteChangeAdmin):
    """The changes of the others."""


class DiscreetImportAdmin(AccessImportAdmin):
    """The files of the others."""

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and getattr(obj, "file_name", "") != SECRET_FILE


class PanelAdmin(CustomerPanelMixin, UserAdmin):
    """All users, with the panel."""


site = admin.AdminSite("discreet")
site.register(CustomerLink, DiscreetLinkAdmin)
site.register(RemoteChange, DiscreetChangeAdmin)
site.register(AccessImport, DiscreetImportAdmin)
site.register(User, PanelAdmin)

without_links = admin.AdminSite("without_links")
without_links.register(RemoteChange, RemoteChangeAdmin)

urlpatterns = [path("discreet/", site.urls), path("without_links/", without_links.urls)]

LINKS, CHANGES = "/discreet/plenigo/customerlink/", "/discreet/plenigo/remotechange/"

TAKEN = ConflictError("plenigo", "change_email", status=409)


@pytest.fixture
def hidden(sandbox, refuse):
    """The link of the reader whom agents may not see, with a conflict."""
    link = LinkFactory(user=UserFactory(username=SECRET_READER), confirmed_email="wanted@example.com")
    refuse(link, TAKEN)
    return link


@pytest.fixture
def agent(agent_who_may):
    return agent_who_may("check_customerlink", "import_accessid", "send_remotechange", "change_user")


@pytest.mark.parametrize("name", ["check", "import-access-ids", "send-again"])
def test_action_on_a_link_that_an_agent_may_not_see_is_refused(agent, hidden, name):
    other = LinkFactory()
    assert agent.get(f"{LINKS}{name}/", {"ids": other.pk}).status_code == 200
    before = hidden.remote_changes.get(kind="change_email").noted
    for rows in ([hidden], [other, hidden]):
        assert agent.get(f"{LINKS}{name}/", {"ids": ",".join(str(row.pk) for row in rows)}).status_code == 403
        assert confirm(agent, f"{LINKS}{name}/", *rows).status_code == 403
    assert hidden.remote_changes.get(kind="change_email").noted == before


def test_change_that_an_agent_may_not_see_is_not_tried_again(agent, hidden):
    change = hidden.remote_changes.get(kind="change_email")
    assert confirm(agent, f"{CHANGES}try-again/", change).status_code == 403
    change.refresh_from_db()
    assert change.is_refused


@pytest.mark.parametrize("page", ["change", "failures"])
def test_file_that_an_agent_may_not_see_is_not_shown_to_her(agent, db, page):
    hidden, shown = [
        access_imports.start(csv_file("nobody,secret-id,"), name=name) for name in (SECRET_FILE, "others.csv")
    ]
    start = "/discreet/plenigo/accessimport/"
    assert agent.get(f"{start}{shown.pk}/{page}/").status_code == 200
    assert agent.get(f"{start}{hidden.pk}/{page}/").status_code == 403


def test_panel_of_a_user_leaves_out_a_link_that_an_agent_may_not_see(agent, hidden):
    shown = LinkFactory()
    assert "plenigo-panel" in text_of(agent.get(f"/discreet/auth/user/{shown.user_id}/change/"))
    assert "plenigo-panel" not in text_of(agent.get(f"/discreet/auth/user/{hidden.user_id}/change/"))


@pytest.mark.parametrize("where", ["panel", "work list", "change"])
def test_other_side_of_a_conflict_is_not_named_to_an_agent_who_may_not_see_it(agent, hidden, refuse, where):
    link = LinkFactory(user=UserFactory(email="wanted@example.com"))
    change = refuse(link, TAKEN)
    RemoteChange.objects.exclude(pk=change.pk).delete()
    address = {
        "panel": f"{LINKS}{link.pk}/change/",
        "work list": f"{CHANGES}?state=refused",
        "change": f"{CHANGES}{change.pk}/change/",
    }[where]
    page = text_of(agent.get(address))
    assert str(link.user) in page
    assert SECRET_READER not in page
    assert ("a reader of this site whom you may not see" in page) is (where != "panel")


@pytest.mark.parametrize("what", ["list", "work list", "change"])
def test_outbox_of_a_site_that_has_not_registered_links_names_readers_without_leading_to_them(
    agent, sandbox, refuse, what
):
    link = LinkFactory()
    change = refuse(link, TAKEN)
    start = "/without_links/plenigo/remotechange/"
    address = {"list": start, "work list": f"{start}?state=refused", "change": f"{start}{change.pk}/change/"}[what]
    page = text_of(agent.get(address))
    assert str(link.user) in page
    assert "customerlink" not in page.split('id="content"')[1]

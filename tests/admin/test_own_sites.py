"""An admin site of one's own, for support agents, that has registered the links and nothing else."""

import pytest
from django.contrib.admin import AdminSite
from django.contrib.admin.sites import all_sites
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.urls import path

from django_plenigo.admin import CustomerLinkAdmin, CustomerPanelMixin, PortalAccountAdmin
from django_plenigo.models import CustomerLink, PortalAccount
from tests.factories import LinkFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

support = AdminSite("support")
support.register(CustomerLink, CustomerLinkAdmin)
support.register(PortalAccount, PortalAccountAdmin)
urlpatterns = [path("support/", support.urls)]


def test_list_and_page_of_links_open_without_links_to_what_is_not_there(admin_client):
    link = LinkFactory()
    page = admin_client.get("/support/plenigo/customerlink/")
    assert page.status_code == 200
    assert "Conflicts" not in page.text
    assert "Import access IDs from a file" not in page.text
    assert admin_client.get(f"/support/plenigo/customerlink/{link.pk}/change/").status_code == 200


def test_reference_is_entered_for_a_user_by_key_where_the_site_has_no_list_of_users(admin_client, harbour, user):
    assert not [message for message in run_checks() if message.id.startswith("admin.")]
    page = admin_client.get("/support/plenigo/portalaccount/add/")
    assert "admin-autocomplete" not in page.text
    values = {"user": user.pk, "portal": "harbour", "reference": "4711"}
    assert admin_client.post("/support/plenigo/portalaccount/add/", values).status_code == 302
    assert PortalAccount.objects.get().user == user


class AtTheEnd(UserAdmin, CustomerPanelMixin):
    """A user admin with the mixin where it has no say."""


class AtTheBeginning(CustomerPanelMixin, UserAdmin):
    """A user admin with the mixin where it belongs."""


@pytest.mark.parametrize(("user_admin", "found"), [(AtTheEnd, 1), (AtTheBeginning, 0), (UserAdmin, 0)])
def test_mixin_that_stands_where_it_has_no_say_is_told_with_what_to_write(user_admin, found):
    site = AdminSite("own")
    site.register(User, user_admin)
    messages = [message for message in run_checks(tags=["plenigo"]) if message.id == "plenigo.W006"]
    all_sites.discard(site)  # what other tests ask is not about it
    assert len(messages) == found
    assert all("class AtTheEnd(CustomerPanelMixin, UserAdmin)" in message.hint for message in messages)


def test_field_of_a_form_that_chooses_a_link_is_filled_in_by_typing(admin_client):
    wanted = LinkFactory(customer_id="MAP27KCA3K2P")
    LinkFactory(customer_id="OTHER")
    query = {"app_label": "plenigo", "model_name": "remotechange", "field_name": "link", "term": "MAP27"}
    found = admin_client.get("/support/autocomplete/", query).json()
    assert [row["id"] for row in found["results"]] == [str(wanted.pk)]

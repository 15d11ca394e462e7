"""An admin site of one's own, for support agents, that has registered the links and nothing else."""

import pytest
from django.contrib.admin import AdminSite
from django.urls import path

from django_plenigo.admin import CustomerLinkAdmin
from django_plenigo.models import CustomerLink
from tests.factories import LinkFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

support = AdminSite("support")
support.register(CustomerLink, CustomerLinkAdmin)
urlpatterns = [path("support/", support.urls)]


def test_list_and_page_of_links_open_without_links_to_what_is_not_there(admin_client):
    link = LinkFactory()
    page = admin_client.get("/support/plenigo/customerlink/")
    assert page.status_code == 200
    assert "Conflicts" not in page.text
    assert "Import access IDs from a file" not in page.text
    assert admin_client.get(f"/support/plenigo/customerlink/{link.pk}/change/").status_code == 200

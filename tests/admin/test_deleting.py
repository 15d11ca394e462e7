"""The support agent's pages."""

import pytest
from django.contrib.auth import get_user_model

from django_plenigo.models import CustomerLink, RemoteChange

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("what", ["user", "link"])
def test_reader_and_her_link_can_be_deleted_with_what_was_noted_of_them(sandbox, reader, admin_client, what):
    link = CustomerLink.objects.get(user=reader)
    address = {"user": f"/admin/auth/user/{reader.pk}", "link": f"/admin/plenigo/customerlink/{link.pk}"}[what]
    assert admin_client.post(f"{address}/delete/", {"post": "yes"}).status_code == 302
    assert not CustomerLink.objects.exists()
    assert not RemoteChange.objects.exists()
    assert get_user_model().objects.filter(pk=reader.pk).exists() is (what == "link")


def test_single_changes_are_not_deleted_from_their_list(sandbox, reader, admin_client):
    assert "delete_selected" not in admin_client.get("/admin/plenigo/remotechange/").content.decode()

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


@pytest.mark.parametrize("what", ["user", "link"])
@pytest.mark.parametrize("way", ["page", "list"])
def test_page_that_asks_before_deleting_says_what_happens_at_plenigo(sandbox, reader, admin_client, what, way):
    link = CustomerLink.objects.get(user=reader)
    address, row = {"user": ("/admin/auth/user/", reader), "link": ("/admin/plenigo/customerlink/", link)}[what]
    if way == "page":
        page = admin_client.get(f"{address}{row.pk}/delete/")
    else:
        page = admin_client.post(address, {"action": "delete_selected", "_selected_action": [row.pk]})
    assert page.content.decode().count("the customer stays at plenigo") == 1


def test_deleting_a_user_who_is_no_customer_says_nothing_of_plenigo(user, admin_client):
    assert "at plenigo" not in admin_client.get(f"/admin/auth/user/{user.pk}/delete/").content.decode()


def test_nothing_is_said_once_it_is_deleted(sandbox, reader, admin_client):
    answer = admin_client.post(f"/admin/auth/user/{reader.pk}/delete/", {"post": "yes"}, follow=True)
    assert "at plenigo" not in answer.content.decode()


@pytest.mark.parametrize("way", ["page", "list"])
def test_page_that_asks_before_links_are_deleted_names_the_readers(sandbox, reader, admin_client, way):
    link = CustomerLink.objects.get(user=reader)
    address = "/admin/plenigo/customerlink/"
    if way == "page":
        page = admin_client.get(f"{address}{link.pk}/delete/")
    else:
        page = admin_client.post(address, {"action": "delete_selected", "_selected_action": [link.pk]})
    assert f"<li>{reader} ({link.customer_id})</li>" in page.content.decode()

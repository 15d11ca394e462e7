"""Importing access ids of chosen customers: all that is filled in, or nothing."""

import pytest
from django.contrib.admin.models import LogEntry

from django_plenigo.models import AccessId, CustomerLink
from django_plenigo.services import access_ids, sending
from tests.admin.conftest import confirm, messages_of, text_of
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db

PAGE = "/admin/plenigo/customerlink/import-access-ids/"


@pytest.fixture
def other(sandbox):
    """Another customer."""
    return LinkFactory()


def slots(link, *values):
    return {f"{link.pk}-slot_{slot}": value for slot, value in enumerate(values, 1)}


def test_page_has_a_field_with_a_label_for_each_slot_and_shows_what_is_there(admin_client, link, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "ACCESS_ID_LABELS": ["CRM", "Billing"]}}
    access_ids.import_access_ids(link, ["CRM-1"])
    page = text_of(admin_client.get(PAGE, {"ids": link.pk}))
    for slot, label in enumerate(["CRM", "Billing", "Access ID 3", "Access ID 4"], 1):
        assert f'<label for="id_{link.pk}-slot_{slot}">{label}:</label>' in page
    assert "Now: CRM-1" in page


def test_import_keeps_who_did_it_and_plenigo_is_told(admin_client, admin_user, link, other, sandbox):
    answer = confirm(admin_client, PAGE, link, other, **slots(link, " CRM-1 ", "", "P-3"), **slots(other, "CRM-2"))
    assert messages_of(answer) == ["3 access IDs were imported."]
    rows = list(AccessId.objects.order_by("value").values_list("link", "slot", "value", "imported_by", "imported_from"))
    assert rows == [
        (link.pk, 1, "CRM-1", admin_user.pk, "admin"),
        (other.pk, 1, "CRM-2", admin_user.pk, "admin"),
        (link.pk, 3, "P-3", admin_user.pk, "admin"),
    ]
    sending.deliver_due()
    identifiers = sandbox.customer(link.customer_id).access_identifiers.order_by("slot").values_list("slot", "value")
    assert list(identifiers) == [(1, "CRM-1"), (3, "P-3")]


def test_history_names_the_slots_and_no_value(admin_client, link):
    confirm(admin_client, PAGE, link, **slots(link, "CRM-1", "", "P-3"))
    assert LogEntry.objects.get().change_message == "Imported access IDs: Access ID 1, Access ID 3."


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost_or_imported(admin_client, link, other):
    access_ids.import_access_ids(other, ["TAKEN"])
    third = LinkFactory()
    values = slots(link, "NEW", "TAKEN") | slots(third, "X" * 101, "FINE")
    page = confirm(admin_client, PAGE, link, third, **values)
    forms = page.context["forms"]
    assert [form.errors for form in forms] == [
        {"slot_2": ["Is an access ID of another customer"]},
        {"slot_1": ["Is longer than 100 characters"]},
    ]
    text = text_of(page)
    assert all(f'value="{value}"' in text for value in ("NEW", "TAKEN", "X" * 101, "FINE"))
    assert 'role="alert" tabindex="-1" autofocus>Nothing was imported.' in text
    assert [row.value for row in AccessId.objects.all()] == ["TAKEN"]
    assert not LogEntry.objects.exists()


def test_one_value_for_two_customers_is_refused(admin_client, link, other):
    page = confirm(admin_client, PAGE, link, other, **slots(link, "SAME"), **slots(other, "", "SAME"))
    assert [form.errors for form in page.context["forms"]] == [{}, {"slot_2": ["Is an access ID of another customer"]}]
    assert not AccessId.objects.exists()


def test_user_who_is_no_customer_yet_is_told_so(admin_client, user):
    link = LinkFactory(user=user, customer_id=None)
    page = confirm(admin_client, PAGE, link, **slots(link, "CRM-1"))
    assert "register the user first" in text_of(page)


@pytest.mark.parametrize("values", [(), ("", "  ")])
def test_import_of_nothing_asks_for_something(admin_client, link, values):
    page = text_of(confirm(admin_client, PAGE, link, **slots(link, *values)))
    assert "Enter at least one access ID." in page


def test_import_of_what_is_there_changes_nothing_and_says_so(admin_client, link):
    access_ids.import_access_ids(link, ["CRM-1"])
    noted = link.remote_changes.get(kind="assign_access_ids").noted
    answer = confirm(admin_client, PAGE, link, **slots(link, "CRM-1"))
    assert messages_of(answer) == ["These customers have these access IDs already."]
    assert link.remote_changes.get(kind="assign_access_ids").noted == noted


def test_hostile_value_is_kept_and_shown_as_text(admin_client, link):
    evil = "\"><script>alert('x')</script>"
    confirm(admin_client, PAGE, link, **slots(link, evil))
    assert CustomerLink.objects.get().access_ids.get().value == evil
    assert "<script>alert" not in text_of(admin_client.get(PAGE, {"ids": link.pk}))


def test_page_of_many_needs_as_many_queries_as_that_of_one(admin_client, django_assert_num_queries, link):
    admin_client.get(PAGE, {"ids": link.pk})
    with django_assert_num_queries(4):
        admin_client.get(PAGE, {"ids": link.pk})
    many = [link, *(LinkFactory() for _ in range(20))]
    with django_assert_num_queries(4):
        admin_client.get(PAGE, {"ids": ",".join(str(each.pk) for each in many)})

"""Asking plenigo now whether a customer has access."""

import time

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from django_plenigo.services import access
from tests.admin.conftest import confirm, text_of
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db

PAGE = "/admin/plenigo/customerlink/check/"


def check(client, *links, product_ids="DAYPASS"):
    return " ".join(text_of(confirm(client, PAGE, *links, product_ids=product_ids)).split())


def test_yes_is_told_with_its_end_where_plenigo_names_one(admin_client, link, sandbox):
    sandbox.buy(link.customer_id, "WITHOUT-END")
    purchase = sandbox.buy(link.customer_id, "WITH-END")
    purchase.end = timezone.now().replace(year=2100, month=5, day=17, hour=12, minute=0)
    purchase.save()
    page = check(admin_client, link, product_ids="WITH-END, WITHOUT-END")
    assert "<code>WITH-END</code>: <strong>yes</strong>, until 05/17/2100 noon." in page
    assert "<code>WITHOUT-END</code>: <strong>yes</strong>." in page


@pytest.mark.usefixtures("shared_cache")
def test_payer_who_was_locked_out_reads_on_after_the_check(admin_client, link, sandbox):
    reader = link.user
    assert access.check_access(reader, ["DAYPASS"]) is access.Access.NOT_BOUGHT
    sandbox.buy(link.customer_id, "DAYPASS")
    assert access.check_access(reader, ["DAYPASS"]) is access.Access.NOT_BOUGHT
    page = check(admin_client, link, product_ids="DAYPASS, OTHER")
    assert "<code>DAYPASS</code>: <strong>yes</strong>" in page
    assert "<code>OTHER</code>: <strong>no</strong>" in page
    assert "cached answer was cleared" in page
    assert access.check_access(reader, ["DAYPASS"]) is access.Access.BOUGHT


def test_outage_is_told_as_unknown_and_leaves_the_reader_what_she_had(admin_client, link, sandbox, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "ACCESS_TTL_SECONDS": 0}}
    sandbox.buy(link.customer_id, "DAYPASS")
    access.check_access(link.user, ["DAYPASS"])
    sandbox.fail_next(times=None)
    page = check(admin_client, link, product_ids="DAYPASS OTHER")
    assert "plenigo is out of order at the moment." in page
    assert "Ask again in a minute." in page
    assert "<code>DAYPASS</code>: <strong>unknown</strong>" in page
    assert "The reader keeps access meanwhile (last known answer: just now)." in page
    assert "The reader is told that access cannot be checked right now." in page
    assert "cached answer was cleared" not in page
    assert access.check_access(link.user, ["DAYPASS"]) is access.Access.BOUGHT


def test_no_access_is_told_from_a_customer_whom_plenigo_does_not_know(admin_client, link, sandbox):
    assert "plenigo knows this customer." in check(admin_client, link)
    sandbox.customer(link.customer_id).delete()
    page = check(admin_client, link)
    assert "plenigo does not know this customer." in page
    assert "delete the link" in page


def test_nobody_is_said_to_be_unknown_where_plenigo_does_not_answer(admin_client, link, sandbox):
    sandbox.fail_next(endpoint="userSubscriptions", times=None)
    page = check(admin_client, link)
    assert "<strong>no</strong>" in page
    assert "could not be found out" in page


def test_customer_with_access_is_not_asked_for_besides(admin_client, link, sandbox):
    sandbox.buy(link.customer_id, "DAYPASS")
    check(admin_client, link, product_ids="DAYPASS OTHER")
    assert [call.endpoint for call in sandbox.calls] == ["hasUserBought"]


def test_refused_credentials_are_told_with_what_to_do(admin_client, link, sandbox):
    sandbox.fail_next(status=401)
    page = check(admin_client, link)
    assert "does not accept this site&#x27;s company ID and secret" in page
    assert "stage and live have different ones" in page


def test_form_is_filled_in_with_the_products_that_the_readers_pages_asked_for(admin_client, link, sandbox):
    sandbox.buy(link.customer_id, "DAYPASS")
    access.check_access(link.user, ["DAYPASS"])
    assert 'value="DAYPASS"' in text_of(admin_client.get(PAGE, {"ids": link.pk}))


@pytest.mark.parametrize(
    ("product_ids", "error"),
    [
        ("", "This field is required."),
        (" , ", "This field is required."),
        ("x" * 21, "This is no product ID that plenigo could have."),
        (",".join(f"P{number}" for number in range(11)), "Ask for at most 10 products at once."),
    ],
)
def test_product_ids_that_are_none_are_told_at_the_field(admin_client, link, sandbox, product_ids, error):
    page = confirm(admin_client, PAGE, link, product_ids=product_ids)
    assert page.context["form"].errors == {"product_ids": [error]}
    assert sandbox.calls == []


def test_user_who_is_no_customer_is_told_so_without_a_call(admin_client, user, sandbox):
    link = LinkFactory(user=user, customer_id=None)
    assert "The user is no customer at plenigo yet." in check(admin_client, link)
    assert sandbox.calls == []


def test_check_of_several_waits_no_longer_than_one_page_may(admin_client, link, sandbox, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "TIMEOUT_SECONDS": 1.0}}
    links = [link, *(LinkFactory() for _ in range(5))]
    sandbox.delay_next(0.6, times=None)
    began = time.monotonic()
    page = check(admin_client, *links)
    assert time.monotonic() - began < 3  # and not 6 times 0.6 seconds
    assert page.count("<strong>no</strong>") == 1
    assert page.count("<strong>unknown</strong>") == 5


def test_history_says_that_it_was_asked_and_neither_for_what_nor_the_answer(admin_client, admin_user, link):
    check(admin_client, link)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.change_message) == (admin_user, "Asked for access to be checked at plenigo.")

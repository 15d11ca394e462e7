"""What a save, a log-in and allauth cost and note."""

import logging
from contextlib import contextmanager

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed
from django.core import serializers
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.test import RequestFactory

from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.sandbox.identifiers import offer_id_of
from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services import checkout, customers, sending
from tests.factories import UserFactory
from tests.told import told

pytestmark = pytest.mark.django_db


def is_noted(user):
    return RemoteChange.objects.get(link__user=user, kind="change_email").is_waiting


@contextmanager
def notes_that_fail():
    """The database refuses to write notes, and nothing else."""

    def refuse(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and "plenigo_remotechange" in sql:
            raise OperationalError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


# ---- what a save costs


@pytest.mark.parametrize("update_fields", [None, ["email"], ["first_name", "email"]])
def test_save_that_can_have_touched_the_address_costs_one_statement_more(
    reader, django_assert_num_queries, update_fields
):
    reader.email = "new@example.com"
    with django_assert_num_queries(2):
        reader.save(update_fields=update_fields)
    assert is_noted(reader)


def test_save_that_left_the_address_alone_costs_one_statement_more_and_notes_nothing(reader, django_assert_num_queries):
    with django_assert_num_queries(2):
        reader.save()
    assert not is_noted(reader)


@pytest.mark.parametrize("update_fields", [["last_login"], ["first_name", "last_name"]])
def test_save_of_other_fields_costs_nothing_more(reader, django_assert_num_queries, update_fields):
    reader.email = "never-saved@example.com"
    with django_assert_num_queries(1):
        reader.save(update_fields=update_fields)
    assert not is_noted(reader)


def test_save_without_the_address_in_memory_costs_nothing_more(reader, django_assert_num_queries):
    deferred = type(reader).objects.defer("email").get(pk=reader.pk)
    with django_assert_num_queries(1):
        deferred.save()


def test_save_of_a_user_with_other_fields_deferred_is_seen(reader, django_assert_num_queries):
    loaded = type(reader).objects.only("email").get(pk=reader.pk)
    loaded.email = "new@example.com"
    with django_assert_num_queries(2):
        loaded.save()
    assert is_noted(reader)


def test_new_user_costs_nothing_more(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        UserFactory()


def test_fixture_that_is_loaded_costs_nothing_more(reader, django_assert_num_queries):
    fixture = serializers.serialize("json", [reader]).replace(reader.email, "new@example.com")
    (loaded,) = serializers.deserialize("json", fixture)
    with django_assert_num_queries(1):
        loaded.object.save_base(raw=True)
    assert not is_noted(reader)


def test_save_costs_one_statement_for_each_account(sandbox, user, settings, django_assert_num_queries):
    settings.PLENIGO = {"default": settings.PLENIGO["default"], "brand": settings.PLENIGO["default"]}
    customers.register(user)
    user.email = "new@example.com"
    with django_assert_num_queries(3):
        user.save()


# ---- when the database does not do


@pytest.mark.django_db(transaction=True)
def test_save_outside_of_a_transaction_does_not_fail_where_the_note_does(reader, caplog):
    reader.email = "new@example.com"
    with notes_that_fail(), caplog.at_level(logging.ERROR, "django_plenigo"):
        reader.save()
    reader.refresh_from_db()
    assert reader.email == "new@example.com"
    assert "could not be noted (OperationalError)" in caplog.text
    assert "example.com" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_save_whose_note_failed_is_found_at_the_next_log_in(reader, client):
    reader.email = "new@example.com"
    with notes_that_fail():
        reader.save()
    client.force_login(reader)
    assert is_noted(reader)


@pytest.mark.django_db(transaction=True)
def test_save_inside_of_a_transaction_fails_with_the_note(reader):
    reader.email = "new@example.com"
    with notes_that_fail(), pytest.raises(OperationalError), transaction.atomic():
        reader.save()
    reader.refresh_from_db()
    assert reader.email != "new@example.com"


@pytest.mark.django_db(transaction=True)
def test_log_in_does_not_fail_where_the_note_does(reader, client):
    with notes_that_fail():
        client.force_login(reader)
    assert client.session["_auth_user_id"] == str(reader.pk)


# ---- when the site's own user model does not do


def broken(user):
    raise RuntimeError(f"no address book for {user.username}@example.com")


@pytest.fixture
def reader_with_a_broken_address(reader, monkeypatch):
    monkeypatch.setattr(type(reader), "EMAIL_FIELD", "post_box")
    monkeypatch.setattr(type(reader), "post_box", property(broken), raising=False)
    return reader


def test_save_does_not_fail_where_a_property_of_the_user_does(reader_with_a_broken_address, caplog):
    reader_with_a_broken_address.first_name = "Eva"
    with transaction.atomic():
        reader_with_a_broken_address.save()
    reader_with_a_broken_address.refresh_from_db()
    assert reader_with_a_broken_address.first_name == "Eva"
    assert "could not be noted (RuntimeError)" in caplog.text
    assert "example.com" not in caplog.text


def test_log_in_does_not_fail_where_a_property_of_the_user_does(reader_with_a_broken_address, client):
    client.force_login(reader_with_a_broken_address)
    assert client.session["_auth_user_id"] == str(reader_with_a_broken_address.pk)


def test_name_is_noted_where_the_address_cannot_be_read(reader_with_a_broken_address, settings):
    followed = {"FOLLOWED_FIELDS": ["last_name"], "GENDER": f"{__name__}.broken"}
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], **followed}}
    reader_with_a_broken_address.last_name = "Moss"
    reader_with_a_broken_address.save()
    changes = RemoteChange.objects.filter(link__user=reader_with_a_broken_address, noted__gt=F("delivered"))
    assert [change.kind for change in changes] == ["change_profile"]


# ---- what no signal tells


@pytest.fixture
def drifted(reader):
    """A reader whose address was changed past the signals."""
    type(reader).objects.filter(pk=reader.pk).update(email="new@example.com")
    reader.refresh_from_db()
    return reader


def test_log_in_finds_an_address_that_was_changed_past_the_signals(drifted, client):
    assert not is_noted(drifted)
    client.force_login(drifted)
    assert is_noted(drifted)


@pytest.mark.api_v2
def test_login_token_of_a_page_finds_an_address_that_was_changed_past_the_signals(drifted, client):
    client.force_login(drifted)
    RemoteChange.objects.update(noted=0, due_at=None)  # as if the log-in had been long ago
    assert client.get("/template/snippet/").status_code == 200
    assert is_noted(drifted)


def test_click_finds_an_address_that_was_changed_past_the_signals(drifted, settings):
    products = {"DAYPASS": {"product_id": DAY_PASS, "offer_id": offer_id_of(DAY_PASS)}}
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "PRODUCTS": products}}
    offer = checkout.Offer(checkout.CheckoutOrder("DAYPASS"), checkout.CheckoutOptions(), "default")
    checkout.open_checkout(drifted, offer, client_address="203.0.113.7")
    assert is_noted(drifted)


@pytest.mark.api_v2
def test_page_with_a_login_token_writes_nothing_where_both_sides_agree(reader, client):
    client.force_login(reader)
    with notes_that_fail():
        assert client.get("/template/snippet/").status_code == 200


def test_login_tokens_do_not_send_a_refused_change_again(sandbox, drifted):
    sandbox.create_customer(email="new@example.com")
    for _page in range(3):
        checkout.mint_login(customers.link_of(drifted), user=drifted)
        sending.deliver_due()
    assert told(sandbox).count("change_email") == 1


def test_log_in_tries_a_refused_change_again(sandbox, drifted, client):
    customer = sandbox.create_customer(email="new@example.com")
    client.force_login(drifted)
    sending.deliver_due()
    customer.delete()
    client.force_login(drifted)
    sending.deliver_due()
    assert customers.link_of(drifted).confirmed_email == "new@example.com"


def test_log_in_finds_an_address_of_a_link_that_bulk_create_has_made(user, client):
    CustomerLink.objects.bulk_create([CustomerLink(user=user, customer_id="C-1", confirmed_email="old@example.com")])
    client.force_login(user)
    assert is_noted(user)


# ---- links that the site makes


def test_save_is_noted_of_a_link_that_the_site_has_made(user):
    CustomerLink.objects.create(user=user, customer_id="C-1", confirmed_email=user.email)
    user.email = "new@example.com"
    user.save()
    assert is_noted(user)


def test_fixture_brings_a_links_changes_along(reader):
    link = CustomerLink.objects.get(user=reader)
    fixture = serializers.serialize("json", [link, *link.remote_changes.all()])
    count = link.remote_changes.count()
    link.delete()
    for loaded in serializers.deserialize("json", fixture):
        loaded.save()
    assert RemoteChange.objects.count() == count


# ---- allauth


def allauth_request(user):
    request = RequestFactory().post("/")
    request.user = user
    return request


def test_primary_address_that_allauth_changes_is_noted_once(sandbox, reader, client):
    EmailAddress.objects.create(user=reader, email=reader.email, primary=True, verified=True)
    new = EmailAddress.objects.create(user=reader, email="new@example.com", verified=True)
    client.force_login(reader)
    client.post("/accounts/email/", {"action_primary": "", "email": new.email})
    change = RemoteChange.objects.get(link__user=reader, kind="change_email")
    assert (change.is_waiting, change.noted) == (True, 1)
    sending.deliver_due()
    assert sandbox.customer(customers.link_of(reader).customer_id).email == "new@example.com"


def test_allauths_signal_alone_notes_nothing_where_the_user_has_an_address_of_her_own(
    reader, django_assert_num_queries
):
    address = EmailAddress.objects.create(user=reader, email="new@example.com", primary=True, verified=True)
    with django_assert_num_queries(0):
        email_changed.send(
            EmailAddress,
            request=allauth_request(reader),
            user=reader,
            from_email_address=None,
            to_email_address=address,
        )


def test_primary_address_of_a_user_without_an_address_of_her_own_is_noted(sandbox, user, client, settings, monkeypatch):
    settings.ACCOUNT_USER_MODEL_EMAIL_FIELD = None
    monkeypatch.setattr(type(user), "EMAIL_FIELD", "nowhere")
    EmailAddress.objects.create(user=user, email="old@example.com", primary=True, verified=True)
    new = EmailAddress.objects.create(user=user, email="new@example.com", verified=True)
    link = customers.register(user)
    client.force_login(user)
    client.post("/accounts/email/", {"action_primary": "", "email": new.email})
    sending.deliver_due()
    assert sandbox.customer(link.customer_id).email == "new@example.com"


def test_address_that_allauth_removes_is_refused_where_the_user_has_none_of_her_own(
    sandbox, user, client, settings, monkeypatch
):
    settings.ACCOUNT_USER_MODEL_EMAIL_FIELD = None
    monkeypatch.setattr(type(user), "EMAIL_FIELD", "nowhere")
    EmailAddress.objects.create(user=user, email="old@example.com", primary=True, verified=True)
    customers.register(user)
    client.force_login(user)
    client.post("/accounts/email/", {"action_remove": "", "email": "old@example.com"})
    sending.deliver_due()
    change = RemoteChange.objects.get(link__user=user, kind="change_email")
    assert (change.is_refused, "no e-mail address any more" in change.last_error) == (True, True)

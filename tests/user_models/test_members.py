"""Linking and registering with another user model; run by `tests/test_user_models.py`."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from django_plenigo.errors import InvalidValueError
from django_plenigo.models import CustomerLink, PortalAccount, RemoteChange
from django_plenigo.sandbox.testing import Sandbox
from django_plenigo.services import access, access_imports, customers, drift, sending
from tests.user_models.models import Columnist, Patron

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return get_user_model().objects.create(card_number="4711", mail="member@example.com")


def test_member_with_a_uuid_key_and_another_email_field_is_registered(member):
    link = customers.register(member)
    customer = Sandbox().customer(link.customer_id)
    assert (customer.email, customer.external_id) == ("member@example.com", str(member.pk))


def test_member_without_an_address_is_told_so():
    with pytest.raises(InvalidValueError, match="email"):
        customers.register(get_user_model().objects.create(card_number="4712"))


def test_member_who_bought_has_bought(member):
    link = customers.register(member)
    Sandbox().buy(link.customer_id, "DAYPASS")
    assert access.check_access(member, ["DAYPASS"]) is access.Access.BOUGHT


def test_users_of_any_model_are_linked_by_the_command(member):
    call_command("plenigo_link_users", stdout=io.StringIO())
    assert CustomerLink.objects.get().user == member


def test_new_address_under_another_field_name_reaches_the_vendor(member):
    link = customers.register(member)
    member.mail = "new@example.com"
    member.save(update_fields=["mail"])
    sending.deliver_due()
    assert Sandbox().customer(link.customer_id).email == "new@example.com"


def test_address_under_another_field_name_that_was_updated_is_found(member):
    link = customers.register(member)
    get_user_model().objects.update(mail="new@example.com")
    assert list(drift.find_drift()) == [
        drift.Drift(link.pk, member.pk, drift.Kind.CHANGE_EMAIL, drift.DriftState.UNNOTICED)
    ]


@pytest.mark.parametrize("model", [Patron, Columnist])
def test_member_who_is_saved_under_another_class_is_seen(model):
    saved = model.objects.create(card_number="4713", mail="old@example.com")
    customers.register(get_user_model().objects.get(pk=saved.pk))
    saved.mail = "new@example.com"
    saved.save()
    assert RemoteChange.objects.get(kind="change_email").is_waiting


def test_member_who_is_no_customer_is_saved_without_a_note(member):
    member.mail = "new@example.com"
    member.save()
    assert not RemoteChange.objects.exists()


def is_verified(member):
    return True


@pytest.mark.parametrize("field", ["user_id", "username", "email"])
def test_member_is_named_in_a_file_of_references_by_her_own_fields(member, settings, field):
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "tests.site.portals.Harbour"}}
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EMAIL_IS_VERIFIED": f"{__name__}.is_verified"}}
    name = {"user_id": member.pk, "username": "4711", "email": "Member@example.com"}[field]
    file = io.BytesIO(f"{field},reference\n{name},101\nnobody,102\n".encode())
    run = access_imports.start(file, portal="okepay")
    access_imports.confirm(run)
    assert (run.applied_count, run.bad_count) == (1, 1)
    assert PortalAccount.objects.get().user == member


def test_migrations_are_complete_under_this_user_model():
    call_command("makemigrations", "plenigo", "plenigo_sandbox", check=True, dry_run=True, verbosity=0)

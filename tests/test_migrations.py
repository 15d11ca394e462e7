"""Migrations with rows in the tables, forwards and back, and what a database must tell apart afterwards."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from django_plenigo.models import AccessId, CustomerLink, RemoteChange
from django_plenigo.sandbox.models import TwoCheckoutCustomer
from django_plenigo.services import customers, outbox
from tests.factories import LinkFactory, UserFactory

FIRST, LAST = "0001_initial", None


def migrate(name: str | None) -> Any:
    """Go to a migration, None for the last, and return the models as they are there."""
    executor = MigrationExecutor(connection)
    target = [("plenigo", name)] if name else executor.loader.graph.leaf_nodes("plenigo")
    executor.migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.fixture
def first(transactional_db: None) -> Any:
    """The models of the first release; whatever comes of it, the tables are as they should be afterwards."""
    yield migrate(FIRST)
    call_command("migrate", verbosity=0)


def rows_of_the_first(first: Any) -> tuple[Any, Any, Any]:
    """Make a customer, a reader whose registration is waiting, and one whose was refused."""
    links = first.get_model("plenigo", "CustomerLink").objects
    changes = first.get_model("plenigo", "RemoteChange").objects
    registered, waiting, refused = (
        links.create(user_id=UserFactory(email=f"Ada{number}@Example.com").pk, account=account)
        for number, account in enumerate(["default", "brand", "default"])
    )
    links.filter(pk=registered.pk).update(customer_id="C1", confirmed_email="Ada0@Example.com")
    changes.create(link=registered, kind="register", noted=1, delivered=1)
    changes.create(link=waiting, kind="register", noted=1)
    changes.create(link=refused, kind="register", noted=1, refused_at=timezone.now(), last_error="taken")
    return registered.pk, waiting.pk, refused.pk


def test_rows_of_the_first_release_can_be_delivered_after_the_last_migration(first: Any) -> None:
    registered, waiting, refused = rows_of_the_first(first)
    migrate(LAST)
    link = CustomerLink.objects.get(pk=registered)
    assert (link.customer_id, link.confirmed_email, link.email_key) == ("C1", "Ada0@Example.com", "ada0@example.com")
    registrations = {row.link_id: row for row in RemoteChange.objects.filter(kind="register")}
    assert {key: row.account for key, row in registrations.items()} == {
        registered: "default",
        waiting: "brand",
        refused: "default",
    }
    assert [key for key, row in registrations.items() if row.due_at is not None] == [waiting]
    assert registrations[refused].is_refused
    for key in (registered, waiting, refused):
        kinds = set(RemoteChange.objects.filter(link=key).values_list("kind", flat=True))
        assert kinds == {"register", *outbox.KINDS_OF_EVERY_LINK}
    user = get_user_model().objects.get(pk=link.user_id)
    user.email = "ada0@example.com"
    user.save()
    assert RemoteChange.objects.get(link=registered, kind="change_email").is_waiting


def test_migrations_go_back_to_the_first_with_its_rows_and_to_nothing(first: Any) -> None:
    registered, waiting, _refused = rows_of_the_first(first)
    migrate(LAST)
    AccessId.objects.create(link_id=registered, slot=1, value="CRM-1", imported_at=timezone.now())
    outbox.note(CustomerLink.objects.get(pk=registered), "assign_access_ids")
    again = migrate(FIRST)
    link = again.get_model("plenigo", "CustomerLink").objects.get(pk=registered)
    assert (link.customer_id, link.confirmed_email) == ("C1", "Ada0@Example.com")
    assert again.get_model("plenigo", "RemoteChange").objects.get(link=waiting, kind="register").noted == 1
    MigrationExecutor(connection).migrate([("plenigo", None)])
    tables = {model._meta.db_table for model in apps.get_app_config("plenigo").get_models()}
    assert not tables & set(connection.introspection.table_names())


@pytest.mark.django_db
def test_change_of_capital_letters_alone_is_seen() -> None:
    link = LinkFactory(user__email="Ada@example.com")
    get_user_model().objects.filter(pk=link.user_id).update(email="ada@example.com")
    assert customers.request_email_sync(get_user_model().objects.get(pk=link.user_id))


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["customer_id", "external_id"])
def test_ids_that_differ_by_capital_letters_are_two_customers(field: str) -> None:
    values = {"customer_id": None, field: "abc"}
    lower, upper = LinkFactory(**values), LinkFactory(**(values | {field: "ABC"}))
    assert CustomerLink.objects.get(**{field: "abc"}) == lower
    assert CustomerLink.objects.get(**{field: "ABC"}) == upper


@pytest.mark.django_db
def test_references_at_2checkout_that_differ_by_capital_letters_are_two_customers(sandbox: Any) -> None:
    lower, upper = (
        sandbox.twocheckout_order(reference, email=f"{number}@example.com").customer
        for number, reference in enumerate(["ref-a", "REF-A"])
    )
    found = TwoCheckoutCustomer.objects
    assert (found.get(external_reference="ref-a"), found.get(external_reference="REF-A")) == (lower, upper)


@pytest.mark.django_db
def test_access_ids_that_differ_by_capital_letters_are_two() -> None:
    links = LinkFactory.create_batch(2)
    for link, value in zip(links, ["crm-a", "CRM-A"], strict=True):
        AccessId.objects.create(link=link, slot=1, value=value, imported_at=timezone.now())
    assert AccessId.objects.get(value="CRM-A").link == links[1]

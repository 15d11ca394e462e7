"""`manage.py plenigo_prune`."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_plenigo.models import (
    AccessImport,
    AccountConnection,
    ConnectionTry,
    PortalHandover,
    WebhookDelivery,
)
from django_plenigo.services.webhooks import forgetting
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now


def ago(days):
    return NOW() - timedelta(days=days)


def run(*arguments):
    out = io.StringIO()
    call_command("plenigo_prune", *arguments, stdout=out)
    return out.getvalue()


def delivery(days, **values):
    return WebhookDelivery.objects.create(
        **{"source": "okepay", "state": "done", "digest": "one", "received_at": ago(days), **values}
    )


@pytest.fixture
def rows(db):
    """Two of each: an old one and a young one."""
    user = UserFactory()
    for days in (10, 800):
        delivery(days, digest=str(days))
        PortalHandover.objects.create(user=user, portal="okepay", at=ago(days), outcome="opened")
        refused = AccountConnection.objects.create(user=user, state="refused", started_at=ago(days))
        ConnectionTry.objects.create(connection=refused, step="start", at=ago(days))
        AccessImport.objects.create(state="done", created_at=ago(days), finished_at=ago(days), file_format="csv")


def kept():
    models = (WebhookDelivery, PortalHandover, AccountConnection, ConnectionTry, AccessImport)
    return [model.objects.count() for model in models]


def test_old_rows_are_deleted_and_young_ones_stay(rows):
    text = run()
    assert text == (
        "webhook deliveries: 1 deleted\nportal hand-overs: 1 deleted\nconnections that came to nothing: 1 deleted\n"
        "finished imports of files: 1 deleted\n"
    )
    assert kept() == [1, 1, 1, 1, 1]
    assert json.loads(run("--json")) == {
        "webhooks": 0,
        "handovers": 0,
        "connections": 0,
        "imports": 0,
        "dry_run": False,
    }


def test_dry_run_counts_and_deletes_nothing(rows):
    assert json.loads(run("--dry-run", "--json")) == {
        "webhooks": 1,
        "handovers": 1,
        "connections": 1,
        "imports": 1,
        "dry_run": True,
    }
    assert "webhook deliveries: 1 to be deleted" in run("--dry-run")
    assert kept() == [2, 2, 2, 2, 2]


def test_days_are_options(rows):
    run("--webhooks-days", "7", "--connections-days", "1", "--imports-days", "9")
    assert kept() == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("arguments", [("--webhooks-days", "6"), ("--imports-days", "0"), ("--imports-days", "99999")])
def test_days_that_are_too_few_or_too_many_are_refused(rows, arguments):
    with pytest.raises(CommandError, match=r"must be a whole number from \d to 36500"):
        run(*arguments)
    assert kept() == [2, 2, 2, 2, 2]


def test_what_was_delivered_again_lately_is_kept_so_that_it_goes_on_counting():
    delivery(100, last_repeated_at=ago(1))
    run()
    assert WebhookDelivery.objects.count() == 1


def test_what_is_worked_on_is_kept_and_what_nobody_works_on_any_more_is_not():
    delivery(100, state="waiting", leased_until=NOW() + timedelta(minutes=1), digest="at work")
    delivery(100, state="waiting", source="gone", digest="gone")
    run()
    assert list(WebhookDelivery.objects.values_list("digest", flat=True)) == ["at work"]


def test_who_is_connected_and_who_was_undone_stays():
    for state in ("done", "undone"):
        AccountConnection.objects.create(user=UserFactory(), state=state, started_at=ago(3000))
    run()
    assert AccountConnection.objects.count() == 2


def test_file_that_is_at_work_stays():
    AccessImport.objects.create(state="applying", created_at=ago(3000), file_format="csv")
    run()
    assert AccessImport.objects.count() == 1


def test_many_rows_are_deleted_in_chunks(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(forgetting, "CHUNK", 10)
    for number in range(25):
        delivery(100, digest=str(number))
    with django_assert_max_num_queries(100) as queries:
        run()
    assert sum('DELETE FROM "plenigo_webhookdelivery"' in query["sql"].replace("`", '"') for query in queries) == 3
    assert not WebhookDelivery.objects.exists()


def test_bodies_of_what_failed_long_ago_are_dropped():
    failed = delivery(40, state="failed", body=b"{}", processed_at=ago(40))
    run()
    failed.refresh_from_db()
    assert failed.body is None

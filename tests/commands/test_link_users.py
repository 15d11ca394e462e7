"""`manage.py plenigo_link_users`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from django_plenigo.models import CustomerLink, RemoteChange
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def run(*arguments):
    """Run the command and return its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("plenigo_link_users", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        return exit_.code, out.getvalue() + err.getvalue()
    return 0, out.getvalue() + err.getvalue()


def test_links_every_active_user_and_says_how_many(sandbox):
    UserFactory.create_batch(3)
    UserFactory(is_active=False)
    code, text = run()
    assert code == 0
    assert "3 registered" in text
    assert len(sandbox.customers()) == 3


def test_second_run_has_nothing_left_to_do(sandbox):
    UserFactory.create_batch(2)
    run()
    sandbox.calls.clear()
    code, text = run()
    assert (code, "2 linked already" in text) == (0, True)
    assert sandbox.calls == []


def test_dry_run_counts_and_touches_nothing(sandbox):
    UserFactory.create_batch(2)
    UserFactory(email="")
    code, text = run("--dry-run")
    assert code == 2
    assert "2 would be registered" in text
    assert "1 without an e-mail address" in text
    assert sandbox.calls == []
    assert not CustomerLink.objects.exists()


def test_conflict_and_missing_address_are_leftovers_and_the_others_are_linked(sandbox):
    taken, _, _ = UserFactory(), UserFactory(email=""), UserFactory()
    sandbox.create_customer(email=taken.email)
    code, text = run()
    assert code == 2
    assert "1 registered" in text
    assert "1 in conflict" in text
    assert f"user {taken.pk}: plenigo.register_user, HTTP 409" in text
    assert taken.email not in text
    assert RemoteChange.objects.filter(refused_at__isnull=False).count() == 1


def test_dead_vendor_stops_the_run_which_can_be_taken_up_again(sandbox):
    UserFactory.create_batch(10)
    sandbox.fail_next(status=500, times=4)
    code, text = run()
    assert code == 1
    assert "Run the command again" in text
    assert len(sandbox.calls) <= 4
    sandbox.clear_faults()
    from django.core.cache import cache

    cache.clear()  # the circuit breaker has opened
    assert run()[0] == 0
    assert len(sandbox.customers()) == 10


def test_refused_credentials_stop_the_run_at_once(sandbox, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "SECRET": "x" * 40}}
    UserFactory.create_batch(3)
    code, _ = run()
    assert code == 1
    assert len(sandbox.calls) == 1


def test_limit_stops_after_so_many(sandbox):
    UserFactory.create_batch(5)
    run("--limit", "2")
    assert len(sandbox.customers()) == 2
    run("--limit", "2")
    assert len(sandbox.customers()) == 4


def test_json_prints_one_object(sandbox):
    UserFactory.create_batch(2)
    code, text = run("--json")
    assert code == 0
    assert json.loads(text) == {"registered": 2, "stopped": "", "dry_run": False}


@pytest.mark.parametrize("arguments", [("--using", "nobody"), ("--limit", "0")])
def test_wrong_argument_is_told(db, arguments):
    with pytest.raises(CommandError):
        call_command("plenigo_link_users", *arguments)

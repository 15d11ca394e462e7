"""`manage.py plenigo_sync`."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_plenigo.management import progress
from django_plenigo.models import CustomerLink, DeliveryPause, RemoteChange, WebhookDelivery
from django_plenigo.services import customers, outbox
from tests.factories import LinkFactory, UserFactory
from tests.recording_vendor import RecordingVendor
from tests.told import endpoint_of

pytestmark = pytest.mark.django_db

Kind = RemoteChange.Kind

#: What credentials are with API v2 and with v3.
NOT_ACCEPTED = r"plenigo does not accept this site's (company ID and secret|access token, .*)\. Tell the developers"


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self):
        return True


def run(*arguments, out=None):
    """Run the command and return its exit code and what it printed."""
    out, err = out or io.StringIO(), io.StringIO()
    try:
        call_command("plenigo_sync", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        return exit_.code, out.getvalue() + err.getvalue()
    return 0, out.getvalue() + err.getvalue()


def numbers(*arguments):
    """Run the command for a program, and return its exit code and what it says of the account."""
    code, text = run(*arguments, "--json")
    return code, json.loads(text)


@pytest.fixture
def changed(sandbox):
    """Three customers with new addresses that plenigo is to be told."""
    users = UserFactory.create_batch(3)
    for user in users:
        customers.register(user)
        user.email = f"new{user.pk}@example.com"
        user.save()
    sandbox.calls.clear()
    return users


@pytest.fixture
def drifted(sandbox):
    """Two customers with new addresses of which nobody was told."""
    users = UserFactory.create_batch(2)
    for user in users:
        customers.register(user)
    get_user_model().objects.filter(pk=users[0].pk).update(email="first@example.com")
    get_user_model().objects.filter(pk=users[1].pk).update(email="second@example.com")
    sandbox.calls.clear()
    return users


def emails(sandbox):
    return [customer.email for customer in sandbox.customers()]


# ---- delivering ------------------------------------------------------------------------------------------------


def test_delivers_what_is_due_and_says_how_much(sandbox, changed):
    code, text = run()
    assert (code, text) == (0, "3 delivered, 0 postponed, 0 refused, 0 waiting.\n")
    assert emails(sandbox) == [f"new{user.pk}@example.com" for user in changed]


def test_run_with_nothing_to_do_calls_nobody(sandbox):
    assert run() == (0, "0 delivered, 0 postponed, 0 refused, 0 waiting.\n")
    assert sandbox.calls == []


def test_run_counts_the_whole_backlog_once_for_its_last_line(changed, django_assert_max_num_queries):
    RemoteChange.objects.exclude(due_at=None).update(due_at=timezone.now() + timedelta(minutes=5))
    with django_assert_max_num_queries(100) as queries:
        assert run()[1] == "0 delivered, 0 postponed, 0 refused, 3 waiting.\n"
    assert sum("MIN(" in query["sql"] for query in queries) == 1


def test_limit_leaves_the_rest_waiting_and_says_so(sandbox, changed):
    code, text = run("--limit", "2")
    assert (code, text) == (3, "2 delivered, 0 postponed, 0 refused, 1 waiting.\n")
    assert run("--limit", "2")[0] == 0


@pytest.mark.parametrize(("workers", "most_at_once"), [("1", 1), ("2", 2), (None, 4)], ids=["one", "two", "setting"])
def test_workers_are_how_many_calls_are_made_at_the_same_time(settings, workers, most_at_once):
    with RecordingVendor(latency_seconds=0.1) as vendor:
        account = {"MODE": "sandbox", "HOSTS": {"api": vendor.url}, "DELIVERY": "", "DELIVERY_WORKERS": 4}
        settings.PLENIGO = {"default": {"API": "v2", **account}}
        for link in LinkFactory.create_batch(12):
            outbox.note(link, Kind.CHANGE_EMAIL)
        arguments = ["--workers", workers] if workers else []
        assert run(*arguments)[0] == 0
    assert vendor.most_at_once == most_at_once
    assert vendor.count("changeEmail") == 12


def test_account_that_is_not_named_is_left_alone(sandbox, settings, changed):
    settings.PLENIGO = dict.fromkeys(("default", "weekly"), settings.PLENIGO["default"])
    assert run("--using", "weekly")[1] == "0 delivered, 0 postponed, 0 refused, 0 waiting.\n"
    assert run()[1] == "3 delivered, 0 postponed, 0 refused, 0 waiting.\n"


def test_failure_that_passes_is_postponed_and_waits(sandbox, changed):
    sandbox.fail_next(503, times=None, endpoint=endpoint_of("change_email"))
    RemoteChange.objects.exclude(link__user=changed[0]).update(due_at=None, noted=0)
    code, text = run()
    assert (code, text) == (3, "0 delivered, 1 postponed, 0 refused, 1 waiting.\n")


def test_refused_change_is_left_to_an_agent(sandbox, changed):
    sandbox.create_customer(email=changed[0].email)
    code, text = run()
    assert code == 2
    assert text == (
        "2 delivered, 0 postponed, 1 refused, 0 waiting.\n"
        "Refused changes need an agent: see Remote changes in the admin.\n"
    )
    assert run()[0] == 0  # told once: --check goes on to tell it


def test_refused_credentials_are_told_in_words_with_what_to_do(sandbox, changed, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "SECRET": "x" * 40}}
    code, text = run()
    assert code == 1
    assert re.search(rf"default: {NOT_ACCEPTED}", text)
    assert "3 waiting" in text
    assert len(sandbox.calls) == 1


def test_mended_credentials_are_tried_at_once_though_the_account_is_paused(sandbox, changed, settings):
    right = settings.PLENIGO
    settings.PLENIGO = {"default": {**right["default"], "SECRET": "x" * 40}}
    run()
    settings.PLENIGO = right
    assert run() == (0, "3 delivered, 0 postponed, 0 refused, 0 waiting.\n")
    assert not DeliveryPause.objects.exists()


def test_wish_of_plenigo_for_patience_is_granted_by_every_run(sandbox, changed):
    sandbox.fail_next(429, retry_after=600)
    for _ in range(2):
        code, text = run()
        assert code == 1
        assert "plenigo was called too often and has asked for patience." in text
    assert len(sandbox.calls) == 1


def test_plenigo_that_is_down_stops_the_run_and_nothing_is_lost(sandbox):
    for user in UserFactory.create_batch(12):
        customers.register(user)
        user.email = f"new{user.pk}@example.com"
        user.save()
    sandbox.fail_next(503, times=None)
    code, text = run()
    assert code == 1
    assert "12 waiting" in text
    assert "plenigo did not answer in time, or could not be reached. It is tried again by itself." in text


def test_wrong_setting_is_told_by_its_name(sandbox, changed, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "MODE": "live", "COMPANY_ID": "C" * 20}}
    code, text = run()
    assert code == 1
    assert "default: PLENIGO['default']['SECRET'] is missing." in text


def test_output_names_no_address(sandbox, changed, drifted):
    sandbox.create_customer(email=changed[0].email)
    text = "".join(run(*arguments)[1] for arguments in [("--check", "-v2"), ("--fix",), ("--check",)])
    assert "@" not in text
    assert f"user {drifted[0].pk}: another address than plenigo knows" in text


# ---- checking --------------------------------------------------------------------------------------------------


def test_check_of_a_site_in_step_says_so(sandbox, reader):
    assert run("--check") == (0, "default: 0 waiting (0 of them have failed before), 0 refused, 0 drifted.\nIn step.\n")


def test_check_sends_and_writes_nothing(sandbox, changed, drifted, settings, django_assert_num_queries):
    before = list(RemoteChange.objects.order_by("pk").values())
    of_webhooks = settings.PLENIGO["default"]["API"] == "v3"
    with django_assert_num_queries(5 + of_webhooks):
        assert run("--check")[0] == 3
    assert list(RemoteChange.objects.order_by("pk").values()) == before
    assert sandbox.calls == []


def test_check_tells_what_is_waiting_and_for_how_long(sandbox, changed):
    RemoteChange.objects.filter(link__user=changed[0]).update(noted_at=timezone.now() - timedelta(hours=3))
    RemoteChange.objects.filter(link__user=changed[1]).update(attempts=4)
    code, text = run("--check")
    assert code == 3
    assert "default: 3 waiting (1 of them have failed before), 0 refused, 0 drifted." in text
    assert "The oldest has been waiting for 3\xa0hours" in text


def test_check_finds_drift_and_names_the_remedy(sandbox, drifted):
    code, text = run("--check")
    assert code == 3
    assert "2 drifted" in text
    assert "run plenigo_sync --fix" in text


def test_check_goes_on_to_tell_refused_changes(sandbox, changed):
    sandbox.create_customer(email=changed[0].email)
    run()
    code, text = run("--check")
    assert (code, "1 refused" in text, "see Remote changes in the admin" in text) == (2, True, True)


def test_check_tells_a_pause_before_all_else(sandbox, changed, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "SECRET": "x" * 40}}
    run()
    changes = RemoteChange.objects.filter(link=LinkFactory(), kind=Kind.CHANGE_EMAIL)
    changes.update(noted=1, refused_at=timezone.now())
    code, text = run("--check")
    assert code == 1
    assert re.search(NOT_ACCEPTED, text)
    assert DeliveryPause.objects.exists()


def test_check_tells_programs_each_account_by_numbers(sandbox, settings, changed):
    settings.PLENIGO = dict.fromkeys(("default", "weekly"), settings.PLENIGO["default"])
    RemoteChange.objects.filter(link__user=changed[0]).update(noted_at=timezone.now() - timedelta(seconds=90))
    code, said = numbers("--check")
    assert code == 3
    assert 90 <= said["default"].pop("oldest_waiting_seconds") < 120
    in_step = {"failed": 0, "refused": 0, "drifted": 0, "paused_until": None, "last_error": ""}
    in_step |= {"webhooks_waiting": 0, "webhooks_failed": 0}
    assert said == {
        "default": {"waiting": 3, **in_step},
        "weekly": {"waiting": 0, "oldest_waiting_seconds": 0, **in_step},
    }


# ---- fixing ----------------------------------------------------------------------------------------------------


def test_fix_notes_what_nobody_has_noticed_and_delivers_it(sandbox, drifted):
    code, text = run("--fix")
    assert code == 0
    assert text == (
        "default: 2 changes were made here unnoticed; plenigo will be told.\n"
        "2 delivered, 0 postponed, 0 refused, 0 waiting.\n"
    )
    assert emails(sandbox) == ["first@example.com", "second@example.com"]
    assert run("--check")[0] == 0


def test_fix_finds_nothing_the_second_time(sandbox, drifted):
    run("--fix")
    sandbox.calls.clear()
    assert run("--fix") == (0, "0 delivered, 0 postponed, 0 refused, 0 waiting.\n")
    assert sandbox.calls == []


def test_fix_leaves_refused_changes_to_the_agent(sandbox, changed):
    sandbox.create_customer(email=changed[0].email)
    run()
    sandbox.calls.clear()
    run("--fix")
    assert sandbox.calls == []


def test_run_tells_programs_what_came_of_it(sandbox, drifted):
    assert numbers("--fix") == (
        0,
        {
            "delivered": 2,
            "postponed": 0,
            "refused": 0,
            "waiting": 0,
            "drifted": 2,
            "stopped": {},
            "webhooks_waiting": 0,
            "interrupted": False,
        },
    )


# ---- what is printed meanwhile ---------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """Let six seconds pass between two looks at the clock of the progress."""
    ticks = iter(range(0, 1_000_000, 6))
    monkeypatch.setattr(progress, "time", type("Clock", (), {"monotonic": lambda: next(ticks)}))


def test_progress_is_a_plain_line_now_and_then_where_nobody_looks(sandbox, changed, clock):
    _, text = run()
    assert text.splitlines() == ["2 of 3, 0/s", "3 delivered, 0 postponed, 0 refused, 0 waiting."]


def test_progress_is_a_bar_on_a_terminal_that_is_written_over(sandbox, changed, clock):
    _, text = run(out=Terminal())
    lines = [line for line in text.split("\r") if line.strip()]
    assert lines[0] == f"[{'#' * 10}{'-' * 20}] 1 of 3, 0/s"
    assert lines[2] == f"[{'#' * 30}] 3 of 3, 0/s"
    assert text.endswith("\r3 delivered, 0 postponed, 0 refused, 0 waiting.\n")


# ---- options ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("--using", "nobody"),
        ("--limit", "0"),
        ("--workers", "0"),
        ("--workers", "65"),
        ("--check", "--fix"),
        ("--watch", "--check"),
    ],
)
def test_wrong_option_is_told(arguments):
    with pytest.raises(CommandError):
        call_command("plenigo_sync", *arguments)


def test_waiting_change_of_a_reader_who_was_deleted_is_gone(sandbox, changed):
    get_user_model().objects.all().delete()
    assert not CustomerLink.objects.exists()
    assert run("--check")[0] == 0
    assert outbox.changes().count() == 0


# ---- webhooks --------------------------------------------------------------------------------------------------


@pytest.fixture
def deliveries(sandbox, settings):
    """A webhook delivery that waits for its next try, and one that has failed."""
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"}}
    later = {"received_at": timezone.now(), "due_at": timezone.now() + timedelta(minutes=5)}
    WebhookDelivery.objects.create(source="okepay", digest="1", state="waiting", **later)
    WebhookDelivery.objects.create(source="okepay", digest="2", state="failed", received_at=timezone.now())


def test_run_says_how_many_deliveries_wait(deliveries):
    code, text = run()
    assert code == 3
    assert "1 webhook delivery waits to be worked on." in text
    assert numbers()[1]["webhooks_waiting"] == 1


def test_check_says_how_many_deliveries_wait_and_how_many_have_failed(deliveries):
    code, text = run("--check")
    assert code == 2
    assert "1 webhook delivery waits to be worked on." in text
    assert "1 webhook delivery has failed: see Webhook deliveries in the admin." in text
    told = numbers("--check")[1]["default"]
    assert (told["webhooks_waiting"], told["webhooks_failed"]) == (1, 1)
    WebhookDelivery.objects.filter(state="failed").delete()
    assert run("--check")[0] == 3

"""`manage.py plenigo_link_users`."""

import io
import json

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import translation

from django_plenigo.management.commands import plenigo_link_users
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.sandbox.calls import called
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self):
        return True


def run(*arguments, out=None):
    """Run the command and return its exit code and what it printed."""
    out, err = out or io.StringIO(), io.StringIO()
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
    cache.clear()  # the circuit breaker has opened
    assert run()[0] == 0
    assert len(sandbox.customers()) == 10


def test_refused_credentials_stop_the_run_at_once(sandbox, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "SECRET": "x" * 40}}
    UserFactory.create_batch(3)
    code, text = run()
    assert code == 1
    assert len(sandbox.calls) == 1
    assert "Stopped: plenigo accepts no calls of this account." in text


def test_part_of_plenigo_that_is_not_booked_stops_the_run_at_once(sandbox, settings):
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "DELIVERY": ""}}
    UserFactory.create_batch(3)
    sandbox.fail_next(400, times=None, body='{"errorCode": 20402, "errorMessage": "No."}')
    code, text = run()
    assert code == 1
    assert text.count("module is not booked") == 1
    assert "Stopped: the company has not booked plenigo's module for customers" in text
    assert "credentials" not in text


# ---- the limit -------------------------------------------------------------------------------------------------


def test_limit_stops_after_so_many_and_says_so(sandbox):
    users = UserFactory.create_batch(5)
    code, text = run("--limit", "2")
    assert code == 3
    assert f"Stopped at the limit. To go on, run the command again with --after {users[1].pk}." in text
    assert len(sandbox.customers()) == 2
    assert run("--limit", "2")[0] == 3
    assert len(sandbox.customers()) == 4
    assert run("--limit", "2")[0] == 0
    assert len(sandbox.customers()) == 5


def test_limit_that_is_just_enough_is_no_stop(sandbox):
    UserFactory.create_batch(2)
    UserFactory(email="")
    code, text = run("--limit", "2")
    assert code == 2
    assert "Stopped" not in text


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_users_who_are_not_attempted_do_not_use_the_limit_up(sandbox, arguments):
    UserFactory.create_batch(2, email="")
    UserFactory.create_batch(2, email="müller@localhost")
    UserFactory.create_batch(2)
    code, text = run("--limit", "1", *arguments)
    assert code == 3
    assert "2 without an e-mail address" in text
    assert "1 registered" in text or "1 would be registered" in text


def test_conflicts_at_the_front_do_not_keep_limited_runs_from_going_on(sandbox):
    taken = UserFactory.create_batch(2)
    for user in taken:
        sandbox.create_customer(email=user.email)
    user = UserFactory()
    code, text = run("--limit", "2", "--json")
    assert (code, json.loads(text.splitlines()[0])["last_key"]) == (3, str(taken[1].pk))
    assert run("--limit", "2", "--after", str(taken[1].pk))[0] == 0
    assert CustomerLink.objects.get(user=user).is_registered


# ---- trouble with single users ---------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["müller@localhost", "ada@newspaper", "@example.com"])
def test_dry_run_and_real_run_agree_about_an_address(sandbox, email):
    user = UserFactory(email=email)
    for arguments in [("--dry-run",), ()]:
        code, text = run(*arguments)
        assert code == 2
        assert "1 with a value that plenigo would refuse" in text
        assert f"user {user.pk}: email" in text
        assert email not in text
    assert sandbox.calls == []
    assert not CustomerLink.objects.exists()


def raise_for_the_second(user):
    """Be a function of a site that cannot cope with one of its users."""
    if user.username.endswith("second"):
        raise LookupError(f"no row for {user.email}")
    return None if user.username == "nobody" else str(user.pk)


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
@pytest.mark.parametrize("setting", ["EXTERNAL_ID", "EMAIL_IS_VERIFIED"])
def test_function_of_the_site_that_fails_for_one_user_is_told_and_the_others_are_linked(
    sandbox, settings, setting, arguments
):
    path = f"{__name__}.{raise_for_the_second.__name__}"
    settings.PLENIGO = {"default": {"MODE": "sandbox", setting: path}}
    users = [UserFactory(username=username) for username in ("first", "second", "third")]
    code, text = run(*arguments)
    assert code == 2
    assert f"user {users[1].pk}: LookupError\n" in text
    assert users[1].email not in text
    assert "1 where a function of this site failed" in text
    assert "2 registered" in text or "2 would be registered" in text


def test_traceback_of_the_sites_function_is_shown_on_request(sandbox, settings):
    path = f"{__name__}.{raise_for_the_second.__name__}"
    settings.PLENIGO = {"default": {"MODE": "sandbox", "EXTERNAL_ID": path}}
    UserFactory(username="second")
    with pytest.raises(LookupError, match="no row"):
        run("--traceback")


# ---- trouble with the vendor -----------------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch):
    """How long the command has slept, in seconds; no time passes."""
    waits = []
    monkeypatch.setattr(plenigo_link_users.time, "sleep", waits.append)
    return waits


@pytest.mark.parametrize(
    ("status", "wished", "waited"), [(429, 7, 7.0), (429, 3600, 60.0), (429, None, 1.0), (503, 7, 7.0), (429, 0, 0.0)]
)
def test_wish_of_the_vendor_to_wait_is_granted_for_a_minute_at_most(sandbox, waits, status, wished, waited):
    UserFactory.create_batch(2)
    sandbox.fail_next(status=status, retry_after=wished)
    code, text = run()
    assert (code, waits) == (0, [waited])
    assert "2 registered" in text


def test_vendor_that_asks_for_patience_again_and_again_stops_the_run(sandbox, waits):
    users = UserFactory.create_batch(5)
    sandbox.fail_next(status=429, retry_after=9, times=None)
    code, text = run()
    assert code == 1
    assert f"user {users[2].pk}: plenigo.register_user, HTTP 429" in text
    assert waits == [9.0] * 3
    assert len(sandbox.calls) == 6


def test_vendor_that_dies_in_the_middle_and_is_back_later_gets_each_user_once(sandbox):
    UserFactory.create_batch(8)

    def die_after_the_third(call, **kwargs):
        if len(sandbox.calls) == 3:
            sandbox.cut_next(times=None)

    called.connect(die_after_the_third)
    code, text = run()
    assert code == 1
    assert "3 registered" in text
    assert "Stopped: plenigo does not answer. Run the command again to go on." in text
    called.disconnect(die_after_the_third)
    sandbox.clear_faults()
    cache.clear()  # as time does: the circuit breaker may have opened
    code, text = run()
    assert (code, "5 registered" in text, "3 linked already" in text) == (0, True, True)
    assert len(sandbox.customers()) == 8


def test_answer_that_is_lost_after_the_work_leaves_one_customer(sandbox):
    UserFactory()
    sandbox.cut_next(after_work=True)
    assert run()[0] == 2
    assert run()[0] == 0
    assert len(sandbox.customers()) == 1


def test_dead_vendor_is_noticed_also_between_users_who_are_not_attempted(sandbox):
    for _ in range(4):
        UserFactory()
        UserFactory(email="")
    sandbox.fail_next(status=500, times=None)
    assert run()[0] == 1
    assert len(sandbox.calls) == 3


def test_interrupted_run_still_says_what_it_did(sandbox, waits, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    UserFactory.create_batch(2)
    monkeypatch.setattr(plenigo_link_users.time, "sleep", interrupt)
    sandbox.fail_next(status=429)
    code, text = run()
    assert code == 1
    assert "Stopped: interrupted. Run the command again to go on." in text


# ---- what is printed -------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """Let 0.4 seconds pass between two looks at the clock."""
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(plenigo_link_users.time, "monotonic", lambda: next(ticks) * 0.4)


def test_progress_is_a_plain_line_a_second_where_nobody_looks(sandbox, clock):
    UserFactory.create_batch(9)
    _, text = run("--dry-run")
    lines = [line for line in text.splitlines() if "/s" in line]
    assert [line.split(",")[0] for line in lines] == ["3 users", "6 users", "9 users"]
    assert "\r" not in text


def test_progress_is_one_line_on_a_terminal_that_gives_way_to_others(sandbox, clock):
    UserFactory.create_batch(9)
    _, text = run("--dry-run", out=Terminal())
    progress, *others = text.split("\n")
    assert [part.split(",")[0] for part in progress.split("\r") if "/s" in part] == ["3 users", "6 users", "9 users"]
    assert progress.rpartition("\r")[2] == "       9 would be registered"
    assert others[0] == "Done. Nothing was sent or written."


def test_progress_counts_those_linked_already(sandbox, clock, monkeypatch):
    monkeypatch.setattr(plenigo_link_users, "CHUNK", 1)
    UserFactory.create_batch(6)
    run()
    _, text = run()
    assert "3 users, " in text
    assert "6 linked already" in text


def test_sentences_are_german_on_a_german_site(sandbox):
    taken = UserFactory()
    sandbox.create_customer(email=taken.email)
    UserFactory.create_batch(2)
    with translation.override("de"):
        _, text = run("--limit", "2")
        assert f"Benutzer {taken.pk}: plenigo.register_user, HTTP 409" in text
        assert "1 registriert" in text
        assert "Am Limit angehalten. Weiter geht es mit demselben Befehl und --after" in text
        assert "Fertig." in run()[1]
        with pytest.raises(CommandError, match="Es gibt kein Konto 'nobody' in PLENIGO"):
            run("--using", "nobody")


def test_json_prints_one_object(sandbox):
    UserFactory.create_batch(2)
    code, text = run("--json")
    assert code == 0
    last_key = str(CustomerLink.objects.latest("user").user_id)
    assert json.loads(text) == {"registered": 2, "stopped": "", "last_key": last_key, "dry_run": False}


@pytest.mark.parametrize("arguments", [("--using", "nobody"), ("--limit", "0"), ("--after", "ada")])
def test_wrong_argument_is_told(db, arguments):
    with pytest.raises(CommandError):
        call_command("plenigo_link_users", *arguments)

"""How many tries anybody has, counted in the database: by e-mail address, number, client and reader."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from django_plenigo import errors
from django_plenigo.models import AccountConnection, ConnectionTry, CustomerLink
from django_plenigo.protocols import base
from django_plenigo.services import connection, hashes
from tests.connection.conftest import DETAILS, Browser, last_connection, text_of
from tests.factories import UserFactory
from tests.vendor_in_memory import ACCOUNT, Vendor

pytestmark = pytest.mark.django_db

LOCKED = "Too many tries. Please try again at 2:06 p.m., or contact us."


def guess(user, *, postcode, address="203.0.113.1", customer_id=DETAILS["customer_id"], settings=None, using="default"):
    values = {"customer_id": customer_id, "postcode": postcode, "password": "x"}
    settings = settings or base.SsoSettings(
        base.TokenType.EMAIL,
        allows_connection=True,
        requested=base.RequestedIdentifiers(customer_id=True, postcode=True),
    )
    return connection.start(user, values, settings=settings, client_address=address, using=using)


def other_browser():
    browser = Browser()
    browser.force_login(UserFactory())
    return browser


def test_five_mismatches_lock_for_an_hour_and_say_until_when(stand_in, imported, browser, clock):
    for _ in range(5):
        assert "do not match" in text_of(browser.start(postcode="99999"))
    assert LOCKED in text_of(browser.start())
    assert len(stand_in.requests) == 5
    clock.shift(timedelta(minutes=61))
    assert "We have sent you a code" in text_of(browser.start())


def test_lock_is_not_made_longer_by_further_tries(stand_in, imported, browser, clock):
    for _ in range(5):
        browser.start(postcode="99999")
    clock.shift(timedelta(minutes=50))
    assert LOCKED in text_of(browser.start())
    clock.shift(timedelta(minutes=11))
    assert "We have sent you a code" in text_of(browser.start())


def test_number_is_locked_for_everybody_and_leading_zeros_do_not_help(stand_in, imported, clock):
    for number in range(5):
        guess(UserFactory(), postcode=f"{number:05}", address=f"203.0.113.{number}")
    outcome = guess(UserFactory(), postcode="10115", address="198.51.100.1", customer_id="0001234567")
    assert outcome.event is connection.Event.LOCKED


def test_client_that_tries_many_numbers_is_locked_too(stand_in, imported, clock):
    for number in range(5):
        guess(UserFactory(), postcode="10115", customer_id=str(number))
    assert guess(UserFactory(), postcode="10115").event is connection.Event.LOCKED


def test_client_of_a_network_of_its_own_counts_as_one(stand_in, imported, clock):
    for number in range(5):
        guess(UserFactory(), postcode="10115", customer_id=str(number), address=f"2001:db8::{number}")
    assert guess(UserFactory(), postcode="10115", address="2001:db8::ffff").event is connection.Event.LOCKED
    assert guess(UserFactory(), postcode="10115", address="2001:db8:0:1::1").event is connection.Event.CODE_SENT


def test_reader_who_changes_her_client_is_locked_too(stand_in, imported, user, clock):
    for number in range(5):
        guess(user, postcode="10115", customer_id=str(number), address=f"203.0.113.{number}")
    assert guess(user, postcode="10115", address="198.51.100.1").event is connection.Event.LOCKED


def test_two_accounts_with_one_address_count_as_one(stand_in, imported, clock):
    for number in range(5):
        user = UserFactory(email=f"Same@example.{'com' if number % 2 else 'COM'}")
        guess(user, postcode="10115", customer_id=str(number), address=f"203.0.113.{number}")
    other = UserFactory(email="same@example.com")
    assert guess(other, postcode="10115", address="198.51.100.1").event is connection.Event.LOCKED


def test_registered_customer_counts_as_a_failure_since_it_tells_who_is_one(stand_in, imported, user, clock):
    imported.email = "ada@example.com"
    events = [guess(user, postcode="10115").event for _ in range(6)]
    assert events == [connection.Event.ALREADY_REGISTERED] * 5 + [connection.Event.LOCKED]


def test_address_of_a_customer_counts_as_a_failure_since_it_tells_whose_it_is(stand_in, imported, user, clock):
    events = []
    for number in range(6):
        user.email = f"perhaps-{number}@example.com"
        user.save()
        stand_in.failures = [errors.ConflictError(base.SERVICE, "start", status=400, code=base.EMAIL_TAKEN)]
        events.append(guess(user, postcode="10115", customer_id=str(number)).event)
    assert events == [connection.Event.EMAIL_TAKEN] * 5 + [connection.Event.LOCKED]
    assert stand_in.calls.count("start_connection") == 5


def test_wrong_codes_lock_across_all_connections_of_a_number(stand_in, imported, browser, clock):
    browser.start()
    for _ in range(3):
        browser.enter("000000")
    other = other_browser()
    other.start()
    for _ in range(2):
        other.enter("000000")
    assert "Too many tries" in text_of(other.enter(stand_in.last_code))
    assert CustomerLink.objects.filter(customer_id=imported.customer_id).count() == 0


def test_codes_that_are_sent_are_counted_with_those_that_are_sent_again(stand_in, imported, browser, clock):
    browser.start()
    for _ in range(9):
        browser.resend()
    assert "Too many tries" in text_of(browser.resend())
    assert len(stand_in.sent) == 10


def test_accounts_of_one_company_have_one_limit(stand_in, imported, clock, settings):
    settings.PLENIGO = {"default": ACCOUNT, "next": ACCOUNT}
    events = []
    for number in range(6):
        address = f"203.0.113.{number}"
        using = ("default", "next")[number % 2]
        events.append(guess(UserFactory(), postcode=str(number), address=address, using=using).event)
    assert events == [connection.Event.NO_MATCH] * 5 + [connection.Event.LOCKED]


def test_companies_have_limits_of_their_own(stand_in, imported, clock, settings):
    settings.PLENIGO = {"default": ACCOUNT, "weekly": {**ACCOUNT, "COMPANY_ID": "ANOTHER"}}
    for number in range(5):
        guess(UserFactory(), postcode="99999", address=f"203.0.113.{number}")
    outcome = guess(UserFactory(), postcode="10115", address="198.51.100.1", using="weekly")
    assert outcome.event is connection.Event.CODE_SENT


def test_client_without_an_address_is_refused_since_nothing_could_be_counted(stand_in, imported, user):
    browser = Browser(REMOTE_ADDR="")
    browser.force_login(user)
    with pytest.raises(errors.ConfigurationError, match="TRUSTED_PROXIES"):
        browser.start()
    body = {"customer_session": "made-up"}
    assert browser.post("/plenigo/api/sign-in/", body, content_type="application/json").status_code == 502
    assert stand_in.requests == []
    assert "owner_of_session" not in stand_in.calls


def test_limits_are_settings(stand_in, imported, user, clock, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "CONNECTION_FAILURES_PER_HOUR": 1}}
    events = [guess(user, postcode="99999").event for _ in range(2)]
    assert events == [connection.Event.NO_MATCH, connection.Event.LOCKED]


def test_no_failure_at_all_means_no_connection(stand_in, imported, user, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "CONNECTION_FAILURES_PER_HOUR": 0}}
    assert guess(user, postcode="10115").event is connection.Event.LOCKED


def test_try_whose_worker_died_counts_as_a_failure(stand_in, imported, user):
    for _ in range(5):
        guess(user, postcode="99999")
    ConnectionTry.objects.update(outcome="")
    assert guess(user, postcode="10115").event is connection.Event.LOCKED


def test_outage_locks_nobody(stand_in, imported, user):
    for _ in range(6):
        stand_in.failures = [errors.NoAnswerError(base.SERVICE, "start_connection")]
        guess(user, postcode="10115")
    assert guess(user, postcode="10115").event is connection.Event.CODE_SENT


def test_counters_do_without_a_cache(stand_in, imported, user, cache_that_is_down):
    events = [guess(user, postcode="99999").event for _ in range(6)]
    assert events[-1] is connection.Event.LOCKED


def test_mismatches_take_the_same_time_however_fast_the_vendor_says_so(stand_in, imported, user, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "CONNECTION_ANSWER_SECONDS": 0.2}}
    seconds = []
    for customer_id in ("7654321", DETAILS["customer_id"]):
        began = time.monotonic()
        guess(user, postcode="99999", customer_id=customer_id)
        seconds.append(time.monotonic() - began)
    assert min(seconds) >= 0.2
    assert abs(seconds[0] - seconds[1]) < 0.1


# ---- the log


def test_every_step_is_in_the_log(stand_in, imported, browser):
    browser.start(postcode="99999")
    browser.start()
    browser.enter("000000")
    browser.resend()
    browser.enter(stand_in.last_code)
    log = [(row.step, row.outcome) for row in ConnectionTry.objects.order_by("pk")]
    assert log == [
        ("start", "no_match"),
        ("start", "code_sent"),
        ("code", "wrong_code"),
        ("resend", "code_sent"),
        ("code", "connected"),
    ]


def test_reader_who_starts_again_ends_what_she_had_begun(stand_in, imported, browser):
    browser.start()
    browser.start()
    assert list(AccountConnection.objects.order_by("pk").values_list("state", "reason")) == [
        ("refused", "other_tab"),
        ("pending", ""),
    ]


def test_reader_who_gave_up_is_no_pending_one_for_ever(stand_in, imported, browser, clock):
    browser.start()
    clock.shift(timedelta(days=2))
    guess(UserFactory(), postcode="99999")
    assert AccountConnection.objects.earliest("pk").reason == "expired"


def test_log_of_what_came_to_nothing_is_forgotten_and_what_is_done_stays(stand_in, imported, browser, clock):
    browser.start()
    browser.enter(stand_in.last_code)
    done = last_connection().pk
    guess(UserFactory(), postcode="99999", customer_id="1")
    clock.shift(timedelta(days=91))
    guess(UserFactory(), postcode="99999", customer_id="1")
    assert set(AccountConnection.objects.values_list("pk", flat=True)) == {done, last_connection().pk}


# ---- brute force


def address_of(client: int) -> str:
    return f"10.{client // 65536}.{client // 256 % 256}.{client % 256}"


def guesses_in_an_hour(stand_in: Vendor, clock, clients: int, rounds: int, *, numbers: int = 1) -> int:
    """Let so many clients, each with addresses and accounts of its own, guess for an hour at so many customers."""
    users = [UserFactory.build() for _ in range(clients)]
    get_user_model().objects.bulk_create(users)
    for number in range(rounds):
        for client, user in enumerate(users):
            count = number * clients + client
            customer_id = str(int(DETAILS["customer_id"]) + count % numbers)
            guess(user, postcode=f"{count % 99_999:05}", address=address_of(client), customer_id=customer_id)
        clock.shift(timedelta(minutes=60) / rounds)
    return len(stand_in.requests)


def test_one_client_gets_five_guesses_through_in_an_hour(stand_in, clock):
    stand_in.add(DETAILS["customer_id"], postcode="99999")
    assert guesses_in_an_hour(stand_in, clock, clients=1, rounds=60) == 5


def test_a_thousand_clients_with_addresses_of_their_own_get_five_guesses_through_in_an_hour(stand_in, clock):
    stand_in.add(DETAILS["customer_id"], postcode="99999")
    assert guesses_in_an_hour(stand_in, clock, clients=1000, rounds=1) == 5


def test_one_client_gets_five_guesses_through_in_an_hour_at_whatever_customers(stand_in, clock):
    assert guesses_in_an_hour(stand_in, clock, clients=1, rounds=60, numbers=60) == 5


def test_a_hundred_clients_get_five_guesses_each_through_in_an_hour_at_whatever_customers(stand_in, clock):
    assert guesses_in_an_hour(stand_in, clock, clients=100, rounds=6, numbers=600) == 500


def fail(users, customer_ids, made: AccountConnection) -> None:
    """Write what a failed guess of each client writes, at a customer of its own; `made` was written by one."""
    (step,) = made.tries.all()
    failed = [
        AccountConnection(
            account=made.account,
            user=user,
            state=made.state,
            reason=made.reason,
            started_at=made.started_at,
            ended_at=made.ended_at,
            email_hash=hashes.email_hash(user.email),
            customer_hash=hashes.number_hash("customer", customer_id),
            client_hash=hashes.client_hash(address_of(client)),
        )
        for client, (user, customer_id) in enumerate(zip(users, customer_ids, strict=True))
    ]
    AccountConnection.objects.bulk_create(failed)
    steps = [ConnectionTry(connection=each, step=step.step, outcome=step.outcome, at=step.at) for each in failed]
    ConnectionTry.objects.bulk_create(steps)


def test_a_thousand_clients_that_have_guessed_four_times_each_get_one_guess_more_through_at_whatever_customers(
    stand_in, clock
):
    guess(UserFactory(), postcode="99999", address="198.51.100.1", customer_id="1")
    made = last_connection()
    users = [UserFactory.build() for _ in range(1000)]
    get_user_model().objects.bulk_create(users)
    numbers = iter(range(1_000_000, 2_000_000))
    for _ in range(4):
        fail(users, [str(next(numbers)) for _ in users], made)
    stand_in.requests.clear()
    clients = list(enumerate(users))
    for those_who_guess in (clients, clients[::10]):
        for client, user in those_who_guess:
            guess(user, postcode="99999", address=address_of(client), customer_id=str(next(numbers)))
        assert len(stand_in.requests) == 1000


def test_what_a_failed_guess_is_said_to_write_is_what_it_writes(stand_in, clock):
    user = UserFactory()
    guess(user, postcode="99999", address=address_of(0), customer_id="1")
    made = last_connection()
    fail([user], ["1"], made)
    first, second = AccountConnection.objects.order_by("pk").values()
    assert {**first, "id": second["id"]} == second
    first, second = ConnectionTry.objects.order_by("pk").values()
    assert {**first, "id": second["id"], "connection_id": second["connection_id"]} == second

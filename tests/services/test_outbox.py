"""Notes: what is written, and what is not."""

import threading
import time
from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import connection, connections, transaction
from django.utils import timezone

from django_plenigo.errors import AuthenticationError, NoAnswerError, RateLimitError, RejectedError
from django_plenigo.models import CustomerLink, DeliveryPause, RemoteChange
from django_plenigo.services import customers, outbox, sending, support
from django_plenigo.services.explanations import explain_now
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db

Kind = RemoteChange.Kind


@pytest.fixture
def link(db):
    """The link of a customer."""
    return LinkFactory()


@pytest.fixture
def change(link):
    """What is noted of the address; in step."""
    return RemoteChange.objects.get(link=link, kind=Kind.CHANGE_EMAIL)


calls_of_wake = []


def keep_wakes(accounts):
    calls_of_wake.append(accounts)


@pytest.fixture
def wakes(settings, transactional_db):
    """Which accounts the delivery was woken for."""
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "DELIVERY": f"{__name__}.keep_wakes"}}
    calls_of_wake.clear()
    return calls_of_wake


def refused():
    return RejectedError("plenigo", "change_email", status=400, code="invalid email")


def test_note_makes_the_row_that_is_missing(link):
    change = outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    assert (change.noted, change.delivered, change.is_waiting) == (1, 0, True)
    assert change.account == link.account


def test_note_twice_is_one_row_that_says_so(link):
    outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    assert RemoteChange.objects.get(link=link, kind=Kind.ASSIGN_ACCESS_IDS).noted == 2


def test_note_is_one_statement_where_the_row_is_there(change, link, django_assert_num_queries):
    with django_assert_num_queries(2):  # it also returns the row
        outbox.note(link, Kind.CHANGE_EMAIL)


def test_note_of_something_for_later_wakes_nobody(link, wakes):
    outbox.note(link, Kind.REGISTER, due_at=timezone.now() + timedelta(minutes=2))
    assert wakes == []
    outbox.note(link, Kind.CHANGE_EMAIL)
    assert wakes == [["default"]]


def test_note_for_later_of_what_is_due_already_wakes(link, wakes):
    outbox.note(link, Kind.REGISTER)
    outbox.note(link, Kind.REGISTER, due_at=timezone.now() + timedelta(minutes=2))
    assert len(wakes) == 2


def test_note_keeps_no_value(link, change):
    outbox.note(link, Kind.CHANGE_EMAIL)
    values = RemoteChange.objects.filter(pk=change.pk).values().get()
    assert link.user.email not in map(str, values.values())


def test_note_of_what_waits_keeps_the_patience_of_an_outage(change, link):
    outbox.note(link, Kind.CHANGE_EMAIL)
    later = timezone.now() + timedelta(minutes=9)
    RemoteChange.objects.filter(pk=change.pk).update(due_at=later, attempts=7)
    outbox.note(link, Kind.CHANGE_EMAIL)
    change.refresh_from_db()
    assert (change.due_at, change.attempts, change.noted) == (later, 7, 2)


def test_note_of_what_was_refused_is_due_at_once_and_without_a_history(change, link):
    outbox.refuse(outbox.note(link, Kind.CHANGE_EMAIL), refused())
    RemoteChange.objects.filter(pk=change.pk).update(attempts=3)
    outbox.note(link, Kind.CHANGE_EMAIL)
    change.refresh_from_db()
    assert (change.is_refused, change.attempts) == (False, 0)
    assert change.due_at <= timezone.now()


def test_noting_in_a_transaction_that_is_rolled_back_leaves_nothing(change, link):
    with transaction.atomic():
        outbox.note(link, Kind.CHANGE_EMAIL)
        transaction.set_rollback(True)
    change.refresh_from_db()
    assert change.noted == 0


def test_note_all_notes_each_link_once(django_assert_max_num_queries):
    keys = [LinkFactory().pk for _ in range(15)]
    with django_assert_max_num_queries(12):  # on a server, which is asked first what is locked
        outbox.note_all("default", keys[::-1], Kind.ASSIGN_ACCESS_IDS)
    rows = RemoteChange.objects.filter(kind=Kind.ASSIGN_ACCESS_IDS)
    assert {(row.link_id, row.noted) for row in rows} == {(key, 1) for key in keys}


def test_note_all_notes_rows_that_are_there_with_few_statements(link, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):  # savepoints among them
        outbox.note_all("default", [link.pk, link.pk], Kind.CHANGE_EMAIL)
    assert RemoteChange.objects.get(link=link, kind=Kind.CHANGE_EMAIL).noted == 1


def test_acknowledge_leaves_due_what_was_noted_again(change, link):
    seen = outbox.note(link, Kind.CHANGE_EMAIL)
    outbox.note(link, Kind.CHANGE_EMAIL)
    outbox.acknowledge(seen.noted, [seen.pk])
    change.refresh_from_db()
    assert (change.noted, change.delivered, change.is_waiting) == (2, 1, True)
    assert change.due_at is not None


def test_acknowledging_the_older_of_two_after_the_newer_was_refused_leaves_it_due(change, link):
    older, newer = outbox.note(link, Kind.CHANGE_EMAIL), outbox.note(link, Kind.CHANGE_EMAIL)
    outbox.refuse(newer, refused())
    outbox.acknowledge(older.noted, [older.pk])
    change.refresh_from_db()
    assert (change.is_refused, change.is_waiting) == (False, True)
    assert change.due_at is not None


def test_acknowledging_the_older_of_two_last_takes_nothing_back(change, link):
    older, newer = outbox.note(link, Kind.CHANGE_EMAIL), outbox.note(link, Kind.CHANGE_EMAIL)
    outbox.acknowledge(newer.noted, [newer.pk])
    outbox.acknowledge(older.noted, [older.pk])
    change.refresh_from_db()
    assert (change.noted, change.delivered, change.due_at) == (2, 2, None)


def test_acknowledge_is_one_statement_that_a_crash_cannot_cut_in_half(link, django_assert_num_queries):
    change = outbox.note(link, Kind.CHANGE_EMAIL)
    with django_assert_num_queries(1):
        outbox.acknowledge(change.noted, [change.pk])


def test_refuse_keeps_the_reason_and_its_kind(change, link):
    assert outbox.refuse(outbox.note(link, Kind.CHANGE_EMAIL), refused())
    change.refresh_from_db()
    assert change.is_refused
    assert change.last_error == "plenigo.change_email, HTTP 400, code invalid email"
    assert change.last_error_type == "RejectedError"


def test_told_says_of_a_foreign_error_its_kind_alone():
    assert outbox.told(ValueError("ada@example.com")) == {
        "last_error": "this site raised ValueError",
        "last_error_type": "ValueError",
    }


def test_try_again_makes_refused_and_postponed_changes_due_now(change, link):
    outbox.refuse(outbox.note(link, Kind.CHANGE_EMAIL), refused())
    other = outbox.note(link, Kind.CHANGE_PROFILE)
    RemoteChange.objects.filter(pk=other.pk).update(due_at=timezone.now() + timedelta(hours=1), attempts=9)
    assert outbox.try_again(RemoteChange.objects.all()) == 2
    for row in RemoteChange.objects.all():
        assert row.is_waiting
        assert row.due_at <= timezone.now()
        assert row.attempts == 0


def test_try_again_leaves_what_is_in_step(change):
    assert outbox.try_again(RemoteChange.objects.all()) == 0
    change.refresh_from_db()
    assert change.due_at is None


def test_try_again_ends_the_pause_of_the_account(link):
    outbox.note(link, Kind.CHANGE_EMAIL)
    outbox.pause("default", refused(), timedelta(minutes=5))
    outbox.try_again(RemoteChange.objects.all())
    assert outbox.pause_of("default") is None


def test_pause_again_takes_the_place_of_the_first():
    outbox.pause("default", RateLimitError("plenigo", "change_email", status=429), timedelta(minutes=1))
    outbox.pause("default", AuthenticationError("plenigo", "change_email", status=401), timedelta(hours=1))
    pause = DeliveryPause.objects.get()
    assert pause.last_error_type == "AuthenticationError"
    assert pause.until > timezone.now() + timedelta(minutes=50)


def test_pause_ends_by_itself():
    outbox.pause("default", refused(), timedelta(minutes=5))
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert outbox.pause_of("default") is None


def test_pause_that_a_wrong_clock_wrote_holds_nobody_up():
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        outbox.pause("default", refused(), timedelta(minutes=5))
    assert outbox.pause_of("default") is None


@pytest.mark.parametrize("attempts", [0, 3])
def test_row_that_a_wrong_clock_put_off_is_due_again(change, link, attempts):
    outbox.note(link, Kind.CHANGE_EMAIL)
    ahead = timedelta(hours=3) if attempts == 0 else timedelta(days=2)
    RemoteChange.objects.filter(pk=change.pk).update(due_at=timezone.now() + ahead, attempts=attempts)
    outbox.hasten_far_off("default")
    change.refresh_from_db()
    assert change.due_at <= timezone.now()


def test_row_that_the_vendor_asked_to_wait_for_a_day_waits(change, link):
    outbox.note(link, Kind.CHANGE_EMAIL)
    due_at = timezone.now() + timedelta(hours=24)
    RemoteChange.objects.filter(pk=change.pk).update(due_at=due_at, attempts=1)
    outbox.hasten_far_off("default")
    change.refresh_from_db()
    assert change.due_at == due_at


def test_address_changed_back_while_another_is_on_its_way_is_noted_though_it_is_the_confirmed_one(change, link):
    outbox.note(link, Kind.CHANGE_EMAIL)  # a worker has read another address by now
    assert link.confirmed_email == link.user.email
    assert customers.request_email_sync(link.user)
    change.refresh_from_db()
    assert change.noted == 2


def test_save_of_a_customer_in_step_notes_nothing(change, link):
    assert not customers.request_email_sync(link.user)
    change.refresh_from_db()
    assert change.noted == 0


@pytest.mark.parametrize(
    "state",
    [
        {"noted": 2, "delivered": 2},
        {"noted": 2, "delivered": 1, "due_at": timezone.now()},
        {"noted": 2, "delivered": 1, "due_at": timezone.now() + timedelta(hours=1), "attempts": 3},
        {"noted": 2, "delivered": 1, "refused_at": timezone.now(), "attempts": 3},
    ],
    ids=["in step", "waiting", "postponed", "refused"],
)
def test_save_notes_a_change_as_the_outbox_does(link, change, state):
    rows = RemoteChange.objects.filter(pk=change.pk)
    CustomerLink.objects.filter(pk=link.pk).update(confirmed_email="old@example.com")
    notes = []
    with time_machine.travel(timezone.now(), tick=False):
        for note in (lambda: outbox.note(link, Kind.CHANGE_EMAIL), link.user.save):
            rows.update(**{"due_at": None, "refused_at": None, "attempts": 0} | state)
            note()
            notes.append(rows.values().get())
    assert notes[0] == notes[1]
    assert notes[0]["noted"] == 3


@pytest.mark.django_db(transaction=True)
def test_address_changed_back_while_another_is_being_acknowledged_is_noted(link):
    """The note waits for the row, and then compares with what had been confirmed when it began to wait."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one writer at a time")
    change = outbox.note(link, Kind.CHANGE_EMAIL)
    noted = []

    def change_back():
        try:
            noted.append(customers.request_email_sync(link.user))
        finally:
            connections.close_all()

    site = threading.Thread(target=change_back)
    with transaction.atomic():  # a worker writes down that the vendor was told another address
        CustomerLink.objects.filter(pk=link.pk).update(confirmed_email="detour@example.com")
        outbox.acknowledge(change.noted, [change.pk])
        site.start()
        site.join(0.5)
        assert site.is_alive()
    site.join(20)
    assert noted == [True]


# ---- transactions of the site that hold some of many rows


@pytest.fixture
def in_step(transactional_db):
    """Two changes in the order of their keys."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one writer at a time")
    LinkFactory.create_batch(2)
    return list(RemoteChange.objects.filter(kind=Kind.CHANGE_EMAIL).order_by("pk"))


@pytest.fixture
def meanwhile():
    """Do something of the site in a transaction of another thread, in two parts, and return how that has ended."""
    threads = []

    def start(first, then):
        has_begun, errors = threading.Event(), []

        def run():
            try:
                with transaction.atomic():
                    first()
                    has_begun.set()
                    time.sleep(0.5)
                    then()
            except Exception as error:  # noqa: BLE001 - whatever the site would meet
                errors.append(error)
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=run))
        threads[0].start()
        assert has_begun.wait(20)

        def end():
            threads[0].join(20)
            return errors

        return end

    yield start
    for thread in threads:
        thread.join(20)


@pytest.mark.parametrize(
    "note_both",
    [
        lambda changes: outbox.note_all("default", [change.link_id for change in changes], Kind.CHANGE_EMAIL),
        lambda changes: outbox.try_again(RemoteChange.objects.filter(kind=Kind.CHANGE_EMAIL)),
    ],
    ids=["note_all", "try_again"],
)
def test_transaction_that_notes_customers_in_any_order_meets_no_deadlock(in_step, meanwhile, note_both):
    first, second = in_step
    RemoteChange.objects.update(noted=1, due_at=timezone.now())
    end = meanwhile(
        lambda: outbox.note(second.link, Kind.CHANGE_EMAIL), lambda: outbox.note(first.link, Kind.CHANGE_EMAIL)
    )
    note_both(in_step)
    assert end() == []
    assert all(change.is_waiting for change in RemoteChange.objects.all())


def test_row_that_another_makes_and_tells_meanwhile_is_noted_with_many_all_the_same(link):
    """It is missing when the first statement looks for it, and in step when the next one does."""
    made = []

    def make_it_meanwhile(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if not made and RemoteChange._meta.db_table in sql and (sql.startswith("UPDATE") or " FOR " in sql):
            made.append(True)
            change = outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
            outbox.acknowledge(change.noted, [change.pk])
        return result

    with connection.execute_wrapper(make_it_meanwhile):
        outbox.note_all("default", [link.pk], Kind.ASSIGN_ACCESS_IDS)
    assert made
    assert RemoteChange.objects.get(link=link, kind=Kind.ASSIGN_ACCESS_IDS).is_waiting


def test_row_that_a_wrong_clock_put_off_and_somebody_has_locked_is_left_to_the_next_run(in_step, meanwhile):
    locked, free = (RemoteChange.objects.filter(pk=change.pk) for change in in_step)
    for row in (locked, free):
        row.update(noted=1, due_at=timezone.now() + timedelta(days=2))
    end = meanwhile(lambda: locked.update(last_error=""), lambda: None)
    outbox.hasten_far_off("default")
    assert free.get().due_at <= timezone.now()
    assert end() == []
    assert locked.get().due_at > timezone.now()
    outbox.hasten_far_off("default")
    assert locked.get().due_at <= timezone.now()


# ---- transactions of the site while a reader is registered


@pytest.fixture
def in_an_open_transaction(user, transactional_db):
    """Do something with the user in a transaction of another thread, and return how it is committed."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one writer at a time")
    may_end = threading.Event()
    threads = []

    def start(act):
        is_done = threading.Event()

        def run():
            try:
                with transaction.atomic():
                    act(type(user).objects.get(pk=user.pk))
                    is_done.set()
                    may_end.wait(30)
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=run))
        threads[0].start()
        assert is_done.wait(20)

        def commit():
            may_end.set()
            threads[0].join(20)

        return commit

    yield start
    may_end.set()
    for thread in threads:
        thread.join(20)


@pytest.fixture
def registered_on_a_click(user):
    """Register the user as a click does, in a second or so. On MariaDB she may be told to try again."""

    def register():
        began = time.monotonic()
        with nullcontext() if refers_without_a_wait() else suppress(NoAnswerError):
            customers.register(user)
        assert time.monotonic() - began < (0.9 if refers_without_a_wait() else 2)

    return register


def save_new_address(user):
    user.email = "new@example.com"
    user.save()


def lock_and_save_new_address(user):
    save_new_address(type(user).objects.select_for_update().get(pk=user.pk))


def note_and_save_new_address(user):
    """As at a log-in in a transaction: what is noted is locked before the user is."""
    outbox.note(CustomerLink.objects.get(user=user), Kind.CHANGE_EMAIL)
    save_new_address(user)


def update_past_the_signals(user):
    type(user).objects.filter(pk=user.pk).update(email="new@example.com")


def remote_emails(sandbox):
    return [customer.email for customer in sandbox.customers()]


def deliver_for(minutes):
    """Let time pass, and deliver each minute as cron would."""
    for minute in range(1, minutes + 1):
        with time_machine.travel(timezone.now() + timedelta(minutes=minute), tick=True):
            sending.deliver_due()


def refers_without_a_wait():
    """Say whether a row that refers to a user can be made while a transaction has saved her."""
    return connection.features.has_select_for_no_key_update


def test_first_checkout_waits_for_no_transaction_that_has_saved_the_reader(
    sandbox, user, in_an_open_transaction, registered_on_a_click
):
    if not refers_without_a_wait():
        pytest.skip("MariaDB makes no row that refers to a user whom a transaction has saved")
    first = user.email
    commit = in_an_open_transaction(save_new_address)
    registered_on_a_click()
    deliver_for(minutes=5)
    assert remote_emails(sandbox) == [first]
    commit()
    deliver_for(minutes=20)
    assert remote_emails(sandbox) == ["new@example.com"]
    assert not RemoteChange.objects.filter(due_at__isnull=False).exists()


@pytest.mark.parametrize(
    "act", [save_new_address, lock_and_save_new_address, note_and_save_new_address, update_past_the_signals]
)
def test_registration_waits_for_no_transaction_and_tells_what_it_commits(
    sandbox, user, in_an_open_transaction, registered_on_a_click, act
):
    first = user.email
    customers.ensure_link(user)
    commit = in_an_open_transaction(act)
    registered_on_a_click()
    deliver_for(minutes=5)
    assert remote_emails(sandbox) in ([first], [])
    commit()
    deliver_for(minutes=20)
    assert remote_emails(sandbox) == ["new@example.com"]
    assert not RemoteChange.objects.filter(due_at__isnull=False).exists()


def test_registration_by_the_delivery_tells_what_a_transaction_commits_later(sandbox, user, in_an_open_transaction):
    customers.request_registration(user)
    commit = in_an_open_transaction(update_past_the_signals)
    sending.deliver_due()
    assert CustomerLink.objects.get(user=user).is_registered
    commit()
    deliver_for(minutes=5)
    assert remote_emails(sandbox) == ["new@example.com"]


def test_registration_tells_what_a_transaction_commits_later_at_allauth(
    sandbox, user, in_an_open_transaction, registered_on_a_click, monkeypatch
):
    monkeypatch.setattr(type(user), "EMAIL_FIELD", "nowhere")
    EmailAddress.objects.create(user=user, email="ada@example.com", primary=True, verified=True)
    customers.ensure_link(user)
    commit = in_an_open_transaction(lambda user: EmailAddress.objects.update(email="new@example.com"))
    registered_on_a_click()
    commit()
    deliver_for(minutes=5)
    assert remote_emails(sandbox) == ["new@example.com"]


def test_registration_of_a_reader_whom_a_transaction_has_changed_waits_for_its_end(
    sandbox, user, in_an_open_transaction
):
    customers.ensure_link(user)
    in_an_open_transaction(update_past_the_signals)
    link = customers.register(user)
    deliver_for(minutes=5)
    change = RemoteChange.objects.get(link=link, kind=Kind.REGISTER)
    assert (change.is_waiting, change.last_error) == (True, "plenigo.register_user, code user is locked")


def test_reader_whose_link_cannot_be_made_is_told_so_after_a_second(sandbox, user, in_an_open_transaction):
    commit = in_an_open_transaction(lock_and_save_new_address)
    began = time.monotonic()
    with pytest.raises(NoAnswerError, match="user is locked"):
        customers.register(user)
    assert 0.9 < time.monotonic() - began < 3
    assert not CustomerLink.objects.exists()
    commit()
    customers.register(type(user).objects.get(pk=user.pk))
    assert remote_emails(sandbox) == ["new@example.com"]


def test_agent_is_told_that_a_user_whom_a_transaction_has_locked_cannot_be_registered_now(user, in_an_open_transaction):
    in_an_open_transaction(lock_and_save_new_address)
    plan = support.request_registration(user, using="default")
    assert "in a transaction that takes its time" in str(explain_now(plan.error).meaning)
    assert not RemoteChange.objects.exists()


def test_link_is_made_as_soon_as_the_transaction_is_over(user, in_an_open_transaction):
    threading.Timer(0.3, in_an_open_transaction(lock_and_save_new_address)).start()
    assert customers.ensure_link(user).pk


def test_address_saved_while_the_vendor_is_asked_is_told(sandbox, user):
    link = customers.ensure_link(user)
    registered = customers.send_registration(customers.prepare_registration(link, user))
    save_new_address(user)
    customers.store_registration(link, registered)
    sending.deliver_due()
    assert remote_emails(sandbox) == ["new@example.com"]


def test_save_of_a_reader_who_is_not_registered_notes_nothing(sandbox, user):
    link = customers.ensure_link(user)
    user.save()
    assert not RemoteChange.objects.get(link=link, kind=Kind.CHANGE_EMAIL).is_waiting

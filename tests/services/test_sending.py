"""Telling the vendor: who is told, in which order, and what becomes of each way in which it can go wrong."""

import json
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.models import AccessId, CustomerLink, DeliveryPause, RemoteChange
from django_plenigo.services import customers, outbox, sending
from django_plenigo.services.sending import Step, delivering
from django_plenigo.services.sending.claims import Acknowledged, claim_due, settle
from django_plenigo.services.sending.patience import MOST_UNREADABLE_ANSWERS
from tests.caches import CacheInTheDatabase
from tests.factories import LinkFactory, UserFactory
from tests.recording_vendor import RecordingVendor
from tests.told import access_ids_told_of, endpoint_of, id_of, told

pytestmark = pytest.mark.django_db

Kind = RemoteChange.Kind
NOW = timezone.now


@pytest.fixture
def link(reader):
    """A customer of the sandbox."""
    return CustomerLink.objects.get(user=reader)


@pytest.fixture
def vendor(db, settings):
    """A vendor over a socket, who is called by several threads at once; he plays API v2 alone."""
    account = settings.PLENIGO["default"]
    if account["API"] != "v2":
        pytest.skip("This is about threads, with a vendor of API v2.")
    with RecordingVendor() as vendor:
        settings.PLENIGO = {"default": {**account, "HOSTS": {"api": vendor.url}, "TIMEOUT_SECONDS": 2}}
        yield vendor


def new_links(number, **values):
    """Return links of customers, all of whose addresses have changed past the site's signals."""
    links = LinkFactory.create_batch(number, **values)
    for link in links:
        move(link, f"new-{link.user.username}@example.com")
    return links


def move(link, email):
    """Change an address past the site's signals, and note it."""
    get_user_model().objects.filter(pk=link.user_id).update(email=email)
    outbox.note(link, Kind.CHANGE_EMAIL)


def change_of(link, kind=Kind.CHANGE_EMAIL):
    return RemoteChange.objects.get(link=link, kind=kind)


def leased():
    return CustomerLink.objects.exclude(lease=None).count()


# ---- what is sent


def test_deliver_due_tells_what_is_true_now_and_keeps_that_it_did(sandbox, link):
    move(link, "first@example.com")
    get_user_model().objects.filter(pk=link.user_id).update(email="second@example.com")
    delivery = sending.deliver_due()
    assert (delivery.delivered, delivery.postponed, delivery.refused, delivery.stopped) == (1, 0, 0, {})
    assert sandbox.customer(link.customer_id).email == "second@example.com"
    link.refresh_from_db()
    assert (link.confirmed_email, link.lease, link.leased_until) == ("second@example.com", None, None)
    change = change_of(link)
    assert (change.noted, change.delivered, change.due_at) == (1, 1, None)


def test_many_notes_of_one_thing_are_one_call(sandbox, link):
    for number in range(5):
        move(link, f"{number}@example.com")
    sending.deliver_due()
    assert told(sandbox) == ["change_email"]


def test_deliver_due_asks_nobody_where_nothing_is_due(sandbox, link, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        assert sending.deliver_due() == sending.Delivery()
    assert sandbox.calls == []


def test_kinds_of_one_customer_are_told_in_their_order(sandbox, user, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EMAIL_IS_VERIFIED": f"{__name__}.yes"}}
    sandbox.create_customer(user.email)
    link = customers.ensure_link(user)
    AccessId.objects.create(link=link, slot=1, value="CRM-1", imported_at=NOW())
    for kind in reversed([Kind.REGISTER, Kind.CHANGE_EMAIL, Kind.ASSIGN_ACCESS_IDS]):
        outbox.note(link, kind)
    sending.deliver_due()
    assert told(sandbox) == ["register_user", "add_external_id", "change_email", "import_access_ids"]
    assert not any(row.is_waiting for row in RemoteChange.objects.all())


def yes(user):
    return True


def test_registration_whose_worker_died_before_its_notes_is_ended_by_the_next_one(sandbox, user):
    link = customers.request_registration(user)
    AccessId.objects.create(link=link, slot=1, value="CRM-1", imported_at=NOW())
    outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    customer = sandbox.create_customer(user.email)
    written = {"customer_id": id_of(customer), "confirmed_email": user.email}
    written["customer_id_generation"] = conf.Account().generation
    CustomerLink.objects.filter(pk=link.pk).update(**written)  # and nothing more
    RemoteChange.objects.filter(link=link, kind=Kind.ASSIGN_ACCESS_IDS).update(due_at=None, delivered=1)
    sending.deliver_due()
    link.refresh_from_db()
    assert link.external_id == str(user.pk)
    assert told(sandbox) == ["add_external_id", "change_email", "import_access_ids"]
    assert not any(row.is_waiting for row in RemoteChange.objects.all())


def test_access_ids_of_a_reader_whose_registration_waits_are_told_with_it(sandbox, user):
    sandbox.fail_next(503, endpoint=endpoint_of("register_user"))
    link = customers.request_registration(user)
    AccessId.objects.create(link=link, slot=2, value="CRM-2", imported_at=NOW())
    outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    sending.deliver_due()
    assert not change_of(link, Kind.ASSIGN_ACCESS_IDS).is_refused
    with time_machine.travel(NOW() + timedelta(minutes=1)):
        sending.deliver_due()
    assert told(sandbox)[-1] == "import_access_ids"
    link.refresh_from_db()
    assert access_ids_told_of(sandbox.customer(link.customer_id)) == {2: "CRM-2"}


def test_user_who_was_deleted_is_told_nothing_more(sandbox, link):
    move(link, "new@example.com")
    get_user_model().objects.filter(pk=link.user_id).delete()
    assert sending.deliver_due() == sending.Delivery()
    assert sandbox.calls == []


def test_user_who_is_deleted_while_the_vendor_is_told_leaves_nothing(link):
    move(link, "new@example.com")

    def delete(step, claim):
        if step is Step.ANSWERED:
            get_user_model().objects.filter(pk=link.user_id).delete()

    sending.deliver_due(observe=delete)
    assert not RemoteChange.objects.exists()


def test_user_whose_address_was_removed_is_refused_without_a_call(sandbox, link):
    move(link, "")
    delivery = sending.deliver_due()
    assert (delivery.refused, sandbox.calls) == (1, [])
    assert "no e-mail address any more" in change_of(link).last_error


def test_observer_sees_the_steps_in_their_order(link):
    move(link, "new@example.com")
    steps = []
    sending.deliver_due(observe=lambda step, claim: steps.append(step))
    assert steps == [Step.CLAIMED, Step.SENDING, Step.ANSWERED, Step.SETTLED]


# ---- leases


def test_customer_about_whom_another_worker_calls_is_left_alone(sandbox, link):
    move(link, "new@example.com")
    during = []

    def another_worker(step, claim):
        if step is Step.SENDING:
            during.append(sending.deliver_due())

    sending.deliver_due(observe=another_worker)
    assert during == [sending.Delivery()]
    assert told(sandbox) == ["change_email"]


def test_address_changed_while_the_vendor_is_told_is_told_too(sandbox, link):
    move(link, "first@example.com")

    def change_again(step, claim):
        if step is Step.ANSWERED and claim.change.noted == 1:
            move(link, "second@example.com")

    assert sending.deliver_due(observe=change_again).delivered == 2
    assert sandbox.customer(link.customer_id).email == "second@example.com"


def test_address_changed_back_while_the_vendor_is_told_of_the_detour_is_told_too(sandbox, link, reader):
    before = reader.email
    move(link, "detour@example.com")

    def change_back(step, claim):
        if step is Step.SENDING and claim.change.noted == 1:
            reader.email = before
            reader.save()

    sending.deliver_due(observe=change_back)
    assert sandbox.customer(link.customer_id).email == before


def test_worker_that_lost_its_lease_has_the_present_value_told_once_more(sandbox, link):
    """It stalled after the value was read; meanwhile another has told a newer one, which the late call overwrites."""
    move(link, "old@example.com")
    stalled_once = []

    def stall(step, claim):
        if step is Step.SENDING and not stalled_once:
            stalled_once.append(claim)
            move(link, "new@example.com")
            with time_machine.travel(NOW() + timedelta(minutes=10), tick=False):
                sending.deliver_due()
            assert sandbox.customer(link.customer_id).email == "new@example.com"

    sending.deliver_due(observe=stall)
    assert told(sandbox) == ["change_email"] * 3
    assert sandbox.customer(link.customer_id).email == "new@example.com"
    link.refresh_from_db()
    assert (link.confirmed_email, link.lease) == ("new@example.com", None)
    assert not change_of(link).is_waiting


@pytest.mark.parametrize("is_answered", [True, False])
def test_registration_that_comes_late_does_not_leave_its_older_address(sandbox, user, is_answered):
    """It stalled; meanwhile another has registered the reader, whose address has changed since."""
    link = customers.request_registration(user)
    stalled_once = []

    def stall(step, claim):
        if step is Step.SENDING and not stalled_once:
            stalled_once.append(claim)
            with time_machine.travel(NOW() + timedelta(minutes=10), tick=False):
                sending.deliver_due()
                move(link, "new@example.com")
                sending.deliver_due()
            if not is_answered:
                sandbox.cut_next(endpoint=endpoint_of("change_email"), after_work=True, times=3)

    sending.deliver_due(observe=stall)
    with time_machine.travel(NOW() + timedelta(minutes=20), tick=False):
        sending.deliver_due()
    assert [customer.email for customer in sandbox.customers()] == ["new@example.com"]
    link.refresh_from_db()
    assert (link.confirmed_email, link.lease) == ("new@example.com", None)


def test_lost_lease_is_noted_in_the_transaction_that_finds_it_out(link):
    """Else a worker that is killed right after it would lose it."""
    move(link, "new@example.com")
    claim = claim_due("default", 1, timedelta(minutes=1))[0]
    CustomerLink.objects.update(lease=None, leased_until=None)
    with CaptureQueriesContext(connection) as queries:
        settle([Acknowledged(claim, {"confirmed_email": "new@example.com"})])
    statements = [query["sql"] for query in queries]
    ends = next(index for index, sql in enumerate(statements) if sql.startswith(("RELEASE SAVEPOINT", "COMMIT")))
    assert "SET" in statements[ends - 1]
    assert not any("plenigo_remotechange" in sql for sql in statements[ends:])
    assert (change_of(link).noted, change_of(link).is_waiting) == (2, True)


def test_lease_of_a_worker_that_died_runs_out(sandbox, link):
    move(link, "new@example.com")
    CustomerLink.objects.update(lease="12345678123456781234567812345678", leased_until=NOW() + timedelta(seconds=60))
    assert sending.deliver_due().delivered == 0
    with time_machine.travel(NOW() + timedelta(seconds=61)):
        assert sending.deliver_due().delivered == 1


def test_lease_that_a_wrong_clock_wrote_holds_nobody_up(link):
    move(link, "new@example.com")
    CustomerLink.objects.update(lease="12345678123456781234567812345678", leased_until=NOW() + timedelta(days=300))
    assert sending.deliver_due().delivered == 1


def test_call_that_could_outlive_the_lease_is_not_begun(sandbox, link, settings):
    """The worker was stopped between claim and call, for longer than the lease."""
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "TIMEOUT_SECONDS": 0.05}}
    move(link, "new@example.com")
    asleep = []

    def sleep(step, claim):
        if step is Step.CLAIMED and not asleep:
            asleep.append(claim)
            time.sleep(0.3)

    sending.deliver_due(observe=sleep, lease_seconds=0.01)
    assert told(sandbox) == ["change_email"]  # under a second lease
    assert change_of(link).delivered == 1


def test_leased_and_postponed_changes_at_the_head_hold_up_nobody(vendor):
    *heads, last = new_links(60)
    keys = [link.pk for link in heads]
    CustomerLink.objects.filter(pk__in=keys[::2]).update(lease=None, leased_until=NOW() + timedelta(seconds=100))
    RemoteChange.objects.filter(link__in=keys[1::2]).update(due_at=NOW() + timedelta(seconds=100), attempts=1)
    assert sending.deliver_due(workers=1).delivered == 1
    assert vendor.calls == [("changeEmail", last.customer_id)]


def test_deliver_due_within_a_transaction_is_refused(link):
    move(link, "new@example.com")
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        sending.deliver_due()


# ---- what goes wrong


def test_refusal_of_the_vendor_is_kept_with_its_reason(sandbox, link):
    sandbox.create_customer("taken@example.com")
    move(link, "taken@example.com")
    assert sending.deliver_due().refused == 1
    change = change_of(link)
    assert (change.is_refused, change.due_at, change.last_error_type) == (True, None, "ConflictError")
    assert change.last_error.startswith("plenigo.change_email, HTTP 4")
    assert sending.deliver_due() == sending.Delivery()


def test_change_noted_again_while_it_is_refused_is_told_again(sandbox, link):
    sandbox.fail_next(409)
    move(link, "taken@example.com")

    def change_again(step, claim):
        if step is Step.ANSWERED or (step is Step.SENDING and claim.change.noted == 1):
            move(link, "free@example.com")

    delivery = sending.deliver_due(observe=change_again, limit=2)
    assert delivery.refused == 0
    assert sandbox.customer(link.customer_id).email == "free@example.com"


def test_outage_is_waited_out_with_growing_patience(sandbox, link):
    sandbox.fail_next(500, times=None)
    move(link, "new@example.com")
    waits = []
    now = NOW()
    for _ in range(10):
        with time_machine.travel(now, tick=False):
            assert sending.deliver_due().postponed == 1
            due_at = change_of(link).due_at
        waits.append((due_at - now).total_seconds())
        now = due_at + timedelta(minutes=1)  # the breaker has forgotten
    for number, wait in enumerate(waits):
        usual = min(10 * 2**number, 3600)
        assert usual / 2 <= wait <= usual * 1.5
    sandbox.clear_faults()
    with time_machine.travel(now, tick=False):
        sending.deliver_due()
    change = change_of(link)
    assert (change.attempts, change.last_error, change.due_at) == (0, "", None)


def test_changes_that_fail_at_the_same_moment_are_not_tried_again_at_the_same_moment(sandbox):
    links = [customers.register(user) for user in UserFactory.create_batch(4)]
    for link in links:
        move(link, f"new-{link.pk}@example.com")
    sandbox.fail_next(500, times=None)
    with time_machine.travel(NOW(), tick=False):
        assert sending.deliver_due().postponed == 4
    assert len({change_of(link).due_at for link in links}) == 4


def test_retry_after_is_the_least_that_is_waited(sandbox, link):
    sandbox.fail_next(500, retry_after=900)
    move(link, "new@example.com")
    now = NOW()
    with time_machine.travel(now, tick=False):
        sending.deliver_due()
    assert change_of(link).due_at == now + timedelta(seconds=900)


@pytest.mark.parametrize("fault", ["cut_next", "garble_next"])
def test_lost_and_unreadable_answers_are_asked_for_again(sandbox, link, user, fault):
    outbox.note(customers.ensure_link(UserFactory()), Kind.REGISTER)
    getattr(sandbox, fault)(endpoint=endpoint_of("register_user"), after_work=True, times=3)
    assert sending.deliver_due().postponed == 1
    sandbox.clear_faults()
    with time_machine.travel(NOW() + timedelta(minutes=1)):
        assert sending.deliver_due().delivered == 1
    assert len(sandbox.customers()) == 2


def test_answer_that_nobody_could_ever_read_ends_with_an_agent(sandbox):
    sandbox.garble_next(endpoint=endpoint_of("register_user"), times=None)
    link = customers.request_registration(UserFactory())
    now = NOW()
    for _ in range(MOST_UNREADABLE_ANSWERS):
        assert not change_of(link, Kind.REGISTER).is_refused
        with time_machine.travel(now, tick=False):
            sending.deliver_due()
        now += timedelta(hours=2)
    change = change_of(link, Kind.REGISTER)
    assert (change.is_refused, change.last_error_type) == (True, "ProtocolError")


def test_unreadable_answer_after_a_long_outage_refuses_nothing_and_begins_to_count(sandbox, link):
    move(link, "new@example.com")
    RemoteChange.objects.filter(link=link, kind=Kind.CHANGE_EMAIL).update(attempts=100, unreadable_answers=0)
    sandbox.garble_next(endpoint=endpoint_of("change_email"), times=None)
    now = NOW()
    for number in range(MOST_UNREADABLE_ANSWERS):
        assert (change_of(link).is_refused, change_of(link).attempts) == (False, 100 + number)
        with time_machine.travel(now, tick=False):
            sending.deliver_due()
        now += timedelta(hours=2)
    assert change_of(link).is_refused


@pytest.mark.parametrize("interruption", ["an outage", "an agent"])
def test_unreadable_answers_are_counted_anew_after(sandbox, link, interruption):
    move(link, "new@example.com")
    last = MOST_UNREADABLE_ANSWERS - 1
    RemoteChange.objects.filter(link=link, kind=Kind.CHANGE_EMAIL).update(attempts=last, unreadable_answers=last)
    if interruption == "an agent":
        outbox.try_again(RemoteChange.objects.filter(link=link))
    else:
        sandbox.fail_next(500, endpoint=endpoint_of("change_email"))
        sending.deliver_due()
    sandbox.garble_next(endpoint=endpoint_of("change_email"), times=None)
    with time_machine.travel(NOW() + timedelta(hours=2), tick=False):
        assert sending.deliver_due().postponed == 1
    assert not change_of(link).is_refused


@pytest.mark.parametrize("status", [401, pytest.param(403, marks=pytest.mark.api_v2)])
def test_refused_credentials_pause_the_account_and_touch_no_row(sandbox, link, caplog, status):
    other = CustomerLink.objects.get(pk=customers.register(UserFactory()).pk)
    sandbox.calls.clear()
    sandbox.fail_next(status, times=None)
    move(link, "new@example.com")
    move(other, "other@example.com")
    before = list(RemoteChange.objects.order_by("pk").values())
    delivery = sending.deliver_due()
    assert (delivery.delivered, delivery.postponed, delivery.refused) == (0, 0, 0)
    assert f"HTTP {status}" in delivery.stopped["default"]
    assert list(RemoteChange.objects.order_by("pk").values()) == before
    assert leased() == 0
    assert len(sandbox.calls) == 1
    assert "accepts no calls of the account 'default'" in caplog.text
    assert f"HTTP {status}" in sending.deliver_due().stopped["default"]
    assert len(sandbox.calls) == 1
    sandbox.clear_faults()
    with time_machine.travel(NOW() + timedelta(minutes=6)):
        assert sending.deliver_due().delivered == 2


def test_too_many_calls_pause_the_account_for_as_long_as_the_vendor_says(sandbox, link):
    other = customers.register(UserFactory())
    sandbox.fail_next(429, retry_after=120)
    move(link, "new@example.com")
    move(other, "other@example.com")
    now = NOW()
    with time_machine.travel(now, tick=False):
        assert sending.deliver_due().postponed == 1
    assert DeliveryPause.objects.get().until == now + timedelta(seconds=120)
    assert (change_of(link).attempts, change_of(other).attempts, leased()) == (1, 0, 0)
    with time_machine.travel(now + timedelta(seconds=119)):
        assert sending.deliver_due().delivered == 0
    with time_machine.travel(now + timedelta(seconds=121)):
        assert sending.deliver_due().delivered == 2


def note_other_names(link):
    get_user_model().objects.filter(pk=link.user_id).update(first_name="Ada", last_name="Lovelace")
    outbox.note(link, Kind.CHANGE_PROFILE)


def note_registration(link):
    outbox.note(customers.ensure_link(UserFactory()), Kind.REGISTER)


def note_external_id(link):
    CustomerLink.objects.filter(pk=link.pk).update(external_id=None)
    outbox.note(link, Kind.ATTACH_EXTERNAL_ID)


@pytest.mark.parametrize(
    "note_change",
    [note_registration, note_external_id, lambda link: move(link, "new@example.com"), note_other_names],
    ids=["registration", "external id", "address", "names"],
)
def test_customers_that_are_not_booked_pause_the_account_and_touch_no_row(sandbox, settings, caplog, note_change):
    account = settings.PLENIGO["default"]
    settings.PLENIGO = {"default": {**account, "API": "v3", "FOLLOWED_FIELDS": ["first_name", "last_name"]}}
    link, other = (CustomerLink.objects.get(pk=customers.register(UserFactory()).pk) for _ in range(2))
    note_change(link)
    move(other, "other@example.com")
    before = list(RemoteChange.objects.order_by("pk").values())
    sandbox.fail_next(400, times=None, body='{"errorCode": 20402, "errorMessage": "No."}')
    delivery = sending.deliver_due()
    assert (delivery.delivered, delivery.postponed, delivery.refused) == (0, 0, 0)
    assert "module is not booked" in delivery.stopped["default"]
    assert list(RemoteChange.objects.order_by("pk").values()) == before
    assert leased() == 0
    assert "accepts no calls of the account 'default'" in caplog.text
    sandbox.calls.clear()
    assert "module is not booked" in sending.deliver_due().stopped["default"]
    assert sandbox.calls == []
    sandbox.clear_faults()
    with time_machine.travel(NOW() + timedelta(minutes=6)):
        delivery = sending.deliver_due()
    assert (delivery.postponed, delivery.refused, delivery.stopped) == (0, 0, {})
    assert not any(row.is_waiting for row in RemoteChange.objects.all())


def test_additional_data_that_is_not_booked_refuses_access_ids_and_all_else_is_told(sandbox, link, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "API": "v3", "MIRROR_ACCESS_IDS": True}}
    other = customers.register(UserFactory())
    AccessId.objects.create(link=link, slot=1, value="CRM-1", imported_at=NOW())
    outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    move(other, "other@example.com")
    sandbox.fail_next(
        400, times=None, endpoint="getCustomerAdditionalData", body='{"errorCode": 20402, "errorMessage": "No."}'
    )
    delivery = sending.deliver_due()
    assert (delivery.delivered, delivery.refused, delivery.stopped) == (1, 1, {})
    change = change_of(link, Kind.ASSIGN_ACCESS_IDS)
    assert change.is_refused
    assert "module is not booked" in change.last_error
    assert sandbox.customer(other.customer_id).email == "other@example.com"


@pytest.mark.parametrize(("status", "code"), [(423, 20026), (400, 11006), (423, 0)])
def test_address_that_is_locked_for_seconds_postpones_its_own_change_alone(sandbox, link, settings, status, code):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "API": "v3"}}
    other = customers.register(UserFactory())
    body = json.dumps({"errorCode": code, "errorMessage": "Wait."})
    sandbox.fail_next(status, endpoint="changeCustomerEmail", body=body)
    move(link, "new@example.com")
    move(other, "other@example.com")
    delivery = sending.deliver_due()
    assert (delivery.delivered, delivery.postponed, delivery.stopped) == (1, 1, {})
    assert not DeliveryPause.objects.exists()
    assert sorted(change_of(each).attempts for each in (link, other)) == [0, 1]
    with time_machine.travel(NOW() + timedelta(minutes=1)):
        assert sending.deliver_due().delivered == 1


def test_open_circuit_releases_what_was_claimed(sandbox):
    links = [customers.register(user) for user in UserFactory.create_batch(8)]
    sandbox.fail_next(500, times=None)
    for link in links:
        move(link, f"new-{link.pk}@example.com")
    sandbox.calls.clear()
    delivery = sending.deliver_due()
    assert (delivery.postponed, len(sandbox.calls)) == (5, 5)
    assert delivery.stopped == {"default": "plenigo.change_email, code circuit open"}
    assert leased() == 0
    assert sorted(change_of(link).attempts for link in links) == [0, 0, 0, 1, 1, 1, 1, 1]
    assert not DeliveryPause.objects.exists()


def test_sites_own_function_that_fails_holds_up_nobody_else(sandbox, settings, link, caplog):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EXTERNAL_ID": f"{__name__}.broken"}}
    unlucky = customers.ensure_link(UserFactory())
    outbox.note(unlucky, Kind.REGISTER)
    move(link, "new@example.com")
    delivery = sending.deliver_due()
    assert (delivery.delivered, delivery.postponed) == (1, 1)
    assert change_of(unlucky, Kind.REGISTER).last_error == "this site raised LookupError"
    assert "ada@example.com" not in caplog.text


def test_error_of_another_database_holds_up_nobody_else(sandbox, settings, link):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EXTERNAL_ID": f"{__name__}.down"}}
    for _ in range(2):
        outbox.note(customers.ensure_link(UserFactory()), Kind.REGISTER)
    move(link, "new@example.com")
    delivery = sending.deliver_due()
    assert (delivery.delivered, delivery.postponed, leased()) == (1, 2, 0)


def down(user):
    raise OperationalError("the database of the billing is down")


def test_change_of_a_kind_that_only_a_newer_release_knows_holds_up_nobody(sandbox, link):
    RemoteChange.objects.create(link=link, kind="change_shoe_size", noted=1, due_at=NOW() - timedelta(days=1))
    move(link, "new@example.com")
    assert sending.deliver_due().delivered == 1
    assert change_of(link, "change_shoe_size").is_waiting
    assert leased() == 0


def broken(user):
    raise LookupError("ada@example.com is in no list")


def test_user_model_that_fails_as_an_answer_is_kept_holds_up_nobody_else(sandbox, link):
    unlucky = UserFactory()
    outbox.note(customers.ensure_link(unlucky), Kind.REGISTER)
    move(link, "new@example.com")
    get_email_field_name = type(unlucky).get_email_field_name

    def fail(step, claim):
        if claim.link.user_id == unlucky.pk:
            type(unlucky).get_email_field_name = classmethod(broken) if step is Step.ANSWERED else get_email_field_name

    try:
        delivery = sending.deliver_due(observe=fail)
    finally:
        type(unlucky).get_email_field_name = get_email_field_name
    assert (delivery.delivered, delivery.postponed) == (1, 1)
    assert leased() == 0


def test_account_without_credentials_is_told_so_and_others_go_on(sandbox, link, settings, caplog):
    settings.PLENIGO = {
        "brand": {**settings.PLENIGO["default"], "MODE": "live", "COMPANY_ID": "C" * 20},
        **settings.PLENIGO,
    }
    move(link, "new@example.com")
    delivery = sending.deliver_due()
    assert delivery.delivered == 1
    assert "SECRET" in delivery.stopped["brand"]
    assert "Nothing can be delivered of the account 'brand'" in caplog.text


def test_site_without_a_default_account_is_delivered_too(settings, sandbox):
    settings.PLENIGO = {"brand": settings.PLENIGO["default"]}
    link = customers.request_registration(UserFactory(), using="brand")
    assert sending.deliver_due().delivered == 1
    link.refresh_from_db()
    assert link.is_registered


# ---- how fast, and how much


def test_calls_are_made_at_the_same_time_but_never_more_than_asked_for(vendor):
    vendor.latency_seconds = 0.03
    links = new_links(30)
    assert sending.deliver_due(workers=4).delivered == 30
    assert 2 <= vendor.most_at_once <= 4
    assert vendor.overlaps == 0
    assert Counter(vendor.calls) == {("changeEmail", link.customer_id): 1 for link in links}


def test_kinds_of_one_customer_are_told_in_one_run_while_there_are_idle_workers(vendor):
    vendor.latency_seconds = 0.4  # longer than an idle run waits before it looks
    link = new_links(1)[0]
    AccessId.objects.create(link=link, slot=1, value="CRM-1", imported_at=NOW())
    outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    sending.deliver_due(workers=4)
    assert [verb for verb, _customer in vendor.calls] == ["changeEmail", "customerAccess"]
    assert vendor.overlaps == 0


def test_customer_whose_call_takes_long_holds_up_no_other(vendor):
    slow, *others = new_links(6)
    hold = vendor.hold(slow.customer_id)
    later = []

    def look(step, claim):
        if step is Step.SETTLED and not later:
            later.extend(new_links(1))
        if step is Step.SETTLED and later and claim.link.pk == later[0].pk:
            hold.may_go_on.set()

    assert sending.deliver_due(workers=2, observe=look).delivered == 7
    assert vendor.emails.keys() == {link.customer_id for link in [slow, *others, *later]}


def test_limit_is_how_many_are_sent_at_most(vendor):
    new_links(5)
    assert sending.deliver_due(workers=2, limit=3).delivered == 3
    assert len(vendor.calls) == 3
    assert leased() == 0
    assert sending.deliver_due(limit=0) == sending.Delivery()


def test_limit_holds_for_all_accounts_together(settings, sandbox):
    settings.PLENIGO = dict.fromkeys(("one", "two"), settings.PLENIGO["default"])
    for name in ("one", "two"):
        for user in UserFactory.create_batch(2):
            customers.request_registration(user, using=name)
    assert sending.deliver_due(limit=3).delivered == 3


class ReadsFromReplica:
    """A router as of a site whose replica is late."""

    def db_for_read(self, model, **hints):
        return "replica"


@pytest.fixture
def late_replica(settings):
    """Send all reads that are not told where to go to a database that has no table yet."""
    values = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {}}
    connections.databases["replica"] = {**connections.databases["default"], **values}
    settings.DATABASE_ROUTERS = [ReadsFromReplica()]
    yield
    connections["replica"].close()
    del connections["replica"], connections.databases["replica"]


def test_what_is_sent_is_not_read_from_a_replica(vendor, request):
    link = new_links(1)[0]
    AccessId.objects.create(link=link, slot=1, value="CRM-1", imported_at=NOW())
    outbox.note(link, Kind.ASSIGN_ACCESS_IDS)
    request.getfixturevalue("late_replica")
    assert sending.deliver_due().delivered == 2


def test_rows_that_refer_to_a_customer_can_be_made_while_she_is_claimed_or_settled(vendor):
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has a weaker lock")
    new_links(1)
    with CaptureQueriesContext(connection) as queries:
        sending.deliver_due(workers=1)
    locks = [query["sql"] for query in queries if " FOR " in query["sql"]]
    assert locks
    assert all(sql.endswith("FOR NO KEY UPDATE SKIP LOCKED") for sql in locks)


@pytest.fixture
def short_turns(vendor, settings, monkeypatch):
    """Let a busy account have several turns until all is told."""
    vendor.latency_seconds = 0.04
    monkeypatch.setattr(delivering, "TURN_SECONDS", 0.15)
    settings.PLENIGO = {"busy": settings.PLENIGO["default"], "other": settings.PLENIGO["default"]}


def test_busy_account_keeps_no_other_waiting_for_long(short_turns):
    new_links(20, account="busy")
    new_links(1, account="other")
    told = []

    def observe(step, claim):
        if step is Step.SENDING:
            told.append(claim.link.account)
            if len(told) == 10:  # whoever was told all is looked at again as long as another one is busy
                new_links(1, account="other")

    assert sending.deliver_due(workers=1, observe=observe).delivered == 22
    assert told.index("other") < 10
    assert "other" in told[10:-1]
    assert leased() == 0


def test_account_that_was_stopped_has_no_further_turn_while_another_is_busy(short_turns, settings, caplog):
    settings.PLENIGO["other"] = {"MODE": "live"}
    new_links(10, account="busy")
    assert sending.deliver_due(workers=1).delivered == 10
    assert caplog.text.count("Nothing can be delivered of the account 'other'") == 1


def test_change_that_was_released_uses_up_no_limit_and_is_not_said_to_be_settled(sandbox, link, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "TIMEOUT_SECONDS": 0.05}}
    move(link, "new@example.com")
    steps = []

    def sleep(step, claim):
        if step is Step.CLAIMED and step not in steps:
            time.sleep(0.3)
        steps.append(step)

    assert sending.deliver_due(observe=sleep, lease_seconds=0.01, limit=1).delivered == 1
    assert steps == [Step.CLAIMED, Step.CLAIMED, Step.SENDING, Step.ANSWERED, Step.SETTLED]


def test_no_call_is_begun_once_the_run_must_stop_and_what_was_claimed_is_given_back(vendor):
    new_links(20)
    delivery = sending.deliver_due(workers=2, must_stop=lambda: len(vendor.calls) >= 3)
    assert 3 <= delivery.delivered == len(vendor.calls) <= 4
    assert leased() == 0


def test_rate_limit_spreads_the_calls(vendor, settings):
    settings.PLENIGO["default"]["CALLS_PER_SECOND"] = 20
    new_links(7)
    began = time.monotonic()
    assert sending.deliver_due(workers=4).delivered == 7
    assert time.monotonic() - began >= 6 / 20


def test_rate_limit_holds_for_all_runs_of_a_process_together(vendor, settings):
    settings.PLENIGO["default"]["CALLS_PER_SECOND"] = 20
    new_links(7)
    began = time.monotonic()
    for _ in range(7):
        sending.deliver_due(limit=1)
    assert len(vendor.calls) == 7
    assert time.monotonic() - began >= 6 / 20


@pytest.mark.parametrize("calls_per_second", [0.02, 0.001])
def test_slow_rate_limit_claims_no_more_than_can_be_sent_while_it_is_leased(vendor, settings, calls_per_second):
    settings.PLENIGO["default"]["CALLS_PER_SECOND"] = calls_per_second
    new_links(8)
    claimed = []

    def observe(step, claim):
        if step is Step.CLAIMED:
            claimed.append(claim)

    sending.deliver_due(workers=2, observe=observe, must_stop=lambda: len(vendor.calls) == 1)
    assert 1 <= len(claimed) <= 3
    assert leased() == 0


def test_slow_rate_limit_keeps_no_stop_waiting(vendor, settings):
    settings.PLENIGO["default"]["CALLS_PER_SECOND"] = 0.01
    new_links(2)
    began = time.monotonic()
    delivery = sending.deliver_due(workers=1, must_stop=lambda: time.monotonic() - began > 0.5)
    assert delivery.delivered == 1
    assert time.monotonic() - began < 5
    assert leased() == 0


def test_many_changes_are_claimed_and_written_together(vendor, django_assert_max_num_queries):
    new_links(80)
    with django_assert_max_num_queries(79):  # less than one statement a change
        assert sending.deliver_due(workers=20).delivered == 80


def test_threads_that_call_leave_no_database_connection_behind(vendor, settings):
    """A circuit breaker in a cache in the database opens one in each thread."""
    if connection.vendor == "sqlite":
        pytest.skip("Django leaves a database in memory open")
    settings.CACHES = {"default": {"BACKEND": "tests.caches.CacheInTheDatabase"}}
    CacheInTheDatabase.used.clear()
    new_links(4)
    assert sending.deliver_due(workers=2).delivered == 4
    in_threads = [used for used in CacheInTheDatabase.used if used is not connections[used.alias]]
    assert in_threads
    assert all(used.connection is None for used in in_threads)


def test_run_that_is_interrupted_gives_back_what_it_has_claimed(link):
    move(link, "new@example.com")

    def interrupt(step, claim):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sending.deliver_due(observe=interrupt)
    assert leased() == 0


@pytest.fixture
def cut_connection(transactional_db):
    """Cut this thread's connection to the database; that raises."""
    cuts = {"postgresql": "SELECT pg_terminate_backend(pg_backend_pid())", "mysql": "KILL CONNECTION_ID()"}
    if connection.vendor not in cuts:
        pytest.skip("there is no connection to cut")
    return lambda: connection.cursor().execute(cuts[connection.vendor])


def test_connection_that_is_cut_keeps_no_lease(cut_connection, vendor):
    """What was told is written by a new one, and the rest is due at once."""
    links = new_links(8)

    def cut(step, claim):
        if step is Step.CLAIMED and not vendor.calls:
            cut_connection()

    with pytest.raises((OperationalError, InterfaceError)):
        sending.deliver_due(workers=2, observe=cut)
    assert leased() == 0
    sending.deliver_due()
    assert sorted(vendor.calls) == sorted(("changeEmail", link.customer_id) for link in links)


def test_connection_that_is_cut_as_claims_are_read_keeps_no_lease(cut_connection, vendor):
    links = new_links(3)
    statements = []

    def cut_after_the_lease(execute, sql, params, many, context):
        statements.append(sql)
        if sql.startswith("SELECT") and len(statements) > 1 and statements[-2].startswith("UPDATE"):
            cut_connection()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(cut_after_the_lease), pytest.raises((OperationalError, InterfaceError)):
        sending.deliver_due(workers=1)
    assert vendor.calls == []
    assert leased() == 0
    sending.deliver_due()
    assert len(vendor.calls) == len(links)


# ---- transactions of the site that are open meanwhile


@pytest.fixture
def in_another_transaction(transactional_db):
    """Run a statement in a transaction that stays open until the block ends."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one writer at a time")
    threads = []

    def start(statement):
        is_open, may_end = threading.Event(), threading.Event()

        def run():
            try:
                with transaction.atomic():
                    statement()
                    is_open.set()
                    may_end.wait(20)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        threads.append((thread, may_end))
        thread.start()
        assert is_open.wait(20)

        def end():
            may_end.set()
            thread.join(20)

        return end

    yield start
    for thread, may_end in threads:
        may_end.set()
        thread.join(20)


def test_change_that_an_open_transaction_notes_is_not_waited_for(in_another_transaction, vendor):
    noted_now, other = new_links(2)
    end = in_another_transaction(lambda: outbox.note(noted_now, Kind.CHANGE_EMAIL))
    began = time.monotonic()
    assert sending.deliver_due(workers=1).delivered == 1
    assert time.monotonic() - began < 2
    assert vendor.calls == [("changeEmail", other.customer_id)]
    end()
    assert sending.deliver_due(workers=1).delivered == 1


def test_change_that_is_noted_while_it_is_settled_stays_due_and_is_told_again(in_another_transaction, vendor):
    link = new_links(1)[0]
    ends = []

    def note(step, claim):
        if step is Step.ANSWERED and not ends:
            ends.append(in_another_transaction(lambda: outbox.note(link, Kind.CHANGE_EMAIL)))

    began = time.monotonic()
    assert sending.deliver_due(workers=1, observe=note).delivered == 1
    assert time.monotonic() - began < 5  # it has waited for a moment
    link.refresh_from_db()
    assert (link.lease, link.confirmed_email) == (None, vendor.emails[link.customer_id])
    ends[0]()
    assert change_of(link).is_waiting
    sending.deliver_due(workers=1)
    assert not change_of(link).is_waiting


def test_link_that_is_locked_while_it_is_settled_keeps_its_lease_until_it_is_free(in_another_transaction, vendor):
    locked, other = new_links(2)
    ends = []

    def lock():
        CustomerLink.objects.filter(pk=locked.pk).update(external_id="locked")

    def observe(step, claim):
        if step is Step.ANSWERED and claim.link.pk == locked.pk:
            ends.append(in_another_transaction(lock))
        if step is Step.SETTLED and claim.link.pk == other.pk:
            ends[0]()

    delivery = sending.deliver_due(workers=1, observe=observe)
    assert (delivery.delivered, len(vendor.calls), leased()) == (2, 2, 0)


def test_link_that_stays_locked_is_told_again_when_its_lease_has_run_out(in_another_transaction, vendor):
    link = new_links(1)[0]
    links = CustomerLink.objects.filter(pk=link.pk)
    ends = []

    def lock(step, claim):
        if step is Step.ANSWERED and not ends:
            ends.append(in_another_transaction(lambda: links.update(confirmed_language="de")))

    assert sending.deliver_due(workers=1, observe=lock).delivered == 0
    ends[0]()
    with time_machine.travel(NOW() + timedelta(minutes=10)):
        sending.deliver_due(workers=1)
    assert not change_of(link).is_waiting
    assert leased() == 0


def test_transaction_that_notes_many_customers_in_any_order_meets_no_deadlock(in_another_transaction, vendor):
    """It holds the second customer's change and then asks for the first's, while both are being settled."""
    first, second = new_links(2)
    errors, holds_second = [], threading.Event()

    def save_both():
        try:
            with transaction.atomic():
                outbox.note(second, Kind.CHANGE_EMAIL)
                holds_second.set()
                time.sleep(0.5)
                outbox.note(first, Kind.CHANGE_EMAIL)
        except Exception as error:  # noqa: BLE001 - whatever the site would meet
            errors.append(error)
        finally:
            connections.close_all()

    site, turn = threading.Thread(target=save_both), threading.Lock()

    def start(step, claim):
        if step is Step.ANSWERED and turn.acquire(blocking=False):  # both calls are answered at the same time
            site.start()
            assert holds_second.wait(20)

    sending.deliver_due(workers=2, observe=start)
    site.join(20)
    assert errors == []
    sending.deliver_due(workers=2)
    assert not any(row.is_waiting for row in RemoteChange.objects.all())

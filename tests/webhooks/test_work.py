"""What comes of a delivery: who is bound, who is not and why, and what becomes of the body."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    NoAnswerError,
    RateLimitError,
    RejectedError,
    RemoteUnavailableError,
)
from django_plenigo.models import PortalAccount, WebhookDelivery
from django_plenigo.protocols.base import PortalCustomerSeen
from django_plenigo.sandbox.callbacks import signature
from django_plenigo.services import due_work, portals, webhooks
from django_plenigo.services.webhooks import claims
from tests.factories import UserFactory
from tests.webhooks.conftest import last_delivery, reference_of
from tests.webhooks.vendor import TOKEN, purchase

pytestmark = pytest.mark.django_db(transaction=True)


def outcome_of(deliver, *purchases, **options):
    """Deliver purchases, have them worked on, and return what came of it."""
    assert deliver({"purchases": list(purchases)}, **options).status_code == 200
    due_work.run_due_work()
    delivery = last_delivery()
    assert (delivery.body is None) == (delivery.state == "done")
    return delivery.state, delivery.reason


def work_after(**time):
    """Do what is due after some time, and return what has come of the last delivery by then."""
    with time_machine.travel(timezone.now() + timedelta(**time)):
        due_work.run_due_work()
    return last_delivery().state, last_delivery().reason


def wait_in_vain(turns):
    """Do what is due over and over, two hours apart, and return the last delivery."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(turns):
            clock.shift(timedelta(hours=2))
            due_work.run_due_work()
    return last_delivery()


def test_reader_is_bound_whose_reference_and_verified_address_come_back(shop, deliver, buyer):
    assert outcome_of(deliver, purchase()) == ("done", "bound")
    account = PortalAccount.objects.get()
    assert (account.reference, account.provenance, account.bound_from) == ("4711", "webhook", "shop")
    assert account.bound_at is not None


def test_work_within_a_transaction_is_refused(shop, deliver, buyer):
    deliver({"purchases": [purchase()]})
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        webhooks.work_due()
    assert last_delivery().attempts == 0


def test_capital_letters_make_no_other_address(shop, deliver, buyer):
    assert outcome_of(deliver, purchase(email="Reader@Example.com")) == ("done", "bound")


def test_domain_with_another_letter_is_another_address(shop, deliver, buyer):
    type(buyer).objects.update(email="reader@straße.example")
    assert outcome_of(deliver, purchase(email="reader@strasse.example")) == ("waiting", "other_email")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_valid": False}, "not_valid"),
        ({"our_reference": ""}, "no_reference"),
        ({"our_reference": "guessed"}, "unknown_reference"),
        ({"our_reference": "\x00"}, "unknown_reference"),
        ({"our_reference": "x" * 5000}, "unknown_reference"),
        ({"email": ""}, "no_email"),
        ({"reference": ""}, "unreadable"),
        ({"reference": "x" * 251}, "unreadable"),
    ],
)
def test_nobody_is_bound_where_a_condition_is_missing(shop, deliver, buyer, changes, reason):
    assert outcome_of(deliver, purchase(**changes)) == ("done", reason)
    assert reference_of(buyer) is None


@pytest.fixture
def newcomer(db):
    """A reader who has bought before she has verified her address."""
    user = UserFactory(username="unverified", email="reader@example.com")
    PortalAccount.objects.create(portal="shop", user=user, our_reference="ours-1")
    return user


def test_reader_who_has_not_verified_her_address_yet_is_bound_once_she_has(shop, deliver, newcomer):
    assert outcome_of(deliver, purchase()) == ("waiting", "unverified_email")
    assert work_after(minutes=1) == ("waiting", "unverified_email")
    assert reference_of(newcomer) is None
    type(newcomer).objects.update(username="verified")
    assert work_after(hours=2) == ("done", "bound")
    assert (reference_of(newcomer), last_delivery().body) == ("4711", None)


def test_reader_who_has_paid_with_another_address_is_bound_once_it_is_hers(shop, deliver, buyer):
    assert outcome_of(deliver, purchase(email="at.work@example.com")) == ("waiting", "other_email")
    assert reference_of(buyer) is None
    type(buyer).objects.update(email="at.work@example.com")
    assert work_after(minutes=1) == ("done", "bound")


def test_address_that_is_not_verified_in_time_binds_nobody_and_the_body_is_dropped(shop, deliver, newcomer):
    outcome_of(deliver, purchase())
    assert webhooks.backlog_of("default") == webhooks.WebhookBacklog(waiting=0, failed=0)  # no worker is behind
    delivery = wait_in_vain(webhooks.MOST_ATTEMPTS)
    assert (delivery.state, delivery.reason, delivery.body) == ("done", "unverified_email", None)
    assert delivery.attempts == webhooks.MOST_ATTEMPTS


def test_agent_has_a_delivery_worked_on_at_once_that_waits_for_the_reader(shop, deliver, newcomer):
    outcome_of(deliver, purchase())
    type(newcomer).objects.update(username="verified")
    assert webhooks.try_again(WebhookDelivery.objects.all()) == 1
    due_work.run_due_work()
    assert last_delivery().reason == "bound"


def test_reference_of_one_portal_binds_nobody_at_another(shop, deliver, buyer):
    assert outcome_of(deliver, purchase(), source="other") == ("done", "unknown_reference")


def test_binding_that_is_there_is_never_moved(shop, deliver, buyer):
    outcome_of(deliver, purchase())
    assert outcome_of(deliver, purchase(reference="4712")) == ("done", "has_another")
    other = UserFactory(username="other", email="other@example.com")
    PortalAccount.objects.create(portal="shop", user=other, our_reference="ours-2")
    hers = purchase(our_reference="ours-2", email="other@example.com")
    assert outcome_of(deliver, hers) == ("done", "taken")
    assert (reference_of(buyer), reference_of(other)) == ("4711", None)


def test_customer_whom_an_agent_has_taken_away_does_not_come_back(shop, deliver, buyer):
    outcome_of(deliver, purchase())
    portals.take_away(PortalAccount.objects.get())
    assert outcome_of(deliver, purchase(object_id="2")) == ("done", "taken_away")
    assert reference_of(buyer) is None


def test_order_of_deliveries_does_not_matter(shop, deliver, buyer):
    paid, cancelled = purchase(object_id="1"), purchase(object_id="1", is_valid=False)
    assert outcome_of(deliver, cancelled) == ("done", "not_valid")
    assert outcome_of(deliver, paid) == ("done", "bound")
    assert outcome_of(deliver, {**cancelled, "object_kind": "again"}) == ("done", "not_valid")
    assert reference_of(buyer) == "4711"


def test_of_several_things_in_one_delivery_the_one_that_an_agent_needs_is_told(shop, deliver, buyer):
    assert outcome_of(deliver, purchase(is_valid=False), purchase(email="")) == ("done", "no_email")
    assert outcome_of(deliver) == ("done", "nothing")


def test_replayed_delivery_is_worked_on_once(shop, deliver, buyer):
    outcome_of(deliver, purchase())
    read = shop.read
    deliver({"purchases": [purchase()]})
    assert due_work.run_due_work().delivered == 0
    assert shop.read == read + 1  # at the door, as whether it can be read is asked there
    assert WebhookDelivery.objects.get().repeated == 1


def test_repetition_of_what_waits_for_the_reader_is_worked_on_at_once(shop, deliver, newcomer):
    outcome_of(deliver, purchase())
    type(newcomer).objects.update(username="verified")
    assert outcome_of(deliver, purchase()) == ("done", "bound")
    assert WebhookDelivery.objects.get().repeated == 1


def test_repetition_binds_a_reader_who_has_verified_her_address_after_all_tries(shop, deliver, newcomer):
    outcome_of(deliver, purchase())
    assert (wait_in_vain(webhooks.MOST_ATTEMPTS).state, last_delivery().body) == ("done", None)
    assert outcome_of(deliver, purchase()) == ("waiting", "unverified_email")
    type(newcomer).objects.update(username="verified")
    assert outcome_of(deliver, purchase()) == ("done", "bound")


# ---- what nothing has signed


@pytest.fixture
def unsigned(shop):
    """The vendor, who does not sign: the address has a token."""
    shop.takes_token = True
    return shop


def test_unsigned_delivery_binds_what_the_vendor_says_and_not_what_was_delivered(unsigned, deliver, buyer):
    unsigned.known["4711"] = PortalCustomerSeen("4711", "ours-1", "reader@example.com", is_valid=True)
    forged = purchase(email="forged@example.com", is_valid=False)
    assert outcome_of(deliver, forged, query=f"?token={TOKEN}", Accept="*/*") == ("done", "bound")


def test_unsigned_delivery_of_which_the_vendor_knows_nothing_binds_nobody(unsigned, deliver, buyer):
    assert outcome_of(deliver, purchase(), query=f"?token={TOKEN}", Accept="*/*") == ("waiting", "not_confirmed")
    asked = wait_in_vain(20)
    assert (asked.state, asked.reason, asked.body) == ("done", "not_confirmed", None)
    assert unsigned.confirmed == asked.attempts == 6
    assert reference_of(buyer) is None


def test_unsigned_delivery_that_is_ahead_of_the_vendors_api_is_confirmed_a_little_later(unsigned, deliver, buyer):
    outcome_of(deliver, purchase(), query=f"?token={TOKEN}", Accept="*/*")
    unsigned.known["4711"] = PortalCustomerSeen("4711", "ours-1", "reader@example.com", is_valid=True)
    assert work_after(minutes=1) == ("done", "bound")


def test_wrong_token_in_the_address_proves_nothing(unsigned, deliver):
    assert deliver({"purchases": []}, query="?token=guessed", Accept="*/*").status_code == 400
    assert deliver({"purchases": []}, query="?" + "a&" * 5000, Accept="*/*").status_code == 400


# ---- failures


@pytest.fixture
def failing(unsigned, deliver, buyer):
    """Deliver what the vendor has to be asked about, and have it fail with an error; the delivery then."""
    unsigned.known["4711"] = PortalCustomerSeen("4711", "ours-1", "reader@example.com", is_valid=True)

    def fail(*errors):
        unsigned.errors.extend(errors)
        deliver({"purchases": [purchase()]}, query=f"?token={TOKEN}", Accept="*/*")
        due_work.run_due_work()
        return last_delivery()

    return fail


@pytest.mark.parametrize(
    "error",
    [
        NoAnswerError("shop", "read"),
        RemoteUnavailableError("shop", "read", status=503),
        AuthenticationError("shop", "read", status=401),
        ConfigurationError("PLENIGO_PORTALS['shop']['KEY'] is wrong."),
        KeyError("a function of the site"),
    ],
)
def test_what_may_pass_is_tried_again_later(failing, buyer, error):
    delivery = failing(error)
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    assert delivery.last_error_type == type(error).__name__
    assert timedelta(0) < delivery.due_at - timezone.now() < timedelta(minutes=1)
    with time_machine.travel(delivery.due_at + timedelta(seconds=1)):
        due_work.run_due_work()
    assert last_delivery().reason == "bound"
    assert reference_of(buyer) == "4711"


def test_waits_grow_and_the_vendors_wish_is_granted(failing):
    error = RateLimitError("shop", "read", status=429)
    error.retry_after_seconds = 3000.0
    assert failing(error).due_at - timezone.now() > timedelta(seconds=2900)


def test_vendor_who_was_not_even_asked_costs_no_attempt(failing):
    delivery = failing(RemoteUnavailableError("shop", "read", code="circuit open"))
    assert (delivery.state, delivery.attempts) == ("waiting", 0)


def test_what_fails_too_often_is_left_to_an_agent_with_its_body(failing, unsigned, caplog):
    failing(*[NoAnswerError("shop", "read")] * webhooks.MOST_ATTEMPTS)
    delivery = wait_in_vain(webhooks.MOST_ATTEMPTS)
    assert (delivery.state, delivery.reason, delivery.due_at) == ("failed", "given_up", None)
    assert delivery.body is not None
    assert "A webhook has failed, an agent has to look: shop.read" in caplog.text


def test_what_the_vendor_refuses_is_left_to_an_agent_at_once(failing, unsigned, buyer):
    delivery = failing(RejectedError("shop", "read", status=400))
    assert (delivery.state, delivery.reason, delivery.last_error) == ("failed", "rejected", "shop.read, HTTP 400")
    assert webhooks.try_again(WebhookDelivery.objects.all()) == 1
    due_work.run_due_work()
    assert last_delivery().reason == "bound"
    assert last_delivery().body is None
    assert webhooks.try_again(WebhookDelivery.objects.all()) == 0


def test_repetition_of_what_has_failed_is_worked_on_again(failing, buyer):
    assert failing(RejectedError("shop", "read", status=400)).state == "failed"
    repeated = failing()
    assert (repeated.state, repeated.reason, repeated.repeated) == ("done", "bound", 1)


def test_repetition_hurries_nobody_who_does_not_answer(failing):
    first = failing(NoAnswerError("shop", "read"))
    repeated = failing()
    assert (repeated.repeated, repeated.attempts, repeated.due_at) == (1, 1, first.due_at)


def test_body_of_what_failed_is_kept_for_a_while_only(failing):
    failing(RejectedError("shop", "read", status=400))
    with time_machine.travel(timezone.now() + webhooks.KEPT_BODY + timedelta(hours=2)):
        due_work.run_due_work()
        assert last_delivery().body is None
        assert not webhooks.may_try_again(last_delivery())
        assert webhooks.try_again(WebhookDelivery.objects.all()) == 0


def test_repetition_brings_back_the_body_of_what_failed_long_ago(failing, buyer):
    failing(RejectedError("shop", "read", status=400))
    with time_machine.travel(timezone.now() + webhooks.KEPT_BODY + timedelta(hours=2)):
        due_work.run_due_work()
        assert last_delivery().body is None
        assert failing().reason == "bound"


def test_body_of_what_nobody_works_on_is_kept_for_a_while_only(shop, deliver, settings):
    deliver({"purchases": [purchase()]})
    settings.PLENIGO_PORTALS = {}
    for days, state in ((29, "waiting"), (31, "failed")):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            due_work.run_due_work()
            delivery = last_delivery()
            assert (delivery.state, delivery.body is None) == (state, state == "failed")
    assert delivery.reason == "given_up"
    assert not webhooks.may_try_again(delivery)


def test_body_that_somebody_works_on_right_now_is_left_to_her(shop, deliver):
    deliver({"purchases": [purchase()]})
    with time_machine.travel(timezone.now() + 2 * webhooks.KEPT_BODY):
        assert claims.claim(["shop"]) is not None
        assert webhooks.forget_bodies() == 0
    assert last_delivery().body is not None


def test_worker_that_comes_back_late_works_on_what_has_waited(shop, deliver, buyer):
    deliver({"purchases": [purchase()]})
    with time_machine.travel(timezone.now() + 2 * webhooks.KEPT_BODY):
        due_work.run_due_work()
    assert reference_of(buyer) == "4711"


# ---- workers that die, and workers that meet


def test_delivery_whose_worker_died_is_worked_on_once_its_lease_is_over(shop, deliver, buyer):
    deliver({"purchases": [purchase()]})
    assert claims.claim(["shop"]) is not None  # and its worker is killed
    due_work.run_due_work()
    assert reference_of(buyer) is None
    with time_machine.travel(timezone.now() + claims.LEASE_TIME + timedelta(seconds=1)):
        due_work.run_due_work()
    assert reference_of(buyer) == "4711"


def test_delivery_that_ends_its_worker_each_time_is_given_up(shop, deliver):
    deliver({"purchases": [purchase()]})
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(webhooks.MOST_ATTEMPTS):
            assert claims.claim(["shop"]) is not None
            clock.shift(claims.LEASE_TIME + timedelta(seconds=1))
        due_work.run_due_work()
    assert (last_delivery().state, last_delivery().reason) == ("failed", "given_up")


def test_worker_that_has_lost_its_lease_writes_nothing(shop, deliver):
    deliver({"purchases": [purchase()]})
    late = claims.claim(["shop"])
    with time_machine.travel(timezone.now() + claims.LEASE_TIME + timedelta(seconds=1)):
        assert claims.claim(["shop"]) is not None
    assert not claims.settle(late, state="failed", reason="given_up")
    assert last_delivery().state == "waiting"


def test_lease_that_a_wrong_clock_wrote_ends_all_the_same(shop, deliver):
    deliver({"purchases": []})
    with time_machine.travel(timezone.now() + timedelta(days=300)):
        WebhookDelivery.objects.update(leased_until=timezone.now())
    assert claims.claim(["shop"]) is not None


# ---- who does the work


def test_account_default_works_for_all_portals_and_another_for_itself(shop, deliver, settings):
    on_v3 = {**settings.PLENIGO["default"], "API": "v3", "WEBHOOK_SECRETS": ["a secret of callbacks"]}
    settings.PLENIGO = {"default": on_v3, "second": on_v3}
    for source in ("shop", "other"):
        assert deliver({"purchases": []}, source=source).status_code == 200
    told = json.dumps({"entityType": "CUSTOMER", "callbackType": "CHANGE", "entityId": "100003", "entity": {}}).encode()
    signed = signature("a secret of callbacks", int(timezone.now().timestamp()), told)
    for source in ("plenigo", "plenigo-second"):
        assert deliver(told, source=source, **{"plenigo-signature": signed}).status_code == 200
    due_work.run_due_work(["second"])
    left = WebhookDelivery.objects.filter(state="waiting").values_list("source", flat=True)
    assert set(left) == {"shop", "other", "plenigo"}
    due_work.run_due_work(["default"])
    assert webhooks.backlog_of("default").waiting == 0


def test_delivery_wakes_the_account_that_works_on_it(shop, deliver, settings, buyer):
    account = {**settings.PLENIGO["default"], "DELIVERY": "django_plenigo.delivery.now"}
    settings.PLENIGO = {"default": account}
    deliver({"purchases": [purchase()]})
    assert reference_of(buyer) == "4711"


def test_source_that_is_gone_from_the_settings_waits_until_it_is_back(shop, deliver, settings, buyer):
    deliver({"purchases": [purchase()]})
    portals_before, settings.PLENIGO_PORTALS = settings.PLENIGO_PORTALS, {}
    due_work.run_due_work()
    assert last_delivery().state == "waiting"
    settings.PLENIGO_PORTALS = portals_before
    due_work.run_due_work()
    assert last_delivery().state == "done"


def test_turn_that_is_to_stop_begins_no_further_delivery(shop, deliver):
    deliver({"purchases": []})
    assert webhooks.work_due(must_stop=lambda: True) == 0
    assert webhooks.work_due(limit=0) == 0
    assert webhooks.work_due(limit=1) == 1


def test_what_has_come_to_an_end_meanwhile_is_not_written_over(shop, deliver):
    deliver({"purchases": [purchase()]})
    claimed = claims.claim(["shop"])
    assert claims.settle(claimed, state="done", reason="bound")
    WebhookDelivery.objects.update(lease=claimed.lease)  # as where a row is put back by hand
    assert not claims.settle(claimed, state="failed", reason="given_up")
    assert (last_delivery().state, last_delivery().reason) == ("done", "bound")

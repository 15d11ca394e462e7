"""When a way of delivery is woken: after a commit, once, and by visitors for what waits."""

import pytest
from django.db import transaction

from django_plenigo.services import customers, outbox, sending
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

wakes = []


def record(accounts):
    """Be a way of delivery that only takes note of being woken."""
    wakes.append(accounts)


def fail(accounts):
    """Be a way of delivery whose broker is down."""
    wakes.append(accounts)
    raise ConnectionError("nobody listens")


@pytest.fixture(autouse=True)
def _way_of_delivery(settings):
    wakes.clear()
    settings.PLENIGO = {"default": {"MODE": "sandbox", "DELIVERY": f"{__name__}.record"}}


def test_transaction_wakes_once_after_its_commit_however_much_it_notes():
    with transaction.atomic():
        for _ in range(20):
            with transaction.atomic():
                outbox.wake_on_commit("default")
        assert wakes == []
    assert wakes == [["default"]]


def test_each_transaction_wakes():
    for _ in range(3):
        with transaction.atomic():
            outbox.wake_on_commit("default")
    outbox.wake_on_commit("default")
    assert len(wakes) == 4


def test_transaction_that_is_rolled_back_wakes_nobody_and_the_next_one_does():
    with transaction.atomic():
        outbox.wake_on_commit("default")
        transaction.set_rollback(True)
    assert wakes == []
    with transaction.atomic():
        outbox.wake_on_commit("default")
    assert len(wakes) == 1


def test_note_outside_of_a_savepoint_that_is_rolled_back_wakes():
    with transaction.atomic():
        with transaction.atomic():
            outbox.wake_on_commit("default")
            transaction.set_rollback(True)
        outbox.wake_on_commit("default")
    assert len(wakes) == 1


def test_each_account_is_woken(settings):
    settings.PLENIGO = {name: {"MODE": "sandbox", "DELIVERY": f"{__name__}.record"} for name in ("default", "weekly")}
    with transaction.atomic():
        for _ in range(2):
            outbox.wake_on_commit("default")
            outbox.wake_on_commit("weekly")
    assert wakes == [["default"], ["weekly"]]


def test_way_of_delivery_that_fails_breaks_no_transaction_and_is_tried_once_in_it(settings, caplog):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "DELIVERY": f"{__name__}.fail"}}
    with transaction.atomic():
        for _ in range(5):
            outbox.wake_on_commit("default")
    outbox.wake_on_commit("default")
    assert len(wakes) == 2
    assert "nobody listens" in caplog.text


def test_thread_that_delivers_an_account_by_itself_wakes_nobody_for_it(settings):
    settings.PLENIGO = {name: {"MODE": "sandbox", "DELIVERY": f"{__name__}.record"} for name in ("default", "weekly")}
    with outbox.delivering_here("default"):
        outbox.wake_on_commit("default")
        outbox.wake_on_commit("weekly")
    assert wakes == [["weekly"]]
    outbox.wake_on_commit("default")
    assert wakes == [["weekly"], ["default"]]


def is_verified(user):
    """Be a function of a site that has verified every address."""
    return True


def test_what_is_noted_by_a_delivery_is_delivered_by_it_and_wakes_nobody(settings, sandbox):
    settings.PLENIGO["default"]["EMAIL_IS_VERIFIED"] = f"{__name__}.is_verified"
    user = UserFactory()
    customers.request_registration(user)
    assert len(wakes) == 1
    assert sending.deliver_due().delivered == 2  # the registration, and the external id that it leaves to be attached
    assert [call.endpoint for call in sandbox.calls] == ["register", "addExternalUserId"]
    assert len(wakes) == 1


def test_now_is_a_way_of_delivery_that_is_done_as_the_save_returns(settings, sandbox):
    settings.PLENIGO["default"]["DELIVERY"] = "django_plenigo.delivery.now"
    user = UserFactory()
    link = customers.register(user)
    user.email = "new@example.com"
    user.save()
    assert sandbox.customer(link.customer_id).email == "new@example.com"

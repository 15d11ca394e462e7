"""Whatever happens to two readers, to the vendor, to the workers and to the clock: in the end both sides are alike."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from django_plenigo.errors import PlenigoError
from django_plenigo.models import CustomerLink, DeliveryPause, RemoteChange
from django_plenigo.sandbox.customers import ConflictError
from django_plenigo.sandbox.models import Customer
from django_plenigo.sandbox.testing import Sandbox
from django_plenigo.services import access_ids, customers, drift, outbox, sending
from django_plenigo.services.sending.claims import Acknowledged, Claim, Postponed, claim_due, settle
from django_plenigo.services.sending.kinds import KINDS
from tests.factories import UserFactory
from tests.told import access_ids_told_of

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=2)

READERS = st.sampled_from(["ada", "bob"])
ADDRESSES = st.sampled_from(["a@example.com", "A@example.com", "b@example.com", "c@example.com", ""])
FAULTS = st.sampled_from(
    [
        lambda sandbox, after_work: sandbox.fail_next(503, times=None, after_work=after_work),
        lambda sandbox, after_work: sandbox.fail_next(429, times=1, retry_after=90, after_work=after_work),
        lambda sandbox, after_work: sandbox.fail_next(401, times=1, after_work=after_work),
        lambda sandbox, after_work: sandbox.cut_next(times=4, after_work=after_work),
        lambda sandbox, after_work: sandbox.garble_next(times=2, after_work=after_work),
        lambda sandbox, after_work: sandbox.delay_next(60, times=3, after_work=after_work),
    ]
)


class Outbox(RuleBasedStateMachine):
    """A customer and a reader who is to become one, at a vendor with the sandbox's fault dial."""

    sandbox: Sandbox

    def __init__(self) -> None:
        super().__init__()
        self.travel = time_machine.travel(BEGIN, tick=False)
        self.clock = self.travel.start()
        ada, bob = UserFactory(email="ada@example.com"), UserFactory(email="bob@example.com")
        self.keys = {"ada": ada.pk, "bob": bob.pk}
        customers.register(ada)
        customers.request_registration(bob)
        self.stalled: list[tuple[Claim, Any]] = []
        self.number = 0
        self.may_drift = False

    # ---- the site

    @rule(reader=READERS, email=ADDRESSES, way=st.sampled_from(["save", "save", "rollback", "update"]))
    def change_address(self, reader: str, email: str, way: str) -> None:
        if way == "update":  # no signal tells of it
            get_user_model().objects.filter(pk=self.keys[reader]).update(email=email)
            self.may_drift = True
            return
        with transaction.atomic():
            self._save(reader, email)
            transaction.set_rollback(way == "rollback")

    @rule(reader=READERS)
    def change_back(self, reader: str) -> None:
        self._save(reader, self._link(reader).confirmed_email or "bob@example.com")

    @rule(reader=READERS, slot=st.integers(0, 3), value=st.sampled_from(["CRM-1", "CRM-2", "CRM-3"]))
    def import_access_id(self, reader: str, slot: int, value: str) -> None:
        ids = [None, None, None, None]
        ids[slot] = value
        with suppress(PlenigoError):  # the other reader has it
            access_ids.import_access_ids(self._link(reader), ids)

    @rule(
        look=st.sampled_from(
            [
                lambda user: customers.follow_log_in(user),
                lambda user: drift.note_drift(),
                lambda user: outbox.try_again(RemoteChange.objects.all()),
            ]
        ),
        reader=READERS,
    )
    def look_after(self, look: Any, reader: str) -> None:
        look(self._user(reader))

    # ---- the vendor

    @rule(fault=FAULTS, after_work=st.booleans())
    def fail(self, fault: Any, after_work: bool) -> None:
        fault(self.sandbox, after_work)

    @rule()
    def mend(self) -> None:
        self.sandbox.clear_faults()

    @rule(email=ADDRESSES)
    def let_a_stranger_take_an_address(self, email: str) -> None:
        with suppress(ConflictError):  # somebody has it
            self.sandbox.create_customer(email or "stranger@example.com")

    # ---- the workers

    @rule()
    def deliver(self) -> None:
        sending.deliver_due()

    @rule(reader=READERS, email=ADDRESSES, fault=FAULTS, after_work=st.booleans())
    def deliver_a_save_while_the_vendor_fails(self, reader: str, email: str, fault: Any, after_work: bool) -> None:
        self._save(reader, email)
        self.mend()
        fault(self.sandbox, after_work)
        sending.deliver_due()

    @rule(step=st.sampled_from(["after the claim", "before acknowledging", "before the call, for a while"]))
    def stop_a_worker(self, step: str) -> None:
        begun = self._claim()
        if step == "before acknowledging":
            for _claim, call in begun:
                with suppress(PlenigoError):
                    call()
        elif step == "before the call, for a while":
            self.stalled += begun

    @rule(reader=READERS, first=ADDRESSES, second=ADDRESSES, hours=st.sampled_from([0, 1]))
    def change_an_address_twice_around_a_stalled_worker(self, reader: str, first: str, second: str, hours: int) -> None:
        self._save(reader, first)
        begun = self._claim(most=2)
        self.clock.shift(timedelta(hours=hours))
        self._save(reader, second)
        sending.deliver_due()
        for claim, call in begun:
            settle([self._make(claim, call)])

    @precondition(lambda self: self.stalled)
    @rule()
    def let_a_stalled_worker_go_on(self) -> None:
        claim, call = self.stalled.pop(0)
        settle([self._make(claim, call)])

    # ---- the clock

    @rule(hours=st.sampled_from([0.02, 0.1, 5, -40, -1, 40]))
    def move_the_clock(self, hours: float) -> None:
        self.clock.shift(timedelta(hours=hours))

    # ---- the end

    def teardown(self) -> None:
        try:
            self._recover()
            self._compare()
        finally:
            self.travel.stop()
            get_user_model().objects.filter(pk__in=self.keys.values()).delete()
            Customer.objects.all().delete()
            DeliveryPause.objects.all().delete()
            self.sandbox.clear_faults()

    def _recover(self) -> None:
        """Let the vendor work, the workers go on, and the agent look after what was refused."""
        self.sandbox.clear_faults()
        while self.stalled:
            self.let_a_stalled_worker_go_on()
        for _ in range(3):
            self._deliver_for_a_while()
            refused = RemoteChange.objects.exclude(refused_at=None)
            for reader in self.keys:
                if refused.filter(link__user=self.keys[reader]).exists():
                    self.number += 1
                    self._save(reader, f"mended{self.number}@example.com")
            outbox.try_again(refused)

    def _deliver_for_a_while(self) -> None:
        for _ in range(4):
            self.clock.shift(timedelta(hours=26))
            sending.deliver_due()
            if self.may_drift:
                drift.note_drift()
                sending.deliver_due()

    def _compare(self) -> None:
        for change in RemoteChange.objects.filter(link__user__in=self.keys.values()):
            assert (change.due_at, change.refused_at, change.is_waiting) == (None, None, False), change.kind
        for reader in self.keys:
            link, user = self._link(reader), self._user(reader)
            assert link.lease is None
            assert link.is_registered
            customer = self._customer(link)
            if user.email:
                assert customer.email == link.confirmed_email == user.email
            assert access_ids_told_of(customer) == {
                access_id.slot: access_id.value for access_id in link.access_ids.all()
            }

    # ---- what the rules are made of

    def _user(self, reader: str) -> Any:
        return get_user_model().objects.get(pk=self.keys[reader])

    def _link(self, reader: str) -> CustomerLink:
        return CustomerLink.objects.get(user=self.keys[reader])

    def _customer(self, link: CustomerLink) -> Customer:
        if link.customer_id:
            return self.sandbox.customer(link.customer_id)
        return Customer.objects.get(external_id=link.external_id)

    def _save(self, reader: str, email: str) -> None:
        user = self._user(reader)
        user.email = email
        user.save()

    def _claim(self, most: int = 1) -> list[tuple[Claim, Any]]:
        """Do what a worker does until it calls."""
        begun = []
        for claim in claim_due("default", most, LEASE):
            try:
                call = KINDS[claim.change.kind].prepare(claim.link)
            except PlenigoError:
                continue  # it would be refused, but the worker dies
            if call is not None:
                begun.append((claim, call))
        return begun

    def _make(self, claim: Claim, call: Any) -> Acknowledged | Postponed:
        try:
            answer = call()
            return Acknowledged(claim, KINDS[claim.change.kind].store(claim.link, answer))
        except PlenigoError as error:
            return Postponed(claim, error, timedelta(seconds=10))


@pytest.mark.django_db
def test_it_always_ends_in_step(sandbox: Sandbox) -> None:
    Outbox.sandbox = sandbox
    suppressed = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Outbox,
        settings=settings(
            max_examples=settings().max_examples // 2,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=suppressed,
        ),
    )

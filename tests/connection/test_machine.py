"""Whatever two readers, their tabs, the vendor and the clock do: nobody gets what is not hers, and no token leaks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from django_plenigo import errors
from django_plenigo.models import AccountConnection, ConnectionTry, CustomerLink
from django_plenigo.protocols import base
from django_plenigo.services import connection
from django_plenigo.services.connection import STATE_AFTER, Event, Outcome, State
from tests.factories import UserFactory
from tests.vendor_in_memory import Vendor

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)

#: Which customer is whose in truth: each knows her own postcode, and either may try the other's number.
NUMBERS = {"ada": "1111", "bob": "2222"}
POSTCODES = {"ada": "10115", "bob": "20095"}

READERS = st.sampled_from(["ada", "bob"])
FAILURES = st.sampled_from(
    [
        errors.NoAnswerError(base.SERVICE, "any"),
        errors.RemoteUnavailableError(base.SERVICE, "any", status=503),
        errors.RateLimitError(base.SERVICE, "any", status=423, code=base.REGISTRATION_UNDER_WAY),
        errors.AuthenticationError(base.SERVICE, "any", status=401),
        errors.ProtocolError(base.SERVICE, "any", status=200, code="no token"),
        *(
            errors.RejectedError(base.SERVICE, "any", status=status, code=code)
            for status, code in (
                *((400, "invalid parameters"), (400, base.NO_MATCH), (400, base.TOO_MANY_TRIES), (403, "refused")),
                (400, base.MODULE_NOT_BOOKED),
                *((403, base.WRONG_CODE), (408, base.PROCESS_EXPIRED), (412, base.PROCESS_USED)),
                (428, base.PROCESS_OUT_OF_ORDER),
            )
        ),
        errors.NotFoundError(base.SERVICE, "any", status=404, code=base.NO_MATCH),
        errors.ConflictError(base.SERVICE, "any", status=400, code=base.EMAIL_TAKEN),
    ]
)


class Connecting(RuleBasedStateMachine):
    """Two readers with imported subscriptions, each with a session that keeps one process."""

    vendor: Vendor

    def __init__(self) -> None:
        super().__init__()
        self.travel = time_machine.travel(BEGIN, tick=False)
        self.clock = self.travel.start()
        self.vendor.__init__()
        self.users = {name: UserFactory() for name in NUMBERS}
        for name, number in NUMBERS.items():
            self.vendor.add(number, postcode=POSTCODES[name])
        self.sessions: dict[str, dict[str, Any]] = {name: {} for name in NUMBERS}
        self.old_codes: dict[str, list[str]] = {name: [] for name in NUMBERS}
        self.undone: set[str] = set()

    # ---- the readers

    @rule(reader=READERS, other=READERS, knows_postcode=st.booleans())
    def start(self, reader: str, other: str, knows_postcode: bool) -> None:
        values = {"customer_id": NUMBERS[other], "password": "secret-password"}
        values["postcode"] = POSTCODES[other] if knows_postcode and reader == other else "99999"
        before = len(self.vendor.sent)
        outcome = connection.start(
            self.users[reader],
            values,
            settings=self.vendor.settings,
            client_address=f"203.0.113.{len(reader)}",
            earlier=self._process(reader),
        )
        self._follow(reader, outcome)
        if len(self.vendor.sent) > before:
            assert reader == other, "a code was sent to who does not know the address"
            self.old_codes[reader].append(self.vendor.last_code)

    @rule(reader=READERS)
    def start_with_her_own_details(self, reader: str) -> None:
        self.start(reader, reader, True)

    @rule(reader=READERS)
    def enter_the_latest_code(self, reader: str) -> None:
        self.enter_code(reader, reader, True, "this")

    @rule(reader=READERS, whose=READERS, is_last=st.booleans(), tab=st.sampled_from([None, "this", "another"]))
    def enter_code(self, reader: str, whose: str, is_last: bool, tab: str | None) -> None:
        process = self._process(reader)
        codes = self.old_codes[whose]
        if process is None or not codes:
            return
        shown_for = {None: None, "this": process.connection, "another": process.connection - 1}[tab]
        code = codes[-1 if is_last else 0]
        outcome = connection.confirm(
            self.users[reader], process, code, shown_for=shown_for, traits=base.UNKNOWN_BROWSER
        )
        if tab == "another":
            assert outcome.event in (Event.OTHER_TAB, Event.OUT_OF_ORDER, Event.CONNECTED)  # nothing was entered
        self._follow(reader, outcome)

    @rule(reader=READERS)
    def enter_nonsense(self, reader: str) -> None:
        process = self._process(reader)
        if process is not None:
            outcome = connection.confirm(
                self.users[reader], process, "nonsen", shown_for=None, traits=base.UNKNOWN_BROWSER
            )
            assert outcome.event is not Event.CONNECTED or self._link(reader) is not None
            self._follow(reader, outcome)

    @rule(reader=READERS)
    def resend(self, reader: str) -> None:
        process = self._process(reader)
        if process is not None:
            before = len(self.vendor.sent)
            self._follow(reader, connection.resend(self.users[reader], process, settings=self.vendor.settings))
            if len(self.vendor.sent) > before:
                self.old_codes[reader].append(self.vendor.last_code)

    @rule(reader=READERS, second=st.sampled_from(["click", "resend", "start"]))
    def enter_the_latest_code_while_another_tab(self, reader: str, second: str) -> None:
        """Does something too, whose answer the browser takes last."""
        user, process, answers = self.users[reader], self._process(reader), []
        if process is None or not self.old_codes[reader]:
            return
        settings, code = self.vendor.settings, self.old_codes[reader][-1]

        def another() -> None:
            if second == "click":
                answers.append(connection.confirm(user, process, code, shown_for=None, traits=base.UNKNOWN_BROWSER))
            elif second == "resend":
                answers.append(connection.resend(user, process, settings=settings))
            else:
                values = {"customer_id": NUMBERS[reader], "postcode": POSTCODES[reader], "password": "secret-password"}
                address = f"203.0.113.{len(reader)}"
                answers.append(
                    connection.start(user, values, settings=settings, client_address=address, earlier=process)
                )

        self.vendor.meanwhile = [another]
        self._follow(reader, connection.confirm(user, process, code, shown_for=None, traits=base.UNKNOWN_BROWSER))
        self.vendor.meanwhile = []
        for answer in answers:
            self._follow(reader, answer)

    @rule(reader=READERS)
    def log_in_at_the_vendor(self, reader: str) -> None:
        owned = [value for value, owner in self.vendor.sessions.items() if owner == NUMBERS[reader]]
        if owned:
            address = f"203.0.113.{len(reader)}"
            outcome = connection.sign_in(self.users[reader], owned[-1], client_address=address)
            assert outcome.event is not Event.CONNECTED or reader not in self.undone
            self._follow(reader, outcome)

    @rule(reader=READERS)
    def allow_again(self, reader: str) -> None:
        for undone in AccountConnection.objects.filter(user=self.users[reader], state="undone"):
            connection.allow_again(undone)
        self.undone.discard(reader)

    @rule(reader=READERS)
    def lose_session(self, reader: str) -> None:
        self.sessions[reader].clear()

    # ---- the others

    @rule(failure=FAILURES)
    def fail(self, failure: Exception) -> None:
        self.vendor.failures = [failure]

    @rule(reader=READERS)
    def undo(self, reader: str) -> None:
        done = AccountConnection.objects.filter(user=self.users[reader], state="done").last()
        if done is not None:
            assert connection.undo(done)
            assert self._link(reader) is None
            self.undone.add(reader)

    @rule(minutes=st.sampled_from([1, 16, 61, 60 * 25]))
    def move_the_clock(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    # ---- what always holds

    @invariant()
    def every_link_is_of_the_reader_who_knew_the_address_and_the_code(self) -> None:
        for name, user in self.users.items():
            link = self._link(name)
            if link is not None:
                assert link.customer_id == NUMBERS[name]
                assert self.vendor.customers[NUMBERS[name]].email == user.email

    @invariant()
    def one_connection_at_most_waits_and_it_is_that_of_the_session(self) -> None:
        for name, user in self.users.items():
            waiting = AccountConnection.objects.filter(user=user, state="pending")
            assert waiting.count() <= 1
            process = self._process(name)
            if process is not None and waiting:
                assert process.connection == waiting[0].pk

    @invariant()
    def what_was_undone_stays_so_until_it_is_allowed(self) -> None:
        assert [name for name in self.undone if self._link(name) is not None] == []

    @invariant()
    def session_is_kept_for_who_waits_alone(self) -> None:
        assert not AccountConnection.objects.exclude(state="pending").exclude(encrypted_session="").exists()

    @invariant()
    def no_step_is_under_way(self) -> None:
        assert not AccountConnection.objects.filter(state="pending").exclude(leased_until=None).exists()

    @invariant()
    def done_is_exactly_what_is_linked(self) -> None:
        for name, user in self.users.items():
            done = AccountConnection.objects.filter(user=user, state="done").count()
            assert done == (0 if self._link(name) is None else 1)

    @invariant()
    def nobody_fails_more_often_in_an_hour_than_allowed(self) -> None:
        since = datetime.now(UTC) - timedelta(hours=1)
        failures = ["no_match", "already_registered", "email_taken", "wrong_code", "too_many_tries"]
        for user in self.users.values():
            rows = ConnectionTry.objects.filter(connection__user=user, at__gt=since, outcome__in=failures)
            assert rows.count() <= 5

    @invariant()
    def every_try_has_an_outcome(self) -> None:
        assert not ConnectionTry.objects.filter(outcome="").exists()

    # ---- the end

    def teardown(self) -> None:
        self.travel.stop()
        AccountConnection.objects.all().delete()
        get_user_model().objects.filter(pk__in=[user.pk for user in self.users.values()]).delete()
        cache.clear()

    # ---- what the rules are made of

    def _process(self, reader: str) -> connection.Process | None:
        return connection.kept_process(self.sessions[reader], self.users[reader], using="default")

    def _link(self, reader: str) -> CustomerLink | None:
        return CustomerLink.objects.filter(user=self.users[reader]).exclude(customer_id=None).first()

    def _follow(self, reader: str, outcome: Outcome) -> None:
        assert outcome.event not in STATE_AFTER or outcome.state is STATE_AFTER[outcome.event]
        # After a start that has failed the code that was sent before works on.
        assert outcome.process is not None or outcome.state is not State.CODE_SENT
        assert outcome.process is None or outcome.state in (State.CODE_SENT, State.START, State.ALREADY_REGISTERED)
        assert connection.sentence_of(outcome)
        secrets = ["secret-password", *self.vendor.processes, *self.vendor.sessions]
        shown = f"{outcome!r} {connection.sentence_of(outcome)}"
        assert [secret for secret in secrets if f"{secret}'" in shown] == []
        connection.keep_process(self.sessions[reader], self.users[reader], outcome.process)


@pytest.mark.django_db
def test_nobody_gets_what_is_not_hers(stand_in: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    Connecting.vendor = stand_in
    suppressed = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Connecting,
        settings=settings(
            max_examples=settings().max_examples // 2,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=suppressed,
        ),
    )

"""Quick retries: only of idempotent calls, only of hiccups, and only for two seconds."""

from email.utils import formatdate

import pytest
import requests

from django_plenigo.errors import NoAnswerError, RateLimitError, RejectedError, RemoteError, RemoteUnavailableError
from tests.transport.fakes import FakeTime, Reply, ScriptedAdapter, scripted


@pytest.fixture
def time():
    return FakeTime()


def outcome_of(time, *script, idempotent=True, **options):
    """Return the answer or the error of one call, and how many attempts it took."""
    adapter = ScriptedAdapter(*script)
    transport = scripted(adapter=adapter, time=time, **options)
    try:
        outcome = transport.call("do", "PUT", "/path", idempotent=idempotent)
    except RemoteError as error:
        outcome = error
    return outcome, len(adapter.requests)


@pytest.mark.parametrize(
    "hiccup", [Reply(502), Reply(503), Reply(504), requests.ConnectionError(), requests.ReadTimeout()]
)
def test_hiccup_of_an_idempotent_call_is_mended(time, hiccup):
    answer, attempts = outcome_of(time, hiccup, Reply())
    assert (answer.status, attempts) == (200, 2)
    assert time.slept == [0.1]


@pytest.mark.parametrize("hiccup", [Reply(503), requests.ReadTimeout()])
def test_call_that_is_not_idempotent_is_made_once(time, hiccup):
    error, attempts = outcome_of(time, hiccup, idempotent=False)
    assert (error.retryable, attempts) == (True, 1)


@pytest.mark.parametrize("status", [302, 400, 404, 418, 429, 500, 501])
def test_other_answers_are_not_asked_for_again(time, status):
    assert outcome_of(time, Reply(status))[1] == 1


def test_third_attempt_is_the_last(time):
    error, attempts = outcome_of(time, Reply(502), Reply(503), Reply(504))
    assert (error.status, attempts) == (504, 3)
    assert time.slept == [0.1, 0.2]


def test_later_failure_that_is_none_of_a_hiccup_ends_it(time):
    error, attempts = outcome_of(time, Reply(503), Reply(400))
    assert isinstance(error, RejectedError)
    assert attempts == 2


@pytest.mark.parametrize(("jitter", "waits"), [(0.0, [0.05, 0.1]), (1.0, [0.15, 0.3])])
def test_waits_are_jittered_by_half_so_that_workers_do_not_march_in_step(time, jitter, waits):
    outcome_of(time, *[Reply(503)] * 3, jitter=lambda: jitter)
    assert time.slept == pytest.approx(waits)


def test_slow_failure_is_not_retried_after_two_seconds(time):
    class Slow(ScriptedAdapter):
        def send(self, *args, **kwargs):
            time.now += 1.95
            return super().send(*args, **kwargs)

    adapter = Slow(Reply(503))
    with pytest.raises(RemoteUnavailableError):
        scripted(adapter=adapter, time=time).call("do", "GET", "/path", idempotent=True)
    assert len(adapter.requests) == 1


def test_each_attempt_gets_what_is_left_of_the_budget(time):
    class Slow(ScriptedAdapter):
        def send(self, *args, **kwargs):
            time.now += 0.5
            return super().send(*args, **kwargs)

    adapter = Slow(requests.ReadTimeout(), requests.ReadTimeout(), Reply())
    scripted(adapter=adapter, time=time, timeout_seconds=5.0).call("do", "GET", "/path", idempotent=True)
    first, second, third = adapter.timeouts
    assert (first.total, first.connect_timeout) == (5.0, 2.0)
    # Retries end two seconds after the start.
    assert (second.total, third.total) == (pytest.approx(1.4), pytest.approx(0.7))
    assert third.connect_timeout == pytest.approx(0.7)


def test_retries_stay_within_a_budget_below_two_seconds(time):
    error, attempts = outcome_of(time, Reply(503), Reply(503), timeout_seconds=0.15)
    assert (error.status, attempts, time.slept) == (503, 2, [0.1])


def test_retry_after_that_fits_is_waited_for(time):
    answer, attempts = outcome_of(time, Reply(503, headers={"Retry-After": "1"}), Reply())
    assert (answer.status, attempts, time.slept) == (200, 2, [1.0])


def test_retry_after_that_does_not_fit_is_told_at_once(time):
    error, attempts = outcome_of(time, Reply(503, headers={"Retry-After": "120"}))
    assert (error.retry_after_seconds, attempts, time.slept) == (120.0, 1, [])


def test_retry_after_as_a_date_counts_from_now(time):
    date = formatdate(time.now + 90, usegmt=True)
    error, _ = outcome_of(time, Reply(503, headers={"Retry-After": date}))
    assert error.retry_after_seconds == 90.0


def test_retry_after_in_the_past_is_now(time):
    date = formatdate(time.now - 90, usegmt=True)
    answer, attempts = outcome_of(time, Reply(503, headers={"Retry-After": date}), Reply())
    assert (answer.status, attempts, time.slept) == (200, 2, [0.0])


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "²", "Wed, 99 Nov 2026 00:00:00 GMT"])
def test_retry_after_that_says_nothing_is_ignored(time, text):
    error, _ = outcome_of(time, Reply(429, headers={"Retry-After": text}))
    assert error.retry_after_seconds is None


def test_retry_after_of_ages_is_a_day(time):
    error, _ = outcome_of(time, Reply(503, headers={"Retry-After": "9" * 400}))
    assert error.retry_after_seconds == 86400.0


def test_rate_limit_carries_the_wish_and_is_not_retried(time):
    error, attempts = outcome_of(time, Reply(429, headers={"Retry-After": "1"}))
    assert isinstance(error, RateLimitError)
    assert (error.retry_after_seconds, attempts) == (1.0, 1)


def test_headers_are_made_anew_for_each_attempt(time):
    adapter = ScriptedAdapter(Reply(503), requests.ReadTimeout(), Reply())
    numbers = iter("123")
    scripted(adapter=adapter, time=time).call(
        "do", "GET", "/path", headers=lambda: {"token": next(numbers)}, idempotent=True
    )
    assert [request.headers["token"] for request in adapter.requests] == ["1", "2", "3"]


def test_last_error_is_the_one_that_is_told(time):
    error, _ = outcome_of(time, Reply(503), Reply(503), requests.ReadTimeout())
    assert isinstance(error, NoAnswerError)
    assert error.code == "ReadTimeout"

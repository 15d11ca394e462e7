"""The circuit breaker: opens after five failures, lets one call try after ten seconds, and is shared."""

import logging

import pytest
import requests
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from django_plenigo.budget import within
from django_plenigo.errors import NoAnswerError, RemoteError, RemoteUnavailableError
from tests.transport.fakes import FakeTime, Reply, ScriptedAdapter, scripted


@pytest.fixture
def time():
    return FakeTime()


def outcomes(time, *script):
    """Make as many calls as the script has answers, and return each one's status, or code where there is none."""
    return [outcome(scripted(reply, time=time)) for reply in script]


def outcome(transport):
    try:
        return transport.call("do", "GET", "/path").status
    except RemoteError as error:
        return error.status or error.code


def open_breaker(time):
    outcomes(time, *[Reply(500)] * 5)


def test_five_failures_open_it_and_no_call_is_made(time):
    assert outcomes(time, *[Reply(500)] * 6) == [500] * 5 + ["circuit open"]


def test_open_breaker_answers_at_once_without_a_request(time):
    open_breaker(time)
    adapter = ScriptedAdapter(Reply())
    with pytest.raises(RemoteUnavailableError, match="circuit open"):
        scripted(adapter=adapter, time=time).call("do", "GET", "/path", idempotent=True)
    assert (adapter.requests, time.slept) == ([], [])


def test_no_answer_counts_as_a_failure(time):
    assert outcomes(time, *[requests.ReadTimeout()] * 6)[-1] == "circuit open"


def test_refusal_is_not_a_failure(time):
    assert outcomes(time, *[Reply(404), Reply(429), Reply(302)] * 3) == [404, 429, 302] * 3


def test_success_in_between_begins_the_count_anew(time):
    assert outcomes(time, *[Reply(500)] * 4, Reply(), *[Reply(500)] * 4, Reply())[-1] == 200


class OthersCallMeanwhile(ScriptedAdapter):
    """Answers after other calls were made and answered."""

    def __init__(self, others, *script):
        super().__init__(*script)
        self.others = others

    def send(self, *args, **kwargs):
        self.others()
        return super().send(*args, **kwargs)


def test_success_of_a_call_that_began_before_the_failures_does_not_begin_the_count_anew(time):
    adapter = OthersCallMeanwhile(lambda: outcomes(time, *[Reply(500)] * 4), Reply())
    assert outcome(scripted(adapter=adapter, time=time)) == 200
    assert outcomes(time, Reply(500), Reply()) == [500, "circuit open"]


def test_success_of_a_call_that_began_after_the_first_failure_begins_the_count_anew(time):
    outcomes(time, Reply(500))
    adapter = OthersCallMeanwhile(lambda: outcomes(time, *[Reply(500)] * 3), Reply())
    assert outcome(scripted(adapter=adapter, time=time)) == 200
    assert outcomes(time, Reply(500), Reply()) == [500, 200]


def test_success_of_a_call_that_was_under_way_when_it_opened_does_not_close_it(time):
    outcomes(time, Reply(500))
    adapter = OthersCallMeanwhile(lambda: outcomes(time, *[Reply(500)] * 4), Reply())
    assert outcome(scripted(adapter=adapter, time=time)) == 200
    assert outcomes(time, Reply()) == ["circuit open"]
    time.now += 10
    assert outcomes(time, Reply(), Reply()) == [200, 200]


def test_failures_more_than_half_a_minute_apart_do_not_add_up(time):
    for _ in range(8):
        assert outcomes(time, Reply(500)) == [500]
        time.now += 8
    assert outcomes(time, Reply()) == [200]


def test_quick_retries_of_one_call_count_once(time):
    for _ in range(4):
        with pytest.raises(NoAnswerError):
            scripted(*[requests.ReadTimeout()] * 3, time=time).call("do", "GET", "/path", idempotent=True)
    assert outcomes(time, Reply()) == [200]


def test_success_after_ten_seconds_closes_it(time):
    open_breaker(time)
    time.now += 10
    assert outcomes(time, Reply(), *[Reply(500)] * 4, Reply()) == [200, 500, 500, 500, 500, 200]


def test_clock_that_was_an_hour_ahead_when_it_opened_keeps_it_open_for_nobody(time):
    open_breaker(time)
    time.now -= 3600
    assert outcomes(time, Reply()) == [200]


def test_failure_after_ten_seconds_opens_it_for_ten_more(time):
    open_breaker(time)
    time.now += 10
    assert outcomes(time, Reply(500), Reply()) == [500, "circuit open"]
    time.now += 10
    assert outcomes(time, Reply()) == [200]


def test_one_caller_at_a_time_may_try(time):
    open_breaker(time)
    time.now += 10

    seen = []
    adapter = OthersCallMeanwhile(lambda: seen.extend(outcomes(time, Reply())), Reply())
    assert outcome(scripted(adapter=adapter, time=time)) == 200
    assert seen == ["circuit open"]


def test_call_that_was_under_way_when_it_opened_does_not_keep_it_open(time):
    def fail_for_nine_seconds():
        open_breaker(time)
        time.now += 9

    adapter = OthersCallMeanwhile(fail_for_nine_seconds, Reply(500))
    assert outcome(scripted(adapter=adapter, time=time, timeout_seconds=60)) == 500
    time.now += 1
    assert outcomes(time, Reply()) == [200]


def test_vendors_have_breakers_of_their_own(time):
    open_breaker(time)
    other = scripted(Reply(), time=time, base_url="https://other.example")
    assert other.call("do", "GET", "/path").status == 200


def test_workers_that_share_a_cache_share_the_breaker(time, shared_cache):
    open_breaker(time)
    assert outcomes(time, Reply()) == ["circuit open"]


def test_success_of_a_healthy_vendor_costs_one_read_of_the_cache_and_no_write(time, monkeypatch):
    used = []
    for name in ("get", "get_many", "set", "add", "incr", "touch", "delete", "delete_many", "set_many"):
        original = getattr(LocMemCache, name)

        def counted(self, *args, _name=name, _original=original, **kwargs):
            used.append(_name)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(LocMemCache, name, counted)
    outcomes(time, Reply())
    assert used == ["get"]


def test_opening_is_a_warning(time, caplog):
    open_breaker(time)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.name == "django_plenigo.transport"
    assert record.getMessage() == "vendor does not answer: no calls for 10 seconds"


def test_call_without_time_is_not_made_and_does_not_count(time):
    adapter = ScriptedAdapter()
    with within(0):
        codes = [outcome(scripted(adapter=adapter, time=time)) for _ in range(6)]
    assert (codes, adapter.requests) == (["no time left"] * 6, [])
    assert outcomes(time, Reply()) == [200]


@pytest.mark.parametrize(("seconds", "last"), [(2.4, 200), (2.6, "circuit open"), (60, "circuit open")])
@pytest.mark.parametrize("timeout", [requests.ReadTimeout(), requests.ConnectTimeout(), TimeoutError()], ids=repr)
def test_timeout_counts_where_the_call_had_half_of_its_five_seconds(time, seconds, last, timeout):
    with within(seconds):
        outcomes(time, *[timeout] * 5)
    assert outcomes(time, Reply()) == [last]


@pytest.mark.parametrize("failure", [Reply(500), requests.ConnectionError()], ids=["500", "refused"])
def test_failure_that_is_no_timeout_counts_however_short_the_time(time, failure):
    with within(0.5):
        outcomes(time, *[failure] * 5)
    assert outcomes(time, Reply()) == ["circuit open"]


def test_try_that_was_cut_short_leaves_the_next_caller_to_try(time):
    open_breaker(time)
    time.now += 10
    with within(0.5):
        assert outcomes(time, requests.ReadTimeout()) == ["ReadTimeout"]
    assert outcomes(time, Reply(), Reply()) == [200, 200]


def test_cache_that_is_down_lets_every_call_pass_and_is_told_once(time, cache_that_is_down, caplog):
    transport = scripted(*[Reply(500)] * 6, Reply(), time=time)
    assert [outcome(transport) for _ in range(7)] == [500] * 6 + [200]
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    expected = "The cache 'default' is down (ConnectionError): the circuit breaker lets every call pass"
    assert record.getMessage() == expected


def test_lost_cache_closes_it(time):
    open_breaker(time)
    cache.clear()
    assert outcomes(time, Reply()) == [200]

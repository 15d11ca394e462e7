"""A reader clicks twice, has two tabs, or starts again: nothing that she has come to is lost or spoilt."""

import pytest
from django.core.cache import cache

from django_plenigo import errors
from django_plenigo.models import AccountConnection
from django_plenigo.protocols import base
from django_plenigo.services import connection, customers
from tests.connection.conftest import Browser, last_connection, text_of
from tests.connection.test_limits import guess
from tests.connection.test_pages import raising
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def other_tab(browser, monkeypatch):
    """Another tab of the same browser, which waits no real second."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    other_tab = Browser()
    other_tab.cookies = browser.cookies
    return other_tab


def states():
    return list(AccountConnection.objects.order_by("pk").values_list("state", "reason", "encrypted_session"))


def no_answer(operation):
    return errors.NoAnswerError(base.SERVICE, operation)


# ---- while a code is on its way


def test_second_click_waits_for_the_first_and_leaves_it_a_connection_that_can_be_undone(
    stand_in, imported, browser, other_tab, user
):
    browser.start()
    second = []
    stand_in.meanwhile = [lambda: second.append(other_tab.enter(stand_in.last_code))]
    assert "Your subscription is connected." in text_of(browser.enter(stand_in.last_code))
    assert "Please wait a few seconds" in text_of(second[0])
    assert stand_in.calls.count("confirm_connection") == 1
    assert states() == [("done", "connected", "")]
    assert "Your subscription is connected." in text_of(other_tab.enter(stand_in.last_code))
    assert connection.undo(last_connection())
    assert customers.link_of(user) is None


def test_other_code_cannot_be_asked_for_meanwhile(stand_in, imported, browser, other_tab):
    browser.start()
    stand_in.meanwhile = [other_tab.resend]
    browser.enter(stand_in.last_code)
    assert stand_in.calls.count("resend_code") == 0
    assert states() == [("done", "connected", "")]


def test_start_in_another_tab_meanwhile_leaves_the_connection_done(stand_in, imported, browser, other_tab, user):
    browser.start()
    stand_in.meanwhile = [other_tab.start]
    assert "Your subscription is connected." in text_of(browser.enter(stand_in.last_code))
    assert states() == [("done", "connected", ""), ("refused", "already_registered", "")]
    assert AccountConnection.objects.get(state="done").link == customers.link_of(user)


def test_code_for_another_subscription_meanwhile_leaves_the_connection_done(
    stand_in, imported, browser, other_tab, user
):
    stand_in.add("7654321", postcode="20095")
    browser.start()
    code = stand_in.last_code
    stand_in.meanwhile = [lambda: other_tab.start(customer_id="7654321", postcode="20095")]
    browser.enter(code)
    assert states()[0] == ("done", "connected", "")
    assert customers.link_of(user).customer_id == imported.customer_id


def test_step_whose_worker_died_can_be_made_again_after_a_minute(stand_in, imported, browser, user, clock):
    browser.start()
    stand_in.failures = [RuntimeError("the worker dies")]
    with pytest.raises(RuntimeError):
        browser.enter(stand_in.last_code)
    assert "Please wait a few seconds" in text_of(browser.enter(stand_in.last_code))
    clock.shift(61)
    browser.enter(stand_in.last_code)
    assert customers.link_of(user) is not None


def test_reader_who_logs_in_at_plenigo_meanwhile_is_unlinked_by_one_undo(stand_in, imported, browser, user):
    browser.start()

    def sign_in():
        session = base.CustomerSession(list(stand_in.sessions)[-1])
        connection.sign_in(user, session.value, client_address="203.0.113.1")

    stand_in.meanwhile = [sign_in]
    browser.enter(stand_in.last_code)
    assert [state for state, *_ in states()] == ["done", "done"]
    assert connection.undo(last_connection())
    assert [state for state, *_ in states()] == ["undone", "undone"]


# ---- a fresh start


@pytest.mark.parametrize("failure", [None, no_answer("start_connection")], ids=["typo", "outage"])
def test_start_that_fails_leaves_the_code_that_was_sent_before(stand_in, imported, browser, user, failure):
    browser.start()
    if failure is not None:
        stand_in.failures = [failure]
    page = text_of(browser.start(postcode="99999"))
    assert "You have been sent a code already: enter it" in page
    browser.enter(stand_in.last_code)
    assert customers.link_of(user) is not None


def test_number_that_a_stranger_has_locked_leaves_the_code_that_was_sent_before(stand_in, imported, browser, user):
    for _ in range(4):
        guess(UserFactory(), postcode="99999", address="203.0.113.77")
    browser.start()
    guess(UserFactory(), postcode="99999", address="203.0.113.78")
    assert "Too many tries" in text_of(browser.start())
    assert "You have been sent a code already: enter it" in text_of(browser.get("/plenigo/connect/"))
    assert last_connection().reason == "locked"
    assert AccountConnection.objects.filter(state="pending").count() == 1


def test_front_end_learns_that_the_code_that_was_sent_before_still_works(stand_in, imported, browser):
    browser.start()
    first = last_connection().pk
    body = {"customer_id": "1234567", "postcode": "99999", "password": "a-new-password"}
    answer = browser.post("/plenigo/api/connection/", body, content_type="application/json").json()
    assert (answer["event"], answer["state"], answer["connection"]) == ("no_match", "start", first)


def test_connection_that_is_not_offered_any_more_leaves_the_code_to_a_front_end(stand_in, imported, browser, user):
    browser.start()
    stand_in.set(is_in_emergency=True)
    body = {"customer_id": "1234567", "postcode": "10115", "password": "a-new-password"}
    cache.clear()
    answer = browser.post("/plenigo/api/connection/", body, content_type="application/json").json()
    assert answer["event"] == "not_offered"
    browser.enter(stand_in.last_code)
    assert customers.link_of(user) is not None


def test_log_in_at_plenigo_that_fails_leaves_the_code_that_was_sent_before(stand_in, imported, browser, user):
    browser.start()
    browser.post("/plenigo/api/sign-in/", {"customer_session": "made-up"}, content_type="application/json")
    browser.enter(stand_in.last_code)
    assert customers.link_of(user) is not None


# ---- what this site knows cannot be linked


def test_reader_who_bought_in_another_tab_leaves_the_imported_customer_alone(stand_in, imported, browser, user):
    browser.start()
    customers.register(user)
    assert "not merged by themselves" in text_of(browser.enter(stand_in.last_code))
    assert stand_in.calls.count("confirm_connection") == 0
    assert (imported.email, last_connection().reason) == ("", "linked_already")


def test_reader_who_is_that_very_customer_by_now_is_done(stand_in, imported, browser, user):
    browser.start()
    owner_of = stand_in.owner_of_session
    stand_in.owner_of_session = raising(no_answer("owner_of_session"))
    assert "cannot reach our subscription service" in text_of(browser.enter(stand_in.last_code))
    stand_in.owner_of_session = owner_of
    LinkFactory(user=user, customer_id=imported.customer_id)
    assert "Your subscription is connected." in text_of(browser.enter(stand_in.last_code))
    assert last_connection().state == "done"

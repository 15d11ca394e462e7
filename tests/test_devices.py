"""A reader who is logged in on too many devices, and the transfer token that she wanted."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from django_plenigo import errors
from django_plenigo.models import CustomerLink
from django_plenigo.protocols import base
from django_plenigo.services import devices, sessions
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Browser(Client):
    """A reader's browser with our script."""

    def ask(self, path, **data):
        return self.post(f"/plenigo/api/{path}/", json.dumps(data), content_type="application/json")

    def click(self, **data):
        return self.ask("transfer-token", account="default", page="/my/subscriptions/", **data)

    def look(self):
        """Open the page, and return its form as it stands in a tab from then on."""
        marks = re.findall('name="mark" value="(.*?)"', self.get("/plenigo/devices/").content.decode())
        return {"mark": marks[0]} if marks else {}

    def end(self, device, shown=None):
        """Choose a device of the page that is open, by default of one that is opened for it."""
        return self.post("/plenigo/devices/", {**(self.look() if shown is None else shown), "device": device})


@pytest.fixture
def link(stand_in):
    stand_in.add("1234567")
    return LinkFactory(customer_id="1234567")


@pytest.fixture
def browser(link):
    browser = Browser(headers={"User-Agent": FIREFOX})
    browser.force_login(link.user)
    return browser


@pytest.fixture
def at_the_limit(stand_in, link):
    """Log the customer in on another device, which is the only one allowed."""
    stand_in.start_session(base.CustomerRef(link.customer_id))
    stand_in.calls.clear()


def test_click_mints_a_transfer_token_and_uses_the_session_again(stand_in, browser):
    tokens = [browser.click().json()["transfer_token"] for _ in range(2)]
    assert [stand_in.transfers[token] for token in tokens] == ["1234567", "1234567"]
    assert stand_in.calls.count("start_session") == 1


def test_vendor_is_told_which_device_it_is(stand_in, browser):
    browser.click()
    traits = stand_in.traits[-1]
    assert (traits.os, traits.browser, traits.source) == ("Linux", "Firefox", "testserver")


def test_reader_at_the_limit_is_led_to_her_devices_and_on(stand_in, browser, at_the_limit, link):
    answer = browser.click()
    assert (answer.status_code, answer.json()["devices_url"]) == (409, "/plenigo/devices/")
    page = browser.get("/plenigo/devices/").content.decode()
    assert ("Firefox, Linux" in page, "since" in page) == (True, True)
    gone = browser.end("1")
    assert (gone.status_code, gone.url) == (302, "/my/subscriptions/")
    assert sessions.kept_session(link).value in stand_in.sessions
    assert browser.click().status_code == 200


def test_reader_ends_all_devices_as_a_separate_act(stand_in, browser, link):
    stand_in.set(most_sessions=2)
    for _ in range(2):
        stand_in.start_session(base.CustomerRef(link.customer_id))
    browser.click()
    browser.end("all")
    assert list(stand_in.sessions) == [sessions.kept_session(link).value]


def test_one_device_of_two_is_ended_and_the_other_stays(stand_in, browser, link):
    stand_in.set(most_sessions=2)
    first, second = (stand_in.start_session(base.CustomerRef(link.customer_id)).value for _ in range(2))
    browser.click()
    browser.end("2")
    assert (first in stand_in.sessions, second in stand_in.sessions) == (True, False)


def test_removal_token_and_session_ids_are_in_no_page_and_no_answer(stand_in, browser, at_the_limit):
    shown = browser.click().content.decode() + browser.get("/plenigo/devices/").content.decode()
    shown += browser.get("/plenigo/api/devices/").content.decode()
    assert "removal-token" in str(dict(browser.session))
    assert [secret for secret in ("removal-token", "id-of-", "session-") if secret in shown] == []


@pytest.fixture
def two_lists(stand_in, browser, link):
    """Two devices of a reader, and their list as a tab shows it, which another tab has had replaced since.

    In the new list the first is another.
    """
    stand_in.set(most_sessions=2)
    ref = base.CustomerRef(link.customer_id)
    first, second = (stand_in.start_session(ref).value for _ in range(2))
    browser.click()
    shown, listed = browser.look(), browser.get("/plenigo/api/devices/").json()
    stand_in.sessions.pop(first)
    third = stand_in.start_session(ref).value
    browser.click()
    return shown, listed, {second, third}


@pytest.mark.parametrize("device", ["1", "all"])
def test_choice_from_a_list_that_another_tab_has_replaced_ends_nothing_and_shows_the_new_one(
    stand_in, browser, two_lists, device
):
    shown, _, logged_in = two_lists
    page = browser.end(device, shown).content.decode()
    assert ("The list has changed meanwhile." in page, page.count('type="radio"')) == (True, 2)
    assert set(stand_in.sessions) == logged_in
    assert browser.end("1").url == "/my/subscriptions/"
    assert len(logged_in - set(stand_in.sessions)) == 1


def test_choice_from_a_list_that_was_replaced_is_out_of_date_as_json_too(stand_in, browser, two_lists):
    _, listed, logged_in = two_lists
    answers = [browser.ask("devices", device=device, mark=listed["mark"]) for device in (1, "all")]
    answers += [browser.ask("devices", device=1), browser.ask("devices", device=1, mark=[7])]
    assert [answer.status_code for answer in answers] == [410] * 4
    assert set(stand_in.sessions) == logged_in
    fresh = browser.get("/plenigo/api/devices/").json()["mark"]
    assert browser.ask("devices", device=1, mark=fresh).json() == {"next": "/my/subscriptions/"}


def test_page_that_is_opened_without_cause_speaks_of_no_limit(stand_in, browser, at_the_limit):
    page = browser.get("/plenigo/devices/").content.decode()
    assert ("<h1>Your devices</h1>" in page, "Too many devices" in page) == (True, False)
    browser.click()
    assert "<h1>Too many devices</h1>" in browser.get("/plenigo/devices/").content.decode()


@pytest.mark.parametrize("device", ["", "0", "2", "99999999999", "-1", "²", "id-of-session-1"])
def test_device_that_is_not_in_the_list_ends_nothing(stand_in, browser, at_the_limit, device):
    browser.click()
    page = browser.end(device)
    assert page.status_code == 200
    assert stand_in.calls.count("end_sessions") == 0


def test_removal_token_that_plenigo_refuses_is_forgotten_and_said_so(stand_in, browser, at_the_limit):
    browser.click()
    stand_in.failures = [
        errors.RejectedError(base.SERVICE, "end_sessions", status=401, code="session could not be ended")
    ]
    page = browser.end("1").content.decode()
    assert ("This list is out of date." in page, 'href="/my/subscriptions/"' in page) == (True, True)
    assert "removal-token" not in str(dict(browser.session))


def test_outage_is_told_in_a_sentence(stand_in, browser, at_the_limit):
    browser.click()
    stand_in.failures = [errors.NoAnswerError(base.SERVICE, "end_sessions")]
    page = browser.end("1").content.decode()
    assert "cannot reach our subscription service" in page


def test_list_of_a_quarter_of_an_hour_ago_is_out_of_date(stand_in, browser, at_the_limit, time_machine):
    browser.click()
    time_machine.move_to(timezone.now() + timedelta(minutes=16))
    assert "There is nothing to do here." in browser.get("/plenigo/devices/").content.decode()
    assert browser.get("/plenigo/api/devices/").json()["devices"] == []


def test_list_that_was_kept_before_lists_had_marks_is_out_of_date(stand_in, browser, at_the_limit):
    browser.click()
    session = browser.session
    del session[devices.KEY]["mark"]
    session.save()
    assert "There is nothing to do here." in browser.get("/plenigo/devices/").content.decode()


def test_list_is_that_of_the_reader_alone(stand_in, browser, at_the_limit, link):
    browser.click()
    session = browser.session
    other = LinkFactory(user=UserFactory())
    assert devices.kept_limit(session, other) is None
    assert devices.kept_limit(session, link) is not None


def test_same_as_json(stand_in, browser, at_the_limit, link):
    browser.click()
    listed = browser.get("/plenigo/api/devices/").json()
    assert [(device["number"], device["browser"]) for device in listed["devices"]] == [(1, "Firefox")]
    mark = listed["mark"]
    assert browser.ask("devices", device="1", mark=mark).status_code == 400
    assert browser.ask("devices", device=1, mark=mark).json() == {"next": "/my/subscriptions/"}
    assert browser.ask("devices", device=1, mark=mark).status_code == 410
    assert browser.get("/plenigo/api/devices/").json()["devices"] == []


def test_reader_who_is_no_customer_becomes_one_with_the_click(stand_in):
    browser = Browser()
    browser.force_login(user := UserFactory())
    assert browser.click().status_code == 200
    assert CustomerLink.objects.get(user=user).customer_id


def test_visitor_is_led_to_the_log_in(stand_in):
    assert Browser().click().json() == {"login_url": "/login/?next=/my/subscriptions/"}
    assert Browser().get("/plenigo/devices/").url == "/login/?next=/plenigo/devices/"


def test_clicks_are_throttled(stand_in, browser, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "CLICKS_PER_MINUTE": 1}}
    assert [browser.click().status_code for _ in range(2)] == [200, 429]


def test_get_mints_nothing(stand_in, browser):
    assert browser.get("/plenigo/api/transfer-token/").status_code == 405
    assert stand_in.calls == []


def test_page_and_endpoints_are_missing_with_api_v2(sandbox, user):
    browser = Browser()
    browser.force_login(user)
    assert browser.click().status_code == 404
    assert browser.get("/plenigo/devices/").status_code == 404
    assert browser.get("/plenigo/api/devices/").status_code == 404


@pytest.mark.parametrize(
    ("agent", "name", "os"),
    [
        (FIREFOX, "Firefox", "Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge", "Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari", "iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome", "Android"),
        ("", "", ""),
        ("curl/8", "", ""),
    ],
)
def test_browser_is_recognised(agent, name, os):
    traits = devices.traits_of(agent, source="example.com", ip_address="203.0.113.1")
    assert (traits.browser, traits.os) == (name, os)

"""The reader is back from a checkout, and her purchase is still on its way."""

import re

import pytest
from playwright.sync_api import expect

from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services.checkout import PurchaseReturn, return_path
from tests.browser.conftest import Newspaper

#: For the ways to the article. When the page asks is decided by its script, which knows no API.
on_either_api = pytest.mark.usefixtures("either_api")

LATE = "Your payment is on its way to us."
IS_SHOWN = "Object.defineProperty(document, 'visibilityState', {value: 'visible', configurable: true})"
IS_HIDDEN = IS_SHOWN.replace("visible", "hidden")
CHANGES = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def address():
    """Where a checkout of the article returns to."""
    return return_path(PurchaseReturn((DAY_PASS,), "/news/article/", "default"))


@pytest.fixture
def purchase_arrives(sandbox, reader):
    """Let the vendor know of the purchase at last."""
    return lambda: sandbox.buy(sandbox.customers()[0], DAY_PASS)


#: Count what the page asks, at the moment it does.
COUNT = """
window.asked = 0;
const untouched = window.fetch;
window.fetch = (url, ...values) => {
    asked += url.includes("/api/purchase/");
    return untouched(url, ...values);
};
"""


class WaitingPage:
    """The page that waits, on a computer whose clock stands still between two steps."""

    def __init__(self, page, address):
        self.page = page
        self.answers = 0
        page.on("requestfinished", self._count)
        page.add_init_script(COUNT)
        page.clock.install(time=0)
        page.clock.pause_at(1000)
        page.goto(address)
        self.text = page.get_by_role("status")

    def _count(self, request):
        self.answers += "/api/purchase/" in request.url

    @property
    def asked(self):
        """How many times the page has asked."""
        return self.page.evaluate("asked")

    def asks_after(self, seconds):
        """Make sure that the page asks after so many seconds, and not a second earlier."""
        asked = self.asked
        self.let_pass(seconds - 1)
        assert self.asked == asked
        self.let_pass(1)
        self.has_asked(asked + 1)

    def has_asked(self, count):
        """Make sure that the page has asked so many times, and let it read the answers."""
        assert self.asked == count
        for _ in range(500):
            if self.answers >= count:
                break
            self.page.wait_for_timeout(10)
        self.page.wait_for_timeout(100)
        assert (self.asked, self.answers) == (count, count)

    def let_pass(self, seconds):
        """Let the time go on."""
        self.page.clock.fast_forward(round(seconds * 1000))


@pytest.fixture
def waiting_page(newspaper, page, sign_in, reader, address):
    """The page in front of a reader."""
    sign_in(reader)
    return WaitingPage(page, address)


@on_either_api
def test_page_says_that_it_waits_and_opens_the_article_by_itself(
    newspaper, page, sign_in, reader, address, purchase_arrives
):
    sign_in(reader)
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("You do not need to pay again.")
    purchase_arrives()
    newspaper.has_article()
    expect(page).to_have_url("/news/article/")


@on_either_api
def test_page_opens_the_article_by_itself_without_javascript(
    new_context, sign_in, reader, address, purchase_arrives, newspaper
):
    page = new_context(java_script_enabled=False).new_page()
    sign_in(reader, page.context)
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("You do not need to pay again.")
    purchase_arrives()
    Newspaper(page).has_article()


def test_page_asks_once_a_minute_in_the_end_and_never_stops(newspaper, waiting_page, purchase_arrives):
    for seconds in [1, 1, 2, 2, 4, 5, 5, 10, 10, 20, 60, 60, 60]:
        waiting_page.asks_after(seconds)
    purchase_arrives()
    waiting_page.let_pass(60)
    newspaper.has_article()


def test_page_asks_at_once_when_the_reader_looks_at_it_again(newspaper, page, waiting_page, purchase_arrives):
    waiting_page.asks_after(1)
    page.evaluate(f"{IS_HIDDEN}; {CHANGES}")
    waiting_page.has_asked(1)
    purchase_arrives()
    page.evaluate(f"{IS_SHOWN}; {CHANGES}")
    newspaper.has_article()


def test_page_changes_its_words_only_where_they_are_new(page, waiting_page):
    page.evaluate(
        """() => {
            window.changes = 0;
            const observer = new MutationObserver(() => { changes += 1; });
            const all = {childList: true, characterData: true, subtree: true};
            observer.observe(document.querySelector("[role=status]"), all);
        }"""
    )
    for seconds in [1, 1, 2, 2, 4, 5, 5]:
        waiting_page.asks_after(seconds)
    expect(waiting_page.text).to_contain_text(LATE)
    assert page.evaluate("changes") == 1


WALL = "<!doctype html><title>Something else</title>"
TROUBLE = {
    "throttled": {"status": 429, "json": {"detail": "Too many tries."}},
    "out of order": {"status": 500, "body": WALL, "content_type": "text/html"},
    "no JSON": {"status": 200, "body": WALL, "content_type": "text/html"},
    "null": {"status": 200, "json": None},
}


@pytest.mark.parametrize("answer", TROUBLE.values(), ids=TROUBLE)
def test_page_waits_longer_after_an_answer_that_is_none_and_recovers(
    newspaper, page, waiting_page, purchase_arrives, answer
):
    page.route("**/plenigo/api/purchase/**", lambda route: route.fulfill(**answer))
    for seconds in [1, 10, 20, 40, 60, 60]:
        waiting_page.asks_after(seconds)
    page.unroute_all()
    waiting_page.asks_after(60)
    waiting_page.asks_after(10)
    purchase_arrives()
    waiting_page.let_pass(10)
    newspaper.has_article()


@on_either_api
def test_reader_whose_session_has_ended_logs_in_and_waits_on(newspaper, page, waiting_page, reader, purchase_arrives):
    page.context.clear_cookies()
    waiting_page.let_pass(1)
    expect(page).to_have_url(re.compile(r"/login/\?next="))
    purchase_arrives()
    newspaper.log_in(reader)
    newspaper.has_article()

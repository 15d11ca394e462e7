"""What happens between a click and a checkout: one checkout a click, a word on the way, a sentence where it fails."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import FAILED

OPENING = "Opening the checkout …"

pytestmark = pytest.mark.usefixtures("either_api")

BUTTON, SNIPPET, SNIPPET_OF_THE_UNLINKED = "button", "snippet", "snippet of a reader who is no customer yet"
WAYS = [BUTTON, SNIPPET, SNIPPET_OF_THE_UNLINKED]


@pytest.fixture
def open_page(newspaper, sign_in, user, request):
    """Sign a reader in, go to a page with one of the ways to open a checkout, and return what is to be clicked."""

    def open_page(way):
        if way != SNIPPET_OF_THE_UNLINKED:
            request.getfixturevalue("reader")
        sign_in(user)
        newspaper.open("offers" if way == BUTTON else "snippets")
        return newspaper.button("Buy the yearbook")

    return open_page


@pytest.fixture
def held(page):
    """The calls of our endpoints, which get no answer before `page.unroute_all()`."""
    held = []
    page.route(re.compile("/plenigo/api/"), lambda route: held.append(route))
    return held


def opened_at_the_vendor(sandbox):
    """How many calls have been made of which each opens a checkout."""
    return sum(call.endpoint in {"createLoginToken", "preparePurchase"} for call in sandbox.calls)


def secrets_of(bare_script):
    """What each checkout was opened with that works for it alone."""
    return [config.get("loginToken") or config.get("purchaseId") for config in bare_script.opened]


# ---- one checkout a click --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [BUTTON, SNIPPET_OF_THE_UNLINKED])
def test_double_click_opens_one_checkout_by_one_call(sandbox, open_page, bare_script, way):
    element = open_page(way)
    sandbox.calls.clear()
    element.dblclick()
    bare_script.opens(1)
    assert opened_at_the_vendor(sandbox) == 1


def test_double_click_on_a_snippet_that_is_an_hour_old_opens_one_checkout_by_one_call(
    sandbox, open_page, bare_script, page
):
    page.clock.install()
    element = open_page(SNIPPET)
    page.clock.fast_forward(3_600_000)
    sandbox.calls.clear()
    element.dblclick()
    bare_script.opens(1)
    assert opened_at_the_vendor(sandbox) == 1


def test_double_click_of_a_visitor_opens_one_checkout(newspaper, bare_script):
    newspaper.open("snippets")
    newspaper.button("Buy the yearbook").dblclick()
    bare_script.opens(1)


def test_second_button_does_not_open_a_second_checkout_while_the_first_is_on_its_way(
    newspaper, open_page, bare_script, held, page
):
    open_page(BUTTON).click()
    newspaper.press("Buy the day pass")
    expect(newspaper.message).to_have_count(1)
    page.unroute_all()
    bare_script.opens(1)


@pytest.mark.parametrize("way", WAYS)
def test_click_that_comes_later_opens_the_checkout_again(open_page, bare_script, way):
    element = open_page(way)
    element.click()
    bare_script.opens(1)
    element.click()
    bare_script.opens(2)
    assert len(set(secrets_of(bare_script))) == 2


# ---- what the reader is told -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [BUTTON, SNIPPET_OF_THE_UNLINKED])
def test_page_says_that_the_checkout_is_opening_and_falls_silent_when_it_is_open(newspaper, page, open_page, held, way):
    element = open_page(way)
    elements_before = page.locator("main *").count()
    element.click()
    expect(newspaper.message).to_have_text(OPENING)
    expect(element).to_have_attribute("aria-disabled", "true")
    page.unroute_all()
    expect(newspaper.checkout.line("Product")).to_be_visible()
    expect(newspaper.message).to_have_count(0)
    newspaper.checkout.press("Cancel")
    expect(newspaper.checkout.layer).to_have_count(0)
    assert page.locator("main *").count() == elements_before
    expect(element).not_to_have_attribute("aria-disabled", "true")


@pytest.mark.parametrize("way", WAYS)
def test_checkout_has_the_focus_once_it_is_open_and_the_button_has_it_back_afterwards(
    newspaper, page, sandbox, open_page, way
):
    element = open_page(way)
    if way != SNIPPET:  # whose first click asks nobody
        sandbox.fail_next(500, times=None)
        element.click()
        expect(newspaper.message).to_have_text(FAILED)
        sandbox.clear_faults()
    element.click()
    expect(newspaper.checkout.line("Product")).to_be_visible()
    page.wait_for_timeout(700)  # longer than anything is still to come
    assert page.evaluate("document.activeElement.tagName") == "IFRAME"
    page.keyboard.press("Escape")
    expect(element).to_be_focused()


def test_call_of_the_sites_own_script_is_told_about_at_the_top_of_the_page(newspaper, page, open_page):
    open_page(SNIPPET_OF_THE_UNLINKED)
    page.evaluate("void djangoPlenigo.checkout({offer: 'no offer of ours'})")
    expect(newspaper.message).to_contain_text("This offer is out of date.")
    expect(newspaper.message).to_be_focused()


def test_word_about_a_click_before_the_page_is_complete_stays_when_it_is(newspaper, page, sign_in, reader, held):
    pictures = []
    page.route("**/slow.png", lambda route: pictures.append(route))

    def add_picture(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", '<img src="/slow.png" alt=""></main>'))

    page.route("**/news/offers/", add_picture)
    sign_in(reader)
    page.goto("/news/offers/", wait_until="domcontentloaded")
    newspaper.press("Buy the yearbook")
    expect(newspaper.message).to_have_text(OPENING)
    pictures.pop().abort()
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    expect(newspaper.message).to_have_text(OPENING)
    expect(newspaper.button("Buy the yearbook")).to_have_attribute("aria-disabled", "true")
    assert len(held) == 1


# ---- answers that are none -------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["csrf-token", "checkout"])
def test_reader_is_told_about_each_answer_that_is_none(newspaper, open_page, bare_script, fails_to_open, endpoint):
    element = open_page(BUTTON)
    fails_to_open(element, endpoint)
    bare_script.opens(0)


def test_reader_is_told_that_the_site_cannot_be_reached(newspaper, open_page, page):
    element = open_page(BUTTON)
    page.route(re.compile("/plenigo/api/"), lambda route: route.abort())
    element.click()
    expect(newspaper.message).to_have_text(FAILED)
    page.unroute_all()
    element.click()
    expect(newspaper.checkout.line("Product")).to_be_visible()

"""A tab that was left open, a page that was come back to, a part of a page that came later."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Newspaper

HOUR = 3600


@pytest.fixture
def an_hour_later(page, sandbox):
    """Let an hour pass, on the reader's computer and at the vendor."""
    page.clock.install()

    def an_hour_later():
        page.clock.fast_forward(HOUR * 1000)
        sandbox.advance(HOUR)

    return an_hour_later


@pytest.fixture
def remembering_page(launch_browser, base_url):
    """A page in a browser that puts pages aside and shows them again as they were left, unlike Playwright's own."""
    browser = launch_browser(ignore_default_args=["--disable-back-forward-cache"])
    page = browser.new_page(base_url=base_url, locale="en-GB")
    page.set_default_timeout(PATIENCE)
    yield page
    browser.close()


def opens_checkout(newspaper, product):
    """Make sure that a checkout of a product is open, and close it."""
    expect(newspaper.checkout.line("Product")).to_contain_text(product)
    newspaper.checkout.press("Cancel")
    expect(newspaper.checkout.layer).to_have_count(0)


@pytest.mark.usefixtures("either_api")
def test_button_in_a_tab_that_is_an_hour_old_opens_the_checkout(newspaper, sign_in, reader, an_hour_later):
    sign_in(reader)
    newspaper.open("offers")
    an_hour_later()
    newspaper.press("Buy the yearbook")
    opens_checkout(newspaper, "The yearbook")


def test_snippet_whose_token_is_an_hour_old_opens_with_a_fresh_one(newspaper, sandbox, sign_in, reader, an_hour_later):
    sign_in(reader)
    newspaper.open("snippet", "?title=The+moss+clock")
    an_hour_later()
    sandbox.calls.clear()
    newspaper.press("Buy the e-book")
    opens_checkout(newspaper, "The moss clock")
    assert [call.endpoint for call in sandbox.calls] == ["createLoginToken"]


def test_snippet_whose_token_is_spent_opens_with_a_fresh_one(newspaper, sandbox, sign_in, reader):
    sign_in(reader)
    newspaper.open("snippet", "?title=The+moss+clock")
    sandbox.calls.clear()
    newspaper.press("Buy the e-book")
    opens_checkout(newspaper, "The moss clock")
    assert sandbox.calls == []  # the page brought a token with it
    newspaper.press("Buy the e-book")
    opens_checkout(newspaper, "The moss clock")


def test_reader_is_told_that_no_fresh_token_is_to_be_had(newspaper, sign_in, reader, bare_script, fails_to_open):
    sign_in(reader)
    newspaper.open("snippet", "?title=The+moss+clock")
    newspaper.press("Buy the e-book")  # spends the token that came with the page
    bare_script.opens(1)
    fails_to_open(newspaper.button("Buy the e-book"), "login-token")
    bare_script.opens(1)


@pytest.mark.usefixtures("either_api")
def test_button_that_was_put_into_the_page_later_opens_the_checkout(newspaper, page, sign_in, reader):
    sign_in(reader)
    newspaper.open("headlines")
    page.evaluate(
        """async () => {
            const answer = await fetch("/news/fragment/");
            document.getElementById("fragments").innerHTML = await answer.text();
        }"""
    )
    newspaper.press("Buy the day pass")
    opens_checkout(newspaper, "Day pass")


@pytest.mark.usefixtures("either_api")
def test_button_of_a_page_that_the_reader_comes_back_to_opens_the_checkout(newspaper, page, sign_in, reader):
    sign_in(reader)
    newspaper.open("offers")
    newspaper.press("Buy the yearbook")
    opens_checkout(newspaper, "The yearbook")
    newspaper.open("headlines")
    page.go_back()
    newspaper.press("Buy the day pass")
    opens_checkout(newspaper, "Day pass")


@pytest.mark.usefixtures("either_api")
def test_button_works_in_a_page_that_the_browser_put_aside_when_it_left_for_the_log_in(
    remembering_page, sign_in, reader
):
    newspaper = Newspaper(remembering_page)
    newspaper.open("offers")
    remembering_page.evaluate("addEventListener('pageshow', (event) => { window.wasPutAside = event.persisted; })")
    newspaper.press("Buy the yearbook")
    expect(remembering_page.get_by_label("Username")).to_be_visible()
    sign_in(reader, remembering_page.context)
    remembering_page.evaluate("void setTimeout(() => history.back())")
    remembering_page.wait_for_url(re.compile(r"^[^?]*/news/offers/$"), wait_until="commit")
    assert remembering_page.evaluate("window.wasPutAside")
    newspaper.press("Buy the yearbook")
    opens_checkout(newspaper, "The yearbook")

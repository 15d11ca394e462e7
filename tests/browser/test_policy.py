"""A site whose Content-Security-Policy allows its own files and nothing else."""

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.conftest import VIOLATION


@pytest.mark.usefixtures("either_api")
def test_reader_buys_under_a_strict_policy_and_nothing_is_blocked(newspaper, page, sign_in, reader, violations):
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.checkout.line("Product")).to_contain_text("Day pass")
    newspaper.checkout.press("Buy")
    newspaper.has_article()
    assert violations == []


def test_strict_policy_blocks_inline_code(newspaper, page, sign_in, reader, violations):
    """The policy of the other test is in force: the snippet, which is inline, does not run under it."""
    sign_in(reader)
    with page.expect_console_message(lambda message: VIOLATION in message.text):
        newspaper.open("snippet", "?title=The+moss+clock")
        newspaper.press("Buy the e-book")
    expect(newspaper.checkout.layer).to_have_count(0)
    assert "inline event handler" in violations[0]


def blocked_frame(page):
    """Put a frame into the page, and wait until the browser says that a policy is against it."""
    with page.expect_console_message(lambda message: VIOLATION in message.text and "frame" in message.text):
        page.evaluate("() => document.body.append(Object.assign(document.createElement('iframe'), {src: '/login/'}))")
    page.wait_for_timeout(300)


@pytest.mark.usefixtures("either_api")
@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "The checkout could not be loaded. Nothing was charged."),
        ("de", "Die Kasse ließ sich nicht laden. Es wurde nichts abgebucht."),
    ],
)
def test_reader_is_told_that_the_policy_blocks_the_frame(
    newspaper, context, base_url, sign_in, reader, under_policy, language, sentence
):
    context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": base_url}])
    sign_in(reader)
    under_policy("without-frames")
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.message.filter(has_text=sentence)).to_be_visible()


@pytest.mark.usefixtures("either_api")
def test_frame_that_the_vendor_adds_later_is_told_about_as_well(
    newspaper, page, sign_in, reader, under_policy, bare_script
):
    sign_in(reader)
    under_policy("without-frames")
    newspaper.open("article")
    newspaper.press("Buy and read")
    bare_script.opens(1)
    blocked_frame(page)
    expect(newspaper.message).to_contain_text("The checkout could not be loaded.")


@pytest.mark.usefixtures("either_api")
def test_policy_that_is_only_tried_out_worries_nobody(newspaper, page, sign_in, reader, under_policy, bare_script):
    sign_in(reader)
    under_policy("tried-without-frames")
    newspaper.open("article")
    newspaper.press("Buy and read")
    bare_script.opens(1)
    blocked_frame(page)
    expect(newspaper.message).to_have_count(0)


@pytest.mark.usefixtures("either_api")
def test_frame_that_is_blocked_without_a_checkout_is_nobodys_business(newspaper, page, sign_in, reader, under_policy):
    sign_in(reader)
    under_policy("without-frames")
    newspaper.open("article")
    blocked_frame(page)
    expect(newspaper.message).to_have_count(0)

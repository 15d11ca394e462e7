"""A site whose Content-Security-Policy allows its own files and nothing else."""

from playwright.sync_api import expect

from tests.browser.conftest import VIOLATION


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

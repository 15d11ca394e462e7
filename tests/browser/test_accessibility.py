"""What a screen reader meets, and what a keyboard reaches."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services.checkout import PurchaseReturn, return_path

pytestmark = pytest.mark.usefixtures("either_api")


def barriers(document, *, without=()):
    """What axe finds in a page or in a frame, without what some selectors choose: the rule, and what breaks it."""
    document.wait_for_load_state()  # with its style sheet, by which colours are judged
    found = Axe().run(document, context={"exclude": [[each] for each in without]}).response["violations"]
    return json.dumps([{rule["id"]: [node["html"] for node in rule["nodes"]]} for rule in found], indent=1)


NONE = "[]"


def test_article_has_no_barriers_before_and_after_buying(newspaper, page, sandbox, sign_in, reader):
    sign_in(reader)
    newspaper.open("article")
    assert barriers(page) == NONE
    sandbox.buy(sandbox.customers()[0], DAY_PASS)
    newspaper.open("article")
    newspaper.has_article()
    assert barriers(page) == NONE


def test_offer_has_no_barriers(newspaper, page, sign_in, reader):
    sign_in(reader)
    page.goto("/gated/")
    expect(page.get_by_role("heading", name="This page is for subscribers.")).to_be_visible()
    assert barriers(page) == NONE


def test_page_that_waits_for_a_purchase_has_no_barriers(newspaper, page, sign_in, reader):
    sign_in(reader)
    page.goto(return_path(PurchaseReturn((DAY_PASS,), "/news/article/", "default")))
    expect(page.get_by_role("heading", name="Thank you.")).to_be_visible()
    assert barriers(page) == NONE


def test_checkout_has_no_barriers(newspaper, page, sign_in, reader):
    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.checkout.line("Product")).to_be_visible()
    assert barriers(page) == NONE
    assert barriers(page.frames[1]) == NONE


def test_sentence_about_a_failure_has_no_barriers(newspaper, page, sandbox, sign_in, reader):
    sign_in(reader)
    newspaper.open("article")
    sandbox.fail_next(times=None)
    newspaper.press("Buy and read")
    expect(newspaper.message).to_contain_text("Nothing was charged.")
    assert barriers(page) == NONE


def test_keyboard_opens_and_closes_the_checkout_and_keeps_its_place(newspaper, page, sign_in, reader):
    sign_in(reader)
    newspaper.open("article")
    newspaper.button("Log out").focus()
    page.keyboard.press("Tab")
    expect(newspaper.button("Buy and read")).to_be_focused()
    page.keyboard.press("Enter")
    expect(newspaper.checkout.frame.get_by_role("heading", name="Checkout")).to_be_focused()
    page.keyboard.press("Escape")
    expect(newspaper.checkout.layer).to_have_count(0)
    expect(newspaper.button("Buy and read")).to_be_focused()

"""A reader connects a subscription in a browser: by keyboard, under a strict policy, for all."""

import pytest
from playwright.sync_api import Page, expect

from django_plenigo.models import CustomerLink
from tests.browser.test_accessibility import NONE, barriers


@pytest.fixture
def imported(stand_in):
    return stand_in.add("1234567", postcode="10115")


@pytest.fixture
def form(page: Page, stand_in, sign_in, user):
    """The form that asks for the details, with those of the imported customer filled in."""
    sign_in(user)
    page.goto("/plenigo/connect/?next=/plenigo/connect/done/")
    page.get_by_label("Customer number").fill("1234567")
    page.get_by_label("ZIP code").fill("10115")
    page.get_by_label("New password").fill("a-new-password")
    return page


def test_reader_connects_her_subscription_by_keyboard_alone_and_no_page_has_barriers(
    stand_in, imported, form, user, violations
):
    page = form
    assert barriers(page) == NONE
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    assert barriers(page) == NONE
    page.get_by_label("Code").fill(stand_in.last_code)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your subscription is connected.")).to_be_visible()
    assert barriers(page) == NONE
    assert CustomerLink.objects.get(user=user).customer_id == imported.customer_id
    assert violations == []


def test_mistake_has_the_focus_and_leads_to_its_field(stand_in, imported, form):
    page = form
    page.get_by_label("Customer number").fill("12-34")
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Customer number").click()
    expect(page.get_by_label("Customer number")).to_be_focused()
    assert barriers(page) == NONE


def test_wrong_code_is_told_and_another_one_is_sent(stand_in, imported, form):
    page = form
    page.keyboard.press("Enter")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("alert")).to_contain_text("This code is not right.")
    assert barriers(page) == NONE
    page.get_by_role("button", name="Send me another code").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_label("Code").fill(stand_in.last_code)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Your subscription is connected.")).to_be_visible()

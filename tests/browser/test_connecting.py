"""A reader connects a subscription, and ends a device, in a browser: by keyboard, under a strict policy, for all."""

import re

import pytest
from playwright.sync_api import Page, expect

from django_plenigo.models import CustomerLink
from django_plenigo.protocols import base
from tests.browser.test_accessibility import NONE, barriers
from tests.factories import LinkFactory

#: A stand-in for the vendor's script: a log-in succeeds at once, with the session that the test has put into the page.
SCRIPT = """
window.called = [];
window.plenigo = { SSO: class {
    constructor(config) { this.element = document.getElementById(config.elementId); }
    login() {
        called.push("login");
        const detail = { customerSession: window.sessionOfTheTest };
        document.dispatchEvent(new CustomEvent("plenigo.LoginSuccess", { detail }));
    }
    forgotPassword() { called.push("forgotPassword"); this.element.textContent = "Your address?"; }
} };
"""


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


@pytest.fixture
def registered(stand_in, imported, form):
    """The page that says that the subscription is registered already."""
    form.route("**/frisbii_media.min.js", lambda route: route.fulfill(body=SCRIPT, content_type="text/javascript"))
    imported.email = "ada@example.com"
    form.keyboard.press("Enter")
    expect(form.get_by_text("already registered")).to_be_visible()
    form.wait_for_function("window.plenigo")
    return form


def test_reader_who_is_registered_logs_in_at_plenigo_and_is_linked(stand_in, imported, registered, user):
    page = registered
    assert barriers(page) == NONE
    session = stand_in.start_session(base.CustomerRef(imported.customer_id)).value
    page.evaluate("(session) => { window.sessionOfTheTest = session; }", session)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile("/plenigo/connect/done/$"))
    assert CustomerLink.objects.get(user=user).customer_id == imported.customer_id
    assert session not in page.url


def test_log_in_that_fails_is_told(stand_in, registered):
    page = registered
    page.evaluate("window.sessionOfTheTest = 'made-up'")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("You are not logged in there any more.")).to_be_visible()


def test_password_is_reset_at_plenigo(stand_in, registered):
    registered.get_by_role("button", name="Reset my password").click()
    expect(registered.get_by_text("Your address?")).to_be_visible()
    assert registered.evaluate("called") == ["forgotPassword"]


def test_reader_ends_a_device_and_goes_on(stand_in, page, sign_in, user, violations):
    stand_in.add("1234567")
    LinkFactory(user=user, customer_id="1234567")
    stand_in.start_session(base.CustomerRef("1234567"))
    sign_in(user)
    page.goto("/plenigo/connect/")  # a page of the site, which a script may call from
    devices_url = page.evaluate("""async () => {
        const token = await (await fetch("/plenigo/api/csrf-token/")).json();
        const answer = await fetch("/plenigo/api/transfer-token/", {
            method: "POST",
            headers: { "Content-Type": "application/json", [token.header]: token.csrf_token },
            body: JSON.stringify({ account: "default", page: "/plenigo/connect/done/" }),
        });
        return (await answer.json()).devices_url;
    }""")
    page.goto(devices_url)
    assert barriers(page) == NONE
    page.get_by_role("radio", name="Firefox, Linux").check()
    page.get_by_role("button", name="Log out there and go on").click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    assert stand_in.calls.count("end_sessions") == 1
    assert violations == []

"""Manage my subscription: into each vendor's portal and back, also once a link has run out, and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from django_plenigo import backends
from django_plenigo.models import PortalHandover
from django_plenigo.sandbox.seed import MONTHLY
from django_plenigo.services import portals
from tests.browser.conftest import PATIENCE, speak
from tests.browser.test_accessibility import NONE, barriers

LIST = "/plenigo/portals/"
CANCELLED = "Your subscription has been cancelled."

#: What the sandbox's vendors have from the start.
CUSTOMERS = {"okepay": "1", "2checkout": "352365983"}

#: Seconds, longer than any link works.
AN_HOUR = 3600

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}  # pixels


@pytest.fixture(params=["v2", "v3"])
def subscriber(request, settings, sandbox, user):
    """A reader who pays at OkePay, at 2Checkout and at plenigo, of either API."""
    speak(settings, request.param)
    settings.PLENIGO_PORTALS = {
        "okepay": {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"},
        "2checkout": {"BACKEND": "django_plenigo.protocols.twocheckout.TwoCheckout", "MODE": "sandbox"},
    }
    backends._portals.clear()
    sandbox.okepay  # noqa: B018 - it comes into being by being looked at
    sandbox.twocheckout_merchant()
    for portal, reference in CUSTOMERS.items():
        portals.bind(user, portal, reference, provenance="webhook")
    yield user
    backends._portals.clear()


@pytest.fixture
def opened(page, sign_in, subscriber):
    """Her browser, with the page of her portals."""
    sign_in(subscriber)
    page.goto(LIST)
    return page


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def is_in_okepay(page):
    expect(page.get_by_role("heading", name="My payments")).to_be_visible()
    expect(page.get_by_text("Logged in as contact@example.com.")).to_be_visible()


def outcomes():
    return list(PortalHandover.objects.order_by("pk").values_list("portal", "outcome"))


# ---- each portal


def test_reader_cancels_at_okepay_and_sees_it(opened, sandbox):
    page = opened
    press(page, "OkePay")
    is_in_okepay(page)
    page.get_by_role("link", name="Cancel subscription").click()
    press(page, "Cancel this subscription")
    expect(page.get_by_role("status")).to_contain_text(CANCELLED)
    expect(page.locator("[data-status=in_notice]")).to_be_visible()
    page.goto(LIST)
    press(page, "OkePay")
    expect(page.locator("[data-status=in_notice]")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel subscription")).to_have_count(0)
    assert outcomes() == [("okepay", "opened"), ("okepay", "opened")]


def test_reader_cancels_in_2checkouts_my_account_and_sees_it(opened, sandbox):
    page = opened
    press(page, "2Checkout")
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    expect(page.get_by_text(CUSTOMERS["2checkout"])).to_be_visible()
    page.get_by_role("link", name="My subscriptions").click()
    page.get_by_role("button", name="Cancel the subscription 123D40F123").click()
    expect(page.get_by_role("button", name="Renew the subscription 123D40F123 again")).to_be_visible()
    assert not sandbox.twocheckout_customer().subscriptions.get().auto_renewal


def test_reader_cancels_at_plenigo_in_the_same_list(page, sign_in, subscriber, sandbox, reader):
    sandbox.buy(sandbox.customers()[0], MONTHLY)
    sign_in(subscriber)
    page.goto(LIST)
    expect(page.locator(".plenigo-portals > ul > li")).to_have_count(3)
    opener = page.get_by_role("button", name="My subscriptions")
    service = page.frame_locator("iframe[title='Self service']")
    heading = service.get_by_role("heading", name="Subscriptions")
    expect(opener.or_(page.locator("iframe[title='Self service']")).first).to_be_visible()
    if opener.count():  # with API v3 it opens on a click
        opener.click()
    expect(heading).to_be_visible()
    service.get_by_role("button", name="Cancel this subscription").click()
    expect(service.get_by_text(CANCELLED)).to_be_visible()


def test_link_is_in_no_page_and_back_leads_to_a_button_that_works_again(opened):
    page = opened
    press(page, "OkePay")
    is_in_okepay(page)
    assert "token" not in page.url
    page.go_back()
    expect(page).to_have_url(re.compile(f"{LIST}$"))
    press(page, "OkePay")
    is_in_okepay(page)
    assert outcomes() == [("okepay", "opened"), ("okepay", "opened")]


# ---- what goes wrong


@pytest.mark.parametrize(
    ("name", "label", "sentence", "inside"),
    [
        ("okepay", "OkePay", "This link does not work", "My payments"),
        ("2checkout", "2Checkout", "This link was used before or has expired.", "My account"),
    ],
)
def test_link_that_has_run_out_is_the_vendors_page_and_one_click_makes_a_new_one(
    opened, sandbox, name, label, sentence, inside
):
    page = opened
    form = page.locator(f"form[action$='/portal/{name}/']")
    fields = {field: form.locator(f"[name={field}]").input_value() for field in ("csrfmiddlewaretoken", "target")}
    link = page.request.post(form.get_attribute("action"), form=fields, max_redirects=0).headers["location"]
    sandbox.advance(AN_HOUR)
    answer = page.goto(link)
    assert answer.status == 410
    expect(page.get_by_text(sentence).first).to_be_visible()
    page.goto(f"/plenigo/portal/{name}/")
    expect(page.get_by_role("heading", name=label)).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("The link had run out")
    press(page, "Open again")
    expect(page.get_by_role("heading", name=inside)).to_be_visible()


def test_vendor_that_is_down_is_a_sentence_and_the_next_click_leads_there(opened, sandbox):
    page = opened
    sandbox.cut_next(endpoint="okepay.AuthToken")
    press(page, "OkePay")
    expect(page.get_by_role("alert")).to_contain_text("This portal does not answer right now.")
    assert barriers(page) == NONE
    press(page, "Open again")
    is_in_okepay(page)
    assert outcomes() == [("okepay", "unavailable"), ("okepay", "opened")]


def test_visitor_logs_in_and_is_led_to_her_portals(page, subscriber, newspaper):
    page.goto(LIST)
    expect(page.get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="Log in to see your subscriptions").click()
    newspaper.log_in(subscriber)
    press(page, "OkePay")
    is_in_okepay(page)


# ---- for all


@pytest.fixture
def plain_page(browser, base_url, sign_in, subscriber):
    """A page of a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False, base_url=base_url, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    sign_in(subscriber, context)
    yield context.new_page()
    context.close()


def test_browser_without_javascript_gets_into_every_portal_and_cancels(plain_page, sandbox, reader):
    page = plain_page
    page.goto(LIST)
    sentence = page.locator("noscript").first  # which no search by text finds
    expect(sentence).to_be_visible()
    assert "Please switch on JavaScript to see your subscriptions" in sentence.inner_text()
    press(page, "OkePay")
    is_in_okepay(page)
    page.get_by_role("link", name="Cancel subscription").click()
    press(page, "Cancel this subscription")
    expect(page.get_by_role("status")).to_contain_text(CANCELLED)
    page.goto(LIST)
    press(page, "2Checkout")
    page.get_by_role("link", name="My subscriptions").click()
    page.get_by_role("button", name="Cancel the subscription 123D40F123").click()
    expect(page.get_by_role("button", name="Renew the subscription 123D40F123 again")).to_be_visible()


def test_keyboard_alone_opens_a_portal(opened):
    page = opened
    page.get_by_role("button", name="OkePay").focus()
    page.keyboard.press("Enter")
    is_in_okepay(page)


def pages_of_okepay(page):
    """Go through OkePay's pages, and yield at each."""
    page.goto(LIST)
    yield "list"
    press(page, "OkePay")
    is_in_okepay(page)
    yield "portal"
    page.get_by_role("link", name="Change payment data").click()
    yield "payment data"
    page.go_back()
    page.get_by_role("link", name="Cancel subscription").click()
    yield "cancel"
    press(page, "Cancel this subscription")
    yield "cancelled"
    press(page, "Log out")
    yield "logged out"
    page.goto("/plenigo-sandbox/okepay/demo-instance/login/?token=none")
    yield "gone"
    page.goto("/plenigo-sandbox/okepay/demo-instance/pay/")
    yield "refused"
    page.goto("/plenigo-sandbox/okepay/demo-instance/pay/?product=Monthly&amount=990&currency=EUR&interval=P1M")
    yield "payment"
    press(page, "Pay")
    yield "payment without an address"
    page.get_by_label("E-mail address").fill("ada@example.com")
    press(page, "Pay")
    yield "paid"
    page.goto("/plenigo/portal/okepay/")
    yield "open again"


def pages_of_2checkout(page):
    """Go through 2Checkout's pages, and yield at each."""
    page.goto(LIST)
    press(page, "2Checkout")
    yield "My account"
    names = ["My products", "My subscriptions", "My orders", "Payment methods", "Personal information", "Support"]
    for name in names:
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        yield name
    page.goto("/plenigo-sandbox/myaccount/?logintoken=none")
    yield "gone"
    page.goto("/plenigo-sandbox/myaccount/")
    press(page, "Log out")
    yield "logged out"
    page.goto(f"/plenigo-sandbox/order/checkout/?PRODS={MONTHLY}")
    yield "cart"
    press(page, "Buy")
    yield "cart without an address"
    page.get_by_label("E-mail address").fill("ada@example.com")
    press(page, "Buy")
    yield "bought"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("pages", [pages_of_okepay, pages_of_2checkout])
@pytest.mark.parametrize("subscriber", ["v2"], indirect=True)
def test_no_page_has_barriers_or_is_wider_than_a_phone(page, sign_in, subscriber, pages, scheme):
    sign_in(subscriber)
    page.emulate_media(color_scheme=scheme)
    found = {}
    for name in pages(page):
        page.set_viewport_size(DESK)
        broken = barriers(page)
        page.set_viewport_size(PHONE)
        hidden = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if broken != NONE or hidden > 0:
            found[name] = (broken, hidden)
    assert found == {}

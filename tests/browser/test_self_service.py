"""Self service of API v3 in the site's page: the sandbox's script and pages take the vendor's place."""

import pytest
from playwright.sync_api import expect

from django_plenigo.sandbox import customer_sessions, purchases
from django_plenigo.sandbox.models import Purchase
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY
from django_plenigo.services import customers
from tests.browser.test_accessibility import NONE, barriers

pytestmark = pytest.mark.usefixtures("on_api_v3")


@pytest.fixture
def frame(page):
    """The self service."""
    return page.frame_locator("iframe[title='Self service']")


@pytest.fixture
def account(newspaper, page, sign_in, reader):
    """A customer in front of the page of her account."""
    sign_in(reader)
    newspaper.open("account")
    return newspaper


def heading(frame):
    return frame.get_by_role("heading", level=1)


def test_reader_sees_her_orders_under_a_strict_policy(account, page, frame, sandbox, violations):
    order = purchases.order_number(sandbox.buy(sandbox.customers()[0], DAY_PASS))
    account.open("account")
    account.press("My orders")
    expect(frame.get_by_text(str(order))).to_be_visible()
    assert (barriers(page), barriers(page.frames[1])) == (NONE, NONE)
    expect(page.locator("#plenigoCheckout")).to_have_attribute("aria-label", "Your subscriptions and orders")
    assert violations == []


def test_reader_goes_from_page_to_page_and_cancels_a_subscription(account, frame, sandbox):
    sandbox.buy(sandbox.customers()[0], MONTHLY)
    account.press("My account")
    expect(heading(frame)).to_have_text("Overview")
    frame.get_by_role("button", name="Subscriptions").click()
    frame.get_by_role("button", name="Cancel this subscription").click()
    expect(frame.get_by_text("Your subscription has been cancelled.")).to_be_visible()
    assert Purchase.objects.get().cancelled_at is not None


def test_name_and_password_are_the_sites(account, frame):
    account.press("My account")
    frame.get_by_role("button", name="Personal data").click()
    expect(heading(frame)).to_have_text("Personal data")
    expect(frame.get_by_label("First name")).to_have_count(0)


def test_second_click_opens_it_anew_with_another_token(account, frame, sandbox):
    account.press("My account")
    expect(heading(frame)).to_have_text("Overview")
    account.press("My orders")
    expect(heading(frame)).to_have_text("Orders")
    assert [call.endpoint for call in sandbox.calls].count("createTransferToken") == 2


def test_double_click_asks_for_one_token(account, page, frame, sandbox):
    account.button("My account").dblclick()
    expect(heading(frame)).to_have_text("Overview")
    page.wait_for_timeout(1000)
    assert [call.endpoint for call in sandbox.calls].count("createTransferToken") == 1


def test_visitor_logs_in_on_the_site_first_and_comes_back(newspaper, page, frame, user):
    newspaper.open("account")
    newspaper.press("My account")
    newspaper.log_in(user)
    expect(page).to_have_url("/news/account/")
    page.wait_for_load_state()
    newspaper.press("My account")
    expect(heading(frame)).to_have_text("Overview")
    assert customers.link_of(user) is not None


def test_reader_on_too_many_devices_ends_one_and_comes_back(account, page, frame, sandbox):
    [customer] = sandbox.customers()
    elsewhere = customer_sessions.begin(customer, {"browser": "Firefox", "os": "Linux"})
    account.press("My account")
    expect(page.get_by_role("radio", name="Firefox, Linux")).to_be_visible()
    assert barriers(page) == NONE
    page.get_by_role("radio", name="Firefox, Linux").check()
    page.get_by_role("button", name="Log out there and go on").click()
    expect(page).to_have_url("/news/account/")
    page.wait_for_load_state()
    account.press("My account")
    expect(heading(frame)).to_have_text("Overview")
    assert elsewhere not in customer_sessions.active(customer)


def test_reader_on_too_many_devices_ends_all(account, page, frame, sandbox):
    [customer] = sandbox.customers()
    customer_sessions.begin(customer, {"browser": "Firefox"})
    account.press("My account")
    page.get_by_role("button", name="Log out on all devices").click()
    expect(page).to_have_url("/news/account/")
    assert customer_sessions.active(customer).count() == 1


def test_token_that_is_too_old_is_told_and_the_next_one_works(account, page, frame, sandbox):
    held = []
    page.route("**/self-service/**", lambda route: held.append(route), times=1)
    account.press("My account")
    while not held:
        page.wait_for_timeout(50)
    sandbox.advance(31)
    held[0].continue_()
    message = page.locator(".plenigo-message-checkout")
    expect(message).to_contain_text("We cannot show your subscriptions and orders right now.")
    message.get_by_role("button", name="Try again").click()
    expect(heading(frame)).to_have_text("Overview")
    expect(message).to_have_text("")


def test_reader_is_told_that_the_vendor_is_down(account, frame, sandbox):
    sandbox.fail_next(500, times=None)
    account.press("My account")
    expect(account.message).to_contain_text("We cannot reach our subscription service right now.")
    sandbox.clear_faults()
    account.press("My account")
    expect(heading(frame)).to_have_text("Overview")


def test_reader_is_told_that_a_content_blocker_keeps_it_away(account, content_blocker):
    account.open("account")
    account.press("My account")
    content_blocker()
    expect(account.message).to_contain_text("Please switch off content blockers for this page and try again.")
    expect(account.message).not_to_contain_text("charged")


def test_reader_is_told_that_the_policy_blocks_the_frame(account, page, under_policy):
    under_policy("without-frames")
    account.open("account")
    # As the vendor's own script, which learns nothing of it.
    page.evaluate("addEventListener('plenigo.Error', (event) => event.stopImmediatePropagation(), true)")
    account.press("My account")
    expect(account.message.first).to_contain_text("Your subscriptions and orders could not be loaded.")


def test_end_of_self_service_says_nothing_of_a_purchase(account, page, frame, sandbox):
    account.press("My account")
    expect(heading(frame)).to_have_text("Overview")
    customer_sessions.end(sandbox.customers()[0], None)
    frame.get_by_role("button", name="Orders").click()
    message = page.locator(".plenigo-message-checkout")
    expect(message).to_contain_text("We cannot show your subscriptions and orders right now.")
    expect(message).not_to_contain_text("paid")

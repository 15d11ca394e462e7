"""Checkouts of API v3 in a browser: started in their container, and every event is a sentence or a way on."""

import pytest
from django.conf import settings as site
from playwright.sync_api import expect

from django_plenigo.sandbox import preparations, purchases
from django_plenigo.sandbox.models import PreparedPurchase, Purchase
from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services.checkout import PurchaseReturn, return_path
from tests.browser.test_accessibility import NONE, barriers

pytestmark = pytest.mark.usefixtures("on_api_v3")

#: The vendor's script as far as ours calls it: it keeps what it was started with.
SCRIPT = """
window.started = [];
window.plenigo = {
    Checkout: class {
        constructor(purchaseId, options) {
            this.call = {purchaseId, options};
            if (!document.getElementById(options.elementId)) throw new Error("no element " + options.elementId);
        }
        open(way) {
            started.push({...this.call, way});
            const till = document.createElement("p");
            till.textContent = "The till";
            document.getElementById(this.call.options.elementId).append(till);
        }
        start() { this.open("start"); }
        login() { this.open("login"); }
        register() { this.open("register"); }
    },
};
"""


@pytest.fixture
def newspaper(newspaper, page):
    """A visitor in front of the site, whose vendor's script is the one above."""
    page.route("**/frisbii_media.min.js", lambda route: route.fulfill(body=SCRIPT, content_type="text/javascript"))
    return newspaper


@pytest.fixture
def customer(sandbox, reader, sign_in):
    """A reader who is signed in, and whom the vendor knows."""
    sign_in(reader)
    (customer,) = sandbox.customers()
    return customer


class Till:
    """The open checkout, and what the vendor's script tells of it."""

    def __init__(self, page, sandbox):
        self.page, self.sandbox = page, sandbox

    def is_open(self, count=1):
        self.page.wait_for_function("(count) => window.started?.length === count", arg=count)
        return self.page.evaluate("started.at(-1)")

    def tell(self, name, detail="null"):
        self.page.evaluate(f"document.dispatchEvent(new CustomEvent('plenigo.{name}', {{detail: {detail}}}))")

    def buy(self, customer=None, *, is_blocked=False):
        """Pay: the vendor knows of the order, and its script tells of it. A visitor logs in as a customer before."""
        order_id = self.sandbox.complete_purchase(self.is_open()["purchaseId"], customer)
        Purchase.objects.update(is_blocked=is_blocked)
        self.tell("PurchaseSuccess", f"{{orderId: '{order_id}'}}")


@pytest.fixture
def till(page, sandbox):
    return Till(page, sandbox)


def message_of(page):
    return page.locator(".plenigo-message-checkout")


@pytest.fixture
def opened(newspaper, customer, till):
    """A customer in front of an article, whose checkout is open."""
    newspaper.open("article")
    newspaper.press("Buy and read")
    till.is_open()
    return newspaper


# ---- the start -------------------------------------------------------------------------------------------------


def test_click_starts_the_prepared_checkout_in_its_container(newspaper, page, customer, till, sandbox):
    newspaper.open("article")
    newspaper.press("Buy and read")
    started = till.is_open()
    assert started["way"] == "start"
    assert preparations.find_prepared(sandbox.company, started["purchaseId"]) == PreparedPurchase.objects.get()
    assert started["options"]["elementId"] == "plenigoCheckout"
    container = page.locator("#plenigoCheckout")
    expect(container).to_have_text("The till")
    expect(container).to_be_focused()
    expect(newspaper.message).to_have_count(0)


def test_page_with_the_scripts_in_its_head_keeps_its_head(newspaper, page, customer):
    newspaper.open("article")
    page.wait_for_function("document.getElementById('plenigoCheckout')")
    assert page.evaluate("document.getElementById('plenigoCheckout').parentElement.tagName") == "BODY"
    assert page.evaluate("document.querySelectorAll('head > title').length") == 1
    assert page.evaluate("document.querySelectorAll('template[data-plenigo-container]').length") == 0


def test_container_of_the_sites_own_is_used_where_it_stands(newspaper, page, customer, till):
    def add_container(route):
        answer = route.fetch()
        body = answer.text().replace("</main>", '<aside><div id="plenigoCheckout"></div></aside></main>')
        route.fulfill(response=answer, body=body)

    page.route("**/news/article/", add_container)
    newspaper.open("article")
    newspaper.press("Buy and read")
    till.is_open()
    expect(page.locator("aside > #plenigoCheckout")).to_have_text("The till")
    expect(page.locator("#plenigoCheckout")).to_have_count(1)


def test_double_click_prepares_one_purchase(newspaper, page, customer, till):
    newspaper.open("article")
    newspaper.button("Buy and read").dblclick()
    till.is_open()
    page.wait_for_timeout(1000)
    assert PreparedPurchase.objects.count() == 1


def test_second_product_takes_the_place_of_the_first(newspaper, page, customer, till):
    newspaper.open("offers")
    newspaper.press("Buy the day pass")
    till.is_open()
    newspaper.press("Buy the yearbook")
    till.is_open(2)
    expect(page.get_by_text("The till")).to_have_count(1)
    expect(message_of(page)).to_have_count(1)


def test_visitor_logs_in_on_the_site_and_comes_back_to_buy(newspaper, page, user, till):
    newspaper.open("article")
    newspaper.press("Buy and read")
    newspaper.log_in(user)
    page.wait_for_url("/news/article/")  # until it is loaded: a click before is nobody's
    newspaper.press("Buy and read")
    assert till.is_open()["way"] == "start"


def test_refusal_of_the_vendor_is_told_next_to_the_button(newspaper, customer, sandbox):
    sandbox.fail_next(400, endpoint="preparePurchase", body='{"errorCode": 90039, "errorMessage": "No."}')
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.message).to_contain_text("You have bought this already.")


def test_script_that_starts_nothing_is_told_about(newspaper, page, customer):
    page.route("**/frisbii_media.min.js", lambda route: route.fulfill(body="window.plenigo = {};"))
    newspaper.open("article")
    newspaper.press("Buy and read")
    expect(newspaper.message).to_contain_text("We could not open the checkout. Nothing was charged.")


def test_reader_buys_under_a_strict_policy_and_nothing_is_blocked(newspaper, customer, till, violations):
    newspaper.open("article")
    newspaper.press("Buy and read")
    till.buy()
    newspaper.has_article()
    assert violations == []


# ---- what comes of it ------------------------------------------------------------------------------------------


def test_buyer_reads_the_article(opened, page, till):
    till.buy()
    opened.has_article()
    expect(page).to_have_url("/news/article/")


def test_order_id_may_stand_on_the_event_itself(opened, page, till, sandbox):
    order_id = sandbox.complete_purchase(till.is_open()["purchaseId"])
    page.evaluate(
        f"document.dispatchEvent(Object.assign(new Event('plenigo.PurchaseSuccess'), {{orderId: {order_id}}}))"
    )
    opened.has_article()


def test_event_of_the_script_opens_nothing_by_itself(opened, page, till, sandbox):
    others = purchases.order_number(sandbox.buy(sandbox.create_customer("bob@example.com"), DAY_PASS))
    till.tell("PurchaseSuccess", f"{{orderId: {others}}}")
    expect(message_of(page)).to_contain_text("We do not find this purchase under your account.")
    expect(message_of(page)).to_be_focused()
    expect(page.get_by_text("The teaser")).to_be_visible()


def test_purchase_that_does_not_open_the_article_yet_is_waited_for(opened, page, till):
    till.buy(is_blocked=True)
    expect(message_of(page)).to_contain_text("We are confirming your purchase")
    Purchase.objects.update(is_blocked=False)
    opened.has_article()


def test_purchase_is_waited_for_while_the_vendor_is_down(opened, page, till, sandbox):
    sandbox.fail_next(500, endpoint="getOrder", times=None)
    till.buy()
    opened.has_article()


def test_reader_who_has_it_already_is_told_and_led_to_it(opened, page, till, sandbox, customer):
    sandbox.buy(customer, DAY_PASS)
    till.tell("PurchaseSuccess", "{orderId: '-1'}")
    expect(message_of(page)).to_contain_text("You have this already. You do not need to pay again.")
    message_of(page).get_by_role("link", name="Read on").click()
    opened.has_article()


def test_reader_for_whom_nothing_is_for_sale_is_told(opened, page, till, sandbox):
    calls = len(sandbox.calls)
    till.tell("PurchaseSuccess", "{orderId: -2}")
    expect(message_of(page)).to_have_text("This offer is not available for your account. Nothing was charged.")
    assert len(sandbox.calls) == calls


def test_reader_whose_payment_fails_begins_again_with_a_new_purchase(opened, page, till):
    till.tell("PurchaseFailed")
    expect(message_of(page)).to_contain_text("The payment did not work.")
    message_of(page).get_by_role("button", name="Try again").click()
    till.is_open(2)
    assert PreparedPurchase.objects.count() == 2
    expect(message_of(page)).to_have_text("")


def test_reader_whose_checkout_breaks_is_offered_to_reload_and_nothing_reloads_by_itself(opened, page, till):
    till.tell("Error", "{errorMsg: 'invalid domain'}")
    expect(message_of(page)).to_contain_text("The checkout cannot go on.")
    page.wait_for_timeout(1000)
    assert page.evaluate("started.length") == 1
    message_of(page).get_by_role("button", name="Reload the page").click()
    page.wait_for_function("window.started?.length === 0")


def test_sentences_are_translated(newspaper, context, base_url, customer, till, page):
    context.add_cookies([{"name": site.LANGUAGE_COOKIE_NAME, "value": "de", "url": base_url}])
    newspaper.open("article")
    newspaper.press("Buy and read")
    till.is_open()
    till.tell("PurchaseFailed")
    expect(message_of(page)).to_have_text("Die Zahlung hat nicht geklappt. Erneut versuchen")


@pytest.mark.parametrize(
    "event", [("PurchaseSuccess", "{orderId: -1}"), ("PurchaseFailed", "null"), ("Error", "null")], ids=str
)
def test_sentence_about_a_checkout_has_no_barriers(opened, page, till, event):
    till.tell(*event)
    expect(message_of(page)).to_be_focused()
    assert barriers(page) == NONE


def test_visitor_who_buys_inside_the_checkout_logs_in_and_is_told_where_she_stands(
    newspaper, page, till, sandbox, user
):
    newspaper.open("visitors")
    newspaper.press("Buy the day pass")
    assert till.is_open()["way"] == "register"
    till.buy(sandbox.create_customer("carol@example.com"))
    newspaper.log_in(user)
    expect(page.get_by_role("heading")).to_have_text("We know of no purchase of your account yet.")


# ---- the page that payment pages return to ---------------------------------------------------------------------


@pytest.fixture
def returned(newspaper, page, customer):
    """A customer on the page that a checkout returns to."""
    page.goto(return_path(PurchaseReturn((DAY_PASS,), "/news/article/", "default")))
    page.wait_for_function("window.started && document.getElementById('plenigoCheckout')")
    return newspaper


def test_purchase_that_the_script_tells_of_on_the_page_is_looked_at(returned, page, till, sandbox, customer):
    order_id = purchases.order_number(sandbox.buy(customer, DAY_PASS))
    till.tell("PurchaseSuccess", f"{{orderId: {order_id}}}")
    returned.has_article()


def test_failed_payment_on_the_page_ends_the_waiting_and_leads_back_to_the_offer(returned, page, till):
    till.tell("PurchaseFailed")
    expect(page.get_by_text("We are confirming your purchase")).to_have_count(0)
    expect(message_of(page)).to_contain_text("The payment did not work.")
    message_of(page).get_by_role("link", name="Try again").click()
    expect(page).to_have_url("/news/article/")

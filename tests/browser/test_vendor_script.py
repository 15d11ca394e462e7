"""What the stand-in for the vendor's script makes of the attributes of its tag (docs/protocols/plenigo-v2.md 4.2)."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from django_plenigo.sandbox.models import Company
from django_plenigo.sandbox.pages.session_cookie import new_session_cookie
from django_plenigo.sandbox.seed import DAY_PASS

PRODUCT = {"product-id": DAY_PASS}
HIDE = {
    **PRODUCT,
    "client-paywall": "true",
    "paywall-type": "hide",
    "paywall-source-element-id": "teaser",
    "paywall-target-element-id": "article",
}
SHOW = {
    **PRODUCT,
    "client-paywall": "true",
    "paywall-type": "show",
    "paywall-source-element-id": "article",
    "paywall-target-element-id": "teaser",
}
REGISTRATION = {"paywall-registration-element-id": "registration"}
PAGES = {"hide": ("vendor_script_hide", HIDE), "show": ("vendor_script_show", SHOW)}

TEXTS = {"article": "The whole article", "teaser": "The teaser", "registration": "Please register"}

#: The site's own functions, which the script's tag names. A page's policy has no say in what is put in this way.
CALLBACKS = """
window.said = [];
const say = (kind, value) => {
    said.push([kind, value]);
    document.documentElement.dataset[kind] = String(value);
};
window.site = {
    onLogin: (status) => say("login", status),
    onPaymentCheck: (isAccessible) => say("access", isAccessible),
};
"""


@pytest.fixture
def customer(sandbox):
    """Somebody who can log in at the vendor's."""
    return sandbox.create_customer()


@pytest.fixture
def log_in(context, base_url):
    """Give the browser the session of a customer."""

    def log_in(customer, value=None):
        cookie = value or new_session_cookie(customer)
        context.add_cookies([{"name": "plenigo_user", "value": cookie, "url": base_url}])

    return log_in


@pytest.fixture
def visit(page, sandbox):
    """Open a page whose script tag has these attributes, and wait until the script has said what it found out."""
    assert sandbox.company
    page.add_init_script(CALLBACKS)

    def visit(name, *, waits=True, **attributes):
        told = {"login-status": "site.onLogin", "payment-check": "site.onPaymentCheck"}
        page.goto(f"/news/{name}/?{urlencode({**told, **attributes})}")
        page.locator("html[data-access]" if waits else "html[data-login]").wait_for()
        return page.evaluate("said")

    return visit


def sees(page, *names):
    """Make sure that a reader sees these parts of the page and no other."""
    for name, text in TEXTS.items():
        expect(page.get_by_text(text)).to_be_visible(visible=name in names)


@pytest.mark.parametrize("kind", PAGES)
class TestClientPaywall:
    def test_owner_sees_the_article(self, visit, page, sandbox, customer, log_in, kind):
        name, attributes = PAGES[kind]
        sandbox.buy(customer, DAY_PASS)
        log_in(customer)
        visit(name, **attributes, **REGISTRATION)
        sees(page, "article")

    def test_customer_who_has_not_bought_sees_the_teaser(self, visit, page, customer, log_in, kind):
        name, attributes = PAGES[kind]
        log_in(customer)
        visit(name, **attributes, **REGISTRATION)
        sees(page, "teaser")

    def test_visitor_sees_the_teaser(self, visit, page, kind):
        name, attributes = PAGES[kind]
        visit(name, **attributes)
        sees(page, "teaser")

    def test_visitor_sees_the_registration_where_the_page_has_one(self, visit, page, kind):
        name, attributes = PAGES[kind]
        visit(name, **attributes, **REGISTRATION)
        sees(page, "registration")

    def test_page_stays_as_it_is_while_the_vendor_does_not_answer(self, visit, page, kind):
        name, attributes = PAGES[kind]
        page.route("**/access/**", lambda route: route.abort())
        with page.expect_event("requestfailed", lambda request: "/access/" in request.url):
            visit(name, waits=False, **attributes)
        assert page.evaluate("said") == [["login", False]]
        sees(page, "article" if kind == "hide" else "teaser")

    def test_other_types_are_accepted_and_change_nothing(self, visit, page, kind):
        name, attributes = PAGES[kind]
        ignored = {"paywall-type": "url", "paywall-base-url": "/x/", "paywall-external-content-id": "7"}
        assert visit(name, **attributes | ignored) == [["login", False], ["access", False]]
        sees(page, "article" if kind == "hide" else "teaser")

    def test_strict_policy_allows_it(self, visit, page, sandbox, violations, kind):
        name, attributes = PAGES[kind]
        visit(name, **attributes, **REGISTRATION)
        sees(page, "registration")
        assert violations == []


class TestPaymentCheck:
    @pytest.mark.parametrize("is_bought", [True, False])
    def test_page_is_told_at_its_start(self, visit, sandbox, customer, log_in, is_bought):
        log_in(customer)
        if is_bought:
            sandbox.buy(customer, DAY_PASS)
        assert visit("vendor_script", **PRODUCT) == [["login", True], ["access", is_bought]]

    def test_purchase_in_test_mode_counts_in_test_mode(self, visit, sandbox, customer, log_in):
        log_in(customer)
        sandbox.buy(customer, DAY_PASS, test_mode=True)
        assert visit("vendor_script", **PRODUCT)[-1] == ["access", False]
        assert visit("vendor_script", **PRODUCT, **{"test-mode": "true"})[-1] == ["access", True]

    def test_everything_is_open_while_the_paywall_is_off(self, visit, sandbox):
        sandbox.company.paywall_enabled = False
        sandbox.company.save()
        assert visit("vendor_script", **PRODUCT)[-1] == ["access", True]

    def test_page_without_a_product_is_told_nothing(self, visit):
        assert visit("vendor_script", waits=False) == [["login", False]]

    def test_old_session_opens_nothing(self, visit, sandbox, customer, log_in):
        sandbox.buy(customer, "P_BOOK")
        log_in(customer)
        sandbox.advance(25 * 60 * 60)
        assert visit("vendor_script", **{"product-id": "P_BOOK"})[-1] == ["access", False]

    def test_session_travels_in_no_address_and_in_no_header(self, visit, page, customer, log_in):
        asked = []
        page.on("request", lambda request: asked.append(request) if "/access/" in request.url else None)
        cookie = new_session_cookie(customer)
        log_in(customer, cookie)
        visit("vendor_script", **PRODUCT)
        assert [request.method for request in asked] == ["POST"]
        assert cookie[:32] not in asked[0].url + str(asked[0].all_headers())

    def test_company_of_the_tag_is_the_one_that_is_asked(self, visit, db):
        other = Company.objects.create(company_id="other.gazette", name="The Other Gazette", paywall_enabled=False)
        assert visit("vendor_script", **PRODUCT, **{"company-id": other.company_id})[-1] == ["access", True]


@pytest.mark.parametrize("attribute", ["disable-redirect", "data-disable-redirect"])
def test_page_that_wants_no_redirect_is_not_left(visit, page, customer, attribute):
    visit("vendor_script", waits=False, **{attribute: "true"})
    page.evaluate("plenigo.login({ targetUrl: '/news/offers/' })")
    frame = page.frame_locator("iframe")
    frame.get_by_label("E-mail address").fill(customer.email)
    frame.get_by_role("button", name="Log in", exact=True).click()
    page.locator("html[data-login=true]").wait_for()
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.get_by_role("heading", name="The moss clock")).to_be_visible()
    assert "/vendor_script/" in page.url


@pytest.mark.parametrize("call", ["login", "registration"])
def test_address_that_the_site_knows_is_filled_in(visit, page, call):
    visit("vendor_script", waits=False)
    page.evaluate(f"plenigo.{call}({{ loginIdentifier: 'eve@example.com' }})")
    expect(page.frame_locator("iframe").get_by_label("E-mail address")).to_have_value("eve@example.com")


def test_cookie_of_the_script_ends_with_the_log_out(newspaper, page, sign_in, reader):
    def vendor_cookies():
        return [cookie for cookie in page.context.cookies() if cookie["name"] == "plenigo_user"]

    sign_in(reader)
    newspaper.open("article")
    newspaper.press("Buy and read")
    newspaper.checkout.press("Buy")
    newspaper.has_article()
    assert vendor_cookies()
    newspaper.press("Log out")
    page.wait_for_function("!document.cookie.includes('plenigo_session_ended')")
    assert vendor_cookies() == []

"""plenigo's own log-in in the site's page: the sandbox's script and pages take the vendor's place."""

import re

import pytest
from django.conf import settings as site
from playwright.sync_api import expect

from django_plenigo.models import CustomerLink
from django_plenigo.sandbox import customer_sessions, customers
from django_plenigo.sandbox.models import Customer
from tests.browser.conftest import ANSWERS, SCRIPTS, answering
from tests.browser.test_accessibility import NONE, barriers

pytestmark = pytest.mark.usefixtures("verified")


def is_verified(user):
    return True


@pytest.fixture
def verified(on_api_v3, settings):
    """The site has verified the address of every reader."""
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EMAIL_IS_VERIFIED": f"{__name__}.is_verified"}}


@pytest.fixture
def customer(sandbox):
    """A customer who has registered at plenigo with an address that the site does not know."""
    return sandbox.create_customer("ada.at.home@example.com")


@pytest.fixture
def registered(page, sandbox, sign_in, user):
    """The page that says that the subscription is registered already, and whose it is."""
    imported = sandbox.import_customer(postcode="10115").customer
    sign_in(user)
    page.goto("/plenigo/connect/?next=/plenigo/connect/done/")
    page.get_by_label("Customer number").fill(imported.number)
    page.get_by_label("ZIP code").fill("10115")
    page.get_by_label("New password").fill("a-new-password")
    customers.change_email(imported, "ada.at.home@example.com")
    Customer.objects.filter(pk=imported.pk).update(has_pseudo_email=False)
    page.keyboard.press("Enter")
    expect(page.get_by_text("already registered")).to_be_visible()
    page.wait_for_load_state()  # a click before is nobody's
    return imported


@pytest.fixture
def log_in(page):
    """Log in at plenigo, whose page is open."""

    def log_in(email):
        frame = page.frame_locator("#plenigo-sign-in iframe")
        frame.get_by_label("E-mail address").fill(email)
        frame.get_by_role("button", name="Log in", exact=True).click()

    return log_in


def test_reader_who_is_registered_logs_in_at_plenigo_and_is_linked(page, registered, log_in, user, violations):
    assert barriers(page) == NONE
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("Log in")
    assert barriers(page.frames[1]) == NONE
    log_in("ada.at.home@example.com")
    expect(page).to_have_url(re.compile("/plenigo/connect/done/$"))
    assert CustomerLink.objects.get(user=user).customer_id == registered.number
    assert violations == []


def test_reader_who_is_logged_in_elsewhere_ends_that_first(page, registered, log_in, user):
    elsewhere = customer_sessions.begin(registered, {"browser": "Firefox", "os": "Linux"})
    page.get_by_role("button", name="Log in", exact=True).click()
    log_in("ada.at.home@example.com")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("Too many log-ins")
    assert barriers(page.frames[1]) == NONE
    frame.get_by_role("button", name="Log out there and go on").click()
    expect(page).to_have_url(re.compile("/plenigo/connect/done/$"))
    assert elsewhere not in customer_sessions.active(registered)


def test_log_in_that_is_over_meanwhile_is_told(page, registered, log_in):
    page.evaluate("""() => document.addEventListener("plenigo.LoginSuccess", (event) => {
        event.detail.customerSession = "made-up";
    }, true)""")
    page.get_by_role("button", name="Log in", exact=True).click()
    log_in("ada.at.home@example.com")
    expect(page.get_by_text("You are not logged in there any more.")).to_be_visible()


def test_password_is_reset_at_plenigo_and_the_reader_logs_in_with_it(page, registered, log_in, user, sandbox):
    page.get_by_role("button", name="Reset my password").click()
    frame = page.frame_locator("iframe")
    frame.get_by_label("E-mail address").fill("ada.at.home@example.com")
    frame.get_by_role("button", name="Send me a code").click()
    expect(frame.get_by_role("heading")).to_have_text("Choose a new password")
    assert barriers(page.frames[1]) == NONE
    frame.get_by_label("Code").fill(sandbox.sent_codes("ada.at.home@example.com")[-1])
    frame.get_by_label("New password").fill("a-new-password")
    frame.get_by_role("button", name="Change the password").click()
    expect(frame.get_by_text("Your password has been changed.")).to_be_visible()
    frame.get_by_role("button", name="Log in", exact=True).click()
    expect(page).to_have_url(re.compile("/plenigo/connect/done/$"))


# ---- the element that it opens in ------------------------------------------------------------------------------

#: It fills its element a moment after it is called, adds to what is there, and never empties it.
BARE_SIGN_IN = """
window.opened = [];
window.plenigo = {
    SSO: class {
        constructor({ elementId }) { this.element = document.getElementById(elementId); }
        open(way) {
            opened.push(way);
            setTimeout(() => this.element.append(way), 700);
        }
        login() { this.open("login"); }
        forgotPassword() { this.open("forgotPassword"); }
    },
};
"""
LOGGED_IN = "{ detail: { customerSession: 'a-session' } }"
ANSWER = "**/plenigo/api/sign-in/"


@pytest.fixture
def bare_sign_in(page):
    """A vendor's script that takes no precautions."""
    page.route(SCRIPTS, lambda route: route.fulfill(body=BARE_SIGN_IN, content_type="text/javascript"))


@pytest.fixture
def message(page):
    """What the page says of the log-in."""
    return page.locator(".plenigo-message").filter(has_text=re.compile(r"\S"))


def element_named(page, name):
    return page.get_by_role("region", name=name, exact=True)


def test_page_with_an_open_log_in_has_no_barriers_and_the_focus_is_in_it(page, registered, violations):
    button = page.get_by_role("button", name="Log in", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.frame_locator("#plenigo-sign-in iframe").get_by_role("heading")).to_have_text("Log in")
    expect(element_named(page, "Log in").locator("iframe")).to_be_focused()
    assert (barriers(page), violations) == (NONE, [])


def test_second_click_looks_at_the_log_in_that_is_open(page, bare_sign_in, registered):
    button = page.get_by_role("button", name="Log in", exact=True)
    button.dblclick()
    expect(element_named(page, "Log in")).to_be_focused()
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()
    expect(element_named(page, "Log in")).to_be_focused()
    expect(element_named(page, "Log in")).to_have_text("login")
    button.click()
    expect(element_named(page, "Log in")).to_be_focused()
    assert page.evaluate("opened") == ["login"]


def test_other_button_takes_the_place_of_what_is_open(page, bare_sign_in, registered):
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(element_named(page, "Log in")).to_have_text("login")
    page.get_by_role("button", name="Reset my password").click()
    element = element_named(page, "Reset my password")
    expect(element).to_be_focused()
    expect(element).to_have_text("forgotPassword")
    assert page.evaluate("opened") == ["login", "forgotPassword"]
    assert barriers(page) == NONE


def test_log_in_that_its_reader_has_closed_opens_anew(page, registered):
    heading = page.frame_locator("#plenigo-sign-in iframe").get_by_role("heading")
    button = page.get_by_role("button", name="Log in", exact=True)
    button.click()
    page.frame_locator("#plenigo-sign-in iframe").get_by_role("button", name="Cancel").click()
    expect(button).to_be_focused()
    button.click()
    expect(heading).to_have_text("Log in")


def test_log_in_that_cannot_go_on_is_told_and_opens_anew(page, bare_sign_in, registered, message):
    button = page.get_by_role("button", name="Log in", exact=True)
    button.click()
    expect(element_named(page, "Log in")).to_have_text("login")
    page.evaluate("document.dispatchEvent(new CustomEvent('plenigo.Error', { detail: { errorMsg: 'gone' } }))")
    expect(message).to_have_text("That did not work. Please try again.")
    expect(message).to_be_focused()
    assert barriers(page) == NONE
    button.click()
    expect(element_named(page, "Log in")).to_have_text("login")
    expect(message).to_have_count(0)
    assert page.evaluate("opened") == ["login", "login"]


def test_reader_is_told_that_a_content_blocker_keeps_the_log_in_away(page, content_blocker, registered, message):
    page.get_by_role("button", name="Log in", exact=True).click()
    content_blocker()
    expect(message).to_have_text(
        "The log-in could not be loaded. Please switch off content blockers for this page and try again."
    )
    assert barriers(page) == NONE


def test_reader_is_told_that_a_content_blocker_keeps_our_scripts_away(page, registered):
    page.route("**/plenigo/plenigo*.js", lambda route: route.abort())
    page.reload()
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The log-in could not be loaded.")


def test_reader_whose_log_in_here_is_over_meanwhile_logs_in_here(page, registered, log_in, context):
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("Log in")
    context.clear_cookies(name=site.SESSION_COOKIE_NAME)
    log_in("ada.at.home@example.com")
    expect(page).to_have_url(re.compile("/login/[?]next=/plenigo/connect/"))


def test_answer_that_says_nothing_is_told(page, bare_sign_in, registered, message):
    for answer in ANSWERS.values():
        page.route(ANSWER, answering(answer))
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(element_named(page, "Log in")).to_have_text("login")
        expect(message).to_have_count(0)
        page.evaluate(f"document.dispatchEvent(new CustomEvent('plenigo.LoginSuccess', {LOGGED_IN}))")
        expect(message).to_have_text("That did not work. Please try again.")
        page.unroute(ANSWER)


# ---- the script itself -----------------------------------------------------------------------------------------

#: Keep what the script tells, from before it is there.
KEEP = """
window.told = [];
for (const name of ["LoginSuccess", "Error", "WebAnalyticsLoad"]) {
    document.addEventListener("plenigo." + name, (event) => told.push([name, event.detail]));
}
"""


@pytest.fixture
def script(page, sandbox):
    """A page that has the script and an element for it."""
    assert sandbox.company
    page.add_init_script(KEEP)
    page.goto("/news/offers/")
    page.wait_for_function("window.plenigo && document.getElementById('plenigoCheckout')")
    return page


def told_by(page, count):
    page.wait_for_function("(count) => told.length >= count", arg=count)
    return page.evaluate("told")


def test_account_is_connected_by_number_address_and_code(script, sandbox):
    imported = sandbox.import_customer(postcode="10115").customer
    script.evaluate("new plenigo.SSO({ elementId: 'plenigoCheckout', loginIdentifier: true }).register()")
    frame = script.frame_locator("iframe")
    frame.get_by_label("Customer number").fill(imported.number)
    frame.get_by_label("ZIP code").fill("10115")
    frame.get_by_label("E-mail address").fill("ada@example.com")
    frame.get_by_label("New password").fill("correct horse")
    assert barriers(script.frames[1]) == NONE
    frame.get_by_role("button", name="Send me a code").click()
    frame.get_by_label("Code").fill("000000x")
    frame.get_by_role("button", name="Connect", exact=True).click()
    expect(frame.get_by_role("alert")).to_have_text("This code is not right.")
    frame.get_by_label("Code").fill(sandbox.sent_codes("ada@example.com")[-1])
    frame.get_by_role("button", name="Connect", exact=True).click()
    script.wait_for_function("told.some(([name]) => name === 'LoginSuccess')")
    told = script.evaluate("told")
    session = customer_sessions.validate(sandbox.company, dict(told)["LoginSuccess"]["customerSession"])
    assert (session.customer, session.customer.email) == (imported, "ada@example.com")
    assert ["WebAnalyticsLoad", "defaultRegistrationWithIdentifierForm"] in told


def test_registration_leads_to_the_connection_by_the_sites_own_words(script):
    script.evaluate(
        "new plenigo.SSO({ elementId: 'plenigoCheckout', showLoginIdentifier: 'I read on paper' }).register()"
    )
    frame = script.frame_locator("iframe")
    frame.get_by_role("button", name="I read on paper").click()
    expect(frame.get_by_label("Customer number")).to_be_visible()


@pytest.mark.parametrize("call", ["login", "register", "forgotPassword"])
def test_element_that_is_missing_is_told(script, call):
    script.evaluate(f"new plenigo.SSO({{ elementId: 'nowhere' }}).{call}()")
    [[name, detail]] = told_by(script, 1)
    assert (name, "elementId" in detail["errorMsg"]) == ("Error", True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("verificationUrl: 'https://shop.example/verify'", "verificationUrl"),
        ("connect: 'USER'", "several users"),
        ("connectToken: 'a-connect-token'", "several users"),
        ("transferToken: 'a-transfer-token'", "several users"),
    ],
)
def test_option_that_the_sandbox_does_not_play_is_refused_in_the_console_too(script, options, words):
    with script.expect_console_message(lambda message: message.type == "error" and words in message.text) as said:
        script.evaluate(f"new plenigo.SSO({{ elementId: 'plenigoCheckout', {options} }}).register()")
    assert "token'" not in said.value.text
    [[name, detail]] = told_by(script, 1)
    assert (name, words in detail["errorMsg"]) == ("Error", True)
    expect(script.frame_locator("iframe").get_by_role("button", name="Register")).to_have_count(0)


def test_tabs_change_over_between_log_in_and_registration(script):
    script.evaluate("new plenigo.SSO({ elementId: 'plenigoCheckout', showTabs: true }).login()")
    frame = script.frame_locator("iframe")
    frame.get_by_role("navigation").get_by_role("button", name="Register").click()
    expect(frame.get_by_role("heading")).to_have_text("Register")
    assert barriers(script.frames[1]) == NONE
    frame.get_by_role("navigation").get_by_role("button", name="Log in").click()
    expect(frame.get_by_role("heading")).to_have_text("Log in")


@pytest.mark.parametrize(("value", "is_told"), [("VIEW", True), ("HIDE", False)])
def test_second_factor_in_self_service_is_told_to_be_none(script, value, is_told):
    said = []
    script.on("console", lambda message: said.append(message.text))
    script.evaluate(
        "value => new plenigo.Snippets('a-token', "
        "{ elementId: 'plenigoCheckout', displaySettings: { SSO: { twoFactor: value } } }).start()",
        value,
    )
    told_by(script, 1)  # that the token is none
    assert any("second factor" in each for each in said) is is_told


def test_domain_that_the_settings_do_not_allow_is_told(script, sandbox):
    settings = sandbox.company.sso_settings
    settings.allowed_domains = "news.example"
    settings.save()
    script.evaluate("new plenigo.SSO({ elementId: 'plenigoCheckout' }).login()")
    told = told_by(script, 2)
    assert told[0] == ["WebAnalyticsLoad", "defaultInvalidDomainForm"]
    assert (told[1][0], "this domain" in told[1][1]["errorMsg"]) == ("Error", True)

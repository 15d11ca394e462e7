"""The example newspaper in a browser, as its demo command starts it: register, buy, read."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PATIENCE, VIOLATION, Checkout
from tests.demo import Demo, running_demo

PASSWORD = "a-password-nobody-guesses"
PAID = "article/tram-line-six/"
TITLE = "Line 6 arrives, eleven years late"
END = "From Saturday it is the beginning of a line."
COUNTER = itertools.count()

#: Pixels.
PHONE = {"width": 390, "height": 844}

VISITORS_PAGES = ["", "section/city/", PAID, "article/moss-clock/", "article/night-ferry/"]
VISITORS_PAGES += ["offers/", "edition/", "log-in/", "register/", "plenigo/return/", "plenigo/portals/"]
SUBSCRIBERS_PAGES = [PAID, "offers/", "edition/", "account/", "account/email/"]
SUBSCRIBERS_PAGES += ["plenigo/portals/", "plenigo/portal/okepay/"]


@pytest.fixture(scope="module")
def demo_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Demo]]:
    """Start the demo of a generation of plenigo's API on an empty database, once, in whatever order the tests run."""
    with ExitStack() as running:
        yield cache(lambda api: running.enter_context(running_demo(tmp_path_factory.mktemp(api), PLENIGO_API=api)))


@pytest.fixture(params=["v2", "v3"])
def demo(request: pytest.FixtureRequest, demo_of: Callable[[str], Demo]) -> Demo:
    """The demo of each generation of plenigo's API; its readers see no difference."""
    return demo_of(request.param)


class Reader:
    """Somebody in front of the newspaper."""

    def __init__(self, page: Page, demo: Demo) -> None:
        self.page = page
        self.url = demo.url
        self.checkout = Checkout(page)

    def open(self, path: str) -> None:
        """Go to one of the newspaper's pages."""
        self.page.goto(self.url + path)

    def button(self, name: str) -> Locator:
        """One of the page's buttons."""
        return self.page.get_by_role("button", name=name, exact=True)

    def follow(self, name: str) -> None:
        """Click the last link of a name: those of the content come after those of the header."""
        self.page.get_by_role("link", name=name, exact=True).last.click()

    def fill_in(self, **fields: str) -> None:
        """Fill in the form of the page, and send it."""
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]").fill(value)
        self.page.locator("main form button").click()

    def register(self) -> str:
        """Fill in the registration, which is open, and return the e-mail address."""
        email = f"reader-{next(COUNTER)}@example.com"
        self.fill_in(email=email, password1=PASSWORD, password2=PASSWORD)
        return email

    def log_in(self, name: str) -> None:
        """Log in as one of the demo's readers."""
        self.open("log-in/")
        self.fill_in(username=f"{name}@example.com", password=name)
        expect(self.page.locator("form[action='/log-out/']")).to_be_visible()

    def is_offered_the_article(self) -> None:
        """Make sure that the reader sees the beginning of the paid article and what opens it."""
        expect(self.page).to_have_url(self.url + PAID)
        expect(self.page.get_by_role("heading", name=TITLE)).to_be_visible()
        expect(self.button("Buy: Day pass")).to_be_visible()
        expect(self.page.get_by_text(END)).to_have_count(0)

    def has_the_article(self) -> None:
        """Make sure that the reader sees the whole article, and nothing to buy."""
        expect(self.page.get_by_text(END)).to_be_visible()
        expect(self.page).to_have_url(self.url + PAID)
        expect(self.page.locator("[data-plenigo-offer]")).to_have_count(0)


@pytest.fixture
def language() -> str:
    """What the reader's browser asks for."""
    return "en-GB"


@pytest.fixture
def page(browser: Browser, language: str) -> Iterator[Page]:
    """A page in which no script fails and the newspaper's own policy blocks nothing, in frames as well."""
    trouble: list[str] = []
    context = browser.new_context(locale=language)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text) if VIOLATION in message.text else None)
    yield page
    context.close()
    assert trouble == []


@pytest.fixture
def reader(page: Page, demo: Demo) -> Reader:
    """A visitor of the newspaper."""
    return Reader(page, demo)


@pytest.fixture
def editor(browser: Browser, demo: Demo) -> Iterator[Reader]:
    """The editor of the newspaper, at a computer of her own."""
    editor = Reader(browser.new_page(locale="en-GB"), demo)
    editor.page.set_default_timeout(PATIENCE)
    editor.log_in("editor")
    yield editor
    editor.page.context.close()


@contextmanager
def failing_plenigo(editor: Reader) -> Iterator[None]:
    """Let every call of plenigo fail, and none afterwards: the other tests visit the same demo."""
    editor.open("admin/plenigo_sandbox/fault/add/")
    editor.page.get_by_label("kind").select_option("another status")
    editor.page.get_by_label("calls left").fill("")
    editor.page.get_by_role("button", name="Save and continue editing", exact=True).click()
    expect(editor.page.get_by_text("was added successfully")).to_be_visible()
    address = editor.page.url.replace("/change/", "/delete/")
    try:
        yield
    finally:
        editor.page.goto(address)
        editor.page.locator("#content input[type=submit]").click()
        expect(editor.page.get_by_text("was deleted successfully")).to_be_visible()


# ---- buying ----------------------------------------------------------------------------------------------------


def test_visitor_registers_cancels_buys_a_pass_reads_the_article_and_logs_out(reader: Reader, page: Page) -> None:
    reader.open("")
    reader.follow(TITLE)
    reader.is_offered_the_article()
    reader.button("Buy: Day pass").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    reader.follow("Register")
    email = reader.register()
    expect(page.get_by_text("Welcome! You are registered and logged in.")).to_be_visible()
    reader.is_offered_the_article()
    reader.button("Buy: Day pass").click()
    expect(reader.checkout.line("Customer")).to_have_text(email)
    reader.checkout.press("Cancel")
    expect(reader.checkout.layer).to_have_count(0)
    reader.is_offered_the_article()
    reader.button("Buy: Day pass").click()
    expect(reader.checkout.line("Product")).to_contain_text("Day pass")
    expect(reader.checkout.line("Price")).to_have_text("1.99 EUR")
    reader.checkout.press("Buy")
    reader.has_the_article()
    reader.follow("My account")
    expect(page.locator("main")).to_contain_text("Day pass")
    reader.button("Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    reader.open(PAID)
    reader.is_offered_the_article()


def test_reader_changes_her_address_and_the_vendor_follows(reader: Reader, page: Page, editor: Reader) -> None:
    reader.open(f"register/?next=/{PAID}")
    reader.register()
    reader.button("Buy: Day pass").click()
    reader.checkout.press("Buy")
    reader.has_the_article()
    reader.follow("My account")
    reader.follow("Change the e-mail address")
    reader.fill_in(email="moved@example.com", password=PASSWORD)
    expect(page.get_by_text("plenigo learns of it in a moment")).to_be_visible()
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        editor.open("admin/plenigo_sandbox/customer/")
        if editor.page.get_by_role("cell", name="moved@example.com").count():
            break
        editor.page.wait_for_timeout(200)
    expect(editor.page.get_by_role("cell", name="moved@example.com")).to_be_visible()
    reader.open(PAID)
    reader.has_the_article()


def test_reader_whose_payment_fails_is_told_and_may_try_again(reader: Reader) -> None:
    reader.open(f"register/?next=/{PAID}")
    reader.register()
    reader.button("Buy: Monthly subscription").click()
    reader.checkout.press("Let the payment fail")
    expect(reader.checkout.frame.get_by_role("alert")).to_contain_text("The payment failed")
    reader.checkout.press("Buy")
    reader.has_the_article()


def test_subscriber_cancels_her_subscription_in_her_account(reader: Reader, page: Page) -> None:
    reader.open(f"register/?next=/{PAID}")
    reader.register()
    reader.button("Buy: Monthly subscription").click()
    reader.checkout.press("Buy")
    reader.has_the_article()
    reader.open("account/")
    opener = reader.button("My subscriptions")
    if opener.count():  # with API v3 it opens on a click
        opener.click()
    service = page.frame_locator("iframe[title='Self service']")
    expect(service.locator("dt:text-is('Product') + dd")).to_have_text("Monthly subscription")
    service.get_by_role("button", name="Cancel this subscription").click()
    expect(service.get_by_text("Your subscription has been cancelled.")).to_be_visible()


def test_reader_of_a_single_article_reads_this_one_and_is_offered_the_others(reader: Reader, page: Page) -> None:
    reader.open("register/?next=/article/moss-clock/")
    reader.register()
    reader.button("Buy this article").click()
    expect(reader.checkout.line("Product")).to_contain_text("The moss that knows what time it is")
    expect(reader.checkout.line("Price")).to_have_text("0.59 EUR")
    reader.checkout.press("Buy")
    expect(page.get_by_text("Please do not switch on. It is asleep.")).to_be_visible()
    reader.open(PAID)
    reader.is_offered_the_article()


def test_subscriber_has_a_button_for_each_portal_and_one_click_leads_there(reader: Reader, page: Page) -> None:
    reader.log_in("subscriber")
    reader.open("account/")
    reader.follow("Manage my subscription")
    expect(page.get_by_role("heading", name="Manage my subscription")).to_be_visible()
    reader.button("OkePay").click()
    expect(page.get_by_text("Logged in as contact@example.com.")).to_be_visible()
    reader.open("plenigo/portals/")
    reader.button("2Checkout").click()
    expect(page.get_by_text("352365983")).to_be_visible()
    reader.open("plenigo/portals/")
    opener = reader.button("My subscriptions")
    if opener.count():  # with API v3 it opens on a click
        opener.click()
    service = page.frame_locator("iframe[title='Self service']")
    expect(service.locator("dt:text-is('Product') + dd")).to_have_text("Monthly subscription")


def test_reader_subscribes_at_okepay_gets_the_button_cancels_there_and_sees_it(reader: Reader, page: Page) -> None:
    reader.log_in("reader")
    reader.open("plenigo/portals/")
    expect(page.get_by_text("We have no subscription under this account.")).to_be_visible()
    reader.open("offers/")
    reader.follow("Subscribe with OkePay")
    expect(page.get_by_label("E-mail address")).to_have_value("reader@example.com")
    reader.button("Pay").click()
    reader.follow("Back to the shop")
    expect(page.get_by_role("heading", name="Manage my subscription")).to_be_visible()
    until = time.monotonic() + PATIENCE / 1000
    while not reader.button("OkePay").count() and time.monotonic() < until:  # a webhook tells it
        page.wait_for_timeout(200)
        page.reload()
    reader.button("OkePay").click()
    page.get_by_role("link", name="Cancel subscription").click()
    reader.button("Cancel this subscription").click()
    expect(page.get_by_role("status")).to_contain_text("Your subscription has been cancelled.")
    reader.open("plenigo/portals/")
    reader.button("OkePay").click()
    expect(page.locator("[data-status=in_notice]")).to_be_visible()


@pytest.mark.parametrize("language", ["de-DE"])
def test_german_visitor_registers_buys_and_reads(reader: Reader, page: Page) -> None:
    reader.open(PAID)
    reader.button("Kaufen: Tagespass").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    reader.follow("Registrieren")
    reader.register()
    expect(page.get_by_text("Willkommen! Sie sind registriert und angemeldet.")).to_be_visible()
    reader.button("Kaufen: Tagespass").click()
    checkout = page.frame_locator("iframe[title='Kasse']")
    expect(checkout.locator("dt:text-is('Preis') + dd")).to_have_text("1,99 EUR")
    checkout.get_by_role("button", name="Kaufen", exact=True).click()
    reader.has_the_article()
    reader.follow("Mein Konto")
    expect(page.locator("main")).to_contain_text("Tagespass")


def test_reader_is_not_told_to_buy_while_the_editor_lets_plenigo_fail(
    reader: Reader, page: Page, editor: Reader
) -> None:
    unknown = page.get_by_role("heading", name="We cannot check your subscription right now.")
    reader.open(f"register/?next=/{PAID}")
    reader.register()
    reader.button("Buy: Day pass").click()  # from here on plenigo knows the reader, and is asked about her
    reader.checkout.press("Cancel")
    expect(reader.checkout.layer).to_have_count(0)
    with failing_plenigo(editor):
        reader.open(PAID)
        expect(unknown).to_be_visible()
        expect(page.locator("[data-plenigo-offer]")).to_have_count(0)
        assert found_by_axe(page) == []
    until = time.monotonic() + PATIENCE / 1000
    while unknown.count() and time.monotonic() < until:  # who fails often is not asked again at once
        page.wait_for_timeout(200)
        reader.open(PAID)
    reader.is_offered_the_article()


# ---- every page --------------------------------------------------------------------------------------------------


def found_by_axe(page: Page) -> list[tuple[str, list[str]]]:
    """Return the rules that a page breaks, each with what breaks it."""
    violations = Axe().run(page).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations]


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "light"), ("de-DE", "dark")])
def test_no_page_has_barriers_or_is_wider_than_a_phone(reader: Reader, page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    found = {}

    def look_at(paths: list[str]) -> None:
        for path in paths:
            reader.open(path)
            page.set_viewport_size({"width": 1280, "height": 900})
            barriers = found_by_axe(page)
            page.set_viewport_size(PHONE)
            hidden = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if barriers or hidden > 0:
                found[path] = (barriers, hidden)

    look_at(VISITORS_PAGES)
    page.set_viewport_size({"width": 1280, "height": 900})
    reader.log_in("subscriber")
    look_at(SUBSCRIBERS_PAGES)
    assert found == {}

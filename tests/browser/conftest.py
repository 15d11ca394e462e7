"""A browser, a site that it can reach, and words for what a reader does there."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client, override_settings
from playwright.sync_api import BrowserContext, FrameLocator, Locator, Page, expect
from xdist.scheduler import LoadScopeScheduling

from django_plenigo.sandbox import identifiers, seed
from tests.browser.policy import COOKIE
from tests.factories import UserFactory

# Playwright's sync API keeps an event loop running in this thread: Django's ORM would refuse to work.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PASSWORD = "a password that is long enough"

#: Milliseconds, for machines that do much else.
PATIENCE = 60_000

#: What a browser's sentences about a policy have in common.
VIOLATION = "Content Security Policy"


class OneWorkerForEachDemo(LoadScopeScheduling):
    """Hands out the tests one by one, but those that visit the same demo to one worker: a demo takes long to start."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what the tests have in common that stay together."""
        return re.sub(r"(test_newspaper\.py)::.*\b(v\d)\b.*", r"\1 \2", nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Name the scheduler. `--dist loadgroup` would serve as well, but does nothing with pytest 9.2."""
    return OneWorkerForEachDemo(config, log)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's Chromium."""
    if not Path(CHROMIUM).exists():
        sentence = f"There is no browser at {CHROMIUM}: install Chromium or name it in CHROMIUM."
        pytest.fail(sentence) if settings.SERVICES_REQUIRED else pytest.skip(sentence)
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments, "timeout": 2 * PATIENCE}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Let the browser ask for English."""
    return {**browser_context_args, "locale": "en-GB"}


@pytest.fixture(scope="session")
def django_db_use_migrations() -> bool:
    """Create the tables at once: how they came about is tested elsewhere."""
    return False


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, tmp_path_factory: Any) -> None:
    """Put SQLite into a file: a browser asks for several things at once, and one connection cannot serve them all."""
    connection = connections["default"]
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "site.sqlite3")
        connection.settings_dict["OPTIONS"] |= {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF",
        }


@pytest.fixture(scope="session")
def _newspaper() -> Iterator[None]:
    """Give the site its pages for browsers; before the server starts, which reads the settings once."""
    middleware = ["tests.browser.policy.PolicyMiddleware", *settings.MIDDLEWARE]
    with override_settings(ROOT_URLCONF="tests.browser.urls", MIDDLEWARE=middleware):
        yield


@pytest.fixture(scope="session")
def live_server(_newspaper: None, django_db_setup: None, live_server: Any) -> Any:
    """The site on a port of its own."""
    return live_server


@pytest.fixture(scope="session")
def base_url(live_server: Any) -> str:
    """Let `page.goto` take paths of the site."""
    return str(live_server.url)


class Checkout:
    """The vendor's checkout in its frame."""

    def __init__(self, page: Page) -> None:
        self.frame: FrameLocator = page.frame_locator(":is(dialog, [role=dialog]) iframe")
        self.layer: Locator = page.get_by_role("dialog", name="Checkout")

    def line(self, term: str) -> Locator:
        """What the checkout says of the product, the price or the customer."""
        return self.frame.locator(f"dt:text-is('{term}') + dd")

    def press(self, name: str) -> None:
        """Press one of its buttons."""
        self.frame.get_by_role("button", name=name, exact=True).click()


#: A vendor's script, of either API, that opens one more checkout at each call, and keeps what it was called with.
BARE_SCRIPT = """
window.opened = [];
window.plenigo = {
    checkout: (config) => { opened.push(config); },
    checkoutWithRemoteLogin: (config) => { opened.push(config); },
    Checkout: class {
        constructor(purchaseId, options) { this.config = { purchaseId, ...options }; }
        start() { opened.push(this.config); }
        login() { opened.push(this.config); }
        register() { opened.push(this.config); }
    },
};
"""

#: The vendor's scripts of both APIs.
SCRIPTS = re.compile(r"/(plenigo_sdk|frisbii_media)\.min\.js")


#: A page of somebody else's.
WALL = "<!doctype html><title>Log in</title><form></form>"
#: Answers of our endpoints that say nothing.
ANSWERS: dict[str, dict[str, Any]] = {
    "a page": {"status": 200, "body": WALL, "content_type": "text/html"},
    "a page of a proxy": {"status": 502, "body": WALL, "content_type": "text/html"},
    "a page that forbids": {"status": 403, "body": WALL, "content_type": "text/html"},
    "nothing": {"status": 200, "body": ""},
    "null": {"status": 200, "json": None},
    "a list": {"status": 200, "json": []},
    "an object of another kind": {"status": 200, "json": {"detail": ["?"], "function": 7}},
    "an error of another kind": {"status": 400, "json": {"detail": {"code": 7}}},
}

#: What the reader is told about them.
FAILED = "We could not open the checkout. Nothing was charged. Please try again."


class BareScript:
    """The vendor's script without any precaution of its own."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.route(SCRIPTS, lambda route: route.fulfill(body=BARE_SCRIPT, content_type="text/javascript"))

    @property
    def opened(self) -> list[dict[str, Any]]:
        """What its checkouts were opened with."""
        opened: list[dict[str, Any]] = self.page.evaluate("opened")
        return opened

    def opens(self, count: int) -> None:
        """Make sure that it has opened so many checkouts, and after a second still so many."""
        self.page.wait_for_function("(count) => opened.length >= count", arg=count)
        self.page.wait_for_timeout(1000)
        assert len(self.opened) == count


class Newspaper:
    """A reader in front of the site."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.checkout = Checkout(page)

    def open(self, name: str, query: str = "") -> None:
        """Go to one of the newspaper's pages."""
        self.page.goto(f"/news/{name}/{query}")

    def button(self, name: str) -> Locator:
        """One of the page's buttons."""
        return self.page.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        """Press one of the page's buttons."""
        self.button(name).click()

    def log_in(self, user: Any) -> None:
        """Fill in the log-in form, which is open."""
        self.page.get_by_label("Username").fill(user.username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Log in")

    @property
    def message(self) -> Locator:
        """What the page says about a checkout."""
        return self.page.locator(".plenigo-message").filter(has_text=re.compile(r"\S"))

    def has_article(self) -> None:
        """Make sure that the reader sees the whole article, and nothing to buy."""
        expect(self.page.get_by_text("The whole article")).to_be_visible()
        expect(self.button("Buy and read")).to_have_count(0)


@pytest.fixture(scope="session", autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE)


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """A browser of one reader."""
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page in which no script may fail."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


#: What the newspaper sells, by its names of API v3.
PRODUCTS = {
    name: {"offer_id": identifiers.offer_id_of(name), "access_right_id": identifiers.access_right_id_of(name)}
    for name in seed.PRODUCTS
}


def speak(settings: Any, generation: str) -> None:
    """Let the site speak one generation of plenigo's API, with the sandbox."""
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "API": generation, "PRODUCTS": PRODUCTS}}


@pytest.fixture(params=["v2", "v3"])
def either_api(request: pytest.FixtureRequest, settings: Any) -> None:
    """Let the site speak each generation of plenigo's API; what a reader sees is the same."""
    speak(settings, request.param)


@pytest.fixture
def on_api_v3(settings: Any) -> None:
    """Let the site speak API v3."""
    speak(settings, "v3")


@pytest.fixture
def newspaper(page: Page, sandbox: Any) -> Newspaper:
    """A visitor in front of the site, which sells what the sandbox sells."""
    sandbox.company  # noqa: B018 - it comes into being by being looked at
    return Newspaper(page)


@pytest.fixture
def bare_script(page: Page) -> BareScript:
    """Let the page have a vendor's script that takes no precautions."""
    return BareScript(page)


@pytest.fixture
def content_blocker(page: Page) -> Callable[[], None]:
    """Keep the vendor's script away; with a call of the result the time is over that ours waits for it."""
    page.clock.install()
    page.route(SCRIPTS, lambda route: route.abort())
    return lambda: page.clock.fast_forward(10_000)


def answering(answer: dict[str, Any]) -> Callable[[Any], None]:
    """Return what answers a call in our endpoint's place. With a second parameter it would be given the request."""
    return lambda route: route.fulfill(**answer)


@pytest.fixture
def fails_to_open(page: Page, newspaper: Newspaper) -> Callable[[Locator, str], None]:
    """Click once for each answer that says nothing, and make sure that the reader is told each time."""

    def fails_to_open(element: Locator, endpoint: str) -> None:
        address = f"**/plenigo/api/{endpoint}/"
        for answer in ANSWERS.values():
            page.route(address, answering(answer))
            with page.expect_response(address):
                element.click()
            expect(newspaper.message).to_have_text(FAILED)
            page.unroute(address)

    return fails_to_open


@pytest.fixture
def sign_in(context: BrowserContext, base_url: str) -> Callable[..., None]:
    """Sign a user in without the form."""

    def sign_in(user: Any, context: BrowserContext = context) -> None:
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": base_url}])

    return sign_in


@pytest.fixture
def user_of(db: None) -> Callable[[str], Any]:
    """Make a reader of a name, who has a password and is not a customer yet."""

    def user_of(username: str) -> Any:
        user = UserFactory.build(username=username)
        user.set_password(PASSWORD)
        user.save()
        return user

    return user_of


@pytest.fixture
def user(user_of: Callable[[str], Any]) -> Any:
    """A reader who is not a customer yet."""
    return user_of("ada")


@pytest.fixture
def under_policy(context: BrowserContext, base_url: str) -> Callable[..., None]:
    """Put the site under one of the policies of `tests.browser.policy`."""

    def under_policy(name: str, context: BrowserContext = context) -> None:
        context.add_cookies([{"name": COOKIE, "value": name, "url": base_url}])

    return under_policy


@pytest.fixture
def violations(page: Page, under_policy: Callable[..., None]) -> list[str]:
    """Put the site under the strict policy, and collect what the browser says about it, of frames as well."""
    said: list[str] = []
    under_policy("strict")
    page.on("console", lambda message: said.append(message.text) if VIOLATION in message.text else None)
    return said

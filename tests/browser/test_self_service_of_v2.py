"""Self service of API v2: it stands in the site's page, each snippet with a login token of its own."""

import pytest
from playwright.sync_api import expect

from django_plenigo.models import CustomerLink
from django_plenigo.sandbox import purchases
from django_plenigo.sandbox.models import Purchase
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY
from tests.browser.conftest import ANSWERS, SCRIPTS, answering
from tests.browser.test_accessibility import NONE, barriers

pytestmark = pytest.mark.api_v2

TOKENS = "**/plenigo/api/login-tokens/"
OPENING = "Opening your subscriptions and orders …"
FAILED = "We cannot show your subscriptions and orders right now. Please try again."

#: A vendor's script that keeps what it is called with, and loads a picture besides.
SCRIPT = """
window.opened = [];
window.plenigo = {
    Snippet: { SUBSCRIPTION: "S", PERSONAL_DATA_ADDRESS: "A", ORDER: "O" },
    renderSnippet: (...values) => { opened.push(values); },
    logout: () => { opened.push("logout"); },
};
new Image().src = "/a-picture.png";
"""


@pytest.fixture
def place(page):
    """One of the places in the page, by its name."""
    return lambda name: page.get_by_role("region", name=name, exact=True)


@pytest.fixture
def own(newspaper, sign_in, reader):
    """A customer in front of her subscriptions, her address and her orders."""
    sign_in(reader)
    newspaper.open("own")
    return newspaper


def heading(place):
    return place.frame_locator("iframe").get_by_role("heading", level=1)


def test_reader_cancels_her_subscription_under_a_strict_policy(own, page, place, sandbox, violations):
    sandbox.buy(sandbox.customers()[0], MONTHLY)
    own.open("own")
    frame = place("My subscriptions").frame_locator("iframe")
    frame.get_by_role("button", name="Cancel this subscription").click()
    expect(frame.get_by_text("Your subscription has been cancelled.")).to_be_visible()
    assert Purchase.objects.get().cancelled_at is not None
    assert violations == []


def test_snippets_of_a_page_share_one_call_and_no_token(own, page, place, sandbox):
    order = purchases.order_number(sandbox.buy(sandbox.customers()[0], DAY_PASS))
    expect(heading(place("My subscriptions"))).to_have_text("Subscriptions")  # else its call may be counted below
    sandbox.calls.clear()
    own.open("own")
    expect(heading(place("My subscriptions"))).to_have_text("Subscriptions")
    expect(heading(place("My address"))).to_have_text("Personal data: addresses")
    expect(place("My orders").frame_locator("iframe").get_by_text(str(order))).to_be_visible()
    assert [call.endpoint for call in sandbox.calls] == ["createMultipleLoginTokens"]
    assert (barriers(page), barriers(page.frames[1])) == (NONE, NONE)
    expect(own.message).to_have_count(0)


@pytest.fixture
def script(page):
    """Put a script into the place of the sandbox's."""
    page.route(SCRIPTS, lambda route: route.fulfill(body=SCRIPT, content_type="text/javascript"))


@pytest.mark.usefixtures("script")
def test_vendor_is_called_as_it_documents(newspaper, page, sign_in, reader):
    sign_in(reader)
    with page.expect_response(TOKENS) as answer:
        newspaper.open("own")
    page.wait_for_function("opened.length === 3")
    tokens = answer.value.json()["login_tokens"]
    site = page.url.removesuffix("/news/own/")
    ids = page.locator(".plenigo-snippet-content").evaluate_all("(all) => all.map((each) => each.id)")
    log_in = f"{site}/login/?next=/news/own/"
    assert page.evaluate("opened") == [
        [ids[0], "S", log_in, tokens[0]],
        [
            {
                "elementId": ids[1],
                "snippetId": "A",
                "loggedOutRedirectUrl": log_in,
                "loginToken": tokens[1],
                "edit": False,
            }
        ],
        [ids[2], "O", f"{site}/news/article/", tokens[2]],
    ]
    assert len({*ids, *tokens}) == 6


@pytest.mark.usefixtures("script")
def test_page_with_many_snippets_asks_for_ten_at_a_time(newspaper, page, sandbox, sign_in, reader):
    sign_in(reader)
    newspaper.open("own")
    page.wait_for_function("opened.length === 3")
    sandbox.calls.clear()
    amounts = []
    page.on("request", lambda each: "login-tokens" in each.url and amounts.append(each.post_data_json["amount"]))
    page.evaluate(
        """() => {
            const one = document.querySelector(".plenigo-snippet");
            delete one.dataset.plenigoStarted;
            one.after(...Array.from({ length: 11 }, () => one.cloneNode(true)));
            djangoPlenigo.start();
        }"""
    )
    page.wait_for_function("opened.length === 3 + 12")
    assert sorted(amounts) == [2, 10]
    assert len(sandbox.calls) == 2
    ids, tokens = (page.evaluate(f"opened.slice(3).map((values) => values[{place}])") for place in (0, 3))
    assert (len(set(ids)), len(set(tokens))) == (12, 12)


@pytest.mark.usefixtures("script")
def test_session_of_the_last_reader_ends_before_the_next_ones_begins(context, page, base_url, sign_in, reader):
    held = []
    page.route("**/a-picture.png", lambda route: held.append(route))  # the page goes on loading
    context.add_cookies([{"name": "plenigo_session_ended", "value": "1", "url": base_url}])
    sign_in(reader)
    page.goto("/news/own/", wait_until="domcontentloaded")
    page.wait_for_function("opened.filter((each) => each !== 'logout').length === 3")
    assert page.evaluate("opened[0]") == "logout"
    held[0].abort()
    page.wait_for_load_state()
    assert page.evaluate("opened.filter((each) => each === 'logout').length") == 1


def test_page_itself_mints_nothing_before_the_reader_sees_a_snippet(newspaper, page, place, sandbox, sign_in, reader):
    sign_in(reader)
    newspaper.open("own_below")
    page.wait_for_timeout(1000)
    assert sandbox.calls == []
    place("My subscriptions").scroll_into_view_if_needed()
    expect(heading(place("My orders"))).to_have_text("Orders")
    assert len(sandbox.calls) == 1


def test_snippet_that_arrives_later_is_shown_by_start(own, page, place, sandbox):
    expect(heading(place("My orders"))).to_have_text("Orders")
    sandbox.calls.clear()
    page.evaluate(
        """() => {
            const later = document.querySelector(".plenigo-snippet").cloneNode(true);
            delete later.dataset.plenigoStarted;
            later.setAttribute("aria-label", "Later");
            later.querySelector(".plenigo-snippet-content").replaceChildren();
            later.querySelector(".plenigo-snippet-content").id = "";
            document.querySelector("h1").after(later);
            djangoPlenigo.start();
        }"""
    )
    expect(heading(place("Later"))).to_have_text("Subscriptions")
    assert len(sandbox.calls) == 1


def test_snippets_take_no_focus(own, page, place):
    expect(heading(place("My orders"))).to_have_text("Orders")
    assert page.evaluate("document.activeElement === document.body")


def test_visitor_logs_in_by_a_link_and_comes_back(newspaper, page, place, sandbox, reader):
    newspaper.open("own")
    place("My orders").get_by_text("Please log in to see your subscriptions and orders.").wait_for()
    assert (barriers(page), sandbox.calls) == (NONE, [])
    place("My orders").get_by_role("link", name="Log in").click()
    reader.set_password("a password that is long enough")
    reader.save()
    newspaper.log_in(reader)
    expect(page).to_have_url("/news/own/")
    expect(heading(place("My orders"))).to_have_text("Orders")


def test_reader_who_is_no_customer_is_told_so_and_nobody_is_asked(newspaper, place, sandbox, sign_in, user):
    sign_in(user)
    newspaper.open("own")
    expect(place("My orders")).to_contain_text(
        "There is nothing here yet: you have no subscription and no order with us."
    )
    expect(newspaper.button("Try again")).to_have_count(0)
    assert (sandbox.calls, CustomerLink.objects.exists()) == ([], False)


def test_reader_tries_again_once_the_vendor_is_back(newspaper, page, place, sandbox, sign_in, reader):
    sandbox.fail_next(503, times=None)
    sign_in(reader)
    newspaper.open("own")
    expect(place("My orders")).to_contain_text("We cannot reach our subscription service right now.")
    assert barriers(page) == NONE
    sandbox.clear_faults()
    sandbox.calls.clear()
    place("My orders").get_by_role("button", name="Try again").press("Enter")
    for name, title in (("My orders", "Orders"), ("My subscriptions", "Subscriptions")):
        expect(heading(place(name))).to_have_text(title)
    assert len(sandbox.calls) == 1
    expect(place("My orders").get_by_role("status")).to_be_focused()


def test_answer_that_says_nothing_is_told(newspaper, page, place, sign_in, reader):
    sign_in(reader)
    for answer in ANSWERS.values():
        page.route(TOKENS, answering(answer))
        newspaper.open("own")
        expect(place("My orders").get_by_role("status")).to_contain_text(FAILED)
        page.unroute(TOKENS)
    place("My orders").get_by_role("button", name="Try again").click()
    expect(heading(place("My orders"))).to_have_text("Orders")


def test_reader_is_told_that_a_content_blocker_keeps_it_away(
    newspaper, place, content_blocker, sandbox, sign_in, reader
):
    sign_in(reader)
    newspaper.open("own")
    expect(place("My orders").get_by_role("status")).to_have_text(OPENING)
    content_blocker()
    expect(place("My orders")).to_contain_text("Please switch off content blockers for this page and try again.")
    expect(place("My orders")).not_to_contain_text("charged")
    assert sandbox.calls == []


def test_reader_is_told_that_the_policy_blocks_the_frame(newspaper, place, under_policy, sign_in, reader):
    under_policy("without-frames")
    sign_in(reader)
    newspaper.open("own")
    expect(place("My orders").get_by_role("status")).to_contain_text(
        "Your subscriptions and orders could not be loaded."
    )


def test_token_that_is_too_old_lets_nobody_in(newspaper, page, place, sandbox, sign_in, reader):
    held = []
    page.route("**/snippet/**", lambda route: held.append(route), times=1)
    sign_in(reader)
    newspaper.open("own")
    while not held:
        page.wait_for_timeout(50)
    sandbox.advance(301)
    held[0].continue_()
    expect(page.frame_locator("iframe").nth(0).get_by_text("older than five minutes")).to_be_visible()


def test_reader_after_another_on_a_shared_computer_sees_her_own(
    newspaper, page, place, sandbox, sign_in, reader, user_of
):
    sign_in(reader)
    newspaper.open("own")
    expect(heading(place("My orders"))).to_have_text("Orders")
    newspaper.press("Log out")
    expect(page.get_by_role("link", name="Log in").first).to_be_visible()
    sign_in(user_of("bob"))
    newspaper.open("own")
    expect(place("My orders")).to_contain_text("There is nothing here yet")
    expect(page.locator("iframe")).to_have_count(0)


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_a_sentence_says_so(newspaper, page):
    newspaper.open("own")
    sentence = page.locator("noscript").first
    expect(sentence).to_be_visible()
    assert sentence.inner_html() == "Please switch on JavaScript to see your subscriptions and orders."


def test_vendors_script_sends_a_reader_away_whom_nobody_has_logged_in(newspaper, page):
    newspaper.open("own")
    page.wait_for_function("window.plenigo")
    content = page.locator(".plenigo-snippet-content").first
    content.evaluate("(element) => { element.id = 'mine'; }")
    page.evaluate("plenigo.renderSnippet('mine', plenigo.Snippet.ORDER, '/news/article/')")
    expect(page).to_have_url("/news/article/")

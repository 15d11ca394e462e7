"""The demo, visited over HTTP."""

import re
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from tests.demo import START_SECONDS, Demo, Reader, running_demo

ARTICLE = "/article/moss-clock/"
TEASER = "A cushion of moss on a churchyard wall"
WHOLE_ARTICLE = "Please do not switch on. It is asleep."
PASSWORD = "a-password-nobody-guesses"


def register(demo: Demo, email: str, next_path: str = "/account/") -> tuple[str, str]:
    reader = demo.reader()
    page = reader.submit(f"/register/?next={next_path}", email=email, password1=PASSWORD, password2=PASSWORD)
    return page.url, page.text


def test_terminal_shows_the_address_and_the_log_ins(demo: Demo) -> None:
    assert f"The Linden Post is open: {demo.url}" in demo.printed
    assert "reader@example.com / reader" in demo.printed


def test_front_page_shows_articles_of_all_sections(demo: Demo) -> None:
    page = demo.reader().get("/")
    assert page.status_code == 200
    assert all(f'id="section-{name}"' in page.text for name in ("city", "economy", "culture", "science"))


def test_pages_send_a_policy_that_allows_no_inline_code(demo: Demo) -> None:
    page = demo.reader().get(ARTICLE)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert " onclick=" not in page.text


def test_free_article_is_shown_to_everybody(demo: Demo) -> None:
    assert "So that everybody sees that it is the same" in demo.reader().get("/article/night-ferry/").text


def test_paid_article_shows_a_visitor_the_teaser_and_the_offers(demo: Demo) -> None:
    page = demo.reader().get(ARTICLE)
    assert TEASER in page.text
    assert WHOLE_ARTICLE not in page.text
    assert page.text.count("data-plenigo-offer=") == 4
    assert "private" in page.headers["Cache-Control"]


def test_log_in_leads_back_to_the_article(demo: Demo) -> None:
    page = demo.reader().log_in("reader@example.com", "reader", ARTICLE)
    assert page.url.endswith(ARTICLE)
    assert WHOLE_ARTICLE not in page.text


def test_log_in_leads_nowhere_else(demo: Demo) -> None:
    page = demo.reader().log_in("reader@example.com", "reader", "https://elsewhere.example/")
    assert page.url == demo.url


def test_log_in_that_names_itself_as_its_way_back_leads_to_the_front_page(demo: Demo) -> None:
    reader = demo.reader()
    reader.log_in("reader@example.com", "reader", "/log-in/")
    assert reader.get("/log-in/?next=/log-in/").url == demo.url
    assert reader.get("/register/?next=/register/").url == demo.url


def test_wrong_password_is_refused(demo: Demo) -> None:
    page = demo.reader().log_in("reader@example.com", "wrong")
    assert "errorlist" in page.text


def test_registration_logs_in_and_leads_back_to_the_article(demo: Demo) -> None:
    url, text = register(demo, "new@example.com", ARTICLE)
    assert url.endswith(ARTICLE)
    assert "Welcome! You are registered and logged in." in text


def test_registration_refuses_an_address_that_differs_only_in_capitals(demo: Demo) -> None:
    _url, text = register(demo, "READER@example.com")
    assert "This e-mail address is already registered." in text


def test_subscriber_reads_the_article_and_the_whole_edition(demo: Demo) -> None:
    reader = demo.reader()
    article = reader.log_in("subscriber@example.com", "subscriber", ARTICLE)
    assert WHOLE_ARTICLE in article.text
    assert "data-plenigo-offer" not in article.text
    assert WHOLE_ARTICLE in reader.get("/edition/").text


def test_subscriber_is_shown_what_she_has_bought(demo: Demo) -> None:
    reader = demo.reader()
    assert "Monthly subscription" in reader.log_in("subscriber@example.com", "subscriber").text
    assert "You have this already." in reader.get("/offers/").text


def test_whole_edition_shows_a_visitor_the_offers(demo: Demo) -> None:
    page = demo.reader().get("/edition/")
    assert page.status_code == 403
    assert page.text.count("data-plenigo-offer=") == 3


def test_email_address_is_changed_with_the_right_password_only(demo: Demo) -> None:
    register(demo, "old-address@example.com")
    reader = demo.reader()
    reader.log_in("old-address@example.com", PASSWORD)
    refused = reader.submit("/account/email/", email="new-address@example.com", password="wrong")
    assert "This is not your password." in refused.text
    changed = reader.submit("/account/email/", email="new-address@example.com", password=PASSWORD)
    assert "Your e-mail address has been changed." in changed.text
    assert demo.reader().log_in("new-address@example.com", PASSWORD).url.endswith("/account/")


def customers_of_the_vendor(demo: Demo) -> str:
    """Return the list that the vendor's merchant backend shows."""
    editor = demo.reader()
    editor.log_in("editor@example.com", "editor", "/admin/")
    return editor.get("/admin/plenigo_sandbox/customer/").text


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + START_SECONDS
    while not is_so():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.2)


def test_new_email_address_of_a_subscriber_reaches_the_vendor_a_moment_later(own_data: Path) -> None:
    with running_demo(own_data) as demo:
        reader = demo.reader()
        reader.log_in("subscriber@example.com", "subscriber")
        changed = reader.submit("/account/email/", email="moved@example.com", password="subscriber")
        assert "plenigo learns of it in a moment" in changed.text
        wait_until(lambda: "moved@example.com" in customers_of_the_vendor(demo))
        assert "subscriber@example.com" not in customers_of_the_vendor(demo)
        assert WHOLE_ARTICLE in reader.get(ARTICLE).text


def test_subscriber_whose_new_address_is_somebody_elses_at_the_vendor_notices_nothing(own_data: Path) -> None:
    with running_demo(own_data) as demo:
        editor = demo.reader()
        editor.log_in("editor@example.com", "editor", "/admin/")
        page = editor.get("/admin/plenigo_sandbox/customer/add/").text
        company = re.findall(r'<option value="(\d+)"[^>]*>', page)[0]
        taken = {"company": company, "customer_id": "TAKEN", "email": "taken@example.com", "language": "en"}
        taken["status"] = "ACTIVATED"
        assert "was added successfully" in editor.submit("/admin/plenigo_sandbox/customer/add/", **taken).text
        reader = demo.reader()
        reader.log_in("subscriber@example.com", "subscriber")
        reader.submit("/account/email/", email="taken@example.com", password="subscriber")
        wait_until(lambda: "belongs to another customer" in editor.get("/admin/plenigo/remotechange/").text)
        again = demo.reader()
        assert "Monthly subscription" in again.log_in("taken@example.com", "subscriber").text
        assert WHOLE_ARTICLE in again.get(ARTICLE).text


def test_account_asks_a_visitor_to_log_in(demo: Demo) -> None:
    assert demo.reader().get("/account/").url.endswith("/log-in/?next=/account/")


def test_log_out_needs_a_click(demo: Demo) -> None:
    reader = demo.reader()
    reader.log_in("reader@example.com", "reader")
    assert reader.get("/log-out/").status_code == 405
    assert reader.get("/account/").status_code == 200


def test_interface_speaks_german(demo: Demo) -> None:
    page = demo.reader().get(ARTICLE, **{"Accept-Language": "de"})
    assert '<html lang="de">' in page.text
    assert "Weiterlesen" in page.text


def test_offers_are_german_for_a_german_reader_and_articles_stay_english(demo: Demo) -> None:
    page = demo.reader().get(ARTICLE, **{"Accept-Language": "de"}).text
    assert '<h3 class="headline">Tagespass</h3>' in page
    assert "Jeder Artikel, Monat für Monat" in page
    assert "Kaufen: Jahresabonnement" in page
    assert '<h1 lang="en">The moss that knows what time it is</h1>' in page


def test_offer_without_a_translation_is_marked_as_english_on_a_german_page(own_data: Path) -> None:
    fields = {"title": "Day & night", "product_id": "nights", "price": "1.00", "currency": "EUR", "period": "day"}
    with running_demo(own_data) as demo:
        editor = demo.reader()
        editor.log_in("editor@example.com", "editor", "/admin/")
        editor.submit("/admin/newspaper/offer/add/", **fields, position="9", description="")
        page = demo.reader().get("/offers/", **{"Accept-Language": "de"}).text
    assert '<h2 class="headline" lang="en">Day &amp; night</h2>' in page
    assert '<h2 class="headline">Tagespass</h2>' in page


def test_browser_that_looks_for_an_icon_at_the_root_finds_it(demo: Demo) -> None:
    icon = demo.reader().get("/favicon.ico")
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")


def test_admin_bears_the_name_of_the_newspaper(demo: Demo) -> None:
    page = demo.reader().log_in("editor@example.com", "editor", "/admin/").text
    assert "Editors’ desk | The Linden Post" in page
    assert "Django" not in page


def test_editor_may_use_the_admin(demo: Demo) -> None:
    reader = demo.reader()
    assert reader.log_in("editor@example.com", "editor", "/admin/newspaper/article/").status_code == 200
    assert reader.get("/admin/newspaper/reader/add/").status_code == 200
    assert reader.get("/admin/newspaper/offer/").status_code == 200


def test_demo_keeps_what_the_reader_did_until_it_is_started_afresh(own_data: Path) -> None:
    with running_demo(own_data) as first:
        register(first, "kept@example.com")
    with running_demo(own_data) as second:
        assert second.reader().log_in("kept@example.com", PASSWORD).url.endswith("/account/")
    with running_demo(own_data, "--fresh") as third:
        assert "errorlist" in third.reader().log_in("kept@example.com", PASSWORD).text


def test_reader_of_the_printed_edition_connects_her_subscription(own_data: Path) -> None:
    with running_demo(own_data, PLENIGO_API="v3") as demo:
        number = re.search(r"customer number (\d+), ZIP code 10115", demo.printed)
        assert number is not None
        reader = demo.reader()
        assert "Connect your subscription" in reader.log_in("reader@example.com", "reader").text
        details = {"customer_id": number[1], "postcode": "10115", "password": PASSWORD}
        asked = reader.submit("/plenigo/connect/?next=/account/", **details)
        assert asked.url.endswith("/plenigo/connect/code/")
        editor = demo.reader()
        sent = editor.log_in("editor@example.com", "editor", "/admin/plenigo_sandbox/sentmessage/").text
        code = re.search(r"\b\d{6}\b", sent)
        assert code is not None
        connected = reader.submit("/plenigo/connect/code/", code=code[0])
        assert "connected" in connected.text
        assert "Monthly subscription" in reader.get("/account/").text
        assert WHOLE_ARTICLE in reader.get(ARTICLE).text


def test_subscription_is_connected_with_api_v3_only(own_data: Path) -> None:
    with running_demo(own_data, PLENIGO_API="v2") as demo:
        assert "Connect your subscription" not in demo.reader().log_in("reader@example.com", "reader").text
        assert "customer number" not in demo.printed


# ---- the portals of other vendors --------------------------------------------------------------------------------

PORTALS = "/plenigo/portals/"


def clickable(page: str) -> list[str]:
    """Return the portals that a page has buttons for."""
    return re.findall(r'action="/plenigo/portal/(\w+)/"', page)


def click(reader: Reader, portal: str, page: str) -> requests.Response:
    """Send the form of a portal's button, and go where the answer leads."""
    form = re.search(rf'<form [^>]*action="/plenigo/portal/{portal}/".*?</form>', page, re.DOTALL)
    assert form is not None
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    return reader.session.post(urljoin(reader.url, f"/plenigo/portal/{portal}/"), data=hidden, timeout=START_SECONDS)


def buy_link(reader: Reader, name: str) -> str:
    """Return where the offers lead to pay at a vendor."""
    link = re.search(rf'href="([^"]+)"[^>]*>Subscribe with {name}<', reader.get("/offers/").text)
    assert link is not None
    return unescape(link[1])


def registered(demo: Demo, email: str) -> Reader:
    """Return the browser of a reader whose address the newspaper does not know to be hers."""
    reader = demo.reader()
    reader.submit("/register/", email=email, password1=PASSWORD, password2=PASSWORD)
    return reader


def test_terminal_says_what_to_try_with_the_portals(demo: Demo) -> None:
    assert f"Log in as subscriber@example.com and open {demo.url}plenigo/portals/" in demo.printed
    assert f"pay through OkePay or 2Checkout at the end of {demo.url}offers/" in demo.printed


def test_subscriber_is_shown_three_portals_which_her_account_and_every_page_lead_to(demo: Demo) -> None:
    reader = demo.reader()
    account = reader.log_in("subscriber@example.com", "subscriber").text
    assert account.count(f'href="{PORTALS}"') == 2
    page = reader.get(PORTALS).text
    assert clickable(page) == ["okepay", "2checkout"]
    assert 'data-plenigo-snippet="SUBSCRIPTION"' in page
    assert "The Linden Post" in page


@pytest.mark.parametrize(("portal", "words"), [("okepay", "contact@example.com"), ("2checkout", "352365983")])
def test_one_click_leads_the_subscriber_into_each_portal(demo: Demo, portal: str, words: str) -> None:
    reader = demo.reader()
    reader.log_in("subscriber@example.com", "subscriber")
    there = click(reader, portal, reader.get(PORTALS).text)
    assert (there.status_code, there.history[0].status_code) == (200, 303)
    assert "/plenigo-sandbox/" in there.url
    assert words in there.text


def test_reader_without_a_subscription_is_told_so(demo: Demo) -> None:
    page = registered(demo, "nothing-yet@example.com").get(PORTALS).text
    assert "We have no subscription under this account." in page
    assert clickable(page) == []


def test_visitor_is_asked_to_log_in_and_offered_no_link_that_carries_a_reference(demo: Demo) -> None:
    assert "Log in to see your subscriptions" in demo.reader().get(PORTALS).text
    assert "Subscribe with" not in demo.reader().get("/offers/").text


def test_reader_who_pays_by_the_buy_links_gets_the_buttons_a_moment_later(demo: Demo) -> None:
    reader = demo.reader()
    reader.log_in("reader@example.com", "reader")
    paid = reader.submit(buy_link(reader, "OkePay"), email="reader@example.com", action="pay")
    assert "Thank you for your payment" in paid.text
    wait_until(lambda: clickable(reader.get(PORTALS).text) == ["okepay"])
    address = urljoin(demo.url, "/plenigo-sandbox/order/checkout/")
    ticket = re.search(r'name="ticket" value="([^"]+)"', reader.get(buy_link(reader, "2Checkout")).text)
    assert ticket is not None
    buyer = {"ticket": ticket[1], "email": "reader@example.com"}
    assert "Thank you for your purchase" in reader.session.post(address, data=buyer, timeout=START_SECONDS).text
    wait_until(lambda: clickable(reader.get(PORTALS).text) == ["okepay", "2checkout"])
    assert "reader@example.com" in click(reader, "okepay", reader.get(PORTALS).text).text
    assert "reader@example.com" in click(reader, "2checkout", reader.get(PORTALS).text).text


def test_editor_sees_why_a_payment_with_an_address_that_nobody_has_verified_binds_nobody(demo: Demo) -> None:
    reader = registered(demo, "unverified@example.com")
    reader.submit(buy_link(reader, "OkePay"), email="unverified@example.com", action="pay")
    editor = demo.reader()
    editor.log_in("editor@example.com", "editor", "/admin/")
    wait_until(lambda: "has not verified" in editor.get("/admin/plenigo/webhookdelivery/").text)
    assert clickable(reader.get(PORTALS).text) == []


def test_vendors_find_the_demo_that_is_served_at_another_port_than_before(own_data: Path) -> None:
    for _start in range(2):
        with running_demo(own_data) as demo:
            editor = demo.reader()
            addresses = editor.log_in("editor@example.com", "editor", "/admin/plenigo_sandbox/webhook/").text
            assert set(re.findall(r"http://[\w.:]+/plenigo/webhooks/\w+/", addresses)) == {
                f"{demo.url}plenigo/webhooks/okepay/",
                f"{demo.url}plenigo/webhooks/2checkout/",
            }

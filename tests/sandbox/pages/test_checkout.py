"""The check-out page, from the script's first request to the purchase."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from django_plenigo.sandbox import oauth, purchases, session_cookies
from django_plenigo.sandbox.models import Company, Customer, Purchase
from django_plenigo.sandbox.pages import tickets
from django_plenigo.sandbox.seed import BOOK, DAY_PASS

from .conftest import MOUNT, SHUT_OUT, SITE, THING, sign

# --- the frame ---------------------------------------------------------------------------------------------------


def test_first_page_is_an_empty_form_for_the_script_to_fill(client, company):
    response = client.get(f"{MOUNT}checkout/{company.company_id}/", {"origin": SITE, "lang": "de"})
    text = response.content.decode()
    assert response.status_code == 200
    assert "data-opening" in text
    assert f'data-embedder="{SITE}"' in text
    assert '<html lang="de" ' in text


def test_page_may_be_framed_by_the_embedding_site_and_nobody_else(open_with):
    headers = open_with().headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": SITE,
    }
    assert "X-Frame-Options" not in headers


def test_page_leaves_no_trace_and_sets_no_cookie(open_with):
    headers = open_with().headers
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "Set-Cookie" not in headers


def test_page_speaks_with_the_origin_that_opened_it(open_with):
    page = open_with()
    assert f'data-embedder="{SITE}"' in page.text
    assert f'data-embedder="{SITE}"' in page.press("fail").text


def test_page_has_no_inline_script_style_or_handler(open_with):
    text = open_with().text
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text) == []


def test_page_behind_a_log_in_wall_stays_open(settings, client, company):
    wall = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, wall]
    assert client.get(f"{MOUNT}checkout/{company.company_id}/", {"origin": SITE}).status_code == 200
    assert client.get(f"{MOUNT}static_resources/pages/pages.js").status_code == 200


def test_page_is_shut_when_the_sandbox_is(settings, client, company):
    settings.PLENIGO_SANDBOX = {}
    assert client.get(f"{MOUNT}checkout/{company.company_id}/", {"origin": SITE}).status_code == 503
    script = f"{MOUNT}static_resources/javascript/{company.company_id}/plenigo_sdk.min.js"
    assert client.get(script).status_code == 503


# --- refusals ----------------------------------------------------------------------------------------------------

#: Each kind of page once; all reasons to refuse a string or a token: test_refusals_of_rights.py.
REFUSALS = {
    "no origin": ({"origin": ""}, 400, "named no origin"),
    "an origin that is none": ({"origin": "https://shop.example; script-src *"}, 400, "named no origin"),
    "a product nobody knows": ({"paymentData": sign(pi="unknown")}, 400, "no product with this id"),
    "a script as target": ({"targetUrl": "javascript:alert(1)"}, 400, "must begin with http://"),
    "an unknown token": ({"loginToken": "nonsense"}, 403, "token is unknown"),
    "no configuration": ({"problem": "config"}, 400, "without a configuration"),
    "no element": ({"problem": "element"}, 400, "elementId"),
}


@pytest.mark.parametrize(("fields", "status", "words"), REFUSALS.values(), ids=REFUSALS)
def test_page_refuses_with_a_sentence_and_a_way_out(open_with, fields, status, words):
    page = open_with(**fields)
    assert (page.status, page.buttons, page.outcome) == (status, [], None)
    assert words in page.text
    assert "data-cancel" in page.text


def test_page_of_an_unknown_company_is_a_readable_404(visit):
    page = visit(company_id="Nobody", paymentData=sign(**THING))
    assert (page.status, page.buttons) == (404, [])
    assert "knows no company" in page.text


def test_page_takes_a_log_in_token_once(open_with):
    assert open_with().status == 200
    again = open_with()
    assert (again.status, again.buttons, again.outcome) == (403, [], None)


# --- what is for sale --------------------------------------------------------------------------------------------

OFFERS = {
    "a managed product": ({"pi": DAY_PASS}, ["Day pass", "1.99 EUR"]),
    "a managed product at its own price": ({"pi": DAY_PASS, "ti": "Cheap", "pr": 0.5}, ["Day pass", "1.99 EUR"]),
    "an overridden product": (
        {"pi": DAY_PASS, "ti": "Special issue", "pr": 4.99, "om": True, "pir": "item-123-may"},
        ["Special issue", "4.99 EUR", "item-123-may"],
    ),
    "the shop's own product": ({**THING, "cu": "CHF"}, ["The best product", "15.00 CHF"]),
    "shipping": ({**THING, "pt": "BOOK", "sc": 4.5}, ["4.50 EUR", "19.50 EUR"]),
    "test mode": ({**THING, "ts": "true"}, ["Test mode"]),
    "category and price segment": ({**THING, "ci": "CAT9", "si": "SEG1"}, ["CAT9", "SEG1"]),
    "the category of a managed product": ({"pi": DAY_PASS, "ci": "CAT9"}, ["Day pass", "CAT9"]),
    "a renewal": ({**THING, "rs": "true"}, ["The subscription is renewed."]),
    "a title with markup": ({**THING, "ti": "<b>&'"}, ["&lt;b&gt;&amp;&#x27;"]),
}


@pytest.mark.parametrize(("claims", "words"), OFFERS.values(), ids=OFFERS)
def test_page_shows(open_with, claims, words):
    text = open_with(claims).text
    assert [word for word in words if word not in text] == []
    assert "ada@example.com" in text
    assert "Sandbox: nothing is charged." in text


def test_page_shows_category_segment_and_renewal_in_german(open_with):
    text = open_with({**THING, "ci": "CAT9", "si": "SEG1", "rs": True}, lang="de").text
    words = ["Kategorie", "Preissegment", "Das Abonnement wird verlängert."]
    assert [word for word in words if word not in text] == []


def test_page_shows_no_line_for_what_the_shop_left_out(open_with):
    text = open_with().text
    assert [word for word in ("Category", "Price segment", "Renewal", "Shipping") if word in text] == []


# --- the buttons -------------------------------------------------------------------------------------------------


def test_buy_records_the_purchase_and_returns_to_the_target(open_with, customer):
    page = open_with(targetUrl=f"{SITE}/thanks?a=1").press("buy")
    purchase = Purchase.objects.get()
    assert (purchase.customer, purchase.product_id, purchase.title) == (customer, "item-123", "The best product")
    assert (purchase.price, purchase.currency, purchase.test_mode) == (Decimal(15), "EUR", False)
    assert page.outcome["address"] == f"{SITE}/thanks?a=1&paymentState=success"
    assert page.outcome["bought"] is True


def test_buy_hands_over_a_session_of_the_customer(open_with, company, customer):
    assert session_cookies.customer_of(company, open_with().press("buy").outcome["cookie"]) == customer


def test_buy_without_target_returns_to_the_same_page(open_with):
    assert open_with().press("buy").outcome["address"] == ""


def test_buy_twice_on_one_page_records_one_purchase(open_with):
    page = open_with()
    outcomes = [page.press("buy").outcome["bought"] for _click in range(2)]
    assert (outcomes, Purchase.objects.count()) == ([True, True], 1)


def test_buy_keeps_test_purchases_apart(open_with, customer):
    open_with({**THING, "ts": True}).press("buy")
    assert purchases.owns(customer, "item-123", test_mode=True)
    assert not purchases.owns(customer, "item-123")


def test_buy_in_the_test_mode_of_the_script_gives_a_test_right(open_with, customer):
    open_with(testMode="true").press("buy")
    assert not purchases.owns(customer, "item-123")


def test_buy_records_the_replacement_of_an_overridden_product(open_with, customer):
    open_with({"pi": DAY_PASS, "ti": "t", "pr": 1, "om": True, "pir": "other"}).press("buy")
    assert purchases.owns(customer, "other")
    assert not purchases.owns(customer, DAY_PASS)


def test_buy_records_shipping_costs(open_with):
    open_with({"pi": BOOK, "pt": "BOOK", "sc": 4.5}).press("buy")
    assert Purchase.objects.get().shipping_costs == Decimal("4.50")


def test_failed_payment_records_nothing_and_may_be_tried_again(open_with):
    failed = open_with().press("fail")
    assert ("The payment failed" in failed.text, failed.outcome, Purchase.objects.count()) == (True, None, 0)
    assert failed.press("buy").outcome["bought"] is True


@pytest.mark.parametrize("waits", [True, False])
def test_confirmation_screen_waits_for_the_customer(open_with, waits):
    page = open_with({**THING, "spf": waits}).press("buy")
    assert ("data-complete" in page.text, page.outcome["bought"]) == (waits, True)


def test_buy_with_oauth_redirect_returns_a_code_and_the_state(open_with, company, customer):
    address = f"{SITE}/cb?x=1"
    outcome = open_with({**THING, "sso": address, "csrf": "c5rf"}, targetUrl=f"{SITE}/thanks").press("buy").outcome
    assert outcome["address"] == f"{address}&code={outcome['code']}&state=c5rf"
    tokens = oauth.exchange_code(company, outcome["code"], address)
    assert oauth.customer_of(company, tokens.access_token) == customer


def test_page_refuses_an_oauth_redirect_that_is_not_registered(open_with, company):
    Company.objects.update(redirect_uri_prefix="https://other.example/")
    assert open_with({**THING, "sso": f"{SITE}/cb"}).status == 400


@pytest.mark.parametrize("amount", ["", "0", "-1", "cheap", "NaN", "1.234", "100000000"])
def test_chosen_price_must_be_one(open_with, amount):
    page = open_with({**THING, "sp": True}).press("buy", amount=amount)
    assert ("Please enter the price" in page.text, Purchase.objects.count()) == (True, 0)


def test_chosen_price_is_what_is_paid(open_with):
    open_with({**THING, "sp": True}).press("buy", amount="7.50")
    assert Purchase.objects.get().price == Decimal("7.50")


def test_chosen_price_is_read_in_the_readers_language(open_with):
    open_with({**THING, "sp": True}, lang="de").press("buy", amount="7,50")
    assert Purchase.objects.get().price == Decimal("7.50")


def test_open_payments_are_paid_and_give_the_right_back(open_with, customer):
    right = purchases.buy(customer, DAY_PASS)
    Purchase.objects.update(is_blocked=True)
    page = open_with({"pi": "FAKE_PROD_ID", "fp": True})
    assert "1.99 EUR" in page.text
    page.press("buy")
    assert (purchases.owns(customer, DAY_PASS), list(Purchase.objects.all())) == (True, [right])


# --- without a log-in token --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "buttons"),
    [("true", ["register", "show-login"]), ("false", ["login", "show-registration"])],
)
def test_visitor_is_asked_who_buys(visit, first, buttons):
    page = visit(paymentData=sign(**THING), startWithRegistration=first)
    assert (page.status, page.buttons) == (200, buttons)
    assert "The best product" in page.text


def test_visitor_registers_and_buys(visit, company):
    page = visit(paymentData=sign(**THING), startWithRegistration="true", lang="de")
    page.press("register", email="New@example.com").press("buy")
    customer = Purchase.objects.get().customer
    assert (customer.email, customer.language, customer.company) == ("New@example.com", "de", company)


def test_visitor_logs_in_and_buys(visit, customer):
    page = visit(paymentData=sign(**THING)).press("login", email="ADA@example.com")
    page.press("buy")
    assert Purchase.objects.get().customer == customer


def test_visitor_changes_between_log_in_and_registration(visit):
    page = visit(paymentData=sign(**THING)).press("show-registration")
    assert page.buttons == ["register", "show-login"]
    assert page.press("show-login").buttons == ["login", "show-registration"]


WRONG_ADDRESSES = {
    "nothing": ("login", "", "complete e-mail address"),
    "half an address": ("register", "ada@", "complete e-mail address"),
    "a NUL": ("login", "a\0@example.com", "complete e-mail address"),
    "too long an address": ("register", "a" * 250 + "@example.com", "complete e-mail address"),
    "nobody's address": ("login", "nobody@example.com", "Please register"),
    "somebody's address": ("register", "Ada@example.com", "Please log in"),
}


@pytest.mark.parametrize(("action", "email", "words"), WRONG_ADDRESSES.values(), ids=WRONG_ADDRESSES)
def test_visitor_is_told_what_is_wrong(visit, customer, action, email, words):
    page = visit(paymentData=sign(**THING)).press(action, email=email)
    assert (words in page.text, "buy" in page.buttons, Customer.objects.count()) == (True, False, 1)


@pytest.mark.parametrize(("change", "words"), SHUT_OUT, ids=str)
def test_customer_who_is_shut_out_cannot_log_in(visit, customer, change, words):
    Customer.objects.update(**change)
    assert words in visit(paymentData=sign(**THING)).press("login", email=customer.email).text


@pytest.mark.parametrize(("change", "words"), SHUT_OUT, ids=str)
def test_customer_who_is_shut_out_meanwhile_cannot_buy(open_with, change, words):
    page = open_with()
    Customer.objects.update(**change)
    refused = page.press("buy")
    assert (refused.status, words in refused.text, Purchase.objects.count()) == (403, True, 0)


def test_visitor_cannot_buy_before_logging_in(visit):
    page = visit(paymentData=sign(**THING)).press("buy")
    assert (page.status, Purchase.objects.count()) == (403, 0)


# --- tickets -----------------------------------------------------------------------------------------------------


def test_ticket_that_was_changed_is_refused(open_with):
    page = open_with()
    ticket = page.hidden("ticket")
    changed = ticket[:10] + ("A" if ticket[10] != "A" else "B") + ticket[11:]
    assert (page.press("buy", ticket=changed).status, Purchase.objects.count()) == (403, 0)


def test_ticket_ends_after_half_an_hour(open_with):
    with time_machine.travel(timezone.now() - timedelta(minutes=31), tick=False):
        page = open_with()
    assert (page.press("buy").status, Purchase.objects.count()) == (403, 0)


def test_ticket_of_another_company_is_refused(open_with, company):
    other = Company.objects.create(name="Other")
    page = open_with()
    page.text = page.text.replace(company.company_id, other.company_id)
    assert page.press("buy").status == 403


def test_ticket_holds_no_log_in_token(open_with, login_token):
    assert login_token not in str(tickets.unseal("checkout", open_with().hidden("ticket")))


def test_unknown_button_is_refused(open_with):
    assert open_with().press("steal").status == 400

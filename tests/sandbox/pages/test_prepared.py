"""The page of `plenigo.Checkout`: what API v3 has prepared is shown, bought, and told of."""

import pytest

from django_plenigo.sandbox import customer_sessions, preparations, purchases
from django_plenigo.sandbox.identifiers import offer_id_of
from django_plenigo.sandbox.models import Purchase
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY


@pytest.fixture
def open_prepared(visit, company, customer):
    """Prepare a purchase, and open it as the script does; `buyer` None is a visitor."""

    def open_prepared(*product_ids, buyer=customer, way="start", quantity=1, **body):
        items = [{"plenigoOfferId": offer_id_of(each), "quantity": quantity} for each in product_ids or [DAY_PASS]]
        purchase_id = preparations.prepare(company, buyer, {"items": items, **body})
        return visit("prepared", purchaseId=purchase_id, way=way)

    return open_prepared


def order_of(page):
    return int(page.outcome["orderId"])


def test_page_shows_what_is_sold_to_whom(open_prepared, customer):
    page = open_prepared(quantity=2)
    assert page.status == 200
    assert "2 × Day pass" in page.text
    assert "1.99 EUR" in page.text
    assert customer.email in page.text
    assert page.buttons == ["buy", "fail"]


def test_purchase_is_told_with_the_number_of_its_order(open_prepared):
    page = open_prepared().press("buy")
    assert order_of(page) == purchases.order_number(Purchase.objects.get())
    assert "customerSession" not in page.outcome


def test_several_items_are_one_order(open_prepared):
    page = open_prepared(DAY_PASS, MONTHLY).press("buy")
    assert Purchase.objects.count() == 2
    assert order_of(page) > 0


def test_button_that_is_pressed_twice_buys_once(open_prepared):
    page = open_prepared()
    assert order_of(page.press("buy")) == order_of(page.press("buy"))
    assert Purchase.objects.count() == 1


def test_payment_that_fails_is_told_and_may_be_tried_again(open_prepared):
    page = open_prepared().press("fail")
    assert 'data-event="failed"' in page.text
    assert Purchase.objects.count() == 0
    assert order_of(page.press("buy")) > 0


def test_owner_is_told_so_and_the_script_is_told_minus_one(open_prepared, customer):
    purchases.buy(customer, DAY_PASS)
    page = open_prepared()
    assert ("You already own this" in page.text, page.buttons) == (True, ["return"])
    assert order_of(page.press("return")) == -1
    assert Purchase.objects.count() == 1


def test_owner_may_buy_again_where_the_shop_says_so(open_prepared, customer):
    purchases.buy(customer, DAY_PASS)
    assert order_of(open_prepared(allowMultiplePurchases=True).press("buy")) > 0


def test_return_is_for_owners_only(open_prepared):
    assert open_prepared().press("return").buttons == ["buy", "fail"]


def test_owner_who_buys_in_another_tab_is_told_so(open_prepared, customer):
    page = open_prepared()
    purchases.buy(customer, DAY_PASS)
    assert page.press("buy").buttons == ["return"]


def test_offer_that_is_gone_meanwhile_is_nothing_to_buy(open_prepared, company):
    company.products.filter(product_id=DAY_PASS).update(offer_id="O_" + "X" * 18)
    assert order_of(open_prepared()) == -2


@pytest.mark.parametrize(("way", "action"), [("login", "login"), ("register", "register")])
def test_visitor_identifies_herself_and_gets_a_session(open_prepared, customer, way, action):
    page = open_prepared(buyer=None, way=way)
    assert action in page.buttons
    email = customer.email if way == "login" else "new@example.com"
    bought = page.press(action, email=email).press("buy")
    buyer = Purchase.objects.get().customer
    assert buyer.email == email
    assert customer_sessions.validate(buyer.company, bought.outcome["customerSession"]).customer == buyer


def test_visitor_who_is_not_known_stays_where_she_is(open_prepared):
    page = open_prepared(buyer=None, way="login").press("login", email="nobody@example.com")
    assert "There is no customer with this e-mail address." in page.text


def test_visitor_cannot_buy_before_she_has_logged_in(open_prepared):
    page = open_prepared(buyer=None, way="login").press("buy")
    assert (page.status, "Nobody has logged in" in page.text) == (403, True)
    assert Purchase.objects.count() == 0


def test_purchase_id_that_another_customer_has_used_buys_nothing(open_prepared, company):
    pages = [open_prepared(buyer=None, way="login")]
    pages.append(pages[0])
    for number, page in enumerate(pages):
        page = page.press("show-registration").press("register", email=f"reader{number}@example.com")
        statuses = page.press("buy").status
    assert (statuses, Purchase.objects.count()) == (403, 1)


def test_purchase_of_a_customer_asks_nobody_to_log_in(open_prepared):
    page = open_prepared()
    assert page.press("login", email="other@example.com").status == 400


def test_start_of_a_purchase_that_is_nobodys_says_what_to_call(open_prepared):
    page = open_prepared(buyer=None)
    assert (page.status, "login() or register()" in page.text) == (400, True)
    assert 'data-event="refused"' in page.text


@pytest.mark.parametrize("purchase_id", ["", "unknown", "ä"])
def test_purchase_id_that_is_unknown_is_refused(visit, purchase_id):
    assert visit("prepared", purchaseId=purchase_id).status == 403


def test_purchase_id_that_is_too_old_is_refused(visit, company, customer, time_machine):
    time_machine.move_to("2026-05-01 12:00:00+00:00")
    purchase_id = preparations.prepare(company, customer, {"items": []})
    time_machine.shift(preparations.LIFETIME)
    assert visit("prepared", purchaseId=purchase_id).status == 403


def test_custom_product_is_shown_and_bought_as_the_shop_describes_it(open_prepared, visit, company, customer):
    product = {"title": "The moss clock", "price": 2.5, "currency": "EUR", "accessRightUniqueId": "moss-clock"}
    items = [{"title": "A story", "legalText": "Terms < & >\nof sale", "products": [product], "quantity": 1}]
    page = visit("prepared", purchaseId=preparations.prepare(company, customer, {"items": items}), way="start")
    assert ("The moss clock" in page.text, "2.50 EUR" in page.text) == (True, True)
    assert "Terms &lt; &amp; &gt;<br>of sale" in page.text
    page.press("buy")
    assert Purchase.objects.get().access_right_id == "moss-clock"


def test_script_of_v3_is_served_without_a_company_and_carries_its_sentences(client, db):
    answer = client.get("/plenigo-sandbox/web/v1/frisbii_media.min.js")
    text = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "PLENIGO_SANDBOX_TEXTS" not in text
    assert 'raise("PurchaseSuccess"' in text

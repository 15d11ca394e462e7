"""The page of `plenigo.Checkout`: what API v3 has prepared is shown, bought, and told of."""

import html
import re

import pytest

from django_plenigo.sandbox import customer_sessions, preparations, purchases
from django_plenigo.sandbox.identifiers import offer_id_of
from django_plenigo.sandbox.models import Customer, Purchase
from django_plenigo.sandbox.seed import BOOK, DAY_PASS, MONTHLY

from .conftest import SHUT_OUT, SITE

RETURN_URL = f"{SITE}/thanks/?from=checkout"


@pytest.fixture
def open_prepared(visit, company, customer):
    """Prepare a purchase, and open it as the script does; `buyer` None is a visitor."""

    def open_prepared(*product_ids, buyer=customer, way="start", quantity=1, **body):
        items = [{"plenigoOfferId": offer_id_of(each), "quantity": quantity} for each in product_ids or [DAY_PASS]]
        purchase_id = preparations.prepare(company, buyer, {"items": items, **body})
        return visit("prepared", purchaseId=purchase_id, way=way, returnUrl=RETURN_URL)

    return open_prepared


def order_of(page):
    return int(page.outcome["orderId"])


def test_page_shows_what_is_sold_to_whom(open_prepared, customer):
    page = open_prepared(quantity=2)
    assert page.status == 200
    assert "2 × Day pass" in page.text
    assert "1.99 EUR" in page.text
    assert customer.email in page.text
    assert page.buttons == ["buy", "leave", "fail"]


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
    assert open_prepared().press("return").buttons == ["buy", "leave", "fail"]


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
    purchase_id = preparations.prepare(company, customer, {"items": items})
    page = visit("prepared", purchaseId=purchase_id, way="start", returnUrl=RETURN_URL)
    assert ("The moss clock" in page.text, "2.50 EUR" in page.text) == (True, True)
    assert "Terms &lt; &amp; &gt;<br>of sale" in page.text
    page.press("buy")
    assert Purchase.objects.get().access_right_id == "moss-clock"


# ---- too many log-ins -------------------------------------------------------------------------------------------


def test_visitor_who_is_logged_in_elsewhere_ends_that_and_buys(open_prepared, customer):
    elsewhere = customer_sessions.begin(customer, {"browser": "Firefox"})
    page = open_prepared(buyer=None, way="login").press("login", email=customer.email)
    assert ("Firefox" in page.text, page.buttons) == (True, ["end-session", "end-all"])
    outcome = page.press("end-session", session=elsewhere.session_id).press("buy").outcome
    [session] = customer_sessions.active(customer)
    assert outcome["customerSession"] == customer_sessions.text_of(session)


def test_visitor_who_has_too_many_log_ins_cannot_buy_before_she_has_ended_one(open_prepared, customer):
    customer_sessions.begin(customer, {})
    page = open_prepared(buyer=None, way="login").press("login", email=customer.email)
    assert page.press("buy").status == 403
    assert Purchase.objects.count() == 0


# ---- a payment page --------------------------------------------------------------------------------------------


def way_back(page):
    return html.unescape(re.search(r'<a href="([^"]*)" data-leave', page.text)[1])


def test_payment_page_takes_the_money_and_leads_back_with_the_number_of_the_order(open_prepared):
    page = open_prepared().press("leave")
    assert ("Day pass" in page.text, page.buttons) == (True, ["pay", "decline"])
    address = way_back(page.press("pay"))
    assert address == f"{RETURN_URL}&plenigoPayment={purchases.order_number(Purchase.objects.get())}"


def test_payment_page_on_which_the_payment_fails_leads_back_and_nothing_is_bought(open_prepared):
    assert way_back(open_prepared().press("leave").press("decline")) == f"{RETURN_URL}&plenigoPayment=failed"
    assert Purchase.objects.count() == 0


def test_payment_page_leads_an_owner_back_with_minus_one(open_prepared, customer):
    page = open_prepared().press("leave")
    purchases.buy(customer, DAY_PASS)
    assert way_back(page.press("pay")).endswith("plenigoPayment=-1")


@pytest.mark.parametrize("address", ["", "/thanks/", "javascript:alert(1)"])
def test_address_to_return_to_that_is_none_is_refused(visit, company, customer, address):
    purchase_id = preparations.prepare(company, customer, {"items": []})
    assert visit("prepared", purchaseId=purchase_id, returnUrl=address).status == 400


@pytest.mark.parametrize(("change", "words"), SHUT_OUT, ids=str)
def test_customer_who_is_shut_out_since_it_was_prepared_buys_nothing(open_prepared, change, words):
    open_page = open_prepared()
    payment_page = open_page.press("leave")
    Customer.objects.update(**change)
    for page in (open_prepared(), open_page.press("buy"), payment_page.press("pay")):
        assert (page.status, words in page.text) == (403, True)
    assert Purchase.objects.count() == 0


# ---- vouchers and baskets --------------------------------------------------------------------------------------


@pytest.fixture
def open_body(visit, company, customer):
    """Open what was prepared of a body."""

    def open_body(**body):
        purchase_id = preparations.prepare(company, customer, body)
        return visit("prepared", purchaseId=purchase_id, way="start", returnUrl=RETURN_URL)

    return open_body


def test_voucher_gives_its_product_for_nothing_and_is_used_up(open_body, sandbox):
    voucher = sandbox.create_voucher("SPRING", DAY_PASS)
    page = open_body(voucherCode="SPRING")
    assert all(text in page.text for text in ("Day pass", "0.00 EUR", "SPRING"))
    assert order_of(page.press("buy")) > 0
    voucher.refresh_from_db()
    assert (Purchase.objects.get().price, voucher.redeemed_at is None) == (0, False)
    assert order_of(open_body(voucherCode="SPRING")) == -2


def test_voucher_that_somebody_else_has_redeemed_meanwhile_buys_nothing(open_body, sandbox):
    voucher = sandbox.create_voucher("SPRING", DAY_PASS)
    page = open_body(voucherCode="SPRING")
    voucher.redeemed_at = "2026-01-01T00:00:00Z"
    voucher.save()
    assert order_of(page.press("buy")) == -2
    assert Purchase.objects.count() == 0


def test_owner_keeps_her_voucher(open_body, sandbox, customer):
    voucher = sandbox.create_voucher("SPRING", DAY_PASS)
    purchases.buy(customer, DAY_PASS)
    assert order_of(open_body(voucherCode="SPRING").press("return")) == -1
    voucher.refresh_from_db()
    assert voucher.redeemed_at is None


def test_basket_is_shown_with_its_total_and_bought_as_one_order(open_body, sandbox):
    sandbox.fill_basket("B-1", DAY_PASS, quantity=2)
    sandbox.fill_basket("B-1", BOOK)
    page = open_body(basketId="B-1")
    assert all(text in page.text for text in ("2 × Day pass", "The yearbook", "27.98 EUR"))
    assert order_of(page.press("buy")) == purchases.order_number(Purchase.objects.order_by("pk")[0])
    assert len({purchase.order_id for purchase in Purchase.objects.all()}) == 1
    assert Purchase.objects.count() == 2


def test_basket_of_which_a_part_is_owned_sells_the_rest(open_body, sandbox, customer):
    sandbox.fill_basket("B-1", DAY_PASS)
    sandbox.fill_basket("B-1", BOOK)
    purchases.buy(customer, DAY_PASS)
    open_body(basketId="B-1").press("buy")
    assert list(customer.purchases.order_by("pk").values_list("product_id", flat=True)) == [DAY_PASS, BOOK]


def test_page_of_a_domain_that_the_settings_do_not_allow_is_refused(open_prepared, company):
    company.sso_settings.allowed_domains = "news.example, other.example"
    company.sso_settings.save()
    page = open_prepared()
    assert (page.status, 'data-page="defaultInvalidDomainForm"' in page.text) == (403, True)
    company.sso_settings.allowed_domains = "example"
    company.sso_settings.save()
    assert open_prepared().status == 200


def test_script_of_v3_is_served_without_a_company_and_carries_its_sentences(client, db):
    answer = client.get("/plenigo-sandbox/web/v1/frisbii_media.min.js")
    text = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "PLENIGO_SANDBOX_TEXTS" not in text
    assert 'raise("PurchaseSuccess"' in text

"""The endpoints of our script on API v3: the click prepares a purchase, and a purchase is looked at, not believed."""

import json
import logging
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import gettext_lazy

from django_plenigo.models import AccountConnection
from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.sandbox import preparations, purchases
from django_plenigo.sandbox.credentials import API_TOKEN, COMPANY_ID
from django_plenigo.sandbox.identifiers import access_right_id_of, offer_id_of
from django_plenigo.sandbox.models import PreparedPurchase, Purchase
from django_plenigo.sandbox.seed import BOOK, DAY_PASS
from django_plenigo.services import access, checkout, customers
from django_plenigo.services.hashes import number_hash
from django_plenigo.transport.connections import pool
from tests.factories import LinkFactory
from tests.sandbox.serving import serving

pytestmark = pytest.mark.django_db

ADDRESS = "203.0.113.7"
OFFER, OTHER_OFFER = offer_id_of(DAY_PASS), offer_id_of(BOOK)


def offer_of(*, lets_visitors_in=False, order=None, **options):
    order = CheckoutOrder(**{"product_id": "DAYPASS", **(order or {})})
    return checkout.sign_offer(
        checkout.Offer(order, CheckoutOptions(**options), "default", lets_visitors_in=lets_visitors_in)
    )


@pytest.fixture
def browser():
    """A browser that fetches the CSRF token as our script does."""

    class Browser(Client):
        def send(self, path, data):
            fetched = self.get("/plenigo/api/csrf-token/").json()
            headers = {fetched["header"]: fetched["csrf_token"]}
            return self.post(path, json.dumps(data), content_type="application/json", headers=headers)

    return Browser(enforce_csrf_checks=True, REMOTE_ADDR=ADDRESS)


@pytest.fixture
def customer(vendor, user, browser):
    """A reader who is a customer and signed in."""
    customers.register(user)
    vendor.calls.clear()
    browser.force_login(user)
    return user


def click(browser, offer, page="/article/"):
    return browser.send("/plenigo/api/checkout/", {"offer": offer, "page": page})


def prepared():
    """What the one purchase was prepared with that there is."""
    return PreparedPurchase.objects.get().body


def called(vendor):
    return [call.endpoint for call in vendor.calls]


def refuse(vendor, endpoint, status, code):
    """Let each call of an endpoint be refused from now on."""
    body = json.dumps({"errorCode": code, "errorMessage": "No."})
    vendor.fail_next(status, endpoint=endpoint, times=None, body=body)


# ---- the click -------------------------------------------------------------------------------------------------


def test_click_does_not_give_back_a_customer_that_an_agent_has_taken(vendor, browser, customer):
    link = customers.link_of(customer)
    AccountConnection.objects.create(
        user=customer,
        account="default",
        state=AccountConnection.State.UNDONE,
        customer_hash=number_hash("customer", link.customer_id),
        started_at=timezone.now(),
    )
    link.delete()
    answer = click(browser, offer_of())
    assert (answer.status_code, "Our support has separated" in answer.json()["detail"]) == (409, True)
    assert customers.link_of(customer) is None


def test_click_of_a_customer_prepares_a_purchase_and_starts_it(vendor, browser, customer):
    answer = click(browser, offer_of(order={"title": "The moss clock"})).json()
    assert answer == {
        "purchase_id": answer["purchase_id"],
        "start": "start",
        "options": {"title": "The moss clock", "returnUrl": answer["options"]["returnUrl"]},
        "purchase_url": answer["purchase_url"],
    }
    assert preparations.find_prepared(vendor.company, answer["purchase_id"]).body == {
        "customerId": customers.link_of(customer).customer_id,
        "customerIpAddress": ADDRESS,
        "items": [{"plenigoOfferId": OFFER, "quantity": 1}],
        "language": "en",
    }
    assert called(vendor) == ["preparePurchase"]


def test_click_of_an_unregistered_reader_registers_her_first(vendor, browser, user):
    browser.force_login(user)
    assert click(browser, offer_of()).status_code == 200
    (customer,) = vendor.customers()
    assert prepared()["customerId"] == customer.number == customers.link_of(user).customer_id


def test_product_that_no_entry_names_is_the_offer_itself(vendor, browser, customer):
    click(browser, offer_of(order={"product_id": OTHER_OFFER}))
    assert prepared()["items"][0]["plenigoOfferId"] == OTHER_OFFER


def test_language_is_that_of_the_click(vendor, browser, customer, settings):
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    click(browser, offer_of())
    assert prepared()["language"] == "de"


def test_options_go_where_the_vendor_reads_them(vendor, browser, customer):
    options = {
        "allow_multiple_purchases": True,
        "gift_option": "SHOW_GIFT_OPTION",
        "variant_id": "summer-1",
        "allowed_payment_methods": ["PAYPAL"],
        "source_id": "S-1",
        "data": {"article": "4711"},
        "restart_url": "https://news.example/offers/",
        "custom_css": "https://news.example/checkout.css",
        "show_postbox_input": True,
        "utm": {"source": "letter"},
    }
    answer = click(browser, offer_of(order={"quantity": 3}, affiliate_id="AFF", element_id="till", **options)).json()
    assert (
        prepared().items()
        >= {
            "allowMultiplePurchases": True,
            "giftOption": "SHOW_GIFT_OPTION",
            "variantUniqueId": "summer-1",
        }.items()
    )
    assert prepared()["items"] == [{"plenigoOfferId": OFFER, "quantity": 3}]
    assert prepared()["allowedPaymentMethods"] == ["PAYPAL"]
    assert prepared()["additionalData"] == {
        "affiliateId": "AFF",
        "sourceId": "S-1",
        "utm": {"source": "letter"},
        "data": {"article": "4711"},
    }
    del answer["options"]["returnUrl"]
    assert answer["options"] == {
        "elementId": "till",
        "address": {"postbox": True},
        "restartUrl": "https://news.example/offers/",
        "customCSS": "https://news.example/checkout.css",
    }


@pytest.mark.parametrize(
    "options",
    [
        {"allow_multiple_purchases": True, "gift_option": "SHOW_GIFT_OPTION", "variant_id": "summer-1"},
        {"allowed_payment_methods": ["PAYPAL", "CREDIT_CARD"], "force_payment_method": "PAYPAL", "payment_only": True},
        {"source_id": "S-1", "partner_id": "P-1", "data": {"article": "4711"}, "hide_voucher_input": True},
        {"address_take_over": "NO_ADDRESS_DEFAULT", "invoice_address_required": True, "utm": {"source": "letter"}},
        {"subscription_start_date": date(2030, 1, 1), "supported_card_types": ["V"], "filter_salutations": ["NONE"]},
    ],
    ids=str,
)
def test_vendor_takes_every_option_as_it_is_sent(vendor, browser, customer, options):
    assert "purchase_id" in click(browser, offer_of(order={"quantity": 2}, affiliate_id="AFF", **options)).json()


def test_voucher_stands_in_place_of_the_product(vendor, browser, customer):
    vendor.create_voucher("SPRING", DAY_PASS)
    click(browser, offer_of(voucher_code="SPRING"))
    assert prepared()["voucherCode"] == "SPRING"
    assert "items" not in prepared()


@pytest.mark.parametrize(("register", "start"), [(False, "login"), (True, "register")])
def test_visitor_whom_the_offer_lets_in_logs_in_inside_the_checkout(vendor, browser, register, start):
    answer = click(browser, offer_of(lets_visitors_in=True, start_with_registration=register))
    assert (answer.status_code, answer.json()["start"]) == (200, start)
    assert "customerId" not in prepared()
    assert vendor.customers() == []


def test_reader_who_is_signed_in_starts_at_once_also_where_visitors_are_let_in(vendor, browser, customer):
    assert click(browser, offer_of(lets_visitors_in=True)).json()["start"] == "start"


def test_visitor_logs_in_here_first_otherwise(vendor, browser):
    answer = click(browser, offer_of())
    assert (answer.status_code, answer.json()) == (401, {"login_url": "/login/?next=/article/"})
    assert vendor.calls == []


@pytest.mark.parametrize("forged", ["", None, "DAYPASS", "a:b:c", "\ud800", ["x"]])
def test_visitor_with_an_offer_that_is_not_ours_prepares_nothing(vendor, browser, forged):
    assert click(browser, forged).status_code == 401
    assert vendor.calls == []


def test_click_returns_to_our_page_with_the_article_as_next(vendor, browser, customer):
    answer = click(browser, offer_of(), page="/article/?page=2").json()
    target = urlsplit(answer["options"]["returnUrl"])
    assert (target.netloc, target.path) == ("testserver", "/plenigo/return/")
    assert parse_qs(target.query)["next"] == ["/article/?page=2"]
    assert answer["purchase_url"] == f"/plenigo/api/purchase/?{target.query}"


@pytest.mark.parametrize("length", [100, 150, 300])
def test_address_to_return_to_is_never_longer_than_the_vendor_allows(vendor, browser, customer, length):
    page = "/" + "a" * length
    answer = click(browser, offer_of(), page=page).json()
    target = urlsplit(answer["options"]["returnUrl"])
    assert len(answer["options"]["returnUrl"]) <= 220
    assert parse_qs(target.query).get("next") == ([page] if length == 100 else None)
    assert browser.get(answer["options"]["returnUrl"].removeprefix("http://testserver")).status_code == 200
    assert parse_qs(urlsplit(answer["purchase_url"]).query)["next"] == [page]


def test_offer_with_a_target_of_its_own_keeps_it(vendor, browser, customer):
    answer = click(browser, offer_of(target_url="https://example.com/thanks")).json()
    assert answer["options"]["returnUrl"] == answer["next"] == "https://example.com/thanks"


# ---- the address of the browser --------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["", "unix:", "203.0.113.300", "localhost"])
def test_click_without_a_usable_address_fails_and_names_the_setting(vendor, browser, customer, peer, caplog):
    browser.defaults["REMOTE_ADDR"] = peer
    answer = click(browser, offer_of())
    assert answer.status_code == 502
    assert answer.json()["detail"] == "We could not open the checkout. Nothing was charged. Please contact us."
    (record,) = [record for record in caplog.records if record.name.startswith("django_plenigo")]
    assert record.levelno == logging.ERROR
    assert "PLENIGO['default']['TRUSTED_PROXIES'] must name" in record.getMessage()
    assert vendor.calls == []


def test_unregistered_reader_without_a_usable_address_is_not_registered(vendor, browser, user):
    browser.defaults["REMOTE_ADDR"] = ""
    browser.force_login(user)
    assert click(browser, offer_of()).status_code == 502
    assert vendor.calls == []


def test_address_is_the_one_that_the_trusted_proxy_tells(vendor, on_v3, browser, user):
    on_v3(TRUSTED_PROXIES=["10.0.0.0/8"])
    browser.force_login(user)
    browser.defaults |= {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.9, 203.0.113.8, 10.0.0.2"}
    click(browser, offer_of())
    assert prepared()["customerIpAddress"] == "203.0.113.8"


def test_raw_header_is_not_believed(vendor, browser, customer):
    browser.defaults["HTTP_X_FORWARDED_FOR"] = "198.51.100.9"
    click(browser, offer_of())
    assert prepared()["customerIpAddress"] == ADDRESS


def test_address_of_a_server_that_listens_on_both_kinds_is_the_short_one(vendor, browser, customer):
    browser.defaults["REMOTE_ADDR"] = f"::ffff:{ADDRESS}"
    click(browser, offer_of())
    assert prepared()["customerIpAddress"] == ADDRESS


@pytest.fixture
def vendor_of_public_site(vendor, on_v3):
    """The vendor of a site that readers pay on, at the other end of a socket: live sites call nobody in process."""
    with serving() as server:
        on_v3(MODE="live", COMPANY_ID=COMPANY_ID, SECRET=API_TOKEN, HOSTS={"api": server.url})
        yield vendor
        pool.adapter.close()  # a connection that is kept alive would keep the server


@pytest.mark.parametrize("peer", ["10.0.0.1", "127.0.0.1", "fd00::1"])
def test_proxy_that_nobody_has_named_is_no_reader_of_a_public_site(vendor_of_public_site, browser, user, peer, caplog):
    browser.force_login(user)
    browser.defaults["REMOTE_ADDR"] = peer
    assert click(browser, offer_of()).status_code == 502
    assert "TRUSTED_PROXIES" in caplog.text
    assert peer not in caplog.text
    assert vendor_of_public_site.calls == []


def test_machine_of_a_developer_is_one_on_the_sandbox(vendor, browser, customer):
    browser.defaults["REMOTE_ADDR"] = "127.0.0.1"
    assert click(browser, offer_of()).status_code == 200


# ---- what the vendor refuses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "sentence"),
    [
        ((400, 90039), 409, "You have bought this already. You do not need to pay again: please reload the page."),
        ((400, 90040), 409, "You have bought this already, but your access is blocked. Please contact us."),
        ((408, 90003), 410, "The checkout has timed out. Nothing was charged. Please try again."),
        ((408, 90032), 410, "The checkout has timed out. Nothing was charged. Please try again."),
        (
            (404, 90037),
            404,
            "This offer is not available at the moment. Nothing was charged. Please contact us.",
        ),
        ((400, 99400), 502, "We could not open the checkout. Nothing was charged. Please contact us."),
        ((401, 99008), 502, "We could not open the checkout. Nothing was charged. Please contact us."),
        ((400, 20073), 502, "We could not open the checkout. Nothing was charged. Please contact us."),
        ((429, 99429), 503, "We could not open the checkout. Nothing was charged. Please try again."),
        ((400, 99018), 503, "We could not open the checkout. Nothing was charged. Please try again."),
        ((500, 99500), 503, "We could not open the checkout. Nothing was charged. Please try again."),
    ],
    ids=str,
)
def test_refusal_of_the_vendor_is_a_sentence(vendor, browser, customer, fault, status, sentence):
    refuse(vendor, "preparePurchase", *fault)
    answer = click(browser, offer_of())
    assert (answer.status_code, answer.json()) == (status, {"detail": sentence})


def test_offer_that_the_vendor_does_not_know_is_the_operators_to_mend(vendor, browser, customer, caplog):
    answer = click(browser, offer_of(order={"product_id": "O_UNKNOWN"}))
    assert answer.status_code == 404
    assert "This offer is not available at the moment." in answer.json()["detail"]
    assert [record.levelno for record in caplog.records if "could not be opened" in record.message] == [logging.ERROR]


def test_voucher_that_is_refused_is_told(vendor, browser, customer):
    answer = click(browser, offer_of(voucher_code="SPRING"))
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "This voucher cannot be redeemed. Please contact us.",
    )


def test_postal_address_of_somebody_else_is_a_sentence(vendor, browser, customer):
    answer = click(browser, offer_of(invoice_address_id=4711)).json()
    assert "purchase_id" not in answer
    assert "Nothing was charged." in answer["detail"]


def member_number(user):
    """The external id of every user here."""
    return "4711"


def test_customer_id_of_another_customer_is_a_sentence(vendor, on_v3, browser, user):
    on_v3(EXTERNAL_ID=f"{__name__}.member_number", EXTERNAL_ID_IS_CUSTOMER_ID=True)
    stranger = vendor.create_customer("stranger@example.com")
    stranger.number = "4711"
    stranger.save()
    browser.force_login(user)
    answer = click(browser, offer_of())
    sentence = "Your customer number has another e-mail address at our subscription service. Please contact us."
    assert (answer.status_code, answer.json()) == (409, {"detail": sentence})


def test_address_of_another_customer_is_a_sentence(vendor, browser, user):
    vendor.create_customer(user.email)
    browser.force_login(user)
    answer = click(browser, offer_of())
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "Your e-mail address is already used by another customer account. Please contact us.",
    )


def test_offer_of_v2_that_v3_cannot_sell_opens_nothing(sandbox, on_v3, browser, user, caplog):
    offer = offer_of(order={"segment_id": "S"})
    on_v3()
    browser.force_login(user)
    assert click(browser, offer).status_code == 502
    assert "segment_id: API v3" in caplog.text
    assert not PreparedPurchase.objects.exists()


def test_clicks_are_throttled(vendor, on_v3, browser, user):
    on_v3(CLICKS_PER_MINUTE=1)
    browser.force_login(user)
    assert [click(browser, offer_of()).status_code for _ in range(2)] == [200, 429]


def test_login_token_is_none_of_v3_and_begins_no_session(vendor, browser, customer):
    answer = browser.send("/plenigo/api/login-token/", {"account": "default", "page": "/article/"})
    assert answer.status_code == 404
    assert vendor.calls == []


def test_visitor_of_v2_is_let_in_by_a_button_that_says_so(sandbox, browser):
    body = click(browser, offer_of(lets_visitors_in=True)).json()
    assert body["function"] == "plenigo.checkout"
    assert "loginToken" not in body["arguments"]
    assert body["arguments"]["targetUrl"].startswith("http://testserver/plenigo/return/")


# ---- a purchase that the browser tells of ----------------------------------------------------------------------


@pytest.fixture
def opened(browser, customer):
    """The answer to the click of a customer."""
    return click(browser, offer_of()).json()


def return_query():
    return checkout.return_path(checkout.PurchaseReturn(("DAYPASS",), "/article/", "default")).partition("?")[2]


def tell(browser, opened, order_id):
    return browser.send(opened["purchase_url"], {"order_id": order_id})


NOT_FOUND = "We do not find this purchase under your account. You do not need to pay again: please contact us."


def test_purchase_that_is_the_readers_leads_back_to_the_article(vendor, browser, opened):
    order_id = vendor.complete_purchase(opened["purchase_id"])
    assert tell(browser, opened, order_id).json() == {"is_bought": True, "next": "/article/"}
    assert "getOrder" in called(vendor)


def test_article_at_a_price_of_its_own_is_bought_and_opens(vendor, on_v3, browser, user):
    on_v3(LEGAL_TEXT="Sold without a right of return.")
    browser.force_login(user)
    article = {"product_id": "moss-clock", "title": "The moss clock", "price": "0.59"}
    opened = click(browser, offer_of(order={**article, "currency": "EUR", "type": "DIGITALPRODUCT"})).json()
    order_id = vendor.complete_purchase(opened["purchase_id"])
    assert tell(browser, opened, order_id).json()["is_bought"] is True
    assert access.has_bought(user, ["moss-clock", "other"]) == {"moss-clock": True, "other": False}


def test_order_id_may_come_as_text(vendor, browser, opened):
    assert tell(browser, opened, str(vendor.complete_purchase(opened["purchase_id"]))).json()["is_bought"] is True


def test_purchase_that_does_not_open_the_article_yet_is_waited_for(vendor, browser, opened):
    order_id = vendor.complete_purchase(opened["purchase_id"])
    Purchase.objects.update(is_blocked=True)
    assert tell(browser, opened, order_id).json() == {"is_bought": False, "next": "/article/"}
    Purchase.objects.update(is_blocked=False)
    assert browser.get(opened["purchase_url"]).json() == {"is_bought": True, "next": "/article/"}


@pytest.fixture
def others(vendor):
    """The number of an order of another customer."""
    return purchases.order_number(vendor.buy(vendor.create_customer("bob@example.com"), DAY_PASS))


def test_order_of_somebody_else_and_one_that_is_not_there_are_told_alike(vendor, browser, opened, others):
    vendor.buy(prepared()["customerId"], DAY_PASS)
    for order_id in (others, 99_999_999):
        answer = tell(browser, opened, order_id)
        assert (answer.status_code, answer.json()) == (404, {"detail": NOT_FOUND})


def test_order_of_somebody_else_is_logged_without_a_word_about_whose(vendor, browser, opened, others, caplog):
    tell(browser, opened, others)
    assert "not its reader's" in caplog.text
    assert str(others) not in caplog.text


def test_reader_who_is_no_customer_has_no_order(vendor, browser, opened, user):
    order_id = vendor.complete_purchase(opened["purchase_id"])
    customers.link_of(user).delete()
    assert tell(browser, opened, order_id).status_code == 404


def test_link_that_has_the_external_id_alone_is_looked_up(vendor, browser, user):
    customer = vendor.create_customer(user.email, external_id="A1BKAFZZ3H0H")
    LinkFactory(user=user, customer_id=None, external_id="A1BKAFZZ3H0H")
    browser.force_login(user)
    opened = click(browser, offer_of()).json()
    assert prepared()["customerId"] == customer.number
    assert tell(browser, opened, vendor.complete_purchase(opened["purchase_id"])).json()["is_bought"] is True


@pytest.fixture
def stranger(vendor):
    """Somebody who has bought the day pass, by her id."""
    customer = vendor.create_customer("stranger@example.com")
    vendor.buy(customer, DAY_PASS)
    return customer.number


@pytest.mark.parametrize("external_id", [None, "nobody"])
def test_id_of_api_v2_that_is_a_strangers_with_v3_opens_nothing(vendor, browser, user, stranger, external_id):
    LinkFactory(user=user, customer_id=stranger, customer_id_generation="v2", external_id=external_id)
    browser.force_login(user)
    assert browser.get("/gated/").status_code == 403
    opened = {"purchase_url": "/plenigo/api/purchase/?" + return_query()}
    order_id = purchases.order_number(vendor.buy(stranger, DAY_PASS))
    assert tell(browser, opened, order_id).status_code == 404


def test_reader_with_nothing_but_an_id_of_api_v2_becomes_a_customer_on_the_click(vendor, browser, user, stranger):
    link = LinkFactory(user=user, customer_id=stranger, customer_id_generation="v2", external_id=None)
    browser.force_login(user)
    opened = click(browser, offer_of()).json()
    link.refresh_from_db()
    assert link.customer_id == prepared()["customerId"] != stranger
    assert tell(browser, opened, vendor.complete_purchase(opened["purchase_id"])).json()["is_bought"] is True


def test_order_of_a_reader_whose_link_has_not_been_moved_from_v2_is_hers(vendor, browser, user):
    vendor.create_customer(user.email, external_id="E-7")
    LinkFactory(user=user, customer_id="A1BKAFZZ3H0H", customer_id_generation="v2", external_id="E-7")
    browser.force_login(user)
    opened = click(browser, offer_of()).json()
    assert tell(browser, opened, vendor.complete_purchase(opened["purchase_id"])).json()["is_bought"] is True


@pytest.mark.parametrize("endpoint", ["getOrder", "checkAccessOfCustomer"])
def test_purchase_is_on_its_way_while_nobody_knows(vendor, browser, opened, endpoint):
    order_id = vendor.complete_purchase(opened["purchase_id"])
    refuse(vendor, endpoint, 500, 99500)
    assert tell(browser, opened, order_id).json() == {"is_bought": False, "next": "/article/"}


@pytest.mark.parametrize("order_id", [None, -1, 0, "x", 1.5, True, [], "9" * 30])
def test_order_id_that_is_none_is_refused_and_never_a_crash(vendor, browser, opened, order_id):
    vendor.calls.clear()
    assert tell(browser, opened, order_id).status_code == 400
    assert vendor.calls == []


def test_answers_that_were_kept_are_dropped(vendor, browser, opened, shared_cache):
    assert browser.get("/gated/").status_code == 403
    order_id = vendor.complete_purchase(opened["purchase_id"])
    tell(browser, opened, order_id)
    assert browser.get("/gated/").status_code == 200


def test_visitor_who_has_bought_inside_the_checkout_logs_in_and_comes_back_to_our_page(vendor, browser):
    opened = click(browser, offer_of(lets_visitors_in=True)).json()
    order_id = vendor.complete_purchase(opened["purchase_id"], vendor.create_customer("carol@example.com"))
    vendor.calls.clear()
    answer = tell(browser, opened, order_id)
    assert answer.status_code == 401
    assert answer.json()["login_url"].startswith("/login/?next=/plenigo/return/%3Fproduct%3DDAYPASS")
    assert vendor.calls == []


def test_purchase_with_an_address_that_is_not_ours_is_refused(vendor, browser, opened):
    forged = {**opened, "purchase_url": opened["purchase_url"].replace("DAYPASS", "OTHER")}
    assert tell(browser, forged, 1).status_code == 400


def test_purchase_needs_the_csrf_token(vendor, browser, opened):
    answer = browser.post(opened["purchase_url"], json.dumps({"order_id": 1}), content_type="application/json")
    assert answer.status_code == 403


def test_purchases_are_throttled_as_the_questions_are(vendor, on_v3, browser, user):
    on_v3(CHECKS_PER_MINUTE=1)
    browser.force_login(user)
    opened = click(browser, offer_of()).json()
    order_id = vendor.complete_purchase(opened["purchase_id"])
    assert [tell(browser, opened, order_id).status_code for _ in range(2)] == [200, 429]


def test_error_after_a_purchase_never_says_that_nothing_was_charged(sandbox, browser, reader, caplog):
    browser.force_login(reader)
    answer = tell(browser, {"purchase_url": "/plenigo/api/purchase/?" + return_query()}, 1)
    expected = "We cannot confirm your purchase right now. You do not need to pay again: please contact us."
    assert (answer.status_code, answer.json()) == (502, {"detail": expected})
    assert "takes API v3" in caplog.text


# ---- the page that payment pages return to ---------------------------------------------------------------------


class TestReturn:
    """The same page as on API v2."""

    def test_buyer_is_taken_back_to_the_article(self, vendor, browser, opened):
        vendor.complete_purchase(opened["purchase_id"])
        response = browser.get(opened["options"]["returnUrl"])
        assert (response.status_code, response.url) == (302, "/article/")

    def test_page_that_waits_listens_to_the_vendors_script(self, vendor, browser, opened):
        text = browser.get(opened["options"]["returnUrl"]).content.decode()
        assert 'role="status" data-plenigo-purchase-url="/plenigo/api/purchase/?product=DAYPASS' in text
        assert "plenigo-prepared.js" in text
        assert '<div id="plenigoCheckout">' in text

    def test_visitor_who_has_bought_inside_the_checkout_finds_her_purchase_once_she_is_registered(
        self, vendor, browser, user
    ):
        opened = click(browser, offer_of(lets_visitors_in=True)).json()
        assert browser.get(opened["options"]["returnUrl"]).url.startswith("/login/?next=/plenigo/return/")
        browser.force_login(user)
        page = browser.get(opened["options"]["returnUrl"]).content.decode()
        assert "We know of no purchase of your account yet." in page
        assert vendor.customers() == []


def test_price_of_the_page_is_the_price_of_the_sale_whatever_the_api_was_when_it_was_signed(
    sandbox, on_v3, browser, user
):
    offer = offer_of(order={"price": "2.50", "currency": "EUR", "type": "EBOOK", "title": "The moss clock"})
    on_v3(LEGAL_TEXT=gettext_lazy("Log in"))
    browser.force_login(user)
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    assert click(browser, offer).status_code == 200
    assert prepared()["items"] == [
        {
            "title": "The moss clock",
            "legalText": "Anmelden",
            "quantity": 1,
            "products": [
                {
                    "productId": "DAYPASS",
                    "title": "The moss clock",
                    "price": 2.5,
                    "currency": "EUR",
                    "taxType": "EBOOK",
                    "accessRightUniqueId": access_right_id_of(DAY_PASS),
                }
            ],
        }
    ]

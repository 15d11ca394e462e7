"""Section 3 and 6 of docs/protocols/2checkout.md: what a link opens, for how long, and the pages of myAccount."""

import pytest
from django.test import Client

from django_plenigo.sandbox import clock
from django_plenigo.sandbox.models import TwoCheckoutCustomer, TwoCheckoutLink, TwoCheckoutVisit
from django_plenigo.sandbox.twocheckout.browsing import COOKIE
from tests.sandbox.twocheckout.client import MOUNT, Browser

PAGES = ["", "my_products/", "my_subscription/", "order_lookup/", "payment_methods/", "user_data/"]
OVER = "This link was used before or has expired."


class TestLink:
    def test_link_signs_in_once_and_its_token_leaves_the_address(self, visitor, link):
        url = link("my_subscription", "Request[]=code=123D40F123", 60)
        visitor.open(url)
        (hop,) = visitor.response.redirect_chain
        assert hop == (f"{MOUNT}/myaccount/my_subscription/?code=123D40F123", 303)
        assert (visitor.status, "Monthly subscription" in visitor.text) == (200, True)
        other = Browser().open(url)
        assert (other.status, other.sentence.startswith(OVER)) == (410, True)
        assert COOKIE not in other.client.cookies

    @pytest.mark.parametrize(
        ("seconds", "waits", "status"), [(None, 9, 200), (None, 11, 410), (60, 59, 200), (60, 61, 410)]
    )
    def test_link_ages_by_the_sandboxs_clock(self, visitor, link, sandbox, seconds, waits, status):
        url = link(None, None, seconds)
        sandbox.advance(waits)
        assert visitor.open(url).status == status

    def test_unknown_link_signs_nobody_in(self, visitor, link):
        link()
        assert visitor.open("/myaccount/?logintoken=" + "0" * 40).status == 410
        assert visitor.open("/myaccount/?logintoken=").status == 410

    def test_link_for_another_address_is_refused_and_of_no_use_any_more(self, link):
        url = link(None, None, 60, "203.0.113.7")
        refused = Browser("203.0.113.8").open(url)
        assert (refused.status, refused.sentence.startswith("This link is for another device.")) == (403, True)
        assert Browser("203.0.113.7").open(url).status == 410

    @pytest.mark.parametrize(
        ("wanted", "address"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7", "::ffff:203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("", "198.51.100.1"),
        ],
    )
    def test_link_opens_at_its_address_in_whatever_spelling(self, link, wanted, address):
        assert Browser(address).open(link(None, None, 60, wanted)).status == 200

    def test_server_that_knows_no_address_lets_no_link_for_one_in(self, link):
        assert Browser("").open(link(None, None, 60, "203.0.113.7")).status == 403
        assert Browser("").open(link(None, None, 60)).status == 200

    def test_who_only_looks_uses_no_link_up(self, visitor, link):
        url = link(None, None, 60)
        head = visitor.client.head(MOUNT + url.partition("example")[2])
        assert (head.status_code, head.cookies) == (200, {})
        assert visitor.client.post(MOUNT + url.partition("example")[2]).status_code == 405
        assert visitor.open(url).status == 200

    def test_link_into_the_cart_opens_no_account(self, rpc, session_id, visitor):
        buy = "https://x.example/order/checkout/?PRODS=P_MONTHLY"
        url = rpc("getSingleSignOnInCart", session_id, "352365983", "2CheckoutCustomerReference", buy)
        assert visitor.open("/myaccount/?" + url.partition("&")[2]).status == 410

    def test_link_in_a_site_leads_to_its_own_host_and_mount(self, client, rpc, session_id):
        params = [session_id, "352365983", "2CheckoutCustomerReference", "faq"]
        call = {"jsonrpc": "2.0", "id": 1, "method": "getSingleSignOnByCustomer", "params": params}
        url = client.post(f"{MOUNT}/rpc/6.0/", call, content_type="application/json").json()["result"]
        assert url.startswith(f"http://testserver{MOUNT}/support/?logintoken=")

    def test_pages_speak_the_language_of_the_link(self, visitor, link):
        visitor.open(link(None, None, 60, None, "de"))
        assert '<html lang="de">' in visitor.text
        visitor.open(link(None, None, 60, None, "fr"), HTTP_ACCEPT_LANGUAGE="de")
        assert '<html lang="de">' in visitor.text
        visitor.open(link(None, None, 60, None, "en"), HTTP_ACCEPT_LANGUAGE="de")
        assert '<html lang="en">' in visitor.text


class TestVisit:
    @pytest.mark.parametrize("page", PAGES)
    def test_nobody_sees_an_account_without_a_link(self, visitor, customer, page):
        visitor.open(f"/myaccount/{page}")
        assert (visitor.status, visitor.sentence.startswith("You are not signed in.")) == (401, True)
        assert "jane" not in visitor.text

    @pytest.mark.parametrize("page", PAGES)
    def test_customer_sees_his_pages_which_nobody_frames_or_keeps(self, signed_in, page):
        signed_in.open(f"/myaccount/{page}")
        assert (signed_in.status, 'aria-current="page"' in signed_in.text) == (200, True)
        headers = signed_in.response.headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert "<script" not in signed_in.text

    def test_cookie_is_of_the_sandbox_alone(self, signed_in):
        cookie = signed_in.client.cookies[COOKIE]
        assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (
            f"{MOUNT}/",
            True,
            "Lax",
            1800,
        )
        assert not TwoCheckoutVisit.objects.filter(digest=cookie.value).exists()

    def test_cookie_is_secure_where_the_page_is(self, link):
        client = Client(REMOTE_ADDR="203.0.113.7")
        client.get(MOUNT + link().partition("example")[2], secure=True)
        assert client.cookies[COOKIE]["secure"] is True

    def test_visit_ends_after_half_an_hour(self, signed_in, sandbox):
        sandbox.advance(29 * 60)
        assert signed_in.open("/myaccount/").status == 200
        sandbox.advance(2 * 60)
        assert signed_in.open("/myaccount/").status == 401

    def test_customer_logs_out(self, signed_in):
        stolen = signed_in.client.cookies[COOKIE].value
        signed_in.send(0)
        assert (signed_in.status, "You are logged out." in signed_in.text) == (200, True)
        assert signed_in.client.cookies[COOKIE].value == ""
        assert signed_in.open("/myaccount/").status == 401
        thief = Browser()
        thief.client.cookies[COOKIE] = stolen
        assert thief.open("/myaccount/").status == 401

    def test_link_to_the_log_out_ends_nothing(self, signed_in):
        assert signed_in.open("/myaccount/logout/").status == 403
        assert signed_in.open("/myaccount/").status == 200

    def test_second_link_ends_the_first_visit(self, signed_in, link, merchant):
        TwoCheckoutCustomer.objects.create(merchant=merchant, reference="5", email="eve@example.com")
        signed_in.open(link(reference="5"))
        assert "eve@example.com" in signed_in.text
        assert TwoCheckoutVisit.objects.count() == 1

    def test_form_of_another_visit_or_of_another_site_changes_nothing(self, signed_in, link, subscription):
        signed_in.open("/myaccount/my_subscription/")
        path = f"{MOUNT}/myaccount/my_subscription/"
        sent = {"subscription": "123D40F123", "action": "cancel"}
        other = Browser().open(link("my_subscription"))
        for ticket in ({}, {"ticket": "x"}):
            assert other.client.post(path, sent | ticket).status_code == 403
        other.text = signed_in.text
        assert other.send(1, action="cancel").status == 403
        subscription.refresh_from_db()
        assert subscription.auto_renewal

    def test_support_is_open_to_everybody(self, visitor):
        assert visitor.open("/support/").status == 200

    def test_shut_sandbox_shows_nothing(self, settings, visitor):
        settings.PLENIGO_SANDBOX = {}
        assert visitor.open("/support/").status == 503


class TestSubscriptions:
    def test_customer_cancels_and_takes_it_back(self, signed_in, subscription):
        signed_in.open("/myaccount/my_subscription/")
        signed_in.send(1, action="cancel")
        assert (signed_in.status, signed_in.sentence) == (
            200,
            "Your subscription has been cancelled. It ends with its term.",
        )
        subscription.refresh_from_db()
        assert not subscription.auto_renewal
        signed_in.send(1, action="resume")
        assert signed_in.sentence == "Your subscription renews itself again."
        subscription.refresh_from_db()
        assert subscription.auto_renewal

    def test_another_customers_subscription_is_none_of_his(self, link, merchant, subscription, visitor):
        TwoCheckoutCustomer.objects.create(merchant=merchant, reference="5", email="eve@example.com")
        visitor.open(link("my_subscription", reference="5"))
        assert "There is nothing here." in visitor.text
        assert visitor.open("/myaccount/my_subscription/?code=123D40F123").status == 404
        own = visitor.open("/myaccount/").send
        visitor.path = f"{MOUNT}/myaccount/my_subscription/"
        visitor.text = visitor.text.replace(f'action="{MOUNT}/myaccount/logout/"', "")
        assert own(0, subscription="123D40F123", action="cancel").status == 403
        subscription.refresh_from_db()
        assert subscription.auto_renewal

    @pytest.mark.parametrize("action", ["", "delete"])
    def test_unknown_button_does_nothing(self, signed_in, action):
        signed_in.open("/myaccount/my_subscription/")
        assert signed_in.send(1, action=action).status == 403

    def test_page_shows_when_the_present_term_ends(self, sandbox, customer, rpc, visitor):
        sandbox.advance(70 * 86400)
        url = rpc(
            *("getSingleSignOnByCustomer", rpc.log_in(), "352365983", "2CheckoutCustomerReference"), "my_subscription"
        )
        visitor.open(url)
        end = customer.subscriptions.get().expires_at
        assert end > clock.now()
        assert ("Renews on" in visitor.text, f"{end:%m/%d/%Y}" in visitor.text) == (True, True)


class TestChanges:
    def test_customer_changes_his_names_and_address(self, signed_in, customer):
        signed_in.open("/myaccount/user_data/")
        signed_in.send(1, first_name="Jo", email="jo@example.com")
        assert signed_in.sentence == "Your changes have been saved."
        customer.refresh_from_db()
        assert (customer.first_name, customer.last_name, customer.email) == ("Jo", "Doe", "jo@example.com")

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"email": "Eve@Example.com"}, "Another customer has this e-mail address."),
            ({"email": "nobody"}, "Enter a valid email address."),
            ({"last_name": "a\\b"}, "Neither backslashes nor control characters."),
        ],
    )
    def test_what_cannot_be_is_told_at_its_field(self, signed_in, merchant, customer, fields, sentence):
        TwoCheckoutCustomer.objects.create(merchant=merchant, email="eve@example.com")
        signed_in.open("/myaccount/user_data/")
        signed_in.send(1, **fields)
        assert signed_in.sentence == sentence
        customer.refresh_from_db()
        assert (customer.last_name, customer.email) == ("Doe", "jane.doe@example.com")

    def test_customer_changes_his_card(self, signed_in, customer):
        signed_in.open("/myaccount/payment_methods/")
        signed_in.send(1, card_brand="MASTERCARD", card_digits="4444", card_expires_on="2031-05-31")
        assert signed_in.sentence == "Your changes have been saved."
        customer.refresh_from_db()
        assert (customer.card_brand, customer.card_digits, customer.card_expires_on.year) == (
            "MASTERCARD",
            "4444",
            2031,
        )

    def test_whole_number_of_a_card_is_refused(self, signed_in, customer):
        signed_in.open("/myaccount/payment_methods/")
        signed_in.send(1, card_digits="4111111111111111")
        assert "Saved" not in signed_in.text
        customer.refresh_from_db()
        assert customer.card_digits == "1111"


class TestOrders:
    def test_orders_are_looked_up_by_number(self, signed_in, sandbox):
        order = sandbox.twocheckout_order(product_id="P_BOOK", email="jane.doe@example.com")
        signed_in.open("/myaccount/order_lookup/")
        assert ("1000037" in signed_in.text, order.reference in signed_in.text) == (True, True)
        signed_in.open(f"/myaccount/order_lookup/?order={order.reference}")
        assert ("1000037" in signed_in.text, "The yearbook" in signed_in.text) == (False, True)
        signed_in.open("/myaccount/order_lookup/?order=5")
        assert signed_in.sentence == "You have no order with this number."

    def test_products_are_what_was_bought(self, signed_in, sandbox):
        sandbox.twocheckout_order(product_id="P_BOOK", email="jane.doe@example.com")
        signed_in.open("/myaccount/my_products/")
        assert "1 × The yearbook" in signed_in.text


def test_link_shows_in_the_backend_without_its_token(staff, link):
    token = link().partition("logintoken=")[2]
    row = TwoCheckoutLink.objects.get()
    page = staff.get(f"/admin/plenigo_sandbox/twocheckoutlink/{row.pk}/change/").content.decode()
    assert ("352365983" in page, token in page, row.digest in page) == (True, False, False)

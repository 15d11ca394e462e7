"""The endpoints of our script: the click, the token, the purchase."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.test import Client

from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.services import checkout, customers
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer():
    order = CheckoutOrder("DAYPASS", price=2.5, currency="EUR", title="A title", type="EBOOK")
    return checkout.sign_offer(checkout.Offer(order, CheckoutOptions(), "default"))


@pytest.fixture
def browser():
    """A browser that fetches the CSRF token as our script does."""

    class Browser(Client):
        def click(self, path, data, **headers):
            fetched = self.get("/plenigo/api/csrf-token/").json()
            headers = {fetched["header"]: fetched["csrf_token"], **headers}
            return self.post(path, json.dumps(data), content_type="application/json", headers=headers)

    return Browser(enforce_csrf_checks=True)


def click(browser, offer, page="/article/", **headers):
    return browser.click("/plenigo/api/checkout/", {"offer": offer, "page": page}, **headers)


def test_click_of_a_reader_opens_a_checkout_with_her_token(sandbox, reader, browser, offer):
    browser.force_login(reader)
    body = click(browser, offer).json()
    assert body["function"] == "plenigo.checkoutWithRemoteLogin"
    assert sandbox.consume_login_token(body["arguments"]["loginToken"]).email == reader.email


def test_click_of_an_unregistered_reader_registers_her(sandbox, user, browser, offer):
    browser.force_login(user)
    assert click(browser, offer).status_code == 200
    assert [customer.email for customer in sandbox.customers()] == [user.email]


def test_click_of_a_visitor_leads_to_the_log_in_and_back_to_the_article(db, browser, offer):
    response = click(browser, offer, page="/article/?page=2")
    assert response.status_code == 401
    assert response.json() == {"login_url": "/login/?next=/article/%3Fpage%3D2"}


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "", None, 7])
def test_log_in_never_leads_to_another_site(db, browser, offer, page):
    assert click(browser, offer, page=page).json() == {"login_url": "/login/?next=/"}


def test_checkout_returns_to_the_article_that_the_click_came_from(sandbox, reader, browser, offer):
    browser.force_login(reader)
    target = urlsplit(click(browser, offer).json()["arguments"]["targetUrl"])
    assert parse_qs(target.query)["next"] == ["/article/"]


def test_offer_with_a_target_of_its_own_keeps_it(sandbox, reader, browser):
    options = CheckoutOptions(target_url="https://example.com/thanks")
    offer = checkout.sign_offer(checkout.Offer(CheckoutOrder("DAYPASS"), options, "default"))
    browser.force_login(reader)
    assert click(browser, offer).json()["arguments"]["targetUrl"] == "https://example.com/thanks"


@pytest.mark.parametrize("forged", ["", None, "DAYPASS", {"product_id": "DAYPASS", "price": 0.01}, "a:b:c"])
def test_browser_decides_no_price(sandbox, reader, browser, forged):
    browser.force_login(reader)
    response = click(browser, forged)
    assert response.status_code == 410
    assert response.json()["detail"] == "This offer is out of date. Please reload the page and try again."
    assert sandbox.calls == []


def test_offer_of_yesterday_is_out_of_date(sandbox, reader, browser, time_machine):
    time_machine.move_to("2026-05-01 12:00:00+00:00")
    offer = checkout.sign_offer(checkout.Offer(CheckoutOrder("DAYPASS"), CheckoutOptions(), "default"))
    browser.force_login(reader)
    time_machine.shift(24 * 60 * 60 - 60)
    assert click(browser, offer).status_code == 200
    time_machine.shift(120)
    assert click(browser, offer).status_code == 410


def test_click_without_csrf_token_is_refused(sandbox, reader, browser, offer):
    browser.force_login(reader)
    response = browser.post("/plenigo/api/checkout/", json.dumps({"offer": offer}), content_type="application/json")
    assert response.status_code == 403
    assert sandbox.calls == []


def test_click_works_with_csrf_tokens_in_the_session(sandbox, reader, browser, offer, settings):
    settings.CSRF_USE_SESSIONS = True
    browser.force_login(reader)
    assert click(browser, offer).status_code == 200


def test_click_works_where_the_site_expects_the_csrf_token_in_another_header(sandbox, reader, browser, offer, settings):
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
    browser.force_login(reader)
    assert click(browser, offer).status_code == 200


@pytest.mark.parametrize("half", ["\ud800:a:b", "/\ud800"])
def test_half_a_character_is_refused_and_never_a_crash(sandbox, reader, browser, half):
    assert click(browser, half, page=half).json() == {"login_url": "/login/?next=/"}
    browser.force_login(reader)
    assert click(browser, half, page=half).status_code == 410


def test_typo_in_the_trusted_proxies_is_told_and_not_taken_for_a_cache(db, browser, offer, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "TRUSTED_PROXIES": ["10.0.0.300"]}}
    answer = click(browser, offer)
    assert (answer.status_code, "Please contact us" in answer.json()["detail"]) == (502, True)


def test_get_mints_nothing(sandbox, reader, browser):
    browser.force_login(reader)
    for path in ("/plenigo/api/checkout/", "/plenigo/api/login-token/"):
        assert browser.get(path).status_code == 405
    assert sandbox.calls == []


def test_clicks_are_throttled_with_a_sentence(sandbox, reader, browser, offer, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "CLICKS_PER_MINUTE": 2}}
    browser.force_login(reader)
    statuses = [click(browser, offer).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert click(browser, offer).json()["detail"] == "Too many tries. Please wait a minute and try again."


def test_throttle_counts_visitors_by_the_address_that_the_trusted_proxy_names(db, browser, offer, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "CLICKS_PER_MINUTE": 1, "TRUSTED_PROXIES": ["127.0.0.1/32"]}}
    statuses = [
        click(browser, offer, **{"X-Forwarded-For": address}).status_code
        for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1", "198.51.100.1, 203.0.113.2")
    ]
    assert statuses == [401, 401, 429, 429]


def test_throttle_does_not_believe_a_raw_header(db, browser, offer, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "CLICKS_PER_MINUTE": 1}}
    statuses = [click(browser, offer, **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code for number in range(2)]
    assert statuses == [401, 429]


def test_conflict_is_a_sentence(sandbox, user, browser, offer):
    sandbox.create_customer(email=user.email)
    browser.force_login(user)
    response = click(browser, offer)
    assert response.status_code == 409
    expected = "Your e-mail address is already used by another customer account. Please contact us."
    assert response.json()["detail"] == expected


def member_number(user):
    return 4711


def yes(user):
    return True


@pytest.mark.parametrize(
    ("options", "taken", "sentence"),
    [
        (
            {"EXTERNAL_ID": f"{__name__}.member_number"},
            {"external_id": "4711"},
            "Your customer number is already used by another reader's account. Please contact us.",
        ),
        (
            {"EMAIL_IS_VERIFIED": f"{__name__}.yes"},
            {},
            "Your customer account already belongs to another reader's account on this site. Please contact us.",
        ),
    ],
    ids=["external id", "customer"],
)
def test_conflict_blames_what_it_is_about(sandbox, user, browser, offer, settings, options, taken, sentence):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "DELIVERY": "", **options}}
    LinkFactory(customer_id=sandbox.create_customer(email=user.email).customer_id, **taken)
    browser.force_login(user)
    response = click(browser, offer)
    assert (response.status_code, response.json()["detail"]) == (409, sentence)


def test_reader_without_an_address_is_told_what_to_do(sandbox, user, browser, offer):
    user.email = ""
    user.save()
    browser.force_login(user)
    response = click(browser, offer)
    assert response.status_code == 400
    assert response.json()["detail"] == "Please enter a valid e-mail address in your account first."


def test_outage_is_a_sentence_and_nothing_was_charged(sandbox, reader, browser, offer):
    browser.force_login(reader)
    sandbox.fail_next(status=500, times=5)
    response = click(browser, offer)
    assert response.status_code == 503
    expected = "We could not open the checkout. Nothing was charged. Please try again."
    assert response.json()["detail"] == expected


def test_wrong_secret_is_a_sentence_too_and_is_logged(sandbox, reader, browser, offer, settings, caplog):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "SECRET": "x" * 40}}
    browser.force_login(reader)
    answer = click(browser, offer)
    assert (answer.status_code, "Please contact us" in answer.json()["detail"]) == (502, True)
    assert "HTTP 401" in caplog.text


def test_csrf_failure_is_a_sentence_in_the_readers_language(sandbox, reader, browser, offer):
    browser.force_login(reader)
    data = json.dumps({"offer": offer})
    headers = {"Accept-Language": "de"}
    answer = browser.post("/plenigo/api/checkout/", data, content_type="application/json", headers=headers)
    assert answer.json()["detail"] == "Bitte laden Sie die Seite neu und versuchen Sie es noch einmal."


def test_customer_who_is_gone_at_the_vendor_is_told_to_contact_the_site(sandbox, reader, browser, offer):
    browser.force_login(reader)
    sandbox.customers()[0].delete()
    assert "Please contact us" in click(browser, offer).json()["detail"]


def test_cache_that_is_down_keeps_nobody_from_buying(sandbox, reader, browser, offer, cache_that_is_down):
    browser.force_login(reader)
    assert click(browser, offer).status_code == 200


def test_offer_of_another_release_is_out_of_date(sandbox, reader, browser):
    browser.force_login(reader)
    offer = signing.dumps(["default", {"product_id": "DAYPASS", "an_option_of_old": 1}, {}], salt=checkout.OFFER_SALT)
    assert click(browser, offer).status_code == 410


def test_offer_of_an_account_that_is_no_more_is_out_of_date(sandbox, reader, browser):
    browser.force_login(reader)
    offer = checkout.sign_offer(checkout.Offer(CheckoutOrder("DAYPASS"), CheckoutOptions(), "default"))
    renamed = signing.dumps(["renamed", *signing.loads(offer, salt=checkout.OFFER_SALT)[1:]], salt=checkout.OFFER_SALT)
    assert click(browser, renamed).status_code == 410


def test_log_in_wall_of_the_site_leaves_the_endpoints_to_visitors(db, browser, offer, settings):
    wall = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, wall]
    assert click(browser, offer).json() == {"login_url": "/login/?next=/article/"}


def test_visitor_is_one_where_the_site_has_drf_know_no_anonymous_user(db, browser, offer, settings):
    settings.REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}
    assert click(browser, offer).status_code == 401


@pytest.mark.usefixtures("shared_cache")
def test_click_is_the_end_of_a_no_that_was_kept(sandbox, reader, browser, offer):
    browser.force_login(reader)
    assert browser.get("/gated/").status_code == 403
    click(browser, offer)
    sandbox.buy(customers.link_of(reader).customer_id, "DAYPASS")
    assert browser.get("/gated/").status_code == 200


def test_login_token_is_minted_for_the_signed_in_reader(sandbox, reader, browser):
    browser.force_login(reader)
    body = browser.click("/plenigo/api/login-token/", {"account": "default", "page": "/article/"}).json()
    assert sandbox.consume_login_token(body["login_token"]).email == reader.email


def test_login_token_of_a_visitor_is_the_log_in(db, browser):
    response = browser.click("/plenigo/api/login-token/", {"account": "default", "page": "/article/"})
    assert (response.status_code, response.json()) == (401, {"login_url": "/login/?next=/article/"})


def test_login_token_of_an_unknown_account_is_refused(sandbox, reader, browser):
    browser.force_login(reader)
    response = browser.click("/plenigo/api/login-token/", {"account": "nobody", "page": "/"})
    assert (response.status_code, response.json()) == (400, {"detail": "The account is unknown."})


@pytest.mark.parametrize("body", ["", "[", "[]", '"text"', "7", "null"])
def test_malformed_body_is_refused_and_never_a_crash(sandbox, reader, body):
    client = Client()
    client.force_login(reader)
    for path in ("/plenigo/api/checkout/", "/plenigo/api/login-token/"):
        response = client.post(path, body, content_type="application/json")
        assert 400 <= response.status_code < 500
        assert "detail" in response.json()


def test_answers_are_private(sandbox, reader, browser, offer):
    browser.force_login(reader)
    for response in (click(browser, offer), browser.get("/plenigo/api/csrf-token/")):
        assert "no-store" in response.headers["Cache-Control"]


class TestReturn:
    """The page that a checkout returns to, and what it polls."""

    @pytest.fixture
    def address(self):
        return checkout.return_path(checkout.PurchaseReturn(("DAYPASS",), "/article/", "default"))

    @pytest.fixture
    def customer_id(self, reader):
        return customers.link_of(reader).customer_id

    def test_buyer_is_taken_back_to_the_article_at_once(self, sandbox, reader, customer_id, client, address):
        sandbox.buy(customer_id, "DAYPASS")
        client.force_login(reader)
        response = client.get(address + "&paymentState=success")
        assert (response.status_code, response.url) == (302, "/article/")

    def test_purchase_that_has_not_arrived_is_waited_for_without_an_offer(self, sandbox, reader, client, address):
        client.force_login(reader)
        response = client.get(address)
        text = response.content.decode()
        assert response.status_code == 200
        assert 'role="status" data-plenigo-purchase-url="/plenigo/api/purchase/?product=DAYPASS' in text
        assert "You do not need to pay again" in text
        assert "data-plenigo-offer" not in text
        assert "no-store" in response.headers["Cache-Control"]

    def test_page_asks_again_without_javascript(self, sandbox, reader, client, address):
        client.force_login(reader)
        assert (
            '<noscript><meta http-equiv="refresh" content="5;url=?product=DAYPASS'
            in client.get(address).content.decode()
        )

    def test_poll_tells_that_the_purchase_has_arrived(self, sandbox, reader, customer_id, client, address):
        client.force_login(reader)
        poll = "/plenigo/api/purchase/?" + address.partition("?")[2]
        assert client.get(poll).json() == {"is_bought": False, "next": "/article/"}
        sandbox.buy(customer_id, "DAYPASS")
        assert client.get(poll).json() == {"is_bought": True, "next": "/article/"}

    def test_poll_is_throttled(self, sandbox, reader, client, address, settings):
        settings.PLENIGO = {"default": {"MODE": "sandbox", "CHECKS_PER_MINUTE": 1}}
        client.force_login(reader)
        poll = "/plenigo/api/purchase/?" + address.partition("?")[2]
        assert [client.get(poll).status_code for _ in range(2)] == [200, 429]

    def test_page_asks_no_oftener_than_the_poll(self, sandbox, reader, client, address, settings):
        settings.PLENIGO = {"default": {"MODE": "sandbox", "CHECKS_PER_MINUTE": 2}}
        client.force_login(reader)
        assert {client.get(address).status_code for _ in range(5)} == {200}
        assert len(sandbox.calls) == 2

    def test_poll_of_a_visitor_leads_to_the_log_in_and_back(self, db, client, address):
        poll = client.get("/plenigo/api/purchase/?" + address.partition("?")[2])
        assert poll.status_code == 401
        assert poll.json()["login_url"].startswith("/login/?next=/plenigo/return/")

    def test_address_outlives_a_new_secret_key(self, sandbox, reader, client, address, settings):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another-secret-key-of-more-than-fifty-characters-in-length"
        client.force_login(reader)
        assert client.get(address).status_code == 200

    def test_reader_who_is_no_customer_is_not_left_waiting(self, sandbox, user, client, address):
        client.force_login(user)
        page = client.get(address).content.decode()
        assert "We know of no purchase of your account yet." in page
        assert "data-plenigo-purchase-url" not in page

    def test_address_of_an_account_that_is_no_more_is_told(self, sandbox, reader, client):
        client.force_login(reader)
        address = checkout.return_path(checkout.PurchaseReturn(("DAYPASS",), "/article/", "renamed"))
        assert client.get(address).status_code == 400

    def test_outage_keeps_the_reader_waiting_and_sells_nothing(self, sandbox, reader, client, address):
        client.force_login(reader)
        sandbox.fail_next(status=500, times=5)
        response = client.get(address)
        assert response.status_code == 200
        assert "You do not need to pay again" in response.content.decode()

    @pytest.mark.usefixtures("shared_cache")
    def test_article_opens_after_the_return_although_a_no_was_kept(self, sandbox, reader, customer_id, client, address):
        client.force_login(reader)
        assert client.get("/gated/").status_code == 403
        sandbox.buy(customer_id, "DAYPASS")
        assert client.get("/gated/").status_code == 403
        client.get(address)
        assert client.get("/gated/").status_code == 200

    def test_visitor_logs_in_first_and_comes_back(self, db, client, address):
        response = client.get(address)
        assert response.status_code == 302
        assert response.url.startswith("/login/?next=/plenigo/return/")

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "product=DAYPASS&next=https://evil.example/&signature=x",
            "product=DAYPASS&next=/article/&signature=" + "A" * 22,
        ],
    )
    def test_address_that_is_not_ours_leads_nowhere(self, sandbox, reader, client, query):
        client.force_login(reader)
        response = client.get("/plenigo/return/?" + query)
        assert response.status_code == 400
        assert "you do not need to pay again" in response.content.decode()

    def test_another_product_or_page_in_a_signed_address_is_refused(self, sandbox, reader, client, address):
        client.force_login(reader)
        assert client.get(address.replace("DAYPASS", "OTHER")).status_code == 400
        assert client.get(address.replace("next=/article/", "next=//evil.example/")).status_code == 400

    def test_poll_with_an_address_that_is_not_ours_is_refused(self, sandbox, reader, client):
        client.force_login(reader)
        assert client.get("/plenigo/api/purchase/?product=DAYPASS&signature=x").status_code == 400


def test_log_out_tells_the_browser_to_end_the_vendors_session(client, user):
    client.force_login(user)
    client.post("/logout/")
    assert client.cookies["plenigo_session_ended"].value == "1"


def test_log_in_over_another_readers_session_ends_the_vendors_session_too(client, user):
    client.force_login(user)
    other = UserFactory()
    other.set_password("secret")
    other.save()
    client.post("/login/", {"username": other.username, "password": "secret"})
    assert client.session["_auth_user_id"] == str(other.pk)
    assert client.cookies["plenigo_session_ended"].value == "1"

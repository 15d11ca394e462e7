"""Sections 2.2, 2.4 and 2.6 of docs/protocols/plenigo-v2.md: profiles, lists, products and OAuth."""

import hashlib
import hmac
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from django_plenigo.sandbox import clock, customers, oauth, purchases
from django_plenigo.sandbox.credentials import COMPANY_ID, SECRET
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY

CALLBACK = "https://shop.example/cb?x=1&y=2"


def cookie(plaintext, secret=SECRET, signed=True):
    encryptor = Cipher(
        AES(hashlib.md5(secret.encode(), usedforsecurity=False).digest()), CTR(bytes(range(16)))
    ).encryptor()
    value = (encryptor.update(plaintext.encode()) + encryptor.finalize()).hex() + bytes(range(16)).hex()
    return f"{value}|{hmac.new(secret.encode(), value.encode(), 'sha256').hexdigest()}" if signed else value


def milliseconds(hours=0):
    return round(clock.now().timestamp() * 1000) - hours * 3_600_000


def test_cookie_of_this_test_is_the_published_vector():
    vector = "c584f71a1d049f108e01a379a2e40d5e11e12497bd5ad64e915e1cab9a0d28b759d0000102030405060708090a0b0c0d0e0f"
    assert cookie("ts=>1700000000000&ci=>KX7P2MWQ4RTB", signed=False) == vector


class TestSessionCookie:
    def ask(self, api, value):
        return api("GET", "user/profile/sessionCookie", params={"sessionCookie": value})

    def test_good_cookie_is_a_profile(self, api, ada):
        answer = self.ask(api, cookie(f"ts=>{milliseconds()}&ci=>{ada.customer_id}"))
        assert answer.json() == {"userId": ada.customer_id, "email": ada.email, "externalUserId": "A-1"}

    def test_order_is_free_and_extra_pairs_are_ignored(self, api, ada):
        assert self.ask(api, cookie(f"x=>y&ci=>{ada.customer_id}&z&ts=>{milliseconds()}")).status_code == 200

    @pytest.mark.parametrize(
        "forge",
        [
            lambda ada: cookie(f"ts=>{milliseconds(24)}&ci=>{ada.customer_id}"),
            lambda ada: cookie(f"ts=>{milliseconds(-1)}&ci=>{ada.customer_id}"),
            lambda ada: cookie(f"ts=>{milliseconds()}&ci=>{ada.customer_id}", signed=False),
            lambda ada: cookie(f"ts=>{milliseconds()}&ci=>{ada.customer_id}", signed=False) + "|anything",
            lambda ada: cookie(f"ts=>{milliseconds()}&ci=>{ada.customer_id}", secret="x" * 40),
            lambda ada: cookie(f"ts=>{milliseconds()}&ci=>UNKNOWN00000"),
            lambda ada: cookie(f"ts=>{milliseconds()}&ci=>"),
            lambda ada: cookie(f"ts=>soon&ci=>{ada.customer_id}"),
            lambda ada: cookie(f"ts=>{'9' * 300}&ci=>{ada.customer_id}"),
            lambda ada: cookie(f"ci=>{ada.customer_id}"),
            lambda ada: "nonsense",
            lambda ada: "|" + hmac.new(SECRET.encode(), b"", "sha256").hexdigest(),
        ],
    )
    def test_bad_cookie_is_403(self, api, ada, forge):
        assert self.ask(api, forge(ada)).status_code == 403

    def test_cookie_ages_by_the_sandboxs_clock(self, api, ada, sandbox):
        value = cookie(f"ts=>{milliseconds()}&ci=>{ada.customer_id}")
        sandbox.advance(86401)
        assert self.ask(api, value).status_code == 403


class TestVerifyLogin:
    @pytest.fixture(autouse=True)
    def _password(self, ada):
        customers.set_password(ada, "correct horse")

    def verify(self, api, word="correct horse", **body):
        return api("POST", "user/verifyLogin", json={"email": "ADA@example.com", "password": word, **body})

    def test_right_password_is_a_profile(self, api, ada):
        assert self.verify(api, os="Linux", ipAddress="::1").json()["userId"] == ada.customer_id

    def test_third_failure_locks_for_a_while(self, api, sandbox):
        statuses = [self.verify(api, "wrong").status_code for _ in range(3)]
        locked = self.verify(api).status_code
        sandbox.advance(601)
        assert (statuses, locked, self.verify(api).status_code) == ([403, 403, 403], 406, 200)

    def test_success_forgets_failures(self, api):
        passwords = ["wrong", "wrong", "correct horse", "wrong", "correct horse"]
        assert [self.verify(api, password).status_code for password in passwords] == [403, 403, 200, 403, 200]


class TestLists:
    def test_products_of_an_unknown_customer_are_none(self, api, sandbox):
        assert api("GET", "user/UNKNOWN/products").json() == {"singleProducts": [], "subscriptions": []}

    def test_bought_products_are_told_apart(self, api, ada, sandbox):
        single, subscription = sandbox.buy(ada, DAY_PASS), sandbox.buy(ada, MONTHLY)
        sandbox.buy(ada, DAY_PASS, test_mode=True)
        purchases.grant(ada, "granted")
        body = api("GET", "user/A-1/products?useExternalCustomerId=true&testMode=false").json()
        (row,), (other,) = body["singleProducts"], body["subscriptions"]
        assert (row["productId"], row["transactionId"], row["price"]) == (DAY_PASS, single.transaction_id, 1.99)
        assert row["buyDate"] == single.start.strftime("%Y-%m-%d %H:%M:%S +0000")
        assert (other["productId"], other["startDate"][:10]) == (MONTHLY, f"{subscription.start:%Y-%m-%d}")

    def test_subscriptions_are_a_page(self, api, ada, sandbox):
        sandbox.buy(ada, DAY_PASS)
        purchases.cancel(sandbox.buy(ada, MONTHLY))
        body = api("GET", f"user/{ada.customer_id}/subscriptions").json()
        assert (body["pageNumber"], body["size"], body["totalElements"]) == (0, 10, 1)
        (row,) = body["elements"]
        assert (row["active"], row["term"], row["customerId"]) == (True, 1, ada.customer_id)
        assert {"cancellationDate", "endDate"} <= set(row)

    def test_orders_are_a_page(self, api, ada, sandbox):
        purchase = sandbox.buy(ada, DAY_PASS)
        (row,) = api("GET", f"user/{ada.customer_id}/orders").json()["elements"]
        assert (row["orderId"], row["externalCustomerId"]) == (purchase.order_id, "A-1")
        assert row["orderItems"][0]["productId"] == DAY_PASS

    def test_paywall_state_is_a_real_boolean(self, api, sandbox):
        states = [api("GET", "paywall/state").json()]
        sandbox.company.paywall_enabled = False
        sandbox.company.save()
        assert [*states, api("GET", "paywall/state").json()] == [{"enabled": True}, {"enabled": False}]


class TestProducts:
    def test_product_has_real_booleans_and_numbers(self, api, sandbox):
        body = api("GET", f"product/{MONTHLY}").json()
        assert {name: body[name] for name in ("subscription", "autoRenewal", "collectible", "price", "term")} == {
            "subscription": True,
            "autoRenewal": True,
            "collectible": False,
            "price": 9.9,
            "term": 1,
        }

    def test_image_is_listed(self, api, sandbox):
        sandbox.company.products.filter(product_id=DAY_PASS).update(
            image_url="https://shop.example/i.png", image_text="A page"
        )
        image = {"url": "https://shop.example/i.png", "description": "A page", "altText": "A page"}
        assert api("GET", f"product/{DAY_PASS}").json()["images"] == [image]

    def test_category_is_found(self, api, sandbox):
        body = {
            "id": "CAT_ARTICLES",
            "title": "Single articles",
            "price": 0.99,
            "type": "DIGITALPRODUCT",
            "currency": "EUR",
            "validityTime": 30,
        }
        assert api("GET", "category/CAT_ARTICLES").json() == body

    @pytest.mark.parametrize(
        ("path", "keys"),
        [
            ("products/search", {"productId", "title", "description"}),
            ("categories/search", {"categoryId", "title"}),
        ],
    )
    def test_search_is_a_page_of_short_elements(self, api, path, keys):
        body = api("GET", path).json()
        assert body["totalElements"] == len(body["elements"])
        assert {frozenset(row) for row in body["elements"]} == {frozenset(keys)}

    def test_full_search_is_a_page_of_products(self, api):
        rows = api("GET", "products/search/full").json()["elements"]
        assert rows[1] == api("GET", f"product/{rows[1]['id']}").json()

    def test_pages_follow_each_other(self, api):
        pages = [api("GET", f"products/search?size=3&page={page}").json() for page in range(3)]
        assert [len(page["elements"]) for page in pages] == [3, 1, 0]
        assert {page["totalElements"] for page in pages} == {4}


class TestOAuth:
    def verify(self, api, code, **changes):
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": COMPANY_ID,
            "state": "S1",
        }
        sent = {name: value for name, value in (fields | changes).items() if value is not None}
        return api("POST", "oauth2/verify", data=sent)

    def renew(self, api, token, **changes):
        fields = {"grant_type": "refresh_token", "client_id": COMPANY_ID, "refresh_token": token}
        return api("POST", "oauth2/renew?" + urlencode(fields | changes))

    def test_code_becomes_tokens_that_open_the_profile(self, api, ada):
        body = self.verify(api, oauth.issue_code(ada, CALLBACK)).json()
        assert (body["token_type"], body["expires_in"], body["state"]) == ("bearer", 3600, "S1")
        profile = api("GET", "user/profile", params={"token": body["access_token"], "companyId": COMPANY_ID})
        assert profile.json()["userId"] == ada.customer_id

    def test_answer_has_no_state_where_none_was_sent(self, api, ada):
        assert "state" not in self.verify(api, oauth.issue_code(ada, CALLBACK), state=None).json()

    def test_client_secret_is_accepted(self, api, ada):
        assert self.verify(api, oauth.issue_code(ada, CALLBACK), client_secret="any").status_code == 200

    def test_refresh_token_gives_an_access_token_and_stays(self, api, ada):
        refresh = self.verify(api, oauth.issue_code(ada, CALLBACK)).json()["refresh_token"]
        bodies = [self.renew(api, refresh, state="S2").json() for _ in range(2)]
        assert {(body["state"], "refresh_token" in body) for body in bodies} == {("S2", False)}
        assert bodies[0]["access_token"] != bodies[1]["access_token"]

    def test_new_exchange_ends_older_refresh_tokens(self, api, ada):
        first, second = (self.verify(api, oauth.issue_code(ada, CALLBACK)).json() for _ in range(2))
        answers = [self.renew(api, body["refresh_token"]).status_code for body in (first, second)]
        assert answers == [400, 200]


class TestSignInPage:
    URL = "/plenigo-sandbox/api/v2/oauth2/auth"
    QUERY = {"client_id": COMPANY_ID, "redirect_uri": CALLBACK, "state": "S&1", "scope": "profile"}

    def test_customer_returns_with_code_and_state(self, client, ada):
        form = client.get(self.URL, self.QUERY)
        assert form.status_code == 200
        location = client.post(self.URL, {**self.QUERY, "email": "ada@example.com"})["Location"]
        query = parse_qs(urlsplit(location).query)
        assert location.startswith(CALLBACK)
        assert (query["state"], query["x"]) == (["S&1"], ["1"])
        assert oauth.exchange_code(ada.company, query["code"][0], CALLBACK) is not None

    def test_customer_who_refuses_returns_with_an_error(self, client, ada):
        query = parse_qs(urlsplit(client.post(self.URL, {**self.QUERY, "deny": "1"})["Location"]).query)
        assert (query["error"], query["state"]) == (["access_denied"], ["S&1"])

    def test_unknown_address_is_asked_again(self, client, ada):
        answer = client.post(self.URL, {**self.QUERY, "email": "nobody@example.com"})
        assert (answer.status_code, b'role="alert"' in answer.content) == (403, True)

    def test_unknown_scope_returns_with_an_error(self, client, ada):
        assert "error=invalid_scope" in client.get(self.URL, {**self.QUERY, "scope": "all"})["Location"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"client_id": "unknown"},
            {"client_id": "\0"},
            {"redirect_uri": ""},
            {"redirect_uri": "javascript:alert(1)"},
            {"redirect_uri": "//evil.example"},
            {"redirect_uri": "https://evil.example/"},
        ],
    )
    def test_never_returns_to_an_address_that_is_not_the_companys(self, client, sandbox, changes):
        sandbox.company.redirect_uri_prefix = "https://shop.example/"
        sandbox.company.save()
        answer = client.get(self.URL, {**self.QUERY, **changes})
        assert (answer.status_code, "Location" in answer.headers) == (400, False)

    def test_values_are_escaped(self, client, sandbox):
        answer = client.get(self.URL, {**self.QUERY, "state": '"><script>alert(1)</script>'})
        assert b"<script" not in answer.content

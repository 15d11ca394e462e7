"""Section 2.6 of docs/protocols/plenigo-v2.md: the very bytes of an exchange, and where a log-in may return to."""

from urllib.parse import parse_qs, urlsplit

import pytest

from django_plenigo.sandbox import oauth
from django_plenigo.sandbox.credentials import COMPANY_ID
from django_plenigo.sandbox.models import Customer
from tests.sandbox.vendor_client import claims, sign

CALLBACK = "https://shop.example/cb"
PLUS = "https://shop.example/a+b%20c?n=50%25"
SPLIT = "https://shop.example/cb?x=1&code=old&state=other&grant_type=none&client_id=nobody"


def php_form(code: str, redirect_uri: str, state: str = "S1") -> str:
    """The body as PHP writes it: nothing is encoded, and `&` stands at its end."""
    fields = f"grant_type=authorization_code&code={code}&redirect_uri={redirect_uri}&client_id={COMPANY_ID}"
    return f"{fields}&state={state}&"


@pytest.fixture
def post(line):
    """Post a form body, and return status and JSON of the answer."""

    def post(path, form):
        head = f"POST /api/v2/oauth2/{path} HTTP/1.1\nContent-Type: application/x-www-form-urlencoded"
        return line.ask(f"{head}\nContent-Length: {len(form.encode())}", form.encode())

    return post


@pytest.fixture
def register_prefix(sandbox):
    """Let the demo company have registered where its log-ins return to."""

    def register_prefix(prefix):
        sandbox.company.redirect_uri_prefix = prefix
        sandbox.company.save()

    return register_prefix


class TestExchange:
    @pytest.mark.parametrize("state", ["ab+/=", "50%25", "a%2Bb", "a b", "ä€", "a=b=", "%", "x;y"])
    def test_state_comes_back_as_it_was_sent(self, post, ada, state):
        status, answer = post("verify", php_form(oauth.issue_code(ada, CALLBACK), CALLBACK, state))
        assert (status, answer["state"]) == (200, state)

    @pytest.mark.parametrize("state", ["ab+/=", "50%25"])
    def test_state_of_a_renewal_comes_back_as_it_was_sent(self, post, ada, state):
        refresh = post("verify", php_form(oauth.issue_code(ada, CALLBACK), CALLBACK))[1]["refresh_token"]
        form = f"grant_type=refresh_token&client_id={COMPANY_ID}&state={state}&refresh_token={refresh}&"
        status, answer = post("renew", form)
        assert (status, answer["state"]) == (200, state)

    @pytest.mark.parametrize("redirect_uri", [CALLBACK, PLUS, SPLIT])
    def test_address_is_the_one_that_was_signed_in_with(self, post, ada, redirect_uri):
        status, answer = post("verify", php_form(oauth.issue_code(ada, redirect_uri), redirect_uri))
        assert (status, answer["state"]) == (200, "S1")

    def test_address_may_come_encoded(self, post, ada):
        encoded = "https%3A%2F%2Fshop.example%2Fa%2Bb%2520c%3Fn%3D50%2525"
        assert post("verify", php_form(oauth.issue_code(ada, PLUS), encoded))[0] == 200

    def test_address_does_not_bring_a_code_of_its_own(self, post, ada, bob):
        stolen = oauth.issue_code(bob, CALLBACK)
        address = f"{CALLBACK}?x=1&code={stolen}"
        status, answer = post("verify", php_form(oauth.issue_code(ada, address), address))
        assert (status, oauth.customer_of(ada.company, answer["access_token"])) == (200, ada)
        assert post("verify", php_form(stolen, CALLBACK))[0] == 200

    def test_java_sends_the_fields_encoded_in_the_query(self, line, ada):
        code = oauth.issue_code(ada, PLUS)
        address = "https%3A%2F%2Fshop.example%2Fa%2Bb%2520c%3Fn%3D50%2525"
        query = f"grant_type=authorization_code&code={code}&redirect_uri={address}&client_id={COMPANY_ID}"
        status, answer = line.ask(f"POST /api/v2/oauth2/verify?{query}&state=ab%2B%2F%3D50%2525 HTTP/1.1")
        assert (status, answer["state"]) == (200, "ab+/=50%25")

    @pytest.mark.parametrize(
        "received",
        [
            "https://shop.example/cb/other?x=2",
            "https://shop.example/cb",
            "https%3A%2F%2Fshop.example%2Fcb%2Fother",
        ],
    )
    def test_address_must_begin_with_what_is_registered(self, post, ada, register_prefix, received):
        register_prefix("https://shop.example/cb")
        assert post("verify", php_form(oauth.issue_code(ada, "https://shop.example/cb?x=1"), received))[0] == 200

    def test_registered_address_with_an_ampersand_is_cut_like_any_other(self, post, ada, register_prefix):
        register_prefix("https://shop.example/cb?x=1&y=2")
        address = "https://shop.example/cb?x=1&y=2&z=3"
        assert post("verify", php_form(oauth.issue_code(ada, address), address))[0] == 200

    @pytest.mark.parametrize(
        ("registered", "received"),
        [
            ("https://shop.example/cb", "https://shop.example/"),
            ("https://shop.example/cb", "https://evil.example/cb"),
            ("https://shop.example/cb", "https://shop.example/c"),
            ("", "https://shop.example/cb/other"),
            ("", "https://shop.example/"),
        ],
    )
    def test_any_other_address_is_refused(self, post, ada, register_prefix, registered, received):
        register_prefix(registered)
        status, answer = post("verify", php_form(oauth.issue_code(ada, CALLBACK), received))
        assert (status, answer["error"]) == (400, "invalid_grant")


class TestRefusals:
    @pytest.mark.parametrize("name", ["code", "client_id", "state", "grant_type", "redirect_uri", "refresh_token"])
    def test_long_field_is_refused_in_oauths_words(self, api, sandbox, name):
        for options in ({"data": {name: "x" * 2001}}, {"params": {name: "x" * 2001}}):
            answer = api("POST", "oauth2/verify", **options)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
            assert name in answer.json()["error_description"]

    def test_query_with_too_many_fields_is_refused_in_oauths_words(self, api, sandbox):
        answer = api("POST", "oauth2/verify?" + "a=1&" * 2000)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    @pytest.mark.parametrize("body", [b"\0", b"&", b"=", b"%", b"\xff&\xfe=\xfd", b"state=\0&client_id=\0"])
    def test_nonsense_is_refused_in_oauths_words(self, api, sandbox, body):
        answer = api("POST", "oauth2/renew", data=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")

    def test_unsigned_exchange_is_refused_before_its_fields_are_read(self, api, sandbox):
        signed = sign(claims(), "x" * 40)
        assert api("POST", "oauth2/verify", token=signed, data={"code": "x" * 2001}).status_code == 401


class TestSignInPage:
    URL = "/plenigo-sandbox/api/v2/oauth2/auth"

    def query(self, redirect_uri, **changes):
        return {"client_id": COMPANY_ID, "redirect_uri": redirect_uri, "state": "S1", **changes}

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize(
        "redirect_uri",
        [
            "https://shop.example/cb\r\nSet-Cookie: a=b",
            "https://shop.example/cb\n",
            "https://shop.example/a b",
            "https://shop.example\\@evil.example/",
            "https://",
            "https://[",
            "https://shop.example/\0",
        ],
    )
    def test_address_that_is_none_is_refused(self, client, ada, method, redirect_uri):
        for email in (ada.email, "nobody@example.com"):
            answer = getattr(client, method)(self.URL, self.query(redirect_uri, email=email))
            assert (answer.status_code, "Location" in answer.headers) == (400, False)

    @pytest.mark.parametrize(
        "change", [{"status": "BLOCKED"}, {"status": "DISABLED"}, {"processing_blocked": True}], ids=str
    )
    def test_customer_who_is_shut_out_gets_no_code(self, client, ada, change):
        Customer.objects.update(**change)
        answer = client.post(self.URL, self.query("https://shop.example/cb", email=ada.email))
        assert (answer.status_code, "can neither log in nor buy" in answer.content.decode()) == (403, True)

    @pytest.mark.parametrize(
        ("redirect_uri", "before"),
        [
            (f"{CALLBACK}?code=old&x=%2F+1", f"{CALLBACK}?x=%2F+1&code="),
            (f"{CALLBACK}?state=old&x=1#top", f"{CALLBACK}?x=1&code="),
            ("https://shop.example/ä?x=1", "https://shop.example/%C3%A4?x=1&code="),
        ],
    )
    def test_old_values_in_the_address_give_way(self, client, ada, redirect_uri, before):
        location = client.post(self.URL, self.query(redirect_uri, email=ada.email))["Location"]
        query = parse_qs(urlsplit(location).query)
        assert location.startswith(before)
        assert (len(query["code"]), query["state"]) == (1, ["S1"])
        assert oauth.exchange_code(ada.company, query["code"][0], redirect_uri) is not None

    def test_company_id_may_be_any_text(self, client, ada, sandbox):
        sandbox.company.company_id = "a.b-c d/e"
        sandbox.company.save()
        assert client.get(self.URL, self.query(CALLBACK, client_id="a.b-c d/e")).status_code == 200

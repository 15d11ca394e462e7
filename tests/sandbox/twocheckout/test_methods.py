"""Sections 3 to 5 of docs/protocols/2checkout.md: the sign-on methods, and what bad input gets."""

import re
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from django_plenigo.sandbox.models import TwoCheckoutCustomer, TwoCheckoutLink, TwoCheckoutMerchant
from django_plenigo.sandbox.models import TwoCheckoutSubscription as Subscription

EXTERNAL, INTERNAL = "ExternalCustomerReference", "2CheckoutCustomerReference"
CODE = "123D40F123"
REQUEST = f"Request[]=code={CODE}"
HOST = "https://api.2checkout.example"


def invalid(name):
    return (5, f"INVALID_PARAMETER: {name}")


@pytest.fixture
def stranger(other_company):
    """A customer of another merchant, who has a subscription."""
    merchant = TwoCheckoutMerchant.objects.create(company=other_company, merchant_code="OTHER")
    row = TwoCheckoutCustomer.objects.create(
        merchant=merchant, reference="777", external_reference="ext-777", email="eve@example.com"
    )
    now = timezone.now()
    Subscription.objects.create(
        customer=row, reference="999D40F999", product_name="x", started_at=now, expires_at=now, changed_at=now
    )
    return row


class TestByCustomer:
    @pytest.mark.parametrize(
        ("reference", "kind"),
        [("ext-352365983", EXTERNAL), ("352365983", INTERNAL), ("352365983", "AvangateCustomerReference")],
    )
    def test_customer_is_named_by_either_reference(self, link, customer, reference, kind):
        assert link(reference=reference, kind=kind).startswith(f"{HOST}/myaccount/?logintoken=")
        assert TwoCheckoutLink.objects.get().customer == customer

    @pytest.mark.parametrize(
        ("page", "request_code", "path"),
        [
            (None, None, "/myaccount/?"),
            ("", "", "/myaccount/?"),
            ("my_subscription", REQUEST, f"/myaccount/my_subscription/?code={CODE}&"),
            ("my_subscription", None, "/myaccount/my_subscription/?"),
            ("my_license", None, "/myaccount/my_subscription/?"),
            ("my_products", None, "/myaccount/my_products/?"),
            ("user_data", None, "/myaccount/user_data/?"),
            ("order_lookup", None, "/myaccount/order_lookup/?"),
            ("faq", None, "/support/?"),
            ("payment_methods", None, "/myaccount/payment_methods/?"),
        ],
    )
    def test_link_leads_to_the_page(self, link, page, request_code, path):
        url = link(page, request_code)
        assert re.fullmatch(re.escape(HOST + path) + "logintoken=[0-9a-f]{40}", url)

    @pytest.mark.parametrize(
        ("index", "name", "value"),
        [
            *((0, "page", value) for value in ("faqs", "MY_PRODUCTS", "change_card", 5, ["faq"], False)),
            *((1, "request", value) for value in ("code=1", "Request[]=code=", f"{REQUEST}&x=1", f" {REQUEST}", 5, {})),
            *((2, "validityTime", value) for value in (0, -1, 3601, 10**30, "10", "", 10.0, True, [])),
            *((3, "validationIp", value) for value in ("1.2.3", "localhost", "1.2.3.4/8", "fe80::1%eth0", 5, False)),
            *((4, "languageCode", value) for value in ("eng", "EN", "xx", "e", 5)),
        ],
    )
    def test_invalid_parameter_is_named(self, link, index, name, value):
        params = ["my_subscription", None, None, None, None]
        params[index] = value
        assert link(*params) == invalid(name)
        assert not TwoCheckoutLink.objects.exists()

    def test_request_is_for_the_page_of_a_subscription_only(self, link):
        assert link("my_products", REQUEST) == invalid("request")
        assert link(None, REQUEST) == invalid("request")

    @pytest.mark.parametrize("kind", ["", "external", EXTERNAL.lower(), None, 5, [EXTERNAL]])
    def test_invalid_type_of_reference_is_named(self, link, kind):
        assert link(kind=kind) == invalid("customerType")

    @pytest.mark.parametrize(
        ("reference", "kind"),
        [
            ("352365984", INTERNAL),
            ("ext-352365983", INTERNAL),
            ("352365983", EXTERNAL),
            ("EXT-352365983", EXTERNAL),
            ("", EXTERNAL),
            ("777", INTERNAL),
            ("ext-777", EXTERNAL),
        ],
    )
    def test_customer_whom_the_merchant_does_not_have_is_not_found(self, link, stranger, reference, kind):
        assert link(reference=reference, kind=kind) == (4, "CUSTOMER_NOT_FOUND")

    def test_reference_must_be_a_text(self, link):
        assert link(reference=352365983) == (-32602, "Invalid params")

    @pytest.mark.parametrize("code", ["123D40F124", "123d40f123", "999D40F999"])
    def test_subscription_that_is_not_the_customers_is_not_found(self, link, stranger, code):
        assert link("my_subscription", f"Request[]=code={code}") == (6, "SUBSCRIPTION_NOT_FOUND")

    @pytest.mark.parametrize("seconds", [1, 50, 3600])
    def test_life_of_the_link_is_what_was_asked_for(self, link, seconds):
        link(None, None, seconds)
        row = TwoCheckoutLink.objects.get()
        assert (row.expires_at - row.created_at).total_seconds() == seconds

    def test_link_lives_for_ten_seconds_by_default(self, link):
        link()
        row = TwoCheckoutLink.objects.get()
        assert (row.expires_at - row.created_at).total_seconds() == 10

    def test_token_is_kept_as_a_digest_only(self, link):
        token = link().partition("logintoken=")[2]
        assert token not in TwoCheckoutLink.objects.values_list("digest", flat=True)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("getSingleSignOnByCustomer", ("352365983", INTERNAL)),
        ("getSingleSignOn", (CODE,)),
        ("getSingleSignOnInCart", ("352365983", INTERNAL, "https://shop.example/")),
    ],
)
def test_merchant_without_a_custom_domain_gets_no_link(rpc, session_id, method, params):
    TwoCheckoutMerchant.objects.update(has_custom_domain=False)
    assert rpc(method, session_id, *params) == (3, "FORBIDDEN")
    assert isinstance(rpc("getCustomerInformation", session_id, 352365983), dict)


class TestBySubscription:
    @pytest.mark.parametrize(
        ("page", "path"),
        [
            (None, "/myaccount/?"),
            ("view_order", "/myaccount/order_lookup/?"),
            ("my_license", f"/myaccount/my_subscription/?code={CODE}&"),
            ("change_card", "/myaccount/payment_methods/?"),
            ("my_products", "/myaccount/my_products/?"),
            ("payment_methods", "/myaccount/payment_methods/?"),
            ("user_data", "/myaccount/user_data/?"),
            ("order_lookup", "/myaccount/order_lookup/?"),
            ("faq", "/support/?"),
        ],
    )
    def test_link_leads_its_customer_to_the_page(self, rpc, session_id, customer, page, path):
        url = rpc("getSingleSignOn", session_id, CODE, None, 60, page, "203.0.113.7", "de")
        assert url.startswith(f"{HOST}{path}logintoken=")
        row = TwoCheckoutLink.objects.get()
        assert (row.customer, row.validation_ip, row.language) == (customer, "203.0.113.7", "de")
        assert (row.expires_at - row.created_at).total_seconds() == 60

    @pytest.mark.parametrize("code", ["123D40F124", "123d40f123", "999D40F999", ""])
    def test_unknown_subscription_is_not_found(self, rpc, session_id, stranger, code):
        assert rpc("getSingleSignOn", session_id, code) == (6, "SUBSCRIPTION_NOT_FOUND")

    def test_address_must_be_the_customers(self, rpc, session_id):
        assert isinstance(rpc("getSingleSignOn", session_id, CODE, "Jane.Doe@Example.com"), str)
        assert rpc("getSingleSignOn", session_id, CODE, "eve@example.com") == (4, "CUSTOMER_NOT_FOUND")

    @pytest.mark.parametrize(
        ("params", "name"),
        [
            ((None, "10"), "validityTime"),
            ((None, 10, "my_subscription"), "accessPage"),
            ((None, 10, None, "here"), "validationIp"),
            ((None, 10, None, None, "eng"), "languageCode"),
        ],
    )
    def test_invalid_parameter_is_named(self, rpc, session_id, params, name):
        assert rpc("getSingleSignOn", session_id, CODE, *params) == invalid(name)


class TestInCart:
    URL = "https://store.shop.example/order/checkout.php?PRODS=P_MONTHLY&QTY=1"

    def test_token_is_added_to_the_buy_link(self, rpc, session_id):
        url = rpc("getSingleSignOnInCart", session_id, "ext-352365983", EXTERNAL, self.URL, 30, "")
        assert re.fullmatch(re.escape(self.URL) + "&logintoken=[0-9a-f]{40}", url)

    @pytest.mark.parametrize("url", [None, "", "/order/", "javascript:alert(1)", 5, "https://"])
    def test_what_is_no_address_of_the_web_is_refused(self, rpc, session_id, url):
        assert rpc("getSingleSignOnInCart", session_id, "352365983", INTERNAL, url) == invalid("url")

    def test_url_is_required(self, rpc, session_id):
        assert rpc("getSingleSignOnInCart", session_id, "352365983", INTERNAL) == (-32602, "Invalid params")

    def test_customer_and_parameters_are_checked(self, rpc, session_id):
        ask = ("getSingleSignOnInCart", session_id)
        assert rpc(*ask, "1", INTERNAL, self.URL) == (4, "CUSTOMER_NOT_FOUND")
        assert rpc(*ask, "352365983", "x", self.URL) == invalid("customerType")
        assert rpc(*ask, "352365983", INTERNAL, self.URL, 0) == invalid("validityTime")
        assert rpc(*ask, "352365983", INTERNAL, self.URL, 10, "x") == invalid("validationIp")


class TestCustomerInformation:
    @pytest.fixture
    def token(self, rpc, session_id):
        url = rpc("getSingleSignOnInCart", session_id, "352365983", INTERNAL, TestInCart.URL, 30)
        return url.partition("logintoken=")[2]

    def test_token_of_the_cart_tells_who_it_is(self, rpc, session_id, token):
        told = rpc("getCustomerInformationBySSOToken", session_id, token)
        assert (told["CustomerReference"], told["ExternalCustomerReference"], told["Email"]) == (
            352365983,
            "ext-352365983",
            "jane.doe@example.com",
        )
        assert rpc("getCustomerInformationBySSOToken", session_id, token) == told

    def test_token_that_is_unknown_used_expired_or_none_of_a_cart_is_invalid(
        self, rpc, session_id, token, link, sandbox, visitor
    ):
        refused = (7, "TOKEN_INVALID")
        ask = ("getCustomerInformationBySSOToken", session_id)
        assert rpc(*ask, "0" * 40) == refused
        assert rpc(*ask, urlsplit(link(None, None, 60)).query.partition("=")[2]) == refused
        visitor.open(f"/order/checkout/?PRODS=P_MONTHLY&logintoken={token}")
        assert rpc(*ask, token) == refused
        other = rpc("getSingleSignOnInCart", session_id, "352365983", INTERNAL, TestInCart.URL)
        sandbox.advance(11)
        assert rpc(*ask, other.partition("logintoken=")[2]) == refused

    def test_token_of_another_merchant_is_invalid(self, rpc, token, stranger):
        session_id = rpc.log_in("OTHER", stranger.merchant.secret_key)
        assert rpc("getCustomerInformationBySSOToken", session_id, token) == (7, "TOKEN_INVALID")

    @pytest.mark.parametrize(
        "params", [(352365983,), (None, "ext-352365983"), (352365983, "ext-352365983"), (352365983, None, False)]
    )
    def test_customer_is_read_by_either_reference_or_both(self, rpc, session_id, params):
        told = rpc("getCustomerInformation", session_id, *params)
        assert (told["CustomerReference"], "PaymentMethods" in told) == (352365983, False)

    def test_payment_data_are_shown_when_asked_for(self, rpc, session_id):
        told = rpc("getCustomerInformation", session_id, 352365983, None, True)
        assert told["PaymentMethods"] == [{"CardType": "VISA", "LastDigits": "1111"}]

    def test_references_of_two_customers_or_of_nobody_are_not_found(self, rpc, session_id, merchant, stranger):
        TwoCheckoutCustomer.objects.create(merchant=merchant, external_reference="ext-2", email="2@example.com")
        for params in ((352365983, "ext-2"), (1,), (None, "ext-777"), (352365983, "ext-777"), (10**30,)):
            assert rpc("getCustomerInformation", session_id, *params) == (4, "CUSTOMER_NOT_FOUND")

    @pytest.mark.parametrize(
        "params",
        [
            *((None,), (None, ""), ("352365983",), (True,), (1.5,), (352365983, None, "1")),
            *((352365983, external) for external in (5, 0, False, [], {})),
        ],
    )
    def test_wrong_types_are_refused(self, rpc, session_id, params):
        assert rpc("getCustomerInformation", session_id, *params) == (-32602, "Invalid params")

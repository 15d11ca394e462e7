"""Links of 2Checkout's, into myAccount and the cart, and whose they are (docs/protocols/2checkout.md 3 and 4)."""

import pytest

from django_plenigo.errors import InvalidValueError, ProtocolError
from django_plenigo.protocols.base import CustomerRef, PortalTarget
from django_plenigo.protocols.twocheckout import TwoCheckout
from tests.scripted_portals import LINK, SESSION, twocheckout_of, vendor_of

CUSTOMER = CustomerRef("user-42", is_external=True)
ANYWHERE = PortalTarget()


@pytest.fixture
def connect():
    """Make a client whose vendor answers by this script."""
    return twocheckout_of


def minted(portal, customer=CUSTOMER, **target):
    """Mint a link and return the parameters behind the session."""
    portal.mint_link(customer, PortalTarget(**target))
    return vendor_of(portal).calls[-1]["params"][1:]


class TestLink:
    def test_takes_all_parameters_in_their_order(self, connect):
        params = minted(
            connect(SESSION, LINK, VALIDITY_SECONDS=50),
            page="payment_methods",
            client_address="203.0.113.7",
            language="EN",
        )
        assert params == [
            *("user-42", "ExternalCustomerReference", "payment_methods", None, 50, "203.0.113.7", "en"),
        ]

    def test_leaves_out_what_is_not_known(self, connect):
        params = minted(connect(SESSION, LINK), CustomerRef("352365983"))
        assert params == ["352365983", "2CheckoutCustomerReference", None, None, 30, None, None]

    def test_is_for_any_address_where_the_site_says_so(self, connect):
        portal = connect(SESSION, LINK, BINDS_LINK_TO_ADDRESS=False)
        assert minted(portal, client_address="203.0.113.7", language="en")[-2:] == [None, "en"]

    @pytest.mark.parametrize("page", ["", "my_subscription", "my_license"])
    def test_to_a_subscription_names_it_as_the_vendor_wants(self, connect, page):
        params = minted(connect(SESSION, LINK), page=page, subscription="123D40F123")
        assert params[2:4] == ["my_subscription", "Request[]=code=123D40F123"]

    def test_is_the_vendors_with_its_lifetime(self, connect):
        link = connect(SESSION, LINK, VALIDITY_SECONDS=45).mint_link(CUSTOMER, ANYWHERE)
        assert (link.url, link.lifetime_seconds) == (LINK, 45)

    @pytest.mark.parametrize("page", list(TwoCheckout.pages))
    def test_to_a_known_page_warns_of_nothing(self, connect, page, caplog):
        subscription = "123D40F123" if page == "my_subscription" else ""
        assert minted(connect(SESSION, LINK), page=page, subscription=subscription)[2] == page
        assert caplog.records == []

    def test_to_an_unknown_page_is_asked_for_with_a_warning(self, connect, caplog):
        assert minted(connect(SESSION, LINK), page="brand_new")[2] == "brand_new"
        assert [(record.levelname, "brand_new" in record.getMessage()) for record in caplog.records] == [
            ("WARNING", True)
        ]

    def test_by_an_unknown_type_is_asked_for_with_a_warning(self, connect, caplog):
        portal = connect(SESSION, LINK)
        portal.sign_on_by_customer("352365983", "AvangateCustomerReference", validity_seconds=10)
        assert vendor_of(portal).calls[-1]["params"][1:3] == ["352365983", "AvangateCustomerReference"]
        assert [record.levelname for record in caplog.records] == ["WARNING"]

    @pytest.mark.parametrize(
        ("customer", "target", "field"),
        [
            (CustomerRef(""), {}, "customer"),
            (CustomerRef(" user-42"), {}, "customer"),
            (CustomerRef("x" * 251, is_external=True), {}, "customer"),
            (CustomerRef("user-42"), {}, "customer"),
            (CustomerRef("0352365983"), {}, "customer"),
            (CustomerRef("12345678901"), {}, "customer"),
            (CUSTOMER, {"page": "my_subscription"}, "subscription"),
            (CUSTOMER, {"page": "my_license"}, "subscription"),
            (CUSTOMER, {"page": "faq", "subscription": "123D40F123"}, "subscription"),
            (CUSTOMER, {"subscription": "123&Request[]=code=456"}, "subscription"),
            (CUSTOMER, {"page": "faq?x=1"}, "page"),
            (CUSTOMER, {"client_address": "unknown"}, "client_address"),
            (CUSTOMER, {"language": "english"}, "language"),
        ],
    )
    def test_is_not_asked_for_with_a_value_that_is_wrong(self, connect, customer, target, field):
        portal = connect()
        with pytest.raises(InvalidValueError) as caught:
            portal.mint_link(customer, PortalTarget(**target))
        assert caught.value.field == field
        assert vendor_of(portal).requests == []

    @pytest.mark.parametrize("seconds", [0, -1, 3601, True, "30", 1.5])
    def test_works_for_a_second_to_an_hour(self, connect, seconds):
        with pytest.raises(InvalidValueError, match="validity_seconds"):
            connect().sign_on_by_customer("1", "2CheckoutCustomerReference", validity_seconds=seconds)


class TestSisters:
    def test_link_by_subscription(self, connect):
        portal = connect(SESSION, LINK)
        link = portal.sign_on_by_subscription(
            "123D40F123",
            email="jane@example.com",
            page="change_card",
            validity_seconds=20,
            client_address="2001:db8::1",
            language="de",
        )
        call = vendor_of(portal).calls[-1]
        assert call["method"] == "getSingleSignOn"
        assert call["params"] == [
            *(SESSION, "123D40F123", "jane@example.com", 20, "change_card", "2001:db8::1", "de"),
        ]
        assert (link.url, link.lifetime_seconds) == (LINK, 20)

    def test_link_by_subscription_keeps_the_case_and_leaves_the_rest_to_the_vendor(self, connect):
        portal = connect(SESSION, LINK)
        portal.sign_on_by_subscription("aBc123")
        assert vendor_of(portal).calls[-1]["params"][1:] == ["aBc123", None, 30, None, None, None]

    def test_link_into_the_cart(self, connect):
        portal = connect(SESSION, LINK)
        portal.sign_on_in_cart(CUSTOMER, "https://secure.2checkout.com/order?PRODS=1", client_address="203.0.113.7")
        call = vendor_of(portal).calls[-1]
        assert call["method"] == "getSingleSignOnInCart"
        assert call["params"][1:] == [
            *("user-42", "ExternalCustomerReference", "https://secure.2checkout.com/order?PRODS=1", 30, "203.0.113.7"),
        ]

    def test_link_into_the_cart_is_for_nobody_whom_the_vendor_cannot_know(self, connect):
        with pytest.raises(InvalidValueError, match="customer"):
            connect().sign_on_in_cart(CustomerRef("user-42"), "https://secure.2checkout.com/order?PRODS=1")

    @pytest.mark.parametrize("url", ["", "secure.2checkout.com", "http://a.example/", "javascript:x", "https:///x"])
    def test_link_into_the_cart_needs_a_buy_link(self, connect, url):
        with pytest.raises(InvalidValueError, match="buy_url"):
            connect().sign_on_in_cart(CUSTOMER, url)

    def test_customer_of_a_token(self, connect):
        told = {"CustomerReference": 352365983, "ExternalCustomerReference": "user-42", "Email": "jane@example.com"}
        portal = connect(SESSION, {"result": told})
        customer = portal.read_token_customer("a" * 40)
        assert vendor_of(portal).calls[-1]["method"] == "getCustomerInformationBySSOToken"
        assert vendor_of(portal).calls[-1]["params"] == [SESSION, "a" * 40]
        assert (customer.reference, customer.external_reference) == ("352365983", "user-42")
        assert customer.values == told
        assert "user-42" not in repr(customer)

    def test_customer_that_is_no_object_is_a_protocol_error(self, connect):
        with pytest.raises(ProtocolError):
            connect(SESSION, "jane").read_token_customer("a" * 40)

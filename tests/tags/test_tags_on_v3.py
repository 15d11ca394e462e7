"""The tags of a site on API v3: the same templates, and nobody is asked while a page is rendered."""

import datetime
import html
import json
import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from django_plenigo.errors import ConfigurationError, InvalidValueError, UnsupportedOperationError
from django_plenigo.middleware import PrivateResponseMiddleware
from django_plenigo.services import checkout, customers

pytestmark = pytest.mark.django_db

SDK = "{% load plenigo %}{% plenigo_sdk %}"
SNIPPET = '{% load plenigo %}<a onclick="{% plenigo_checkout "DAYPASS" title=title %}">Buy</a>'
BUTTON = '{% load plenigo %}{% plenigo_checkout_button "DAYPASS" "Buy" title=title %}'
LIVE = {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": "an-api-access-token"}
WAYS = pytest.mark.parametrize("source", [SNIPPET, BUTTON], ids=["snippet", "button"])


def respond(source, user=None, *, prepare=lambda request: None, **context):
    def view(request):
        prepare(request)
        return HttpResponse(Template(source).render(Context({"request": request, "title": "A title", **context})))

    request = RequestFactory().get("/article/")
    request.user = user or AnonymousUser()
    return PrivateResponseMiddleware(view)(request)


def offer_in(response):
    text = html.unescape(response.content.decode())
    found = re.search(r'data-plenigo-offer="([^"]+)"', text) or re.search(r'{"offer": "([^"]+)"}', text)
    return checkout.read_offer(found.group(1))


def button(options):
    return '{% load plenigo %}{% plenigo_checkout_button "DAYPASS" "Buy" ' + options + " %}"


# ---- the vendor's script ---------------------------------------------------------------------------------------


def test_script_is_the_new_one_with_company_and_language(on_v3):
    on_v3(**LIVE)
    with translation.override("fr"):
        text = respond(SDK).content.decode()
    expected = (
        '<script defer src="https://static.frisbii-media.com/web/v1/frisbii_media.min.js" '
        f'data-company-id="{"C" * 20}" data-lang="fr"></script>'
    )
    assert expected in text


def test_script_of_the_sandbox_is_where_the_site_mounts_it(vendor):
    assert ' src="/plenigo-sandbox/web/v1/frisbii_media.min.js"' in respond(SDK).content.decode()


def test_legacy_script_has_the_old_address_and_attributes(on_v3):
    on_v3(**LIVE, LEGACY_SDK=True)
    text = respond(SDK).content.decode()
    assert f'src="https://static.plenigo.com/static_resources/javascript/{"C" * 20}/plenigo_sdk.min.js"' in text
    assert f'data-companyId="{"C" * 20}" data-disable-redirect="true" data-lang="en"' in text
    assert "data-company-id" not in text


def test_container_is_printed_as_the_head_may_hold_it(vendor):
    expected = '<template data-plenigo-container><div id="plenigoCheckout"></div></template>'
    text = respond(SDK).content.decode()
    assert expected in text
    assert 'data-element-id="plenigoCheckout"' in text


def test_container_has_the_id_that_the_site_names(vendor):
    source = '{% load plenigo %}{% plenigo_sdk element_id="till" %}'
    text = respond(source).content.decode()
    assert '<div id="till"></div>' in text
    assert 'data-element-id="till"' in text


@pytest.mark.parametrize("element_id", ["two words", " till", 7])
def test_id_that_no_element_can_have_is_told(vendor, element_id):
    with pytest.raises(InvalidValueError, match="element_id"):
        respond("{% load plenigo %}{% plenigo_sdk element_id=element_id %}", element_id=element_id)


def test_every_script_carries_the_sites_nonce(vendor):
    text = respond(SDK, prepare=lambda request: setattr(request, "csp_nonce", "abc123")).content.decode()
    assert text.count("<script") == text.count(' nonce="abc123"') == 3


def test_scripts_stand_once_in_a_page_and_hold_no_inline_code(vendor):
    text = respond(SDK + SDK).content.decode()
    assert text.count("frisbii_media.min.js") == text.count("plenigo-prepared.js") == 1
    assert text.count('<div id="plenigoCheckout">') == 1
    assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.S) == ["", "", ""]
    assert "style=" not in text


def test_script_of_v2_needs_no_container_and_says_so(sandbox):
    with pytest.raises(UnsupportedOperationError, match="element_id: API v2"):
        respond('{% load plenigo %}{% plenigo_sdk element_id="till" %}')
    assert "plenigoCheckout" not in respond(SDK).content.decode()


# ---- buttons and snippets --------------------------------------------------------------------------------------


@WAYS
def test_nobody_is_asked_while_a_page_is_rendered(vendor, user, source, django_assert_num_queries):
    customers.register(user)
    vendor.calls.clear()
    with django_assert_num_queries(0):
        for reader in (AnonymousUser(), user):
            respond(SDK + source * 3, reader)
    assert vendor.calls == []


@WAYS
def test_page_is_the_same_for_every_reader_and_any_cache_may_keep_it(vendor, user, source):
    customers.register(user)
    responses = [respond(source, reader) for reader in (AnonymousUser(), user)]
    assert not any(name in response.headers for response in responses for name in ("Cache-Control", "Vary"))
    assert offer_in(responses[0]) == offer_in(responses[1])


def test_snippet_is_a_statement_for_an_attribute(vendor):
    statement = html.unescape(re.search(r'onclick="([^"]*)"', respond(SNIPPET).content.decode()).group(1))
    arguments = json.loads(re.fullmatch(r"djangoPlenigo\.checkout\((.*)\);", statement).group(1))
    assert checkout.read_offer(arguments["offer"]).order.product_id == "DAYPASS"


def test_visitor_logs_in_at_the_vendor_by_the_snippet_and_here_by_the_button(vendor):
    assert offer_in(respond(SNIPPET)).lets_visitors_in is True
    assert offer_in(respond(BUTTON)).lets_visitors_in is False
    assert offer_in(respond(button("lets_visitors_in=True"))).lets_visitors_in is True


COMMON = (
    'title="A title" start_with_registration=True affiliate_id="AFF" element_id="till" target_url="https://x.example/"'
)


def test_template_with_common_options_does_not_change_with_the_api(sandbox, on_v3):
    before = offer_in(respond(button(COMMON)))
    on_v3()
    assert offer_in(respond(button(COMMON))) == before


ONLY_V3 = {
    "quantity": 2,
    "voucher_code": "SPRING",
    "basket_id": "B-1",
    "connected_offers": {"O_12345678901234567A": ""},
    "allow_multiple_purchases": True,
    "show_net_prices": True,
    "payment_only": False,
    "start_with_voucher_input": True,
    "hide_voucher_input": True,
    "debug_mode": True,
    "allowed_payment_methods": ["PAYPAL", "CREDIT_CARD"],
    "force_payment_method": "PAYPAL",
    "supported_card_types": ["V", "M"],
    "gift_option": "SHOW_GIFT_OPTION",
    "subscription_start_date": datetime.date(2030, 1, 1),
    "address_take_over": "NO_ADDRESS_DEFAULT",
    "invoice_address_required": True,
    "delivery_address_required": False,
    "invoice_address_id": 12,
    "delivery_address_id": 13,
    "show_postbox_input": True,
    "show_phone_number_input": False,
    "filter_salutations": ["DIVERSE", "NONE"],
    "variant_id": "summer-1",
    "checkout_design_id": "CD_12345678901234567",
    "partner_id": "P-1",
    "source_id": "S-1",
    "utm": {"campaign": "summer", "source": "letter"},
    "data": {"article": "4711"},
    "restart_url": "https://news.example/offers/",
    "custom_css": "https://news.example/checkout.css",
}
WITH_PRICE = 'price=2.5 currency="EUR" type="EBOOK" title="A title" '


def test_every_option_of_prepared_checkouts_is_tried_here():
    assert {*ONLY_V3, "legal_text"} == checkout.NEVER_SIGNED


@pytest.mark.parametrize("option", ONLY_V3)
def test_option_of_v3_travels_signed_and_is_refused_on_v2(sandbox, on_v3, option):
    source, value = button(f"{option}=value"), ONLY_V3[option]
    with pytest.raises(UnsupportedOperationError, match=rf"^{option}: API v2 .* takes API v3"):
        respond(source, value=value)
    on_v3()
    offer = offer_in(respond(source, value=value))
    assert getattr(offer.order if option == "quantity" else offer.options, option) == value


@pytest.mark.parametrize("option", ["allowed_payment_methods", "supported_card_types", "filter_salutations"])
def test_list_may_be_one_text_with_commas(vendor, option):
    offer = offer_in(respond(button(f"{option}=value"), value=", ".join(ONLY_V3[option])))
    assert getattr(offer.options, option) == ONLY_V3[option]


@pytest.mark.parametrize("option", ["invoice_address_id", "delivery_address_id"])
def test_button_with_an_address_of_one_reader_makes_the_page_private(vendor, user, option):
    response = respond(button(f"{option}=12"), user)
    assert response["Cache-Control"] == "private, no-store"
    with pytest.raises(ConfigurationError, match=option):
        respond('{% load cache %}{% cache 60 "a" %}' + button(f"{option}=12") + "{% endcache %}", user)


# ---- what is sold at a price of its own ------------------------------------------------------------------------


def test_template_with_a_price_does_not_change_with_the_api(sandbox, on_v3):
    source = button(WITH_PRICE)
    before = offer_in(respond(source))
    on_v3(LEGAL_TEXT="Sold without a right of return.")
    assert offer_in(respond(source)) == before


def test_price_needs_conditions_and_the_error_names_the_setting(vendor):
    with pytest.raises(InvalidValueError, match=r"^legal_text: .*LEGAL_TEXT"):
        respond(button(WITH_PRICE.replace("2.5", "3.5")))  # a price that no other test has: what was signed is kept
    assert offer_in(respond(button(WITH_PRICE + 'legal_text="As it is."'))).order.legal_text == "As it is."


def test_conditions_of_a_checkout_that_is_signed_here_are_refused(sandbox):
    with pytest.raises(UnsupportedOperationError, match=r"^legal_text: API v2"):
        respond(button(WITH_PRICE + 'legal_text="As it is."'))


@pytest.mark.parametrize("option", ["currency", "type", "title"])
def test_price_without_the_rest_says_what_is_missing(on_v3, option):
    on_v3(LEGAL_TEXT="As it is.")
    with pytest.raises(InvalidValueError, match=f"^{option}: is missing"):
        respond(button(re.sub(rf"{option}=(\".*?\"|\S+) ", "", WITH_PRICE)))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("price", -1),
        ("price", 100_001),
        ("price", "12,50"),
        ("price", float("nan")),
        ("price", True),
        ("currency", "euro"),
        ("type", "NONSENSE"),
        ("shipping_cost", "much"),
        ("quantity", 0),
        ("legal_text", "x" * 5001),
        ("legal_text", "\x00"),
    ],
)
def test_wrong_part_of_a_price_is_told_when_the_page_is_rendered(on_v3, option, value):
    on_v3(LEGAL_TEXT="As it is.")
    given = {"price": 2, "currency": "EUR", "type": "BOOK", option: value}
    options = " ".join(f"{name}={name}" for name in given)
    with pytest.raises(InvalidValueError) as caught:
        respond(button(f"title=title {options}"), **given)
    assert caught.value.field == option


def test_product_whose_name_is_no_access_right_cannot_be_sold_at_a_price(on_v3):
    on_v3(LEGAL_TEXT="As it is.")
    with pytest.raises(InvalidValueError, match=r"^product_id: .*PRODUCTS"):
        respond(button(WITH_PRICE).replace("DAYPASS", "P_NIGHTS"))


@pytest.mark.parametrize("option", ['voucher_code="SPRING"', 'basket_id="B-1"'])
def test_price_is_not_for_a_voucher_or_a_basket(on_v3, option):
    on_v3(LEGAL_TEXT="As it is.")
    with pytest.raises(InvalidValueError, match=r"^price"):
        respond(button(WITH_PRICE + option))


@pytest.mark.parametrize(
    ("option", "value"), [("currency", "EUR"), ("type", "EBOOK"), ("shipping_cost", 3), ("legal_text", "As it is.")]
)
def test_part_of_a_price_without_the_price_is_told_by_name(vendor, option, value):
    with pytest.raises(UnsupportedOperationError, match=rf"^{option}: API v3 of the account 'default' .*price"):
        respond(button(f"{option}=value"), value=value)


# ---- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("segment_id", "S"),
        ("category_id", "C"),
        ("show_buying_again_screen", True),
        ("show_checkout_confirmation_screen", True),
        ("oauth2_redirect_url", "https://x.example/"),
        ("csrf_token", "c"),
        ("pay_what_you_want", True),
        ("test_mode", True),
        ("subscription_renewal", True),
        ("failed_payment", True),
        ("override_mode", True),
        ("product_id_replacement", "R"),
        ("birthday", datetime.date(1990, 5, 17)),
        ("source_url", "https://x.example/"),
    ],
)
@WAYS
def test_option_that_v3_does_not_know_is_told_by_name_as_the_page_is_rendered(vendor, source, option, value):
    source = source.replace("title=title", f"{option}=value")
    with pytest.raises(UnsupportedOperationError, match=rf"^{option}: API v3 of the account 'default' .*\.$"):
        respond(source, value=value)


def test_every_option_of_an_order_is_common_or_told_to_be_unknown():
    common = {"product_id", "title", "price", "start_with_registration", "target_url", "affiliate_id", "element_id"}
    known = {*checkout.CheckoutOrder.__dataclass_fields__, *checkout.CheckoutOptions.__dataclass_fields__}
    assert {*checkout.NEVER_PREPARED, *checkout.PARTS_OF_PRICE} == (known - common - checkout.NEVER_SIGNED) | {
        "legal_text"
    }


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("quantity", 0, "quantity"),
        ("quantity", "2", "quantity"),
        ("gift_option", "YES", "gift_option"),
        ("allowed_payment_methods", "PAYPAL, CASH", "allowed_payment_methods"),
        ("force_payment_method", "CASH", "force_payment_method"),
        ("variant_id", "no spaces", "variant_id"),
        ("hide_voucher_input", "false", "hide_voucher_input"),
        ("data", "text", "data"),
        ("partner_id", "x" * 101, "partner_id"),
        ("element_id", "x" * 101, "element_id"),
        ("target_url", "javascript:alert(1)", "target_url"),
        ("target_url", "https://x.example/" + "a" * 220, "target_url"),
        ("restart_url", "/offers/", "restart_url"),
        ("custom_css", "http://news.example/checkout.css", "custom_css"),
        ("title", 7, "title"),
        ("start_with_registration", "yes", "start_with_registration"),
        ("lets_visitors_in", "yes", "lets_visitors_in"),
        ("voucher_code", "", "voucher_code"),
        ("basket_id", "", "basket_id"),
        ("connected_offers", ["O_1"], "connected_offers"),
        ("connected_offers", {"O" * 21: ""}, "connected_offers, an offer"),
        ("supported_card_types", "VISA", "supported_card_types"),
        ("supported_card_types", 7, "supported_card_types"),
        ("filter_salutations", "Dr", "filter_salutations"),
        ("allowed_payment_methods", 7, "allowed_payment_methods"),
        ("subscription_start_date", "2030-01-01", "subscription_start_date"),
        ("address_take_over", "YES", "address_take_over"),
        ("invoice_address_required", "no", "invoice_address_required"),
        ("show_postbox_input", 1, "show_postbox_input"),
        ("checkout_design_id", "x" * 101, "checkout_design_id"),
        ("utm", {"colour": "red"}, "utm"),
        ("utm", {"source": "x" * 101}, "utm['source']"),
    ],
)
def test_wrong_value_is_told_when_the_page_is_rendered(vendor, option, value, field):
    with pytest.raises(InvalidValueError) as caught:
        respond(button(f"{option}=value"), value=value)
    assert caught.value.field == field


def test_voucher_stands_in_place_of_the_product_so_there_is_no_quantity(vendor):
    with pytest.raises(InvalidValueError, match="quantity"):
        respond(button('voucher_code="SPRING" quantity=2'))


def test_checkout_that_tells_what_goes_wrong_is_never_for_readers(on_v3):
    on_v3(**LIVE)
    with pytest.raises(InvalidValueError, match="debug_mode"):
        respond(button("debug_mode=True"))


def test_product_whose_offer_nobody_has_named_says_where_to_name_it(vendor):
    with pytest.raises(InvalidValueError, match=r"^product_id: .*PRODUCTS"):
        respond('{% load plenigo %}{% plenigo_checkout_button "a-product-with-a-long-name" "Buy" %}')


@WAYS
def test_title_may_hold_anything_and_stays_in_its_attribute(vendor, source):
    title = "\"'</script><script>alert(1)</script>\u2028\x00🗞️" + "x" * 200
    response = respond(source, title=title)
    assert offer_in(response).order.title == title
    assert "<script" not in response.content.decode()


def test_offer_that_was_remembered_on_v2_is_looked_at_again_on_v3(sandbox, on_v3):
    source = button('segment_id="S"')
    respond(source)
    on_v3()
    with pytest.raises(UnsupportedOperationError):
        respond(source)


def test_account_of_a_button_decides_its_api(sandbox, on_v3, settings):
    on_v2 = settings.PLENIGO["default"]
    on_v3()
    settings.PLENIGO = {"default": on_v2, "weekly": settings.PLENIGO["default"]}
    assert offer_in(respond(button('using="weekly" voucher_code="SPRING"'))).using == "weekly"
    with pytest.raises(UnsupportedOperationError):
        respond(button('voucher_code="SPRING"'))

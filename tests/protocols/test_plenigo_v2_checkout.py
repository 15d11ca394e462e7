import base64
import json
import traceback
from dataclasses import fields, replace
from datetime import date, datetime
from decimal import Decimal

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder, LoginPass
from django_plenigo.protocols.plenigo_v2 import checkout
from django_plenigo.protocols.plenigo_v2.checkout import CheckoutBuilder

SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
TODAY = date(2024, 2, 29)
PLAIN = CheckoutOptions()

ITEM = CheckoutOrder("item-123")
FOREIGN = CheckoutOrder("item-123", price=15.00, currency="EUR", type="EBOOK", title="The best product")
SINGLE_SIGN_ON = CheckoutOrder(
    "EgLUrT56328991046641", csrf_token="c5rf", oauth2_redirect_url="https://shop.example/cb?x=1&y=2"
)
ISSUE = CheckoutOrder(
    "item-123", price=4.99, title="Special issue", override_mode=True, product_id_replacement="item-123-may"
)
ATLAS = CheckoutOrder("item-123", price=30, currency="EUR", type="BOOK", title="Atlas", shipping_cost=4.5)

#: docs/protocols/plenigo-v2.md 3.3: number, order, and the payload as the vendor's builder writes it.
EXAMPLES = [
    ("1", ITEM, r'{"pi":"item-123","aud":"plenigo"}'),
    ("2", FOREIGN, r'{"pr":15,"cu":"EUR","pt":"EBOOK","ti":"The best product","pi":"item-123","aud":"plenigo"}'),
    (
        "3",
        CheckoutOrder("item-123", price=15.5, title="The best product"),
        r'{"pr":15.5,"ti":"The best product","pi":"item-123","aud":"plenigo"}',
    ),
    (
        "4",
        SINGLE_SIGN_ON,
        r'{"pi":"EgLUrT56328991046641","sso":"https:\/\/shop.example\/cb?x=1&y=2","csrf":"c5rf","aud":"plenigo"}',
    ),
    ("5", CheckoutOrder("item-123", test_mode=True), r'{"pi":"item-123","ts":true,"aud":"plenigo"}'),
    ("6", CheckoutOrder("item-123", test_mode=False), r'{"pi":"item-123","ts":false,"aud":"plenigo"}'),
    ("7", CheckoutOrder("item-123", subscription_renewal=True), r'{"pi":"item-123","rs":true,"aud":"plenigo"}'),
    (
        "8",
        CheckoutOrder(checkout.FAILED_PAYMENT_PRODUCT_ID, failed_payment=True),
        r'{"pi":"FAKE_PROD_ID","fp":true,"aud":"plenigo"}',
    ),
    (
        "9",
        ISSUE,
        r'{"pr":4.99,"ti":"Special issue","pi":"item-123","om":true,"pir":"item-123-may","aud":"plenigo"}',
    ),
    (
        "10",
        CheckoutOrder("item-123", birthday=date(1990, 5, 17)),
        r'{"pi":"item-123","raa":"05171990","aud":"plenigo"}',
    ),
    (
        "11",
        ATLAS,
        r'{"pr":30,"cu":"EUR","pt":"BOOK","ti":"Atlas","pi":"item-123","sc":4.5,"aud":"plenigo"}',
    ),
    (
        "12",
        CheckoutOrder("item-123", category_id="CAT9", segment_id="SEG1"),
        r'{"pi":"item-123","si":"SEG1","ci":"CAT9","aud":"plenigo"}',
    ),
    (
        "13",
        CheckoutOrder("item-123", title="t", price="12.50"),
        r'{"pr":"12.50","ti":"t","pi":"item-123","aud":"plenigo"}',
    ),
    (
        "14",
        CheckoutOrder(
            "item-123",
            pay_what_you_want=True,
            show_buying_again_screen=True,
            show_checkout_confirmation_screen=True,
        ),
        r'{"pi":"item-123","sab":true,"spf":true,"sp":true,"aud":"plenigo"}',
    ),
]

CALL_OF_1 = (
    'plenigo.checkout({"paymentData":"eyJhbGciOiJIUzI1NiJ9.eyJwaSI6Iml0ZW0tMTIzIiwiYXVkIjoicGxlbmlnbyJ9.'
    '_OgInuIP3bFhv9jiXibqFKnR797IUtj0fejuAoWGUGc","startWithRegistration":false});'
)
TOKEN_OF_2 = (
    "eyJhbGciOiJIUzI1NiJ9.eyJwciI6MTUsImN1IjoiRVVSIiwicHQiOiJFQk9PSyIsInRpIjoiVGhlIGJlc3QgcHJvZHVjdCIsInBpIjoi"
    "aXRlbS0xMjMiLCJhdWQiOiJwbGVuaWdvIn0.L4R0JiyIRmt0HglTyqNGYsbl9Ll3TC7jobIGZcbZAOY"
)
CALL_OF_4 = (
    'plenigo.checkoutWithRemoteLogin({"paymentData":"eyJhbGciOiJIUzI1NiJ9.eyJwaSI6IkVnTFVyVDU2MzI4OTkxMDQ2NjQxIiwi'
    "c3NvIjoiaHR0cHM6XC9cL3Nob3AuZXhhbXBsZVwvY2I_eD0xJnk9MiIsImNzcmYiOiJjNXJmIiwiYXVkIjoicGxlbmlnbyJ9."
    '7slM4LfUkaB1Gj3BqPkV0fnAbOTZ--iNx6vASzQGOmw","startWithRegistration":true,"loginToken":"LT-1",'
    r'"sourceUrl":"https:\/\/shop.example\/a","targetUrl":"https:\/\/shop.example\/thanks",'
    '"affiliateId":"AFF1","elementId":"checkoutBox"});'
)

EVERY_FIELD = CheckoutOrder(
    product_id="item-123",
    price=1,
    currency="EUR",
    type="BOOK",
    title="T",
    segment_id="S",
    show_buying_again_screen=False,
    show_checkout_confirmation_screen=True,
    oauth2_redirect_url="R",
    csrf_token="C",
    category_id="K",
    pay_what_you_want=False,
    test_mode=True,
    subscription_renewal=False,
    failed_payment=True,
    shipping_cost=2,
    override_mode=True,
    product_id_replacement="P",
    birthday=date(2000, 1, 2),
)
FLAGS = [
    "show_buying_again_screen",
    "show_checkout_confirmation_screen",
    "pay_what_you_want",
    "test_mode",
    "subscription_renewal",
    "failed_payment",
    "override_mode",
]
#: All but the title, which may hold anything: see test_plenigo_v2_titles.py.
TEXTS = ["product_id", "currency", "type", "segment_id", "oauth2_redirect_url", "csrf_token", "category_id"]


def login(value="LT-1", *, is_url=False):
    return LoginPass(value, is_url=is_url, lifetime_seconds=300)


def builder(**options):
    return CheckoutBuilder(SECRET, **{"today": lambda: TODAY, **options})


def arguments_of(order=ITEM, options=PLAIN, login_pass=None, **builder_options):
    return builder(**builder_options).sign_checkout(order, options, login_pass).arguments_json


def payload_of(order, **builder_options):
    """Return the very text that was signed."""
    segment = json.loads(arguments_of(order, **builder_options))["paymentData"].split(".")[1]
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode("ascii")


def claims_of(order, **builder_options):
    return json.loads(payload_of(order, **builder_options))


def refused(order=ITEM, options=PLAIN, login_pass=None):
    """Return the field and the problem that a call is refused for."""
    with pytest.raises(InvalidValueError) as refusal:
        builder().sign_checkout(order, options, login_pass)
    return refusal.value.field, refusal.value.problem


@pytest.mark.parametrize(("order", "payload"), [example[1:] for example in EXAMPLES], ids=[e[0] for e in EXAMPLES])
def test_sign_checkout_writes_the_payload_of_the_vendors_builder(order, payload):
    assert payload_of(order) == payload


@pytest.mark.parametrize("flag", FLAGS)
def test_sign_checkout_leaves_out_a_flag_that_is_none(flag):
    assert payload_of(replace(ITEM, **{flag: None})) == r'{"pi":"item-123","aud":"plenigo"}'


def test_sign_checkout_refuses_what_the_vendors_builder_refuses():  # example 15
    assert refused(replace(ITEM, type="EBOOK", shipping_cost=4.5))[0] == "shipping_cost"
    assert refused(CheckoutOrder("x" * 21))[0] == "product_id"


def test_sign_checkout_prints_the_vendors_call_without_a_log_in():
    assert builder().sign_checkout(ITEM, PLAIN).javascript == CALL_OF_1


def test_sign_checkout_signs_as_the_vendors_builder():
    assert json.loads(arguments_of(FOREIGN))["paymentData"] == TOKEN_OF_2


def test_sign_checkout_prints_the_vendors_call_with_everything():
    options = CheckoutOptions(
        start_with_registration=True,
        source_url="https://shop.example/a",
        target_url="https://shop.example/thanks",
        affiliate_id="AFF1",
        element_id="checkoutBox",
    )
    assert builder().sign_checkout(SINGLE_SIGN_ON, options, login()).javascript == CALL_OF_4


def test_sign_checkout_writes_every_field_in_the_vendors_order():
    assert payload_of(EVERY_FIELD) == (
        '{"pr":1,"cu":"EUR","pt":"BOOK","ti":"T","pi":"item-123","si":"S","sab":false,"spf":true,"sso":"R",'
        '"csrf":"C","ci":"K","sp":false,"ts":true,"rs":false,"fp":true,"sc":2,"om":true,"pir":"P",'
        '"raa":"01022000","aud":"plenigo"}'
    )
    of_prepared_checkouts = {"quantity", "legal_text"}
    known = {field.name for field in fields(CheckoutOrder)} - of_prepared_checkouts
    assert all(getattr(EVERY_FIELD, name) is not None for name in known)


@pytest.mark.parametrize("given", [None, False, True])
def test_test_mode_makes_every_checkout_a_test(given):
    order = CheckoutOrder("item-123", title="T", test_mode=given, failed_payment=True)
    assert payload_of(order, test_mode=True) == '{"ti":"T","pi":"item-123","ts":true,"fp":true,"aud":"plenigo"}'


def test_sign_checkout_is_read_by_a_jwt_library():
    token = json.loads(arguments_of(EVERY_FIELD))["paymentData"]
    assert jwt.decode(token, SECRET, algorithms=["HS256"], audience="plenigo")["pi"] == "item-123"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, SECRET[::-1], algorithms=["HS256"], audience="plenigo")


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        (15.00, "15"),
        (15.5, "15.5"),
        (0.0001, "0.0001"),
        (999_999_999, "999999999"),
        (999_999_999.99, "999999999.99"),
        (Decimal("12.50"), "12.5"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.00"), "0"),
        (Decimal("0.10000000000000000000000001"), "0.1"),
        (Decimal("1.00000000000000000000000001"), "1"),
        ("12.50", '"12.50"'),
        ("012", '"012"'),
        (".5", '".5"'),
        ("0", '"0"'),
    ],
)
def test_sign_checkout_writes_amounts_as_the_vendor_does(price, text):
    assert payload_of(replace(ITEM, price=price)) == f'{{"pr":{text},"pi":"item-123","aud":"plenigo"}}'


@pytest.mark.parametrize("field", ["price", "shipping_cost"])
@pytest.mark.parametrize(
    "amount",
    [
        "twelve",
        "12,50",
        "1e3",
        "-1",
        "+1",
        " 12.50",
        "12.50\n",
        "١٢",
        "0x10",
        "NaN",
        "inf",
        ".",
        "1" * 10,
        "9" * 400,
        -1,
        -0.01,
        10**9,
        10**400,
        1e9,
        0.00001,
        float("nan"),
        float("inf"),
        Decimal("-0.01"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+9"),
        Decimal("1E-7"),
        Decimal("1E-999999"),
        True,
        False,
        b"1",
        [1],
        1j,
    ],
    ids=repr,
)
def test_sign_checkout_refuses_what_is_no_plain_amount(field, amount):
    assert refused(replace(ITEM, **{field: amount}))[0] == field


@given(st.one_of(st.integers(0, 10**9 - 1), st.floats(0.0001, 10**9, exclude_max=True)))
@settings(database=None, deadline=None)
def test_sign_checkout_changes_no_amount(price):
    assert claims_of(replace(ITEM, price=price))["pr"] == price


def test_sign_checkout_escapes_as_the_vendor_does():
    order = replace(ITEM, title="</Ä\"\\🚂'<&>\u2028")
    assert payload_of(order) == (
        r'{"ti":"<\/\u00c4\"\\\ud83d\ude82' + "'<&>" + r'\u2028","pi":"item-123","aud":"plenigo"}'
    )


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=100), st.booleans())
@settings(database=None, deadline=None)
def test_sign_checkout_writes_any_text_as_a_json_library_reads_it(text, flag):
    claims = claims_of(CheckoutOrder("item-123", category_id=text, failed_payment=flag))
    given = {"ci": text} if text.strip() else {}
    assert claims == {"pi": "item-123", **given, "fp": flag, "aud": "plenigo"}


@pytest.mark.parametrize("name", [*TEXTS[1:], "title", "price", "shipping_cost", "product_id_replacement"])
@pytest.mark.parametrize("blank", ["", " ", "\t\r\n"], ids=ascii)
def test_sign_checkout_takes_a_blank_for_not_given(name, blank):
    assert payload_of(replace(ITEM, **{name: blank})) == r'{"pi":"item-123","aud":"plenigo"}'


@pytest.mark.parametrize("product_id", ["", "  ", None])
def test_sign_checkout_refuses_a_missing_product(product_id):
    assert refused(CheckoutOrder(product_id)) == ("product_id", "is missing")


def test_sign_checkout_counts_the_bytes_of_a_product_id():
    assert claims_of(CheckoutOrder("ü" * 10))["pi"] == "ü" * 10
    assert refused(CheckoutOrder("ü" * 10 + "x")) == ("product_id", "must be at most 20 bytes long")


def test_sign_checkout_counts_the_bytes_of_a_replacement():
    assert claims_of(replace(ISSUE, product_id_replacement="x" * 20))["pir"] == "x" * 20
    assert refused(replace(ISSUE, product_id_replacement="ü" * 11))[0] == "product_id_replacement"


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", ["false", "true", "", 0, 1, [], "NULL"])
def test_sign_checkout_refuses_a_flag_that_is_no_bool(flag, value):
    assert refused(replace(ITEM, price=1, **{flag: value})) == (flag, "must be True, False or None")


@pytest.mark.parametrize("name", [*TEXTS, "title", "product_id_replacement"])
@pytest.mark.parametrize("value", [12, b"abc", True, ["abc"], {"a": 1}])
def test_sign_checkout_refuses_a_text_that_is_none(name, value):
    assert refused(replace(ITEM, **{name: value})) == (name, "must be text")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", ["a\nb", "a\x00", "\x7fa", "a\x85", "a\ud800"], ids=ascii)
def test_sign_checkout_refuses_control_characters(name, value):
    assert refused(replace(ITEM, **{name: value})) == (name, "holds control characters")


@pytest.mark.parametrize("currency", ["eur", "EURO", "EU", "€€€", "EU1", "ＥＵＲ", " EUR"])
def test_sign_checkout_refuses_what_is_no_currency(currency):
    assert refused(replace(FOREIGN, currency=currency))[0] == "currency"


def test_sign_checkout_names_the_known_types():
    field, problem = refused(replace(ITEM, type="ebook"))
    assert field == "type"
    assert all(name in problem for name in ("EBOOK", "NEWSPAPER", "MEMBERSHIP"))


@pytest.mark.parametrize("product_type", checkout.PRODUCT_TYPES)
def test_sign_checkout_takes_every_known_type(product_type):
    assert claims_of(replace(FOREIGN, type=product_type))["pt"] == product_type


@pytest.mark.parametrize("product_type", [None, "", "BOOK", "NEWSPAPER"])
def test_sign_checkout_ships_what_can_be_shipped(product_type):
    assert claims_of(replace(ATLAS, type=product_type))["sc"] == 4.5


@pytest.mark.parametrize("cost", [0, 0.0, "0.00", "", Decimal("0.00"), None])
def test_sign_checkout_takes_no_shipping_cost_for_any_type(cost):
    assert claims_of(replace(ATLAS, type="EBOOK", shipping_cost=cost))["pt"] == "EBOOK"


@pytest.mark.parametrize("cost", [0.01, "0.01", 1, Decimal("0.01")])
@pytest.mark.parametrize("product_type", ["EBOOK", "SHIPPINGCOSTS", "DIGITALNEWSPAPER"])
def test_sign_checkout_ships_nothing_else(product_type, cost):
    assert refused(replace(ATLAS, type=product_type, shipping_cost=cost))[0] == "shipping_cost"


@pytest.mark.parametrize("price", [None, "", " "])
def test_sign_checkout_refuses_to_override_without_a_price(price):
    assert refused(replace(ISSUE, price=price)) == ("override_mode", "needs a price")


@pytest.mark.parametrize("override_mode", [None, False])
def test_sign_checkout_refuses_a_replacement_without_override(override_mode):
    order = replace(ISSUE, override_mode=override_mode)
    assert refused(order) == ("product_id_replacement", "needs override_mode")


@pytest.mark.parametrize(("field", "value"), [("quantity", 2), ("legal_text", "As it is.")])
def test_what_only_a_prepared_checkout_knows_is_refused(field, value):
    assert refused(CheckoutOrder("item-123", **{field: value}))[0] == field


@pytest.mark.parametrize("birthday", [date(1900, 1, 2), TODAY])
def test_sign_checkout_takes_a_birthday_of_a_living_reader(birthday):
    assert claims_of(replace(ITEM, birthday=birthday))["raa"] == f"{birthday:%m%d%Y}"


@pytest.mark.parametrize(
    "birthday",
    [date(1900, 1, 1), date(2024, 3, 1), datetime(1990, 5, 17), "05171990", "", 19900517],
    ids=str,
)
def test_sign_checkout_refuses_any_other_birthday(birthday):
    assert refused(replace(ITEM, birthday=birthday))[0] == "birthday"


def test_sign_checkout_asks_what_day_it_is_at_each_call():
    days = iter([date(2024, 3, 1), date(2024, 2, 28)])
    one = builder(today=lambda: next(days))
    order = replace(ITEM, birthday=date(2024, 2, 29))
    one.sign_checkout(order, PLAIN)
    with pytest.raises(InvalidValueError, match="birthday"):
        one.sign_checkout(order, PLAIN)


@pytest.mark.parametrize(
    ("options", "member"),
    [
        ({"source_url": "http://shop.example/a"}, r'"sourceUrl":"http:\/\/shop.example\/a"'),
        ({"target_url": "HTTPS://shop.example"}, r'"targetUrl":"HTTPS:\/\/shop.example"'),
        ({"affiliate_id": "a" * 50}, f'"affiliateId":"{"a" * 50}"'),
        ({"element_id": "ü"}, r'"elementId":"\u00fc"'),
    ],
)
def test_sign_checkout_writes_each_option_after_the_registration(options, member):
    arguments = arguments_of(options=CheckoutOptions(**options))
    assert arguments.endswith(f'","startWithRegistration":false,{member}}}')


def test_sign_checkout_takes_addresses_of_255_characters():
    url = "https://shop.example/".ljust(255, "x")
    arguments = json.loads(arguments_of(options=CheckoutOptions(source_url=url, target_url=url)))
    assert (arguments["sourceUrl"], arguments["targetUrl"]) == (url, url)


def test_sign_checkout_takes_blank_options_for_not_given():
    blank = CheckoutOptions(source_url="", target_url=" ", affiliate_id="", element_id="")
    assert arguments_of(options=blank) == arguments_of()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source_url", "https://shop.example/".ljust(256, "x")),
        ("target_url", "https://shop.example/".ljust(256, "x")),
        ("target_url", "javascript:alert(1)"),
        ("target_url", "/thanks"),
        ("target_url", "//shop.example/"),
        ("target_url", "https:///thanks"),
        ("target_url", " https://shop.example/"),
        ("target_url", "https://shop.example/\n"),
        ("source_url", "ftp://shop.example/"),
        ("affiliate_id", "a" * 51),
        ("affiliate_id", "a\n"),
        ("element_id", "a" * 101),
        ("element_id", 12),
        ("element_id", 0),
        ("start_with_registration", "false"),
        ("start_with_registration", None),
        ("start_with_registration", 1),
    ],
)
def test_sign_checkout_refuses_a_bad_option(field, value):
    assert refused(options=CheckoutOptions(**{field: value}))[0] == field


@pytest.mark.parametrize(
    "login_pass",
    [login(""), login(" "), login("a\nb"), login(None), login("https://portal.example/x", is_url=True)],
)
def test_sign_checkout_refuses_a_log_in_that_cannot_work(login_pass):
    assert refused(login_pass=login_pass)[0] == "login"


def test_sign_checkout_escapes_a_token():
    assert r'"loginToken":"a\/\"+=\u00fc"' in arguments_of(login_pass=login('a/"+=ü'))


def test_sign_checkout_stays_inside_its_own_json():
    hostile = '"});alert(1);//</script>'
    options = CheckoutOptions(target_url=f"https://shop.example/{hostile}", element_id=hostile)
    arguments = arguments_of(options=options, login_pass=login(hostile))
    assert json.loads(arguments)["elementId"] == json.loads(arguments)["loginToken"] == hostile


def test_checkout_builder_refuses_an_empty_secret():
    with pytest.raises(InvalidValueError, match="secret"):
        CheckoutBuilder("")


@pytest.mark.parametrize(
    ("order", "options", "login_pass"),
    [
        (replace(ITEM, csrf_token="canary\n"), PLAIN, login("canary")),
        (replace(ITEM, csrf_token="canary", birthday=date(1811, 11, 11)), PLAIN, login("canary")),
        (replace(ITEM, csrf_token="canary", override_mode=True), PLAIN, login("canary")),
        (ITEM, CheckoutOptions(element_id="x" * 101), login("canary")),
        (ITEM, PLAIN, login("canary\n")),
        (ITEM, PLAIN, login("canary", is_url=True)),
    ],
)
def test_a_refusal_shows_neither_secret_nor_personal_value(order, options, login_pass):
    with pytest.raises(InvalidValueError) as refusal:
        builder().sign_checkout(order, options, login_pass)
    frames = refusal.tb.tb_next  # the first is this test's own
    report = "".join(
        traceback.TracebackException(InvalidValueError, refusal.value, frames, capture_locals=True).format()
    )
    assert "sign_checkout" in report
    assert not [word for word in ("canary", SECRET, "1811") if word in report]

"""The check-out string: what PHP really sends is read, everything broken is refused with a sentence."""

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest

from django_plenigo.sandbox.credentials import SECRET
from django_plenigo.sandbox.pages.payment_data import PaymentData, PaymentDataError, read_payment_data

from .conftest import sign


def read(**claims: Any) -> PaymentData:
    return read_payment_data(sign(**claims), SECRET)


def by_hand(header: str, payload: str, digest: Any = hashlib.sha256) -> str:
    """Sign the very bytes, without a JWT library."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = f"{encoded(header.encode())}.{encoded(payload.encode())}"
    return f"{signed}.{encoded(hmac.new(SECRET.encode(), signed.encode(), digest).digest())}"


WORKED_EXAMPLES = [
    ('{"pi":"item-123","aud":"plenigo"}', {"product_id": "item-123"}),
    (
        '{"pr":15,"cu":"EUR","pt":"EBOOK","ti":"The best product","pi":"item-123","aud":"plenigo"}',
        {"price": Decimal("15.00"), "currency": "EUR", "product_type": "EBOOK", "title": "The best product"},
    ),
    (
        '{"pr":15.5,"ti":"The best product","pi":"item-123","aud":"plenigo"}',
        {"price": Decimal("15.50"), "currency": ""},
    ),
    (
        r'{"pi":"EgLUrT56328991046641","sso":"https:\/\/shop.example\/cb?x=1&y=2","csrf":"c5rf","aud":"plenigo"}',
        {"redirect_uri": "https://shop.example/cb?x=1&y=2", "csrf_token": "c5rf"},
    ),
    ('{"pi":"item-123","ts":true,"aud":"plenigo"}', {"test_mode": True}),
    ('{"pi":"item-123","ts":false,"aud":"plenigo"}', {"test_mode": False}),
    ('{"pi":"item-123","rs":true,"aud":"plenigo"}', {"renews": True}),
    ('{"pi":"FAKE_PROD_ID","fp":true,"aud":"plenigo"}', {"pays_failed": True}),
    (
        '{"pr":4.99,"ti":"Special issue","pi":"item-123","om":true,"pir":"item-123-may","aud":"plenigo"}',
        {"overrides": True, "replacement_id": "item-123-may", "price": Decimal("4.99")},
    ),
    ('{"pi":"item-123","raa":"05171990","aud":"plenigo"}', {"product_id": "item-123"}),
    (
        '{"pr":30,"cu":"EUR","pt":"BOOK","ti":"Atlas","pi":"item-123","sc":4.5,"aud":"plenigo"}',
        {"shipping": Decimal("4.50"), "product_type": "BOOK"},
    ),
    ('{"pi":"item-123","si":"SEG1","ci":"CAT9","aud":"plenigo"}', {"segment_id": "SEG1", "category_id": "CAT9"}),
    ('{"pr":"12.50","ti":"t","pi":"item-123","aud":"plenigo"}', {"price": Decimal("12.50"), "title": "t"}),
    (
        '{"pi":"item-123","sab":true,"spf":true,"sp":true,"aud":"plenigo"}',
        {"offers_again": True, "confirms": True, "chooses_price": True},
    ),
]


@pytest.mark.parametrize(("payload", "expected"), WORKED_EXAMPLES, ids=range(1, len(WORKED_EXAMPLES) + 1))
def test_read_accepts_the_worked_examples_as_php_emits_them(payload, expected):
    data = read_payment_data(by_hand('{"alg":"HS256"}', payload), SECRET)
    assert {name: getattr(data, name) for name in expected} == expected


def test_read_accepts_the_published_output_of_the_php_builder():
    signed = (
        "eyJhbGciOiJIUzI1NiJ9.eyJwaSI6Iml0ZW0tMTIzIiwiYXVkIjoicGxlbmlnbyJ9._OgInuIP3bFhv9jiXibqFKnR797IUtj0fejuAoWGUGc"
    )
    assert read_payment_data(signed, "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb").product_id == "item-123"


@pytest.mark.parametrize(
    ("word", "flag"),
    [("true", True), ("'True'", True), ("1", True), (1, True), ("false", False), ("", False), (0, False)],
)
def test_read_takes_flags_as_words_too(word, flag):
    assert read(pi="x", ts=word, om="false").test_mode is flag


def test_read_cuts_a_long_title_and_takes_a_number_as_product_id():
    data = read(pi=12345, ti="ä" * 130)
    assert (data.product_id, data.title) == ("12345", "ä" * 100)


def test_read_counts_the_bytes_of_a_product_id():
    assert read(pi="ä" * 10).product_id == "ä" * 10


REFUSALS = {
    "nothing": ("", "missing"),
    "no JWT": ("c584f71a1d049f108e01a379a2e40d5e", "unreadable"),
    "another secret": (sign(pi="x", secret="another-secret-of-more-than-32-characters"), "signature"),
    "a changed claim": (".".join(["e30", *sign(pi="x").split(".")[1:]]), "unreadable"),
    "no signature": (by_hand('{"alg":"none"}', '{"pi":"x","aud":"plenigo"}').rpartition(".")[0] + ".", "unreadable"),
    "another algorithm": (
        by_hand('{"alg":"HS384"}', '{"pi":"x","aud":"plenigo"}', hashlib.sha384),
        "unreadable",
    ),
    "claims that are no object": (by_hand('{"alg":"HS256"}', '["pi"]'), "unreadable"),
    "another audience": (sign(pi="x", aud="somebody"), "audience"),
    "no audience": (by_hand('{"alg":"HS256"}', '{"pi":"x"}'), "audience"),
    "no product": (sign(ti="t", pr=1), "product_missing"),
    "an empty product": (sign(pi=""), "product_missing"),
    "a list as product": (sign(pi=["x"]), "malformed_pi"),
    "a flag as product": (sign(pi=True), "malformed_pi"),
    "an unpaired surrogate": (by_hand('{"alg":"HS256"}', r'{"pi":"\ud800","aud":"plenigo"}'), "malformed_pi"),
    "a NUL": (sign(pi="x", ti="a\0b"), "malformed_ti"),
    "21 bytes of product": (sign(pi="x" * 21), "product_id_length"),
    "11 letters of two bytes": (sign(pi="ä" * 11), "product_id_length"),
    "21 bytes of replacement": (sign(pi="x", om=True, pr=1, pir="y" * 21), "product_id_length"),
    "words as price": (sign(pi="x", pr="cheap"), "malformed_pr"),
    "a negative price": (sign(pi="x", pr=-1), "malformed_pr"),
    "no number as price": (sign(pi="x", pr="NaN"), "malformed_pr"),
    "an endless price": (sign(pi="x", pr="1e99"), "malformed_pr"),
    "a flag as price": (sign(pi="x", pr=True), "malformed_pr"),
    "a long currency": (sign(pi="x", cu="EURO"), "malformed_cu"),
    "an unknown type": (sign(pi="x", pt="CAR"), "malformed_pt"),
    "shipping of an e-book": (sign(pi="x", pt="EBOOK", sc=4.5), "shipping_type"),
    "override without price": (sign(pi="x", om=True), "override_price"),
    "a flag that is none": (sign(pi="x", ts="maybe"), "malformed_ts"),
    "a list as flag": (sign(pi="x", spf=[1]), "malformed_spf"),
    "a birthday that is none": (sign(pi="x", raa="13321990"), "malformed_raa"),
}


@pytest.mark.parametrize(("signed", "code"), REFUSALS.values(), ids=REFUSALS)
def test_read_refuses(signed, code):
    with pytest.raises(PaymentDataError) as refusal:
        read_payment_data(signed, SECRET)
    assert refusal.value.code == code
    assert str(refusal.value.sentence).endswith(".")


def test_read_lets_shipping_of_nothing_and_of_an_unnamed_type_pass():
    assert read(pi="x", pt="EBOOK", sc=0).shipping == 0
    assert read(pi="x", sc="4.50").shipping == Decimal("4.50")


def test_refusal_keeps_the_string_to_itself():
    signed = sign(pi="x" * 21, ti="private words")
    with pytest.raises(PaymentDataError) as refusal:
        read_payment_data(signed, SECRET)
    assert refusal.value.__cause__ is None
    assert "private" not in json.dumps([str(refusal.value), repr(refusal.value), str(refusal.value.sentence)])

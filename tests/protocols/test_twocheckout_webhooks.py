"""IPN and LCN: who signed them, what they say, and what is answered (docs/protocols/2checkout.md 8)."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from django_plenigo.errors import InvalidValueError, SignatureError, UnsupportedOperationError
from django_plenigo.protocols.base import (
    NO_SIGNATURE,
    ONLY_MD5,
    SIGNATURE_CODES,
    WRONG_SIGNATURE,
    PortalCustomerSeen,
)
from django_plenigo.protocols.twocheckout import TwoCheckout
from django_plenigo.protocols.twocheckout.signing import signature
from tests.scripted_portals import FORM, ScriptedRpc, delivery, portal_of

KEY, OLD_KEY = "sandbox-2co-secret", "o" * 20
NOW = datetime(2025, 1, 2, 3, 4, 10, tzinfo=UTC)
ORDER = [
    ("SALEDATE", "2025-01-02 03:04:05"),
    ("REFNO", "1000037"),
    ("REFNOEXT", ""),
    ("ORDERSTATUS", "COMPLETE"),
    ("CITY", "Zürich"),
    ("IPN_PID[]", "1"),
    ("IPN_PNAME[]", "Software program"),
    ("IPN_DATE", "20250102030405"),
    ("AVANGATE_CUSTOMER_REFERENCE", "352365983"),
    ("EXTERNAL_CUSTOMER_REFERENCE", "user-42"),
]
LICENSE = [
    ("LICENSE_CODE", "3C343D0FAF"),
    ("EXPIRATION_DATE", "2026-01-02"),
    ("DISABLED", "0"),
    ("TEST", "0"),
    ("AVANGATE_CUSTOMER_REFERENCE", "352365983"),
    ("EXTERNAL_CUSTOMER_REFERENCE", "user-42"),
]
MD5 = "c0b2ec128b0e8b648ab87640f8b22f7e"
SHA256 = "1c27d2d4d0d9b2b5bafc96d9f393a871048fab7c8fb8078f319216df88fbda8b"
SHA3_256 = "2cc51fbc14f4a7ebe9c3269219e55d0f8d4d888bd0605a6acb308abe960dc438"


def reader_of(*keys, mode="live"):
    return portal_of(
        TwoCheckout,
        ScriptedRpc(),
        mode=mode,
        MERCHANT="SANDBOX001",
        SECRET_KEY=list(keys) or KEY,
        CUSTOM_DOMAIN="store.shop.example",
    )


READER = reader_of()


def form(pairs, **signatures):
    return urlencode([*pairs, *signatures.items()]).encode()


def signed(pairs, key=KEY, algorithm="sha256", name="SIGNATURE_SHA2_256"):
    return form(pairs, **{name: signature(algorithm, key, [value.encode() for _, value in pairs])})


def receipt(body, reader=READER, now=NOW):
    return reader.authenticate(delivery(body), now=now)


def refusal(body, reader=READER):
    with pytest.raises(SignatureError) as caught:
        receipt(body, reader)
    assert caught.value.code in SIGNATURE_CODES
    return caught.value.code


def seen(pairs, reader=READER):
    return reader.read_events(form(pairs), FORM)


def changed(pairs, **fields):
    """Return pairs with other values; None leaves one out."""
    return [(name, fields.get(name, value)) for name, value in pairs if fields.get(name, value) is not None]


class TestSignature:
    def test_what_differs_in_nothing_that_is_signed_is_the_same_delivery(self):
        first = signed(ORDER)
        renamed = first.replace(b"CITY=", b"TOWN=")
        encoded = first.replace(b"Software+program", b"Software%20program")
        assert receipt(first).signed == receipt(renamed).signed == receipt(encoded).signed
        assert receipt(first).signed != receipt(signed(changed(ORDER, CITY="Bern"))).signed

    @pytest.mark.parametrize(
        ("signatures", "algorithm", "hexadecimal"),
        [
            (
                {"SIGNATURE_SHA2_256": SHA256},
                "sha256",
                "96a402efc02bae88abc8996eccd034c3f8195262513bf2c409cc66a47bea69b8",
            ),
            (
                {"SIGNATURE_SHA3_256": SHA3_256},
                "sha3-256",
                "19a79cf8f25d8670b36c3b98691ba96af4fb0fcedf38ae272d65f8ba998572f7",
            ),
        ],
    )
    def test_vector_is_accepted_and_answered_by_the_vendors_receipt(self, signatures, algorithm, hexadecimal):
        answer = receipt(form(ORDER, **signatures))
        assert answer.body == f'<sig algo="{algorithm}" date="20250102030410">{hexadecimal}</sig>'
        assert not answer.needs_confirmation

    @pytest.mark.parametrize(
        ("name", "algorithm", "hexadecimal"),
        [
            ("SIGNATURE_SHA2_256", "sha256", "64753b6590601347a84bcf82a0f79811155d60b277e1a520ed917ea72ad426da"),
            ("SIGNATURE_SHA3_256", "sha3-256", "a2de79eda3fbdbb4ecdbd354aee073e78e791d01f2a0e3bbd33c55722506d72f"),
        ],
    )
    def test_of_an_lcn_is_answered_by_its_own_receipt(self, name, algorithm, hexadecimal):
        answer = receipt(signed(LICENSE, algorithm=algorithm, name=name))
        assert answer.body == f'<sig algo="{algorithm}" date="20250102030410">{hexadecimal}</sig>'

    def test_receipt_is_dated_in_utc(self):
        here = NOW.astimezone(timezone(timedelta(hours=5)))
        assert receipt(signed(ORDER), now=here) == receipt(signed(ORDER))

    def test_may_be_in_capital_letters(self):
        assert receipt(form(ORDER, SIGNATURE_SHA2_256=SHA256.upper())).body

    def test_strongest_that_came_counts_alone(self):
        assert receipt(form(ORDER, HASH="x", SIGNATURE_SHA2_256="x", SIGNATURE_SHA3_256=SHA3_256)).body
        assert refusal(form(ORDER, SIGNATURE_SHA2_256=SHA256, SIGNATURE_SHA3_256="x")) == WRONG_SIGNATURE

    def test_signs_no_other_signature_wherever_it_stands(self):
        body = form([("HASH", MD5), ("SIGNATURE_SHA2_256", SHA256), *ORDER])
        assert receipt(body).body

    def test_md5_alone_is_refused_though_it_is_right(self):
        assert refusal(form(ORDER, HASH=MD5)) == ONLY_MD5
        assert refusal(form(ORDER, HASH=MD5, SIGNATURE_SHA2_256="")) == ONLY_MD5

    @pytest.mark.parametrize("body", [b"", form(ORDER), b"\xff\xfe", b"{}", b"&".join([b"a=1"] * 1001)])
    def test_must_be_there(self, body):
        assert refusal(body) == NO_SIGNATURE

    @pytest.mark.parametrize("wrong", ["x", SHA256[:-1], SHA3_256, MD5, "ü" * 64, "0" * 64])
    def test_must_be_right(self, wrong):
        assert refusal(form(ORDER, SIGNATURE_SHA2_256=wrong)) == WRONG_SIGNATURE

    def test_of_another_key_is_wrong(self):
        assert refusal(signed(ORDER, OLD_KEY)) == WRONG_SIGNATURE

    def test_of_any_key_is_right_while_keys_change_and_the_receipt_is_by_the_same(self):
        reader = reader_of(KEY, OLD_KEY)
        values = [b"1", b"Software program", b"20250102030405", b"20250102030410"]
        for key in (KEY, OLD_KEY):
            assert signature("sha256", key, values) in receipt(signed(ORDER, key), reader).body

    def test_of_a_body_that_was_tampered_with_is_wrong(self):
        body = signed(ORDER)
        assert refusal(body.replace(b"user-42", b"user-43")) == WRONG_SIGNATURE
        assert refusal(body + b"&more=1") == WRONG_SIGNATURE

    def test_counts_the_order_in_which_values_came(self):
        swapped = [ORDER[1], ORDER[0], *ORDER[2:]]
        assert refusal(form(swapped, SIGNATURE_SHA2_256=SHA256)) == WRONG_SIGNATURE

    def test_counts_arrays_and_repetitions_each_in_turn(self):
        pairs = [*ORDER, ("IPN_PID[]", "2"), ("IPN_PNAME[]", "Öl"), ("NOTE", "a"), ("NOTE", "b"), ("EMPTY", "")]
        assert receipt(signed(pairs)).body == receipt(signed(ORDER)).body
        assert refusal(signed(pairs).replace(b"NOTE=a&", b"")) == WRONG_SIGNATURE

    def test_counts_bytes_whatever_they_mean(self):
        values = [b"\xff\xfe", "Zürich".encode("latin-1"), b"\\'"]
        body = b"A=%FF%FE&B=Z%FCrich&C=%5C%27&SIGNATURE_SHA2_256="
        assert receipt(body + signature("sha256", KEY, values).encode()).body == ""

    def test_of_what_is_neither_ipn_nor_lcn_is_answered_without_a_receipt(self):
        assert receipt(signed([("HELLO", "world")])).body == ""

    def test_receipt_shows_no_signature(self):
        assert "sig algo" not in repr(receipt(signed(ORDER)))


class TestEvents:
    def test_ipn_tells_whose_order_it_is(self):
        assert seen(ORDER) == [
            PortalCustomerSeen(
                reference="352365983",
                our_reference="user-42",
                email="",
                is_valid=True,
                object_kind="ipn",
                object_id="1000037",
            )
        ]

    @time_machine.travel(NOW)
    def test_lcn_tells_whose_subscription_it_is(self):
        assert seen(LICENSE) == [
            PortalCustomerSeen(
                reference="352365983",
                our_reference="user-42",
                email="",
                is_valid=True,
                object_kind="lcn",
                object_id="3C343D0FAF",
            )
        ]

    def test_address_is_told_by_the_name_that_each_has_for_it(self):
        (order,) = seen([*ORDER, ("CUSTOMEREMAIL", "reader@example.com"), ("EMAIL", "other@example.com")])
        (license,) = seen([*LICENSE, ("EMAIL", "reader@example.com"), ("CUSTOMEREMAIL", "other@example.com")])
        assert order.email == license.email == "reader@example.com"

    def test_test_order_stands_at_the_sandbox_alone(self):
        order = [*ORDER, ("TEST_ORDER", "1")]
        assert [event.is_valid for event in seen(order) + seen(order, reader_of(mode="sandbox"))] == [False, True]
        (real,) = seen([*ORDER, ("TEST_ORDER", "0")])
        assert real.is_valid

    @pytest.mark.parametrize("status", ["PENDING", "REFUND", "REVERSED", "complete", "", "BRAND_NEW"])
    def test_only_a_complete_order_stands(self, status):
        (event,) = seen(changed(ORDER, ORDERSTATUS=status))
        assert not event.is_valid

    @pytest.mark.parametrize(
        "fields", [{"DISABLED": "1"}, {"DISABLED": "BRAND_NEW"}, {"TEST": "1"}, {"EXPIRATION_DATE": "2025-01-01"}]
    )
    @time_machine.travel(NOW)
    def test_subscription_that_is_off_or_a_test_does_not_stand(self, fields):
        (event,) = seen(changed(LICENSE, **fields))
        assert not event.is_valid

    @time_machine.travel(NOW)
    def test_test_stands_at_the_sandbox(self):
        (event,) = seen(changed(LICENSE, TEST="1"), reader_of(mode="sandbox"))
        assert event.is_valid

    def test_customer_without_our_reference_is_told_without(self):
        (event,) = seen(changed(ORDER, EXTERNAL_CUSTOMER_REFERENCE=""))
        assert event.our_reference == ""

    @pytest.mark.parametrize("reference", ["x" * 256, "a\x00b"])
    def test_reference_that_this_site_cannot_have_issued_is_none(self, reference):
        (event,) = seen(changed(ORDER, EXTERNAL_CUSTOMER_REFERENCE=reference))
        assert event.our_reference == ""

    @pytest.mark.parametrize("reference", ["", None])
    def test_delivery_without_a_customer_says_nothing(self, reference):
        assert seen(changed(ORDER, AVANGATE_CUSTOMER_REFERENCE=reference)) == []

    @pytest.mark.parametrize(
        ("pairs", "field"),
        [
            (changed(ORDER, AVANGATE_CUSTOMER_REFERENCE="12345678901"), "AVANGATE_CUSTOMER_REFERENCE"),
            (changed(ORDER, AVANGATE_CUSTOMER_REFERENCE="x"), "AVANGATE_CUSTOMER_REFERENCE"),
            (changed(ORDER, EXTERNAL_CUSTOMER_REFERENCE=b"\xff"), "EXTERNAL_CUSTOMER_REFERENCE"),
            ([*ORDER, ("EXTERNAL_CUSTOMER_REFERENCE", "user-43")], "EXTERNAL_CUSTOMER_REFERENCE"),
            ([*LICENSE, ("DISABLED", "0")], "DISABLED"),
            (changed(LICENSE, DISABLED=None), "DISABLED"),
            (changed(LICENSE, EXPIRATION_DATE="soon"), "EXPIRATION_DATE"),
            (changed(ORDER, ORDERSTATUS=None), "ORDERSTATUS"),
            (changed(ORDER, IPN_DATE="2025-01-02"), "IPN_DATE"),
            ([("HELLO", "world")], "body"),
            ([], "body"),
        ],
    )
    def test_malformed_body_is_refused_by_its_field(self, pairs, field):
        with pytest.raises(InvalidValueError) as caught:
            seen(pairs)
        assert caught.value.field == field

    @pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
    def test_nothing_but_a_form_is_read(self, content_type):
        with pytest.raises(InvalidValueError, match="content_type"):
            READER.read_events(form(ORDER), content_type)

    def test_form_may_name_its_encoding(self):
        assert READER.read_events(form(ORDER), f"{FORM}; charset=UTF-8")

    def test_nothing_is_to_be_confirmed(self):
        with pytest.raises(UnsupportedOperationError):
            READER.confirm(seen(ORDER)[0])


NAMES = st.sampled_from([*(name for name, _ in [*ORDER, *LICENSE]), "SIGNATURE_SHA2_256", "SIGNATURE_SHA3_256", "HASH"])
FORMS = st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=20).map(lambda pairs: urlencode(pairs).encode())


@given(body=st.binary() | FORMS, content_type=st.just(FORM) | st.text(max_size=40))
def test_whatever_comes_is_refused_in_words(body, content_type):
    with pytest.raises(SignatureError):
        receipt(body)
    with suppress(InvalidValueError):
        READER.read_events(body, content_type)

"""plenigo's callbacks: who signed them, and whom they are about (docs/protocols/plenigo-v3.md 7)."""

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_plenigo.errors import ConfigurationError, InvalidValueError, SignatureError, UnsupportedOperationError
from django_plenigo.protocols.base import (
    FROM_THE_FUTURE,
    NO_SIGNATURE,
    SIGNATURE_CODES,
    TOO_OLD,
    WRONG_SIGNATURE,
    CustomerEvent,
    WebhookReceipt,
)
from django_plenigo.protocols.plenigo_v3.callbacks import PlenigoCallbacks
from tests.scripted_portals import delivery

SECRET, OTHER = "made-up-callback-secret", "made-up-secret-of-another-callback"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIGNED_AT = int(NOW.timestamp())
WINDOW_SECONDS = 36 * 60 * 60
BODY = b'{"entityType":"CUSTOMER","callbackType":"CHANGE","entityId":"100003","entity":{"customerId":"100003"}}'

READER = PlenigoCallbacks(secrets=[SECRET, OTHER], window_seconds=WINDOW_SECONDS)


def signature(body=BODY, *, at=SIGNED_AT, secret=SECRET):
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def header(body=BODY, *, at=SIGNED_AT, secret=SECRET):
    return f"t={at},s={signature(body, at=at, secret=secret)}"


def receipt(signed, body=BODY, *, now=NOW, reader=READER):
    return reader.authenticate(delivery(body, {"Plenigo-Signature": signed}), now=now)


def refusal(signed, body=BODY, *, now=NOW):
    with pytest.raises(SignatureError) as caught:
        receipt(signed, body, now=now)
    assert caught.value.code in SIGNATURE_CODES
    return caught.value.code


def events(kind, what="CHANGE", entity_id="1", content_type="application/json", **entity):
    values = {"entityType": kind, "callbackType": what, "entityId": entity_id}
    return READER.read_events(json.dumps(values | ({"entity": entity} if entity else {})).encode(), content_type)


class TestSignature:
    @pytest.mark.parametrize("secret", [SECRET, OTHER])
    def test_of_any_secret_is_accepted_and_answered_by_nothing(self, secret):
        assert receipt(header(secret=secret)) == WebhookReceipt()

    def test_is_computed_as_the_vendor_says(self):
        """By the command line: printf '%s' '1700000000.{}' | openssl dgst -sha256 -hmac made-up."""
        reader = PlenigoCallbacks(secrets=["made-up"], window_seconds=60)
        known = "e27628e5c853219a3a24ad560a20ef03fe547008376529d855cb7e414ed00036"
        assert receipt(f"t=1700000000,s={known}", b"{}", now=datetime.fromtimestamp(1_700_000_000, UTC), reader=reader)

    def test_of_several_one_must_be_right(self):
        right = signature()
        assert receipt(f"t={SIGNED_AT},s={'0' * 64},s={right}")
        assert receipt(f"t={SIGNED_AT},s={right},s={'0' * 64}")
        assert receipt(f" u=1f , s={right.upper()} , t={SIGNED_AT} , v2=x=y ,")

    @pytest.mark.parametrize(
        "signed",
        [
            *("", "t=,s=", f"t={SIGNED_AT}", f"s={signature()}", f"t={SIGNED_AT},s=", f"t=x,s={signature()}"),
            *(f"t=-{SIGNED_AT},s={signature()}", f"t={SIGNED_AT}.0,s={signature()}", f"t={'9' * 13},s={signature()}"),
            *(f"t={SIGNED_AT},t={SIGNED_AT},s={signature()}", f"T={SIGNED_AT},S={signature()}", signature()),
        ],
    )
    def test_must_be_there(self, signed):
        assert refusal(signed) == NO_SIGNATURE

    def test_header_must_be_there(self):
        with pytest.raises(SignatureError, match=NO_SIGNATURE):
            READER.authenticate(delivery(BODY), now=NOW)

    @pytest.mark.parametrize(
        "wrong", ["x", "0" * 64, signature()[:-1], "ü" * 64, "\udcff", signature(secret="unknown")]
    )
    def test_must_be_right(self, wrong):
        assert refusal(f"t={SIGNED_AT},s={wrong}") == WRONG_SIGNATURE

    def test_of_a_body_that_was_tampered_with_is_wrong(self):
        assert refusal(header(), BODY.replace(b"100003", b"100004")) == WRONG_SIGNATURE
        assert refusal(header(), BODY + b"\n") == WRONG_SIGNATURE

    def test_is_over_the_raw_bytes(self):
        body = b"\xff\x00 no json"
        assert receipt(header(body), body)

    def test_moment_is_signed_too(self):
        assert refusal(f"t={SIGNED_AT + 1},s={signature()}") == WRONG_SIGNATURE

    def test_counts_for_the_window_in_both_directions(self):
        for seconds in (-WINDOW_SECONDS, WINDOW_SECONDS):
            assert receipt(header(), now=NOW + timedelta(seconds=seconds))
        assert refusal(header(), now=NOW + timedelta(seconds=WINDOW_SECONDS + 1)) == TOO_OLD
        assert refusal(header(), now=NOW - timedelta(seconds=WINDOW_SECONDS + 1)) == FROM_THE_FUTURE

    def test_that_is_wrong_says_nothing_of_its_age(self):
        assert refusal(f"t=1,s={signature()}") == WRONG_SIGNATURE

    def test_needs_a_secret(self):
        reader = PlenigoCallbacks(secrets=[], window_seconds=60, setting="PLENIGO['default']['WEBHOOK_SECRETS']")
        with pytest.raises(ConfigurationError, match="WEBHOOK_SECRETS"):
            receipt(header(), reader=reader)
        assert (reader.can_prove, READER.can_prove) == (False, True)

    def test_secrets_are_not_shown(self):
        assert SECRET not in repr(READER)


class TestEvents:
    @pytest.mark.parametrize("what", ["CREATION", "CHANGE", "BRAND_NEW"])
    def test_customer_is_named_once(self, what):
        assert events("CUSTOMER", what, "100003", customerId="100003", salutation="", ssoLoginProviders=None) == [
            CustomerEvent("100003")
        ]

    def test_customer_who_is_no_more_is_told_without_an_entity(self):
        assert events("CUSTOMER", "DELETION", "100003") == [CustomerEvent("100003", is_deleted=True)]

    def test_order_is_of_whoever_pays_and_of_all_who_read(self):
        items = [{"deliveryCustomerId": "2"}, {"deliveryCustomerId": "3"}, {"deliveryCustomerId": "2"}, {"title": ""}]
        found = events("ORDER", "CREATION", "77", orderId="77", invoiceCustomerId="1", items=items)
        assert found == [CustomerEvent("1"), CustomerEvent("2"), CustomerEvent("3")]

    @pytest.mark.parametrize("what", ["CREATION", "CHANGE", "CANCELLATION", "UNDO_CANCELLATION", "ENDED"])
    def test_subscription_is_of_whoever_pays_and_of_who_reads(self, what):
        found = events("SUBSCRIPTION", what, "9", invoiceCustomerId="1", deliveryCustomerId="2")
        assert found == [CustomerEvent("1"), CustomerEvent("2")]

    def test_number_counts_as_its_digits(self):
        assert events("SUBSCRIPTION", invoiceCustomerId=100003) == [CustomerEvent("100003")]

    @pytest.mark.parametrize(
        "kind",
        [
            *("MULTIUSER_SUBSCRIPTION", "FAILED_PAYMENT", "PURCHASED_ADDON", "APP_STORE_ORDER", "CROSS_CLIENT_ORDER"),
            *("APP_STORE_SUBSCRIPTION", "TRANSACTION", "CUSTOMER_GDPR", "BRAND_NEW"),
        ],
    )
    def test_what_may_change_access_says_so(self, kind):
        assert events(kind, customerId="1") == [CustomerEvent("1")]

    @pytest.mark.parametrize("kind", ["CUSTOMER_OPT_IN", "INVOICE", "INVOICE_CANCELLATION", "INVOICE_CORRECTION"])
    def test_what_changes_no_access_says_so(self, kind):
        assert events(kind, customerId="1") == [CustomerEvent("1", changes_access=False)]

    @pytest.mark.parametrize("kind", ["SUBSCRIPTION", "ORDER", "VOUCHER_CAMPAIGN", "DOO_EVENT_ACCESS"])
    def test_what_names_nobody_says_nothing(self, kind):
        assert events(kind, "DELETION") == []
        assert events(kind, invoiceCustomerId="", deliveryCustomerId=None, items=None) == []

    @pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "", "text/plain"])
    def test_media_type_is_not_looked_at(self, content_type):
        assert events("CUSTOMER", entity_id="1", content_type=content_type) == [CustomerEvent("1")]

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"a=1"])
    def test_what_is_no_json_object_is_refused(self, body):
        with pytest.raises(InvalidValueError, match="body"):
            READER.read_events(body, "application/json")

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({}, "entityType"),
            ({"entityType": ["CUSTOMER"], "callbackType": "CHANGE"}, "entityType"),
            ({"entityType": "CUSTOMER", "callbackType": "DELETION"}, "entityId"),
            ({"entityType": "CUSTOMER", "callbackType": "CHANGE", "entityId": "x"}, "entityId"),
            ({"entityType": "CUSTOMER", "callbackType": "CHANGE", "entityId": "9" * 19}, "entityId"),
            ({"entityType": "", "callbackType": "CHANGE"}, "entityType"),
        ],
    )
    def test_malformed_callback_is_refused_by_its_field(self, values, field):
        with pytest.raises(InvalidValueError) as caught:
            READER.read_events(json.dumps(values).encode(), "application/json")
        assert caught.value.field == field

    @pytest.mark.parametrize(
        ("kind", "entity", "customer_ids"),
        [
            ("ORDER", {"invoiceCustomerId": "100003", "items": [{"deliveryCustomerId": "EXT-77"}]}, ["100003"]),
            ("ORDER", {"invoiceCustomerId": {}, "items": ["x", {"deliveryCustomerId": "100003"}]}, ["100003"]),
            ("SUBSCRIPTION", {"customerId": True, "invoiceCustomerId": "9" * 19}, []),
            ("VOUCHER_CAMPAIGN", {"items": {"size": 3}}, []),
            ("CUSTOMER_GDPR", "a text", []),
        ],
    )
    def test_what_is_no_customer_id_hides_no_other_and_refuses_nothing(self, kind, entity, customer_ids):
        body = json.dumps({"entityType": kind, "callbackType": "", "entity": entity}).encode()
        assert [event.customer_id for event in READER.read_events(body, "application/json")] == customer_ids

    def test_nothing_is_to_be_confirmed(self):
        with pytest.raises(UnsupportedOperationError):
            READER.confirm(CustomerEvent("1"))


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
NAMES = st.sampled_from(
    [
        "entityType",
        "callbackType",
        "entityId",
        "entity",
        "items",
        "customerId",
        "invoiceCustomerId",
        "deliveryCustomerId",
    ]
)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner), max_leaves=20)
CALLBACKS = TREES.map(lambda entity: {"entityType": "ORDER", "callbackType": "CHANGE", "entity": entity})
BODIES = st.binary() | (TREES | CALLBACKS).map(lambda value: json.dumps(value).encode())


@given(body=BODIES, content_type=st.text(max_size=40), sent=st.text() | st.text().map(lambda text: f"t=1,s={text}"))
def test_whatever_comes_is_refused_in_words(body, content_type, sent):
    with pytest.raises(SignatureError):
        receipt(sent, body)
    with suppress(InvalidValueError):
        READER.read_events(body, content_type)

"""OkePay's webhooks: who signed them, and what they say (docs/protocols/okepay.md 6)."""

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_plenigo.errors import ConfigurationError, InvalidValueError, SignatureError
from django_plenigo.protocols.base import (
    NO_SIGNATURE,
    NO_TOKEN,
    SIGNATURE_CODES,
    WRONG_SIGNATURE,
    WRONG_TOKEN,
    PortalCustomerSeen,
    WebhookReceipt,
)
from django_plenigo.protocols.okepay import OkePay
from tests.scripted_portals import FORM, delivery, portal_of
from tests.transport.fakes import ScriptedAdapter

JSON = "application/json"
NOW = datetime(2025, 1, 2, tzinfo=UTC)
KEY, TOKEN = "sandbox-webhook-key", "u" * 43

JSON_BODY = (
    b'{"subscription":{"id":17,"uuid":"82m09f9","status":"active","start":"2025-01-01","end":null,'
    b'"valid_until":"2025-02-01","paymentInterval":"P1M","invoice":{"referenceId":"order-42","amount":1250,'
    b'"currency":"CHF"},"contact":{"id":4711,"uuid":"c0ffee00","email":"jane@example.com","firstname":"Jane",'
    b'"lastname":"Doe"}}}'
)
JSON_SIGNATURE = "88f496bc8f998084f6c404fccd956a4f846f01266a6d42770257619e552c44b0"
FORM_SIGNATURE = "8b9e819333e5d658d701f528bd9401d02b9ee5971461f607d0f0c87a4e95eb12"


def flattened(values, name=""):
    """Yield the pairs that PHP's http_build_query makes of nested values: nulls vanish."""
    for key, value in values.items():
        inner = f"{name}[{key}]" if name else key
        if isinstance(value, dict):
            yield from flattened(value, inner)
        elif value is not None:
            yield inner, str(value)


def as_form(values):
    return urlencode(list(flattened(values)), safe="").encode()


FORM_BODY = as_form(json.loads(JSON_BODY))
SEEN = PortalCustomerSeen(
    reference="4711",
    our_reference="order-42",
    email="jane@example.com",
    is_valid=True,
    object_kind="subscription",
    object_id="17",
)


def reader_of(*, keys=(), tokens=(), mode="live"):
    return portal_of(
        OkePay,
        ScriptedAdapter(),
        mode=mode,
        INSTANCE="demo-instance",
        SECRET="s" * 20,
        WEBHOOK_KEYS=keys,
        WEBHOOK_TOKENS=tokens,
    )


SIGNED, BY_TOKEN = reader_of(keys=[KEY], tokens=[TOKEN]), reader_of(tokens=[TOKEN])


def receipt(reader, body=JSON_BODY, *, token="", **headers):
    return reader.authenticate(
        delivery(body, {name.replace("_", "-"): value for name, value in headers.items()}, token=token), now=NOW
    )


def refusal(reader, body=JSON_BODY, *, token="", **headers):
    with pytest.raises(SignatureError) as caught:
        receipt(reader, body, token=token, **headers)
    assert caught.value.code in SIGNATURE_CODES
    return caught.value.code


def seen(values, reader=SIGNED):
    """Read an object in both ways it can come, which must say the same."""
    by_json = reader.read_events(json.dumps(values).encode(), JSON)
    assert reader.read_events(as_form(values), FORM) == by_json
    return by_json


def subscription(**values):
    return {"subscription": {**json.loads(JSON_BODY)["subscription"], **values}}


def transaction(**values):
    payment = {
        "id": 9,
        "uuid": "a1b2",
        "status": "confirmed",
        "invoice": {"referenceId": "order-42"},
        "contact": {"id": 4711, "uuid": "c0ffee00", "email": "jane@example.com"},
    }
    return {"transaction": {**payment, **values}}


class TestSignature:
    def test_bodies_are_those_of_the_vectors(self):
        assert (len(JSON_BODY), len(FORM_BODY)) == (315, 569)
        assert FORM_BODY.startswith(b"subscription%5Bid%5D=17&subscription%5Buuid%5D=82m09f9&")

    @pytest.mark.parametrize(("body", "signature"), [(JSON_BODY, JSON_SIGNATURE), (FORM_BODY, FORM_SIGNATURE)])
    def test_vector_is_accepted_and_answered_by_nothing(self, body, signature):
        assert receipt(SIGNED, body, X_Webhook_Signature=signature) == WebhookReceipt()

    def test_signature_in_capital_letters_is_the_same(self):
        assert receipt(SIGNED, X_Webhook_Signature=JSON_SIGNATURE.upper()) == WebhookReceipt()

    def test_name_of_the_header_may_be_in_small_letters(self):
        assert receipt(SIGNED, **{"x-webhook-signature": JSON_SIGNATURE}) == WebhookReceipt()

    @pytest.mark.parametrize("keys", [[KEY, "n" * 20], ["n" * 20, KEY]])
    def test_of_any_key_is_right_while_keys_change(self, keys):
        receipt(reader_of(keys=keys), X_Webhook_Signature=JSON_SIGNATURE)

    def test_must_be_there_where_a_key_is_configured_whatever_the_token(self):
        assert refusal(SIGNED, token=TOKEN) == NO_SIGNATURE
        assert refusal(SIGNED, token=TOKEN, X_Webhook_Signature=" ") == NO_SIGNATURE

    @pytest.mark.parametrize("wrong", ["x", FORM_SIGNATURE, JSON_SIGNATURE[:-1], "ü" * 64, "\udcff", "0" * 64])
    def test_must_be_right(self, wrong):
        assert refusal(SIGNED, token=TOKEN, X_Webhook_Signature=wrong) == WRONG_SIGNATURE

    def test_of_a_body_that_was_tampered_with_is_wrong(self):
        tampered = JSON_BODY.replace(b"4711", b"4712")
        assert refusal(SIGNED, tampered, X_Webhook_Signature=JSON_SIGNATURE) == WRONG_SIGNATURE
        assert refusal(SIGNED, JSON_BODY + b"\n", X_Webhook_Signature=JSON_SIGNATURE) == WRONG_SIGNATURE

    def test_is_over_the_raw_bytes(self):
        body = b"\xff\x00 no json"
        signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
        receipt(SIGNED, body, X_Webhook_Signature=signature)


class TestToken:
    def test_lets_in_what_is_still_to_be_confirmed(self):
        assert receipt(BY_TOKEN, token=TOKEN) == WebhookReceipt(needs_confirmation=True)

    def test_of_several_any_will_do(self):
        assert receipt(reader_of(tokens=["n" * 43, TOKEN]), token=TOKEN).needs_confirmation

    def test_must_be_there(self):
        assert refusal(BY_TOKEN) == NO_TOKEN
        assert refusal(BY_TOKEN, X_Webhook_Signature=JSON_SIGNATURE) == NO_TOKEN

    @pytest.mark.parametrize("wrong", ["x", TOKEN[:-1], f"{TOKEN} ", TOKEN.upper(), "ü", "\udcff"])
    def test_must_be_right(self, wrong):
        assert refusal(BY_TOKEN, token=wrong) == WRONG_TOKEN

    def test_or_a_key_must_be_configured(self):
        with pytest.raises(ConfigurationError) as caught:
            receipt(reader_of(), token=TOKEN, X_Webhook_Signature=JSON_SIGNATURE)
        assert "PLENIGO_PORTALS['shop']['WEBHOOK_KEYS']" in str(caught.value)
        assert "WEBHOOK_TOKENS" in str(caught.value)

    @pytest.mark.parametrize("tokens", [["x"], [TOKEN, "t" * 31]])
    def test_that_could_be_guessed_is_refused_with_what_to_write(self, tokens):
        with pytest.raises(ConfigurationError) as caught:
            reader_of(tokens=tokens)
        assert "['WEBHOOK_TOKENS'] must hold texts of at least 32 characters" in str(caught.value)
        assert "secrets.token_urlsafe(32)" in str(caught.value)
        assert "t" * 31 not in str(caught.value)

    def test_of_the_least_length_is_taken(self):
        assert receipt(reader_of(tokens=["t" * 32]), token="t" * 32).needs_confirmation


def test_reader_can_prove_deliveries_by_a_key_or_by_a_token_and_not_without():
    readers = [reader_of(keys=[KEY]), BY_TOKEN, SIGNED, reader_of()]
    assert [reader.can_prove for reader in readers] == [True, True, True, False]


class TestEvents:
    @pytest.mark.parametrize(("body", "content_type"), [(JSON_BODY, JSON), (FORM_BODY, FORM)])
    def test_vector_tells_whose_subscription_it_is(self, body, content_type):
        assert SIGNED.read_events(body, content_type) == [SEEN]
        assert SIGNED.read_events(body, f"{content_type.upper()}; charset=utf-8") == [SEEN]

    def test_transaction_tells_its_contact(self):
        (event,) = seen(transaction())
        assert (event.object_kind, event.object_id, event.reference) == ("transaction", "9", "4711")
        assert event.is_valid

    def test_transaction_with_its_subscription_is_read_by_itself(self):
        inner = subscription(id=17, contact={"id": 5, "email": "eve@example.com"})
        (event,) = seen(transaction(**inner))
        assert (event.object_kind, event.reference) == ("transaction", "4711")

    @pytest.mark.parametrize(
        "status",
        [
            *("waiting", "cancelled", "declined", "authorized", "refunded", "partially-refunded", "chargeback"),
            *("error", "reserved", "initiated", "disputed", "expired", "refund_pending", "insecure", "uncaptured"),
            *("active", "brand new", "CONFIRMED", "", None, 7),
        ],
    )
    def test_only_a_confirmed_transaction_stands(self, status):
        (event,) = seen(transaction(status=status))
        assert not event.is_valid

    @pytest.mark.parametrize("status", ["overdue", "failed", "in_notice", "cancelled", "confirmed", "brand new", None])
    def test_only_an_active_subscription_stands(self, status):
        (event,) = seen(subscription(status=status))
        assert not event.is_valid

    @pytest.mark.parametrize("test", [{"mode": "TEST"}, {"invoice": {"referenceId": "order-42", "test": 1}}])
    def test_test_stands_at_the_sandbox_alone(self, test):
        assert not seen(transaction(**test))[0].is_valid
        assert seen(transaction(**test), reader_of(mode="sandbox"))[0].is_valid
        assert seen(transaction(mode="LIVE", invoice={"test": 0}))[0].is_valid

    def test_reference_may_stand_beside_the_invoice(self):
        (event,) = seen(transaction(invoice={"currency": "CHF"}, referenceId="order-43"))
        assert event.our_reference == "order-43"

    @pytest.mark.parametrize("invoice", [None, {"referenceId": ""}, {"referenceId": None}])
    def test_customer_without_our_reference_is_told_without(self, invoice):
        assert seen(subscription(invoice=invoice))[0].our_reference == ""

    def test_contact_without_an_address_is_told_without(self):
        assert seen(subscription(contact={"id": 4711}))[0].email == ""

    @pytest.mark.parametrize("contact", [None, {"id": 0}, {"id": None}, {"uuid": "c0ffee00"}])
    def test_object_without_a_contact_says_nothing(self, contact):
        assert seen(transaction(contact=contact)) == []

    def test_object_of_another_kind_says_nothing(self):
        assert seen({"payout": {"id": 1}}) == []

    def test_empty_objects_are_lists_in_phps_json(self):
        body = json.dumps(transaction(invoice=[], contact=[])).encode()
        assert SIGNED.read_events(body, JSON) == []

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            (subscription(contact={"id": "x"}), "subscription.contact.id"),
            (subscription(contact={"id": -1}), "subscription.contact.id"),
            (subscription(contact={"id": 2**31}), "subscription.contact.id"),
            (subscription(contact={"id": 10**3000}), "subscription.contact.id"),
            (subscription(id="17/../18"), "subscription.id"),
            (subscription(contact={"id": 1, "email": {"a": "b"}}), "subscription.contact.email"),
            (subscription(invoice={"referenceId": {"a": "b"}}), "subscription.invoice.referenceId"),
            (subscription(contact="jane"), "subscription.contact"),
            ({"transaction": "x"}, "transaction"),
        ],
    )
    def test_malformed_object_is_refused_by_its_field(self, values, field):
        for body, content_type in ((json.dumps(values).encode(), JSON), (as_form(values), FORM)):
            with pytest.raises(InvalidValueError) as caught:
                SIGNED.read_events(body, content_type)
            assert caught.value.field == field

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"1", b"null", b"\xff", b"[" * 100_000, b'{"transaction":{"id":' + b"9" * 5000 + b"}}"],
    )
    def test_what_is_no_json_object_is_refused(self, body):
        with pytest.raises(InvalidValueError, match="body"):
            SIGNED.read_events(body, JSON)

    @pytest.mark.parametrize("reference", ["x" * 256, "of another\nshop", "\0"])
    def test_reference_that_this_site_cannot_have_issued_is_none(self, reference):
        assert seen(subscription(invoice={"referenceId": reference}))[0].our_reference == ""

    def test_half_a_character_is_nothing_of_this_site_either(self):
        body = json.dumps(subscription(invoice={"referenceId": "\ud800"})).encode()
        assert SIGNED.read_events(body, JSON)[0].our_reference == ""

    @pytest.mark.parametrize(
        ("written", "read"), [("jane@example.com\t", "jane@example.com"), ("a\nb@example.com", "")]
    )
    def test_address_is_read_without_the_blanks_around_it_or_not_at_all(self, written, read):
        assert seen(subscription(contact={"id": 1, "email": written}))[0].email == read

    @pytest.mark.parametrize("opening", [b"", b" \r\n"])
    def test_json_that_is_sent_again_as_a_form_is_refused(self, opening):
        """The media type is not signed, and whoever pays chooses her name."""
        fields = {"contact][id": "4711", "contact][email": "mallory@example.com", "invoice][referenceId": "order-43"}
        chosen = "&".join(["x", *(f"subscription[{name}]={value}" for name, value in fields.items()), "z="])
        body = opening + json.dumps(subscription(status="cancelled", contact={"id": 99, "firstname": chosen})).encode()
        assert [event.reference for event in SIGNED.read_events(body, JSON)] == ["99"]
        with pytest.raises(InvalidValueError, match="is JSON"):
            SIGNED.read_events(body, FORM)

    @pytest.mark.parametrize(
        "body",
        [
            b"transaction=1&transaction[id]=2",
            b"transaction[contact][email]=%FF",
            b"a" + b"[a]" * 50 + b"=1",
            b"&".join([b"a=1"] * 1001),
        ],
    )
    def test_what_is_no_form_of_phps_is_refused(self, body):
        with pytest.raises(InvalidValueError, match="body"):
            SIGNED.read_events(body, FORM)

    def test_names_that_are_none_of_phps_are_passed_over(self):
        body = FORM_BODY + f"&{quote(']x[')}=1&=2&subscription[=3&plain=4".encode()
        assert SIGNED.read_events(body, FORM) == [SEEN]

    @pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data; boundary=x", "text/json"])
    def test_other_media_types_are_refused(self, content_type):
        with pytest.raises(InvalidValueError, match="content_type"):
            SIGNED.read_events(JSON_BODY, content_type)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
NAMES = st.sampled_from(["transaction", "subscription", "contact", "invoice", "id", "email", "referenceId", "status"])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner), max_leaves=20)
BODIES = st.binary() | TREES.map(lambda value: json.dumps(value).encode())
PHP_NAMES = st.lists(NAMES, min_size=1, max_size=4).map(
    lambda parts: parts[0] + "".join(f"[{each}]" for each in parts[1:])
)
FORMS = st.lists(st.tuples(PHP_NAMES, st.binary(max_size=10)), max_size=20).map(lambda pairs: urlencode(pairs).encode())


@given(body=BODIES | FORMS, content_type=st.sampled_from([JSON, FORM]) | st.text(max_size=40), sent=st.text())
def test_whatever_comes_is_refused_in_words(body, content_type, sent):
    for reader in (SIGNED, BY_TOKEN):
        with pytest.raises(SignatureError):
            receipt(reader, body, token=sent, X_Webhook_Signature=sent)
    with suppress(InvalidValueError):
        SIGNED.read_events(body, content_type)

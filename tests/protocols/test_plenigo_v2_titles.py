"""A title may hold anything: it is written as the vendor's builder writes it (docs/protocols/plenigo-v2.md 3.1)."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.protocols.plenigo_v2.checkout import CheckoutBuilder


def payload_of(title):
    call = CheckoutBuilder("secret").sign_checkout(CheckoutOrder("item-123", title=title), CheckoutOptions())
    segment = json.loads(call.arguments_json)["paymentData"].split(".")[1]
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode("ascii")


def title_read_from(title):
    """Return the title that a JSON library reads in the payload, which must have been given."""
    return json.loads(payload_of(title), strict=False)["ti"]


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("a\nb", r"a\nb"),
        ("\b\t\n\f\r|", r"\b\t\n\f\r|"),
        ("a\x00b\x01\x0b\x1f", r"a\u0000b\u0001\u000b\u001f"),
        ("a\x7fb", "a\x7fb"),
        (r"\u007f" + "\x7f", r"\\u007f" + "\x7f"),
        ("\x80\x85\x9f", r"\u0080\u0085\u009f"),
        ("\u00a0", r"\u00a0"),
        ("\u2028\u200b\ufeff", r"\u2028\u200b\ufeff"),
        ("</Ä\"\\🚂'<&>", r"<\/\u00c4\"\\\ud83d\ude82'<&>"),
    ],
    ids=ascii,
)
def test_title_is_written_as_the_vendors_builder_writes_it(title, text):
    assert payload_of(title) == f'{{"ti":"{text}","pi":"item-123","aud":"plenigo"}}'


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("a\ud83d", "a\ufffd"),
        ("\ud800\ud800\udc00\udc00", "\ufffd\U00010000\ufffd"),
        ("\ud83d\ude82", "🚂"),
    ],
    ids=ascii,
)
def test_half_a_character_is_replaced(title, read):
    assert title_read_from(title) == read


@pytest.mark.parametrize("title", ["\0", " \t\n\r\0\x0b"], ids=ascii)
def test_title_that_the_vendors_builder_takes_for_blank_is_not_sent(title):
    assert payload_of(title) == '{"pi":"item-123","aud":"plenigo"}'


@pytest.mark.parametrize("character", ["ü", "\n", "🚂", "\x7f", "\ud800"], ids=ascii)
def test_title_is_cut_to_100_characters(character):
    assert len(title_read_from(character * 99 + "ab")) == 100


@given(st.text(st.characters(), max_size=100))
@settings(database=None, deadline=None)
def test_any_title_is_sent_as_it_is_but_for_halves_of_characters(title):
    sent = title_read_from(f"|{title}"[:100])
    expected = json.loads(json.dumps(f"|{title}"[:100]))  # joins two halves that belong together
    assert sent == "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in expected)

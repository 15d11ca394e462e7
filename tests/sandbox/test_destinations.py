"""Addresses that a page may return to."""

import pytest

from django_plenigo.sandbox.destinations import is_origin, is_web_address, with_query


@pytest.mark.parametrize("origin", ["https://shop.example", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_origin_of_a_web_page_is_one(origin):
    assert is_origin(origin)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "*",
        "https://shop.example/",
        "https://shop.example; script-src *",
        "https://a b",
        "https://x\n",
        "file://x",
    ],
)
def test_origin_refuses_what_a_browser_would_not_write(text):
    assert not is_origin(text)


@pytest.mark.parametrize("address", ["https://shop.example/a?b=c#d", "http://localhost:8000/"])
def test_web_address_is_one(address):
    assert is_web_address(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/thanks",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a/b",
        "https:///x",
        "https://a\\@b",
        "https://[",
        "java\nscript:x",
    ],
)
def test_web_address_refuses_everything_else(text):
    assert not is_web_address(text)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example/", "https://a.example/?paymentState=success"),
        ("https://a.example/?b=%2F+x#top", "https://a.example/?b=%2F+x&paymentState=success#top"),
        ("https://a.example/?paymentState=old&c", "https://a.example/?c&paymentState=success"),
    ],
)
def test_with_query_keeps_the_rest_byte_for_byte(address, expected):
    assert with_query(address, paymentState="success") == expected


def test_with_query_encodes_values():
    assert with_query("https://a.example/", state="a&b=ü") == "https://a.example/?state=a%26b%3D%C3%BC"

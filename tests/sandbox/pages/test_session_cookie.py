"""The vendor's session cookie."""

from datetime import UTC, datetime

from django_plenigo.sandbox import session_cookies
from django_plenigo.sandbox.pages.session_cookie import encrypt_session, new_session_cookie

SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
VECTOR = "c584f71a1d049f108e01a379a2e40d5e11e12497bd5ad64e915e1cab9a0d28b759d0000102030405060708090a0b0c0d0e0f"


def test_encrypt_yields_the_published_vector():
    issued_at = datetime.fromtimestamp(1700000000, UTC)
    assert encrypt_session(SECRET, "KX7P2MWQ4RTB", issued_at, bytes(range(16))) == VECTOR


def test_new_cookie_is_one_that_the_api_believes(customer):
    assert session_cookies.customer_of(customer.company, new_session_cookie(customer)) == customer


def test_new_cookie_differs_each_time(customer):
    assert new_session_cookie(customer) != new_session_cookie(customer)

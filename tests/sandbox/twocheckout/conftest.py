"""What the tests of 2Checkout share."""

import pytest
from django.contrib.auth import get_user_model

from tests.sandbox.twocheckout.client import Browser, Merchant, Rpc


@pytest.fixture
def rpc(db):
    return Rpc()


@pytest.fixture
def session_id(rpc):
    return rpc.log_in()


@pytest.fixture
def link(rpc, session_id):
    """Return a link into myAccount for the demo customer; the params after the reference may be others."""

    def mint(*params, reference="352365983", kind="2CheckoutCustomerReference"):
        return rpc("getSingleSignOnByCustomer", session_id, reference, kind, *params)

    return mint


@pytest.fixture
def visitor(db):
    return Browser()


@pytest.fixture
def signed_in(visitor, link):
    """A browser in which the demo customer is signed in."""
    visitor.open(link())
    return visitor


@pytest.fixture
def site():
    return Merchant()


@pytest.fixture
def merchant(sandbox):
    return sandbox.twocheckout_merchant()


@pytest.fixture
def customer(sandbox):
    """The demo customer."""
    return sandbox.twocheckout_customer()


@pytest.fixture
def subscription(customer):
    return customer.subscriptions.get()


@pytest.fixture
def staff(client, db):
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "x"))
    return client

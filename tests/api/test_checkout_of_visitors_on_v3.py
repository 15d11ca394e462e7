"""Visitors on API v3: they log in inside the checkout, buy, and log in here afterwards."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from django_plenigo.models import AccountConnection
from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder
from django_plenigo.sandbox import customer_sessions
from django_plenigo.services import checkout, customers

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(vendor):
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def opened(visitor):
    offer = checkout.Offer(CheckoutOrder("DAYPASS"), CheckoutOptions(), "default", lets_visitors_in=True)
    return post(visitor, "/plenigo/api/checkout/", {"offer": checkout.sign_offer(offer), "page": "/article/"})


@pytest.fixture
def buy(vendor, visitor, opened):
    """Let the visitor buy under an address, have our script tell of it, and return what it was told."""

    def buy(email):
        customer = vendor.create_customer(email)
        order_id = vendor.complete_purchase(opened["purchase_id"], customer)
        session = customer_sessions.text_of(customer_sessions.create(customer, {}))
        told = {"order_id": order_id, "customer_session": session}
        return told, post(visitor, opened["purchase_url"], told)

    return buy


def post(visitor, path, data):
    token = visitor.get("/plenigo/api/csrf-token/").json()
    headers = {token["header"]: token["csrf_token"]}
    return visitor.post(path, json.dumps(data), content_type="application/json", headers=headers).json()


def come_back(visitor, opened):
    return visitor.get(opened["options"]["returnUrl"].removeprefix("http://testserver"))


def test_visitor_reads_what_she_has_bought_once_she_has_logged_in_under_the_same_address(
    visitor, opened, buy, user, vendor
):
    _, answer = buy(user.email.upper())
    assert list(answer) == ["login_url"]
    assert customers.link_of(user) is None
    visitor.force_login(user)
    answer = come_back(visitor, opened)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/article/")
    (customer,) = vendor.customers()
    assert customers.link_of(user).customer_id == customer.number
    assert AccountConnection.objects.get().state == AccountConnection.State.DONE
    assert "plenigo_visitor" not in visitor.session


def test_reader_who_has_bought_as_a_visitor_is_not_told_that_she_has_connected_a_subscription(
    visitor, opened, buy, user, admin_client
):
    buy(user.email)
    visitor.force_login(user)
    come_back(visitor, opened)
    page = visitor.get("/plenigo/connect/done/").content.decode()
    assert ("subscription account of its own" in page, "is connected" in page) == (True, False)
    assert visitor.get("/plenigo/api/connection/").json()["state"] == "start"
    row = AccountConnection.objects.get()
    agents_page = admin_client.get(f"/admin/plenigo/accountconnection/{row.pk}/change/").content.decode()
    assert "bought inside the checkout as this customer" in agents_page


def test_front_end_of_its_own_tells_the_order_again(visitor, opened, buy, user):
    told, _ = buy(user.email)
    visitor.force_login(user)
    assert post(visitor, opened["purchase_url"], {"order_id": told["order_id"]})["is_bought"] is True


def test_visitor_is_not_whoever_logs_in_next_at_the_same_computer(visitor, opened, buy, user):
    buy("carol@example.com")
    visitor.force_login(user)
    assert "We know of no purchase of your account yet." in come_back(visitor, opened).content.decode()
    assert customers.link_of(user) is None
    assert "plenigo_visitor" not in visitor.session


def test_visitor_is_not_whoever_logs_in_an_hour_later(visitor, opened, buy, user, time_machine):
    buy(user.email)
    visitor.force_login(user)
    time_machine.move_to(timezone.now() + timedelta(minutes=16))
    come_back(visitor, opened)
    assert customers.link_of(user) is None


def test_session_that_is_none_links_nobody(visitor, opened, user):
    post(visitor, opened["purchase_url"], {"order_id": 1, "customer_session": "made-up"})
    visitor.force_login(user)
    assert "We know of no purchase of your account yet." in come_back(visitor, opened).content.decode()


def test_visitor_waits_while_the_vendor_is_out_of_order(visitor, opened, buy, user, vendor):
    buy(user.email)
    visitor.force_login(user)
    vendor.fail_next(500, times=None)
    assert "You do not need to pay again" in come_back(visitor, opened).content.decode()
    vendor.clear_faults()
    assert visitor.get(opened["purchase_url"]).json() == {"is_bought": True, "next": "/article/"}


def test_session_is_kept_encrypted(visitor, buy, user):
    told, _ = buy(user.email)
    assert told["customer_session"] not in str(visitor.session["plenigo_visitor"])


def test_session_is_kept_nowhere_where_the_browser_could_read_it(settings, visitor, buy, user, caplog):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    _, answer = buy(user.email)
    assert list(answer) == ["login_url"]
    assert "plenigo_visitor" not in visitor.session
    assert "keeps sessions in a cookie" in caplog.text


def test_no_other_site_says_whose_customer_a_visitor_is(visitor, opened):
    told = json.dumps({"order_id": 1, "customer_session": "an-attackers"})
    answer = visitor.post(opened["purchase_url"], told, content_type="application/json")
    assert (answer.status_code, "plenigo_visitor" in visitor.session) == (403, False)

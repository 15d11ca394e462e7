"""What the script is told about a page's product: the answer is for the holder of the session, and for nobody else."""

import pytest
from django.test import Client

from django_plenigo.sandbox import clock, purchases
from django_plenigo.sandbox.models import Company
from django_plenigo.sandbox.pages.session_cookie import encrypt_session, new_session_cookie
from django_plenigo.sandbox.seed import DAY_PASS

from .conftest import MOUNT


@pytest.fixture
def ask(company):
    """Ask as the script does; the client insists on CSRF tokens, and has none."""

    def ask(session, *, company_id=company.company_id, **fields):
        address = f"{MOUNT}access/{company_id}/"
        return Client(enforce_csrf_checks=True).post(address, {"productId": DAY_PASS, "session": session, **fields})

    return ask


@pytest.fixture
def owner(customer):
    """A customer who has bought the day pass."""
    purchases.buy(customer, DAY_PASS)
    return customer


def test_owner_has_access_and_any_page_may_read_that(ask, owner):
    answer = ask(new_session_cookie(owner))
    assert answer.json() == {"accessible": True}
    assert (answer["Access-Control-Allow-Origin"], answer["Cache-Control"]) == ("*", "no-store")
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "fields", [{"productId": "P_BOOK"}, {"productId": ""}, {"productId": "a\0"}, {"testMode": "true"}]
)
def test_owner_has_no_access_to_other_things(ask, owner, fields):
    assert ask(new_session_cookie(owner), **fields).json() == {"accessible": False}


def test_session_in_a_cookie_says_nothing(client, company, owner):
    client.cookies["plenigo_user"] = new_session_cookie(owner)
    answer = client.post(f"{MOUNT}access/{company.company_id}/", {"productId": DAY_PASS})
    assert answer.json() == {"accessible": False}


def test_session_without_the_check_sum_is_nobodys(ask, company, owner):
    forged = encrypt_session(company.secret, owner.customer_id, clock.now(), bytes(16))
    assert [ask(value).json()["accessible"] for value in (forged, f"{forged}|{'0' * 64}", "", "nonsense")] == [
        False
    ] * 4


def test_session_of_another_company_is_nobodys(ask, owner):
    other = Company.objects.create(name="Other")
    assert ask(new_session_cookie(owner), company_id=other.company_id).json() == {"accessible": False}


def test_everything_is_open_while_the_paywall_is_off(ask, company):
    company.paywall_enabled = False
    company.save()
    assert ask("").json() == {"accessible": True}


def test_unknown_company_is_not_there(ask):
    assert ask("", company_id="Nobody").status_code == 404


def test_session_is_not_taken_from_an_address(client, company, owner):
    query = {"productId": DAY_PASS, "session": new_session_cookie(owner)}
    assert client.get(f"{MOUNT}access/{company.company_id}/", query).status_code == 405


def test_nothing_is_answered_while_the_sandbox_is_shut(settings, ask, owner):
    settings.PLENIGO_SANDBOX = {}
    assert ask(new_session_cookie(owner)).status_code == 503

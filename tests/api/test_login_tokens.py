"""The login tokens of the snippets in a page: one call for all, and none for who has nothing to see."""

import json

import pytest
from django.test import Client

from django_plenigo.models import CustomerLink, RemoteChange

pytestmark = [pytest.mark.django_db, pytest.mark.api_v2]

ADDRESS = "/plenigo/api/login-tokens/"


class Browser(Client):
    """A browser that fetches the CSRF token as our script does."""

    def ask(self, amount=1, **data):
        fetched = self.get("/plenigo/api/csrf-token/").json()
        body = {"account": "default", "page": "/my/", "amount": amount, **data}
        headers = {fetched["header"]: fetched["csrf_token"]}
        return self.post(ADDRESS, json.dumps(body), content_type="application/json", headers=headers)


@pytest.fixture
def browser():
    return Browser(enforce_csrf_checks=True)


def test_each_snippet_gets_a_token_of_its_own_by_one_call(sandbox, reader, browser):
    browser.force_login(reader)
    answer = browser.ask(3)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    tokens = answer.json()["login_tokens"]
    assert len(set(tokens)) == 3
    assert [sandbox.consume_login_token(token).email for token in tokens] == [reader.email] * 3
    assert len(sandbox.calls) == 1


def test_answer_names_the_log_in_that_comes_back_to_the_page(sandbox, reader, browser):
    browser.force_login(reader)
    assert browser.ask().json()["logged_out_url"] == "/login/?next=/my/"
    assert browser.ask(page="https://evil.example/").json()["logged_out_url"] == "/login/?next=/"


def test_visitor_is_told_where_to_log_in(sandbox, browser):
    answer = browser.ask()
    assert (answer.status_code, answer.json()) == (401, {"login_url": "/login/?next=/my/"})
    assert sandbox.calls == []


def test_reader_who_is_no_customer_is_told_so_without_a_call(sandbox, user, browser):
    browser.force_login(user)
    answer = browser.ask()
    sentence = "There is nothing here yet: you have no subscription and no order with us."
    assert (answer.status_code, answer.json()) == (404, {"detail": sentence})
    assert (sandbox.calls, CustomerLink.objects.filter(user=user).exists()) == ([], False)


@pytest.mark.parametrize("amount", [0, 11, -1, True, 1.5, "2", None, [1]])
def test_amount_is_one_to_ten(sandbox, reader, browser, amount):
    browser.force_login(reader)
    assert browser.ask(amount).status_code == 400
    assert sandbox.calls == []


@pytest.mark.parametrize("account", ["nobody", 7, ["default"]])
def test_unknown_account_is_refused(sandbox, reader, browser, account):
    browser.force_login(reader)
    assert browser.ask(account=account).status_code == 400


def test_reader_is_told_that_the_vendor_is_down(sandbox, reader, browser):
    sandbox.fail_next(503, times=None)
    browser.force_login(reader)
    answer = browser.ask()
    sentence = "We cannot reach our subscription service right now. Please try again in a minute."
    assert (answer.status_code, answer.json()["detail"]) == (503, sentence)


def test_customer_whom_the_vendor_does_not_know_any_more_is_told_to_ask(sandbox, reader, browser, caplog):
    sandbox.fail_next(404, times=None)
    browser.force_login(reader)
    answer = browser.ask()
    assert (answer.status_code, "Please contact us" in answer.json()["detail"]) == (502, True)
    assert "create_login_tokens" in caplog.text


def test_get_and_a_post_without_csrf_token_mint_nothing(sandbox, reader, browser):
    browser.force_login(reader)
    assert browser.get(ADDRESS).status_code == 405
    assert browser.post(ADDRESS, json.dumps({"amount": 1}), content_type="application/json").status_code == 403
    assert sandbox.calls == []


def test_tokens_are_throttled_as_clicks_are(sandbox, reader, browser, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "CLICKS_PER_MINUTE": 2}}
    browser.force_login(reader)
    assert [browser.ask().status_code for _ in range(3)] == [200, 200, 429]
    assert browser.ask().json()["detail"] == "Too many tries. Please wait a minute and try again."


def test_changed_address_is_noted(sandbox, reader, browser, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "DELIVERY": ""}}
    type(reader).objects.filter(pk=reader.pk).update(email="new@example.com")
    browser.force_login(reader)
    browser.ask()
    row = RemoteChange.objects.get(link__user=reader, kind=RemoteChange.Kind.CHANGE_EMAIL)
    assert row.noted > row.delivered


def test_api_v3_has_transfer_tokens_instead(vendor, user, browser, caplog):
    browser.force_login(user)
    assert browser.ask().status_code == 404
    assert "takes API v2; PLENIGO['default'] has API v3" in caplog.text

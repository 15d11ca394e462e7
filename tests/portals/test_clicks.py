"""A click on a portal's button: minted, and the browser is sent on in the same response; or what has gone wrong."""

import logging

import pytest
from django.test import Client
from django.utils import translation

from django_plenigo import views
from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidValueError,
    NoAnswerError,
    NotFoundError,
    PlenigoError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteUnavailableError,
)
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.services import portals
from django_plenigo.services.portals import Outcome, Target, sign_target
from tests.factories import UserFactory
from tests.portals.clicking import ADDRESS, Form, handovers, page_of
from tests.site.portals import LINK, TOKEN

pytestmark = pytest.mark.django_db


def test_click_sends_the_browser_on_in_the_same_response(browser, harbour):
    response = browser.post(ADDRESS)
    assert (response.status_code, response["Location"], response.content) == (303, LINK, b"")
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "Cookie" in response["Vary"]


def test_link_is_kept_out_of_the_caches_also_where_the_middleware_is_missing(browser, settings):
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "django_plenigo" not in path]
    assert "no-store" in browser.post(ADDRESS)["Cache-Control"]


def test_whose_account_it_is_stands_in_our_own_table_alone(browser, harbour, bind):
    bind(UserFactory(), "999")
    browser.post(f"{ADDRESS}?idCustomer=999&userId=999", {"idCustomer": "999", "userId": "999", "reference": "999"})
    assert [customer for customer, _ in harbour.calls] == [CustomerRef("352365983")]


def test_external_reference_is_told_to_be_one(harbour, user, bind, client):
    bind(user, "ext-1", is_external=True)
    client.force_login(user)
    client.post(ADDRESS)
    assert harbour.calls[0][0] == CustomerRef("ext-1", is_external=True)


@pytest.mark.parametrize("method", ["get", "head"])
def test_get_never_mints_and_shows_the_button(browser, harbour, method):
    response = getattr(browser, method)(ADDRESS)
    assert response.status_code == 200
    assert (harbour.calls, handovers()) == ([], [])
    if method == "get":
        assert "One click leads you there." in page_of(response)
        form = Form(page_of(response))
        assert (form.action, form.method, form.button) == (ADDRESS, "post", "Open")
        assert browser.post(form.action, form.fields)["Location"] == LINK


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_are_refused(browser, harbour, method):
    assert getattr(browser, method)(ADDRESS).status_code == 405
    assert harbour.calls == []


def test_click_of_another_site_is_refused(boater, harbour):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(boater)
    signed = sign_target(Target("harbour", "berths"), boater)
    attempts = [
        {},
        {"target": signed},
        {"csrfmiddlewaretoken": "x" * 64},
        {"target": signed, "csrfmiddlewaretoken": "x" * 32},
    ]
    browser.get(ADDRESS)  # so that there is a cookie, which every site's form brings along
    for values in attempts:
        response = browser.post(ADDRESS, values)
        assert response.status_code == 403
        assert "Location" not in response
    assert browser.post(ADDRESS, headers={"origin": "https://evil.example"}).status_code == 403
    assert (harbour.calls, handovers()) == ([], [])


def test_reader_who_has_logged_in_anew_in_another_tab_is_given_a_button_that_works(boater, harbour):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(boater)
    old = Form(page_of(browser.get(ADDRESS)))
    browser.cookies.pop("csrftoken")  # as Django changes it with a log-in
    browser.get("/login/")
    response = browser.post(ADDRESS, old.fields | {"target": sign_target(Target("harbour", "berths"), boater)})
    assert response.status_code == 403
    assert "out of date" in page_of(response)
    form = Form(page_of(response))
    assert browser.post(form.action, form.fields)["Location"] == LINK
    assert harbour.calls[0][1].page == "berths"


def test_click_of_another_site_is_refused_also_without_the_sites_own_middleware(boater, harbour, settings):
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "Csrf" not in path]
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(boater)
    assert browser.post(ADDRESS).status_code == 403
    form = Form(browser.get(ADDRESS).content.decode())
    assert browser.post(ADDRESS, form.fields)["Location"] == LINK


def test_reader_who_comes_back_is_told_that_her_link_had_run_out_and_nobody_else_is(browser, harbour):
    harbour.answers.append(NotFoundError("harbour", "open", status=404))
    browser.post(ADDRESS, Form(page_of(browser.get(ADDRESS))).fields)
    assert "One click leads you there." in page_of(browser.get(ADDRESS))  # nothing was opened
    browser.post(ADDRESS, Form(page_of(browser.get(ADDRESS))).fields)
    back = page_of(browser.get(ADDRESS))
    assert "The link had run out" in back
    assert Form(back).button == "Open again"
    assert Form(page_of(browser.get("/plenigo/portal/quay/"))).button == "Open"


def test_reader_who_comes_anew_is_not_told_of_the_link_that_she_was_led_by_long_ago(browser, time_machine):
    time_machine.move_to("2026-01-01T12:00Z", tick=False)
    assert browser.post(ADDRESS).status_code == 303
    time_machine.move_to("2026-01-01T12:14Z", tick=False)
    assert "The link had run out" in page_of(browser.get(ADDRESS))
    time_machine.move_to("2026-01-01T12:16Z", tick=False)
    anew = page_of(browser.get(ADDRESS))
    assert "One click leads you there." in anew
    assert Form(anew).button == "Open"


def test_portal_that_there_is_not_is_not_found(browser):
    assert browser.post("/plenigo/portal/harbor/").status_code == 404


def test_visitor_logs_in_and_comes_back_to_a_button(client, boater, harbour):
    signed = sign_target(Target("harbour", "berths"), boater)
    login = client.post(ADDRESS, {"target": signed})
    assert login.status_code == 302
    assert login["Location"].startswith("/login/?next=/plenigo/portal/harbour/")
    client.force_login(boater)
    back = client.get(ADDRESS, {"target": signed})
    form = Form(page_of(back))
    assert form.button == "Open"
    assert harbour.calls == []
    assert client.post(form.action, form.fields)["Location"] == LINK
    assert harbour.calls[0][1].page == "berths"


# ---- where it leads


def test_page_and_subscription_travel_signed(browser, boater, harbour):
    signed = sign_target(Target("harbour", "berths", "123D40F123"), boater)
    browser.post(ADDRESS, {"target": signed, "page": "other", "subscription": "other"})
    target = harbour.calls[0][1]
    assert (target.page, target.subscription) == ("berths", "123D40F123")


def test_target_of_another_reader_another_portal_or_nobody_is_refused(browser, boater, harbour):
    other = UserFactory()
    for signed in (
        sign_target(Target("harbour", "", "123D40F123"), other),
        sign_target(Target("quay"), boater),
        sign_target(Target("harbour"), boater) + "x",
        "½",
        "a:b:c",
    ):
        response = browser.post(ADDRESS, {"target": signed})
        assert response.status_code == 400
        assert "out of date" in page_of(response)
        assert Form(page_of(response)).button == "Open again"
    assert (harbour.calls, handovers()) == ([], [])


@pytest.mark.parametrize("field", ["page", "subscription"])
@pytest.mark.parametrize("value", ["x" * 65, "a\nb", 5])
def test_target_that_is_no_text_or_too_long_is_refused_as_it_is_signed(user, field, value):
    with pytest.raises(InvalidValueError, match=field):
        sign_target(Target("harbour", **{field: value}), user)


def test_vendor_is_told_the_language_of_the_request(browser, harbour):
    browser.post(ADDRESS, headers={"accept-language": "de-at"})
    with translation.override("en"):
        assert harbour.calls[0][1].language == "de"


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "told"),
    [
        ([], "8.8.8.8", "9.9.9.9", ""),
        (["10.0.0.0/8"], "10.0.0.1", "9.9.9.9", "9.9.9.9"),
        (["10.0.0.0/8"], "10.0.0.1", "forged, 9.9.9.9", "9.9.9.9"),
        (["10.0.0.0/8"], "8.8.8.8", "9.9.9.9", "8.8.8.8"),
        (["10.0.0.0/8"], "10.0.0.1", "192.168.1.5", ""),
        (["10.0.0.0/8"], "10.0.0.1", "", ""),
        (["10.0.0.0/8"], "10.0.0.1", "unknown", ""),
    ],
    ids=["no proxies named", "by proxy", "forged", "past the proxy", "private", "none", "no address"],
)
def test_shoppers_address_is_told_where_it_is_certain_alone(browser, harbour, settings, proxies, peer, forwarded, told):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "TRUSTED_PROXIES": proxies}}
    browser.post(ADDRESS, REMOTE_ADDR=peer, headers={"x-forwarded-for": forwarded})
    assert harbour.calls[0][1].client_address == told


# ---- what may go wrong


@pytest.mark.parametrize(
    ("answer", "status", "outcome", "sentence"),
    [
        (NotFoundError("harbour", "mint"), 404, Outcome.UNKNOWN_THERE, "no subscription under this account"),
        (NoAnswerError("harbour", "mint"), 503, Outcome.UNAVAILABLE, "does not answer right now"),
        (RemoteUnavailableError("harbour", "mint", status=503), 503, Outcome.UNAVAILABLE, "does not answer right now"),
        (RateLimitError("harbour", "mint", status=429), 503, Outcome.UNAVAILABLE, "does not answer right now"),
        (RejectedError("harbour", "mint", status=400), 502, Outcome.REFUSED, "could not be made"),
        (ProtocolError("harbour", "mint"), 502, Outcome.REFUSED, "could not be made"),
        (InvalidValueError("page", "is none"), 503, Outcome.MISCONFIGURED, "Please contact us."),
        (AuthenticationError("harbour", "mint"), 503, Outcome.MISCONFIGURED, "cannot be opened at the moment"),
        (ConfigurationError("KEY is wrong."), 503, Outcome.MISCONFIGURED, "cannot be opened at the moment"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_goes_wrong_is_a_sentence_and_a_button_that_opens_it_again(
    browser, harbour, caplog, answer, status, outcome, sentence
):
    harbour.answers.append(answer)
    response = browser.post(ADDRESS)
    assert response.status_code == status
    assert sentence in page_of(response)
    http_status = getattr(answer, "status", None)
    told = f"{type(answer).__name__}, HTTP {http_status}" if http_status else type(answer).__name__
    assert handovers() == [("harbour", "", outcome.value, told)]
    is_our_fault = outcome is Outcome.MISCONFIGURED
    levels = {record.levelno for record in caplog.records if record.name.startswith("django_plenigo")}
    assert levels == {logging.ERROR if is_our_fault else logging.WARNING}
    form = Form(page_of(response))
    assert form.button == "Open again"
    assert browser.post(form.action, form.fields)["Location"] == LINK


def test_backend_that_fails_in_its_own_way_breaks_no_page_and_tells_no_secret(browser, harbour, caplog):
    harbour.answers.append(KeyError(LINK))
    response = browser.post(ADDRESS)
    assert response.status_code == 502
    assert TOKEN not in page_of(response) + caplog.text
    assert handovers() == [("harbour", "", "refused", "KeyError")]


@pytest.mark.parametrize(
    ("error", "outcome", "told"),
    [
        (RejectedError("harbour", f"mint {LINK}", status=400), "refused", "RejectedError, HTTP 400"),
        (ProtocolError("harbour", "mint", code=LINK), "refused", "ProtocolError"),
        (NoAnswerError("harbour", "mint", status=LINK), "unavailable", "NoAnswerError"),
        (InvalidValueError("page", LINK), "misconfigured", "InvalidValueError"),
        (ConfigurationError(LINK), "misconfigured", "ConfigurationError"),
        (PlenigoError(LINK), "misconfigured", "PlenigoError"),
    ],
)
def test_text_of_what_a_sites_own_backend_raises_is_kept_nowhere(
    browser, harbour, caplog, admin_client, error, outcome, told
):
    harbour.answers.append(error)
    response = browser.post(ADDRESS)
    assert TOKEN not in page_of(response) + caplog.text
    assert handovers() == [("harbour", "", outcome, told)]
    assert TOKEN not in page_of(admin_client.get("/admin/plenigo/portalhandover/"))


def test_reader_without_reference_is_told_so_and_how_to_connect_one(client, harbour, user, on_v3):
    on_v3()
    client.force_login(user)
    response = client.post(ADDRESS)
    text = page_of(response)
    assert response.status_code == 404
    assert "We have no subscription under this account." in text
    assert '<a href="/plenigo/connect/">Connect one</a>' in text
    assert (harbour.calls, handovers()) == ([], [("harbour", "", "no_reference", "")])


def test_reader_is_not_led_to_a_connection_that_is_not_served(client, harbour, user, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "API": "v2"}}
    client.force_login(user)
    assert "Connect one" not in page_of(client.post(ADDRESS))


def test_reader_whose_reference_was_only_issued_has_no_subscription_yet(client, harbour, user):
    portals.reference_for(user, "harbour")
    client.force_login(user)
    assert client.post(ADDRESS).status_code == 404
    assert harbour.calls == []


def test_too_many_clicks_ask_nobody(browser, harbour, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "CLICKS_PER_MINUTE": 2}}
    statuses = [browser.post(ADDRESS).status_code for _ in range(3)]
    assert statuses == [303, 303, 429]
    assert (len(harbour.calls), len(handovers())) == (2, 2)


def test_vendor_is_not_asked_inside_a_transaction_that_a_site_opens_around_each_request():
    assert "default" in views.portal._non_atomic_requests

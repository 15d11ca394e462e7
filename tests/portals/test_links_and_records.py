"""Which links a click opens, and what is written down of it."""

import logging

import pytest
from django.core import serializers
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.urls import set_script_prefix
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from django_plenigo.budget import seconds_left
from django_plenigo.errors import NotFoundError
from django_plenigo.models import PortalAccount, PortalHandover
from django_plenigo.services import portals
from django_plenigo.services.portals import Target, sign_target
from django_plenigo.signals import portal_opened
from tests.portals.clicking import ADDRESS, handovers
from tests.portals.test_checks import NO_HOSTS
from tests.site.portals import LINK, TOKEN, Harbour, entries

pytestmark = pytest.mark.django_db


# ---- links


@pytest.mark.parametrize(
    "url",
    [
        "http://store.harbour.example/x",
        "https://evil.example/x",
        "https://store.harbour.example.evil.example/x",
        "https://store.harbour.example@evil.example/x",
        "https://user@store.harbour.example/x",
        "https://user:pass@store.harbour.example/x",
        "https://store.harbour.example:8443/x",
        "https://store.harbour.example./x",
        "https://evil.example\\@store.harbour.example/x",
        "https://evil.example\\.store.harbour.example/x",
        "https:\\\\store.harbour.example/x",
        "https://store.harbour.example/x\r\nSet-Cookie: a=b",
        "https://store.harbour.example/x\ty",
        "https://store.harbour.example/ x",
        " https://store.harbour.example/x",
        "https://störe.harbour.example/x",
        "https:/store.harbour.example/x",
        "https:store.harbour.example/x",
        "//store.harbour.example/x",
        "/x",
        "",
        "javascript:alert(1)//store.harbour.example",
        "https://[store.harbour.example/x",
        "https://store.harbour.example:99999/x",
        "https://store.harbour.example/" + "x" * 2000,
        "https://plenigo-sandbox.invalid/x",
        None,
        5,
    ],
)
def test_link_that_leads_elsewhere_is_never_opened_and_told_as_the_sites_fault(browser, harbour, url, caplog):
    harbour.answers.append(url)
    response = browser.post(ADDRESS)
    assert response.status_code == 502
    assert "Location" not in response
    _portal, _page, outcome, error = handovers()[0]
    assert outcome == "unsafe_link"
    assert error
    assert str(url or "-----") not in error + caplog.text


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        ([], "https://STORE.harbour.EXAMPLE/x"),
        ([], "https://store.harbour.example:443/x"),
        (["Pay.example"], "https://pay.example/x?a=b#c"),
        (["pay.example:8443"], "https://pay.example:8443/x"),
        (["[2001:DB8::1]:8443"], "https://[2001:db8::1]:8443/x"),
    ],
)
def test_link_to_a_host_of_the_site_or_the_backend_is_opened_as_it_is(browser, harbour, settings, hosts, url):
    settings.PLENIGO_PORTALS = entries(LINK_HOSTS=hosts)
    harbour.answers.append(url)
    assert browser.post(ADDRESS)["Location"] == url


@pytest.mark.parametrize("hosts", NO_HOSTS, ids=str)
def test_click_on_a_portal_whose_backend_names_no_hosts_ends_with_an_error_that_says_so(
    browser, settings, caplog, hosts
):
    settings.PLENIGO_PORTALS = entries(BACKEND="tests.site.portals.Ferry", HOSTS=hosts)
    assert browser.post(ADDRESS).status_code == 502
    _portal, _page, outcome, error = handovers()[0]
    assert (outcome, "link_hosts" in error) == ("unsafe_link", True)
    assert [record.levelname for record in caplog.records if error in record.message] == ["ERROR"]


@pytest.mark.parametrize("prefix", ["", "/magazine"])
def test_link_of_the_sandbox_in_process_leads_to_where_the_site_mounts_it(browser, harbour, settings, prefix):
    settings.PLENIGO_PORTALS = entries(MODE="sandbox")
    harbour.answers.append("https://plenigo-sandbox.invalid/myaccount/my_products/?logintoken=x")
    set_script_prefix(f"{prefix}/")  # as a server does before a request
    try:
        answer = browser.post(ADDRESS)
    finally:
        set_script_prefix("/")
    assert answer["Location"] == f"{prefix}/plenigo-sandbox/myaccount/my_products/?logintoken=x"


def test_link_of_the_sandbox_that_names_a_user_or_another_host_is_not_opened(browser, harbour, settings):
    settings.PLENIGO_PORTALS = entries(MODE="sandbox")
    for url in ("https://a@plenigo-sandbox.invalid/x", "https://plenigo-sandbox.invalid.evil.example/x"):
        harbour.answers.append(url)
        assert browser.post(ADDRESS).status_code == 502


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_sandbox_that_is_a_server_of_this_machine_may_do_without_tls(browser, harbour, settings, host):
    settings.PLENIGO_PORTALS = entries(MODE="sandbox", API_URL=f"http://{host}:8099")
    harbour.answers += [f"http://{host}:8099/x", f"http://{host}:8098/x"]
    assert browser.post(ADDRESS)["Location"] == f"http://{host}:8099/x"
    assert browser.post(ADDRESS).status_code == 502


def test_own_address_of_the_api_is_no_host_of_links_on_a_live_portal(browser, harbour, settings):
    settings.PLENIGO_PORTALS = entries(API_URL="https://api.harbour.example")
    harbour.answers.append("https://api.harbour.example/x")
    assert browser.post(ADDRESS).status_code == 502


# ---- the record


def test_every_click_is_written_down_without_the_link(browser, boater, harbour):
    browser.post(ADDRESS, {"target": sign_target(Target("harbour", "berths"), boater)})
    handover = PortalHandover.objects.get()
    assert (handover.user, handover.portal, handover.page, handover.outcome) == (boater, "harbour", "berths", "opened")


def test_record_outlives_its_reader(browser, boater):
    browser.post(ADDRESS)
    boater.delete()
    assert PortalHandover.objects.get().user is None
    assert not PortalAccount.objects.exists()


def test_link_is_in_no_page_log_cache_table_session_or_repr(
    browser, harbour, caplog, django_capture_on_commit_callbacks
):
    told = []
    portal_opened.connect(lambda **values: told.append(values), weak=False, dispatch_uid="test")
    caplog.set_level(logging.DEBUG)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            response = browser.post(ADDRESS)
    finally:
        portal_opened.disconnect(dispatch_uid="test")
    opening = portals.open_portal(response.wsgi_request.user, Target("harbour"))
    rows = "".join(serializers.serialize("json", model.objects.all()) for model in (PortalAccount, PortalHandover))
    caches = repr(getattr(cache, "_cache", ""))
    session = repr(dict(browser.session))
    hidden = [caplog.text, rows, caches, session, repr(opening), repr(response), repr(told)]
    assert [text for text in hidden if TOKEN in text] == []
    assert TOKEN in opening.url


def test_signal_is_sent_once_the_record_is_committed(boater, harbour, django_capture_on_commit_callbacks):
    told = []
    portal_opened.connect(lambda **values: told.append(values), weak=False, dispatch_uid="test")
    try:
        with django_capture_on_commit_callbacks() as callbacks, transaction.atomic():
            portals.open_portal(boater, Target("harbour"))
            assert told == []
        for callback in callbacks:
            callback()
        harbour.answers.append(NotFoundError("harbour", "mint"))
        with django_capture_on_commit_callbacks(execute=True):
            portals.open_portal(boater, Target("harbour"))
    finally:
        portal_opened.disconnect(dispatch_uid="test")
    assert [(each["user"], each["portal"], each["handover"].outcome) for each in told] == [
        (boater, "harbour", "opened")
    ]


def test_receiver_that_fails_keeps_nobody_from_the_portal(browser, harbour, django_capture_on_commit_callbacks):
    def fail(**values):
        raise RuntimeError

    portal_opened.connect(fail, weak=False, dispatch_uid="test")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert browser.post(ADDRESS)["Location"] == LINK
    finally:
        portal_opened.disconnect(dispatch_uid="test")


# ---- forgetting


def test_old_records_are_forgotten_by_the_days_of_their_portal(boater, harbour, settings, time_machine):
    settings.PLENIGO_PORTALS = entries(HANDOVER_DAYS=30)
    time_machine.move_to("2026-01-01T12:00Z", tick=False)
    for portal in ("harbour", "quay", "gone"):
        PortalHandover.objects.create(user=boater, portal=portal, at="2026-01-01T12:00Z", outcome="opened")
    time_machine.move_to("2026-01-31T11:59Z", tick=False)
    assert portals.forget_old() == 0
    time_machine.move_to("2026-01-31T12:01Z", tick=False)
    assert portals.forget_old() == 1
    time_machine.move_to("2027-01-01T12:01Z", tick=False)
    assert portals.forget_old() == 2
    assert not PortalHandover.objects.exists()


# ---- what the site's developers are mailed


class Reports(AdminEmailHandler):
    """Keeps what the site's developers would be mailed."""

    def __init__(self) -> None:
        super().__init__(include_html=True)
        self.sent = []

    def send_mail(self, subject, message, *args, html_message=None, **options):
        self.sent.append(f"{subject} {message} {html_message}")


@pytest.fixture
def reports():
    """What the site's developers are mailed of requests and of the portals."""
    handler, names = Reports(), ("django.request", "django_plenigo")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    yield handler.sent
    for name in names:
        logging.getLogger(name).removeHandler(handler)


def keep_no_record(execute, sql, params, many, context):
    """Fail as a database does that takes no hand-overs."""
    if sql.startswith("INSERT") and "portalhandover" in sql:
        raise DatabaseError
    return execute(sql, params, many, context)


def test_report_of_a_click_whose_record_fails_holds_no_link(browser, boater, harbour, reports):
    browser.raise_request_exception = False
    signed = sign_target(Target("harbour", "berths", "SUBSCRIPTION1"), boater)
    with connection.execute_wrapper(keep_no_record):
        response = browser.post(ADDRESS, {"target": signed})
    assert response.status_code == 500
    assert len(harbour.calls) == 1
    (report,) = reports
    assert "portal/harbour" in report
    hidden = {"link": TOKEN, "reference": "352365983", "target": signed, "subscription": "SUBSCRIPTION1"}
    assert [name for name, text in hidden.items() if text in report] == []


def test_traceback_of_a_record_that_fails_holds_no_link_without_a_view_around_it_either(boater, harbour):
    with connection.execute_wrapper(keep_no_record), pytest.raises(DatabaseError) as caught:
        portals.open_portal(boater, Target("harbour"))
    assert len(harbour.calls) == 1
    report = ExceptionReporter(None, caught.type, caught.value, caught.tb).get_traceback_html()
    assert "open_portal" in report
    assert TOKEN not in report


def test_report_of_a_backend_that_fails_holds_no_link(browser, harbour, reports):
    harbour.answers.append(RuntimeError(LINK))
    assert browser.post(ADDRESS).status_code == 502
    assert [report for report in reports if "The portal 'harbour' was not opened" in report]
    assert TOKEN not in "".join(reports)


# ---- time


class Clockwatcher(Harbour):
    """Notes how long it may take."""

    seconds: list[float] = []

    def mint_link(self, customer, target):
        self.seconds.append(seconds_left(1000))
        return super().mint_link(customer, target)


def test_click_waits_for_all_calls_of_a_backend_together_no_longer_than_its_entry_says(browser, settings):
    settings.PLENIGO_PORTALS = entries(BACKEND=f"{__name__}.Clockwatcher", TIMEOUT_SECONDS=3)
    Clockwatcher.seconds.clear()
    assert browser.post(ADDRESS)["Location"] == LINK
    (seconds,) = Clockwatcher.seconds
    assert 0 < seconds <= 3

"""2Checkout's JSON-RPC: log-in, session, answers, settings (docs/protocols/2checkout.md 1, 2, 5 and 6)."""

import json
import logging
import threading
from datetime import UTC, datetime
from functools import partial

import pytest
import requests
import time_machine

from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    NoAnswerError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteUnavailableError,
)
from django_plenigo.protocols.base import CustomerRef, PortalTarget
from django_plenigo.protocols.twocheckout.sessions import HeldSession
from tests.scripted_portals import LATER_SESSION, LINK, SESSION, TWOCHECKOUT, twocheckout_of, vendor_of
from tests.transport.fakes import FakeTime, Reply

KEY = TWOCHECKOUT["SECRET_KEY"]
NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
SHA256 = "50e981784d4fc1ab7551447bb23bdd442ac5d500b012ef235b8d41b39d2d5db9"
SHA3_256 = "ecc00ce49e49000798a44961f1118cd4b263c5822c726ebbb86965990e658aa1"
REFUSED = {"error": {"code": 2, "message": "SESSION_INVALID of user-42"}}
CUSTOMER = CustomerRef("user-42", is_external=True)
ANYWHERE = PortalTarget()


@pytest.fixture
def clock():
    return FakeTime()


@pytest.fixture
def connect(clock):
    """Make a client whose vendor answers by this script."""
    return partial(twocheckout_of, clock=clock)


class TestLogIn:
    @time_machine.travel(NOW, tick=False)
    @pytest.mark.parametrize(("algorithm", "signed"), [("sha256", SHA256), ("sha3-256", SHA3_256)])
    def test_is_signed_as_the_vendor_says(self, connect, algorithm, signed):
        portal = connect(SESSION, ALGORITHM=algorithm)
        portal.check_credentials()
        assert vendor_of(portal).calls == [
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "login",
                "params": ["SANDBOX001", "2025-01-02 03:04:05", signed, algorithm],
            }
        ]

    @time_machine.travel(NOW, tick=False)
    def test_is_signed_with_the_first_of_several_keys(self, connect):
        portal = connect(SESSION, SECRET_KEY=[KEY, "k" * 20])
        portal.check_credentials()
        assert vendor_of(portal).calls[0]["params"][2] == SHA256

    def test_goes_to_version_six_of_the_api_as_json(self, connect):
        portal = connect(SESSION)
        portal.check_credentials()
        (request,) = vendor_of(portal).requests
        assert (request.method, request.url) == ("POST", "https://api.2checkout.com/rpc/6.0/")
        assert request.headers["Content-Type"] == request.headers["Accept"] == "application/json"

    @pytest.mark.parametrize("code", [1, 4, -32700, None])
    def test_refused_is_an_authentication_error_whatever_the_code(self, connect, code):
        portal = connect({"error": {"code": code, "message": "for reasons of SANDBOX001"}})
        with pytest.raises(AuthenticationError) as caught:
            portal.check_credentials()
        assert "SANDBOX001" not in str(caught.value)

    def test_as_a_probe_does_not_believe_the_session_that_is_held(self, connect):
        portal = connect(SESSION, LINK, LATER_SESSION)
        portal.mint_link(CUSTOMER, ANYWHERE)
        portal.check_credentials()
        assert vendor_of(portal).methods == ["login", "getSingleSignOnByCustomer", "login"]


class TestSession:
    def test_serves_ten_minutes_and_no_longer(self, connect, clock):
        portal = connect(SESSION, LINK, LINK, LATER_SESSION, LINK)
        portal.mint_link(CUSTOMER, ANYWHERE)
        clock.now += 599
        portal.mint_link(CUSTOMER, ANYWHERE)
        clock.now += 1
        portal.mint_link(CUSTOMER, ANYWHERE)
        assert [call["params"][0] for call in vendor_of(portal).calls if call["method"] != "login"] == [
            *(SESSION, SESSION),
            LATER_SESSION,
        ]

    def test_that_the_vendor_has_ended_is_renewed_silently(self, connect):
        portal = connect(SESSION, LINK, REFUSED, LATER_SESSION, LINK)
        portal.mint_link(CUSTOMER, ANYWHERE)
        assert portal.mint_link(CUSTOMER, ANYWHERE).url == LINK
        assert vendor_of(portal).methods[2:] == ["getSingleSignOnByCustomer", "login", "getSingleSignOnByCustomer"]
        assert vendor_of(portal).calls[-1]["params"][0] == LATER_SESSION

    def test_is_renewed_once(self, connect):
        portal = connect(SESSION, LINK, REFUSED, LATER_SESSION, REFUSED)
        portal.mint_link(CUSTOMER, ANYWHERE)
        with pytest.raises(RejectedError):
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert vendor_of(portal).script == []

    def test_that_is_new_is_not_renewed(self, connect):
        portal = connect(SESSION, REFUSED)
        with pytest.raises(RejectedError):
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert vendor_of(portal).methods == ["login", "getSingleSignOnByCustomer"]

    def test_is_kept_where_the_refusal_was_of_something_else(self, connect):
        """A refusal with a session that is new says that the session is right: it serves on."""
        portal = connect(SESSION, REFUSED, LINK)
        with pytest.raises(RejectedError):
            portal.mint_link(CustomerRef("nobody", is_external=True), ANYWHERE)
        portal.mint_link(CUSTOMER, ANYWHERE)
        assert vendor_of(portal).methods.count("login") == 1

    def test_is_not_renewed_after_what_is_no_refusal(self, connect):
        portal = connect(SESSION, LINK, Reply(status=500))
        portal.mint_link(CUSTOMER, ANYWHERE)
        with pytest.raises(RemoteUnavailableError):
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert vendor_of(portal).script == []

    def test_that_cannot_be_renewed_is_an_authentication_error(self, connect):
        portal = connect(SESSION, LINK, REFUSED, REFUSED)
        portal.mint_link(CUSTOMER, ANYWHERE)
        with pytest.raises(AuthenticationError):
            portal.mint_link(CUSTOMER, ANYWHERE)

    def test_that_was_refused_is_not_tried_again_by_the_next_click(self, connect):
        portal = connect(SESSION, LINK, REFUSED, Reply(status=500), LATER_SESSION, LINK)
        portal.mint_link(CUSTOMER, ANYWHERE)
        with pytest.raises(RemoteUnavailableError):
            portal.mint_link(CUSTOMER, ANYWHERE)
        portal.mint_link(CUSTOMER, ANYWHERE)
        assert vendor_of(portal).methods[-2:] == ["login", "getSingleSignOnByCustomer"]

    def test_of_another_thread_outlives_the_refusal_of_the_one_before(self):
        held = HeldSession()
        held.keep(SESSION, 0.0)
        held.keep(LATER_SESSION, 1.0)
        held.drop(SESSION)
        assert held.read(2.0) == LATER_SESSION
        held.drop(LATER_SESSION)
        assert held.read(2.0) is None

    def test_is_shared_by_threads_which_never_meet_the_answer_of_another(self, connect):
        portal = connect(SESSION, LINK, *[f"{LINK}{number}" for number in range(40)])
        portal.mint_link(CUSTOMER, ANYWHERE)
        links = []
        threads = [
            threading.Thread(target=lambda: links.append(portal.mint_link(CUSTOMER, ANYWHERE).url)) for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(links)) == 40
        assert vendor_of(portal).methods.count("login") == 1
        assert len({call["id"] for call in vendor_of(portal).calls}) == 42


def answered(**members):
    return Reply(body=json.dumps({"jsonrpc": "2.0", "id": 2, **members}).encode())


class TestAnswers:
    @pytest.mark.parametrize(
        "reply",
        [
            *(Reply(status=status, body=answered(result=LINK).body) for status in (201, 301, 400, 404)),
            Reply(body=b""),
            Reply(body=b"OK"),
            Reply(body=b"[]"),
            Reply(body=b"\xff"),
            Reply(body=b"[" * 100_000),
            Reply(body=b"<html>", headers={"Content-Type": "text/html"}),
            *(answered(id=other, result=LINK) for other in (1, 3, "2", None, True)),
            answered(),
            answered(result=None),
            answered(response=LINK),
            answered(result=None, error=None),
            *(answered(result=other) for other in ("", 1, True, {"url": LINK}, [LINK])),
        ],
    )
    def test_that_are_none_are_a_protocol_error(self, connect, reply):
        portal = connect(SESSION, reply)
        with pytest.raises(ProtocolError):
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert vendor_of(portal).script == []

    @pytest.mark.parametrize(
        "members",
        [
            {"error": {"code": 5, "message": "INVALID_PARAMETER"}, "result": None},
            {"error": {"code": 5, "message": "INVALID_PARAMETER"}, "result": LINK},
            *({"error": other} for other in ({}, "no", 1, [], {"code": "5"}, {"code": True}, {"code": 10**30})),
        ],
    )
    def test_with_an_error_are_refusals(self, connect, members):
        with pytest.raises(RejectedError):
            connect(SESSION, members).mint_link(CUSTOMER, ANYWHERE)

    @pytest.mark.parametrize(
        ("status", "error"), [(429, RateLimitError), (500, RemoteUnavailableError), (503, RemoteUnavailableError)]
    )
    def test_that_ask_for_patience_say_for_how_long_and_are_not_asked_for_again(self, connect, status, error):
        portal = connect(SESSION, Reply(status=status, headers={"Retry-After": "1"}))
        with pytest.raises(error) as caught:
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert (caught.value.status, caught.value.retry_after_seconds) == (status, 1)
        assert len(vendor_of(portal).requests) == 2

    def test_of_a_server_that_is_out_of_order_open_the_circuit_breaker(self, connect):
        portal = connect(*[Reply(status=502)] * 5)
        for _ in range(5):
            with pytest.raises(RemoteUnavailableError, match="HTTP 502"):
                portal.mint_link(CUSTOMER, ANYWHERE)
        with pytest.raises(RemoteUnavailableError, match="circuit open"):
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert len(vendor_of(portal).requests) == 5

    def test_that_do_not_come_are_not_asked_for_again(self, connect):
        portal = connect(SESSION, requests.ReadTimeout())
        with pytest.raises(NoAnswerError):
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert len(vendor_of(portal).requests) == 2


class TestSettings:
    def test_live_site_must_name_the_host_of_its_links(self, connect):
        with pytest.raises(ConfigurationError, match="CUSTOM_DOMAIN"):
            connect(CUSTOM_DOMAIN="")
        assert connect(CUSTOM_DOMAIN="", link_hosts=("store.shop.example",)).link_hosts == ("store.shop.example",)

    def test_links_may_lead_to_the_custom_domain_and_to_what_the_site_adds(self, connect):
        portal = connect(CUSTOM_DOMAIN="Store.Shop.example", link_hosts=("secure.shop.example",))
        assert portal.link_hosts == ("store.shop.example", "secure.shop.example")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("CUSTOM_DOMAIN", "https://store.shop.example"),
            ("CUSTOM_DOMAIN", "store.shop.example/x"),
            ("MERCHANT", ""),
            ("SECRET_KEY", ""),
            ("SECRET_KEY", []),
            ("SECRET_KEY", [KEY, ""]),
            ("SECRET_KEY", [KEY, 1]),
            ("SECRET_KEY", f"{KEY} "),
            ("VALIDITY_SECONDS", 0),
            ("VALIDITY_SECONDS", 3601),
        ],
    )
    def test_that_are_wrong_name_the_setting_and_not_the_value(self, connect, name, value):
        with pytest.raises(ConfigurationError) as caught:
            connect(**{name: value})
        assert str(caught.value).startswith(f"PLENIGO_PORTALS['shop']['{name}']")
        assert KEY not in str(caught.value)


def test_nothing_that_logs_anybody_in_is_told(connect, caplog):
    caplog.set_level(logging.DEBUG)
    portal = connect(SESSION, LINK, REFUSED, LATER_SESSION, REFUSED)
    link = portal.mint_link(CUSTOMER, PortalTarget(client_address="203.0.113.7"))
    with pytest.raises(RejectedError) as caught:
        portal.mint_link(CUSTOMER, ANYWHERE)
    signed = [call["params"][2] for call in vendor_of(portal).calls if call["method"] == "login"]
    logged = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    told = " ".join([*logged, str(caught.value), repr(caught.value), repr(vars(caught.value))])
    told += " ".join(map(repr, (portal, link, portal._rpc, portal._rpc._held, portal.settings, CUSTOMER)))
    assert caplog.records
    for secret in (KEY, SESSION, LATER_SESSION, LINK, "logintoken", "user-42", "203.0.113.7", *signed):
        assert secret not in told


def test_error_leaves_without_the_frames_that_hold_the_session(connect):
    portal = connect(SESSION, LINK, REFUSED, LATER_SESSION, REFUSED)
    portal.mint_link(CUSTOMER, ANYWHERE)
    with pytest.raises(RejectedError) as caught:
        portal.mint_link(CUSTOMER, ANYWHERE)
    frames, traceback = [], caught.tb
    while traceback:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    ours = [frame for frame in frames if "django_plenigo" in frame.f_code.co_filename]
    assert ours
    held = " ".join(repr(value) for frame in ours for value in frame.f_locals.values())
    assert SESSION not in held
    assert LATER_SESSION not in held
    assert caught.value.__context__ is caught.value.__cause__ is None

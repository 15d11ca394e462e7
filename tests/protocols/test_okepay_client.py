"""OkePay's API: links, the probe, cancelling, reading back (docs/protocols/okepay.md 1 to 5)."""

import json
import logging
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidValueError,
    NoAnswerError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteUnavailableError,
)
from django_plenigo.protocols.base import CustomerEvent, CustomerRef, PortalCustomerSeen, PortalTarget
from django_plenigo.protocols.okepay import OkePay
from tests.scripted_portals import FORM, portal_of
from tests.transport.fakes import Reply, ScriptedAdapter

SECRET = "sandbox-secret-42"
OPTIONS = {"INSTANCE": "demo-instance", "SECRET": SECRET}
LINK = "https://demo-instance.okepay.info/login?token=" + "l" * 43
CUSTOMER, ANYWHERE = CustomerRef("4711"), PortalTarget()
GRANTED = {"userId": 4711, "authToken": "t" * 32, "authTokenExpirationDate": "2025-01-02 03:14:05", "link": LINK}


def data(*items, status=200, **headers):
    body = {"status": "success", "data": list(items)}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


def error(status, message="An error occurred: it is 4711's fault."):
    return Reply(status, json.dumps({"status": "error", "message": message}).encode())


def connect(*script, **options):
    return portal_of(OkePay, ScriptedAdapter(*script), **{**OPTIONS, **options})


def sent_by(portal):
    """Return the requests that the vendor got."""
    return portal.settings.adapter.requests


def fields_of(request):
    return parse_qsl(request.body.decode(), keep_blank_values=True)


def query_of(request):
    return parse_qsl(urlsplit(request.url).query, keep_blank_values=True)


class TestLink:
    def test_is_asked_for_as_the_vendor_documents(self):
        portal = connect(data(GRANTED))
        assert portal.mint_link(CUSTOMER, ANYWHERE).url == LINK
        (request,) = sent_by(portal)
        assert (request.method, request.url) == (
            "POST",
            "https://api.okepay.info/v1.0/AuthToken/?instance=demo-instance",
        )
        assert request.headers["Content-Type"] == FORM
        assert request.body == b"userId=4711&ApiSignature=YhXHRMlGt6tgLVCRBfOH9d0Voz1KWyQ9HfrjhA%2BQ2do%3D"
        assert "X-API-KEY" not in request.headers

    def test_is_asked_for_with_the_secret_itself_where_the_setting_says_so(self):
        portal = connect(
            data(GRANTED), AUTHENTICATION="api_key", VERSION="v1.14", BASE_DOMAIN="payrexx.com", INSTANCE="paper"
        )
        portal.mint_link(CUSTOMER, ANYWHERE)
        (request,) = sent_by(portal)
        assert request.url == "https://api.payrexx.com/v1.14/AuthToken/?instance=paper"
        assert request.body == b"userId=4711"
        assert request.headers["X-API-KEY"] == SECRET

    def test_tells_no_lifetime_since_the_vendor_documents_none(self):
        assert connect(data(GRANTED)).mint_link(CUSTOMER, ANYWHERE).lifetime_seconds is None

    @pytest.mark.parametrize("link", [None, "", 1, ["https://demo-instance.okepay.info/"]])
    def test_must_be_there(self, link):
        with pytest.raises(ProtocolError, match="no link"):
            connect(data({**GRANTED, "link": link})).mint_link(CUSTOMER, ANYWHERE)

    @pytest.mark.parametrize("value", ["", " 1", "0", "01", "-1", "1.0", "x", "2147483648", "٣", "1/../2", "9" * 400])
    def test_of_what_is_no_contact_is_not_asked_for(self, value):
        portal = connect()
        with pytest.raises(InvalidValueError, match="customer"):
            portal.mint_link(CustomerRef(value), ANYWHERE)
        assert sent_by(portal) == []

    def test_of_our_own_reference_is_not_asked_for(self):
        with pytest.raises(InvalidValueError, match="customer"):
            connect().mint_link(CustomerRef("4711", is_external=True), ANYWHERE)

    @pytest.mark.parametrize("cause", [requests.ReadTimeout(), requests.ConnectionError()])
    def test_that_does_not_come_is_not_asked_for_again(self, cause):
        portal = connect(cause)
        with pytest.raises(NoAnswerError) as caught:
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert caught.value.retryable
        assert len(sent_by(portal)) == 1


class TestAnswers:
    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            (error(400), RejectedError),
            (error(403), AuthenticationError),
            (error(404), NotFoundError),
            (error(404, "Version not found."), ProtocolError),
            (error(405), RateLimitError),
            (error(413), RejectedError),
            (error(422), RejectedError),
            (error(429), RateLimitError),
            (error(418), ProtocolError),
            (error(500), RemoteUnavailableError),
            (error(503), RemoteUnavailableError),
            (data(GRANTED, status=500), RemoteUnavailableError),
            (data(GRANTED, status=301), ProtocolError),
            (data(GRANTED, status=403), AuthenticationError),
            (error(200), RejectedError),
            (error(201), RejectedError),
            (data(), ProtocolError),
            (data([]), ProtocolError),
            (Reply(200, json.dumps({"status": "success", "data": GRANTED}).encode()), ProtocolError),
            (Reply(200, json.dumps({"status": "success"}).encode()), ProtocolError),
            (Reply(200, json.dumps({"data": [GRANTED]}).encode()), ProtocolError),
            (Reply(200, json.dumps({"status": "waiting", "data": [GRANTED]}).encode()), ProtocolError),
            (Reply(200, b""), ProtocolError),
            (Reply(200, b"[]"), ProtocolError),
            (Reply(200, b"<html>", {"Content-Type": "text/html"}), ProtocolError),
            (Reply(403, b"<html>", {"Content-Type": "text/html"}), ProtocolError),
        ],
    )
    def test_are_a_success_only_where_all_of_them_says_so(self, reply, kind):
        portal = connect(reply)
        with pytest.raises(kind) as caught:
            portal.mint_link(CUSTOMER, ANYWHERE)
        assert type(caught.value) is kind
        assert len(sent_by(portal)) == 1

    @pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain"])
    def test_are_read_whatever_json_is_called(self, content_type):
        reply = data(GRANTED, **{"Content-Type": content_type})
        assert connect(reply).mint_link(CUSTOMER, ANYWHERE).url == LINK


class TestProbe:
    def test_asks_whether_a_signature_is_right(self):
        portal = connect(data({"id": 1}))
        portal.check_credentials()
        (request,) = sent_by(portal)
        assert (request.method, urlsplit(request.url).path) == ("GET", "/v1.0/SignatureCheck/0/")
        assert query_of(request) == [
            ("model", "SignatureCheck"),
            ("ApiSignature", "RU5US7ZQzkWQGWDvxcZUVsbME6qFN7iS0KTas8dyEkU="),
            ("instance", "demo-instance"),
        ]
        assert request.body is None

    def test_of_wrong_credentials_is_an_authentication_error(self):
        with pytest.raises(AuthenticationError):
            connect(error(403)).check_credentials()

    def test_is_tried_again_after_a_hiccup_since_it_only_reads(self):
        portal = connect(requests.ConnectionError(), data({"id": 1}))
        portal.check_credentials()
        assert len(sent_by(portal)) == 2


class TestCancelling:
    def test_signs_the_number_of_the_subscription(self):
        portal = connect(data({"id": 17, "status": "cancelled"}))
        portal.cancel_subscription("17")
        (request,) = sent_by(portal)
        assert (request.method, request.url) == (
            "DELETE",
            "https://api.okepay.info/v1.0/Subscription/17/?instance=demo-instance",
        )
        assert [name for name, _ in fields_of(request)] == ["id", "model", "ApiSignature"]
        assert fields_of(request)[:2] == [("id", "17"), ("model", "Subscription")]

    def test_of_an_unknown_one_is_not_found(self):
        with pytest.raises(NotFoundError):
            connect(error(404)).cancel_subscription("17")

    @pytest.mark.parametrize("number", ["", "x", "17/../18", "17?x=1", "-1", None, 17])
    def test_of_what_is_no_number_is_not_asked_for(self, number):
        portal = connect()
        with pytest.raises(InvalidValueError, match="subscription"):
            portal.cancel_subscription(number)
        assert sent_by(portal) == []

    def test_is_not_tried_again(self):
        portal = connect(requests.ReadTimeout())
        with pytest.raises(NoAnswerError):
            portal.cancel_subscription("17")
        assert len(sent_by(portal)) == 1


HINT = PortalCustomerSeen("4711", "our-1", "jane@example.com", True, "subscription", "17")
SUBSCRIPTION = {
    "id": 17,
    "status": "active",
    "invoice": {"referenceId": "our-1"},
    "contact": {"id": 4711, "email": "jane@example.com"},
}


class TestConfirming:
    @pytest.mark.parametrize(("kind", "model"), [("subscription", "Subscription"), ("transaction", "Transaction")])
    def test_reads_the_object_back(self, kind, model):
        status = "active" if kind == "subscription" else "confirmed"
        portal = connect(data({**SUBSCRIPTION, "status": status}))
        hint = PortalCustomerSeen("4711", "our-1", "jane@example.com", True, kind, "17")
        assert portal.confirm(hint) == hint
        (request,) = sent_by(portal)
        assert (request.method, urlsplit(request.url).path) == ("GET", f"/v1.0/{model}/17/")
        assert [name for name, _ in query_of(request)] == ["id", "model", "ApiSignature", "instance"]

    def test_believes_the_vendor_and_not_the_hint(self):
        told = {**SUBSCRIPTION, "status": "overdue", "contact": {"id": 5, "email": "eve@example.com"}}
        confirmed = connect(data(told)).confirm(HINT)
        assert (confirmed.reference, confirmed.email, confirmed.is_valid) == ("5", "eve@example.com", False)

    def test_of_what_the_vendor_does_not_know_is_nothing(self):
        assert connect(error(404)).confirm(HINT) is None
        assert connect(data({**SUBSCRIPTION, "contact": None})).confirm(HINT) is None

    @pytest.mark.parametrize(
        "event",
        [
            CustomerEvent("1"),
            PortalCustomerSeen("4711", "", "", True, "subscription", ""),
            PortalCustomerSeen("4711", "", "", True, "subscription", "0"),
            PortalCustomerSeen("4711", "", "", True, "ipn", "17"),
        ],
    )
    def test_of_what_cannot_be_asked_is_nothing(self, event):
        portal = connect()
        assert portal.confirm(event) is None
        assert sent_by(portal) == []

    @pytest.mark.parametrize("told", [{**SUBSCRIPTION, "id": 18}, {**SUBSCRIPTION, "contact": {"id": "x"}}])
    def test_by_an_answer_of_something_else_is_a_protocol_error(self, told):
        with pytest.raises(ProtocolError):
            connect(data(told)).confirm(HINT)


class TestSettings:
    def test_links_may_lead_to_the_instances_own_host_and_to_what_the_site_adds(self):
        assert connect(link_hosts=("pay.example.com",)).link_hosts == ("demo-instance.okepay.info", "pay.example.com")
        assert connect(BASE_DOMAIN="Pay.Example").link_hosts == ("demo-instance.pay.example",)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("INSTANCE", ""),
            ("INSTANCE", "demo-instance.okepay.info"),
            ("INSTANCE", "evil.example/"),
            ("SECRET", ""),
            ("SECRET", f"{SECRET}\n"),
            ("VERSION", "1.0"),
            ("VERSION", "v1.0/../x"),
            ("BASE_DOMAIN", "https://okepay.info"),
            ("WEBHOOK_KEYS", [""]),
            ("WEBHOOK_TOKENS", [None]),
        ],
    )
    def test_that_are_wrong_name_the_setting_and_not_the_value(self, name, value):
        with pytest.raises(ConfigurationError) as caught:
            connect(**{name: value})
        assert str(caught.value).startswith(f"PLENIGO_PORTALS['shop']['{name}']")
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize("character", ["é", "–"])
    def test_have_a_secret_that_a_header_can_hold_where_it_is_sent_itself(self, character):
        secret = SECRET + character
        with pytest.raises(ConfigurationError, match=r"^PLENIGO_PORTALS\['shop'\]\['SECRET'\] .* ASCII") as caught:
            connect(SECRET=secret, AUTHENTICATION="api_key")
        assert SECRET not in str(caught.value)
        assert character not in str(caught.value)
        connect(data(GRANTED), SECRET=secret).mint_link(CUSTOMER, ANYWHERE)  # which signs by it


@pytest.mark.parametrize("authentication", ["signature", "api_key"])
def test_nothing_that_logs_anybody_in_is_told(authentication, caplog):
    caplog.set_level(logging.DEBUG)
    portal = connect(data(GRANTED), error(403), data({"id": 1}), AUTHENTICATION=authentication)
    link = portal.mint_link(CUSTOMER, ANYWHERE)
    with pytest.raises(AuthenticationError) as caught:
        portal.mint_link(CUSTOMER, ANYWHERE)
    portal.check_credentials()
    logged = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    told = " ".join([*logged, str(caught.value), repr(caught.value), repr(vars(caught.value))])
    told += " ".join(map(repr, (portal, link, portal.settings, CUSTOMER, HINT)))
    assert caplog.records
    for secret in (SECRET, LINK, "token=", "t" * 32, "4711", "ApiSignature", "YhXHRMlGt6", "jane@", "our-1"):
        assert secret not in told
    traceback = caught.tb
    while traceback:
        if "django_plenigo" in traceback.tb_frame.f_code.co_filename:
            assert "4711" not in repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next

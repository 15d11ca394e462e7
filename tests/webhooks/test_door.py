"""What a vendor is answered, whatever it sends."""

import json
import logging
from io import BytesIO
from itertools import pairwise

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.urls import resolve, reverse
from django.utils import timezone

from django_plenigo import webhooks
from django_plenigo.errors import ConfigurationError
from django_plenigo.models import WebhookDelivery
from django_plenigo.protocols.base import WebhookReceipt
from django_plenigo.services.webhooks import refusing, work_due
from tests.webhooks.conftest import URL, last_delivery, reference_of
from tests.webhooks.vendor import HEADER, purchase, signature

BODY = json.dumps({"purchases": [purchase()]}).encode()


def refused() -> list[tuple[str, str, int]]:
    return list(WebhookDelivery.objects.filter(state="refused").values_list("reason", "last_error", "repeated"))


def test_address_is_where_the_documentation_says():
    assert reverse("plenigo:webhook", args=["okepay"]) == "/plenigo/webhooks/okepay/"


def test_signed_delivery_is_stored_with_its_body_and_answered_with_what_the_vendor_wants(shop, deliver):
    response = deliver(BODY)
    assert (response.status_code, response.content) == (200, f"thanks for {len(BODY)}".encode())
    delivery = last_delivery()
    assert (delivery.source, delivery.state, bytes(delivery.body)) == ("shop", "waiting", BODY)


def test_second_delivery_is_counted_and_answered_the_same(shop, deliver):
    first, second = deliver(BODY), deliver(BODY)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    delivery = WebhookDelivery.objects.get()
    assert delivery.repeated == 1
    assert delivery.last_repeated_at is not None


def test_same_body_of_another_source_is_another_delivery(shop, deliver):
    assert (deliver(BODY).status_code, deliver(BODY, source="other").status_code) == (200, 200)
    assert WebhookDelivery.objects.filter(repeated=0).count() == 2


def test_same_body_as_another_media_type_is_another_delivery_which_hides_the_real_one_from_nobody(shop, client):
    """Nothing signs the media type: who sends a delivery again as another one must not have it read as nothing."""
    shop.content_types = ("application/json", "text/json")
    for media_type in ("text/json", "application/json", "application/json; charset=utf-8"):
        client.post(URL.format("shop"), BODY, content_type=media_type, headers={HEADER: signature(BODY)})
    stored = WebhookDelivery.objects.order_by("pk").values_list("content_type", "repeated")
    assert list(stored) == [("text/json", 0), ("application/json", 1)]


def test_repetition_that_differs_in_what_the_vendor_does_not_sign_is_refused(shop, deliver, monkeypatch):
    monkeypatch.setattr(shop, "authenticate", lambda call, now: WebhookReceipt("a receipt", signed=b"the values"))
    assert deliver(BODY).status_code == 200
    response = deliver(b'{"purchases": []}')
    assert (response.status_code, response.content) == (400, b"Refused: altered.")
    assert refused() == [("altered", "", 0)]
    delivery = WebhookDelivery.objects.get(state="waiting")
    assert (bytes(delivery.body), delivery.repeated) == (BODY, 0)
    assert deliver(BODY).status_code == 200


@pytest.mark.parametrize("source", ["nobody", "plenigo-nobody", "plenigo-default", "shop%00", "s" * 90])
def test_unknown_source_is_not_found_and_leaves_nothing(shop, deliver, client, source):
    assert client.get(URL.format(source)).status_code == 404
    response = deliver(BODY, source=source)
    assert (response.status_code, response["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert not WebhookDelivery.objects.exists()


def test_portal_that_reads_no_webhooks_is_not_found(shop, deliver, client, settings):
    settings.PLENIGO_PORTALS = {"shop": {"BACKEND": "tests.site.portals.Harbour", "MODE": "live"}}
    assert (client.get(URL.format("shop")).status_code, deliver(BODY).status_code) == (404, 404)


def test_account_on_api_v2_has_no_callbacks(shop, deliver, client):
    assert (client.get(URL.format("plenigo")).status_code, deliver(BODY, source="plenigo").status_code) == (404, 404)


def test_get_and_head_answer_that_the_address_is_there(shop, client):
    assert client.get(URL.format("shop")).status_code == 200
    assert client.head(URL.format("shop")).status_code == 200
    assert not WebhookDelivery.objects.exists()


def test_other_methods_are_not_allowed(shop, client):
    for method in ("put", "patch", "delete", "options"):
        response = getattr(client, method)(URL.format("shop"))
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, POST")


def test_no_csrf_token_is_asked_for(shop):
    response = Client(enforce_csrf_checks=True).post(
        URL.format("shop"), BODY, content_type="application/json", headers={HEADER: signature(BODY)}
    )
    assert response.status_code == 200


def test_log_in_wall_of_the_site_lets_deliveries_pass(shop, deliver, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert deliver(BODY).status_code == 200


def test_delivery_is_committed_before_the_answer_where_the_site_has_requests_in_transactions(shop, deliver):
    view = resolve(URL.format("shop")).func
    assert view._non_atomic_requests == {"default"}  # where Django's handler looks


# ---- what is refused, and kept


def test_unsigned_delivery_is_refused_and_kept_without_its_body(shop, deliver):
    response = deliver(BODY, Accept="*/*")
    assert (response.status_code, response.content) == (400, b"Refused: no signature.")
    assert refused() == [("no signature", HEADER, 0)]
    delivery = last_delivery()
    assert (delivery.body, delivery.digest, delivery.due_at) == (None, None, None)


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_server_that_writes_its_access_log_afterwards_finds_the_address_without_its_token(shop, name):
    address = URL.format("shop") + "?token=secret"
    request = RequestFactory().post(address, BODY, content_type="application/json", **{name: address})
    webhooks.WebhookView.as_view()(request, source="shop")
    assert request.META[name] == URL.format("shop")
    assert "secret" not in str(request.META)


def test_server_by_asgi_finds_no_token_either(shop):
    request = AsyncRequestFactory().post(
        URL.format("shop"), BODY, content_type="application/json", query_params={"token": "secret"}
    )
    webhooks.WebhookView.as_view()(request, source="shop")
    assert request.scope["query_string"] == b""
    assert "secret" not in str(request.META) + str(request.scope)


def test_wrong_secret_and_a_tampered_byte_are_refused(shop, deliver):
    assert deliver(BODY, **{HEADER: signature(BODY, "another secret")}).status_code == 400
    tampered = BODY.replace(b"4711", b"4712")
    assert deliver(tampered, **{HEADER: signature(BODY)}).status_code == 400
    assert refused() == [("wrong signature", "", 1)]


def test_vendors_retry_counts_once_the_secret_is_mended(shop, deliver):
    deliver(BODY, **{HEADER: signature(BODY, "the old secret")})
    assert deliver(BODY).status_code == 200
    assert WebhookDelivery.objects.get(state="waiting").repeated == 0


def test_body_that_is_signed_and_cannot_be_read_is_refused(shop, deliver):
    response = deliver(b"[1, 2")
    assert (response.status_code, response.content) == (400, b"Refused: malformed.")
    assert refused() == [("malformed", "body: is no delivery of this vendor", 0)]


def test_format_in_which_the_vendor_does_not_deliver_is_refused(shop, client):
    response = client.post(URL.format("shop"), {"a": "b"})  # as multipart/form-data
    assert response.status_code == 415
    assert refused() == [("content_type", "application/json", 0)]


def test_body_that_is_too_large_is_refused_before_it_is_read(shop, deliver):
    response = deliver(b"x" * (webhooks.MOST_BYTES + 1))
    assert (response.status_code, refused()) == (413, [("too_large", "", 0)])
    assert deliver(b"x" * webhooks.MOST_BYTES).status_code == 400  # read, and it is no JSON


def test_empty_body_is_refused(shop, client):
    response = client.post(URL.format("shop"), CONTENT_TYPE="application/json", CONTENT_LENGTH="0")
    assert (response.status_code, refused()) == (400, [("empty", "", 0)])


def test_source_without_a_secret_says_in_the_log_of_deliveries_which_setting_is_missing(shop, deliver, monkeypatch):
    def raises(call, *, now):
        raise ConfigurationError("PLENIGO_PORTALS['shop']['WEBHOOK_SECRET'] is missing.")

    monkeypatch.setattr(shop, "authenticate", raises)
    response = deliver(BODY)
    assert (response.status_code, response.content) == (403, b"Refused: not configured.")
    assert refused() == [("not_configured", "PLENIGO_PORTALS['shop']['WEBHOOK_SECRET'] is missing.", 0)]


def test_mistake_of_a_reader_is_logged_by_its_kind_and_the_vendor_delivers_again(shop, deliver, monkeypatch, caplog):
    def raises(body, content_type):
        raise AssertionError(body)

    monkeypatch.setattr(shop, "read_events", raises)
    assert deliver(BODY).status_code == 400
    assert refused() == [("own_mistake", "AssertionError", 0)]
    assert "A webhook could not be read, since this site raised AssertionError" in caplog.text
    assert "reader@example.com" not in caplog.text


def test_database_that_is_down_has_the_vendor_deliver_again(shop, deliver, caplog):
    def is_down(execute, sql, params, many, context):
        raise DatabaseError("a body")

    with connection.execute_wrapper(is_down):
        response = deliver(BODY)
    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert "A webhook could not be stored (DatabaseError)" in caplog.text
    assert "a body" not in caplog.text


# ---- bodies whose length is a lie


def test_body_that_is_shorter_than_it_says_is_refused(shop, client):
    server = {"CONTENT_LENGTH": str(len(BODY) + 10), "wsgi.input": BytesIO(BODY)}
    response = client.post(URL.format("shop"), BODY, content_type="application/json", **server)
    assert (response.status_code, refused()) == (400, [("incomplete", "", 0)])


def test_body_that_breaks_off_is_refused(shop, client):
    class Cut(BytesIO):
        def read(self, *args):
            raise ConnectionResetError

    response = client.post(
        URL.format("shop"), BODY, content_type="application/json", **{"wsgi.input": Cut(), "CONTENT_LENGTH": "10"}
    )
    assert (response.status_code, refused()) == (400, [("incomplete", "", 0)])


@pytest.mark.parametrize("length", ["-5", "x", "", "9" * 30, "²"])
def test_length_that_is_none_is_no_error_of_this_site(shop, client, length):
    response = client.generic("POST", URL.format("shop"), BODY, content_type="application/json", CONTENT_LENGTH=length)
    assert response.status_code in (400, 413)


def chunked(body, **environment):
    own = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "", "wsgi.input": BytesIO(body)}
    return {**own, "HTTP_TRANSFER_ENCODING": "chunked", **environment}


def test_body_in_pieces_is_read_where_the_server_says_where_it_ends(shop, client):
    server = chunked(BODY, **{"wsgi.input_terminated": True})
    signed = {HEADER: signature(BODY)}
    response = client.post(URL.format("shop"), headers=signed, **server)
    assert response.status_code == 200
    assert bytes(last_delivery().body) == BODY


def test_body_in_pieces_that_has_no_end_is_refused(shop, client):
    class Endless(BytesIO):
        def read(self, size=-1):
            return b"x" * size

    server = chunked(b"", **{"wsgi.input_terminated": True, "wsgi.input": Endless()})
    response = client.post(URL.format("shop"), **server)
    assert (response.status_code, refused()) == (413, [("too_large", "", 0)])


def test_body_in_pieces_is_refused_where_the_server_does_not_say_where_it_ends(shop, client):
    response = client.post(URL.format("shop"), **chunked(BODY))
    assert (response.status_code, refused()) == (411, [("no_length", "", 0)])


# ---- a flood


def test_same_refusal_of_one_minute_is_one_row_that_counts(shop, deliver):
    for _ in range(5):
        deliver(BODY, Accept="*/*")
    assert refused() == [("no signature", HEADER, 4)]


def test_flood_fills_no_table_and_costs_no_more_with_time(shop, deliver, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(refusing, "MOST_REFUSED", 3)
    deliver(BODY, **{HEADER: "wrong"})
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(10):
            clock.shift(2 * refusing.FOLDING)
            with django_assert_max_num_queries(4):
                deliver(BODY, Accept="*/*")
        later = timezone.now()
    kept = WebhookDelivery.objects.filter(reason="no signature").order_by("pk")
    assert kept.count() == 3
    times = [row.received_at for row in kept]
    assert all(first < second for first, second in pairwise(times))
    assert times[-1] == later
    # Of another reason the only one is still there: a flood hides nothing else.
    assert WebhookDelivery.objects.filter(reason="wrong signature").count() == 1


def test_flood_of_five_thousand_leaves_few_rows_and_loses_no_genuine_delivery(shop, buyer):
    """Of unsigned calls, wrongly signed ones and wrong formats, six a minute of each, with a purchase now and then."""
    view, calls = webhooks.WebhookView.as_view(), RequestFactory()
    strangers = [{}, {HEADER: "wrong"}, {"Content-Type": "text/plain"}, {HEADER: "wrong", "Content-Length": "0"}]

    def call(body, **headers):
        content_type = headers.pop("Content-Type", "application/json")
        sent = calls.generic("POST", URL.format("shop"), body, content_type, headers=headers)
        return view(sent, source="shop").status_code

    genuine = [json.dumps({"purchases": [purchase(reference=str(number))]}).encode() for number in range(50)]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(5000):
            assert call(BODY, **strangers[number % 4]) in (400, 415)
            if number % 100 == 50:
                body = genuine[number // 100]
                assert call(body, **{HEADER: signature(body)}) == 200
            clock.shift(2.5)
        waiting = WebhookDelivery.objects.filter(state="waiting", repeated=0)
        stored = [bytes(row.body) for row in waiting.order_by("pk")]
        worked_on = work_due()
    kept = WebhookDelivery.objects.filter(state="refused")
    by_reason = {reason: kept.filter(reason=reason).count() for reason in set(kept.values_list("reason", flat=True))}
    most = dict.fromkeys(["no signature", "wrong signature", "content_type", "empty"], refusing.MOST_REFUSED)
    assert by_reason == most
    assert stored == genuine
    assert worked_on == 50
    assert reference_of(buyer) == "0"


# ---- the address, and the token in it


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_token_is_taken_out_of_the_address_by_whatever_method_it_came(shop, method):
    address = URL.format("shop") + "?token=secret"
    request = RequestFactory().generic(method, address, RAW_URI=address)
    webhooks.WebhookView.as_view()(request, source="shop")
    assert "secret" not in f"{request!r} {request.META} {request.GET}"


def test_address_without_its_last_slash_takes_deliveries_too(shop, client):
    address = URL.format("shop").rstrip("/")
    assert client.get(address).status_code == 200
    response = client.post(address, BODY, content_type="application/json", headers={HEADER: signature(BODY)})
    assert response.status_code == 200
    assert last_delivery().source == "shop"


@pytest.mark.parametrize(
    ("line", "logged"),
    [
        ("POST /plenigo/webhooks/okepay/?token=secret HTTP/1.1", "POST /plenigo/webhooks/okepay/ HTTP/1.1"),
        ("GET /webhooks/okepay?token=secret&x=?#y HTTP/1.1", "GET /webhooks/okepay HTTP/1.1"),
        ("PUT /plenigo/webhooks//okepay/?token=a secret HTTP/1.0", "PUT /plenigo/webhooks//okepay/ HTTP/1.0"),
        ("GET /plenigo/portals/?page=2 HTTP/1.1", "GET /plenigo/portals/?page=2 HTTP/1.1"),
    ],
)
def test_djangos_own_server_logs_the_address_without_its_query(caplog, line, logged):
    logging.getLogger("django.server").info('"%s" %s %s', line, "200", 12)
    assert caplog.messages == [f'"{logged}" 200 12']


# ---- what nothing could prove

OKEPAY = {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "live", "INSTANCE": "demo", "SECRET": "s" * 20}
CALLBACKS = {"API": "v3", "MODE": "sandbox"}


@pytest.mark.parametrize(
    ("source", "portal", "account", "status"),
    [
        ("okepay", OKEPAY, {}, 403),
        ("okepay", {**OKEPAY, "WEBHOOK_KEYS": ["made-up-key"]}, {}, 200),
        ("okepay", {**OKEPAY, "WEBHOOK_TOKENS": ["t" * 43]}, {}, 200),
        ("okepay", {**OKEPAY, "WEBHOOK_TOKENS": ["x"]}, {}, 403),
        ("okepay", {**OKEPAY, "WEBHOOK_KEYS": ["made-up-key"], "INSTANCE": "demo.okepay.info"}, {}, 403),
        ("plenigo", OKEPAY, CALLBACKS, 403),
        ("plenigo", OKEPAY, {**CALLBACKS, "WEBHOOK_SECRETS": ["made-up-secret"]}, 200),
    ],
)
def test_get_answers_whether_anything_could_prove_a_delivery(db, client, settings, source, portal, account, status):
    """Else a vendor's set-up would look right, whose every delivery is refused."""
    settings.PLENIGO_PORTALS = {"okepay": portal}
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], **account}}
    response = client.get(URL.format(source))
    assert (response.status_code, client.head(URL.format(source)).status_code) == (status, status)
    posted = client.post(URL.format(source), BODY, content_type="application/json")
    if status == 403:
        assert (posted.status_code, posted.content) == (403, response.content)
        assert response.content == b"Refused: not configured."
        assert [reason for reason, _, _ in refused()] == ["not_configured"]  # of the POST: a GET leaves nothing
    else:
        assert posted.status_code == 400


# ---- answers that nobody keeps, and refusals that cannot be kept


def test_no_answer_may_be_stored_on_its_way(shop, deliver, client):
    answers = [
        deliver(BODY),
        deliver(BODY, **{HEADER: "wrong"}),
        deliver(BODY, source="nobody"),
        client.get(URL.format("shop")),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 404, 200]
    assert [answer["Cache-Control"] for answer in answers] == ["no-store"] * 4


@pytest.mark.django_db(transaction=True)
def test_refusal_that_the_database_does_not_keep_is_answered_all_the_same(shop, deliver, caplog):
    def fail(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "webhookdelivery" in sql:
            raise DatabaseError("a body")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        response = deliver(BODY, **{HEADER: "wrong"})
    assert (response.status_code, response.content) == (400, b"Refused: wrong signature.")
    assert "A refused webhook could not be kept (DatabaseError)" in caplog.text
    assert "a body" not in caplog.text
    assert refused() == []

"""What failures of API v3 mean: the code decides before the status, and no error repeats what was sent."""

import pytest

from django_plenigo.errors import (
    AuthenticationError,
    ConflictError,
    InvalidValueError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    RejectedError,
    RemoteUnavailableError,
)
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.protocols.plenigo_v3 import PlenigoV3, connect
from tests.scripted_vendor_v3 import TOKEN, ok, refused
from tests.transport.fakes import Reply, scripted

READER = CustomerRef("56202510")

MEANINGS = [
    # The vendor's own documents disagree about the statuses of these, so each comes with several.
    (400, 20040, RejectedError, "process has expired"),
    (408, 20010, RejectedError, "process has expired"),
    (400, 20041, RejectedError, "process was used already"),
    (412, 20041, RejectedError, "process was used already"),
    (400, 20042, RejectedError, "process is out of order"),
    (400, 20043, RejectedError, "too many tries"),
    (400, 20044, RejectedError, "wrong code"),
    (423, 20026, RateLimitError, "registration is under way"),
    (400, 11006, RateLimitError, "registration is under way"),
    (400, 20015, NotFoundError, "no customer matches"),
    (400, 20012, RejectedError, "no customer matches"),
    (401, 99008, AuthenticationError, "access token"),
    (400, 99009, AuthenticationError, "access token"),
    (401, 20028, RejectedError, "session is over"),
    (401, 99011, RejectedError, "session is over"),
    (404, 20032, RejectedError, "transfer token is spent"),
    (400, 99018, RemoteUnavailableError, "emergency mode"),
    (400, 99429, RateLimitError, ""),
    (400, 99503, RemoteUnavailableError, ""),
    (400, 20402, RejectedError, "module is not booked"),
    (403, 10402, RejectedError, "module is not booked"),
    (400, 20007, ConflictError, "e-mail address is taken"),
    (409, 20068, ConflictError, "customer id is taken"),
    (400, 20024, RejectedError, "customer is disabled"),
    (400, 90037, NotFoundError, "offer"),
    (408, 90003, RejectedError, "checkout has expired"),
    (400, 12345, RejectedError, "invalid parameters"),  # a code that is new
    (401, 99015, AuthenticationError, "access token"),
    (403, 12345, RejectedError, "refused"),
    (404, 12345, NotFoundError, ""),
    (408, 12345, RejectedError, "process has expired"),
    (412, 12345, RejectedError, "process was used already"),
    (423, 12345, RateLimitError, ""),
    (428, 12345, RejectedError, "process is out of order"),
    (429, 12345, RateLimitError, ""),
    (418, 12345, ProtocolError, "unexpected status"),
    (500, 20007, ConflictError, "e-mail address is taken"),
    (500, 99500, RemoteUnavailableError, ""),
    (503, 12345, RemoteUnavailableError, ""),
]


@pytest.mark.parametrize(("status", "code", "error_class", "word"), MEANINGS)
def test_failure_means_what_its_code_says_else_its_status(vendor, status, code, error_class, word):
    with pytest.raises(error_class) as caught:
        vendor(refused(status, code)).client.start_session(READER)
    assert type(caught.value) is error_class
    assert word in caught.value.code
    assert caught.value.status == status


def test_refusal_names_the_values_by_the_vendors_names(vendor):
    with pytest.raises(RejectedError) as caught:
        vendor(refused(400, 99400, "email", "items[0].quantity", "secret-field")).client.change_email(
            READER, "ada@example.com"
        )
    assert caught.value.fields == ("email", "quantity")
    assert "secret" not in str(caught.value) + repr(caught.value.args)


def test_refusal_without_names_has_none(vendor):
    with pytest.raises(RejectedError) as caught:
        vendor(refused(400, 99400)).client.change_email(READER, "ada@example.com")
    assert caught.value.fields == ()


@pytest.mark.parametrize("status", [200, 201, 400, 404])
def test_page_is_neither_a_success_nor_a_refusal(vendor, status):
    page = Reply(status, b"<html>Log in</html>", {"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(ProtocolError, match="a page"):
        vendor(page).client.start_session(READER)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"text"', b"{", b'{"errorCode": "20007"}', b"\xff"])
def test_garbage_of_a_refusal_leaves_the_status(vendor, body):
    with pytest.raises(RejectedError, match="invalid parameters"):
        vendor(Reply(400, body)).client.start_session(READER)


def test_redirect_is_not_followed(vendor):
    made = vendor(Reply(302, b"", {"Location": "https://elsewhere.example"}))
    with pytest.raises(ProtocolError, match="redirect"):
        made.client.start_session(READER)
    assert len(made.requests) == 1


# ---- what is sent again


def test_reading_is_tried_again_after_a_hiccup(vendor):
    made = vendor(Reply(504), Reply(502), ok(customerId="56202510"))
    made.client.check_customer(READER)
    assert len(made.requests) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.start_session(READER),
        lambda client: client.end_sessions("removal"),
        lambda client: client.redeem_transfer_token("token"),
        lambda client: client.confirm_connection("token", "123456"),
        lambda client: client.resend_code("token"),
        lambda client: client.withdraw_access(READER, "digital"),
    ],
)
def test_what_consumes_something_is_not_sent_again(vendor, call):
    made = vendor(Reply(504))
    with pytest.raises(RemoteUnavailableError):
        call(made.client)
    assert len(made.requests) == 1


# ---- credentials


def test_every_request_carries_the_first_token_and_asks_for_json(vendor):
    made = vendor(ok(customerId="56202510"))
    made.client.check_customer(READER)
    (request,) = made.requests
    assert request.headers["X-plenigo-token"] == TOKEN
    assert request.headers["Accept"] == "application/json"


@pytest.mark.parametrize("secrets", [[], "text", [""], [" a"], ["a\nb"]])
def test_token_that_is_none_is_refused(secrets):
    with pytest.raises(InvalidValueError, match="secrets"):
        PlenigoV3(transport=scripted(), secrets=secrets)


def test_client_tells_no_token():
    client = connect(base_url="https://a.example", secrets=[TOKEN], timeout_seconds=5, cache_alias="default")
    assert TOKEN not in repr(client)
